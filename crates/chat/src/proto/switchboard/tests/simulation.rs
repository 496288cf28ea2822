//! A seeded room of thousands: clients that come, talk, flood, stall, reset and go.
//!
//! Each virtual client is a socket of a few lines: bytes that it has written and the server has not
//! read, and a rate at which it reads. The log may commit later than it is asked to. Checked:
//! 1. everyone hears what is said in the order of the log, and nobody anything twice;
//! 2. who keeps up hears all that others said while he was in, and nothing before or after;
//! 3. nothing is lost that a client wrote before it went in good order;
//! 4. the budgets hold at every moment;
//! 5. the same seed gives the same bytes.

use std::collections::{BTreeMap, VecDeque};

use super::*;
use crate::proto::{Answer, Log, MemoryLog, Question, Rate, Slow};

/// A log that commits some entries later.
pub(super) struct Laggard {
    inner: MemoryLog,
    held: VecDeque<Arc<Entry>>,
    pub(super) open: usize,
}

impl Laggard {
    pub(super) fn new() -> Laggard {
        Laggard { inner: MemoryLog::new(0, 50), held: VecDeque::new(), open: 0 }
    }
}

impl Log for Laggard {
    fn append(&mut self, append: Append) {
        self.inner.append(append);
        while let Some(entry) = self.inner.poll_committed() {
            self.held.push_back(entry);
        }
    }

    fn poll_committed(&mut self) -> Option<Arc<Entry>> {
        self.open = self.open.checked_sub(1)?;
        self.held.pop_front()
    }

    fn has_pending(&self) -> bool {
        !self.held.is_empty()
    }

    fn ask(&mut self, ticket: u64, question: Question) {
        self.inner.ask(ticket, question);
    }

    fn poll_answer(&mut self) -> Option<Answer> {
        self.inner.poll_answer()
    }

    fn tail(&self, room: &RoomName, after: Pos) -> Vec<Arc<Entry>> {
        self.inner.tail(room, after)
    }

    fn before_last(&self, room: &RoomName, lines: usize) -> Pos {
        self.inner.before_last(room, lines)
    }
}

/// xorshift64*, Vigna 2016.
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn new(seed: u64) -> Rng {
        Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(super) fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Habit {
    KeepsUp,
    Slow,
    Stalled,
    Floods,
}

struct Peer {
    habit: Habit,
    wire: VecDeque<u8>,
    heard: Vec<u8>,
    wrote: Vec<String>,
    ended: bool,
    /// How much was in the log when the server learned that this peer had ended.
    end_seen: Option<usize>,
    gone: bool,
    reset: bool,
}

/// What the log said, in its order: who was in when, and who said what.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fact {
    Joined(ClientId),
    Left(ClientId, Why),
    Said(ClientId, String),
}

struct World {
    rng: Rng,
    board: Switchboard,
    log: Laggard,
    now: Now,
    peers: BTreeMap<ClientId, Peer>,
    facts: Vec<Fact>,
    stopped: Vec<ClientId>,
    counter: u64,
    population: usize,
}

impl World {
    fn new(seed: u64, population: usize, change: impl FnOnce(&mut Settings)) -> World {
        let rate = Rate { burst: 20, per_second: 10 };
        let session = SessionConfig { flood: Some(rate), ..SessionConfig::default() };
        let limits = Limits {
            sendq_bytes_max: 16 << 10,
            queues_bytes_max: 4 << 20,
            turn_bytes_max: 1 << 20,
            slow: Slow::Close,
            pressure: Duration::from_millis(500),
        };
        let mut settings = Settings {
            rooms: vec!["#lobby".parse().expect("a room")],
            session,
            limits,
            history_lines: 0,
            web_history_lines: 0,
            goodbye: Duration::from_secs(2),
            node: 1,
            irc: irc::Settings::default(),
        };
        change(&mut settings);
        World {
            rng: Rng::new(seed),
            board: Switchboard::new(settings),
            log: Laggard::new(),
            now: Now { instant: Instant::now(), unix_ms: 0 },
            peers: BTreeMap::new(),
            facts: Vec::new(),
            stopped: Vec::new(),
            counter: 0,
            population,
        }
    }

    fn connect(&mut self) {
        let habit = match self.rng.below(20) {
            0 => Habit::Slow,
            1 => Habit::Stalled,
            2 => Habit::Floods,
            _ => Habit::KeepsUp,
        };
        let id = self.board.handle_accepted(&Arrival::default(), self.now);
        let peer = Peer {
            habit,
            wire: VecDeque::new(),
            heard: Vec::new(),
            wrote: Vec::new(),
            ended: false,
            end_seen: None,
            gone: false,
            reset: false,
        };
        assert!(self.peers.insert(id, peer).is_none(), "an id is never used twice");
    }

    fn act(&mut self, id: ClientId) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| !peer.gone && !peer.ended) else {
            return;
        };
        let lines = if peer.habit == Habit::Floods { 40 } else { 1 };
        match self.rng.below(200) {
            0..=1 => {
                peer.gone = true;
                peer.reset = true;
                self.board.handle_lost(id, self.now);
            }
            2..=3 => peer.ended = true,
            4 => peer.wire.extend(b"/nick n"),
            5 => peer.wire.extend(b"/who\n"),
            6 => peer.wire.extend(vec![b'x'; 5000]),
            7..=30 => {
                for _ in 0..lines {
                    self.counter += 1;
                    let text = format!("#{}", self.counter);
                    peer.wire.push_back(b'\n');
                    peer.wire.extend(text.bytes());
                    peer.wire.push_back(b'\n');
                    peer.wrote.push(text);
                }
            }
            _ => {}
        }
    }

    fn read_from(&mut self, id: ClientId) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| !peer.gone) else { return };
        if !self.board.want_read(id) {
            return;
        }
        let count = usize::try_from(self.rng.below(600)).expect("small").min(peer.wire.len());
        if count > 0 {
            let bytes: Vec<u8> = peer.wire.drain(..count).collect();
            self.board.handle_received(id, &bytes, self.now);
        } else if peer.wire.is_empty() && peer.ended && peer.end_seen.is_none() {
            peer.end_seen = Some(self.facts.len());
            self.board.handle_eof(id);
        }
    }

    fn commit(&mut self, everything: bool) {
        self.log.open = if everything {
            usize::MAX
        } else {
            usize::try_from(self.rng.below(40)).expect("small")
        };
        while let Some(entry) = self.log.poll_committed() {
            let fact = match &entry.append.event {
                Event::Joined { client, .. } => Some(Fact::Joined(*client)),
                Event::Left { client, why, .. } | Event::Gone { client, why, .. } => {
                    Some(Fact::Left(*client, *why))
                }
                Event::Said { client, text, .. } => {
                    Some(Fact::Said(*client, text.as_str().to_owned()))
                }
                _ => None,
            };
            self.facts.extend(fact);
            self.board.handle_committed(&entry, self.now);
            while let Some(replay) = self.board.poll_replay() {
                self.board.handle_history(replay, &[]);
            }
            assert!(self.board.queued_bytes() <= self.board.settings.limits.queues_bytes_max);
        }
    }

    fn check_budgets(&self) {
        let limits = self.board.settings.limits;
        assert!(self.board.queued_bytes() <= limits.queues_bytes_max);
        let mut sum = 0;
        for (id, client) in self.board.clients.iter() {
            let cost = client.mail.outbox.cost();
            let spare = if client.closing { 4200 } else { 0 };
            assert!(cost <= limits.sendq_bytes_max + spare, "{id:?} {cost}");
            let held = client.session.held_bytes();
            assert!(held <= self.board.settings.session.line_bytes_max + 601, "{id:?} {held}");
            sum += cost;
        }
        assert_eq!(sum, self.board.queued_bytes(), "the sum is kept right");
    }

    fn flush(&mut self, calm: bool) {
        let mut scratch = Vec::with_capacity(4096);
        let ids: Vec<ClientId> = self.peers.keys().copied().collect();
        while self.board.poll_touched().is_some() {}
        for id in ids {
            let peer = self.peers.get_mut(&id).expect("a peer");
            let mut may_take = match peer.habit {
                _ if peer.gone => 0,
                _ if calm => usize::MAX,
                Habit::KeepsUp | Habit::Floods => usize::MAX,
                Habit::Slow => usize::try_from(self.rng.below(60)).expect("small"),
                Habit::Stalled => 0,
            };
            while self.board.want_write(id) && may_take > 0 {
                let bytes = self.board.peek(id, &mut scratch);
                let count = bytes.len().min(may_take);
                peer.heard.extend_from_slice(&bytes[..count]);
                self.board.handle_transmitted(id, count);
                may_take -= count;
            }
        }
        while let Some((id, _)) = self.board.poll_finished() {
            self.peers.get_mut(&id).expect("a peer").gone = true;
            self.stopped.push(id);
        }
    }

    fn step(&mut self, calm: bool) {
        self.board.begin_turn();
        self.now.instant += Duration::from_millis(20);
        self.now.unix_ms += 20;
        self.board.handle_timeout(self.now);
        let ids: Vec<ClientId> =
            self.peers.iter().filter(|(_, peer)| !peer.gone).map(|(id, _)| *id).collect();
        if !calm && ids.len() < self.population {
            for _ in 0..self.rng.below(8) {
                self.connect();
            }
        }
        for id in ids {
            if !calm && self.rng.one_in(8) {
                self.act(id);
            }
            self.read_from(id);
        }
        while let Some(append) = self.board.poll_append(self.now) {
            self.log.append(append);
            if self.rng.one_in(2) {
                self.commit(calm);
            }
        }
        self.commit(calm);
        self.check_budgets();
        self.flush(calm);
    }

    fn run(mut self, steps: usize) -> World {
        for _ in 0..steps {
            self.step(false);
        }
        let mut quiet = 0;
        while quiet < 50 {
            self.step(true);
            let busy = self.peers.iter().any(|(id, peer)| {
                !peer.gone && (self.board.want_write(*id) || !peer.wire.is_empty())
            });
            quiet = if busy || self.board.poll_timeout().is_some() { 0 } else { quiet + 1 };
        }
        self.check();
        self
    }

    /// What this client should have heard of the talk, from its own place in the log.
    fn should_hear(&self, id: ClientId, upto: usize) -> Vec<&str> {
        let mut inside = false;
        let mut lines = Vec::new();
        for fact in &self.facts[..upto] {
            match fact {
                Fact::Joined(client) if *client == id => inside = true,
                Fact::Left(client, _) if *client == id => break,
                Fact::Said(client, text) if inside && *client != id && text.starts_with('#') => {
                    lines.push(text.as_str());
                }
                _ => {}
            }
        }
        lines
    }

    fn check(&self) {
        let mut full = 0;
        for (id, peer) in &self.peers {
            let heard = String::from_utf8_lossy(&peer.heard);
            let said: Vec<&str> = heard
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n') && line.starts_with('<'))
                .filter_map(|line| line.trim_end().split_once("> ").map(|(_, text)| text))
                .filter(|text| text.starts_with('#'))
                .collect();
            let should = self.should_hear(*id, self.facts.len());
            assert!(said.len() <= should.len(), "{id:?} heard too much");
            assert_eq!(said, should[..said.len()], "{id:?} heard from its coming on, in order");
            let keeps_up = matches!(peer.habit, Habit::KeepsUp | Habit::Floods) && !peer.reset;
            if keeps_up && !heard.contains("* closing:") {
                let least = self.should_hear(*id, peer.end_seen.unwrap_or(self.facts.len()));
                assert!(said.len() >= least.len(), "{id:?} {:?} heard all", peer.habit);
                full += 1;
            }
            if !peer.reset && !self.facts.contains(&Fact::Left(*id, Why::Slow)) {
                let took: Vec<&String> = self.said_by(*id);
                let wrote: Vec<&String> = peer.wrote.iter().collect();
                assert_eq!(took, wrote, "{id:?} lost nothing that it wrote");
            }
        }
        assert!(full * 3 > self.peers.len(), "many keep up: {full} of {}", self.peers.len());
    }

    fn said_by(&self, id: ClientId) -> Vec<&String> {
        let mine = self.facts.iter().filter_map(|fact| match fact {
            Fact::Said(client, text) if *client == id && text.starts_with('#') => Some(text),
            _ => None,
        });
        mine.collect()
    }
}

#[test]
fn a_busy_room_keeps_its_promises() {
    for seed in 1..=3 {
        let world = World::new(seed, 100, |_| ()).run(300);
        assert!(world.counter > 500, "it was busy: {}", world.counter);
        assert!(world.stopped.len() > 10, "clients came and went: {}", world.stopped.len());
        assert!(world.board.post.total() == 0);
    }
}

#[test]
fn thousands_share_a_room() {
    let world = World::new(7, 2_000, |settings| {
        settings.limits.queues_bytes_max = 32 << 20;
        settings.limits.sendq_bytes_max = 256 << 10;
    });
    let mut world = world;
    for _ in 0..2_000 {
        world.connect();
    }
    world.run(4);
}

#[test]
fn a_budget_smaller_than_the_need_costs_the_fattest_only() {
    for seed in 20..=21 {
        let world = World::new(seed, 60, |settings| {
            settings.limits.queues_bytes_max = 12 << 10;
            settings.limits.sendq_bytes_max = 32 << 10;
        });
        let world = world.run(300);
        let slow = |fact: &&Fact| matches!(fact, Fact::Left(_, Why::Slow));
        assert!(world.facts.iter().filter(slow).count() > 2, "the budget was passed");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let bytes = |seed| {
        let world = World::new(seed, 60, |_| ()).run(200);
        world.peers.into_values().map(|peer| peer.heard).collect::<Vec<_>>()
    };
    assert_eq!(bytes(99), bytes(99));
    assert_ne!(bytes(99), bytes(100));
}
