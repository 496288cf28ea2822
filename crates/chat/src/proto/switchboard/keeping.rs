//! The side of the switchboard that faces the log, where it is not as it should be.

use super::{Append, ClientId, Entry, Frames, Line, Now, Reply, Switchboard, Text};

impl Switchboard {
    /// Whether what the log has committed can be delivered in this turn.
    pub fn can_deliver(&mut self, now: Now) -> bool {
        !self.post.turn_is_over() && !self.post.is_pressed(now.instant)
    }

    /// Whether so much waits to be sent that nothing is taken for now; `poll_timeout` tells until
    /// when at the latest.
    pub fn is_held(&self) -> bool {
        self.post.pressed_until().is_some()
    }

    /// What an earlier run has kept takes effect again; nobody is here to hear of it.
    pub fn restore(&mut self, entry: &Entry) {
        self.hub.apply(entry, &mut Vec::new());
    }

    /// The log could not keep an event: it has not happened, and its author is told.
    pub fn handle_refused(&mut self, append: &Append) {
        self.settle_to(append);
        let Some(id) = self.author_of(append) else { return };
        if let Some(client) = self.clients.get_mut(id) {
            client.in_flight = client.in_flight.saturating_sub(1);
            self.enqueue(id);
        }
        self.reply(id, Reply::NotKept);
        self.finish_answer(id);
    }

    /// Tells everyone who is here something that is not in the log.
    pub fn tell(&mut self, text: &str) {
        let room = self.hub.first_room().clone();
        let line = Line::Notice { room, text: Text::new(text) };
        let mut frames = Frames::new(line, &self.post.words);
        let arrived = self.clients.iter().filter(|(_, client)| client.arrived);
        let here: Vec<ClientId> = arrived.map(|(id, _)| id).collect();
        for id in here {
            if let Some(client) = self.clients.get_mut(id).filter(|client| !client.closing) {
                self.post.push(id, &mut client.mail, &mut frames);
            }
        }
    }
}
