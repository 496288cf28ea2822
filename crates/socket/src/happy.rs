//! Happy eyeballs: which of a host's addresses to try next, when, and when to give up. Pure: it is
//! given addresses, results and the time, and gives attempts, cancellations and the next instant.

mod failures;
mod order;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::addr::{Address, Family};
use crate::error::{Error, Result};

pub(crate) use failures::Failures;
use order::Untried;

/// How a race is run. [`Default`] has the values that RFC 8305 recommends.
///
/// # Source
/// RFC 8305, section 8, for both delays and the count of the first family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Between the starts of two attempts, where none fails meanwhile: 250 ms. What is below
    /// [`ATTEMPT_DELAY_MIN`] or above [`ATTEMPT_DELAY_MAX`] counts as these; less than 100 ms is
    /// hard on a network that loses packets. Where the time that is left would not do for all
    /// addresses, the delay is an equal share of it, never less than the minimum.
    pub attempt_delay: Duration,
    /// How long IPv4 addresses wait for the answer about IPv6, which may be on its way: 50 ms.
    pub resolution_delay: Duration,
    /// So many addresses of the first family come before the first of another one: 1. At least 1.
    pub first_family_count: usize,
    /// How many addresses are tried at most: 64. At least 1. So many are kept of each family.
    pub attempts_max: usize,
    /// How many attempts are under way at most: 16. At least 1. Each takes a descriptor.
    pub in_flight_max: usize,
    /// How long all of it may take: for ever.
    pub timeout: Option<Duration>,
    /// One attempt after another in the order of the list, each with its share of the time that is
    /// left, as Python's `create_connection` does it.
    pub sequential: bool,
}

/// No two attempts are started closer to each other, unless one has failed.
pub const ATTEMPT_DELAY_MIN: Duration = Duration::from_millis(10);
/// Longer than this no next attempt waits.
pub const ATTEMPT_DELAY_MAX: Duration = Duration::from_secs(2);

impl Default for Config {
    fn default() -> Self {
        Self {
            attempt_delay: Duration::from_millis(250),
            resolution_delay: Duration::from_millis(50),
            first_family_count: 1,
            attempts_max: 64,
            in_flight_max: 16,
            timeout: None,
            sequential: false,
        }
    }
}

/// One attempt of a race.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptId(usize);

/// A race of a host's addresses; the first that connects has won.
///
/// Whoever drives it does the work: connects to what [`poll_attempt`](Self::poll_attempt) gives,
/// says how that ended, closes what [`poll_cancel`](Self::poll_cancel) gives, and comes again at
/// [`poll_timeout`](Self::poll_timeout). [`create_connection`](crate::create_connection) does all
/// this, blocking; [`Connecting`](crate::Connecting) does it with a selector.
///
/// ```
/// use sockeye_socket::happy::{Config, Race};
/// use sockeye_socket::{AF_INET, AF_INET6, Address};
/// use std::time::{Duration, Instant};
///
/// let (v6, v4): (Address, Address) = ("[2001:db8::1]:80".parse()?, "192.0.2.1:80".parse()?);
/// let now = Instant::now();
/// let mut race = Race::new(Config::default(), now);
/// race.handle_addresses(AF_INET, [v4.clone()], now);
/// assert_eq!(race.poll_attempt(now), None); // waits for IPv6, 50 ms
/// race.handle_addresses(AF_INET6, [v6.clone()], now);
/// let (first, address) = race.poll_attempt(now).unwrap();
/// assert_eq!(address, v6);
/// // Nothing is heard of it: the next one is tried beside it.
/// let later = race.poll_timeout().unwrap();
/// assert_eq!(later, now + Duration::from_millis(250));
/// let (second, address) = race.poll_attempt(later).unwrap();
/// assert_eq!(address, v4);
/// race.handle_connected(second);
/// assert_eq!(race.poll_cancel(), Some(first));
/// assert_eq!(race.poll_outcome().unwrap()?, second);
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
///
/// What it does not do: the addresses that NAT64 needs made up (section 7), and remembering between
/// races what was fast (section 4). An attempt starts at once when another one has failed, even
/// within [`ATTEMPT_DELAY_MIN`].
///
/// # Source
/// RFC 8305, sections 3 to 6 and 8.
#[derive(Debug)]
pub struct Race {
    config: Config,
    name: Option<Box<str>>,
    untried: Untried,
    /// By their id, which is the order in which they were started.
    attempts: Vec<Attempt>,
    in_flight: usize,
    cancelled: VecDeque<AttemptId>,
    /// The families whose addresses are not known yet.
    unanswered: Vec<Family>,
    lookup_error: Option<Error>,
    /// When the first attempt may start, once there is an address.
    opens: Option<Instant>,
    /// When the next one may, after the last one.
    next_start: Option<Instant>,
    deadline: Option<Instant>,
    over: bool,
    outcome: Option<Result<AttemptId>>,
}

#[derive(Debug)]
struct Attempt {
    addr: Address,
    state: State,
    /// The end of its share of the time, in a sequential race.
    until: Option<Instant>,
}

#[derive(Debug)]
enum State {
    InFlight,
    Failed(Error),
    /// Won, or cancelled.
    Ended,
}

impl Race {
    /// A race that starts `now` (the timeout counts from here) and waits for addresses.
    #[must_use]
    pub fn new(mut config: Config, now: Instant) -> Self {
        config.attempt_delay = config.attempt_delay.clamp(ATTEMPT_DELAY_MIN, ATTEMPT_DELAY_MAX);
        config.attempts_max = config.attempts_max.max(1);
        config.in_flight_max = if config.sequential { 1 } else { config.in_flight_max.max(1) };
        Self {
            name: None,
            untried: Untried::new(&config),
            attempts: Vec::new(),
            in_flight: 0,
            cancelled: VecDeque::new(),
            unanswered: vec![Family::Inet6, Family::Inet],
            lookup_error: None,
            opens: None,
            next_start: None,
            deadline: config.timeout.and_then(|timeout| now.checked_add(timeout)),
            over: false,
            outcome: None,
            config,
        }
    }

    /// The host's name, for the text of the error (`example.org:80`).
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Takes the addresses of one family (`Inet6` or `Inet`), or of all that there will be
    /// (`Unspec`), in the order in which they are worth trying (RFC 6724; getaddrinfo's). None at
    /// all is an answer too. Families then take turns: IPv6 first where it was asked for by itself,
    /// else the family of the first address. More may come at any time; known ones are passed over.
    pub fn handle_addresses(
        &mut self,
        family: Family,
        found: impl IntoIterator<Item = Address>,
        now: Instant,
    ) {
        if !self.over {
            self.untried.add(found, family == Family::Inet6);
            self.answered(family, now);
        }
    }

    /// Takes note that a family's lookup failed (`Unspec`: the only one). Where nothing else is
    /// found, this is the race's error.
    pub fn handle_unresolved(&mut self, family: Family, error: Error, now: Instant) {
        if !self.over {
            self.lookup_error = Some(error);
            self.answered(family, now);
        }
    }

    fn answered(&mut self, family: Family, now: Instant) {
        match family {
            Family::Inet | Family::Inet6 => self.unanswered.retain(|other| *other != family),
            _ => self.unanswered.clear(),
        }
        if !self.untried.is_empty() {
            let waits = self.unanswered.contains(&Family::Inet6);
            let wait = if waits { self.config.resolution_delay } else { Duration::ZERO };
            self.opens = match (self.opens, now.checked_add(wait)) {
                (Some(old), Some(new)) => Some(old.min(new)),
                (old, new) => old.or(new),
            };
        }
        self.check_end();
    }

    /// The address to try now. Called until `None`; what it gives is under way from then on.
    pub fn poll_attempt(&mut self, now: Instant) -> Option<(AttemptId, Address)> {
        self.handle_timeout(now);
        if self.next_due()? > now {
            return None;
        }
        let addr = self.untried.next()?;
        let id = AttemptId(self.attempts.len());
        let share = self.share(now);
        let delay = self.config.attempt_delay.min(share.unwrap_or(ATTEMPT_DELAY_MAX));
        self.next_start = now.checked_add(delay.max(ATTEMPT_DELAY_MIN));
        let until = share.filter(|_| self.config.sequential).and_then(|time| now.checked_add(time));
        self.attempts.push(Attempt { addr: addr.clone(), state: State::InFlight, until });
        self.in_flight += 1;
        Some((id, addr))
    }

    /// The share that the next attempt has of the time that is left.
    fn share(&self, now: Instant) -> Option<Duration> {
        let left = self.deadline?.saturating_duration_since(now);
        let others = self.config.attempts_max - self.attempts.len() - 1;
        let rest = 1 + self.untried.len().min(others);
        Some(left / u32::try_from(rest).unwrap_or(u32::MAX))
    }

    /// Takes note that an attempt connected: it has won, and everything else is over. Ignored where
    /// the race is over already.
    pub fn handle_connected(&mut self, id: AttemptId) {
        if self.end_attempt(id, State::Ended) {
            self.outcome = Some(Ok(id));
            self.end();
        }
    }

    /// Takes note that an attempt failed; the next address may be tried at once. Ignored where it
    /// was not under way any more.
    pub fn handle_failed(&mut self, id: AttemptId, error: Error, now: Instant) {
        if self.end_attempt(id, State::Failed(error)) {
            self.next_start = None;
            self.check_end();
            self.handle_timeout(now);
        }
    }

    /// Lets the time pass: the deadline ends the race, and in a sequential one the end of its share
    /// ends an attempt.
    pub fn handle_timeout(&mut self, now: Instant) {
        let passed = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if self.over {
            return;
        }
        if passed(self.deadline) {
            return self.fail(true);
        }
        for index in 0..self.attempts.len() {
            let failed = State::Failed(Error::timed_out("connect"));
            let late = passed(self.attempts[index].until);
            if late && self.end_attempt(AttemptId(index), failed) {
                self.cancelled.push_back(AttemptId(index));
                self.next_start = None;
                self.check_end();
            }
        }
    }

    /// Gives the race up: it has no outcome then.
    pub fn cancel(&mut self) {
        self.outcome = None;
        self.end();
    }

    /// An attempt to give up: close its socket. Called until `None`, before the next attempt is
    /// asked for, which may need its port.
    pub fn poll_cancel(&mut self) -> Option<AttemptId> {
        self.cancelled.pop_front()
    }

    /// How the race ended, once: the attempt that won, or an error that has each address's own
    /// ([`Error::attempts`]). `None` while it goes on.
    pub fn poll_outcome(&mut self) -> Option<Result<AttemptId>> {
        self.outcome.take()
    }

    /// When [`poll_attempt`](Self::poll_attempt) has something to give or
    /// [`handle_timeout`](Self::handle_timeout) something to do; `None` where only an answer can
    /// help, or nothing.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.over {
            return None;
        }
        let in_flight = |attempt: &&Attempt| matches!(attempt.state, State::InFlight);
        let shares = self.attempts.iter().filter(in_flight).filter_map(|attempt| attempt.until);
        shares.chain(self.deadline).chain(self.next_due()).min()
    }

    /// Whether it has been won or lost.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// How many attempts are under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// When the next attempt may start; `None` where nothing may.
    fn next_due(&self) -> Option<Instant> {
        let room = self.attempts.len() < self.config.attempts_max
            && self.in_flight < self.config.in_flight_max;
        if self.over || !room || self.untried.is_empty() {
            return None;
        }
        self.opens.map(|opens| self.next_start.map_or(opens, |next| next.max(opens)))
    }

    /// Ends an attempt that is under way; `false` where it is not.
    fn end_attempt(&mut self, id: AttemptId, state: State) -> bool {
        match self.attempts.get_mut(id.0) {
            Some(attempt) if matches!(attempt.state, State::InFlight) => {
                attempt.state = state;
                self.in_flight -= 1;
                true
            }
            _ => false,
        }
    }

    /// Nothing under way and nothing to come: it has failed.
    fn check_end(&mut self) {
        let more = !self.untried.is_empty() || !self.unanswered.is_empty();
        let may_go_on = more && self.attempts.len() < self.config.attempts_max;
        if !self.over && self.in_flight == 0 && !may_go_on {
            self.fail(false);
        }
    }

    fn fail(&mut self, late: bool) {
        self.end();
        let untried = self.untried.len() + self.untried.left_out();
        let attempts = self.attempts.drain(..).map(|attempt| match attempt.state {
            State::Failed(error) if error.address().is_none() => {
                let error = error.at(&attempt.addr);
                (attempt.addr, error)
            }
            State::Failed(error) => (attempt.addr, error),
            State::InFlight | State::Ended => {
                let error = Error::timed_out("connect").at(&attempt.addr);
                (attempt.addr, error)
            }
        });
        let failures =
            Failures { name: self.name.take(), attempts: attempts.collect(), untried, late };
        self.outcome = Some(Err(match self.lookup_error.take() {
            Some(error) if !late && failures.attempts.is_empty() => error,
            _ => failures.into_error(),
        }));
    }

    /// Over: what is under way is given up.
    fn end(&mut self) {
        self.over = true;
        for (index, attempt) in self.attempts.iter_mut().enumerate() {
            if matches!(attempt.state, State::InFlight) {
                attempt.state = State::Ended;
                self.cancelled.push_back(AttemptId(index));
            }
        }
        self.in_flight = 0;
    }
}
