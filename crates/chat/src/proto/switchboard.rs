//! The whole server but its sockets, its clock and its log: what a driver holds and turns.
//!
//! A driver's turn:
//! 1. `begin_turn`; tell what happened: `handle_accepted`, `handle_received`, `handle_eof`,
//!    `handle_lost`, `handle_timeout`.
//! 2. `poll_append` until `None`, each append into the log; each entry that the log has committed
//!    into `handle_committed`, and after each of them `poll_replay` until `None`, answered by
//!    `handle_history` before the next entry. Then `poll_lookup` until `None`, each answered by
//!    `handle_found`; and `poll_task` until `None`, each answered by `handle_worked` in its time.
//! 3. `poll_touched` until `None`: for each client `peek`, send, `handle_transmitted`; then
//!    `want_read` and `want_write`. `poll_finished` until `None`: close these.
//! 4. Wait until `poll_timeout`, but not at all while `has_work`.
//!
//! A client whose event is not yet committed waits: its next line is judged on the state that its
//! last one has made, whether the log commits at once or later.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::earlier::line_of;
use super::frame::{Carrier, Frames, Kind, Line, Reply, Stamp};
use super::irc::{self, Caps, Conn, Lookup, Watch, Work};
use super::post::{Mailbox, Post};
use super::{
    Append, Arrival, ClientId, Decision, Entry, Event, Hub, Limits, MsgId, Nick, Now, Outbox,
    Output, Pos, Present, Request, RoomName, Roster, Session, SessionConfig, Stream, Text, Why,
    Words, plain,
};

/// What a switchboard is made of.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The rooms; plain clients land in the first.
    pub rooms: Vec<RoomName>,
    /// What the sessions keep to.
    pub session: SessionConfig,
    /// What the queues keep to.
    pub limits: Limits,
    /// Who comes in is shown so many lines of what was said before.
    pub history_lines: usize,
    /// A page is shown so many.
    pub web_history_lines: usize,
    /// So long a client that is being closed may take to read the rest.
    pub goodbye: Duration,
    /// Tells this node from others that write to the same log.
    pub node: u64,
    /// What IRC clients are told and held to.
    pub irc: irc::Settings,
}

/// Something to report about the people in the rooms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Came in.
    Joined(ClientId, Nick),
    /// Went.
    Left(Nick, Why),
    /// Has another name.
    Renamed(Nick, Nick),
}

/// A client waits for what was said before it came.
#[derive(Debug)]
pub struct Replay {
    /// The room.
    pub room: RoomName,
    /// How many lines at most.
    pub lines: usize,
    to: ClientId,
    before: Pos,
    line: Line,
}

#[derive(Debug)]
struct Client {
    session: Session,
    mail: Mailbox,
    closing: bool,
    arrived: bool,
    queued: bool,
    in_flight: u32,
    deadline: Option<Instant>,
    host: Arc<str>,
    secure: bool,
    /// What it speaks IRC with.
    irc: Option<Box<Conn>>,
}

impl Client {
    /// Whether it is being closed, has been sent everything, and nothing that it did is on its way.
    fn is_over(&self) -> bool {
        self.closing && self.in_flight == 0 && self.mail.outbox.is_empty()
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Switchboard {
    settings: Settings,
    hub: Hub,
    post: Post,
    clients: Roster<Client>,
    ready: VecDeque<ClientId>,
    appends: VecDeque<Append>,
    replays: VecDeque<Replay>,
    finished: VecDeque<ClientId>,
    deadlines: BTreeSet<(Instant, ClientId)>,
    news: VecDeque<News>,
    watch: Watch,
    lookups: VecDeque<Lookup>,
    tasks: VecDeque<Work>,
    /// How many are connected and not in the hub.
    unknown: usize,
    batches: u64,
    /// The further clients of a person.
    sessions: BTreeMap<ClientId, Vec<ClientId>>,
    /// Which further client's doing an event is, by its number.
    authors: BTreeMap<u64, ClientId>,
    /// All events of this node up to this one have happened.
    settled: u64,
    /// Answers that wait for an event.
    held: VecDeque<(u64, ClientId, String)>,
}

impl Switchboard {
    /// Opens the rooms; nobody is there.
    pub fn new(settings: Settings) -> Switchboard {
        let hub = Hub::new(&settings.rooms, settings.node);
        let server = Arc::clone(&settings.irc.server);
        let words = Words { charset: settings.session.charset, server };
        let post = Post::new(settings.limits, words);
        Switchboard {
            settings,
            hub,
            post,
            clients: Roster::default(),
            ready: VecDeque::new(),
            appends: VecDeque::new(),
            replays: VecDeque::new(),
            finished: VecDeque::new(),
            deadlines: BTreeSet::new(),
            news: VecDeque::new(),
            watch: Watch::default(),
            lookups: VecDeque::new(),
            tasks: VecDeque::new(),
            unknown: 0,
            batches: 0,
            sessions: BTreeMap::new(),
            authors: BTreeMap::new(),
            settled: 0,
            held: VecDeque::new(),
        }
    }

    /// A turn begins: as much may be queued in it as the limits allow.
    pub fn begin_turn(&mut self) {
        self.post.begin_turn();
    }

    /// Somebody has connected.
    pub fn handle_accepted(&mut self, arrival: &Arrival, now: Now) -> ClientId {
        let session = Session::of(&self.settings.session, arrival, now.instant);
        let kind = if self.settings.session.classic { Kind::Classic } else { Kind::Plain };
        let id = self.insert(session, kind);
        self.set_arrival(id, arrival);
        id
    }

    /// Somebody comes by a WebSocket that carries IRC; otherwise as `handle_upgraded`.
    pub fn handle_upgraded_irc(
        &mut self,
        greeting: Arc<[u8]>,
        carrier: Carrier,
        now: Now,
    ) -> ClientId {
        let session = Session::of_websocket(&self.settings.session, true, now.instant);
        let id = self.insert(session, Kind::Irc(Caps::NONE, carrier));
        if let Some(client) = self.clients.get_mut(id) {
            self.post.greet(id, &mut client.mail, greeting);
        }
        id
    }

    /// Somebody comes by a WebSocket; `greeting` is what it is sent before everything else: the
    /// answer to its upgrade. Not for a classic room.
    pub fn handle_upgraded(&mut self, greeting: Arc<[u8]>, now: Now) -> ClientId {
        let session = Session::of_websocket(&self.settings.session, false, now.instant);
        let id = self.insert(session, Kind::Web);
        if let Some(client) = self.clients.get_mut(id) {
            self.post.greet(id, &mut client.mail, greeting);
        }
        id
    }

    /// Says how a client has come in, before it is served.
    pub fn set_arrival(&mut self, id: ClientId, arrival: &Arrival) {
        let Some(client) = self.clients.get_mut(id) else { return };
        if let Some(ip) = arrival.ip {
            client.host = host(ip);
        }
        client.secure = arrival.secure;
    }

    fn insert(&mut self, session: Session, kind: Kind) -> ClientId {
        self.unknown += 1;
        let id = self.clients.insert(Client {
            session,
            mail: Mailbox::new(kind),
            closing: false,
            arrived: false,
            queued: false,
            in_flight: 0,
            deadline: None,
            host: "localhost".into(),
            secure: false,
            irc: None,
        });
        self.enqueue(id);
        id
    }

    /// Bytes came from a client.
    pub fn handle_received(&mut self, id: ClientId, bytes: &[u8], now: Now) {
        let Some(client) = self.clients.get_mut(id) else { return };
        client.session.handle_received(&self.settings.session, bytes, now.instant);
        self.enqueue(id);
    }

    /// A client has ended its side in good order.
    pub fn handle_eof(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id) else { return };
        client.session.handle_eof();
        self.enqueue(id);
    }

    /// The connection is broken: the client has left, nothing can be sent to it.
    pub fn handle_lost(&mut self, id: ClientId, now: Now) {
        self.leave(id, Why::Gone, None, now);
        self.remove(id);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some((at, id)) = self.deadlines.first().copied() {
            if at > now.instant {
                break;
            }
            self.deadlines.pop_first();
            let Some(client) = self.clients.get_mut(id) else { continue };
            client.deadline = None;
            if client.closing {
                self.finished.push_back(id);
            } else {
                self.enqueue(id);
            }
        }
        self.shed(now);
    }

    /// When `handle_timeout` is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let first = self.deadlines.first().map(|(at, _)| *at);
        let pressed = self.post.pressed_until();
        first.into_iter().chain(pressed).min()
    }

    /// Whether lines wait that the next turn can take at once.
    pub fn has_work(&self) -> bool {
        let waits = !self.ready.is_empty() || !self.appends.is_empty();
        waits && self.post.pressed_until().is_none()
    }

    /// Gives the next event for the log, until `None`.
    pub fn poll_append(&mut self, now: Now) -> Option<Append> {
        loop {
            if self.post.turn_is_over() || self.post.is_pressed(now.instant) {
                return None;
            }
            if let Some(append) = self.appends.pop_front() {
                return Some(append);
            }
            let id = self.ready.pop_front()?;
            self.serve(id, now);
        }
    }

    /// Takes one request of one client, and puts it at the end of the line.
    fn serve(&mut self, id: ClientId, now: Now) {
        let Some(client) = self.clients.get_mut(id) else { return };
        client.queued = false;
        if client.closing || client.in_flight > 0 || self.post.is_backed_up(&client.mail) {
            return;
        }
        let request = client.session.poll_request(&self.settings.session, now.instant);
        if matches!(client.mail.kind, Kind::Plain | Kind::PlainCharset) {
            client.mail.kind = Kind::of(client.session.voice());
        }
        self.post.touch(id, &mut client.mail);
        match request {
            Some(request) => {
                self.enqueue(id);
                self.handle_request(id, request, now);
            }
            None => {
                let deadline = client.session.poll_timeout();
                self.set_deadline(id, deadline);
            }
        }
    }

    fn handle_request(&mut self, id: ClientId, request: Request, now: Now) {
        match request {
            Request::Start => {
                let arrival = self.hub.decide_arrival(id);
                self.happen(id, vec![arrival], now);
                self.set_arrived(id, true);
            }
            Request::StartIrc => {
                // Who was silent at first was let in as a plain client.
                self.leave(id, Why::Quit, None, now);
                self.start_irc(id);
            }
            Request::Irc(input) => self.handle_irc(id, &input, now),
            Request::Command(command) => match self.hub.decide(id, command) {
                Decision::Events(events) => self.happen(id, events, now),
                Decision::Reply(reply) => self.reply(id, reply),
                Decision::Quit => {
                    self.reply(id, Reply::Bye);
                    self.close(id, Why::Quit, None, now);
                }
                Decision::Nothing => {}
            },
            Request::TooLong => {
                self.reply(id, Reply::TooLong(self.settings.session.line_bytes_max));
            }
            Request::Throttled => {
                if let Some(rate) = self.settings.session.flood {
                    self.reply(id, Reply::Throttled(rate));
                }
            }
            Request::Refuse(opening) => {
                self.reply(id, Reply::Refused(opening));
                self.close(id, Why::Refused, None, now);
            }
            Request::End => self.close(id, Why::Gone, None, now),
            Request::Pong(payload) => self.reply(id, Reply::Pong(payload)),
            Request::Close(code, why) => {
                self.reply(id, Reply::Close(code, why));
                self.close(id, Why::Gone, None, now);
            }
        }
    }

    /// Sends events of a client on their way; it waits until they are committed.
    fn happen(&mut self, id: ClientId, events: Vec<(Stream, Event)>, now: Now) {
        for (stream, event) in events {
            if let Some(client) = self.clients.get_mut(id) {
                client.in_flight += 1;
            }
            let further = event.client().is_some_and(|author| author != id);
            let append = self.hub.append(stream, event, now);
            if further {
                self.authors.insert(append.id.number, id);
            }
            self.appends.push_back(append);
        }
    }

    /// The log has given an event its place.
    pub fn handle_committed(&mut self, entry: &Entry, now: Now) {
        let mut outputs = Vec::new();
        self.hub.apply(entry, &mut outputs);
        let author = self.author_of(&entry.append);
        if let Some(client) = author.and_then(|id| self.clients.get_mut(id)) {
            client.in_flight = client.in_flight.saturating_sub(1);
            if client.is_over() {
                self.finished.extend(author);
            }
        }
        let stamp = Stamp::new(entry.pos, entry.append.unix_ms);
        let deed = Deed { stamp, author, person: entry.append.event.client() };
        for output in outputs {
            self.deliver(output, deed, now);
        }
        if let Some(id) = author {
            self.enqueue(id);
            self.finish_answer(id);
        }
        self.settle_to(&entry.append);
        self.close_overflowed(now);
    }

    /// Which client's doing an event is.
    fn author_of(&mut self, append: &Append) -> Option<ClientId> {
        let person = append.event.client()?;
        Some(self.authors.remove(&append.id.number).unwrap_or(person))
    }

    fn note(&mut self, line: &Line) {
        match line {
            Line::Left { who, why, .. } | Line::Gone { who, why, .. } => {
                self.news.push_back(News::Left(who.nick.clone(), *why));
            }
            Line::Renamed { who, to } => {
                self.news.push_back(News::Renamed(who.nick.clone(), to.clone()));
            }
            _ => {}
        }
    }

    /// Gives the next client that waits for what was said before, until `None`.
    pub fn poll_replay(&mut self) -> Option<Replay> {
        self.replays.pop_front()
    }

    /// Shows a client what was said before it came (entries after its coming are left out).
    pub fn handle_history(&mut self, replay: Replay, entries: &[Arc<Entry>]) {
        let said = entries.iter().filter(|entry| entry.pos < replay.before);
        let lines: Vec<(Line, Stamp)> = said.filter_map(|entry| line_of(entry)).collect();
        let kind = self.clients.get(replay.to).map(|client| client.mail.kind);
        let first = match kind {
            Some(Kind::Web) => self.hub.here(replay.to, lines.len()),
            _ if lines.is_empty() => None,
            _ => Some(Reply::Earlier(replay.room.clone())),
        };
        if let Some(reply) = first {
            self.reply(replay.to, reply);
        }
        for (line, stamp) in lines {
            self.send_stamped(replay.to, line, Some(stamp));
        }
        self.send(replay.to, replay.line);
    }

    fn reply(&mut self, to: ClientId, reply: Reply) {
        self.send(to, Line::Reply(reply));
    }

    fn send(&mut self, to: ClientId, line: Line) {
        self.send_stamped(to, line, None);
    }

    fn send_stamped(&mut self, to: ClientId, line: Line, stamp: Option<Stamp>) {
        if let Some(client) = self.clients.get_mut(to).filter(|client| !client.closing) {
            let mut frames = Frames::new(line, &self.post.words).stamped(stamp);
            self.post.push(to, &mut client.mail, &mut frames);
        }
    }

    /// Says a line in the first room for somebody who is not there. Gives the id under which the
    /// log is to commit it.
    ///
    /// # Errors
    /// Why not, as plain clients read it.
    pub fn post(&mut self, nick: &str, text: &str, now: Now) -> Result<MsgId, String> {
        let line_bytes_max = self.settings.session.line_bytes_max;
        if text.len() > line_bytes_max {
            return Err(plain::answer(Reply::TooLong(line_bytes_max)));
        }
        let (stream, event) = self.hub.decide_post(nick, text).map_err(plain::answer)?;
        let append = self.hub.append(stream, event, now);
        let id = append.id;
        self.appends.push_back(append);
        Ok(id)
    }

    /// Says a line in the first room.
    pub fn announce(&mut self, text: &str, now: Now) {
        let event = Event::Notice { text: Text::new(text) };
        let stream = Stream::Room(self.hub.first_room().clone());
        let append = self.hub.append(stream, event, now);
        self.appends.push_back(append);
    }
}

/// An address as IRC can show it as a parameter: it does not begin with a colon.
fn host(ip: IpAddr) -> Arc<str> {
    let text = ip.to_string();
    if text.starts_with(':') { format!("0{text}").into() } else { text.into() }
}

use self::delivering::Deed;

mod closing;
mod delivering;
mod keeping;
mod sending;
mod sessions;
mod speaking;

#[cfg(test)]
mod tests;
