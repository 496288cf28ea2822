//! What to send next, how long to wait, and what each answer means: the whole of a scan but the
//! sockets and the clock.
//!
//! A probe takes a slot when it is first sent and keeps it until its verdict. A slot holds a
//! socket of the backend while its attempt is under way, and between a timeout and the next
//! attempt (a late answer still counts). Contract:
//! 1. every position of the shard gets exactly one verdict;
//! 2. an answer to a finished probe is ignored, whenever it comes;
//! 3. at most `rate_max` probes are sent, whatever else is asked for;
//! 4. the end is bounded: attempts times timeouts, and `STARVED_MAX` where this machine lacks
//!    something.

use super::plan::{Plan, Probe, Shard};
use super::rate::{Rate, TokenBucket};
use super::rtt::{HostRtts, RttBounds};
use super::tally::Tally;
use super::verdict::{Outcome, Reason, State, Verdict};
use super::window::Window;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// How a scheduler behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Never send faster than this.
    pub rate_max: Option<Rate>,
    /// Send at least this fast, even where the window says to wait.
    pub rate_min: Option<Rate>,
    /// A fixed number of probes under way, instead of an adaptive one.
    pub parallel: Option<u32>,
    /// Probes under way, at most.
    pub in_flight_max: u32,
    /// Attempts at one port, at least 1.
    pub attempts_max: u8,
    /// A fixed timeout of every attempt, instead of an adaptive one.
    pub timeout: Option<Duration>,
    /// Bounds of the adaptive timeout.
    pub rtt: RttBounds,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rate_max: None,
            rate_min: None,
            parallel: None,
            in_flight_max: 4096,
            attempts_max: 4,
            timeout: None,
            rtt: RttBounds::default(),
        }
    }
}

/// Names one attempt; an answer brings it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// The slot, below `Settings::in_flight_max`: an index for the backend's own table.
    pub slot: u32,
    generation: u32,
    attempt: u8,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Send this probe now; what the slot held before is to be closed.
    Send(Ticket, Probe),
    /// Nothing to send before this moment, unless an answer comes.
    WaitUntil(Duration),
    /// Every port has its verdict.
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Free,
    /// Under way, with a timer.
    Flying,
    /// Timed out and waiting to be sent again.
    Due,
    /// This machine lacked something: waits with a timer, holds nothing.
    Resting,
    /// As `Resting`, but its time has come.
    Rested,
    /// All attempts are used up, and the end may grant some more.
    Parked,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    probe: Probe,
    generation: u32,
    phase: Phase,
    /// Attempts so far, the one under way included.
    attempts: u8,
    attempts_max: u8,
    rests: u8,
    sent: Duration,
    timer: Duration,
}

impl Slot {
    fn holds(&self) -> bool {
        matches!(self.phase, Phase::Flying | Phase::Due | Phase::Parked)
    }
}

/// Decides the course of one shard of a scan.
#[derive(Debug)]
pub struct Scheduler {
    plan: Arc<Plan>,
    shard: Shard,
    settings: Settings,
    turn: u64,
    turns: u64,
    slots: Vec<Slot>,
    free: Vec<u32>,
    held: u32,
    timers: BTreeSet<(Duration, u32)>,
    due: VecDeque<(u32, u32)>,
    rested: VecDeque<(u32, u32)>,
    parked: Vec<(u32, u32)>,
    parking: bool,
    finished: VecDeque<(u32, Verdict)>,
    window: Window,
    limit: Option<TokenBucket>,
    urge: Option<TokenBucket>,
    rtts: HostRtts,
    tally: Tally,
    starved_since: Option<Duration>,
}

/// Silent ports that get more attempts at the end, where nearly all others answered: a listener
/// whose backlog was full may have room by then.
const PARKED_MAX: usize = 8;
/// Attempts that are granted to them.
const LAST_CALLS: u8 = 2;
/// Answers for each of them before that is worth the wait.
const ANSWERS_PER_PARKED: u64 = 16;
/// The first rest after a shortage; it doubles up to a second.
const REST: Duration = Duration::from_millis(5);
/// How long this machine may lack something, with nothing under way, before ports are given up.
const STARVED_MAX: Duration = Duration::from_secs(20);

impl Scheduler {
    /// Starts on one shard of a plan.
    #[must_use]
    pub fn new(plan: Arc<Plan>, shard: Shard, settings: Settings) -> Self {
        let in_flight_max = settings.in_flight_max.max(1);
        let window = match settings.parallel {
            Some(size) => Window::fixed(size.clamp(1, in_flight_max)),
            None => Window::adaptive(in_flight_max),
        };
        let hosts = u64::try_from(plan.targets().len()).unwrap_or(u64::MAX);
        let rate_min =
            settings.rate_min.map(|min| settings.rate_max.map_or(min, |max| min.slower(max)));
        Self {
            turn: 0,
            turns: shard.len_of(plan.len()),
            slots: Vec::new(),
            free: Vec::new(),
            held: 0,
            timers: BTreeSet::new(),
            due: VecDeque::new(),
            rested: VecDeque::new(),
            parked: Vec::new(),
            parking: settings.timeout.is_none() && settings.attempts_max > 1,
            finished: VecDeque::new(),
            window,
            limit: settings.rate_max.map(TokenBucket::new),
            urge: rate_min.map(TokenBucket::new),
            rtts: HostRtts::new(settings.rtt, hosts),
            tally: Tally::default(),
            starved_since: None,
            plan,
            shard,
            settings,
        }
    }

    /// Counts what happened so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Tells what to do at the moment `now`, which never goes back. Verdicts may fall due here,
    /// with the last step too: poll them before acting on the step.
    pub fn poll_step(&mut self, now: Duration) -> Step {
        self.expire(now);
        loop {
            if let Some(slot) = self.candidate(now) {
                let ready = self.limit.as_ref().map_or(now, TokenBucket::ready_at);
                if ready > now {
                    return Step::WaitUntil(self.first_timer().map_or(ready, |at| at.min(ready)));
                }
                return self.send(slot, now);
            }
            if let Some(at) = self.first_timer() {
                let urged = self.urge.as_ref().filter(|_| self.may_start(self.window.max()));
                let urged = urged.map(|urge| urge.ready_at().max(now));
                return Step::WaitUntil(urged.map_or(at, |urged| urged.min(at)));
            }
            if self.parked.is_empty() {
                return Step::Done;
            }
            self.leave_parking();
        }
    }

    /// Takes in what became of an attempt.
    pub fn handle_result(&mut self, now: Duration, ticket: Ticket, outcome: Outcome) {
        let Some(slot) = self.live(ticket.slot, ticket.generation) else { return };
        match outcome {
            Outcome::Answer(state, reason) => {
                self.starved_since = None;
                self.handle_answer(now, ticket, (state, reason));
            }
            // A shortage of an attempt that was given up already says nothing.
            Outcome::Pressure(reason) if slot.phase == Phase::Flying => {
                self.handle_pressure(now, ticket.slot, reason);
            }
            Outcome::Pressure(_) => {}
        }
    }

    /// Gives the next verdict, with the slot that is free from now on.
    pub fn poll_verdict(&mut self) -> Option<(u32, Verdict)> {
        self.finished.pop_front()
    }

    fn handle_answer(&mut self, now: Duration, ticket: Ticket, (state, reason): (State, Reason)) {
        let slot = *self.slot(ticket.slot);
        // The probe that was answered is known: no ambiguity as in Karn's algorithm.
        let current = ticket.attempt + 1 == slot.attempts;
        let rtt = current.then(|| now.saturating_sub(slot.sent));
        let answered = matches!(reason, Reason::SynAck | Reason::Reset);
        if answered {
            self.window.handle_answer(ticket.attempt > 0);
            if let Some(rtt) = rtt {
                self.rtts.handle_sample(slot.probe.host, rtt);
            }
        }
        let answered = answered.then_some(ticket.attempt);
        let rtt = rtt.filter(|_| answered.is_some());
        self.finish(ticket.slot, &Ending { state, reason, rtt, answered });
    }

    fn handle_pressure(&mut self, now: Duration, slot: u32, reason: Reason) {
        self.window.handle_pressure(self.held - 1);
        self.disarm(slot);
        let since = *self.starved_since.get_or_insert(now);
        let starved = now.saturating_sub(since) >= STARVED_MAX;
        self.held -= 1;
        self.tally.sent -= 1;
        let entry = self.slot_mut(slot);
        entry.phase = Phase::Resting;
        entry.attempts -= 1;
        let rest = (REST * (1 << entry.rests.min(8))).min(Duration::from_secs(1));
        entry.rests = entry.rests.saturating_add(1);
        if starved {
            self.finish(slot, &Ending::without_answer(State::Unresolved, reason));
        } else {
            self.arm(slot, now + rest);
        }
    }

    /// Handles every timer that has run out.
    fn expire(&mut self, now: Duration) {
        while let Some((at, slot)) = self.timers.first().copied()
            && at <= now
        {
            self.timers.pop_first();
            let entry = *self.slot(slot);
            if entry.phase == Phase::Resting {
                self.slot_mut(slot).phase = Phase::Rested;
                self.rested.push_back((slot, entry.generation));
            } else if entry.attempts < entry.attempts_max {
                self.slot_mut(slot).phase = Phase::Due;
                self.due.push_back((slot, entry.generation));
            } else if self.parking && entry.attempts_max == self.settings.attempts_max {
                self.slot_mut(slot).phase = Phase::Parked;
                self.parked.push((slot, entry.generation));
                let room = usize::try_from(self.window.size() / 4).unwrap_or(PARKED_MAX);
                if self.parked.len() > PARKED_MAX.min(room) {
                    self.parking = false;
                    self.leave_parking();
                }
            } else {
                self.give_up(slot);
            }
        }
    }

    /// Ends the wait of the parked: with more attempts where they are few among many answers.
    fn leave_parking(&mut self) {
        let parked = std::mem::take(&mut self.parked);
        let count = u64::try_from(parked.len()).unwrap_or(u64::MAX);
        let rare = count * ANSWERS_PER_PARKED <= self.tally.answers;
        let grant = self.parking && rare && self.turn == self.turns;
        for (slot, generation) in parked {
            if self.live(slot, generation).is_none() {
                continue;
            }
            if grant {
                let entry = self.slot_mut(slot);
                entry.attempts_max = entry.attempts_max.saturating_add(LAST_CALLS);
                entry.phase = Phase::Due;
                self.due.push_back((slot, generation));
            } else {
                self.give_up(slot);
            }
        }
    }

    fn give_up(&mut self, slot: u32) {
        self.starved_since = None;
        self.window.handle_silence();
        self.finish(slot, &Ending::without_answer(State::Filtered, Reason::NoResponse));
    }

    /// Finds the slot to send next: repetitions first, then those that rested, then a new probe.
    fn candidate(&mut self, now: Duration) -> Option<Candidate> {
        while let Some((slot, generation)) = self.due.front().copied() {
            if self.live(slot, generation).is_some_and(|slot| slot.phase == Phase::Due) {
                return Some(Candidate::Due(slot));
            }
            self.due.pop_front();
        }
        while self.held < self.window.size()
            && let Some((slot, generation)) = self.rested.front().copied()
        {
            if self.live(slot, generation).is_some_and(|slot| slot.phase == Phase::Rested) {
                return Some(Candidate::Rested(slot));
            }
            self.rested.pop_front();
        }
        let urged = self.urge.as_ref().is_some_and(|urge| urge.ready_at() <= now);
        let room = if urged { self.window.max() } else { self.window.size() };
        self.may_start(room).then_some(Candidate::New)
    }

    fn may_start(&self, room: u32) -> bool {
        let live = self.slots.len() - self.free.len();
        self.turn < self.turns && u32::try_from(live).is_ok_and(|live| live < room)
    }

    fn send(&mut self, candidate: Candidate, now: Duration) -> Step {
        let slot = match candidate {
            Candidate::Due(slot) => {
                self.due.pop_front();
                slot
            }
            Candidate::Rested(slot) => {
                self.rested.pop_front();
                slot
            }
            Candidate::New => self.start(),
        };
        if let Some(limit) = &mut self.limit {
            limit.handle_sent(now);
        }
        if let Some(urge) = self.urge.as_mut().filter(|urge| urge.ready_at() <= now) {
            urge.handle_sent(now);
        }
        self.tally.sent += 1;
        self.held += u32::from(!self.slot(slot).holds());
        let entry = *self.slot(slot);
        let adaptive = || self.rtts.timeout(entry.probe.host, entry.attempts);
        let timeout = self.settings.timeout.unwrap_or_else(adaptive);
        let entry = self.slot_mut(slot);
        entry.phase = Phase::Flying;
        entry.attempts += 1;
        entry.sent = now;
        let ticket = Ticket { slot, generation: entry.generation, attempt: entry.attempts - 1 };
        let probe = entry.probe;
        self.arm(slot, now + timeout);
        Step::Send(ticket, probe)
    }

    /// Gives the next probe of the shard a slot.
    fn start(&mut self) -> u32 {
        let position = self.shard.first() + self.turn * self.shard.step();
        let probe = self.plan.at(position).expect("a turn of the shard is a position of the plan");
        self.turn += 1;
        let fresh = Slot {
            probe,
            generation: 0,
            phase: Phase::Rested,
            attempts: 0,
            attempts_max: self.settings.attempts_max.max(1),
            rests: 0,
            sent: Duration::ZERO,
            timer: Duration::ZERO,
        };
        if let Some(slot) = self.free.pop() {
            let entry = self.slot_mut(slot);
            *entry = Slot { generation: entry.generation.wrapping_add(1), ..fresh };
            return slot;
        }
        let slot = u32::try_from(self.slots.len()).expect("slots are at most in_flight_max");
        self.slots.push(fresh);
        slot
    }

    fn finish(&mut self, slot: u32, ending: &Ending) {
        self.disarm(slot);
        let entry = *self.slot(slot);
        self.held -= u32::from(entry.holds());
        self.slot_mut(slot).phase = Phase::Free;
        self.free.push(slot);
        let Probe { host, target, port } = entry.probe;
        let Ending { state, reason, rtt, answered } = *ending;
        let attempts = entry.attempts;
        let verdict = Verdict { host, target, port, state, reason, rtt, attempts };
        self.tally.handle_verdict(&verdict, answered);
        self.finished.push_back((slot, verdict));
    }

    fn first_timer(&self) -> Option<Duration> {
        self.timers.first().map(|(at, _)| *at)
    }

    fn arm(&mut self, slot: u32, at: Duration) {
        self.slot_mut(slot).timer = at;
        self.timers.insert((at, slot));
    }

    fn disarm(&mut self, slot: u32) {
        let at = self.slot(slot).timer;
        self.timers.remove(&(at, slot));
    }

    fn live(&self, slot: u32, generation: u32) -> Option<&Slot> {
        let entry = self.slots.get(usize::try_from(slot).ok()?)?;
        (entry.generation == generation && entry.phase != Phase::Free).then_some(entry)
    }

    fn slot(&self, slot: u32) -> &Slot {
        &self.slots[usize::try_from(slot).expect("a slot is an index")]
    }

    fn slot_mut(&mut self, slot: u32) -> &mut Slot {
        &mut self.slots[usize::try_from(slot).expect("a slot is an index")]
    }
}

/// How a probe ends.
struct Ending {
    state: State,
    reason: Reason,
    rtt: Option<Duration>,
    /// The attempt that was answered, counted from 0.
    answered: Option<u8>,
}

impl Ending {
    fn without_answer(state: State, reason: Reason) -> Self {
        Self { state, reason, rtt: None, answered: None }
    }
}

#[derive(Debug, Clone, Copy)]
enum Candidate {
    Due(u32),
    Rested(u32),
    New,
}

#[cfg(test)]
#[path = "scheduler/tests.rs"]
mod tests;
