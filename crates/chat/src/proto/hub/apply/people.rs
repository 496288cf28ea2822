//! What happens to people wherever they are: coming, going, names, accounts.

use std::sync::Arc;

use super::super::super::frame::{Line, Reply};
use super::super::super::{ClientId, Entry, Event, Identity, Nick, Text, Why};
use super::super::{GONE_MAX, Hub, Output, Past, Person};

impl Hub {
    pub(super) fn apply_to_people(&mut self, entry: &Entry, out: &mut Vec<Output>) {
        self.now_unix_ms = self.now_unix_ms.max(entry.append.unix_ms);
        let unix_ms = entry.append.unix_ms;
        match &entry.append.event {
            Event::Arrived { client, who, real } => {
                self.apply_arrived(*client, (who, real), unix_ms, out);
            }
            Event::Gone { client, why, text, .. } => {
                self.apply_gone(*client, (*why, text.as_ref()), unix_ms, out);
            }
            Event::Killed { who, target, text, .. } => {
                let words = format!("Killed ({} ({}))", who.nick, text.as_str());
                let text = Text::new(&words);
                self.apply_gone(*target, (Why::Killed, Some(&text)), unix_ms, out);
                out.push(Output::Ended { to: *target, words: words.into() });
            }
            Event::Renamed { client, nick, .. } => self.apply_renamed(*client, nick, out),
            Event::AccountMade { name, credentials, .. } => {
                self.accounts.make(name, credentials, unix_ms);
            }
            Event::PasswordSet { name, credentials, .. } => {
                self.accounts.set_password(name, credentials);
            }
            Event::MarkedRead { client, owner, target, unix_ms } => {
                let unix_ms = self.accounts.mark(owner, target, *unix_ms);
                let line = Line::MarkedRead { target: Arc::clone(target), unix_ms: Some(unix_ms) };
                let same = |person: &&Person| person.key() == *owner;
                let to = self.people.values().filter(same).map(|person| person.client);
                let mut to: Vec<ClientId> = to.collect();
                to.retain(|other| other != client);
                out.push(Output::One { to: *client, line: line.clone() });
                out.push(Output::Many { to, line });
            }
            event => self.apply_to_person(event, out),
        }
    }

    fn apply_to_person(&mut self, event: &Event, out: &mut Vec<Output>) {
        match event {
            Event::OwnModes { client, who, changes } => {
                let Some(person) = self.people.get_mut(client) else { return };
                let mut shown = String::new();
                let mut sign = None;
                for (set, mode) in changes {
                    if sign.replace(*set) != Some(*set) {
                        shown.push(if *set { '+' } else { '-' });
                    }
                    shown.push(*mode);
                    if *set {
                        person.modes.insert(*mode)
                    } else {
                        person.modes.remove(mode)
                    };
                }
                let bot = person.modes.contains(&'B');
                if person.who.bot != bot {
                    person.become_(|who| who.bot = bot);
                }
                let line = Line::OwnModes { who: Arc::clone(who), shown: shown.into() };
                out.push(Output::One { to: *client, line });
            }
            Event::Away { client, who, text } => {
                let Some(person) = self.people.get_mut(client) else { return };
                person.away = text.clone();
                let line = Line::Away { who: Arc::clone(who), text: text.clone() };
                self.tell_peers(*client, line, out);
            }
            Event::RealName { client, who, text } => {
                let Some(person) = self.people.get_mut(client) else { return };
                person.real = text.clone();
                let line = Line::RealName { who: Arc::clone(who), text: text.clone() };
                out.push(Output::One { to: *client, line: line.clone() });
                self.tell_peers(*client, line, out);
            }
            Event::Account { client, account, .. } => {
                let Some(person) = self.people.get_mut(client) else { return };
                person.become_(|who| who.account.clone_from(account));
                let line = Line::Account { who: Arc::clone(&person.who) };
                out.push(Output::One { to: *client, line: line.clone() });
                self.tell_peers(*client, line, out);
            }
            Event::Wallops { who, text, .. } => {
                let listens = |person: &&Person| person.modes.contains(&'w');
                let to = self.people.values().filter(listens).map(|person| person.client).collect();
                let line = Line::Wallops { who: Arc::clone(who), text: text.clone() };
                out.push(Output::Many { to, line });
            }
            _ => {}
        }
    }

    /// Those who share a room hear it, and those who watch for it.
    fn tell_peers(&self, client: ClientId, line: Line, out: &mut Vec<Output>) {
        let Some(person) = self.people.get(&client) else { return };
        let peers = self.peers(person);
        let mut except = peers.clone();
        except.push(client);
        let name = person.who.nick.fold();
        out.push(Output::Many { to: peers, line: line.clone() });
        out.push(Output::Watchers { name, extended: true, except, line });
    }

    fn apply_arrived(
        &mut self,
        client: ClientId,
        (who, real): (&Arc<Identity>, &Text),
        unix_ms: u64,
        out: &mut Vec<Output>,
    ) {
        let folded = who.nick.fold();
        if self.nicks.contains_key(&folded) || self.people.contains_key(&client) {
            out.push(Output::Greeted { to: client, nick: Err(who.nick.clone()) });
            return;
        }
        let mut person = Person::new(client, Arc::clone(who), unix_ms);
        person.real = real.clone();
        person.irc = true;
        self.insert(person);
        out.push(Output::Greeted { to: client, nick: Ok(who.nick.clone()) });
        let line = Line::Online { who: Arc::clone(who) };
        out.push(Output::Watchers { name: folded, extended: false, except: Vec::new(), line });
    }

    pub(super) fn insert(&mut self, person: Person) {
        self.nicks.insert(person.who.nick.fold(), person.client);
        self.people.insert(person.client, person);
        self.people_max = self.people_max.max(self.people.len());
    }

    fn apply_gone(
        &mut self,
        client: ClientId,
        (why, text): (Why, Option<&Text>),
        unix_ms: u64,
        out: &mut Vec<Output>,
    ) {
        let Some(person) = self.people.get(&client) else { return };
        let line = Line::Gone { who: Arc::clone(&person.who), why, text: text.cloned() };
        // In one room, which is what most are in, nobody can be meant twice.
        let peers = if person.rooms.len() > 1 { self.peers(person) } else { Vec::new() };
        let Some(person) = self.people.remove(&client) else { return };
        let name = person.who.nick.fold();
        self.nicks.remove(&name);
        for room in &person.rooms {
            self.take_out(client, room);
        }
        for room in &person.invited_to {
            if let Some(place) = self.rooms.get_mut(room) {
                place.invited.remove(&client);
            }
        }
        match person.rooms.as_slice() {
            [room] => {
                let room = room.clone();
                out.push(Output::Room { room, except: None, ranks: 0, line });
            }
            _ => out.push(Output::Many { to: peers, line }),
        }
        let nick = person.who.nick.clone();
        let line = Line::Offline { nick };
        out.push(Output::Watchers { name, extended: false, except: Vec::new(), line });
        if person.irc {
            self.remember(person, unix_ms);
        }
    }

    fn remember(&mut self, person: Person, unix_ms: u64) {
        self.past.push_front(Past { who: person.who, real: person.real, unix_ms });
        self.past.truncate(GONE_MAX);
    }

    fn apply_renamed(&mut self, client: ClientId, nick: &Nick, out: &mut Vec<Output>) {
        let to = client;
        if self.nicks.get(&nick.fold()).is_some_and(|holder| *holder != client) {
            let line = Line::Reply(Reply::NickTaken(nick.clone()));
            out.push(Output::One { to, line });
            return;
        }
        let Some(person) = self.people.get_mut(&client) else { return };
        let before = Arc::clone(&person.who);
        person.become_(|who| who.nick = nick.clone());
        let after = Arc::clone(&person.who);
        let irc = person.irc;
        let (old, new) = (before.nick.fold(), nick.fold());
        self.nicks.remove(&old);
        self.nicks.insert(new.clone(), client);
        let line = Line::Renamed { who: Arc::clone(&before), to: nick.clone() };
        if irc {
            out.push(Output::One { to, line: line.clone() });
            let past = Past { who: Arc::clone(&before), real: Text::new(""), unix_ms: 0 };
            let real = self.people.get(&client).map(|person| person.real.clone());
            let unix_ms = self.now_unix_ms;
            self.past.push_front(Past { real: real.unwrap_or(past.real.clone()), unix_ms, ..past });
            self.past.truncate(GONE_MAX);
        } else {
            out.push(Output::One { to, line: Line::Reply(Reply::YouAre(nick.clone())) });
        }
        self.tell_renamed(client, line, out);
        if old != new {
            let gone = Line::Offline { nick: before.nick.clone() };
            let except = Vec::new();
            out.push(Output::Watchers { name: old, extended: false, except, line: gone });
            let come = Line::Online { who: after };
            let except = Vec::new();
            out.push(Output::Watchers { name: new, extended: false, except, line: come });
        }
    }

    fn tell_renamed(&self, client: ClientId, line: Line, out: &mut Vec<Output>) {
        let Some(person) = self.people.get(&client) else { return };
        match person.rooms.as_slice() {
            [room] => {
                let room = room.clone();
                out.push(Output::Room { room, except: Some(client), ranks: 0, line });
            }
            _ => out.push(Output::Many { to: self.peers(person), line }),
        }
    }
}
