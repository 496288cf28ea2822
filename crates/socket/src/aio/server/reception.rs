//! Accepting and counting, whatever it is that talks: a task for each connection.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Sleep;

use crate::addr::Address;
use crate::aio::Socket;
use crate::error::{Error, Result};
use crate::protocol::Outcome;
use crate::server::{Accept, Acceptor, Expiry, Limits, Report, prepare};
use crate::shutdown::Shutdown;

/// After the grace, tasks that do not come back are waited for so long.
const CUT_WAIT: Duration = Duration::from_secs(1);

/// Where descriptors ran out, it is looked again after so long; the clients wait in the queue.
const PLACE_WAIT: Duration = Duration::from_millis(100);

/// Somebody who came in, and at which listener.
pub(super) struct Guest<S> {
    pub(super) socket: S,
    pub(super) peer: Address,
    pub(super) listener: usize,
}

/// Why a guest has no task.
pub(super) enum Unserved {
    /// The system has no descriptor for it.
    Refused,
    /// What should have made its protocol panicked.
    Aborted,
}

/// What all connections are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The end has begun.
    Stop,
    /// The grace is over.
    Cut,
}

/// Whoever has tasks talk to the guests.
pub(super) trait Host {
    /// Whether there is the descriptor that one more guest takes beside its own; keeps it then.
    fn has_place(&mut self) -> bool {
        true
    }

    /// Starts a task for a guest; `None` where there was one. Else the guest is gone already.
    fn welcome(&mut self, guest: Guest<Socket>, tasks: &mut JoinSet<Outcome>) -> Option<Unserved>;

    /// Tells all tasks.
    fn order(&mut self, order: Order);

    /// A task is over.
    fn bury(&mut self, id: Id);
}

/// Serves until `shutdown`.
pub(super) async fn serve(
    mut acceptors: Vec<Acceptor>,
    limits: Limits,
    shutdown: &Shutdown,
    host: impl Host,
) -> Result<Report> {
    // Before the first client may have taken the last descriptor.
    acceptors.iter_mut().try_for_each(|acceptor| acceptor.registered().map(|_| ()))?;
    let expiry = Expiry::new(shutdown)?;
    let over = Socket::new(expiry.dup()?)?;
    let gate = |acceptor| Some(Gate { acceptor, paused: None });
    let reception = Reception {
        gates: acceptors.into_iter().map(gate).collect(),
        first: 0,
        limits,
        host,
        tasks: JoinSet::new(),
        report: Report::default(),
        broken: None,
    };
    reception.run(shutdown, &over).await
}

struct Gate {
    acceptor: Acceptor,
    paused: Option<Pin<Box<Sleep>>>,
}

struct Reception<H> {
    /// None where it broke; empty where nobody may come in any more.
    gates: Vec<Option<Gate>>,
    /// Which gate is asked first: each in turn.
    first: usize,
    limits: Limits,
    host: H,
    tasks: JoinSet<Outcome>,
    report: Report,
    broken: Option<Error>,
}

impl<H: Host> Reception<H> {
    async fn run(mut self, shutdown: &Shutdown, over: &Socket) -> Result<Report> {
        let (mut stopped, mut patience) = (false, None);
        while !(self.is_closed() && self.tasks.is_empty()) {
            let room = !self.is_closed() && self.limits.room(self.tasks.len()) > 0;
            let place = room && self.host.has_place();
            let next_try = (room && !place).then(|| Instant::now() + PLACE_WAIT);
            let given_up = sleep_until(patience);
            let (gates, first) = (&mut self.gates, &mut self.first);
            tokio::select! {
                biased;
                () = shutdown.wait_async(), if !stopped => {
                    stopped = true;
                    self.order_all(Order::Stop);
                }
                _ = over.readable(), if patience.is_none() => {
                    patience = Some(Instant::now() + CUT_WAIT);
                    self.order_all(Order::Cut);
                }
                Some(ended) = self.tasks.join_next_with_id() => self.bury(ended),
                guest = poll_fn(|cx| poll_accept(gates, first, cx)), if place => match guest {
                    Ok(guest) => self.welcome(guest),
                    Err(error) => self.broken = self.broken.or(Some(error)),
                },
                () = given_up => break,
                () = sleep_until(next_try) => {}
            }
        }
        self.report.cut += u64::try_from(self.tasks.len()).unwrap_or(u64::MAX);
        match self.broken {
            Some(error) if !stopped && patience.is_none() => Err(error),
            _ => Ok(self.report),
        }
    }

    fn is_closed(&self) -> bool {
        self.gates.iter().all(Option::is_none)
    }

    fn welcome(&mut self, guest: Guest<crate::Socket>) {
        let Guest { socket, peer, listener } = guest;
        let registered = prepare(&socket).and_then(|()| Socket::new(socket));
        let unserved = match registered {
            Ok(socket) => self.host.welcome(Guest { socket, peer, listener }, &mut self.tasks),
            Err(_) => Some(Unserved::Refused),
        };
        if let Some(Unserved::Refused) = unserved {
            self.report.refused += 1;
            return;
        }
        self.report.accepted += 1;
        if let Some(Unserved::Aborted) = unserved {
            self.report.count(Outcome::Aborted);
        }
    }

    /// The end has begun: nobody comes in any more.
    fn order_all(&mut self, order: Order) {
        self.gates.clear();
        self.host.order(order);
    }

    fn bury(&mut self, ended: std::result::Result<(Id, Outcome), JoinError>) {
        let (id, outcome) = match ended {
            Ok(ended) => ended,
            // A function panicked (protocols' panics end in their turns), or the runtime is being
            // shut down.
            Err(error) => (error.id(), Outcome::Aborted),
        };
        self.host.bury(id);
        self.report.count(outcome);
    }
}

/// Waits for ever without a time.
async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

/// Takes the next client of any gate. A gate that breaks is given up, with its error.
fn poll_accept(
    gates: &mut [Option<Gate>],
    first: &mut usize,
    cx: &mut Context<'_>,
) -> Poll<Result<Guest<crate::Socket>>> {
    let count = gates.len();
    *first += 1;
    for place in (0..count).map(|place| (place + *first) % count) {
        let Some(slot) = gates.get_mut(place) else { continue };
        let Some(gate) = slot else { continue };
        match gate.poll_accept(cx) {
            Poll::Pending => {}
            Poll::Ready(Ok((socket, peer))) => {
                return Poll::Ready(Ok(Guest { socket, peer, listener: place }));
            }
            Poll::Ready(Err(error)) => {
                *slot = None;
                return Poll::Ready(Err(error));
            }
        }
    }
    Poll::Pending
}

impl Gate {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<(crate::Socket, Address)>> {
        loop {
            if let Some(paused) = &mut self.paused {
                ready!(paused.as_mut().poll(cx));
                self.paused = None;
            }
            match self.acceptor.try_accept(Instant::now())? {
                Accept::Connection(socket, peer) => return Poll::Ready(Ok((socket, peer))),
                Accept::Empty => ready!(self.acceptor.poll_client(cx))?,
                Accept::Paused { until } => {
                    self.paused = Some(Box::pin(tokio::time::sleep_until(until.into())));
                }
            }
        }
    }
}
