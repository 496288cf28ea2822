//! The hub alone: judgements and their effects.

use super::*;
use crate::proto::{Command, Entry, NickError, Roster, Style, Target, Text, Why};
use std::time::Instant;

struct Room {
    hub: Hub,
    lobby: RoomName,
    side: RoomName,
    ids: Roster<()>,
    seq: u64,
}

impl Room {
    fn new() -> Room {
        let rooms = ["#lobby", "#side"].map(|name| name.parse::<RoomName>().expect("a room"));
        let hub = Hub::new(&rooms, 1);
        let [lobby, side] = rooms;
        Room { hub, lobby, side, ids: Roster::default(), seq: 0 }
    }

    fn apply(&mut self, (stream, event): (Stream, Event)) -> Vec<Output> {
        let now = Now { instant: Instant::now(), unix_ms: 5 };
        let append = self.hub.append(stream, event, now);
        self.seq += 1;
        let mut out = Vec::new();
        self.hub.apply(&Entry { pos: Pos { epoch: 0, seq: self.seq }, append }, &mut out);
        out
    }

    fn join(&mut self) -> ClientId {
        let id = self.ids.insert(());
        let arrival = self.hub.decide_arrival(id);
        self.apply(arrival);
        id
    }

    fn does(&mut self, id: ClientId, line: &str) -> Vec<Output> {
        match self.hub.decide(id, Command::parse(line).expect("a command")) {
            Decision::Events(events) => events.into_iter().flat_map(|e| self.apply(e)).collect(),
            Decision::Reply(reply) => vec![Output::One { to: id, line: Line::Reply(reply) }],
            Decision::Quit | Decision::Nothing => Vec::new(),
        }
    }

    fn name(&self, id: ClientId) -> &str {
        self.hub.nick(id).map_or("", Nick::as_str)
    }
}

fn who(nick: Nick) -> Arc<Identity> {
    Arc::new(Identity::plain(nick))
}

fn nick(name: &str) -> Nick {
    Nick::new(name).expect("a nick")
}

#[test]
fn what_is_said_reaches_all_others() {
    let mut room = Room::new();
    let (a, b) = (room.join(), room.join());
    assert_eq!((room.name(a), room.name(b)), ("plain-1", "plain-2"));
    let lobby = room.lobby.clone();
    let line = Line::Said {
        who: who(Nick::plain(1)),
        to: Target::Room(lobby.clone()),
        text: Text::new("hi"),
        style: Style::Line,
        tags: "".into(),
    };
    let out = room.does(a, "hi");
    assert_eq!(out, [Output::Room { room: lobby.clone(), except: Some(a), ranks: 0, line }]);
    assert_eq!(room.hub.members(&lobby), [a, b]);
}

#[test]
fn names_are_one_mans_own() {
    let mut room = Room::new();
    let (a, b) = (room.join(), room.join());
    let out = room.does(a, "/nick Anna");
    let renamed = Line::Renamed { who: who(Nick::plain(1)), to: nick("Anna") };
    let lobby = room.lobby.clone();
    assert_eq!(out[1], Output::Room { room: lobby, except: Some(a), ranks: 0, line: renamed });
    let taken = Line::Reply(Reply::NickTaken(nick("aNNA")));
    assert_eq!(room.does(b, "/nick aNNA"), [Output::One { to: b, line: taken }]);
    room.does(a, "/nick anna");
    assert_eq!(room.name(a), "anna");
    let refused = Line::Reply(Reply::NickRefused(NickError::Reserved));
    assert_eq!(room.does(b, "/nick plain-9"), [Output::One { to: b, line: refused }]);
    let leave = room.hub.decide_leave(a, Why::Gone, None);
    room.apply(leave);
    room.does(b, "/nick ANNA");
    assert_eq!(room.name(b), "ANNA");
}

#[test]
fn a_name_that_was_taken_meanwhile_is_settled_when_applied() {
    let mut room = Room::new();
    let (a, b) = (room.join(), room.join());
    let rename = |client| {
        (Stream::People, Event::Renamed { client, who: who(Nick::plain(1)), nick: nick("anna") })
    };
    room.apply(rename(a));
    let out = room.apply(rename(b));
    assert_eq!(out, [Output::One { to: b, line: Line::Reply(Reply::NickTaken(nick("anna"))) }]);
    assert_eq!(room.name(b), "plain-2");
    let (c, d) = (room.ids.insert(()), room.ids.insert(()));
    let both = [room.hub.decide_arrival(c), room.hub.decide_arrival(d)];
    for arrival in both {
        room.apply(arrival);
    }
    assert_eq!((room.name(c), room.name(d)), ("plain-3", "plain-4"));
}

#[test]
fn who_left_is_nowhere() {
    let mut room = Room::new();
    let (a, b) = (room.join(), room.join());
    let leave = room.hub.decide_leave(b, Why::Gone, None);
    let line = Line::Gone { who: who(Nick::plain(2)), why: Why::Gone, text: None };
    let lobby = room.lobby.clone();
    let out = room.apply(leave.clone());
    assert_eq!(out[0], Output::Room { room: lobby.clone(), except: None, ranks: 0, line });
    assert_eq!(room.apply(leave), [], "once");
    assert_eq!(room.hub.members(&lobby), [a]);
    assert!(room.does(b, "still here?").is_empty());
    let said = Event::Said {
        client: b,
        who: who(Nick::plain(2)),
        to: Target::Room(lobby.clone()),
        text: Text::new("x"),
        style: Style::Line,
        tags: "".into(),
    };
    assert_eq!(room.apply((Stream::Room(lobby), said)), []);
    assert_eq!(room.hub.present().len(), 1);
}

#[test]
fn one_can_go_to_another_room_and_keeps_the_name() {
    let mut room = Room::new();
    let (a, b) = (room.join(), room.join());
    room.does(a, "/nick anna");
    room.does(a, "/join #SIDE");
    assert_eq!(room.hub.members(&room.lobby), [b]);
    assert_eq!(room.hub.members(&room.side), [a]);
    assert_eq!(room.name(a), "anna");
    let missing = Line::Reply(Reply::NoRoom(Text::new("#nowhere")));
    assert_eq!(room.does(a, "/join #nowhere"), [Output::One { to: a, line: missing }]);
    let out = room.does(a, "/who");
    let names = vec![nick("anna")];
    let who = Reply::Who { room: "#side".parse().expect("a room"), names, count: 1 };
    assert_eq!(out, [Output::One { to: a, line: Line::Reply(who) }]);
}
