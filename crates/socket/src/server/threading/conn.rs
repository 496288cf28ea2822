//! One connection, shared by its thread, by those that wake it and by the attendant.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::thread::Thread;
use std::time::Instant;

use super::deferred::{Deferred, wake};
use crate::protocol::life::{Life, Orders, Ready, Wants};
use crate::protocol::{Outcome, Protocol};
use crate::server::mailbox::Mailbox;
use crate::server::{Report, wire};
use crate::socket::{How, Socket};

/// What the attendant is asked for.
pub(super) enum Call<P> {
    /// The connection waits for more than its thread does.
    Look(Arc<Conn<P>>),
    /// The thread is done.
    Ended(u64),
}

/// What the threads of a server share.
pub(super) struct Hub<P> {
    pub(super) calls: Mailbox<Call<P>>,
    pub(super) report: Mutex<Report>,
    /// The grace is over.
    pub(super) cut: AtomicBool,
}

impl<P> Hub<P> {
    pub(super) fn report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the connection's own thread waits.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sleep {
    /// It does not: it will look at everything itself.
    Awake,
    /// In `poll`, for what was wanted then; nobody can make it look for anything else.
    Polling(Wants),
    /// Until then, for whoever unparks it: neither direction is wanted.
    Parked(Option<Instant>),
}

pub(super) struct Conn<P> {
    key: u64,
    hub: Arc<Hub<P>>,
    /// Woken, and no turn has begun since.
    rung: AtomicBool,
    owner: OnceLock<Thread>,
    state: Mutex<State<P>>,
}

struct State<P> {
    /// None before the beginning and after the end.
    work: Option<Work<P>>,
    sleep: Sleep,
    /// The attendant was called and has not come yet.
    called: bool,
}

struct Work<P> {
    life: Life<P>,
    socket: Arc<Socket>,
}

impl<P> Conn<P> {
    pub(super) fn key(&self) -> u64 {
        self.key
    }

    pub(super) fn hub(&self) -> &Hub<P> {
        &self.hub
    }

    /// A turn that panics outside of the protocol is our own bug; the state is whole all the same.
    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Protocol> Conn<P> {
    pub(super) fn new(key: u64, hub: Arc<Hub<P>>) -> Self {
        let state = State { work: None, sleep: Sleep::Awake, called: false };
        let (rung, owner) = (AtomicBool::new(false), OnceLock::new());
        Self { key, hub, rung, owner, state: Mutex::new(state) }
    }

    /// From now on there is something to do.
    pub(super) fn begin(&self, life: Life<P>, socket: &Arc<Socket>) {
        self.lock().work = Some(Work { life, socket: Arc::clone(socket) });
    }

    /// There was no thread for it: the peer is reset.
    pub(super) fn refuse(&self) {
        if let Some(work) = self.lock().work.take() {
            wire::reset(&work.socket);
        }
    }

    /// This thread is the connection's own.
    pub(super) fn adopt(&self) {
        // There is only one.
        let _ = self.owner.set(std::thread::current());
    }

    /// A turn by the connection's own thread: how it is to wait then; `None` at the end.
    pub(super) fn take_own_turn(&self, ready: Ready) -> Option<Sleep> {
        let mut state = self.lock();
        let cut = self.hub.cut.load(Ordering::Acquire);
        let wants = match self.turn(&mut state, Orders { cut, ..Orders::default() }, ready)? {
            Ok(wants) => wants,
            Err(outcome) => {
                state.work = None;
                self.hub.report().count(outcome);
                return None;
            }
        };
        state.sleep = match wants {
            Wants { read: false, write: false, until } => Sleep::Parked(until),
            wants => Sleep::Polling(wants),
        };
        Some(state.sleep)
    }

    /// A turn by the attendant: what is wanted beyond what the thread waits for.
    pub(super) fn attend(&self, orders: Orders, ready: Ready) -> Wants {
        let mut state = self.lock();
        state.called = false;
        self.stand_in(&mut state, orders, ready)
    }

    /// The grace is over. A protocol that is stuck in a call is not waited for; it finds its socket
    /// reset.
    pub(super) fn cut(&self, socket: &Socket) {
        match self.state.try_lock() {
            Ok(mut state) => {
                let orders = Orders { cut: true, ..Orders::default() };
                self.stand_in(&mut state, orders, Ready::NONE);
            }
            Err(TryLockError::Poisoned(_) | TryLockError::WouldBlock) => {
                wire::reset(socket);
                self.unpark();
            }
        }
    }

    /// A turn by any other thread than the connection's own, and what its own does not wait for.
    fn stand_in(&self, state: &mut State<P>, orders: Orders, ready: Ready) -> Wants {
        match self.turn(state, orders, ready) {
            Some(Ok(wants)) => self.uncovered(state, wants),
            Some(Err(outcome)) => {
                if let Some(work) = state.work.take() {
                    // The thread waits for this socket and closes it when it sees that.
                    let _ = work.socket.shutdown(How::Both);
                }
                self.unpark();
                self.hub.report().count(outcome);
                NOTHING
            }
            None => NOTHING,
        }
    }

    /// `None` where there is nothing to do, before the beginning or after the end.
    fn turn(
        &self,
        state: &mut State<P>,
        mut orders: Orders,
        ready: Ready,
    ) -> Option<Result<Wants, Outcome>> {
        let work = state.work.as_mut()?;
        orders.wake = self.rung.swap(false, Ordering::AcqRel);
        // Asked for under the lock, so that it never goes back.
        let now = Instant::now();
        Some(work.life.turn(&mut &*work.socket, orders, ready, now))
    }

    fn uncovered(&self, state: &mut State<P>, wants: Wants) -> Wants {
        match state.sleep {
            Sleep::Awake => NOTHING,
            Sleep::Polling(slept) => Wants {
                read: wants.read && !slept.read,
                write: wants.write && !slept.write,
                until: wants.until.filter(|until| is_earlier(*until, slept.until)),
            },
            Sleep::Parked(until) => {
                let earlier = wants.until.is_some_and(|new| is_earlier(new, until));
                if wants.read || wants.write || earlier {
                    state.sleep = Sleep::Awake;
                    self.unpark();
                }
                NOTHING
            }
        }
    }

    fn unpark(&self) {
        if let Some(owner) = self.owner.get() {
            owner.unpark();
        }
    }
}

const NOTHING: Wants = Wants { read: false, write: false, until: None };

fn is_earlier(new: Instant, old: Option<Instant>) -> bool {
    old.is_none_or(|old| new < old)
}

impl<P: Protocol + Send + 'static> Deferred for Conn<P> {
    fn take_turn(self: Arc<Self>) {
        let mut state = self.lock();
        let uncovered = self.stand_in(&mut state, Orders::default(), Ready::NONE);
        if uncovered != NOTHING && !state.called {
            state.called = true;
            drop(state);
            self.hand_over();
        }
    }

    fn hand_over(self: Arc<Self>) {
        let hub = Arc::clone(&self.hub);
        hub.calls.post(Call::Look(self));
    }
}

impl<P: Protocol + Send + 'static> std::task::Wake for Conn<P> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            wake(Arc::<Self>::clone(self));
        }
    }
}
