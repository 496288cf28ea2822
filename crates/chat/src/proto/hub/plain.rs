//! What plain clients and pages ask for, judged.

use std::sync::Arc;

use super::super::{
    ClientId, Command, Event, Identity, Nick, RoomName, Stream, Style, Target, Text, Why,
};
use super::{Decision, Hub, Person, Reply, Room, WHO_NAMES_MAX};

impl Hub {
    /// Judges that a client comes in by the first room.
    pub fn decide_arrival(&self, client: ClientId) -> (Stream, Event) {
        let who = Arc::new(Identity::plain(Nick::plain(self.plain_next)));
        (Stream::Room(self.first.clone()), Event::Joined { client, who })
    }

    /// Judges that a client goes for good.
    pub fn decide_leave(&self, client: ClientId, why: Why, text: Option<Text>) -> (Stream, Event) {
        let who = match self.people.get(&client) {
            Some(person) => Arc::clone(&person.who),
            None => Arc::new(Identity::plain(Nick::plain(self.plain_next))),
        };
        (Stream::People, Event::Gone { client, who, why, text })
    }

    /// Judges what a client typed.
    pub fn decide(&self, client: ClientId, command: Command) -> Decision {
        let Some(person) = self.people.get(&client) else { return Decision::Nothing };
        let place = person.rooms.first().and_then(|room| self.rooms.get(room));
        let Some(room) = place else { return Decision::Nothing };
        match command {
            Command::Say(text) => say(room, person, text, Style::Line),
            Command::Act(text) => say(room, person, text, Style::Action),
            Command::Raw(bytes) => {
                let event = Event::Raw { client, bytes: bytes.into() };
                Decision::Events(vec![(Stream::Room(room.name.clone()), event)])
            }
            Command::Nick(name) => self.decide_nick(person, &name),
            Command::Join(name) => self.decide_move(&room.name, person, &name),
            Command::Who => Decision::Reply(self.who(&room.name)),
            Command::Rooms => {
                let shown =
                    self.rooms.values().filter(|other| !other.is('s') || other.name == room.name);
                let show = |room: &Room| (room.name.clone(), room.members.len());
                Decision::Reply(Reply::Rooms(shown.map(show).collect()))
            }
            Command::Help => Decision::Reply(Reply::Help),
            Command::Unknown(word) => Decision::Reply(Reply::Unknown(Text::new(&word))),
            Command::Incomplete(usage) => Decision::Reply(Reply::Incomplete(usage)),
            Command::Quit => Decision::Quit,
        }
    }

    /// Judges what somebody says who is not in the room; who is there cannot be spoken for.
    ///
    /// # Errors
    /// What to answer.
    pub fn decide_post(&self, name: &str, text: &str) -> Result<(Stream, Event), Reply> {
        let nick = Nick::new(name).map_err(Reply::NickRefused)?;
        if self.nicks.contains_key(&nick.fold()) || self.accounts.find(name).is_some() {
            return Err(Reply::NickTaken(nick));
        }
        let text = Text::new(text);
        if text.is_blank() {
            return Err(Reply::Incomplete("with something in it"));
        }
        Ok((Stream::Room(self.first.clone()), Event::Posted { nick, text }))
    }

    fn decide_nick(&self, person: &Person, name: &str) -> Decision {
        let nick = match Nick::new(name) {
            Ok(nick) => nick,
            Err(error) => return Decision::Reply(Reply::NickRefused(error)),
        };
        let client = person.client;
        let reserved = self.accounts.find(name).is_some();
        match self.nicks.get(&nick.fold()) {
            Some(holder) if *holder != client => Decision::Reply(Reply::NickTaken(nick)),
            Some(_) if person.who.nick == nick => Decision::Reply(Reply::YouAre(nick)),
            _ if reserved => Decision::Reply(Reply::NickTaken(nick)),
            _ => {
                let who = Arc::clone(&person.who);
                Decision::Events(vec![(Stream::People, Event::Renamed { client, who, nick })])
            }
        }
    }

    fn decide_move(&self, from: &RoomName, person: &Person, name: &str) -> Decision {
        let Some(to) = self.room(name) else {
            return Decision::Reply(Reply::NoRoom(Text::new(name)));
        };
        if to.name == *from {
            return Decision::Reply(self.who(from));
        }
        if let Err(barred) = to.admits(person, None) {
            return Decision::Reply(Reply::Barred(to.name.clone(), barred));
        }
        let (client, who) = (person.client, &person.who);
        let left = Event::Left { client, who: Arc::clone(who), why: Why::Moved, text: None };
        Decision::Events(vec![
            (Stream::Room(from.clone()), left),
            (Stream::Room(to.name.clone()), Event::Joined { client, who: Arc::clone(who) }),
        ])
    }

    fn who(&self, room: &RoomName) -> Reply {
        let Some(place) = self.rooms.get(room) else { return Reply::Rooms(Vec::new()) };
        let (names, count) = self.names(place);
        Reply::Who { room: place.name.clone(), names, count }
    }

    fn names(&self, place: &Room) -> (Vec<Nick>, usize) {
        let mut names: Vec<Nick> =
            place.members.iter().filter_map(|client| self.nick(*client).cloned()).collect();
        let count = names.len();
        names.sort_by_key(|nick| (nick.as_str().len(), nick.clone()));
        names.truncate(WHO_NAMES_MAX);
        (names, count)
    }

    /// What a page is told on coming in, with the number of lines that follow.
    pub fn here(&self, client: ClientId, earlier: usize) -> Option<Reply> {
        let person = self.people.get(&client)?;
        let place = self.rooms.get(person.rooms.first()?)?;
        let (members, count) = self.names(place);
        let (nick, room) = (person.who.nick.clone(), place.name.clone());
        Some(Reply::Here { nick, room, members, count, earlier })
    }
}

fn say(room: &Room, person: &Person, text: Text, style: Style) -> Decision {
    if !room.lets_speak(person) {
        return Decision::Reply(Reply::Silenced(room.name.clone()));
    }
    let event = Event::Said {
        client: person.client,
        who: Arc::clone(&person.who),
        to: Target::Room(room.name.clone()),
        text,
        style,
        tags: "".into(),
    };
    Decision::Events(vec![(Stream::Room(room.name.clone()), event)])
}
