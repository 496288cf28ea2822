//! All that the client knows, and the life of its connection: made, lost, made again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::complete::Completion;
use super::editor::Editor;
use super::limits::{ANSWER, LOGIN, SILENCE};
use super::link::{Link, Phase};
use super::room::{Delivery, Kind, Line, Place};
use super::rooms::Rooms;
use super::search::Search;
use super::when::{self, Now, Zone};

/// What is spoken at a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Speak {
    /// IRC, or plain lines where the server says that it does not speak IRC.
    #[default]
    Auto,
    /// IRC.
    Irc,
    /// Plain lines.
    Lines,
}

/// What is spoken in this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// IRC.
    Irc,
    /// Plain lines.
    Lines,
}

/// What the person has set.
pub(crate) struct Settings {
    /// Where the server is, as it is shown.
    pub(crate) place: String,
    /// What is spoken there.
    pub(crate) speak: Speak,
    /// The name to have.
    pub(crate) nick: String,
    /// The name was asked for, not made up.
    pub(crate) nick_is_chosen: bool,
    /// The rooms to join.
    pub(crate) rooms: Vec<String>,
    /// The account and its password.
    pub(crate) account: Option<(String, String)>,
    /// The password of the server.
    pub(crate) server_password: Option<String>,
    /// Nobody on the way can read what is sent.
    pub(crate) private: bool,
    /// Lines that a room keeps.
    pub(crate) scrollback_lines: usize,
    /// How far the clocks here are ahead.
    pub(crate) zone: Zone,
    /// A secret for nonces.
    pub(crate) seed: [u8; 32],
}

/// What the driver is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Make a connection.
    Connect,
    /// End the connection that there is, once what waits is sent.
    Close,
    /// End the program.
    Quit,
    /// Draw everything anew.
    Redraw,
}

/// A line in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// The room, where it is not the first one.
    pub(crate) room: Option<String>,
    /// What there is to read.
    pub(crate) words: String,
    /// Something went wrong.
    pub(crate) wrong: bool,
}

/// What the keys are for.
#[derive(Debug, Default)]
pub(crate) enum Mode {
    /// Typing.
    #[default]
    Typing,
    /// Looking for something in the room.
    Search(Search),
    /// Saying whether several lines are to be sent.
    Paste(Vec<String>),
}

/// Whether a pane is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pane {
    /// Where there is room for it.
    #[default]
    Auto,
    /// Yes.
    On,
    /// No.
    Off,
}

/// The client.
pub(crate) struct State {
    pub(super) settings: Settings,
    pub(super) dialect: Dialect,
    pub(super) link: Link,
    pub(super) rooms: Rooms,
    pub(super) editor: Editor,
    pub(super) completion: Option<Completion>,
    pub(super) mode: Mode,
    pub(super) size: (u16, u16),
    pub(super) rooms_pane: Pane,
    pub(super) members_pane: Pane,
    pub(super) now: Now,
    /// Read markers are due to be sent.
    pub(super) mark_at: Option<Instant>,
    /// The room that a `/join` is to lead to, folded.
    pub(super) go_to: Option<String>,
    /// The server refused the login for good: it is not tried again by itself.
    pub(super) refused: Option<String>,
    actions: VecDeque<Action>,
    nonces: u64,
}

impl State {
    /// One that is about to connect.
    pub(crate) fn new(settings: Settings, now: Now) -> State {
        let rooms = Rooms::new(&settings.place, settings.scrollback_lines);
        let dialect = match settings.speak {
            Speak::Auto | Speak::Irc => Dialect::Irc,
            Speak::Lines => Dialect::Lines,
        };
        let mut link = Link::default();
        link.nick.clone_from(&settings.nick);
        State {
            settings,
            dialect,
            link,
            rooms,
            editor: Editor::default(),
            completion: None,
            mode: Mode::default(),
            size: (80, 24),
            rooms_pane: Pane::default(),
            members_pane: Pane::default(),
            now,
            mark_at: None,
            go_to: None,
            refused: None,
            actions: VecDeque::new(),
            nonces: 0,
        }
    }

    /// The connection is there.
    pub(crate) fn handle_connected(&mut self, now: Now) {
        self.now = now;
        self.link.renew(Phase::Login);
        self.link.epoch += 1;
        match self.dialect {
            Dialect::Irc => {
                self.link.due = Some(now.at + LOGIN);
                self.begin_login();
            }
            Dialect::Lines => self.begin_lines(),
        }
    }

    /// Bytes of the server have come.
    pub(crate) fn handle_received(&mut self, bytes: &[u8], now: Now) {
        self.now = now;
        for line in self.link.lines.take(bytes) {
            match self.dialect {
                Dialect::Irc => self.hear(&line),
                Dialect::Lines => self.hear_plain(&line),
            }
        }
    }

    /// The connection is over, or could not be made.
    pub(crate) fn handle_closed(&mut self, why: &str, now: Now) {
        self.now = now;
        if self.link.phase == Phase::Leaving {
            self.act(Action::Quit);
            return;
        }
        if matches!(self.link.phase, Phase::Lost(_)) {
            return;
        }
        self.say_lost(why);
        let retry = match self.refused {
            Some(_) => None,
            None => Some(now.at + self.link.retry_after(self.jitter())),
        };
        self.link.tries = self.link.tries.saturating_add(1);
        self.link.renew(Phase::Lost(retry));
        for room in self.rooms.iter_mut() {
            room.disconnect();
        }
    }

    fn say_lost(&mut self, why: &str) {
        let next = if self.refused.is_some() { "; /reconnect tries again" } else { "" };
        self.tell(0, Kind::Alert, &format!("not connected: {why}{next}"));
        let joined: Vec<usize> =
            (1..self.rooms.iter().len()).filter(|at| self.rooms.room(*at).joined).collect();
        for at in joined {
            self.tell(at, Kind::Alert, &format!("the connection is lost: {why}"));
        }
    }

    /// The driver gives up this connection and makes another one at once, or later.
    pub(super) fn drop_link(&mut self, why: &str) {
        self.act(Action::Close);
        self.handle_closed(why, self.now);
    }

    /// Makes a connection without waiting any longer.
    pub(super) fn connect_now(&mut self) {
        self.refused = None;
        if !matches!(self.link.phase, Phase::Lost(_) | Phase::Connecting) {
            self.drop_link("as you wish");
        }
        self.link.renew(Phase::Connecting);
        self.act(Action::Connect);
    }

    /// Something may be due.
    pub(crate) fn handle_timeout(&mut self, now: Now) {
        self.now = now;
        for room in self.rooms.iter_mut() {
            room.forget_typing(now.at);
        }
        if self.mark_at.is_some_and(|at| at <= now.at) {
            self.mark_at = None;
            self.mark_read(self.rooms.at());
        }
        match self.link.phase {
            Phase::Lost(Some(at)) if at <= now.at => {
                self.link.phase = Phase::Connecting;
                self.act(Action::Connect);
            }
            Phase::Login | Phase::Ready if self.link.due.is_some_and(|at| at <= now.at) => {
                self.run_out_of_patience();
            }
            _ => {}
        }
    }

    /// Asks a server that was silent, or takes it for gone.
    fn run_out_of_patience(&mut self) {
        if self.link.phase == Phase::Login && self.may_be_plain() {
            self.speak_lines("it does not answer as IRC servers do");
        } else if self.link.phase == Phase::Login {
            self.drop_link("the server did not let us in");
        } else if self.link.asked.is_some() {
            self.drop_link("the server does not answer");
        } else {
            self.ask();
        }
    }

    /// Asks the server for a sign of life.
    pub(super) fn ask(&mut self) {
        self.link.asked = Some(self.now.at);
        self.link.due = Some(self.now.at + ANSWER);
        self.link.send("PING :sockeye");
    }

    /// The server has given it.
    pub(super) fn hear_pong(&mut self) {
        if let Some(asked) = self.link.asked.take() {
            self.link.lag = Some(self.now.at - asked);
            self.link.due = Some(self.now.at + SILENCE);
        }
    }

    /// Whether this may be an older room of plain lines.
    pub(super) fn may_be_plain(&self) -> bool {
        self.settings.speak == Speak::Auto && !self.link.is_irc && self.link.epoch == 1
    }

    /// Connects again, for plain lines.
    pub(super) fn speak_lines(&mut self, why: &str) {
        self.tell(0, Kind::Info, &format!("plain lines are spoken: {why}"));
        self.dialect = Dialect::Lines;
        self.act(Action::Close);
        self.link.renew(Phase::Connecting);
        self.act(Action::Connect);
    }

    /// When [`State::handle_timeout`] is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let phase = match self.link.phase {
            Phase::Lost(at) => at,
            Phase::Login | Phase::Ready => self.link.due,
            Phase::Connecting | Phase::Leaving => None,
        };
        let typing = self.rooms.iter().filter_map(|room| room.typing_ends());
        phase.into_iter().chain(self.mark_at).chain(typing).min()
    }

    /// What is to be sent.
    pub(crate) fn poll_transmit(&self) -> &[u8] {
        self.link.out()
    }

    /// So many bytes of it have been taken.
    pub(crate) fn handle_transmitted(&mut self, bytes: usize) {
        self.link.sent(bytes);
    }

    /// What the driver is to do next.
    pub(crate) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Has the driver do something.
    pub(super) fn act(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    /// The terminal has so many columns and rows.
    pub(crate) fn handle_resize(&mut self, columns: u16, rows: u16) {
        self.size = (columns, rows);
    }

    /// Whether what is shown changes with time alone.
    pub(crate) fn shows_time(&self) -> bool {
        matches!(self.link.phase, Phase::Lost(Some(_))) || self.link.asked.is_some()
    }

    /// Lines can be read one by one from now on.
    pub(crate) fn tap(&mut self) {
        self.rooms.tap();
    }

    /// The next of them, in words. What one has said oneself is not among them.
    pub(crate) fn poll_line(&mut self) -> Option<Told> {
        loop {
            let (at, line) = self.rooms.poll_line()?;
            let wrong = matches!(line.kind, Kind::Alert | Kind::Gap);
            // What a server says of itself is news of no room.
            if line.own || (at == 0 && !wrong && line.kind != Kind::Said) {
                continue;
            }
            let words = self.line_in_words(&line);
            // The first room is the one that is talked in.
            let elsewhere = at > 1 && self.rooms.iter().len() > at;
            let room = elsewhere.then(|| super::text::shown(&self.rooms.room(at).name));
            return Some(Told { room, words, wrong });
        }
    }

    /// Whether what is said is heard by somebody: one is in a room.
    pub(crate) fn can_talk(&self) -> bool {
        self.link.phase == Phase::Ready
            && !self.link.is_held_up()
            && (self.rooms.current().joined || self.dialect == Dialect::Lines)
    }

    /// Whether there is no connection.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self.link.phase, Phase::Lost(_))
    }

    /// Why it ended, where the server had refused the login.
    pub(crate) fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// Says goodbye.
    pub(crate) fn leave(&mut self, why: &str) {
        let connected = matches!(self.link.phase, Phase::Login | Phase::Ready);
        if connected {
            match self.dialect {
                Dialect::Irc => self.link.send(&format!("QUIT :{why}")),
                Dialect::Lines => self.link.send("/quit"),
            }
        }
        self.link.phase = Phase::Leaving;
    }

    /// Puts a line of the client's own into a room.
    pub(super) fn tell(&mut self, at: usize, kind: Kind, text: &str) {
        let line = self.line(kind, "", text);
        self.rooms.append(at, line);
    }

    /// A line as of now.
    pub(super) fn line(&self, kind: Kind, nick: &str, text: &str) -> Line {
        Line {
            id: 0,
            at_ms: self.now.unix_ms,
            kind,
            nick: nick.to_owned(),
            text: text.to_owned(),
            msgid: None,
            own: false,
            mention: false,
            delivery: Delivery::Done,
            live: Some(self.link.epoch),
        }
    }

    /// What a name has in common with those that are the same.
    pub(super) fn fold(&self, name: &str) -> String {
        match self.dialect {
            Dialect::Irc => self.link.support.folding().fold(name),
            Dialect::Lines => name.to_lowercase(),
        }
    }

    /// Whether a name is one's own.
    pub(super) fn is_own(&self, nick: &str) -> bool {
        self.fold(nick) == self.fold(&self.link.nick)
    }

    /// A number that nobody can guess, for jitter.
    fn jitter(&self) -> u8 {
        let index = usize::try_from(self.link.tries % 32).unwrap_or(0);
        self.settings.seed[index]
    }

    /// A nonce that was never used.
    pub(super) fn nonce(&mut self) -> String {
        self.nonces += 1;
        super::scram::nonce(&self.settings.seed, self.nonces)
    }

    /// The minute of a moment, as it is shown.
    pub(super) fn minute(&self, unix_ms: i64) -> String {
        when::minute(unix_ms, &self.settings.zone)
    }

    /// The server shall know soon what was read.
    pub(super) fn mark_soon(&mut self) {
        if self.mark_at.is_none() && self.link.has("draft/read-marker") {
            self.mark_at = Some(self.now.at + Duration::from_secs(2));
        }
    }

    /// Tells the server up to where a room was read.
    pub(super) fn mark_read(&mut self, at: usize) {
        let room = self.rooms.room_mut(at);
        let Some(last_ms) = room.last_known().map(|line| line.at_ms) else { return };
        let wanted = room.place != Place::Server && room.anchor.is_none();
        if wanted && last_ms > room.read_ms && self.link.has("draft/read-marker") {
            room.read_ms = last_ms;
            let line = format!("MARKREAD {} timestamp={}", room.name, when::write(last_ms));
            self.link.send(&line);
        }
    }
}

#[cfg(test)]
mod tests;
