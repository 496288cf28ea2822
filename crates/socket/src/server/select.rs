//! All connections in one loop that never waits but in its selector.
//!
//! A turn: one wait, one turn of each connection that is ready, that was woken before the turn, or
//! whose time has come. A connection is registered for what it waits for and for nothing else: one
//! that waits for neither direction is not registered at all, since a broken connection would be
//! reported again and again.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker as TaskWaker;
use std::time::{Duration, Instant};

use super::door::{self, Door, Guest, Token};
use super::mailbox::Mailbox;
use super::places::Places;
use super::timers::{Timer, Timers};
use super::{Expiry, Limits, Listeners, Report, prepare, wire};
use crate::addr::Address;
use crate::error::Result;
use crate::protocol::life::{Life, Orders, Ready, Wants};
use crate::protocol::{Arrival, Outcome, Protocol, Wake};
use crate::selectors::{Events, Selector};
use crate::shutdown::Shutdown;
use crate::socket::Socket;

/// Serves all connections in the thread that calls [`serve`](Self::serve).
///
/// ```
/// use sockeye_socket::protocol::Echo;
/// use sockeye_socket::server::SelectServer;
/// use sockeye_socket::{Shutdown, create_connection, create_server};
/// use std::time::Duration;
///
/// let server = SelectServer::new(create_server("127.0.0.1:0").bind()?)?;
/// let addr = server.addresses().remove(0);
/// let shutdown = Shutdown::new()?;
/// let stop = shutdown.clone();
/// let serving = std::thread::spawn(move || server.serve(&stop, |_arrival| Echo::new()));
///
/// let client = create_connection(&addr).open()?;
/// client.sendall(b"hello")?;
/// assert_eq!(client.recv(16)?, b"hello");
/// drop(client);
/// shutdown.start(Duration::from_secs(1));
/// assert_eq!(serving.join().unwrap()?.finished, 1);
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
pub struct SelectServer {
    door: Door,
    selector: Selector<Token>,
    limits: Limits,
}

impl SelectServer {
    /// Takes listening sockets over.
    ///
    /// # Errors
    /// No descriptors left: it needs three, and one for each listener.
    pub fn new(listeners: impl Into<Listeners>) -> Result<Self> {
        let door = Door::new(listeners.into().acceptors()?);
        Ok(Self { door, selector: Selector::new()?, limits: Limits::default() })
    }

    /// What it takes from its clients.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> Vec<Address> {
        self.door.addresses()
    }

    /// Serves until `shutdown`; `factory` makes the protocol of each connection.
    ///
    /// # Errors
    /// Every listener broke, or the system has no memory left to wait for sockets.
    pub fn serve<P, F>(self, shutdown: &Shutdown, factory: F) -> Result<Report>
    where
        P: Protocol,
        F: FnMut(Arrival) -> P,
    {
        let Self { door, mut selector, limits } = self;
        let expiry = door::watch_end(shutdown, &mut selector)?;
        let mailbox = Arc::new(Mailbox::new(selector.waker()));
        let turning = Loop {
            door,
            selector,
            limits,
            factory,
            places: Places::new(),
            timers: Timers::default(),
            mailbox,
            report: Report::default(),
        };
        turning.run(shutdown, &expiry)
    }
}

impl fmt::Debug for SelectServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectServer").field("addresses", &self.addresses()).finish_non_exhaustive()
    }
}

/// What wakes one connection.
struct Bell {
    key: u64,
    /// Its letter is in the mailbox, and it has not had its turn yet.
    rung: AtomicBool,
    mailbox: Arc<Mailbox<u64>>,
}

impl std::task::Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.mailbox.post(self.key);
        }
    }
}

struct Place<P> {
    socket: Socket,
    life: Life<P>,
    bell: Arc<Bell>,
    /// What it is registered for; for nothing it is not.
    watched: Events,
    timer: Timer,
}

struct Loop<P, F> {
    door: Door,
    selector: Selector<Token>,
    limits: Limits,
    factory: F,
    places: Places<Place<P>>,
    timers: Timers,
    mailbox: Arc<Mailbox<u64>>,
    report: Report,
}

impl<P, F> Loop<P, F>
where
    P: Protocol,
    F: FnMut(Arrival) -> P,
{
    fn run(mut self, shutdown: &Shutdown, expiry: &Expiry) -> Result<Report> {
        let mut ready = Vec::new();
        while !(self.door.is_closed() && self.places.len() == 0) {
            let now = Instant::now();
            let room = self.room() > 0;
            self.door.watch(room, now, &mut self.selector)?;
            let timeout = self.timeout(now);
            self.selector.select_into(timeout, &mut ready)?;
            let now = Instant::now();
            self.mailbox.wake_up();
            for (token, events) in &ready {
                match *token {
                    Token::Connection(key) => {
                        self.turn(key, Orders::default(), Ready::from(*events), now);
                    }
                    Token::Listener(place) => self.let_in(place, now),
                    Token::Stop => {
                        self.selector.unregister(shutdown)?;
                        self.order_all(Orders { stop: true, ..Orders::default() }, now);
                    }
                    Token::Expiry => {
                        self.selector.unregister(expiry)?;
                        self.order_all(Orders { cut: true, ..Orders::default() }, now);
                    }
                }
            }
            for key in self.mailbox.take() {
                self.turn(key, Orders::default(), Ready::NONE, now);
            }
            while let Some(key) = self.timers.pop(now) {
                if let Some(place) = self.places.find(key) {
                    place.timer.run_out();
                }
                self.turn(key, Orders::default(), Ready::NONE, now);
            }
        }
        self.door.into_result().map(|()| self.report)
    }

    /// How many more connections may come.
    fn room(&self) -> usize {
        self.limits.room(self.places.len())
    }

    /// How long the selector may wait; `None`: until something happens.
    fn timeout(&self, now: Instant) -> Option<Duration> {
        if !self.mailbox.fall_asleep() {
            return Some(Duration::ZERO);
        }
        let due = [self.timers.first(), self.door.poll_timeout()].into_iter().flatten().min();
        due.map(|until| until.saturating_duration_since(now))
    }

    fn let_in(&mut self, listener: usize, now: Instant) {
        let room = self.room();
        for guest in self.door.accept(listener, room, now, &mut self.selector) {
            self.welcome(guest, now);
        }
    }

    fn welcome(&mut self, (socket, peer, listener): Guest, now: Instant) {
        if prepare(&socket).is_err() {
            self.report.refused += 1;
            return;
        }
        self.report.accepted += 1;
        let key = self.places.next_key();
        let mailbox = Arc::clone(&self.mailbox);
        let bell = Arc::new(Bell { key, rung: AtomicBool::new(false), mailbox });
        let wake = Wake::from(TaskWaker::from(Arc::clone(&bell)));
        let arrival = Arrival::new(peer, wake, now).at(listener);
        let made = catch_unwind(AssertUnwindSafe(|| (self.factory)(arrival)));
        let Ok(protocol) = made else {
            wire::reset(&socket);
            return self.report.count(Outcome::Aborted);
        };
        let life = Life::new(protocol, &self.limits);
        let (watched, timer) = (Events::NONE, Timer::default());
        self.places.put(Place { socket, life, bell, watched, timer });
        self.turn(key, Orders::default(), Ready::NONE, now);
    }

    /// The end has begun: nobody comes in any more.
    fn order_all(&mut self, orders: Orders, now: Instant) {
        self.door.close(&mut self.selector);
        for key in self.places.keys() {
            self.turn(key, orders, Ready::NONE, now);
        }
    }

    /// One turn of a connection, if it is still there.
    fn turn(&mut self, key: u64, mut orders: Orders, ready: Ready, now: Instant) {
        let Some(place) = self.places.find(key) else { return };
        orders.wake = place.bell.rung.swap(false, Ordering::AcqRel);
        let turned = place.life.turn(&mut &place.socket, orders, ready, now);
        let settled = turned.and_then(|wants| self.settle(key, wants));
        if let Err(outcome) = settled {
            self.end(key, outcome);
        }
    }

    /// Waits for what the connection wants.
    fn settle(&mut self, key: u64, wants: Wants) -> std::result::Result<(), Outcome> {
        let Some(place) = self.places.find(key) else { return Ok(()) };
        self.timers.set(key, &mut place.timer, wants.until);
        let events = Events::from(wants);
        let (socket, watched) = (&place.socket, &mut place.watched);
        let token = Token::Connection(key);
        let done = wire::watch(&mut self.selector, socket, watched, events, token);
        done.map_err(|_| {
            // The system has no memory to wait for it.
            wire::reset(socket);
            Outcome::Aborted
        })
    }

    fn end(&mut self, key: u64, outcome: Outcome) {
        let Some(mut place) = self.places.take(key) else { return };
        self.timers.clear(key, &mut place.timer);
        if place.watched != Events::NONE {
            // It goes with its descriptor in any case.
            let _ = self.selector.unregister(&place.socket);
        }
        self.report.count(outcome);
        // A protocol that is still there is dropped here, and may panic in that.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(place)));
    }
}
