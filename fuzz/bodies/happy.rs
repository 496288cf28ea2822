//! What must hold of a race of addresses, however it is driven: judged at every step by a log that
//! is kept apart from it.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use sockeye_socket::happy::{ATTEMPT_DELAY_MAX, ATTEMPT_DELAY_MIN, AttemptId, Config, Race};
use sockeye_socket::{AF_INET, AF_INET6, AF_UNSPEC, Address, Error, Family, errno};

/// A race, and the log that judges it.
pub(crate) struct Checked {
    race: Race,
    config: Config,
    deadline: Option<Instant>,
    /// What it was given and has room for, each address once.
    known: Vec<Address>,
    /// When the first attempt may start.
    opens: Option<Instant>,
    waits_for_v6: bool,
    waits_for_v4: bool,
    pub(crate) tried: Vec<Tried>,
    failed_since_start: bool,
    /// When it was over, and how it ended.
    pub(crate) end: Option<(Instant, End)>,
}

/// One attempt, and what became of it.
pub(crate) struct Tried {
    id: AttemptId,
    pub(crate) addr: Address,
    pub(crate) at: Instant,
    /// The next one comes no sooner, unless one fails.
    until: Option<Instant>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    InFlight,
    Failed,
    Won,
    Cancelled,
}

/// How a race ended.
#[derive(Debug)]
pub(crate) enum End {
    Won(usize),
    Lost,
    GivenUp,
}

fn refused() -> Error {
    Error::os("connect", errno::ECONNREFUSED)
}

/// What happens to a race.
impl Checked {
    pub(crate) fn new(mut config: Config, now: Instant) -> Self {
        let race = Race::new(config.clone(), now);
        config.attempt_delay = config.attempt_delay.clamp(ATTEMPT_DELAY_MIN, ATTEMPT_DELAY_MAX);
        config.attempts_max = config.attempts_max.max(1);
        config.in_flight_max = if config.sequential { 1 } else { config.in_flight_max.max(1) };
        Self {
            race,
            deadline: config.timeout.and_then(|time| now.checked_add(time)),
            config,
            known: Vec::new(),
            opens: None,
            waits_for_v6: true,
            waits_for_v4: true,
            tried: Vec::new(),
            failed_since_start: false,
            end: None,
        }
    }

    pub(crate) fn addresses(&mut self, family: Family, found: Vec<Address>, now: Instant) {
        for addr in &found {
            let alike =
                |other: &&Address| self.config.sequential || other.family() == addr.family();
            let room = self.known.iter().filter(alike).count() < self.config.attempts_max;
            if self.end.is_none() && room && !self.known.contains(addr) {
                self.known.push(addr.clone());
            }
        }
        self.race.handle_addresses(family, found, now);
        self.answered(family, now);
        self.turn(now);
    }

    pub(crate) fn unresolved(&mut self, family: Family, now: Instant) {
        self.race.handle_unresolved(family, refused(), now);
        self.answered(family, now);
        self.turn(now);
    }

    fn answered(&mut self, family: Family, now: Instant) {
        self.waits_for_v6 &= family == AF_INET;
        self.waits_for_v4 &= family == AF_INET6;
        let wait = if self.waits_for_v6 { self.config.resolution_delay } else { Duration::ZERO };
        if !self.known.is_empty() {
            let opens = [self.opens, now.checked_add(wait)];
            self.opens = opens.into_iter().flatten().min();
        }
    }

    pub(crate) fn failed(&mut self, index: usize, now: Instant) {
        if let Some(tried) = self.tried.get_mut(index) {
            self.race.handle_failed(tried.id, refused(), now);
            if tried.state == State::InFlight {
                tried.state = State::Failed;
                self.failed_since_start = true;
            }
        }
        self.turn(now);
    }

    pub(crate) fn connected(&mut self, index: usize, now: Instant) {
        if let Some(tried) = self.tried.get_mut(index) {
            self.race.handle_connected(tried.id);
            if tried.state == State::InFlight {
                tried.state = State::Won;
                self.end = Some((now, End::Won(index)));
            }
        }
        self.turn(now);
    }

    pub(crate) fn give_up(&mut self, now: Instant) {
        self.race.cancel();
        if self.end.is_none() {
            self.end = Some((now, End::GivenUp));
        }
        self.turn(now);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.race.poll_timeout()
    }

    /// Takes everything that the race has to give `now`.
    pub(crate) fn turn(&mut self, now: Instant) {
        loop {
            self.race.handle_timeout(now);
            self.take_cancelled(now);
            let Some((id, addr)) = self.race.poll_attempt(now) else { break };
            self.check_start(&addr, now);
            let until = now.checked_add(self.delay(now));
            self.tried.push(Tried { id, addr, at: now, until, state: State::InFlight });
            self.failed_since_start = false;
        }
        match self.race.poll_outcome() {
            Some(Ok(id)) => {
                let Some((_, End::Won(index))) = self.end else { panic!("nobody connected") };
                assert_eq!(self.tried[index].id, id, "the first to connect has won");
            }
            Some(Err(error)) => self.check_loss(error, now),
            None => {}
        }
        assert!(self.race.poll_outcome().is_none(), "told once");
        self.check_rest(now);
    }

    fn take_cancelled(&mut self, now: Instant) {
        while let Some(id) = self.race.poll_cancel() {
            let tried = self.tried.iter_mut().find(|tried| tried.id == id).expect("it was started");
            assert_eq!(tried.state, State::InFlight, "given up once, and never what has ended");
            tried.state = State::Cancelled;
            // Before the end, only its share of the time can be over.
            let late = self.config.sequential && tried.until.is_some_and(|until| until <= now);
            assert!(self.race.is_over() || late);
            self.failed_since_start = true;
        }
    }
}

/// What must hold.
impl Checked {
    fn in_flight(&self) -> usize {
        self.tried.iter().filter(|tried| tried.state == State::InFlight).count()
    }

    /// How many addresses may still be tried.
    fn untried(&self) -> usize {
        let left = self.config.attempts_max - self.tried.len();
        left.min(self.known.len() - self.tried.len())
    }

    /// How long the attempt that starts `now`, which is not in the log yet, has to itself.
    fn delay(&self, now: Instant) -> Duration {
        let share = self.deadline.map_or(Duration::MAX, |deadline| {
            (deadline - now) / u32::try_from(self.untried()).expect("few")
        });
        match self.config.sequential {
            true => share,
            false => self.config.attempt_delay.min(share).max(ATTEMPT_DELAY_MIN),
        }
    }

    fn check_start(&self, addr: &Address, now: Instant) {
        assert!(self.end.is_none(), "nothing is started after the end");
        assert!(self.known.contains(addr), "{addr} was not given, or there was no room for it");
        assert!(self.tried.iter().all(|tried| tried.addr != *addr), "{addr} is tried twice");
        assert!(self.in_flight() < self.config.in_flight_max);
        assert!(self.tried.len() < self.config.attempts_max);
        assert!(self.deadline.is_none_or(|deadline| now < deadline));
        assert!(self.opens.is_some_and(|opens| opens <= now), "IPv4 waits for IPv6");
        if let Some(last) = self.tried.last().filter(|_| !self.failed_since_start) {
            assert!(last.until <= Some(now), "{:?} after the last one", now - last.at);
        }
    }

    fn check_loss(&mut self, error: Error, now: Instant) {
        assert!(self.end.is_none(), "there was an end");
        let late = self.deadline.is_some_and(|deadline| deadline <= now);
        let waits = self.waits_for_v4 || self.waits_for_v6;
        let hope = self.untried() > 0 || waits && self.tried.len() < self.config.attempts_max;
        let given_up = |tried: &&Tried| tried.state == State::Cancelled;
        let given_up = self.tried.iter().filter(given_up).count();
        if hope || given_up > 0 && !self.config.sequential {
            assert!(late, "lost while there was hope");
            assert!(error.is_timeout(), "{error}");
        }
        if !error.attempts().is_empty() {
            let told = error.attempts().iter().map(|(addr, _)| addr);
            assert!(told.eq(self.tried.iter().map(|tried| &tried.addr)), "each with its error");
            for ((_, error), tried) in error.attempts().iter().zip(&self.tried) {
                assert_eq!(error.is_timeout(), tried.state == State::Cancelled, "{error}");
            }
        }
        let text = error.to_string();
        assert!(text.len() < 1000 && !text.contains(char::is_control), "{text:?}");
        self.end = Some((now, End::Lost));
    }

    fn check_rest(&self, now: Instant) {
        assert_eq!(self.race.in_flight(), self.in_flight());
        assert_eq!(self.race.is_over(), self.end.is_some());
        let next = self.race.poll_timeout();
        if self.end.is_some() {
            assert_eq!((next, self.in_flight()), (None, 0), "over");
            return;
        }
        assert!(next.is_none_or(|next| next > now), "it says that something is due, and is not");
        let waits = self.waits_for_v4 || self.waits_for_v6;
        assert!(self.in_flight() > 0 || self.untried() > 0 || waits, "there is no hope");
        // It says exactly when there is something to do.
        let last = self.tried.last();
        let room = self.untried() > 0 && self.in_flight() < self.config.in_flight_max;
        let after_last = last.filter(|_| !self.failed_since_start).and_then(|last| last.until);
        let due = self.opens.filter(|_| room).max(after_last.filter(|_| room));
        let share = last.filter(|last| self.config.sequential && last.state == State::InFlight);
        let share = share.and_then(|last| last.until);
        let expected = [due, share, self.deadline].into_iter().flatten().min();
        assert_eq!(next, expected);
    }
}

/// `input` says how the race is set up (7 bytes) and then what happens, two bytes each.
pub(crate) fn happy(input: &[u8]) {
    let Some((setup, events)) = input.split_first_chunk::<7>() else { return };
    let [delay, resolution, first_family_count, attempts, in_flight, timeout, flags] =
        setup.map(u64::from);
    let start = Instant::now();
    let config = Config {
        attempt_delay: Duration::from_millis(delay * 9),
        resolution_delay: Duration::from_millis(resolution),
        first_family_count: usize::try_from(first_family_count % 5).expect("small"),
        attempts_max: usize::try_from(attempts % 40).expect("small"),
        in_flight_max: usize::try_from(in_flight % 9).expect("small"),
        timeout: (timeout > 0).then(|| Duration::from_millis(timeout * timeout)),
        sequential: flags & 1 == 1,
    };
    let mut now = start;
    let mut race = Checked::new(config, now);
    race.turn(now);
    for event in events.chunks_exact(2) {
        let (what, argument) = (event[0], event[1]);
        let family = [AF_INET6, AF_INET, AF_UNSPEC][usize::from(what >> 4) % 3];
        match what & 15 {
            0..4 => race.addresses(family, addresses(family, argument), now),
            4 => race.unresolved(family, now),
            5..8 => race.failed(usize::from(argument), now),
            8 if argument > 200 => race.connected(usize::from(argument - 201), now),
            9 if argument == 255 => race.give_up(now),
            10..13 => now = race.poll_timeout().unwrap_or(now).max(now),
            _ => now += Duration::from_millis(u64::from(argument) * 2),
        }
        race.turn(now);
    }
    finish(race, now);
}

/// Whatever it has been through, it ends once everything is answered and fails.
fn finish(mut race: Checked, mut now: Instant) {
    race.addresses(AF_UNSPEC, Vec::new(), now);
    let mut steps = 0;
    while race.end.is_none() {
        for index in 0..race.tried.len() {
            race.failed(index, now);
        }
        now = race.poll_timeout().unwrap_or(now).max(now);
        race.turn(now);
        steps += 1;
        assert!(steps < 200, "it does not end");
    }
}

/// Some addresses: how many, and which, `seed` says.
fn addresses(family: Family, seed: u8) -> Vec<Address> {
    let v6 = |host| (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host), 80).into();
    let v4 = |host| (Ipv4Addr::from(0xc000_0200 + u32::from(host)), 80).into();
    let hosts = (0..u16::from(seed & 7)).map(|step| u16::from(seed >> 3) + step * 3);
    match family {
        AF_INET6 => hosts.map(v6).collect(),
        AF_INET => hosts.map(v4).collect(),
        _ => hosts.map(|host| if host % 3 == 1 { v4(host) } else { v6(host) }).collect(),
    }
}
