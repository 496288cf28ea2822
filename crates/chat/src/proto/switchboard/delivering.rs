//! Who hears what happened: outputs of the hub into outboxes.
//!
//! Rule: what the author of a command hears of it is the answer to the command; where it has a
//! label, the answer is collected until everything that the command did has happened.

use super::super::irc::{Caps, render};
use super::{
    Client, ClientId, Frames, Kind, Line, News, Now, Output, Post, Replay, Reply, RoomName, Roster,
    Settings, Stamp, Switchboard,
};

/// What is being delivered: where it stands, whose doing it is, and by which of his clients.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deed {
    pub(super) stamp: Stamp,
    pub(super) author: Option<ClientId>,
    pub(super) person: Option<ClientId>,
}

/// What it takes to let a client hear something.
struct Ears<'a> {
    clients: &'a mut Roster<Client>,
    post: &'a mut Post,
    settings: &'a Settings,
    deed: Deed,
}

impl Ears<'_> {
    /// A client hears it; `own`: it is left out, unless it wants to hear itself or is another
    /// client of whoever speaks.
    fn hear(&mut self, ear: ClientId, own: bool, frames: &mut Frames) {
        let Some(client) = self.clients.get_mut(ear).filter(|client| !client.closing) else {
            return;
        };
        if own && !(Some(ear) == self.deed.author && is_echoed(client, frames)) {
            let further = Some(ear) != self.deed.author && is_said(frames.line());
            let speaks = client
                .irc
                .as_ref()
                .is_some_and(|conn| self.deed.person == Some(conn.person.unwrap_or(ear)));
            if !(further && speaks) {
                return;
            }
        }
        if Some(ear) == self.deed.author && collect(client, frames, self.deed.stamp, self.settings)
        {
            return;
        }
        self.post.push(ear, &mut client.mail, frames);
    }
}

impl Switchboard {
    pub(super) fn deliver(&mut self, output: Output, deed: Deed, now: Now) {
        match output {
            Output::Room { room, except, ranks, line } => {
                self.note(&line);
                self.deliver_to_room((&room, except, ranks), line, deed);
            }
            Output::One { to, line } => {
                self.note_one(&line);
                // What somebody says to himself comes twice; the answer is the echo.
                let delivered = is_said(&line);
                let mut frames = self.frames(line, deed.stamp);
                let author = deed.author.filter(|_| !delivered);
                self.give(to, &mut frames, Deed { author, ..deed });
            }
            Output::Echo { to, line } => {
                let mut frames = self.frames(line, deed.stamp);
                self.give_own(to, &mut frames, deed);
            }
            Output::Many { to, line } => {
                self.note(&line);
                let mut frames = self.frames(line, deed.stamp);
                for client in to {
                    self.give(client, &mut frames, deed);
                }
            }
            Output::Watchers { name, extended, except, line } => {
                self.tell_watchers((&name, extended), &except, line, deed);
            }
            Output::Earlier { to, room, before, line } => {
                if let Line::Reply(Reply::Welcome { nick, .. }) = &line {
                    self.news.push_back(News::Joined(to, nick.clone()));
                }
                let is_web = self.clients.get(to).is_some_and(|c| c.mail.kind == Kind::Web);
                let Settings { history_lines, web_history_lines, .. } = self.settings;
                let lines = if is_web { web_history_lines } else { history_lines };
                self.replays.push_back(Replay { room, lines, to, before, line });
            }
            Output::Greeted { to, nick } => self.greet_irc(to, nick, now),
            Output::Entered { to, room } => self.show_room(to, &room, now),
            Output::Ended { to, words } => self.end_irc(to, &words, now),
        }
    }

    fn deliver_to_room(
        &mut self,
        (room, except, ranks): (&RoomName, Option<ClientId>, u8),
        line: Line,
        deed: Deed,
    ) {
        let mut frames = self.frames(line, deed.stamp);
        let place = self.hub.place(room);
        let members = place.map_or(&[][..], |place| &place.members);
        let mut ears = Ears {
            clients: &mut self.clients,
            post: &mut self.post,
            settings: &self.settings,
            deed,
        };
        for member in members {
            let own = Some(*member) == except;
            let may = ranks == 0 || place.is_some_and(|p| p.rank(*member) & ranks != 0);
            if !may && !own {
                continue;
            }
            ears.hear(*member, own, &mut frames);
            if !self.sessions.is_empty() {
                for further in self.sessions.get(member).into_iter().flatten() {
                    ears.hear(*further, own, &mut frames);
                }
            }
        }
        // Who speaks to a room that it is not in hears its echo all the same.
        let outside = |id| self.hub.person(id).is_some_and(|p| !p.rooms.contains(room));
        if let Some(id) = except.filter(|id| is_said(frames.line()) && outside(*id)) {
            self.give_own(id, &mut frames, deed);
        }
    }

    fn frames(&self, line: Line, stamp: Stamp) -> Frames {
        Frames::new(line, &self.post.words).stamped(Some(stamp))
    }

    /// The clients of one person hear it.
    fn give(&mut self, to: ClientId, frames: &mut Frames, deed: Deed) {
        self.give_to((to, false), frames, deed);
    }

    /// The clients of one person hear it, as far as they want to hear themselves.
    fn give_own(&mut self, to: ClientId, frames: &mut Frames, deed: Deed) {
        self.give_to((to, true), frames, deed);
    }

    fn give_to(&mut self, (to, own): (ClientId, bool), frames: &mut Frames, deed: Deed) {
        let mut ears = Ears {
            clients: &mut self.clients,
            post: &mut self.post,
            settings: &self.settings,
            deed,
        };
        ears.hear(to, own, frames);
        for further in self.sessions.get(&to).into_iter().flatten() {
            ears.hear(*further, own, frames);
        }
    }

    fn tell_watchers(
        &mut self,
        (name, extended): (&str, bool),
        except: &[ClientId],
        line: Line,
        deed: Deed,
    ) {
        let mut watchers: Vec<ClientId> = self.watch.of(name).collect();
        watchers.retain(|watcher| !except.contains(watcher));
        if extended {
            let mut frames = self.frames(line, deed.stamp);
            let deed = Deed { author: None, ..deed };
            for watcher in watchers {
                let conn = self.clients.get(watcher).and_then(|client| client.irc.as_ref());
                if conn.is_some_and(|conn| conn.caps.has(Caps::EXTENDED_MONITOR)) {
                    self.give(watcher, &mut frames, deed);
                }
            }
            return;
        }
        for watcher in watchers {
            let nick = self.hub.nick(self.person_of(watcher)).map_or("*", |nick| nick.as_str());
            let server = &self.settings.irc.server;
            let text = match &line {
                Line::Online { who } => format!(":{server} 730 {nick} :{who}"),
                Line::Offline { nick: gone } => format!(":{server} 731 {nick} :{gone}"),
                _ => continue,
            };
            self.send(watcher, Line::Irc(text.into()));
        }
    }

    /// What a single client hears can be news too.
    fn note_one(&mut self, line: &Line) {
        if let Line::Kicked { nick, .. } = line {
            self.news.push_back(News::Left(nick.clone(), super::Why::Moved));
        }
    }
}

/// Whether this is what somebody says.
fn is_said(line: &Line) -> bool {
    matches!(line, Line::Said { .. } | Line::SaidLines { .. })
}

/// Whether a client hears what it said itself.
fn is_echoed(client: &Client, frames: &Frames) -> bool {
    match &client.irc {
        Some(conn) => {
            let said = matches!(
                frames.line(),
                Line::Said { .. } | Line::SaidLines { .. } | Line::Redacted { .. }
            );
            let redacted = matches!(frames.line(), Line::Redacted { .. });
            said && (redacted || conn.caps.has(Caps::ECHO_MESSAGE))
        }
        None => frames.is_echoed(client.mail.kind),
    }
}

/// Puts what the author hears into its answer, where that is collected; whether it is.
fn collect(client: &mut Client, frames: &Frames, stamp: Stamp, settings: &Settings) -> bool {
    let Some(conn) = client.irc.as_mut().filter(|conn| conn.label.is_some()) else { return false };
    let server = &settings.irc.server;
    let text = render::render(frames.line(), conn.caps, Some(stamp), server);
    conn.answer.push_str(text.as_deref().unwrap_or(""));
    true
}
