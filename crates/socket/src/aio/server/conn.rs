//! A connection with a protocol, as a task: one poll is one turn; it then waits for the socket, for
//! the time, or for its bell, and for nothing else. Waking it costs no descriptor: the runtime does
//! that.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::io::unix::AsyncFdReadyGuard;
use tokio::task::{Id, JoinSet};
use tokio::time::Sleep;

use super::reception::{Guest, Host, Order, Unserved};
use crate::aio::Socket;
use crate::error::Result;
use crate::protocol::life::{Broken, Life, Orders, Ready, Wants, Wire};
use crate::protocol::{Arrival, Outcome, Protocol, Wake};
use crate::server::{Limits, moved, reset};
use crate::socket::How;

/// Makes a protocol for each connection.
pub(super) struct Protocols<F> {
    factory: F,
    limits: Limits,
    bells: BTreeMap<Id, Arc<Bell>>,
}

impl<F> Protocols<F> {
    pub(super) fn new(factory: F, limits: Limits) -> Self {
        Self { factory, limits, bells: BTreeMap::new() }
    }
}

impl<P, F> Host for Protocols<F>
where
    P: Protocol + Send + 'static,
    F: FnMut(Arrival) -> P,
{
    fn welcome(&mut self, guest: Guest<Socket>, tasks: &mut JoinSet<Outcome>) -> Option<Unserved> {
        let Guest { socket, peer, listener } = guest;
        let bell = Arc::new(Bell { orders: AtomicU8::new(0), task: Mutex::new(None) });
        let wake = Wake::from(Waker::from(Arc::clone(&bell)));
        let arrival = Arrival::new(peer, wake, Instant::now()).at(listener);
        let made = catch_unwind(AssertUnwindSafe(|| (self.factory)(arrival)));
        let Ok(protocol) = made else {
            reset(socket.get_ref());
            return Some(Unserved::Aborted);
        };
        let life = Life::new(protocol, &self.limits);
        let theirs = Arc::clone(&bell);
        let task = tasks.spawn(async move {
            let mut conn = Conn { life, socket, bell: theirs, alarm: Alarm::default() };
            poll_fn(|cx| conn.poll(cx)).await
        });
        self.bells.insert(task.id(), bell);
        None
    }

    fn order(&mut self, order: Order) {
        let order = match order {
            Order::Stop => STOP,
            Order::Cut => CUT,
        };
        for bell in self.bells.values() {
            bell.ring(order);
        }
    }

    fn bury(&mut self, id: Id) {
        self.bells.remove(&id);
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
