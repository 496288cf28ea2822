//! Several clients of one person: whoever proves to own the account of somebody who is here becomes
//! one more client of him.
//!
//! Rules: the person keeps the id of its first client, also when that is gone; what one client does
//! is answered to it alone, what happens to the person is told to all; the person goes with its
//! last client, unless it is always on.

use super::super::irc;
use super::{ClientId, Now, Switchboard, Why};

impl Switchboard {
    /// The clients of a person.
    pub(super) fn ears(&self, person: ClientId) -> Vec<ClientId> {
        let further = self.sessions.get(&person).into_iter().flatten();
        std::iter::once(person).chain(further.copied()).collect()
    }

    /// Whom a client is in the hub.
    pub(super) fn person_of(&self, id: ClientId) -> ClientId {
        let conn = self.clients.get(id).and_then(|client| client.irc.as_ref());
        conn.and_then(|conn| conn.person).unwrap_or(id)
    }

    /// A client is one more of somebody who is here.
    pub(super) fn attach(&mut self, id: ClientId, person: ClientId, now: Now) {
        let Some(conn) = self.clients.get_mut(id).and_then(|client| client.irc.as_mut()) else {
            return;
        };
        conn.person = Some(person);
        conn.greeted = true;
        self.sessions.entry(person).or_default().push(id);
        self.set_arrived(id, true);
        self.judge(id, now, irc::greet_again);
    }

    /// A client goes; the person that goes with it.
    pub(super) fn detach(&mut self, id: ClientId, why: Why) -> Option<ClientId> {
        let person = self.person_of(id);
        if let Some(further) = self.sessions.get_mut(&person) {
            further.retain(|other| *other != id);
            if further.is_empty() {
                self.sessions.remove(&person);
            }
        }
        let first = self.clients.get(person).is_some_and(|client| client.arrived);
        let account = self.hub.person(person).is_some_and(|person| person.who.account.is_some());
        let stays = self.settings.irc.always_on && account && why != Why::Killed;
        (!first && !self.sessions.contains_key(&person) && !stays).then_some(person)
    }
}
