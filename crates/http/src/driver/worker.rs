//! A worker: one thread with a runtime of its own and the connections that were given to it.
//! Nothing here is shared with other workers but the service and the log.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sockeye_edge::caps::Permit;
use sockeye_socket::{Address, Shutdown, Socket, aio, opt};
use tokio::runtime::Runtime;
use tokio::sync::{Notify, mpsc};
use tokio::task::LocalSet;

use super::connection::{Start, serve};
use super::handshake::secure;
use super::lane::{Lane, Lanes};
use super::watched::{Pace, Stream, Watched};
use crate::access::{Known, Visitor};
use crate::cache::{self, Bounds, Cache, ListingPlace, Ready};
use crate::event::{Event, Report, Sink};
use crate::log::Log;
use crate::metrics::{Metrics, Tally};
use crate::proto::date;
use crate::proto::head::{Head, Method};
use crate::proto::plan::Plan;
use crate::proto::status::{PeerError, Status};
use crate::service::{Asking, Clock, Reply, Service};

/// How many receive buffers a worker keeps for connections that wake up.
const BUFFERS_KEPT_MAX: usize = 64;
/// A kept send buffer is not larger than this.
const OUT_BYTES_KEPT_MAX: usize = 64 * 1024;
/// How long a refused peer may take to read why.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a worker that waits for its connections looks whether the deadline was moved.
const DEADLINE_LOOK: Duration = Duration::from_millis(50);

/// A connection on its way to a worker.
pub(crate) enum Incoming {
    /// To be served, as long as its permit lives.
    Serve(Socket, Address, Permit, Lane),
    /// To be told why it is refused; counted by what is dropped with it.
    Refuse(Socket, PeerError, Arc<()>),
}

/// What the acceptor says to a worker.
enum Word {
    /// A connection, which counts as load already.
    Take(Incoming),
    /// Descriptors are short, and connections go before what is kept.
    MakeRoom,
}

/// The acceptor's view of a worker.
pub(crate) struct Dispatch {
    sender: mpsc::UnboundedSender<Word>,
    load: Arc<AtomicUsize>,
}

impl Dispatch {
    /// How many connections the worker has.
    pub(crate) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    /// Gives it a connection. The queue is bounded by the permits and refusals that exist.
    pub(crate) fn give(&self, incoming: Incoming) {
        self.load.fetch_add(1, Ordering::Relaxed);
        // A worker ends only after the last dispatch is dropped.
        let _ = self.sender.send(Word::Take(incoming));
    }

    /// Tells it that descriptors are short.
    pub(crate) fn make_room(&self) {
        let _ = self.sender.send(Word::MakeRoom);
    }
}

/// What a worker is made of.
pub(crate) struct Work {
    pub(crate) service: Arc<Service>,
    pub(crate) log: Option<Log>,
    pub(crate) sink: Sink,
    cache: Option<Bounds>,
    lanes: Lanes,
    receiver: mpsc::UnboundedReceiver<Word>,
    load: Arc<AtomicUsize>,
}

/// Makes the runtime of a worker. It needs descriptors, so it comes before the first client.
///
/// # Errors
/// No descriptors left.
pub(crate) fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()
}

impl Work {
    /// A worker to be run, and the way to it. `cache` is what it may keep, if anything.
    pub(crate) fn new(
        service: Arc<Service>,
        log: Option<Log>,
        sink: Sink,
        cache: Option<Bounds>,
        lanes: Lanes,
    ) -> (Dispatch, Work) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let load = Arc::new(AtomicUsize::new(0));
        let dispatch = Dispatch { sender, load: Arc::clone(&load) };
        (dispatch, Work { service, log, sink, cache, lanes, receiver, load })
    }

    /// Serves connections until the way to it is dropped and the last of them has ended, or the
    /// deadline of `shutdown` has passed.
    pub(crate) fn run(self, runtime: Runtime, shutdown: &Shutdown) -> Report {
        let local = LocalSet::new();
        let report = local.block_on(&runtime, self.serve_all(shutdown));
        drop(local);
        // What still blocks somewhere must not hold up the end.
        runtime.shutdown_background();
        report
    }

    async fn serve_all(self, shutdown: &Shutdown) -> Report {
        let Work { service, log, sink, cache, lanes, mut receiver, load } = self;
        let worker = Rc::new(Worker::new(service, log, sink, cache, lanes));
        let mut told = false;
        loop {
            tokio::select! {
                word = receiver.recv() => match word {
                    Some(Word::Take(incoming)) => spawn(&worker, incoming, &load),
                    Some(Word::MakeRoom) => worker.make_room(),
                    None => break,
                },
                () = shutdown.wait_async(), if !told => {
                    told = true;
                    worker.stop_all();
                }
            }
        }
        // No one gives any more: either because of a shutdown, or because the server failed.
        worker.stop_all();
        while load.load(Ordering::Relaxed) > 0 && !shutdown.is_expired() {
            let next_look = tokio::time::sleep(DEADLINE_LOOK);
            tokio::select! {
                () = worker.ended.notified() => {}
                () = next_look => {}
            }
        }
        let mut report = worker.report.get();
        report.cut = u64::try_from(load.load(Ordering::Relaxed)).unwrap_or(u64::MAX);
        report
    }
}

/// Counts a connection off when its task ends, however it ends.
struct Counted {
    worker: Rc<Worker>,
    load: Arc<AtomicUsize>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.load.fetch_sub(1, Ordering::Relaxed);
        self.worker.ended.notify_one();
    }
}

fn spawn(worker: &Rc<Worker>, incoming: Incoming, load: &Arc<AtomicUsize>) {
    let counted = Counted { worker: Rc::clone(worker), load: Arc::clone(load) };
    match incoming {
        Incoming::Serve(socket, peer, permit, lane) => {
            // Not for unix sockets; nothing is lost where it fails.
            let _ = socket.setsockopt(opt::TCP_NODELAY, true);
            let Ok(socket) = aio::Socket::new(socket) else { return };
            let worker = Rc::clone(worker);
            worker.count_connection();
            tokio::task::spawn_local(async move {
                match lane {
                    // In a box of its own: what TLS takes is not taken by plain connections.
                    Lane::Tls => Box::pin(secure(Rc::clone(&worker), socket, peer)).await,
                    lane => {
                        let start = Start { lane, accepted: Instant::now() };
                        serve(Rc::clone(&worker), Stream::Plain(socket), peer, start).await;
                    }
                }
                worker.count_closed();
                drop((permit, counted));
            });
        }
        Incoming::Refuse(socket, error, token) => {
            let Ok(socket) = aio::Socket::new(socket) else { return };
            let worker = Rc::clone(worker);
            tokio::task::spawn_local(async move {
                refuse(&worker, socket, error).await;
                drop((token, counted));
            });
        }
    }
}

/// Says why, and reads until the peer closes, so that it can read the answer; not for long.
async fn refuse(worker: &Worker, socket: aio::Socket, error: PeerError) {
    let mut stream =
        Watched::new(Stream::Plain(socket), Pace { timeout: REFUSAL_TIMEOUT, bytes_min: u64::MAX });
    let plan = Plan::text(error.status, error.why).with_header("Retry-After", "1");
    let mut out = Vec::new();
    plan.write_head(&worker.date(worker.now()), Some("close"), &mut out);
    if let crate::proto::plan::Body::Bytes(text) = &plan.body {
        out.extend_from_slice(text);
    }
    if stream.send_all(&out, false).await.is_err() {
        return;
    }
    stream.shut_sending().await;
    let deadline = Instant::now() + REFUSAL_TIMEOUT;
    let mut buffer = [0; 1024];
    while matches!(stream.recv(&mut buffer, deadline).await, Ok(1..)) {}
}

/// An answer that was sent, as far as it went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    /// Of the request, where it was understood.
    pub(super) method: Option<Method>,
    pub(super) status: Status,
    pub(super) head_bytes: usize,
    /// Of the body.
    pub(super) bytes: u64,
    /// When the request had arrived.
    pub(super) started: Instant,
}

/// What the connections of one thread share.
pub(super) struct Worker {
    pub(super) service: Arc<Service>,
    pub(super) log: Option<Log>,
    pub(super) sink: Sink,
    pub(super) lanes: Lanes,
    pub(super) stop: Notify,
    pub(super) stopping: Cell<bool>,
    ended: Notify,
    report: Cell<Report>,
    buffers: RefCell<Vec<Vec<u8>>>,
    out: Cell<Vec<u8>>,
    date: RefCell<(u64, String)>,
    cache: RefCell<Option<Cache>>,
    /// Somebody of whom nothing is known, by the policy of this generation.
    /// Somebody who has said nothing, by the latest policy.
    pub(super) visitor: RefCell<Visitor>,
    generation: Cell<u64>,
    tally: Option<Tally>,
    sweeps: Cell<bool>,
    second: Cell<(u64, Option<Instant>)>,
}

impl Worker {
    fn new(
        service: Arc<Service>,
        log: Option<Log>,
        sink: Sink,
        cache: Option<Bounds>,
        lanes: Lanes,
    ) -> Worker {
        let tally = service.metrics.as_ref().map(Metrics::tally);
        // The number first: a policy that comes between the two is taken once more.
        let generation = Cell::new(service.policy.generation());
        let visitor = RefCell::new(Visitor::anybody(service.policy.latest()));
        Worker {
            service,
            log,
            sink,
            lanes,
            stop: Notify::new(),
            stopping: Cell::new(false),
            ended: Notify::new(),
            report: Cell::default(),
            buffers: RefCell::default(),
            out: Cell::default(),
            date: RefCell::default(),
            cache: RefCell::new(cache.map(Cache::new)),
            visitor,
            generation,
            tally,
            sweeps: Cell::new(false),
            second: Cell::default(),
        }
    }

    fn stop_all(&self) {
        self.stopping.set(true);
        self.stop.notify_waiters();
    }

    /// Says what to do for the request with `head`; where its password has to be checked that comes
    /// first.
    pub(super) async fn reply(self: &Rc<Self>, head: &Head, peer: &Address, now: Instant) -> Reply {
        let mut known = None;
        loop {
            match self.ask(head, peer, now, known.as_ref()) {
                Reply::Check(check) => {
                    let checks = Arc::clone(&self.service.checks);
                    // Apart, so that connections which never need one have no memory for it.
                    match Box::pin(checks.run(*check)).await {
                        Ok(found) => known = Some(found),
                        Err(refusal) => return Reply::Plan(self.service.refused(head, refusal)),
                    }
                }
                reply => return reply,
            }
        }
    }

    /// The same without a wait; `known` says whose the request is, where that was checked.
    fn ask(
        self: &Rc<Self>,
        head: &Head,
        peer: &Address,
        now: Instant,
        known: Option<&Known>,
    ) -> Reply {
        self.renew_policy();
        let clock = Clock { second: self.second(now), instant: now };
        let visitor = self.visitor.borrow();
        let is_stopping = self.stopping.get();
        let asking = Asking { peer, clock, visitor: &visitor, is_stopping };
        let mut cache = self.cache.borrow_mut();
        let reply = match known {
            None => self.service.reply(head, &mut cache, &asking),
            Some(known) => self.service.reply_to(known, head, &mut cache, &asking),
        };
        if !self.sweeps.get() && cache.as_ref().is_some_and(|cache| !cache.is_empty()) {
            self.sweeps.set(true);
            tokio::task::spawn_local(sweep(Rc::clone(self)));
        }
        reply
    }

    /// Takes the policy of now, where it has been exchanged; answers of the old one are forgotten.
    fn renew_policy(&self) {
        let generation = self.service.policy.generation();
        if self.generation.replace(generation) != generation {
            self.visitor.replace(Visitor::anybody(self.service.policy.latest()));
            if let Some(cache) = self.cache.borrow_mut().as_mut() {
                cache.forget();
            }
        }
    }

    /// Something has been received: what is kept is looked through before it counts.
    pub(super) fn handle_received(&self) {
        if let Some(cache) = self.cache.borrow_mut().as_mut() {
            cache.handle_received();
        }
    }

    /// Keeps the listing `plan`, where that may be.
    pub(super) fn keep_listing(&self, place: &ListingPlace, plan: &Plan) {
        let ready = Some(plan).filter(|plan| plan.status == Status::OK).and_then(Ready::of_bytes);
        if let (Some(cache), Some(ready)) = (self.cache.borrow_mut().as_mut(), ready) {
            cache.insert_listing(place, ready);
        }
    }

    fn make_room(&self) {
        if let Some(cache) = self.cache.borrow_mut().as_mut() {
            cache.make_room(Instant::now());
        }
    }

    /// Seconds since 1970.
    pub(super) fn now(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    /// Seconds since 1970 at `instant`; the clock is asked once in each of them.
    fn second(&self, instant: Instant) -> u64 {
        let (second, until) = self.second.get();
        if until.is_some_and(|until| instant < until) {
            return second;
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let left = Duration::from_secs(1) - Duration::from_nanos(since.subsec_nanos().into());
        self.second.set((since.as_secs(), Some(instant + left)));
        since.as_secs()
    }

    /// The date of `now` for a head; written once a second.
    pub(super) fn date(&self, now: u64) -> Vec<u8> {
        let mut kept = self.date.borrow_mut();
        if kept.0 != now || kept.1.is_empty() {
            *kept = (now, date::format(now));
        }
        kept.1.as_bytes().to_vec()
    }

    fn count_connection(&self) {
        let mut report = self.report.get();
        report.connections += 1;
        self.report.set(report);
        if let Some(tally) = &self.tally {
            tally.count_opened();
        }
    }

    fn count_closed(&self) {
        if let Some(tally) = &self.tally {
            tally.count_closed();
        }
    }

    /// Counts an answer that was sent, as far as it went.
    pub(super) fn count_answer(&self, answered: &Answered) {
        let Answered { method, status, head_bytes, bytes, started } = *answered;
        let bytes = bytes + u64::try_from(head_bytes).unwrap_or(0);
        let mut report = self.report.get();
        report.requests += 1;
        report.bytes += bytes;
        self.report.set(report);
        if let Some(tally) = &self.tally {
            tally.count_answer(method, status, bytes, started.elapsed());
        }
    }

    /// Counts an answer that was written already.
    pub(super) fn count_ready(&self) {
        if let Some(tally) = &self.tally {
            tally.count_ready();
        }
    }

    /// The answer to `head` has been sent, with `status`: says so where it was the file that is
    /// served alone. A part of it is no download.
    pub(super) fn report_download(&self, head: &Head, status: Status, peer: &Address) {
        if status == Status::OK && head.method() == Method::Get && self.service.has_one_file() {
            (self.sink)(&Event::Downloaded { peer: peer.clone() });
        }
    }

    pub(super) fn keep_buffer(&self, buffer: Vec<u8>) {
        let mut buffers = self.buffers.borrow_mut();
        if buffers.len() < BUFFERS_KEPT_MAX && buffer.len() == crate::proto::connection::READ_BYTES
        {
            buffers.push(buffer);
        }
    }

    pub(super) fn lend_buffer(&self) -> Option<Vec<u8>> {
        self.buffers.borrow_mut().pop()
    }

    /// Memory for an answer; empty.
    pub(super) fn take_out(&self) -> Vec<u8> {
        let mut out = self.out.take();
        out.clear();
        out
    }

    pub(super) fn keep_out(&self, out: Vec<u8>) {
        if out.capacity() <= OUT_BYTES_KEPT_MAX {
            self.out.set(out);
        }
    }
}

/// Ends what is kept and over, once a second for as long as something is kept.
async fn sweep(worker: Rc<Worker>) {
    loop {
        tokio::time::sleep(cache::LIFETIME).await;
        let mut cache = worker.cache.borrow_mut();
        let Some(cache) = cache.as_mut() else { return };
        cache.sweep(Instant::now());
        if cache.is_empty() {
            return worker.sweeps.set(false);
        }
    }
}
