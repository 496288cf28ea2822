//! The side that asks: numbers, what is outstanding, what came late, twice or out of order, and
//! when it is over. At the end it asks the echo for its tally, so that what was lost there and
//! what was lost on the way back can be told apart.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::order::{Arrival, Order, WINDOW};
use super::round_trips::RoundTrips;
use super::slots::{Answer, Slots};
use super::summary::Summary;
use super::wire::{Header, Kind, Tally};

/// How often the tally is asked for before it is given up.
pub(crate) const ASKS_MAX: u32 = 20;
/// The shortest and the longest time between two of these.
const ASK_WAIT: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(250));
/// How long asking may take where somebody waits for us to stop.
const STOP_WAIT: Duration = Duration::from_secs(1);

/// What to ask.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// How many questions; `None` until it is stopped.
    pub(crate) count: Option<u32>,
    /// The time from one to the next.
    pub(crate) interval: Duration,
    /// How long each may take.
    pub(crate) wait: Duration,
    /// A number of this run's own.
    pub(crate) session: u64,
}

impl Config {
    /// Tells whether every question is remembered for as long as it may take.
    pub(crate) fn fits(&self) -> bool {
        self.interval.checked_mul(WINDOW).is_none_or(|longest| self.wait <= longest)
    }
}

/// What happened to one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Its first reply, in time.
    Reply { number: u32, took: Duration, reordered: bool },
    /// Its first reply, after its time.
    Late { number: u32, took: Duration, reordered: bool },
    /// No reply in time.
    Lost { number: u32 },
    /// Another reply: doubled on the way back, or there.
    Duplicate { number: u32, back: bool },
    /// Nobody is there, says the system; which question it was about is not known.
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Sending,
    /// All are sent, some may still be answered.
    Waiting,
    /// None is outstanding; duplicates may still come.
    Lingering {
        until: Instant,
    },
    Asking {
        asked: u32,
        next: Instant,
    },
    Done,
}

/// Asks, and counts what comes back.
#[derive(Debug)]
pub(crate) struct Prober {
    config: Config,
    phase: Phase,
    next_send: Instant,
    slots: Slots,
    /// Replies, by the numbers of their questions.
    answers: Order,
    /// Replies, by the echo's count of arrivals: each one that it sent has its own.
    back: Order,
    duplicates: u32,
    duplicates_back: u32,
    refused: u32,
    tally: Option<Tally>,
    round_trips: RoundTrips,
    stop_at: Option<Instant>,
    events: VecDeque<Event>,
}

impl Prober {
    pub(crate) fn new(config: Config, now: Instant) -> Prober {
        Prober {
            config,
            phase: Phase::Sending,
            next_send: now,
            slots: Slots::default(),
            answers: Order::new(),
            back: Order::new(),
            duplicates: 0,
            duplicates_back: 0,
            refused: 0,
            tally: None,
            round_trips: RoundTrips::default(),
            stop_at: None,
            events: VecDeque::new(),
        }
    }

    /// The datagram that is due, before its padding.
    pub(crate) fn poll_transmit(&self, now: Instant) -> Option<Header> {
        let (kind, number) = match self.phase {
            Phase::Sending if self.next_send <= now => (Kind::Question, self.slots.sent),
            Phase::Asking { asked, next } if next <= now && asked < ASKS_MAX => (Kind::Ask, asked),
            _ => return None,
        };
        let session = self.config.session;
        Some(Header { kind, session, number, tally: Tally::default() })
    }

    /// Takes note that it was sent at `now`.
    pub(crate) fn handle_transmitted(&mut self, now: Instant) {
        match self.phase {
            Phase::Sending => {
                self.slots.push(now);
                self.next_send = now + self.config.interval;
                let all = self.config.count.unwrap_or(u32::MAX);
                if self.slots.sent >= all {
                    self.phase = Phase::Waiting;
                }
            }
            Phase::Asking { asked, .. } => {
                self.phase = Phase::Asking { asked: asked + 1, next: now + self.ask_wait() };
            }
            Phase::Waiting | Phase::Lingering { .. } | Phase::Done => {}
        }
    }

    /// Takes a datagram that came at `now`. Strangers' are left alone.
    pub(crate) fn handle_received(&mut self, datagram: &[u8], now: Instant) {
        let Some(header) = Header::decode(datagram) else { return };
        if header.session != self.config.session {
            return;
        }
        // Whoever reads late must not take a late reply for one in time.
        self.give_up(now);
        match header.kind {
            Kind::Reply if header.number < self.slots.sent => self.take_reply(&header, now),
            Kind::Tally if matches!(self.phase, Phase::Asking { .. }) => {
                self.tally = Some(header.tally);
                self.phase = Phase::Done;
            }
            _ => {}
        }
        self.handle_timeout(now);
    }

    fn take_reply(&mut self, header: &Header, now: Instant) {
        let number = header.number;
        // An echo that does not count this session says 0.
        let again = header.tally.arrived.checked_sub(1).map(|arrival| self.back.take(arrival));
        if again == Some(Arrival::Duplicate) {
            self.duplicates += 1;
            self.duplicates_back += 1;
            self.events.push_back(Event::Duplicate { number, back: true });
            return;
        }
        let arrival = self.answers.take(number);
        if arrival == Arrival::Duplicate {
            self.duplicates += 1;
            self.events.push_back(Event::Duplicate { number, back: false });
            return;
        }
        let reordered = arrival == Arrival::Reordered;
        match self.slots.answer(number, now) {
            Some(Answer::InTime(took)) => {
                self.round_trips.add(took);
                self.events.push_back(Event::Reply { number, took, reordered });
            }
            Some(Answer::Late(took)) => {
                self.events.push_back(Event::Late { number, took, reordered });
            }
            None => {}
        }
    }

    /// Takes note that the system reports nobody at the peer's port.
    pub(crate) fn handle_refused(&mut self) {
        self.refused += 1;
        self.events.push_back(Event::Refused);
        // Whoever answered has gone, and its tally with it.
        if matches!(self.phase, Phase::Asking { .. }) {
            self.phase = Phase::Done;
        }
    }

    /// Stops sending; what is on its way may come for as long as the echo takes to give its tally.
    pub(crate) fn handle_stop(&mut self, now: Instant) {
        self.stop_at = Some(now + STOP_WAIT);
        if matches!(self.phase, Phase::Sending | Phase::Waiting | Phase::Lingering { .. }) {
            self.ask(now);
        }
    }

    /// Does what is due at `now`.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.give_up(now);
        if self.phase == Phase::Waiting && self.slots.waiting == 0 {
            let linger = (self.round_trips.max() * 2).min(self.config.wait);
            self.phase = Phase::Lingering { until: now + linger };
        }
        match self.phase {
            Phase::Lingering { until } if until <= now => self.ask(now),
            Phase::Asking { asked: ASKS_MAX, next } if next <= now => self.phase = Phase::Done,
            Phase::Asking { .. } if self.stop_at.is_some_and(|at| at <= now) => {
                self.phase = Phase::Done;
            }
            _ => {}
        }
    }

    fn give_up(&mut self, now: Instant) {
        while let Some(number) = self.slots.poll_overdue(now, self.config.wait) {
            self.events.push_back(Event::Lost { number });
        }
    }

    /// Goes over to asking for the tally; where nothing came back nobody is there to ask.
    fn ask(&mut self, now: Instant) {
        let somebody = self.slots.answered + self.slots.late > 0;
        self.phase = if somebody { Phase::Asking { asked: 0, next: now } } else { Phase::Done };
    }

    fn ask_wait(&self) -> Duration {
        (self.round_trips.max() * 2).clamp(ASK_WAIT.0, ASK_WAIT.1)
    }

    /// When `poll_transmit` or `handle_timeout` has something to do.
    pub(crate) fn poll_timeout(&mut self) -> Option<Instant> {
        let phase = match self.phase {
            Phase::Done => return None,
            Phase::Sending => Some(self.next_send),
            Phase::Waiting => None,
            Phase::Lingering { until } => Some(until),
            Phase::Asking { next, .. } => Some(self.stop_at.map_or(next, |at| at.min(next))),
        };
        let overdue = self.slots.next_overdue(self.config.wait);
        [phase, overdue].into_iter().flatten().min()
    }

    /// What happened since it was last asked.
    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Tells whether nothing more will be counted.
    pub(crate) fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    /// What it came to so far.
    pub(crate) fn summary(&self) -> Summary {
        let mut summary = Summary {
            sent: self.slots.sent,
            answered: self.slots.answered,
            late: self.slots.late,
            lost: self.slots.lost,
            unfinished: self.slots.waiting,
            duplicates: self.duplicates,
            duplicates_back: self.duplicates_back,
            reordered: self.answers.reordered(),
            reordered_back: self.back.reordered(),
            refused: self.refused,
            ways: None,
            round_trips: self.round_trips.spread(),
        };
        if let Some(tally) = self.tally {
            summary.split(tally);
        }
        summary
    }
}
