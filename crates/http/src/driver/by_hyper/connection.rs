//! One connection from hyper's first byte to its last: its limits, its deadlines, and how it ends.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use sockeye_socket::Address;
use tokio::sync::Semaphore;
use tokio::time::sleep_until;

use super::super::connection::LAST_CHANCE;
use super::super::watched::Stream;
use super::super::worker::Worker;
use super::exchange::{Shared, exchange};
use super::limits::{
    CONNECTION_WINDOW_BYTES, MISTAKES_MAX, RESETS_WAITING_MAX, SEND_BUFFER_BYTES,
    STREAM_WINDOW_BYTES, STREAMS_MAX,
};
use super::pulse::{Pulse, State};
use super::stall::Bounded;
use super::wire::{Line, Wire};
use crate::event::Event;
use crate::proto::head::FIELDS_MAX;

/// The smallest buffer that hyper takes for a head in HTTP/1.
const HTTP1_BUFFER_BYTES_MIN: usize = 8 * 1024;
/// How often a connection is looked at.
const LOOK: Duration = Duration::from_secs(5);

/// How a connection came here.
pub(in super::super) struct Opened {
    /// What bytes come from and go to.
    pub(in super::super) stream: Stream,
    /// What had been received of it already.
    pub(in super::super) received: Vec<u8>,
    pub(in super::super) peer: Address,
    pub(in super::super) accepted: Instant,
}

impl Opened {
    fn share(self, worker: Rc<Worker>) -> (Rc<Shared>, Rc<RefCell<Line>>) {
        let ours = Rc::clone(&worker);
        let line = Line::new(self.stream, self.received, move || ours.handle_received());
        let places = usize::try_from(STREAMS_MAX).unwrap_or(1);
        let shared = Shared {
            worker,
            peer: self.peer,
            pulse: Pulse::new(self.accepted),
            jobs: Arc::new(Semaphore::new(places)),
        };
        (Rc::new(shared), line)
    }
}

/// Runs hyper's tasks, one for each stream, on the thread that they were born on.
#[derive(Clone, Debug)]
struct OnThisThread {
    /// When anything of the connection moved last.
    last: Rc<Cell<Instant>>,
    /// How long a stream's peer may let it wait.
    timeout: Duration,
}

impl<F: Future<Output = ()> + 'static> Executor<F> for OnThisThread {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(Bounded::new(task, Rc::clone(&self.last), self.timeout));
    }
}

/// Serves HTTP/2 until the connection ends.
pub(in super::super) async fn serve_http2(worker: Rc<Worker>, opened: Opened) {
    let limits = &worker.service.limits;
    let timeout = limits.write_timeout;
    let (shared, line) = opened.share(Rc::clone(&worker));
    let executor = OnThisThread { last: shared.pulse.last(), timeout };
    let mut http = http2::Builder::new(executor);
    http.timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_pending_accept_reset_streams(RESETS_WAITING_MAX)
        .max_local_error_reset_streams(MISTAKES_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .max_header_list_size(u32::try_from(limits.head_bytes_max).unwrap_or(u32::MAX))
        .keep_alive_interval(limits.idle_timeout)
        .keep_alive_timeout(timeout)
        .auto_date_header(false);
    let ours = Rc::clone(&shared);
    let service = service_fn(move |request| exchange(Rc::clone(&ours), request));
    let io = TokioIo::new(Wire(Rc::clone(&line)));
    let connection = std::pin::pin!(http.serve_connection(io, service));
    watch((&shared, &line), connection, |connection| connection.graceful_shutdown()).await;
}

/// Serves HTTP/1 until the connection ends.
pub(in super::super) async fn serve_http1(worker: Rc<Worker>, opened: Opened) {
    let limits = &worker.service.limits;
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .half_close(true)
        .max_buf_size(limits.head_bytes_max.max(HTTP1_BUFFER_BYTES_MIN))
        .max_headers(FIELDS_MAX)
        .auto_date_header(false);
    let (shared, line) = opened.share(worker);
    let ours = Rc::clone(&shared);
    let service = service_fn(move |request| exchange(Rc::clone(&ours), request));
    let io = TokioIo::new(Wire(Rc::clone(&line)));
    let connection = std::pin::pin!(http.serve_connection(io, service));
    watch((&shared, &line), connection, |connection| connection.graceful_shutdown()).await;
}

/// Gives the connection its turns until it ends, and sends after each what has come of it.
async fn turns<C: Future<Output = hyper::Result<()>>>(
    line: &RefCell<Line>,
    mut connection: Pin<&mut C>,
) {
    let turn = poll_fn(|cx| {
        let is_over = connection.as_mut().poll(cx).is_ready();
        match line.borrow_mut().poll_send(cx) {
            // What is left goes when the socket takes it, which is another turn.
            Poll::Ready(Ok(())) | Poll::Pending if !is_over => Poll::Pending,
            _ => Poll::Ready(()),
        }
    });
    turn.await;
}

/// Drives a connection until it ends by itself, by its deadlines or by a shutdown; `stop` has it
/// take no more requests.
async fn watch<C: Future<Output = hyper::Result<()>>>(
    (shared, line): (&Shared, &RefCell<Line>),
    mut connection: Pin<&mut C>,
    stop: impl Fn(Pin<&mut C>),
) {
    let (worker, limits) = (&shared.worker, &shared.worker.service.limits);
    // Where it has been told to stop: until when an idle one may still be there.
    let mut ending: Option<Instant> = None;
    loop {
        let now = Instant::now();
        if worker.stopping.get() && ending.is_none() {
            stop(connection.as_mut());
            ending = Some(now + LAST_CHANCE);
        }
        if ending.is_some_and(|ending| ending <= now) && shared.pulse.is_idle() {
            return;
        }
        // In a shutdown nobody says when the last exchange has ended.
        let look = now + if ending.is_some() { LAST_CHANCE } else { LOOK };
        let deadline = shared.pulse.deadline(limits).map_or(look, |deadline| deadline.min(look));
        tokio::select! {
            biased;
            // What was wrong has been said to the peer.
            () = turns(line, connection.as_mut()) => return,
            () = worker.stop.notified(), if !worker.stopping.get() => {}
            () = sleep_until(deadline.into()) => {
                let peer = shared.peer.clone();
                match shared.pulse.state(limits, Instant::now()) {
                    State::Alive => {}
                    State::Idle if ending.is_none() => {
                        stop(connection.as_mut());
                        ending = Some(Instant::now() + limits.drain_timeout);
                    }
                    State::Idle => return,
                    State::Silent => {
                        return (worker.sink)(&Event::TimedOut { peer, stage: "head" });
                    }
                    State::Stalled => {
                        return (worker.sink)(&Event::TimedOut { peer, stage: "answer" });
                    }
                }
            }
        }
    }
}
