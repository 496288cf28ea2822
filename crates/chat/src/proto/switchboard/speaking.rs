//! The side of the switchboard that faces IRC clients: their commands, answers and questions.

use super::super::irc::{self, Conn, Ctx, Found, Input, Lookup, Outcome, Task, Work, labelled};
use super::super::{Nick, frame::carried};
use super::{
    Append, Carrier, ClientId, Event, Hub, Kind, News, Now, RoomName, Stream, Switchboard, Text,
    Watch, Why,
};

/// What came of a command.
struct Done {
    text: String,
    events: Vec<(Stream, Event)>,
    lookup: Option<Lookup>,
    work: Option<Work>,
    quit: Option<Text>,
    attach: Option<ClientId>,
    waits: bool,
}

/// What a command is judged with.
struct Bench<'a> {
    hub: &'a Hub,
    watch: &'a mut Watch,
    irc: &'a irc::Settings,
    unknown: usize,
}

impl Bench<'_> {
    fn judge(
        self,
        (session, conn): (ClientId, &mut Conn),
        now: Now,
        command: impl FnOnce(&mut Ctx<'_>),
    ) -> Done {
        let mut ctx = Ctx {
            hub: self.hub,
            id: conn.person.unwrap_or(session),
            session,
            conn,
            watch: self.watch,
            irc: self.irc,
            now,
            unknown: self.unknown,
            text: String::new(),
            events: Vec::new(),
            lookup: None,
            work: None,
            quit: None,
            attach: None,
            waits: false,
        };
        command(&mut ctx);
        let Ctx { text, events, lookup, work, quit, attach, waits, .. } = ctx;
        Done { text, events, lookup, work, quit, attach, waits }
    }
}

impl Switchboard {
    pub(super) fn start_irc(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id) else { return };
        let carrier = match client.mail.kind {
            Kind::Irc(_, carrier) => carrier,
            _ => Carrier::Lines,
        };
        client.mail.kind = Kind::Irc(irc::Caps::NONE, carrier);
        client.irc = Some(Box::new(Conn::new(carrier, std::sync::Arc::clone(&client.host))));
    }

    /// Has something judged, and does what comes of it.
    pub(super) fn judge(&mut self, id: ClientId, now: Now, command: impl FnOnce(&mut Ctx<'_>)) {
        let Some(client) = self.clients.get_mut(id) else { return };
        let Some(conn) = client.irc.as_mut() else { return };
        let bench = Bench {
            hub: &self.hub,
            watch: &mut self.watch,
            irc: &self.settings.irc,
            unknown: self.unknown,
        };
        let done = bench.judge((id, conn), now, command);
        client.mail.kind = Kind::Irc(conn.caps.and(irc::Caps::WRITTEN), conn.carrier);
        self.settle(id, done, now);
    }

    fn settle(&mut self, id: ClientId, done: Done, now: Now) {
        let Done { text, events, lookup, work, quit, attach, waits } = done;
        if waits && self.hub.appended() > self.settled {
            self.hold(id, text);
        } else {
            self.respond(id, text);
        }
        if events.iter().any(|(_, event)| matches!(event, Event::Arrived { .. })) {
            self.set_arrived(id, true);
        }
        self.happen(id, events, now);
        if let Some(client) = self.clients.get_mut(id) {
            client.in_flight += u32::from(lookup.is_some()) + u32::from(work.is_some());
        }
        if let Some(person) = attach {
            self.attach(id, person, now);
        }
        self.lookups.extend(lookup);
        self.tasks.extend(work);
        if let Some(words) = quit {
            self.say_goodbye(id, words.as_str());
            self.close(id, Why::Quit, Some(words), now);
        }
    }

    pub(super) fn handle_irc(&mut self, id: ClientId, input: &Input, now: Now) {
        self.judge(id, now, |ctx| irc::run(ctx, input));
        self.finish_answer(id);
    }

    /// Gives the next question to the log, until `None`.
    pub fn poll_lookup(&mut self) -> Option<Lookup> {
        self.lookups.pop_front()
    }

    /// The log has answered.
    pub fn handle_found(&mut self, lookup: Lookup, found: &Found, now: Now) {
        let id = lookup.client;
        self.judge(id, now, |ctx| irc::found(ctx, lookup.then, found));
        self.land(id);
    }

    /// Gives the next piece of work for a processor of its own, until `None`.
    pub fn poll_task(&mut self) -> Option<(ClientId, Task)> {
        self.tasks.pop_front().map(|work| (work.client, work.task))
    }

    /// A piece of work is done.
    pub fn handle_worked(&mut self, id: ClientId, outcome: Outcome, now: Now) {
        self.judge(id, now, |ctx| irc::worked(ctx, outcome));
        self.land(id);
    }

    /// Keeps an answer until all that was decided so far has happened.
    fn hold(&mut self, id: ClientId, text: String) {
        if let Some(client) = self.clients.get_mut(id) {
            client.in_flight += 1;
            self.held.push_back((self.hub.appended(), id, text));
        }
    }

    /// An event of this node has happened, or does not happen: answers that waited for it go out.
    pub(super) fn settle_to(&mut self, append: &Append) {
        if append.id.node != self.settings.node {
            return;
        }
        self.settled = self.settled.max(append.id.number);
        while self.held.front().is_some_and(|(number, ..)| *number <= self.settled) {
            let Some((_, id, text)) = self.held.pop_front() else { return };
            self.respond(id, text);
            self.land(id);
        }
    }

    /// Something that a client waited for is there.
    fn land(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(id) {
            client.in_flight = client.in_flight.saturating_sub(1);
            self.enqueue(id);
        }
        self.finish_answer(id);
    }

    /// Sends lines to an IRC client, or keeps them while its answer is collected.
    fn respond(&mut self, id: ClientId, text: String) {
        if text.is_empty() {
            return;
        }
        let Some(client) = self.clients.get_mut(id).filter(|client| !client.closing) else {
            return;
        };
        let Some(conn) = client.irc.as_mut() else { return };
        if conn.label.is_some() {
            conn.answer.push_str(&text);
            return;
        }
        let frame = carried(text, conn.carrier);
        self.post.push_own(id, &mut client.mail, frame);
    }

    /// Sends the answer to a command with a label, once everything that it did has happened.
    pub(super) fn finish_answer(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id).filter(|client| client.in_flight == 0) else {
            return;
        };
        let Some(conn) = client.irc.as_mut() else { return };
        let Some(label) = conn.label.take() else { return };
        self.batches += 1;
        let answer = std::mem::take(&mut conn.answer);
        let batch = format!("r{}", self.batches);
        let text = labelled(&label, &answer, &self.settings.irc.server, &batch);
        self.respond(id, text);
    }

    pub(super) fn greet_irc(&mut self, id: ClientId, nick: Result<Nick, Nick>, now: Now) {
        let Some(conn) = self.clients.get_mut(id).and_then(|client| client.irc.as_mut()) else {
            return;
        };
        match nick {
            Ok(nick) => {
                conn.greeted = true;
                self.news.push_back(News::Joined(id, nick));
                self.judge(id, now, irc::greet);
            }
            Err(nick) => {
                conn.nick = None;
                self.set_arrived(id, false);
                let server = &self.settings.irc.server;
                let text = format!(":{server} 433 * {nick} :Nickname is already in use\r\n");
                self.respond(id, text);
            }
        }
    }

    pub(super) fn show_room(&mut self, person: ClientId, room: &RoomName, now: Now) {
        for ear in self.ears(person) {
            self.judge(ear, now, |ctx| irc::show_room(ctx, room));
        }
    }

    /// An IRC client is put out by somebody else.
    pub(super) fn end_irc(&mut self, person: ClientId, words: &str, now: Now) {
        let ears = self.ears(person);
        self.sessions.remove(&person);
        for ear in ears {
            self.say_goodbye(ear, words);
            self.set_arrived(ear, false);
            self.close(ear, Why::Killed, None, now);
        }
    }

    fn say_goodbye(&mut self, id: ClientId, words: &str) {
        let Some(client) = self.clients.get_mut(id) else { return };
        let host = &client.host;
        let text = format!("ERROR :Closing Link: {host} ({words})\r\n");
        if client.irc.is_some() {
            if let Some(conn) = client.irc.as_mut() {
                conn.label = None;
            }
            self.respond(id, text);
        } else {
            self.reply(id, super::Reply::Bye);
        }
    }

    /// Whether a client is somebody in the hub, as far as is decided.
    pub(super) fn set_arrived(&mut self, id: ClientId, arrived: bool) {
        let Some(client) = self.clients.get_mut(id) else { return };
        if client.arrived != arrived {
            client.arrived = arrived;
            if arrived { self.unknown -= 1 } else { self.unknown += 1 }
        }
    }
}
