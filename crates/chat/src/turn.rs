//! The loop: it owns the rooms and all connections, and takes turns.
//!
//! Rules of a turn:
//! 1. Each readable client is read once; each touched one is sent to once, with all that waits.
//! 2. A broken connection is a leave, whatever the system calls it.
//! 3. Nothing here waits but the selector.

mod clients;
mod entering;
mod keeping;

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sockeye_socket::{Events, Selector, Shutdown};

pub(crate) use self::clients::Newcomer;
pub(crate) use self::keeping::Found;
use self::keeping::Keeping;
use crate::conn::{Conn, Lingering};
use crate::door::Door;
use crate::hall::Hall;
use crate::handle::Question;
use crate::metrics::Tally;
use crate::pool::Pool;
use crate::proto::{ClientId, Log, News, Now, Said, Switchboard};
use crate::{Error, Event, Handle, Report, Result, Sink};

/// One read takes so many bytes at most; one send is offered as many.
const READ_BYTES: usize = 16 << 10;
const SEND_BYTES: usize = 64 << 10;
/// One client is sent so much in one turn at most.
const SEND_TURN_BYTES: usize = 1 << 20;
/// While stopping, the deadline is looked at so often: it may be brought nearer.
const STOP_LOOK: Duration = Duration::from_millis(100);

/// What a descriptor is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Token {
    Listener(usize),
    Shutdown,
    Entering(u64),
    Client(ClientId),
    Lingering(u64),
}

/// See the module's documentation.
pub(crate) struct Loop {
    pool: Pool,
    selector: Selector<Token>,
    board: Switchboard,
    log: Box<dyn Log>,
    keeping: Keeping,
    door: Door,
    hall: Hall,
    handle: Handle,
    sink: Sink,
    tally: Tally,
    goodbye: Duration,
    started: Instant,
    conns: Vec<Option<Conn>>,
    /// Clients with bytes that are decrypted and not read, for the next turn.
    unread: Vec<ClientId>,
    /// How many handshakes were gone on with in this turn.
    handshakes: usize,
    lingering: BTreeMap<u64, Lingering>,
    lingered: u64,
    scratch: Vec<u8>,
    buffer: Box<[u8]>,
    report: Report,
    winding_up: bool,
    stopping: bool,
}

/// What a loop is made of.
pub(crate) struct Parts {
    pub(crate) selector: Selector<Token>,
    pub(crate) board: Switchboard,
    pub(crate) log: Box<dyn Log>,
    pub(crate) door: Door,
    pub(crate) hall: Hall,
    pub(crate) tally: Tally,
    pub(crate) goodbye: Duration,
    pub(crate) handle: Handle,
    pub(crate) sink: Sink,
    pub(crate) pool: Pool,
}

impl Loop {
    pub(crate) fn new(parts: Parts) -> Loop {
        Loop {
            selector: parts.selector,
            board: parts.board,
            log: parts.log,
            keeping: Keeping::default(),
            door: parts.door,
            hall: parts.hall,
            handle: parts.handle,
            sink: parts.sink,
            pool: parts.pool,
            tally: parts.tally,
            goodbye: parts.goodbye,
            started: Instant::now(),
            conns: Vec::new(),
            unread: Vec::new(),
            handshakes: 0,
            lingering: BTreeMap::new(),
            lingered: 0,
            scratch: Vec::with_capacity(SEND_BYTES),
            buffer: vec![0; READ_BYTES].into(),
            report: Report::default(),
            winding_up: false,
            stopping: false,
        }
    }

    /// Takes turns until everyone is gone after `shutdown` was started.
    pub(crate) fn run(mut self, shutdown: &Shutdown) -> Result<Report> {
        let wait = Error::system("wait for its sockets");
        self.door.open(&mut self.selector).map_err(Error::system("wait for clients"))?;
        let stop = self.selector.register(shutdown, Events::READ, Token::Shutdown);
        stop.map_err(wait)?;
        let mut ready = Vec::new();
        loop {
            let timeout = self.timeout();
            let selected = self.selector.select_into(timeout, &mut ready);
            selected.map_err(Error::system("wait for its sockets"))?;
            let now = clock();
            self.board.begin_turn();
            self.board.handle_timeout(now);
            self.door.handle_timeout(now.instant, &mut self.selector);
            self.handle_hall_timeout(now);
            self.read_unread(now);
            for (token, events) in &ready {
                self.handle_ready(*token, *events, now);
            }
            if shutdown.is_started() && !self.stopping {
                self.wind_up(shutdown, now);
            }
            self.turn(now);
            if self.stopping && (self.is_done() || shutdown.is_expired()) {
                self.report.cut_off += self.board.len();
                return Ok(self.report);
            }
        }
    }

    /// How long the selector may wait; `None`: until something happens.
    fn timeout(&self) -> Option<Duration> {
        if !self.unread.is_empty() || (!self.stopping && self.has_work()) {
            return Some(Duration::ZERO);
        }
        let lingering = self.lingering.values().map(|lingering| lingering.until).min();
        let entering = self.door.poll_timeout().into_iter().chain(self.hall.poll_timeout()).min();
        let due = [self.board.poll_timeout(), entering, lingering];
        let due = due.into_iter().flatten().min();
        let left = due.map(|at| at.saturating_duration_since(Instant::now()));
        if self.winding_up {
            return Some(left.map_or(STOP_LOOK, |left| left.min(STOP_LOOK)));
        }
        left
    }

    fn handle_ready(&mut self, token: Token, events: Events, now: Now) {
        match token {
            Token::Listener(place) => self.handle_listener(place, now),
            Token::Entering(key) => self.handle_entering(key, events, now),
            Token::Client(id) => self.handle_client(id, events, now),
            Token::Lingering(key) => self.handle_lingering(key, now),
            Token::Shutdown => {}
        }
    }

    /// The part of a turn that comes after the news: decide, send, close.
    fn turn(&mut self, now: Now) {
        self.read_inbox(now);
        self.pass_answers(now);
        if !self.winding_up {
            self.decide(now);
        }
        while let Some(id) = self.board.poll_touched() {
            if self.is_blocked(id) {
                self.await_next(id, now);
            } else {
                self.flush(id, now);
            }
        }
        while let Some((id, cut_off)) = self.board.poll_finished() {
            self.report.cut_off += usize::from(cut_off && self.stopping);
            if let Some(conn) = self.forget(id) {
                self.see_off(conn, now);
            }
        }
        let over = |lingering: &Lingering| lingering.until <= now.instant;
        let over: Vec<u64> =
            self.lingering.iter().filter(|(_, l)| over(l)).map(|(key, _)| *key).collect();
        for key in over {
            self.end_lingering(key);
        }
        self.tell_news();
    }

    fn read_inbox(&mut self, now: Now) {
        let inbox = self.handle.take();
        for line in inbox.announcements {
            self.board.announce(&line, now);
        }
        for attached in inbox.attached {
            self.take_over(attached, now);
        }
        for question in inbox.questions {
            self.answer(question, now);
        }
    }

    /// Whoever has asked may have gone.
    fn answer(&mut self, question: Question, now: Now) {
        match question {
            Question::Present(answer) => {
                let _ = answer.try_send(self.board.present());
            }
            Question::Recent(lines, answer) => {
                let room = self.board.first_room().clone();
                let after = self.log.before_last(&room, lines);
                let entries = self.log.tail(&room, after);
                let said = entries.iter().filter_map(|entry| Said::of(entry)).collect();
                let _ = answer.try_send(said);
            }
            Question::Post { nick, text, answer } => self.post(&nick, &text, answer, now),
            Question::Log(question, answer) => self.ask_log(question, answer),
        }
    }

    /// What has come in good time is still said, as soon as the log has kept it.
    fn wind_up(&mut self, shutdown: &Shutdown, now: Now) {
        if self.winding_up {
            self.commit(now);
        } else {
            self.winding_up = true;
            self.decide(now);
        }
        if !self.log.has_pending() || shutdown.is_expired() {
            self.stop(shutdown, now);
        }
    }

    fn has_work(&self) -> bool {
        let takes = self.board.has_work() && !self.winding_up && !self.log.is_full();
        takes || (self.keeping.unapplied && !self.board.is_held())
    }

    fn stop(&mut self, shutdown: &Shutdown, now: Now) {
        self.stopping = true;
        self.door.close(&mut self.selector);
        self.close_hall();
        // The eventfd stays readable: it has told all that it can tell.
        let _ = self.selector.unregister(shutdown);
        let sent = self.lingering.iter().filter(|(_, lingering)| !lingering.has_unsent());
        for key in sent.map(|(key, _)| *key).collect::<Vec<_>>() {
            self.end_lingering(key);
        }
        self.board.stop(shutdown.deadline().unwrap_or(now.instant));
    }

    fn is_done(&self) -> bool {
        self.board.is_empty() && self.lingering.is_empty()
    }

    fn tell_news(&mut self) {
        while let Some(news) = self.board.poll_news() {
            let event = match news {
                News::Joined(id, nick) => {
                    let conn = self.conns.get(id.slot()).and_then(Option::as_ref);
                    let peer = conn.filter(|_| self.board.contains(id)).map(|c| c.peer.clone());
                    Event::Joined { nick: nick.to_string(), peer }
                }
                News::Left(nick, why) => Event::Left { nick: nick.to_string(), why },
                News::Renamed(from, to) => {
                    Event::Renamed { from: from.to_string(), to: to.to_string() }
                }
            };
            (self.sink)(&event);
        }
    }
}

fn clock() -> Now {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Now { instant: Instant::now(), unix_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX) }
}
