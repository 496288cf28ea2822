//! The loop: it owns the rooms and all connections, and takes turns.
//!
//! Rules of a turn:
//! 1. Each readable client is read once; each touched one is sent to once, with all that waits.
//! 2. A broken connection is a leave, whatever the system calls it.
//! 3. Nothing here waits but the selector.

mod keeping;

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sockeye_socket::{Events, Selector, Shutdown};

pub(crate) use self::keeping::Found;
use self::keeping::Keeping;
use crate::conn::{Conn, Lingering};
use crate::door::{Door, Guest};
use crate::handle::{Attached, Question};
use crate::pool::Pool;
use crate::proto::{Arrival, ClientId, Dialect, Log, News, Now, Said, Switchboard};
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
    handle: Handle,
    sink: Sink,
    conns: Vec<Option<Conn>>,
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
            handle: parts.handle,
            sink: parts.sink,
            pool: parts.pool,
            conns: Vec::new(),
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
        if !self.stopping && self.has_work() {
            return Some(Duration::ZERO);
        }
        let lingering = self.lingering.values().map(|lingering| lingering.until).min();
        let due = [self.board.poll_timeout(), self.door.poll_timeout(), lingering];
        let due = due.into_iter().flatten().min();
        let left = due.map(|at| at.saturating_duration_since(Instant::now()));
        if self.winding_up {
            return Some(left.map_or(STOP_LOOK, |left| left.min(STOP_LOOK)));
        }
        left
    }

    fn handle_ready(&mut self, token: Token, events: Events, now: Now) {
        match token {
            Token::Listener(place) => {
                let (guests, refused) =
                    self.door.accept(place, now.instant, &mut self.selector, &self.sink);
                self.report.refused += refused;
                for guest in guests {
                    let id = self.board.handle_accepted(&guest.arrival, now);
                    self.welcome(id, guest, &[], now);
                }
            }
            Token::Client(id) => self.handle_client(id, events, now),
            Token::Lingering(key) => {
                let open = self.lingering.get_mut(&key).is_some_and(|l| l.drain(&mut self.buffer));
                if !open {
                    self.end_lingering(key);
                }
            }
            Token::Shutdown => {}
        }
    }

    /// What is in the door's hands becomes a client.
    fn welcome(&mut self, id: ClientId, guest: Guest, leftover: &[u8], now: Now) {
        let Guest { socket, peer, permit, .. } = guest;
        self.report.connections += 1;
        if self.selector.register(&socket, Events::READ, Token::Client(id)).is_err() {
            self.board.handle_lost(id, now);
            return;
        }
        if self.conns.len() <= id.slot() {
            self.conns.resize_with(id.slot() + 1, || None);
        }
        self.conns[id.slot()] = Some(Conn { socket, events: Events::READ, peer, permit });
        if !leftover.is_empty() {
            self.board.handle_received(id, leftover, now);
        }
    }

    fn handle_client(&mut self, id: ClientId, events: Events, now: Now) {
        if !self.board.contains(id) {
            return;
        }
        let Some(conn) = self.conns.get(id.slot()).and_then(Option::as_ref) else { return };
        if events.is_readable() && self.board.want_read(id) {
            match conn.socket.recv_into(&mut self.buffer) {
                Ok(0) => self.board.handle_eof(id),
                Ok(count) => self.board.handle_received(id, &self.buffer[..count], now),
                Err(error) if error.would_block() => {}
                Err(_) => self.lose(id, now),
            }
        } else if events.is_closed() {
            self.lose(id, now);
        }
        if events.is_writable() {
            self.flush(id, now);
        } else {
            self.await_next(id, now);
        }
    }

    /// Whether a client's socket has no room: it is sent to when it says that it has.
    fn is_blocked(&self, id: ClientId) -> bool {
        let conn = self.conns.get(id.slot()).and_then(Option::as_ref);
        conn.is_some_and(|conn| conn.events.is_writable())
    }

    fn lose(&mut self, id: ClientId, now: Now) {
        self.board.handle_lost(id, now);
        drop(self.forget(id));
    }

    /// Takes a connection out of the loop's hands.
    fn forget(&mut self, id: ClientId) -> Option<Conn> {
        let conn = self.conns.get_mut(id.slot())?.take()?;
        // It was registered by `welcome`.
        let _ = self.selector.unregister(&conn.socket);
        Some(conn)
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

    fn take_over(&mut self, attached: Attached, now: Now) {
        let Attached { socket, greeting, leftover } = attached;
        let Ok(peer) = socket.getpeername() else { return };
        if self.stopping {
            return;
        }
        let dialect = if greeting.is_some() { Dialect::WebSocket } else { Dialect::Lines };
        let arrival = Arrival { ip: peer.canonical_ip(), ..Arrival::default() };
        let Some(guest) = self.door.admit((socket, peer), arrival, dialect, &self.sink) else {
            self.report.refused += 1;
            return;
        };
        let id = match greeting {
            Some(greeting) => self.board.handle_upgraded(greeting.into(), now),
            None => self.board.handle_accepted(&guest.arrival, now),
        };
        self.welcome(id, guest, &leftover, now);
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

    /// Sends a client what waits for it, as far as its socket takes it, and then waits for what is
    /// to come.
    fn flush(&mut self, id: ClientId, now: Now) {
        let mut sent = 0;
        while sent < SEND_TURN_BYTES {
            let Some(conn) = self.conns.get(id.slot()).and_then(Option::as_ref) else { return };
            let bytes = self.board.peek(id, &mut self.scratch);
            let offered = bytes.len();
            if offered == 0 {
                break;
            }
            match conn.socket.send(bytes) {
                Ok(count) => {
                    self.board.handle_transmitted(id, count);
                    sent += count;
                    if count < offered {
                        break;
                    }
                }
                Err(error) if error.would_block() => break,
                Err(_) => return self.lose(id, now),
            }
        }
        self.await_next(id, now);
    }

    fn await_next(&mut self, id: ClientId, now: Now) {
        let mut events = Events::NONE;
        if self.board.want_read(id) {
            events |= Events::READ;
        }
        if self.board.want_write(id) {
            events |= Events::WRITE;
        }
        let Some(conn) = self.conns.get_mut(id.slot()).and_then(Option::as_mut) else { return };
        if conn.events != events {
            conn.events = events;
            if self.selector.modify(&conn.socket, events).is_err() {
                self.lose(id, now);
            }
        }
    }

    /// Ends a connection so that what was sent arrives: the sending side first, then, within a
    /// second, what the peer still says is read and thrown away.
    fn see_off(&mut self, conn: Conn, now: Now) {
        let Some(lingering) = conn.finish(now.instant, &mut self.buffer) else { return };
        if self.stopping {
            return;
        }
        self.lingered += 1;
        let token = Token::Lingering(self.lingered);
        if self.selector.register(&lingering.socket, Events::READ, token).is_ok() {
            self.lingering.insert(self.lingered, lingering);
        }
    }

    fn end_lingering(&mut self, key: u64) {
        if let Some(lingering) = self.lingering.remove(&key) {
            // It was registered by `see_off`.
            let _ = self.selector.unregister(&lingering.socket);
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
        // The eventfd stays readable: it has told all that it can tell.
        let _ = self.selector.unregister(shutdown);
        for key in self.lingering.keys().copied().collect::<Vec<_>>() {
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
