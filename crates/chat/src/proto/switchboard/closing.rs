//! How clients go: by their own will, by force, and all at once.

use std::time::Instant;

use super::{ClientId, Line, Now, Outbox, Reply, Switchboard, Text, Why};

impl Switchboard {
    /// The server stops: each client is told, gets what waits for it until `deadline`, and is
    /// closed.
    pub fn stop(&mut self, deadline: Instant) {
        let ids: Vec<ClientId> = self.clients.iter().map(|(id, _)| id).collect();
        for id in ids {
            let Some(client) = self.clients.get_mut(id) else { continue };
            // What has not happened by now does not happen any more.
            client.in_flight = 0;
            if client.closing {
                if client.is_over() {
                    self.finished.push_back(id);
                }
                continue;
            }
            if client.arrived || client.irc.is_some() {
                self.reply(id, Reply::Stopping);
            }
            self.shut(id, deadline);
        }
        self.post.take_overflowed();
        self.appends.clear();
        self.ready.clear();
    }

    /// Ends a client: it has left, is sent what waits for it, and then closed.
    pub(super) fn close(&mut self, id: ClientId, why: Why, text: Option<Text>, now: Now) {
        self.leave(id, why, text, now);
        self.shut(id, now.instant + self.settings.goodbye);
    }

    pub(super) fn leave(&mut self, id: ClientId, why: Why, text: Option<Text>, now: Now) {
        let Some(client) = self.clients.get_mut(id) else { return };
        if !client.arrived {
            return;
        }
        self.set_arrived(id, false);
        let Some(person) = self.detach(id, why) else { return };
        let (stream, event) = self.hub.decide_leave(person, why, text);
        // The connection ends after that has happened: then its name is free.
        if let Some(client) = self.clients.get_mut(id) {
            client.in_flight += 1;
        }
        let append = self.hub.append(stream, event, now);
        if person != id {
            self.authors.insert(append.id.number, id);
        }
        self.appends.push_back(append);
    }

    fn shut(&mut self, id: ClientId, deadline: Instant) {
        let Some(client) = self.clients.get_mut(id) else { return };
        if !client.closing && !client.arrived {
            self.unknown -= 1;
        }
        client.closing = true;
        client.session.finish();
        self.post.touch(id, &mut client.mail);
        if client.is_over() {
            self.finished.push_back(id);
        }
        self.set_deadline(id, Some(deadline));
    }

    pub(super) fn close_overflowed(&mut self, now: Now) {
        for id in self.post.take_overflowed() {
            self.close_slow(id, now);
        }
        self.shed(now);
    }

    fn close_slow(&mut self, id: ClientId, now: Now) {
        let Some(client) = self.clients.get_mut(id) else { return };
        if client.closing {
            return;
        }
        let line = Line::Reply(Reply::TooSlow(client.mail.outbox.bytes()));
        self.post.push_last(id, &mut client.mail, line);
        self.close(id, Why::Slow, None, now);
    }

    /// Lets the fattest queues go while the budget of all is passed or the pressure lasts. One that
    /// is being closed anyway goes without a word.
    pub(super) fn shed(&mut self, now: Now) {
        while self.post.has_to_shed(now.instant) {
            let fattest = self.clients.iter().max_by_key(|(_, client)| client.mail.outbox.cost());
            let Some((id, client)) = fattest else { return };
            if client.closing {
                self.finish_now(id);
            } else {
                self.close_slow(id, now);
            }
        }
    }

    fn finish_now(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(id) {
            self.post.forget(&client.mail);
            client.mail.outbox = Outbox::default();
            self.finished.push_back(id);
        }
    }

    /// Forgets a client; whether it was there.
    pub(super) fn remove(&mut self, id: ClientId) -> bool {
        let Some(client) = self.clients.remove(id) else { return false };
        self.post.forget(&client.mail);
        if !client.closing && !client.arrived {
            self.unknown -= 1;
        }
        if let Some(conn) = &client.irc {
            for name in conn.watches.keys() {
                self.watch.remove(name, id);
            }
        }
        if let Some(at) = client.deadline {
            self.deadlines.remove(&(at, id));
        }
        true
    }

    pub(super) fn enqueue(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id) else { return };
        if !client.queued && !client.closing {
            client.queued = true;
            self.ready.push_back(id);
        }
    }

    pub(super) fn set_deadline(&mut self, id: ClientId, deadline: Option<Instant>) {
        let Some(client) = self.clients.get_mut(id) else { return };
        if client.deadline == deadline {
            return;
        }
        if let Some(at) = client.deadline.take() {
            self.deadlines.remove(&(at, id));
        }
        client.deadline = deadline;
        if let Some(at) = deadline {
            self.deadlines.insert((at, id));
        }
    }
}
