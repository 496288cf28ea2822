//! What happens in a room.

use std::sync::Arc;

use super::super::super::frame::{Line, Reply};
use super::super::super::{
    ClientId, Entry, Event, Identity, ModeChange, Nick, RoomName, Target, Text, Why, fold,
};
use super::super::room::{Mask, Topic};
use super::super::{Hub, Output, Person, Room, rank_bit};

impl Hub {
    pub(super) fn apply_in_room(&mut self, room: &RoomName, entry: &Entry, out: &mut Vec<Output>) {
        self.now_unix_ms = self.now_unix_ms.max(entry.append.unix_ms);
        let all = |except: Option<ClientId>, line: Line| Output::Room {
            room: room.clone(),
            except,
            ranks: 0,
            line,
        };
        match &entry.append.event {
            Event::Joined { client, who } => self.apply_joined((*client, who), room, entry, out),
            Event::Left { client, why, text, .. } => {
                self.apply_left(*client, room, (*why, text.as_ref()), out);
            }
            event @ (Event::Said { client, to, .. } | Event::SaidLines { client, to, .. }) => {
                let ranks = if let Target::Ranked(sign, _) = to {
                    super::super::at_least(*sign)
                } else {
                    Some(0)
                };
                if let (Some(line), Some(ranks)) = (Line::said(event), ranks)
                    && self.people.contains_key(client)
                    && self.is_heard(*client, room)
                {
                    self.touch(*client, &line);
                    let room = room.clone();
                    out.push(Output::Room { room, except: Some(*client), ranks, line });
                }
            }
            Event::Raw { client, bytes } => {
                if self.is_in(*client, room) {
                    out.push(all(Some(*client), Line::Raw(Arc::clone(bytes))));
                }
            }
            Event::Posted { nick, text } => out.push(all(None, Line::posted(nick, text, room))),
            Event::Notice { text } => {
                let line = Line::Notice { room: room.clone(), text: text.clone() };
                out.push(all(None, line));
            }
            Event::Redacted { client, who, to, at, text } => {
                let (who, to) = (Arc::clone(who), to.clone());
                let line = Line::Redacted { who, to, at: *at, text: text.clone() };
                out.push(all(Some(*client), line));
            }
            _ => self.apply_to_room(room, entry, out),
        }
    }

    fn apply_to_room(&mut self, room: &RoomName, entry: &Entry, out: &mut Vec<Output>) {
        let unix_s = entry.append.unix_ms / 1000;
        let named = room;
        let all = |line: Line| Output::Room { room: room.clone(), except: None, ranks: 0, line };
        match &entry.append.event {
            Event::Topic { who, text, .. } => {
                let Some(place) = self.rooms.get_mut(room) else { return };
                let by: Arc<str> = who.to_string().into();
                place.topic =
                    (!text.as_str().is_empty()).then(|| Topic { text: text.clone(), by, unix_s });
                let (who, room) = (Arc::clone(who), named.clone());
                out.push(all(Line::Topic { who, room, text: text.clone() }));
            }
            Event::Kicked { who, target, nick, text, .. } => {
                if !self.is_in(*target, room) {
                    return;
                }
                self.take_out(*target, room);
                self.forget_room(*target, room);
                let (who, room, nick) = (Arc::clone(who), named.clone(), nick.clone());
                let line = Line::Kicked { who, room, nick, text: text.clone() };
                out.push(Output::One { to: *target, line: line.clone() });
                out.push(all(line));
            }
            Event::Invited { who, target, nick, .. } => {
                let Some(place) = self.rooms.get_mut(room) else { return };
                let Some(person) = self.people.get_mut(target) else { return };
                place.invited.insert(*target);
                person.invited_to.insert(place.name.clone());
                let (who, room, nick) = (Arc::clone(who), named.clone(), nick.clone());
                let line = Line::Invited { who, room: room.clone(), nick };
                out.push(Output::One { to: *target, line: line.clone() });
                let except = Some(*target);
                let ranks = super::super::HALF_OPERATORS;
                out.push(Output::Room { room, except, ranks, line });
            }
            Event::Modes { who, changes, .. } => {
                let Some(place) = self.rooms.get_mut(room) else { return };
                for change in changes {
                    change_mode(place, change, who, unix_s);
                }
                let shown: Arc<str> = shown(changes).into();
                let (who, room) = (Some(Arc::clone(who)), named.clone());
                out.push(all(Line::Modes { who, room, shown }));
            }
            Event::Founded { account, .. } => {
                let Some(place) = self.rooms.get_mut(room) else { return };
                place.founder.clone_from(account);
                self.close_if_empty(room);
            }
            _ => {}
        }
    }

    /// Whether what somebody says in a room is still heard, from inside or outside.
    fn is_heard(&self, client: ClientId, room: &RoomName) -> bool {
        let place = self.rooms.get(room);
        self.is_in(client, room) || place.is_some_and(|place| !place.is('n'))
    }

    fn is_in(&self, client: ClientId, room: &RoomName) -> bool {
        self.people.get(&client).is_some_and(|person| person.rooms.contains(room))
    }

    fn apply_joined(
        &mut self,
        (client, who): (ClientId, &Arc<Identity>),
        room: &RoomName,
        entry: &Entry,
        out: &mut Vec<Output>,
    ) {
        if self
            .people
            .get(&client)
            .is_some_and(|p| if p.irc { p.rooms.contains(room) } else { !p.rooms.is_empty() })
        {
            return;
        }
        if !self.people.contains_key(&client) {
            let taken = self.nicks.contains_key(&who.nick.fold());
            let nick = if taken { Nick::plain(self.plain_next) } else { who.nick.clone() };
            self.plain_next += 1;
            let who = Arc::new(Identity { nick, ..(**who).clone() });
            self.insert(Person::new(client, who, entry.append.unix_ms));
        }
        let Some(person) = self.people.get_mut(&client) else { return };
        let created = entry.append.unix_ms / 1000;
        let place = self
            .rooms
            .entry(room.clone())
            .or_insert_with(|| Room::new(room.clone(), false, created));
        if place.created_unix_s == 0 {
            place.created_unix_s = created;
        }
        person.rooms.push(place.name.clone());
        person.invited_to.remove(room);
        place.invited.remove(&client);
        let others = place.members.len();
        place.members.push(client);
        let rank = first_rank(place, person, others);
        if rank != 0 {
            place.ranks.insert(client, rank);
        }
        let (who, room) = (Arc::clone(&person.who), place.name.clone());
        let line =
            Line::Joined { who: Arc::clone(&who), room: room.clone(), real: person.real.clone() };
        if person.irc {
            out.push(Output::Room { room: room.clone(), except: None, ranks: 0, line });
            out.push(Output::Entered { to: client, room: room.clone() });
        } else {
            let nick = who.nick.clone();
            let welcome = Line::Reply(Reply::Welcome { nick, room: room.clone(), others });
            let (before, to) = (entry.pos, client);
            out.push(Output::Earlier { to, room: room.clone(), before, line: welcome });
            out.push(Output::Room { room: room.clone(), except: Some(client), ranks: 0, line });
        }
        if let Some(text) = person.away.clone() {
            let line = Line::Away { who: Arc::clone(&who), text: Some(text) };
            out.push(Output::Room { room: room.clone(), except: Some(client), ranks: 0, line });
        }
        if rank != 0 && others > 0 {
            let shown = format!("+qo {0} {0}", who.nick).into();
            let line = Line::Modes { who: None, room: room.clone(), shown };
            out.push(Output::Room { room, except: Some(client), ranks: 0, line });
        }
    }

    fn apply_left(
        &mut self,
        client: ClientId,
        room: &RoomName,
        (why, text): (Why, Option<&Text>),
        out: &mut Vec<Output>,
    ) {
        if !self.is_in(client, room) {
            return;
        }
        self.take_out(client, room);
        self.forget_room(client, room);
        let Some(person) = self.people.get(&client) else { return };
        let (who, room) = (Arc::clone(&person.who), room.clone());
        let line = Line::Left { who, room: room.clone(), why, text: text.cloned() };
        if person.irc {
            out.push(Output::One { to: client, line: line.clone() });
        }
        out.push(Output::Room { room, except: None, ranks: 0, line });
    }

    /// The room's side of somebody's going.
    pub(super) fn take_out(&mut self, client: ClientId, room: &RoomName) {
        let Some(place) = self.rooms.get_mut(room) else { return };
        if let Some(at) = place.members.iter().position(|member| *member == client) {
            place.members.swap_remove(at);
        }
        place.ranks.remove(&client);
        self.close_if_empty(room);
    }

    /// A room without members ends, unless it is one of the operator's or somebody's own.
    fn close_if_empty(&mut self, room: &RoomName) {
        let Some(place) = self.rooms.get(room) else { return };
        if place.members.is_empty() && !place.fixed && place.founder.is_none() {
            let invited: Vec<ClientId> = place.invited.iter().copied().collect();
            for client in invited {
                if let Some(person) = self.people.get_mut(&client) {
                    person.invited_to.remove(room);
                }
            }
            self.rooms.remove(room);
        }
    }

    /// The person's side of going.
    fn forget_room(&mut self, client: ClientId, room: &RoomName) {
        if let Some(person) = self.people.get_mut(&client) {
            person.rooms.retain(|other| other != room);
        }
    }
}

/// Who opens a room runs it; so does whose room it is.
fn first_rank(place: &Room, person: &Person, others: usize) -> u8 {
    let owns = place.founder.is_some() && place.founder == person.who.account;
    match (owns, others == 0 && !place.fixed && place.founder.is_none() && person.irc) {
        (true, _) => 16 | 4,
        (_, true) => 4,
        _ => 0,
    }
}

fn change_mode(place: &mut Room, change: &ModeChange, who: &Identity, unix_s: u64) {
    if let (Some(member), Some(bit)) = (change.member, rank_bit(change.mode)) {
        if !place.members.contains(&member) {
            return;
        }
        let rank = place.rank(member);
        let rank = if change.set { rank | bit } else { rank & !bit };
        match rank {
            0 => place.ranks.remove(&member),
            rank => place.ranks.insert(member, rank),
        };
        return;
    }
    if let Some(list) = place.masks.list_mut(change.mode) {
        let Some(text) = &change.value else { return };
        let folded = fold(text);
        list.retain(|mask| mask.folded != folded);
        if change.set {
            let by: Arc<str> = who.to_string().into();
            list.push(Mask { text: Arc::clone(text), folded, by, unix_s });
        }
        return;
    }
    match change.mode {
        'k' => place.key = change.value.clone().filter(|_| change.set),
        'l' => {
            let limit = change.value.as_deref().and_then(|limit| limit.parse().ok());
            place.limit = limit.filter(|_| change.set);
        }
        flag if change.set => {
            place.flags.insert(flag);
        }
        flag => {
            place.flags.remove(&flag);
        }
    }
}

/// Changes as IRC writes them: `+ov-k anna bo *`.
pub(crate) fn shown(changes: &[ModeChange]) -> String {
    let (mut letters, mut values, mut sign) = (String::new(), String::new(), None);
    for change in changes {
        if sign.replace(change.set) != Some(change.set) {
            letters.push(if change.set { '+' } else { '-' });
        }
        letters.push(change.mode);
        if let Some(value) = &change.value {
            values.push(' ');
            values.push_str(value);
        }
    }
    letters + &values
}
