//! The thread that serves: it accepts, starts the connections' threads, and does for them what
//! they cannot do while they wait in `poll`.

use std::io;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use super::Parts;
use super::conn::{Call, Conn, Hub, Sleep};
use super::deferred::driving;
use crate::error::Result;
use crate::protocol::life::{Life, Orders, Ready};
use crate::protocol::{Arrival, Outcome, Protocol, Wake};
use crate::selectors::{Events, Selector};
use crate::server::door::{self, Door, Guest, Token};
use crate::server::mailbox::Mailbox;
use crate::server::places::Places;
use crate::server::timers::{Timer, Timers};
use crate::server::{Expiry, Limits, Report, prepare, wire};
use crate::shutdown::Shutdown;
use crate::socket::Socket;
use crate::socket::wait::poll_until;

/// After the grace, threads that do not come back are waited for so long.
pub(super) const CUT_WAIT: Duration = Duration::from_secs(1);

/// See [`super::ThreadingServer::serve`].
pub(super) fn serve<P, F>(parts: Parts, shutdown: &Shutdown, factory: F) -> Result<Report>
where
    P: Protocol + Send + 'static,
    F: FnMut(Arrival) -> P,
{
    let Parts { door, mut selector, limits, stack_bytes } = parts;
    let expiry = door::watch_end(shutdown, &mut selector)?;
    let hub = Hub {
        calls: Mailbox::new(selector.waker()),
        report: Default::default(),
        cut: AtomicBool::new(false),
    };
    let attendant = Attendant {
        door,
        selector,
        limits,
        stack_bytes,
        factory,
        members: Places::new(),
        timers: Timers::default(),
        hub: Arc::new(hub),
        patience: None,
    };
    attendant.run(shutdown, &expiry)
}

struct Member<P> {
    conn: Arc<Conn<P>>,
    /// None while it is being started.
    thread: Option<JoinHandle<()>>,
    socket: Arc<Socket>,
    /// What the attendant waits for in the thread's stead.
    watched: Events,
    timer: Timer,
}

struct Attendant<P, F> {
    door: Door,
    selector: Selector<Token>,
    limits: Limits,
    stack_bytes: usize,
    factory: F,
    members: Places<Member<P>>,
    timers: Timers,
    hub: Arc<Hub<P>>,
    /// After the grace: when threads are not waited for any longer.
    patience: Option<Instant>,
}

impl<P, F> Attendant<P, F>
where
    P: Protocol + Send + 'static,
    F: FnMut(Arrival) -> P,
{
    fn run(mut self, shutdown: &Shutdown, expiry: &Expiry) -> Result<Report> {
        let mut ready = Vec::new();
        while !self.is_over() {
            let now = Instant::now();
            let room = self.room() > 0;
            self.door.watch(room, now, &mut self.selector)?;
            let timeout = self.timeout(now);
            self.selector.select_into(timeout, &mut ready)?;
            self.hub.calls.wake_up();
            for (token, events) in &ready {
                match *token {
                    Token::Connection(key) => {
                        self.attend(key, Orders::default(), Ready::from(*events));
                    }
                    Token::Listener(place) => self.let_in(place),
                    Token::Stop => {
                        self.selector.unregister(shutdown)?;
                        self.stop();
                    }
                    Token::Expiry => {
                        self.selector.unregister(expiry)?;
                        self.cut();
                    }
                }
            }
            for call in self.hub.calls.take() {
                match call {
                    Call::Look(conn) => {
                        self.attend(conn.key(), Orders::default(), Ready::NONE);
                    }
                    Call::Ended(key) => self.bury(key),
                }
            }
            self.handle_timeouts();
        }
        let mut report = *self.hub.report();
        report.cut += u64::try_from(self.members.len()).unwrap_or(u64::MAX);
        self.door.into_result().map(|()| report)
    }

    fn is_over(&self) -> bool {
        let given_up = self.patience.is_some_and(|patience| patience <= Instant::now());
        given_up || (self.door.is_closed() && self.members.len() == 0)
    }

    fn room(&self) -> usize {
        self.limits.room(self.members.len())
    }

    fn timeout(&self, now: Instant) -> Option<Duration> {
        if !self.hub.calls.fall_asleep() {
            return Some(Duration::ZERO);
        }
        let due = [self.timers.first(), self.door.poll_timeout(), self.patience];
        let due = due.into_iter().flatten().min();
        due.map(|until| until.saturating_duration_since(now))
    }

    fn let_in(&mut self, listener: usize) {
        let room = self.room();
        for guest in self.door.accept(listener, room, Instant::now(), &mut self.selector) {
            self.welcome(guest);
        }
    }

    fn welcome(&mut self, (socket, peer, listener): Guest) {
        if prepare(&socket).is_err() {
            self.hub.report().refused += 1;
            return;
        }
        let socket = Arc::new(socket);
        let conn = Arc::new(Conn::new(self.members.next_key(), Arc::clone(&self.hub)));
        let wake = Wake::from(std::task::Waker::from(Arc::clone(&conn)));
        let arrival = Arrival::new(peer, wake, Instant::now()).at(listener);
        // What the factory wakes has its turn after it.
        let made = driving(|| catch_unwind(AssertUnwindSafe(|| (self.factory)(arrival))));
        let Ok(protocol) = made else {
            wire::reset(&socket);
            let mut report = self.hub.report();
            report.accepted += 1;
            return report.count(Outcome::Aborted);
        };
        conn.begin(Life::new(protocol, &self.limits), &socket);
        let Ok(thread) = start(&conn, &socket, self.stack_bytes) else {
            driving(|| conn.refuse());
            self.hub.report().refused += 1;
            return;
        };
        self.hub.report().accepted += 1;
        let (watched, timer) = (Events::NONE, Timer::default());
        self.members.put(Member { conn, thread: Some(thread), socket, watched, timer });
    }

    /// Takes a connection's turn, and waits from now on for what its thread does not.
    fn attend(&mut self, key: u64, orders: Orders, ready: Ready) {
        let Some(member) = self.members.find(key) else { return };
        let wants = driving(|| member.conn.attend(orders, ready));
        self.timers.set(key, &mut member.timer, wants.until);
        let events = Events::from(wants);
        let (socket, watched) = (&member.socket, &mut member.watched);
        let token = Token::Connection(key);
        let done = wire::watch(&mut self.selector, socket, watched, events, token);
        if done.is_err() {
            // The system has no memory to wait for it.
            wire::reset(socket);
        }
    }

    fn handle_timeouts(&mut self) {
        let now = Instant::now();
        while let Some(key) = self.timers.pop(now) {
            if let Some(member) = self.members.find(key) {
                member.timer.run_out();
            }
            self.attend(key, Orders::default(), Ready::NONE);
        }
    }

    fn stop(&mut self) {
        self.door.close(&mut self.selector);
        for key in self.members.keys() {
            self.attend(key, Orders { stop: true, ..Orders::default() }, Ready::NONE);
        }
    }

    fn cut(&mut self) {
        self.door.close(&mut self.selector);
        self.hub.cut.store(true, Ordering::Release);
        self.patience = Some(Instant::now() + CUT_WAIT);
        for key in self.members.keys() {
            if let Some(member) = self.members.find(key) {
                driving(|| member.conn.cut(&member.socket));
            }
        }
    }

    /// The thread is done, and with it the connection.
    fn bury(&mut self, key: u64) {
        let Some(mut member) = self.members.take(key) else { return };
        self.timers.clear(key, &mut member.timer);
        if member.watched != Events::NONE {
            // It goes with its descriptor in any case.
            let _ = self.selector.unregister(&*member.socket);
        }
        if let Some(thread) = member.thread.take() {
            // It has said that it is done; a panic in it is on standard error already.
            let _ = thread.join();
        }
    }
}

/// Starts the connection's own thread.
fn start<P>(
    conn: &Arc<Conn<P>>,
    socket: &Arc<Socket>,
    stack_bytes: usize,
) -> io::Result<JoinHandle<()>>
where
    P: Protocol + Send + 'static,
{
    let (conn, socket) = (Arc::clone(conn), Arc::clone(socket));
    let builder = std::thread::Builder::new().name("connection".to_owned());
    builder.stack_size(stack_bytes).spawn(move || {
        let _end = End(Arc::clone(&conn));
        conn.adopt();
        let mut ready = Ready::NONE;
        while let Some(sleep) = driving(|| conn.take_own_turn(ready)) {
            ready = wait(&socket, sleep);
        }
    })
}

/// Says that the thread is done, however it ends.
struct End<P>(Arc<Conn<P>>);

impl<P> Drop for End<P> {
    fn drop(&mut self) {
        self.0.hub().calls.post(Call::Ended(self.0.key()));
    }
}

fn wait(socket: &Socket, sleep: Sleep) -> Ready {
    match sleep {
        Sleep::Awake => Ready::NONE,
        Sleep::Parked(None) => {
            std::thread::park();
            Ready::NONE
        }
        Sleep::Parked(Some(until)) => {
            std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
            Ready::NONE
        }
        Sleep::Polling(wants) => {
            let mut asked = PollFlags::empty();
            asked.set(PollFlags::IN, wants.read);
            asked.set(PollFlags::OUT, wants.write);
            let mut fds = [PollFd::from_borrowed_fd(socket.as_fd(), asked)];
            if poll_until("serve", &mut fds, wants.until).is_err() {
                // No memory for the wait: the calls themselves say what there is.
                return Ready::BOTH;
            }
            let flags = fds[0].revents();
            let over = flags.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL);
            Ready {
                read: over || flags.contains(PollFlags::IN),
                write: over || flags.contains(PollFlags::OUT),
            }
        }
    }
}
