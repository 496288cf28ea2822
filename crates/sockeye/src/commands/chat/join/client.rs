//! The client on a terminal: carries between the keys, the connection and the screen what
//! [`State`] decides.

use std::io::{self, Stdout};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use crossterm::event::{
    DisableBracketedPaste, EnableBracketedPaste, Event, KeyCode, KeyEvent, KeyEventKind,
    KeyModifiers,
};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute, terminal};
use ratatui_core::layout::Position;
use ratatui_core::terminal::Terminal;
use ratatui_crossterm::CrosstermBackend;
use sockeye_socket::Shutdown;

use super::draw::{Palette, draw};
use super::event::{self, Happened, WAITING_MAX};
use super::net::{Dial, Line, Net};
use super::proto::{Action, Key, Now, Settings, State};

/// So much is taken in before it is drawn.
const BATCH_MAX: usize = 64;
/// What is shown of time changes so often.
const TICK: Duration = Duration::from_secs(1);

/// The terminal as the client has it, for as long as it lives.
struct Taken;

impl Taken {
    fn take() -> io::Result<Taken> {
        terminal::enable_raw_mode()?;
        let taken = Taken;
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
        Ok(taken)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // A terminal that is gone needs no mending.
        let _ = execute!(io::stdout(), DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
        let _ = terminal::disable_raw_mode();
    }
}

/// The time.
pub(super) fn now() -> Now {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { at: Instant::now(), unix_ms: i64::try_from(since.as_millis()).unwrap_or(i64::MAX) }
}

/// A client and what it has of the world.
pub(super) struct Client {
    pub(super) state: State,
    dial: Dial,
    net: Option<Net>,
    /// The connection that is made or there.
    number: u64,
    sender: SyncSender<Happened>,
    happened: Receiver<Happened>,
}

impl Client {
    /// One whose first connection is there.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn new(settings: Settings, dial: Dial, line: Line) -> anyhow::Result<Client> {
        let (sender, happened) = sync_channel(WAITING_MAX);
        let state = State::new(settings, now());
        let mut client = Client { state, dial, net: None, number: 1, sender, happened };
        client.connected(line)?;
        Ok(client)
    }

    /// What tells this client of things.
    pub(super) fn sender(&self) -> SyncSender<Happened> {
        self.sender.clone()
    }

    /// Waits for the next thing, not longer than `most`.
    ///
    /// # Errors
    /// As [`Receiver::recv_timeout`].
    pub(super) fn next(&self, most: Option<Duration>) -> Result<Happened, RecvTimeoutError> {
        let due = self.state.poll_timeout();
        let left = due.map(|due| due.saturating_duration_since(Instant::now()));
        match left.into_iter().chain(most).min() {
            Some(left) => self.happened.recv_timeout(left),
            None => self.happened.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// What has happened meanwhile.
    fn more(&self) -> impl Iterator<Item = Happened> {
        self.happened.try_iter().take(BATCH_MAX)
    }

    /// Takes what connections tell; gives back everything else.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn take(&mut self, happened: Happened) -> anyhow::Result<Option<Happened>> {
        match happened {
            Happened::Came(number, bytes) if number == self.number => {
                self.state.handle_received(&bytes, now());
            }
            Happened::Ended(number, why) if number == self.number => {
                self.net = None;
                self.state.handle_closed(&why, now());
            }
            Happened::Dialled(number, Ok(line)) if number == self.number => {
                self.connected(*line)?
            }
            Happened::Dialled(number, Err(error)) if number == self.number => {
                let why = crate::output::with_causes(error.as_ref());
                self.state.handle_closed(&why, now());
            }
            Happened::Came(..) | Happened::Ended(..) | Happened::Dialled(..) => {}
            other => return Ok(Some(other)),
        }
        Ok(None)
    }

    fn connected(&mut self, line: Line) -> anyhow::Result<()> {
        self.net = Some(Net::start(line, self.number, self.sender())?);
        self.state.handle_connected(now());
        Ok(())
    }

    /// Does what the state asks for, and sends. Whether it goes on; whether all is drawn anew.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn obey(&mut self) -> anyhow::Result<(bool, bool)> {
        let mut anew = false;
        loop {
            if let Some(net) = &self.net {
                let sent = net.take(self.state.poll_transmit());
                self.state.handle_transmitted(sent);
            }
            match self.state.poll_action() {
                None => return Ok((true, anew)),
                Some(Action::Quit) => return Ok((false, anew)),
                Some(Action::Redraw) => anew = true,
                Some(Action::Close) => {
                    if let Some(net) = self.net.take() {
                        net.close();
                    }
                }
                Some(Action::Connect) => {
                    self.net = None;
                    self.number += 1;
                    event::dial(&self.dial, self.number, self.sender())?;
                }
            }
        }
    }

    /// Waits until a connection that was said goodbye to is over, not longer than `most`.
    fn finish(&self, most: Duration) {
        let until = Instant::now() + most;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            match self.happened.recv_timeout(left) {
                Ok(Happened::Ended(number, _)) if number == self.number => return,
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }
}

/// Talks until the person leaves or a signal comes.
///
/// # Errors
/// There is no terminal to take over, or it is lost.
pub(super) fn talk(mut client: Client, palette: Palette, stop: &Shutdown) -> anyhow::Result<()> {
    let taken = Taken::take().context("cannot take over the terminal; try --plain")?;
    let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
    event::listen_to_keys(client.sender())?;
    event::listen_to_signals(stop, client.sender())?;
    let size = terminal.size()?;
    client.state.handle_resize(size.width, size.height);
    loop {
        let (goes_on, anew) = client.obey()?;
        if !goes_on {
            break;
        }
        if anew {
            terminal.clear()?;
        }
        show(&mut terminal, &client.state, palette)?;
        let most =
            (!client.state.poll_transmit().is_empty() || client.state.shows_time()).then_some(TICK);
        let first = match client.next(most) {
            Ok(happened) => Some(happened),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let more: Vec<Happened> = client.more().collect();
        for happened in first.into_iter().chain(more) {
            if let Some(other) = client.take(happened)? {
                handle(&mut client.state, &other);
            }
        }
        client.state.handle_timeout(now());
    }
    drop(taken);
    client.finish(TICK);
    Ok(())
}

fn handle(state: &mut State, happened: &Happened) {
    match happened {
        Happened::Typed(Event::Key(key)) if key.kind != KeyEventKind::Release => {
            if let Some(key) = key_of(*key) {
                state.handle_key(key, now());
            }
        }
        Happened::Typed(Event::Paste(text)) => state.handle_paste(text, now()),
        Happened::Typed(Event::Resize(columns, rows)) => state.handle_resize(*columns, *rows),
        Happened::Stopped => state.handle_key(Key::Control('c'), now()),
        _ => {}
    }
}

fn show(
    terminal: &mut Terminal<CrosstermBackend<Stdout>>,
    state: &State,
    palette: Palette,
) -> io::Result<()> {
    let screen = state.screen();
    terminal.draw(|frame| {
        draw(&screen, frame.buffer_mut(), palette);
        let (x, y) = screen.cursor;
        frame.set_cursor_position(Position::new(x, y));
    })?;
    Ok(())
}

fn key_of(key: KeyEvent) -> Option<Key> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    Some(match key.code {
        // AltGr comes as both.
        KeyCode::Char(c) if control && !alt => Key::Control(c.to_ascii_lowercase()),
        KeyCode::Char(c) if alt && !control => Key::Alt(c),
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter if alt => Key::Alt('\r'),
        KeyCode::Enter => Key::Enter,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Esc => Key::Escape,
        KeyCode::Backspace if control || alt => Key::Control('w'),
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Left if alt => Key::AltLeft,
        KeyCode::Right if alt => Key::AltRight,
        KeyCode::Left if control => Key::ControlLeft,
        KeyCode::Right if control => Key::ControlRight,
        KeyCode::Home if control => Key::ControlHome,
        KeyCode::End if control => Key::ControlEnd,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::F(number) => Key::Function(number),
        _ => return None,
    })
}
