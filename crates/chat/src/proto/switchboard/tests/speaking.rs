//! IRC clients in the rooms, beside plain clients: by hand, and seeded.
//!
//! The seeded rooms check, with a log that commits later than it is asked to:
//! 1. everyone hears what is said in his rooms from his coming to his going, in the log's order,
//!    himself only where he wants an echo;
//! 2. each label is answered exactly once, each PING once and in order;
//! 3. ids of messages only grow;
//! 4. the same seed gives the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use super::simulation::{Laggard, Rng};
use super::*;
use crate::proto::{Log, Target};

impl Bench {
    fn irc(&mut self, nick: &str, caps: &str) -> ClientId {
        let id = self.board.handle_accepted(&Arrival::default(), self.now);
        let caps = if caps.is_empty() { String::new() } else { format!("CAP REQ :{caps}\r\n") };
        let end = if caps.is_empty() { "" } else { "CAP END\r\n" };
        self.types(id, format!("{caps}NICK {nick}\r\nUSER u 0 * :Real\r\n{end}").as_bytes());
        id
    }
}

#[test]
fn a_client_is_greeted_and_talks_with_plain_ones() {
    let mut bench = Bench::new(|_| ());
    let plain = bench.join();
    bench.reads(plain);
    let irc = bench.irc("anna", "");
    let greeting = bench.reads(irc);
    assert!(greeting.starts_with(":sockeye.local 001 anna :Welcome"), "{greeting}");
    assert!(greeting.contains(" 422 anna :") && greeting.ends_with(" 221 anna +\r\n"));
    bench.types(
        irc,
        b"JOIN #lobby\r\nPRIVMSG #lobby :hi\r\nPRIVMSG #lobby :\x01ACTION waves\x01\r\n",
    );
    assert_eq!(bench.reads(plain), "* anna joined\n<anna> hi\n* anna waves\n");
    assert_eq!(
        bench.reads(irc),
        ":anna!~u@localhost JOIN #lobby\r\n:sockeye.local 353 anna = #lobby :plain-1 anna\r\n\
         :sockeye.local 366 anna #lobby :End of NAMES list\r\n"
    );
    bench.types(plain, b"/me nods\nyes\n/nick bo\n");
    assert_eq!(
        bench.reads(irc),
        ":plain-1!~nc@plain PRIVMSG #lobby :\x01ACTION nods\x01\r\n\
         :plain-1!~nc@plain PRIVMSG #lobby :yes\r\n:plain-1!~nc@plain NICK bo\r\n"
    );
    bench.reads(plain);
    bench.types(irc, b"NICK berta\r\nPART #lobby\r\nQUIT :bye\r\n");
    assert_eq!(bench.reads(plain), "* anna is now berta\n* berta left\n");
    assert!(bench.reads(irc).ends_with("ERROR :Closing Link: localhost (Quit: bye)\r\n"));
    assert_eq!(bench.finished(), [irc]);
}

#[test]
fn a_line_that_is_too_long_for_irc_comes_in_pieces() {
    let mut bench = Bench::new(|_| ());
    let plain = bench.join();
    let irc = bench.irc("anna", "");
    bench.types(irc, b"JOIN #lobby\r\n");
    bench.reads(irc);
    let text = "\u{e4}".repeat(700);
    bench.types(plain, format!("{text}\n").as_bytes());
    let heard = bench.reads(irc);
    let prefix = ":plain-1!~nc@plain PRIVMSG #lobby :";
    let pieces: Vec<&str> =
        heard.split_terminator("\r\n").map(|line| line.strip_prefix(prefix).unwrap()).collect();
    assert!(pieces.len() == 3 && heard.split("\r\n").all(|line| line.len() <= 510), "{heard}");
    assert_eq!(pieces.concat(), text);
}

#[test]
fn a_label_is_answered_once_whatever_comes_of_the_command() {
    let mut bench = Bench::new(|_| ());
    let caps = "batch labeled-response echo-message message-tags";
    let a = bench.irc("anna", caps);
    bench.reads(a);
    bench.types(a, b"@label=1 PONG x\r\n@label=2 PING x\r\n");
    assert_eq!(
        bench.reads(a),
        "@label=1 :sockeye.local ACK\r\n@label=2 :sockeye.local PONG sockeye.local :x\r\n"
    );
    bench.types(a, b"@label=3 JOIN #a\r\n");
    let joined = bench.reads(a);
    assert!(joined.starts_with("@label=3 :sockeye.local BATCH +r"), "{joined}");
    assert_eq!(joined.matches("label=3").count(), 1);
    assert!(joined.contains(";msgid=0-") && joined.contains(" JOIN #a\r\n"), "{joined}");
    bench.types(a, b"@label=4;+x=y PRIVMSG #a :hi\r\n");
    let said = bench.reads(a);
    assert!(said.starts_with("@label=4;msgid=0-"), "{said}");
    assert!(said.ends_with(";+x=y :anna!~u@localhost PRIVMSG #a :hi\r\n"), "{said}");
}

#[test]
fn a_name_that_two_ask_for_goes_to_one() {
    let mut bench = Bench::new(|_| ());
    let a = bench.irc("anna", "");
    let b = bench.irc("ANNA", "");
    assert!(bench.reads(a).contains(" 001 anna "));
    assert_eq!(bench.reads(b), ":sockeye.local 433 * ANNA :Nickname is already in use\r\n");
    bench.types(b, b"NICK bo\r\n");
    assert!(bench.reads(b).contains(" 001 bo "));
}

struct Peer {
    nick: String,
    echoes: bool,
    labels: bool,
    tags: bool,
    wire: String,
    heard: String,
    asked: Vec<String>,
    pings: Vec<String>,
    gone: bool,
}

/// What the log said, in its order.
enum Fact {
    Joined(ClientId, String),
    Left(ClientId, String),
    Gone(ClientId),
    Said(ClientId, String, String),
}

struct Rooms {
    rng: Rng,
    board: Switchboard,
    log: Laggard,
    now: Now,
    peers: BTreeMap<ClientId, Peer>,
    facts: Vec<Fact>,
    count: u64,
}

impl Rooms {
    fn new(seed: u64) -> Rooms {
        let bench = Bench::new(|settings| settings.history_lines = 0);
        let (board, now) = (bench.board, bench.now);
        let (rng, log) = (Rng::new(seed), Laggard::new());
        Rooms { rng, board, log, now, peers: BTreeMap::new(), facts: Vec::new(), count: 0 }
    }

    fn connect(&mut self) {
        let id = self.board.handle_accepted(&Arrival::default(), self.now);
        self.count += 1;
        let nick = format!("n{}", self.count);
        let (echoes, labels, tags) = (self.rng.one_in(2), self.rng.one_in(2), self.rng.one_in(2));
        let mut caps = vec!["server-time"];
        caps.extend(echoes.then_some("echo-message"));
        caps.extend(labels.then_some("labeled-response batch"));
        caps.extend(tags.then_some("message-tags"));
        let wire =
            format!("CAP REQ :{}\r\nNICK {nick}\r\nUSER u 0 * :u\r\nCAP END\r\n", caps.join(" "));
        let (heard, asked, pings, gone) = (String::new(), Vec::new(), Vec::new(), false);
        let peer = Peer { nick, echoes, labels, tags, wire, heard, asked, pings, gone };
        self.peers.insert(id, peer);
    }

    fn act(&mut self, id: ClientId) {
        let room = ["#a", "#b", "#lobby"][usize::try_from(self.rng.below(3)).unwrap()];
        let other = format!("n{}", 1 + self.rng.below(self.count));
        self.count += 1;
        let number = self.count;
        let kind = self.rng.below(40);
        let peer = self.peers.get_mut(&id).expect("a peer");
        let command = match kind {
            0..=5 => format!("JOIN {room}"),
            6 => format!("PART {room}"),
            7 => format!("KICK {room} {other}"),
            8 => format!("TOPIC {room} :{number}"),
            9 => format!("MODE {room} +v {other}"),
            10 => format!("NICK m{number}"),
            11 => "WHO *".to_owned(),
            12 => format!("AWAY :{number}"),
            13 if number.is_multiple_of(5) => "QUIT".to_owned(),
            14 if number.is_multiple_of(7) => {
                peer.gone = true;
                return self.board.handle_lost(id, self.now);
            }
            15..=18 => {
                peer.pings.push(number.to_string());
                format!("PING {number}")
            }
            _ => format!("PRIVMSG {room} :{number}"),
        };
        if peer.labels && kind != 13 {
            peer.asked.push(number.to_string());
            peer.wire.push_str(&format!("@label={number} "));
        }
        peer.wire.push_str(&command);
        peer.wire.push_str("\r\n");
    }

    fn commit(&mut self, everything: bool) {
        self.log.open = if everything { usize::MAX } else { self.some(40) };
        while let Some(entry) = self.log.poll_committed() {
            self.remember(&entry);
            self.board.handle_committed(&entry, self.now);
            while let Some(replay) = self.board.poll_replay() {
                self.board.handle_history(replay, &[]);
            }
        }
    }

    fn some(&mut self, bound: u64) -> usize {
        usize::try_from(self.rng.below(bound)).expect("small")
    }

    fn remember(&mut self, entry: &Entry) {
        let room = match &entry.append.stream {
            Stream::Room(room) => room.to_string(),
            _ => String::new(),
        };
        self.facts.extend(match &entry.append.event {
            Event::Joined { client, .. } => Some(Fact::Joined(*client, room)),
            Event::Left { client, .. } => Some(Fact::Left(*client, room)),
            Event::Kicked { target, .. } => Some(Fact::Left(*target, room)),
            Event::Gone { client, .. } => Some(Fact::Gone(*client)),
            Event::Said { client, to: Target::Room(_), text, .. } => {
                Some(Fact::Said(*client, room, text.as_str().to_owned()))
            }
            _ => None,
        });
    }

    fn step(&mut self, calm: bool) {
        self.board.begin_turn();
        self.now.instant += Duration::from_millis(20);
        self.now.unix_ms += 20;
        self.board.handle_timeout(self.now);
        if !calm && self.peers.values().filter(|peer| !peer.gone).count() < 40 {
            self.connect();
        }
        let ids: Vec<ClientId> =
            self.peers.iter().filter(|(_, peer)| !peer.gone).map(|(id, _)| *id).collect();
        for id in &ids {
            if !calm && self.rng.one_in(4) {
                self.act(*id);
            }
            let most = self.some(300);
            let Some(peer) = self.peers.get_mut(id).filter(|peer| !peer.gone) else { continue };
            let rest = peer.wire.split_off(most.min(peer.wire.len()));
            let bytes = std::mem::replace(&mut peer.wire, rest);
            if self.board.want_read(*id) {
                self.board.handle_received(*id, bytes.as_bytes(), self.now);
            } else {
                peer.wire.insert_str(0, &bytes);
            }
        }
        while let Some(append) = self.board.poll_append(self.now) {
            self.log.append(append);
            if self.rng.one_in(2) {
                self.commit(calm);
            }
        }
        self.commit(calm);
        self.read();
    }

    fn read(&mut self) {
        let mut scratch = Vec::with_capacity(4096);
        while self.board.poll_touched().is_some() {}
        for (id, peer) in &mut self.peers {
            while self.board.want_write(*id) {
                let bytes = self.board.peek(*id, &mut scratch);
                let count = bytes.len();
                peer.heard.push_str(std::str::from_utf8(bytes).expect("whole frames"));
                self.board.handle_transmitted(*id, count);
            }
        }
        while let Some((id, _)) = self.board.poll_finished() {
            self.peers.get_mut(&id).expect("a peer").gone = true;
        }
    }

    /// What a peer has to hear of the talk in rooms.
    fn should_hear(&self, id: ClientId) -> Vec<(&str, &str)> {
        let mut inside: BTreeSet<(ClientId, &str)> = BTreeSet::new();
        let mut heard = Vec::new();
        for fact in &self.facts {
            match fact {
                Fact::Joined(client, room) => drop(inside.insert((*client, room))),
                Fact::Left(client, room) => drop(inside.remove(&(*client, room.as_str()))),
                Fact::Gone(client) => inside.retain(|(other, _)| other != client),
                Fact::Said(client, room, text) => {
                    let here = |who| inside.contains(&(who, room.as_str()));
                    let wants = *client != id || self.peers[&id].echoes;
                    if here(id) && here(*client) && wants {
                        heard.push((room.as_str(), text.as_str()));
                    }
                }
            }
        }
        heard
    }

    fn check(&self) {
        let mut said = 0;
        for (id, peer) in &self.peers {
            let heard: Vec<(&str, &str)> =
                peer.heard.split("\r\n").filter_map(|line| privmsg(line)).collect();
            let should = self.should_hear(*id);
            said += should.len();
            assert!(heard.len() <= should.len(), "{}", peer.nick);
            assert_eq!(heard, should[..heard.len()], "{}", peer.nick);
            if !peer.gone {
                assert_eq!(heard.len(), should.len(), "{} heard all", peer.nick);
                self.check_answers(peer);
            }
            if peer.tags {
                let ids: Vec<u64> = peer.heard.split("\r\n").filter_map(msgid).collect();
                assert!(ids.is_sorted(), "{}: {ids:?}", peer.nick);
            }
        }
        assert!(said > 1000, "it was busy: {said}");
    }

    fn check_answers(&self, peer: &Peer) {
        let pongs: Vec<&str> = peer
            .heard
            .split("\r\n")
            .filter_map(|line| Some(line.split_once(" PONG sockeye.local :")?.1))
            .collect();
        assert_eq!(pongs, peer.pings, "{}", peer.nick);
        for label in &peer.asked {
            let answers = [format!("@label={label} "), format!("@label={label};")];
            let count: usize = answers.iter().map(|tag| peer.heard.matches(tag).count()).sum();
            assert_eq!(count, 1, "{} label {label}", peer.nick);
        }
    }

    fn run(seed: u64, steps: usize) -> Rooms {
        let mut rooms = Rooms::new(seed);
        for _ in 0..steps {
            rooms.step(false);
        }
        for _ in 0..100 {
            rooms.step(true);
        }
        rooms
    }
}

/// The room and the text of a message to a room.
fn privmsg(line: &str) -> Option<(&str, &str)> {
    let (_, rest) = line.split_once(" PRIVMSG #")?;
    let (room, text) = rest.split_once(" :")?;
    let start = line.len() - rest.len() - 1;
    Some((&line[start..start + room.len() + 1], text))
}

/// The place that a line's id tells.
fn msgid(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once("msgid=0-")?;
    u64::from_str_radix(rest.split([' ', ';']).next()?, 16).ok()
}

#[test]
fn seeded_rooms_keep_their_promises() {
    for seed in 1..=4 {
        Rooms::run(seed, 300).check();
    }
}

#[test]
fn the_same_seed_gives_the_same_lines() {
    let heard = |seed| {
        let rooms = Rooms::run(seed, 100);
        rooms.peers.into_values().map(|peer| peer.heard).collect::<Vec<_>>()
    };
    assert_eq!(heard(5), heard(5));
    assert_ne!(heard(5), heard(6));
}
