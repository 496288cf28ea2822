//! One loop: carries out what its scheduler says, with nonblocking sockets on a selector.
//!
//! Over loopback the answer is there before connect returns, but a nonblocking connect does not
//! look at it: a second call does, for a fraction of what the selector would cost, and leaves a
//! refused socket ready to connect again (Linux). Only what is still open then is waited for.

use super::outcome::outcome_of;
use super::{Event, Sink};
use crate::proto::plan::{Plan, Probe, Shard};
use crate::proto::scheduler::{Scheduler, Settings, Step, Ticket};
use crate::proto::tally::Tally;
use crate::proto::verdict::{Outcome, Reason, State};
use crate::{Error, Result};
use sockeye_socket::{Events, Selector, Shutdown, Socket, errno, opt};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a registered descriptor stands for.
#[derive(Debug, Clone, Copy)]
enum Token {
    Stop,
    Attempt(Ticket),
}

/// A connect that is under way.
struct Held {
    socket: Socket,
    address: SocketAddr,
    ticket: Ticket,
}

/// One loop of a scan.
pub(super) struct Turn {
    scheduler: Scheduler,
    selector: Selector<Token>,
    /// By slot of the scheduler.
    held: Vec<Option<Held>>,
    held_count: usize,
    /// Sockets to use again, for IPv4 and for IPv6; with the held ones at most `sockets_max`.
    spare: [Vec<Socket>; 2],
    sockets_max: usize,
    shutdown: Shutdown,
    sink: Sink,
}

/// Probes sent before answers are looked at again.
const SENDS_PER_LOOK: u32 = 64;

impl Turn {
    pub(super) fn new(
        plan: Arc<Plan>,
        shard: Shard,
        settings: Settings,
        (shutdown, sink): (&Shutdown, &Sink),
    ) -> Result<Self> {
        let mut selector = Selector::new().map_err(|source| Error::System { source })?;
        selector
            .register(shutdown, Events::READ, Token::Stop)
            .map_err(|source| Error::System { source })?;
        let sockets_max = index(settings.in_flight_max);
        Ok(Self {
            sockets_max,
            scheduler: Scheduler::new(plan, shard, settings),
            selector,
            held: Vec::new(),
            held_count: 0,
            spare: [Vec::new(), Vec::new()],
            shutdown: shutdown.clone(),
            sink: Arc::clone(sink),
        })
    }

    /// Scans until everything has its verdict or somebody stops it; times count from `started`.
    pub(super) fn run(mut self, started: Instant) -> Result<Tally> {
        let mut happened = Vec::new();
        let mut sends = 0;
        loop {
            let now = started.elapsed();
            let step = self.scheduler.poll_step(now);
            self.report();
            let patience = match step {
                Step::Send(ticket, probe) => {
                    let outcome = self.start(ticket, &probe);
                    if let Some(outcome) = outcome {
                        self.scheduler.handle_result(started.elapsed(), ticket, outcome);
                        self.report();
                    }
                    sends += 1;
                    if sends < SENDS_PER_LOOK {
                        continue;
                    }
                    Duration::ZERO
                }
                Step::WaitUntil(at) => at.saturating_sub(now),
                Step::Done => break,
            };
            sends = 0;
            if self.shutdown.is_started() {
                break;
            }
            if self.held_count > 0 || !patience.is_zero() {
                self.look(patience, &mut happened, started)?;
            }
        }
        Ok(*self.scheduler.tally())
    }

    /// Waits for answers and hands them on.
    fn look(
        &mut self,
        patience: Duration,
        happened: &mut Vec<(Token, Events)>,
        started: Instant,
    ) -> Result<()> {
        self.selector
            .select_into(Some(patience), happened)
            .map_err(|source| Error::System { source })?;
        for (token, _) in happened.drain(..) {
            let Token::Attempt(ticket) = token else { continue };
            let Some(held) = self.release(ticket) else { continue };
            if let Some(outcome) = self.finish(held) {
                self.scheduler.handle_result(started.elapsed(), ticket, outcome);
                self.report();
            }
        }
        Ok(())
    }

    /// Connects; `None` where the answer is still to come.
    fn start(&mut self, ticket: Ticket, probe: &Probe) -> Option<Outcome> {
        self.forget(ticket.slot);
        let address = probe.target.socket_addr(probe.port);
        let (socket, error) = match self.connect(address) {
            Ok(connecting) => connecting,
            Err(error) => return Some(outcome_of(error.errno().unwrap_or(errno::EINVAL))),
        };
        if !matches!(error, errno::EINPROGRESS | errno::EALREADY) {
            return Some(self.conclude(socket, address, error));
        }
        self.wait_for(Held { socket, address, ticket })
    }

    /// Finds out how a connect ended that was waited for; `None` where it has not ended.
    fn finish(&mut self, held: Held) -> Option<Outcome> {
        // Asking again tells how it ended, and frees a refused socket for the next probe.
        let mut error = held.socket.connect_ex(held.address);
        if matches!(error, errno::EALREADY | errno::EINPROGRESS) {
            // An ICMP error may be noted without ending the connect.
            error = held.socket.getsockopt(opt::SO_ERROR).unwrap_or(errno::EBADF);
            if error == 0 {
                return self.wait_for(held);
            }
        }
        Some(self.conclude(held.socket, held.address, error))
    }

    /// Registers a connect that is under way; an outcome only where that fails.
    fn wait_for(&mut self, held: Held) -> Option<Outcome> {
        let token = Token::Attempt(held.ticket);
        if let Err(error) = self.selector.register(&held.socket, Events::WRITE, token) {
            return Some(outcome_of(error.errno().unwrap_or(errno::ENOMEM)));
        }
        let slot = index(held.ticket.slot);
        if self.held.len() <= slot {
            self.held.resize_with(slot + 1, || None);
        }
        self.held[slot] = Some(held);
        self.held_count += 1;
        None
    }

    /// Connects a spare socket of the family, or a new one; gives it with the error number.
    fn connect(&mut self, address: SocketAddr) -> sockeye_socket::Result<(Socket, i32)> {
        if let Some(socket) = self.spare[usize::from(address.is_ipv6())].pop() {
            let error = connect_twice(&socket, address);
            // What a system says that does not let a refused socket connect again.
            if !matches!(error, errno::EINVAL | errno::EISCONN | errno::ECONNABORTED) {
                return Ok((socket, error));
            }
        }
        let socket = if address.is_ipv4() { Socket::tcp4()? } else { Socket::tcp6()? };
        socket.setblocking(false)?;
        // Closing resets: no port of ours lingers in TIME_WAIT, and the peer is rid of us.
        socket.setsockopt(opt::SO_LINGER, Some(Duration::ZERO))?;
        let error = connect_twice(&socket, address);
        Ok((socket, error))
    }

    /// Reads how a connect ended, and keeps a refused socket for the next one.
    fn conclude(&mut self, socket: Socket, address: SocketAddr, error: i32) -> Outcome {
        let outcome = confirmed(&socket, error);
        let spare = &mut self.spare[usize::from(address.is_ipv6())];
        if error == errno::ECONNREFUSED && self.held_count + spare.len() < self.sockets_max {
            spare.push(socket);
        }
        outcome
    }

    /// Takes the connect of this attempt out, if it is still under way.
    fn release(&mut self, ticket: Ticket) -> Option<Held> {
        let held = self.held.get_mut(index(ticket.slot))?;
        let held = held.take_if(|held| held.ticket == ticket)?;
        self.held_count -= 1;
        // It was registered when it was held; the descriptor closes with the socket anyway.
        let _ = self.selector.unregister(&held.socket);
        Some(held)
    }

    /// Closes what a slot still holds.
    fn forget(&mut self, slot: u32) {
        let ticket = self.held.get(index(slot)).and_then(Option::as_ref).map(|held| held.ticket);
        ticket.map(|ticket| self.release(ticket));
    }

    /// Hands the verdicts on and closes what they leave open.
    fn report(&mut self) {
        while let Some((slot, verdict)) = self.scheduler.poll_verdict() {
            if self.held_count > 0 {
                self.forget(slot);
            }
            (self.sink)(&Event::Verdict(verdict));
        }
    }
}

/// Connects, and looks at once for an answer that is there already.
fn connect_twice(socket: &Socket, address: SocketAddr) -> i32 {
    match socket.connect_ex(address) {
        errno::EINPROGRESS => socket.connect_ex(address),
        error => error,
    }
}

/// Reads an error number, and looks twice at a success: the kernel may have picked the asked port
/// as our own, and a socket that connects to itself proves that nobody else listens there.
fn confirmed(socket: &Socket, error: i32) -> Outcome {
    let outcome = outcome_of(error);
    if error != 0 {
        return outcome;
    }
    match (socket.getsockname(), socket.getpeername()) {
        (Ok(ours), Ok(theirs)) if ours == theirs => {
            Outcome::Answer(State::Closed, Reason::SelfConnect)
        }
        // Connected, or reset since: somebody had accepted it.
        _ => outcome,
    }
}

fn index(slot: u32) -> usize {
    usize::try_from(slot).expect("a slot is an index")
}
