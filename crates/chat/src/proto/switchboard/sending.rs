//! The side of the switchboard that faces the sockets: what to send, what to wait for.

use super::{ClientId, News, Post, Present, RoomName, Switchboard};

impl Switchboard {
    /// Gives the next client that has something to send or waits for something else now, until
    /// `None`.
    pub fn poll_touched(&mut self) -> Option<ClientId> {
        while let Some(id) = self.post.poll_touched() {
            if let Some(client) = self.clients.get_mut(id) {
                Post::untouch(&mut client.mail);
                return Some(id);
            }
        }
        None
    }

    /// Shows what to send next to a client: copied into `scratch` where that saves calls, at most
    /// its capacity. Empty where nothing waits.
    pub fn peek<'a>(&'a self, id: ClientId, scratch: &'a mut Vec<u8>) -> &'a [u8] {
        self.clients.get(id).map_or(&[], |client| client.mail.outbox.peek(scratch))
    }

    /// So many bytes of what `peek` showed were sent.
    pub fn handle_transmitted(&mut self, id: ClientId, count: usize) {
        let Some(client) = self.clients.get_mut(id) else { return };
        let backed_up = self.post.is_backed_up(&client.mail);
        self.post.sent(id, &mut client.mail, count);
        let freed = backed_up && !self.post.is_backed_up(&client.mail);
        if client.is_over() {
            self.finished.push_back(id);
        } else if freed {
            self.enqueue(id);
        }
    }

    /// Whether bytes of this client are welcome.
    pub fn want_read(&self, id: ClientId) -> bool {
        self.clients.get(id).is_some_and(|client| {
            let backed_up = self.post.is_backed_up(&client.mail);
            !client.closing && !backed_up && client.session.want_read(&self.settings.session)
        })
    }

    /// Whether something waits to be sent to this client.
    pub fn want_write(&self, id: ClientId) -> bool {
        self.clients.get(id).is_some_and(|client| !client.mail.outbox.is_empty())
    }

    /// Gives the next client to close, until `None`, and whether something could not be sent to it;
    /// it is forgotten here.
    pub fn poll_finished(&mut self) -> Option<(ClientId, bool)> {
        while let Some(id) = self.finished.pop_front() {
            let cut_off = self.want_write(id);
            if self.remove(id) {
                return Some((id, cut_off));
            }
        }
        None
    }

    /// Gives the next news of the rooms, until `None`.
    pub fn poll_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// Where plain clients land.
    pub fn first_room(&self) -> &RoomName {
        self.hub.first_room()
    }

    /// All who are in the rooms.
    pub fn present(&self) -> Vec<Present> {
        self.hub.present()
    }

    /// Whether this client is connected.
    pub fn contains(&self, id: ClientId) -> bool {
        self.clients.get(id).is_some()
    }

    /// How many are connected.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Whether nobody is connected.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// How much waits in all outboxes, in bytes, each frame with its place.
    pub fn queued_bytes(&self) -> usize {
        self.post.total()
    }
}
