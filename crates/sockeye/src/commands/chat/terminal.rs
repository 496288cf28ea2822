//! The client on a terminal: keys and lines come through one channel to the thread that draws.

use std::io::{self, Stdout};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use anyhow::Context as _;
use crossterm::event::{
    DisableBracketedPaste, EnableBracketedPaste, Event, KeyCode, KeyEvent, KeyEventKind,
    KeyModifiers,
};
use crossterm::{execute, terminal};
use sockeye_socket::{How, Socket};

use super::editor::Editor;
use super::join::Lines;
use super::screen::Screen;

/// So many keys and reads may wait to be drawn: a terminal that is held up holds the room up.
const WAITING_MAX: usize = 16;

/// What wakes the drawing thread.
enum Happened {
    Typed(Event),
    Came(Vec<u8>),
    Ended(Option<sockeye_socket::Error>),
}

/// What a key asks for beside editing.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    Send,
    Redraw,
    Quit,
}

/// Raw mode for as long as it lives.
struct Raw;

impl Raw {
    fn enter() -> io::Result<Raw> {
        terminal::enable_raw_mode()?;
        let raw = Raw;
        execute!(io::stdout(), EnableBracketedPaste)?;
        Ok(raw)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that is gone needs no mending.
        let _ = execute!(io::stdout(), DisableBracketedPaste);
        let _ = terminal::disable_raw_mode();
    }
}

/// Talks until the person or the room ends. Whether it was the room.
pub(super) fn talk(socket: &Arc<Socket>, place: &str, color: bool) -> anyhow::Result<bool> {
    let raw = Raw::enter().context("cannot take over the terminal; try --plain")?;
    let (columns, _) = terminal::size()?;
    let (sender, happened) = sync_channel(WAITING_MAX);
    listen_to_keys(sender.clone())?;
    listen_to_room(Arc::clone(socket), sender)?;
    let mut client = Client {
        socket,
        screen: Screen::new(io::stdout(), usize::from(columns), color),
        editor: Editor::default(),
        lines: Lines::default(),
    };
    client.tell(&format!("* connected to {place}; Ctrl-D leaves"))?;
    let ended = loop {
        // Both threads hold a sender for as long as they run.
        match happened.recv() {
            Ok(Happened::Came(bytes)) => {
                let lines = client.lines.take(&bytes);
                client.screen.show(&lines, &client.editor)?;
            }
            Ok(Happened::Typed(event)) => {
                if client.handle(&event)? {
                    break None;
                }
            }
            Ok(Happened::Ended(error)) => break Some(error),
            Err(_) => break Some(None),
        }
    };
    client.screen.leave()?;
    drop(raw);
    match ended {
        None => Ok(false),
        Some(None) => Ok(true),
        Some(Some(error)) => Err(error).context("the connection to the room is lost"),
    }
}

fn listen_to_keys(sender: SyncSender<Happened>) -> io::Result<()> {
    let thread = std::thread::Builder::new().name("keys".into());
    thread.spawn(move || {
        while let Ok(event) = crossterm::event::read() {
            if sender.send(Happened::Typed(event)).is_err() {
                break;
            }
        }
    })?;
    Ok(())
}

fn listen_to_room(socket: Arc<Socket>, sender: SyncSender<Happened>) -> io::Result<()> {
    let thread = std::thread::Builder::new().name("room".into());
    thread.spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let happened = match socket.recv_into(&mut buffer) {
                Ok(0) => Happened::Ended(None),
                Ok(count) => Happened::Came(buffer[..count].to_vec()),
                Err(error) => Happened::Ended(Some(error)),
            };
            let ended = matches!(happened, Happened::Ended(_));
            if sender.send(happened).is_err() || ended {
                break;
            }
        }
    })?;
    Ok(())
}

struct Client<'a> {
    socket: &'a Socket,
    screen: Screen<Stdout>,
    editor: Editor,
    lines: Lines,
}

impl Client<'_> {
    fn tell(&mut self, line: &str) -> io::Result<()> {
        self.screen.show(&[line.to_owned()], &self.editor)
    }

    /// Whether the person wants to go.
    fn handle(&mut self, event: &Event) -> anyhow::Result<bool> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                match edit(&mut self.editor, *key, &self.screen.names) {
                    Asked::Nothing => self.screen.input(&self.editor)?,
                    Asked::Redraw => {
                        let clear = terminal::Clear(terminal::ClearType::All);
                        execute!(io::stdout(), clear, crossterm::cursor::MoveTo(0, 0))?;
                        self.screen.input(&self.editor)?;
                    }
                    Asked::Send => self.send()?,
                    Asked::Quit => {
                        // The room may be gone already.
                        let _ = self.socket.shutdown(How::Both);
                        return Ok(true);
                    }
                }
            }
            Event::Paste(text) => {
                for c in text.replace("\r\n", "\n").chars() {
                    match c {
                        '\n' | '\r' => self.send()?,
                        '\t' => self.editor.insert(' '),
                        c => self.editor.insert(c),
                    }
                }
                self.screen.input(&self.editor)?;
            }
            Event::Resize(columns, _) => {
                self.screen.resize(usize::from(*columns), &self.editor)?;
            }
            _ => {}
        }
        Ok(false)
    }

    fn send(&mut self) -> anyhow::Result<()> {
        let line = self.editor.take();
        if line.trim().is_empty() {
            return Ok(self.screen.input(&self.editor)?);
        }
        let echo = echo(&line, self.screen.nick.as_deref().unwrap_or("me"));
        let sent = self.socket.sendall(format!("{line}\n").as_bytes());
        sent.context("the connection to the room is lost")?;
        let shown: Vec<String> = echo.into_iter().collect();
        Ok(self.screen.show(&shown, &self.editor)?)
    }
}

/// How one's own line is shown, since the room does not send it back.
fn echo(line: &str, nick: &str) -> Option<String> {
    if let Some(text) = line.strip_prefix("/me ") {
        return Some(format!("* {nick} {text}"));
    }
    match line.strip_prefix('/') {
        Some(rest) if rest.starts_with('/') => Some(format!("<{nick}> {rest}")),
        Some(_) => None,
        None => Some(format!("<{nick}> {line}")),
    }
}

fn edit(editor: &mut Editor, key: KeyEvent, names: &std::collections::BTreeSet<String>) -> Asked {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Enter => return Asked::Send,
        KeyCode::Char('c') if control => return Asked::Quit,
        KeyCode::Char('d') if control && editor.is_empty() => return Asked::Quit,
        KeyCode::Char('d') if control => editor.delete(),
        KeyCode::Char('l') if control => return Asked::Redraw,
        KeyCode::Char('a') if control => editor.home(),
        KeyCode::Char('e') if control => editor.end(),
        KeyCode::Char('b') if control => editor.left(),
        KeyCode::Char('f') if control => editor.right(),
        KeyCode::Char('u') if control => editor.delete_to_start(),
        KeyCode::Char('k') if control => editor.delete_to_end(),
        KeyCode::Char('w') if control => editor.delete_word(),
        KeyCode::Char('p') if control => editor.older(),
        KeyCode::Char('n') if control => editor.newer(),
        KeyCode::Char(_) if control => {}
        KeyCode::Char(c) => editor.insert(c),
        KeyCode::Backspace => editor.backspace(),
        KeyCode::Delete => editor.delete(),
        KeyCode::Left => editor.left(),
        KeyCode::Right => editor.right(),
        KeyCode::Home => editor.home(),
        KeyCode::End => editor.end(),
        KeyCode::Up => editor.older(),
        KeyCode::Down => editor.newer(),
        KeyCode::Tab => editor.complete(names.iter().map(String::as_str)),
        _ => {}
    }
    Asked::Nothing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ones_own_line_is_shown_as_others_see_it() {
        assert_eq!(echo("hi", "a").as_deref(), Some("<a> hi"));
        assert_eq!(echo("/me waves", "a").as_deref(), Some("* a waves"));
        assert_eq!(echo("//etc", "a").as_deref(), Some("<a> /etc"));
        assert_eq!(echo("/who", "a"), None);
    }

    #[test]
    fn keys_edit_send_and_quit() {
        let names = std::collections::BTreeSet::from(["anna".to_owned()]);
        let mut editor = Editor::default();
        let mut press = |code, modifiers| edit(&mut editor, KeyEvent::new(code, modifiers), &names);
        assert_eq!(press(KeyCode::Char('a'), KeyModifiers::NONE), Asked::Nothing);
        assert_eq!(press(KeyCode::Tab, KeyModifiers::NONE), Asked::Nothing);
        assert_eq!(press(KeyCode::Char('d'), KeyModifiers::CONTROL), Asked::Nothing);
        assert_eq!(press(KeyCode::Enter, KeyModifiers::NONE), Asked::Send);
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Asked::Quit);
        assert_eq!(editor.take(), "anna: ");
        let key = KeyEvent::new(KeyCode::Char('d'), KeyModifiers::CONTROL);
        assert_eq!(edit(&mut editor, key, &names), Asked::Quit);
    }
}
