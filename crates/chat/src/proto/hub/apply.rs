//! Events get their effect: the only way in which the hub changes.

use std::sync::Arc;

use super::super::frame::Line;
use super::super::{ClientId, Entry, Event, Stream, Target};
use super::{Hub, Output};

mod people;
mod rooms;

pub(crate) use self::rooms::shown;

impl Hub {
    /// Gives an event its effect, and says who is told what.
    pub fn apply(&mut self, entry: &Entry, out: &mut Vec<Output>) {
        let append = &entry.append;
        match &append.stream {
            Stream::Room(room) => self.apply_in_room(room, entry, out),
            Stream::Direct(..) => self.apply_direct(&append.event, out),
            Stream::People => self.apply_to_people(entry, out),
        }
    }

    fn apply_direct(&mut self, event: &Event, out: &mut Vec<Output>) {
        let (client, to, line) = match event {
            Event::Said { client, to, .. } | Event::SaidLines { client, to, .. } => {
                (*client, to, Line::said(event))
            }
            Event::Redacted { client, who, to, at, text } => {
                let (who, to) = (Arc::clone(who), to.clone());
                let line = Line::Redacted { who, to: to.clone(), at: *at, text: text.clone() };
                return self.pass_on(*client, &to, line, out);
            }
            _ => return,
        };
        if let Some(line) = line {
            self.pass_on(client, to, line, out);
        }
    }

    fn pass_on(&mut self, client: ClientId, to: &Target, line: Line, out: &mut Vec<Output>) {
        let Target::Person(person, _) = to else { return };
        self.touch(client, &line);
        out.push(Output::Echo { to: client, line: line.clone() });
        out.push(Output::One { to: *person, line });
    }

    /// Somebody has spoken just now.
    fn touch(&mut self, client: ClientId, line: &Line) {
        let spoken = matches!(line, Line::Said { .. } | Line::SaidLines { .. });
        if let Some(person) = self.people.get_mut(&client).filter(|_| spoken) {
            person.active_unix_ms = person.active_unix_ms.max(self.now_unix_ms);
        }
    }
}
