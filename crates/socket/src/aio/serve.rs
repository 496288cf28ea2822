//! A task of tokio for each connection.
//!
//! One poll of a task is one turn of its connection; it then waits for the socket, for the time, or
//! for its bell, and for nothing else. Waking it costs no descriptor: the runtime does that.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use tokio::io::unix::AsyncFdReadyGuard;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Sleep;

use super::Socket;
use crate::addr::Address;
use crate::error::{Error, Result};
use crate::protocol::life::{Broken, Life, Orders, Ready, Wants, Wire};
use crate::protocol::{Arrival, Outcome, Protocol, Wake};
use crate::server::{Accept, Acceptor, Expiry, Limits, Listeners, Report, moved, prepare, reset};
use crate::shutdown::Shutdown;
use crate::socket::How;

/// After the grace, tasks that do not come back are waited for so long.
const CUT_WAIT: Duration = Duration::from_secs(1);

/// Serves each connection in a task of the runtime that this is awaited in, one thread or many,
/// until `shutdown`; `factory` makes the protocol of each connection. See [`crate::server`].
///
/// Dropping the future drops its connections.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use sockeye_socket::protocol::Echo;
/// use sockeye_socket::server::Limits;
/// use sockeye_socket::{Shutdown, Socket, aio, create_server};
/// use std::time::Duration;
///
/// let listener = create_server("127.0.0.1:0").bind()?;
/// let addr = listener.getsockname()?;
/// let shutdown = Shutdown::new()?;
/// let stop = shutdown.clone();
/// let serving = tokio::spawn(async move {
///     aio::serve(listener, Limits::default(), &stop, |_arrival| Echo::new()).await
/// });
///
/// let client = aio::Socket::new(Socket::tcp4()?)?;
/// client.connect(&addr).await?;
/// client.sendall(b"hello").await?;
/// assert_eq!(client.recv(16).await?, b"hello");
/// drop(client);
/// shutdown.start(Duration::from_secs(1));
/// assert_eq!(serving.await.unwrap()?.finished, 1);
/// # Ok::<(), sockeye_socket::Error>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// No descriptors left (it needs four, and two for each listener), or every listener broke.
///
/// # Panics
/// Outside of a tokio runtime with its I/O and time enabled.
pub async fn serve<P, F>(
    listeners: impl Into<Listeners>,
    limits: Limits,
    shutdown: &Shutdown,
    factory: F,
) -> Result<Report>
where
    P: Protocol + Send + 'static,
    F: FnMut(Arrival) -> P,
{
    let mut acceptors = listeners.into().acceptors()?;
    // Before the first client may have taken the last descriptor.
    acceptors.iter_mut().try_for_each(|acceptor| acceptor.registered().map(|_| ()))?;
    let expiry = Expiry::new(shutdown)?;
    let over = Socket::new(expiry.dup()?)?;
    let reception = Reception {
        gates: acceptors
            .into_iter()
            .map(|acceptor| Some(Gate { acceptor, paused: None }))
            .collect(),
        first: 0,
        limits,
        factory,
        tasks: JoinSet::new(),
        bells: BTreeMap::new(),
        report: Report::default(),
        broken: None,
    };
    reception.run(shutdown, &over).await
}

struct Gate {
    acceptor: Acceptor,
    paused: Option<Pin<Box<Sleep>>>,
}

struct Reception<F> {
    /// None where it broke; empty where nobody may come in any more.
    gates: Vec<Option<Gate>>,
    /// Which gate is asked first: each in turn.
    first: usize,
    limits: Limits,
    factory: F,
    tasks: JoinSet<Outcome>,
    bells: BTreeMap<Id, Arc<Bell>>,
    report: Report,
    broken: Option<Error>,
}

impl<P, F> Reception<F>
where
    P: Protocol + Send + 'static,
    F: FnMut(Arrival) -> P,
{
    async fn run(mut self, shutdown: &Shutdown, over: &Socket) -> Result<Report> {
        let (mut stopped, mut patience) = (false, None);
        while !(self.is_closed() && self.tasks.is_empty()) {
            let room = self.limits.room(self.tasks.len()) > 0;
            let given_up = sleep_until(patience);
            let (gates, first) = (&mut self.gates, &mut self.first);
            tokio::select! {
                biased;
                () = shutdown.wait_async(), if !stopped => {
                    stopped = true;
                    self.order_all(STOP);
                }
                _ = over.readable(), if patience.is_none() => {
                    patience = Some(Instant::now() + CUT_WAIT);
                    self.order_all(CUT);
                }
                Some(ended) = self.tasks.join_next_with_id() => self.bury(ended),
                guest = poll_fn(|cx| poll_accept(gates, first, cx)), if room => match guest {
                    Ok((socket, peer, listener)) => self.welcome(socket, peer, listener),
                    Err(error) => self.broken = self.broken.or(Some(error)),
                },
                () = given_up => break,
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

    fn welcome(&mut self, socket: crate::Socket, peer: Address, listener: usize) {
        let registered = prepare(&socket).and_then(|()| Socket::new(socket));
        let Ok(socket) = registered else {
            self.report.refused += 1;
            return;
        };
        self.report.accepted += 1;
        let bell = Arc::new(Bell { orders: AtomicU8::new(0), task: Mutex::new(None) });
        let wake = Wake::from(Waker::from(Arc::clone(&bell)));
        let arrival = Arrival::new(peer, wake, Instant::now()).at(listener);
        let made = catch_unwind(AssertUnwindSafe(|| (self.factory)(arrival)));
        let Ok(protocol) = made else {
            reset(socket.get_ref());
            return self.report.count(Outcome::Aborted);
        };
        let life = Life::new(protocol, &self.limits);
        let theirs = Arc::clone(&bell);
        let task = self.tasks.spawn(async move {
            let mut conn = Conn { life, socket, bell: theirs, alarm: Alarm::default() };
            poll_fn(|cx| conn.poll(cx)).await
        });
        self.bells.insert(task.id(), bell);
    }

    /// The end has begun: nobody comes in any more.
    fn order_all(&mut self, order: u8) {
        self.gates.clear();
        for bell in self.bells.values() {
            bell.ring(order);
        }
    }

    fn bury(&mut self, ended: std::result::Result<(Id, Outcome), JoinError>) {
        let (id, outcome) = match ended {
            Ok(ended) => ended,
            // Protocols' panics end in their turns; the runtime is being shut down, then.
            Err(error) => (error.id(), Outcome::Aborted),
        };
        self.bells.remove(&id);
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
) -> Poll<Result<(crate::Socket, Address, usize)>> {
    let count = gates.len();
    *first += 1;
    for place in (0..count).map(|place| (place + *first) % count) {
        let Some(slot) = gates.get_mut(place) else { continue };
        let Some(gate) = slot else { continue };
        match gate.poll_accept(cx) {
            Poll::Pending => {}
            Poll::Ready(Ok((socket, peer))) => return Poll::Ready(Ok((socket, peer, place))),
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

const WAKE: u8 = 1;
const STOP: u8 = 2;
const CUT: u8 = 4;

/// What wakes one connection's task. Its lock is the innermost: nothing else is locked under it.
struct Bell {
    orders: AtomicU8,
    task: Mutex<Option<Waker>>,
}

impl Bell {
    fn ring(&self, order: u8) {
        if self.orders.fetch_or(order, Ordering::AcqRel) & order == 0 {
            if let Some(task) = &*self.lock() {
                task.wake_by_ref();
            }
        }
    }

    /// What was ordered until now; what is ordered from now on wakes the task again.
    fn listen(&self, cx: &Context<'_>) -> Orders {
        let mut task = self.lock();
        if !task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            *task = Some(cx.waker().clone());
        }
        drop(task);
        let orders = self.orders.swap(0, Ordering::AcqRel);
        let is = |order| orders & order != 0;
        Orders { wake: is(WAKE), stop: is(STOP), cut: is(CUT) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Waker>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::task::Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring(WAKE);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring(WAKE);
    }
}

/// A timer that moves lazily: one that is set to a later time goes off at the old one, and is then
/// set anew.
#[derive(Default)]
struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    set: Option<Instant>,
}

impl Alarm {
    /// Whether it is `until`; if not, the task is woken then or before.
    fn poll(&mut self, until: Option<Instant>, cx: &mut Context<'_>) -> bool {
        let Some(until) = until else { return false };
        loop {
            let sleep =
                self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until.into())));
            if self.set.is_none_or(|set| until < set) {
                sleep.as_mut().reset(until.into());
                self.set = Some(until);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return false;
            }
            self.set = None;
            if until <= Instant::now() {
                return true;
            }
        }
    }
}

struct Conn<P> {
    life: Life<P>,
    socket: Socket,
    bell: Arc<Bell>,
    alarm: Alarm,
}

impl<P: Protocol> Conn<P> {
    /// One turn.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let orders = self.bell.listen(cx);
        let now = Instant::now();
        // Looked at first: the protocol makes room for what comes, and need not where nothing does.
        let read = self.socket.inner.poll_read_ready(cx).is_ready();
        let mut wire = Polled { socket: &self.socket, cx };
        match self.life.turn(&mut wire, orders, Ready { read, write: true }, now) {
            Err(outcome) => Poll::Ready(outcome),
            Ok(wants) => {
                if self.is_due(wants, cx) {
                    // The others' turn first.
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
        }
    }

    /// Whether there is something to do already; if not, the task is woken when there is.
    fn is_due(&mut self, wants: Wants, cx: &mut Context<'_>) -> bool {
        let read = wants.read && self.socket.inner.poll_read_ready(cx).is_ready();
        let write = wants.write && self.socket.inner.poll_write_ready(cx).is_ready();
        self.alarm.poll(wants.until, cx) || read || write
    }
}

/// The wire of a task: it tries where the runtime says that there is something, and uses that up.
struct Polled<'a, 'b, 'c> {
    socket: &'a Socket,
    cx: &'b mut Context<'c>,
}

type Guard<'a> = Poll<io::Result<AsyncFdReadyGuard<'a, crate::Socket>>>;

/// Runs `call` if the socket is ready; it is not any more when less was moved than offered.
fn attempt(
    guard: Guard<'_>,
    offered: usize,
    call: impl FnOnce(&crate::Socket) -> Result<usize>,
) -> std::result::Result<Option<usize>, Broken> {
    match guard {
        Poll::Pending => Ok(None),
        Poll::Ready(Err(_)) => Err(Broken),
        Poll::Ready(Ok(mut guard)) => {
            let done = moved(call(guard.get_inner()))?;
            // The end of the stream stays.
            if done.is_none_or(|bytes| bytes > 0 && bytes < offered) {
                guard.clear_ready();
            }
            Ok(done)
        }
    }
}

impl Wire for Polled<'_, '_, '_> {
    fn recv(&mut self, buf: &mut [u8]) -> std::result::Result<Option<usize>, Broken> {
        let guard = self.socket.inner.poll_read_ready(self.cx);
        attempt(guard, buf.len(), |socket| socket.recv_into(buf))
    }

    fn send(&mut self, data: &[u8]) -> std::result::Result<Option<usize>, Broken> {
        let guard = self.socket.inner.poll_write_ready(self.cx);
        attempt(guard, data.len(), |socket| socket.send(data))
    }

    fn end(&mut self) -> std::result::Result<(), Broken> {
        self.socket.get_ref().shutdown(How::Write).map_err(|_| Broken)
    }

    fn reset(&mut self) {
        reset(self.socket.get_ref());
    }
}
