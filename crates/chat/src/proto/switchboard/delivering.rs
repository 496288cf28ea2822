//! Who hears what happened: outputs of the hub into outboxes.
//!
//! Rule: what the author of a command hears of it is the answer to the command; where it has a
//! label, the answer is collected until everything that the command did has happened.

use super::super::irc::{Caps, render};
use super::{
    ClientId, Frames, Kind, Line, News, Now, Output, Replay, Reply, Settings, Stamp, Switchboard,
};

impl Switchboard {
    pub(super) fn deliver(
        &mut self,
        output: Output,
        stamp: Stamp,
        actor: Option<ClientId>,
        now: Now,
    ) {
        match output {
            Output::Room { room, except, ranks, line } => {
                self.note(&line);
                let mut frames = self.frames(line, stamp);
                let place = self.hub.place(&room);
                let members = place.map_or(&[][..], |place| &place.members);
                for member in members {
                    let Some(client) = self.clients.get_mut(*member).filter(|c| !c.closing) else {
                        continue;
                    };
                    let may = ranks == 0 || place.is_some_and(|p| p.rank(*member) & ranks != 0);
                    let own = Some(*member) == except;
                    if (own && !is_echoed(client, &frames)) || (!may && !own) {
                        continue;
                    }
                    if Some(*member) == actor && collect(client, &frames, stamp, &self.settings) {
                        continue;
                    }
                    self.post.push(*member, &mut client.mail, &mut frames);
                }
                self.echo_outside((except, &room), frames, stamp);
            }
            Output::One { to, line } => {
                self.note_one(&line);
                // What somebody says to himself comes twice; the answer is the echo.
                let delivered = matches!(line, Line::Said { .. } | Line::SaidLines { .. });
                let mut frames = self.frames(line, stamp);
                self.give(to, &mut frames, stamp, actor.filter(|_| !delivered));
            }
            Output::Echo { to, line } => {
                let mut frames = self.frames(line, stamp);
                if self.clients.get(to).is_some_and(|client| is_echoed(client, &frames)) {
                    self.give(to, &mut frames, stamp, actor);
                }
            }
            Output::Many { to, line } => {
                self.note(&line);
                let mut frames = self.frames(line, stamp);
                for client in to {
                    self.give(client, &mut frames, stamp, actor);
                }
            }
            Output::Watchers { name, extended, except, line } => {
                self.tell_watchers((&name, extended), &except, line, stamp);
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

    fn frames(&self, line: Line, stamp: Stamp) -> Frames {
        Frames::new(line, &self.post.words).stamped(Some(stamp))
    }

    /// Who speaks to a room that it is not in hears its echo all the same.
    fn echo_outside(
        &mut self,
        (author, room): (Option<ClientId>, &super::RoomName),
        mut frames: Frames,
        stamp: Stamp,
    ) {
        let Some(id) = author else { return };
        let outside = self.hub.person(id).is_some_and(|person| !person.rooms.contains(room));
        if outside && self.clients.get(id).is_some_and(|client| is_echoed(client, &frames)) {
            self.give(id, &mut frames, stamp, Some(id));
        }
    }

    /// One client hears it.
    fn give(&mut self, to: ClientId, frames: &mut Frames, stamp: Stamp, actor: Option<ClientId>) {
        let Some(client) = self.clients.get_mut(to).filter(|client| !client.closing) else {
            return;
        };
        if Some(to) == actor && collect(client, frames, stamp, &self.settings) {
            return;
        }
        self.post.push(to, &mut client.mail, frames);
    }

    fn tell_watchers(
        &mut self,
        (name, extended): (&str, bool),
        except: &[ClientId],
        line: Line,
        stamp: Stamp,
    ) {
        let mut watchers: Vec<ClientId> = self.watch.of(name).collect();
        watchers.retain(|watcher| !except.contains(watcher));
        if extended {
            let mut frames = self.frames(line, stamp);
            for watcher in watchers {
                let conn = self.clients.get(watcher).and_then(|client| client.irc.as_ref());
                if conn.is_some_and(|conn| conn.caps.has(Caps::EXTENDED_MONITOR)) {
                    self.give(watcher, &mut frames, stamp, None);
                }
            }
            return;
        }
        for watcher in watchers {
            let nick = self.hub.nick(watcher).map_or("*", |nick| nick.as_str());
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

/// Whether a client hears what it said itself.
fn is_echoed(client: &super::Client, frames: &Frames) -> bool {
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
fn collect(client: &mut super::Client, frames: &Frames, stamp: Stamp, settings: &Settings) -> bool {
    let Some(conn) = client.irc.as_mut().filter(|conn| conn.label.is_some()) else { return false };
    let server = &settings.irc.server;
    let text = render::render(frames.line(), conn.caps, Some(stamp), server);
    conn.answer.push_str(text.as_deref().unwrap_or(""));
    true
}
