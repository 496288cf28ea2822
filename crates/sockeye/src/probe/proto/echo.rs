//! The side that answers. It answers only what a prober sends, never with more bytes than came,
//! and never more often than its rates allow: nobody can use it to shout at somebody else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::order::{Arrival, Order};
use super::wire::{HEADER_BYTES, Header, Kind, Tally};

/// Sessions that are counted at once; what comes beyond them is answered and not counted.
pub(crate) const SESSIONS_MAX: usize = 1024;
/// A session that was silent for so long makes room for another one.
pub(crate) const SESSION_IDLE: Duration = Duration::from_secs(60);
/// Answers a second to everybody together.
pub(crate) const TOTAL_PPS_MAX: u32 = 10_000;
/// Answers a second in one session.
pub(crate) const SESSION_PPS_MAX: u32 = 2_000;
/// What may be answered at once after a silence: a quarter of a second's worth.
const BURST: Duration = Duration::from_millis(250);
/// How often a full table is searched for what is silent.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Lets so many a second through.
///
/// # Source
/// The virtual scheduling algorithm of ITU-T I.371 (GCRA).
#[derive(Clone, Copy, Debug)]
struct Rate {
    each: Duration,
    due: Option<Instant>,
}

impl Rate {
    fn new(per_second: u32) -> Rate {
        Rate { each: Duration::from_secs(1) / per_second, due: None }
    }

    fn take(&mut self, now: Instant) -> bool {
        let due = self.due.map_or(now, |due| due.max(now));
        let fits = due.saturating_duration_since(now) < BURST;
        if fits {
            self.due = Some(due + self.each);
        }
        fits
    }
}

/// What is known of one prober's run.
#[derive(Debug)]
struct Session {
    order: Order,
    arrived: u32,
    unanswered: u32,
    heard: Instant,
    rate: Rate,
}

impl Session {
    fn new(now: Instant) -> Session {
        let rate = Rate::new(SESSION_PPS_MAX);
        Session { order: Order::new(), arrived: 0, unanswered: 0, heard: now, rate }
    }

    fn tally(&self) -> Tally {
        Tally {
            arrived: self.arrived,
            distinct: self.order.distinct(),
            reordered: self.order.reordered(),
            unanswered: self.unanswered,
        }
    }
}

/// How many datagrams there were, for a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Answered.
    pub(crate) answered: u64,
    /// Not answered, because too many came.
    pub(crate) held_back: u64,
    /// Not a prober's.
    pub(crate) ignored: u64,
}

/// Answers probers and counts for each what arrived.
#[derive(Debug)]
pub(crate) struct Echo {
    sessions: BTreeMap<(SocketAddr, u64), Session>,
    total: Rate,
    swept: Option<Instant>,
    counts: Counts,
}

impl Echo {
    pub(crate) fn new() -> Echo {
        let total = Rate::new(TOTAL_PPS_MAX);
        Echo { sessions: BTreeMap::new(), total, swept: None, counts: Counts::default() }
    }

    /// Takes a datagram; where it is to be answered, it is the answer afterwards, as long as
    /// before, and the result is true.
    pub(crate) fn handle_received(
        &mut self,
        datagram: &mut [u8],
        from: SocketAddr,
        now: Instant,
    ) -> bool {
        let answer = match Header::decode(datagram) {
            Some(header) if from.port() != 0 => self.answer(&header, from, now),
            _ => {
                self.counts.ignored += 1;
                return false;
            }
        };
        match (answer, datagram.first_chunk_mut::<HEADER_BYTES>()) {
            (Some(answer), Some(head)) => {
                *head = answer.encode();
                self.counts.answered += 1;
                true
            }
            _ => false,
        }
    }

    fn answer(&mut self, header: &Header, from: SocketAddr, now: Instant) -> Option<Header> {
        let kind = match header.kind {
            Kind::Question => Kind::Reply,
            Kind::Ask => Kind::Tally,
            // Another echo's answer: answering it would never end.
            Kind::Reply | Kind::Tally => {
                self.counts.ignored += 1;
                return None;
            }
        };
        let total = &mut self.total;
        let counted = session(&mut self.sessions, &mut self.swept, (from, header.session), now);
        let (tally, passes) = match counted {
            Some(session) => {
                session.heard = now;
                let passes = session.rate.take(now) && total.take(now);
                if kind == Kind::Reply {
                    session.arrived = session.arrived.saturating_add(1);
                    let first = session.order.take(header.number) != Arrival::Duplicate;
                    session.unanswered += u32::from(first && !passes);
                }
                (session.tally(), passes)
            }
            None => (Tally::default(), total.take(now)),
        };
        if !passes {
            self.counts.held_back += 1;
            return None;
        }
        Some(Header { kind, tally, ..*header })
    }

    /// How many datagrams there were.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }
}

/// The session of a prober, a new one where there is room.
fn session<'a>(
    sessions: &'a mut BTreeMap<(SocketAddr, u64), Session>,
    swept: &mut Option<Instant>,
    key: (SocketAddr, u64),
    now: Instant,
) -> Option<&'a mut Session> {
    if sessions.len() >= SESSIONS_MAX && !sessions.contains_key(&key) {
        let lately = swept.is_some_and(|at| now.saturating_duration_since(at) < SWEEP_EVERY);
        if !lately {
            *swept = Some(now);
            sessions
                .retain(|_, session| now.saturating_duration_since(session.heard) < SESSION_IDLE);
        }
        if sessions.len() >= SESSIONS_MAX {
            return None;
        }
    }
    Some(sessions.entry(key).or_insert_with(|| Session::new(now)))
}

#[cfg(test)]
#[path = "echo/tests.rs"]
mod tests;
