//! One connection from its first byte to its last: a loop over the turns of
//! `proto::connection::Connection`.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sockeye_socket::Address;
use tokio::sync::futures::Notified;

use super::body;
use super::by_hyper::{Opened, serve_http1, serve_http2};
use super::lane::Lane;
use super::relay::relay;
use super::send::{Sending, send, send_ready};
use super::stream::{self, Pieces};
use super::watched::{Failure, Memory, Pace, Stream, Watched};
use super::worker::{Answered, Worker};
use crate::cache::Ready;
use crate::config::Engine;
use crate::event::Event;
use crate::files::Open;
use crate::log::Record;
use crate::mount::{Produce, Takeover};
use crate::proto::connection::{Connection, Refused, Turn};
use crate::proto::head::{Head, Method};
use crate::proto::plan::{Body, Ending, Plan};
use crate::proto::status::Status;
use crate::service::Reply;

/// How long a connection that has asked for nothing may still do so during a shutdown.
pub(super) const LAST_CHANCE: Duration = Duration::from_secs(1);
/// After so many answers without a wait the other connections get their turn.
const ANSWERS_IN_A_ROW_MAX: u32 = 32;

/// How a connection begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// What is spoken on it.
    pub(super) lane: Lane,
    /// From when on its first head has its time.
    pub(super) accepted: Instant,
}

/// What an answer is about, for its head and for the log.
struct Subject<'a> {
    head: Option<&'a Head>,
    refused: Option<&'a Refused>,
    started: Instant,
}

pub(super) struct Driver {
    worker: Rc<Worker>,
    stream: Watched,
    machine: Connection,
    peer: Address,
    lane: Lane,
    told_to_stop: bool,
    has_shut: bool,
    in_a_row: u32,
    /// The time when something was received, or an answer sent that had to wait.
    now: Instant,
}

/// Serves one connection until it ends.
pub(super) async fn serve(worker: Rc<Worker>, stream: Stream, peer: Address, start: Start) {
    if worker.lanes.engine == Engine::Hyper && start.lane == Lane::Plain {
        let opened = Opened { stream, received: Vec::new(), peer, accepted: start.accepted };
        return Box::pin(serve_http1(worker, opened)).await;
    }
    let limits = &worker.service.limits;
    let pace = Pace { timeout: limits.write_timeout, bytes_min: limits.progress_bytes_min };
    let http2 = worker.lanes.http2 && start.lane == Lane::Plain;
    let machine = Connection::new(limits.of_connection(http2), start.accepted);
    let stream = Watched::new(stream, pace);
    let stop_worker = Rc::clone(&worker);
    let mut stop = std::pin::pin!(stop_worker.stop.notified());
    let mut driver = Driver {
        worker,
        stream,
        machine,
        peer,
        lane: start.lane,
        told_to_stop: false,
        has_shut: false,
        in_a_row: 0,
        now: start.accepted,
    };
    let mut stage = "head";
    let end = loop {
        match driver.turn(stop.as_mut(), &mut stage).await {
            Ok(None) => {}
            Ok(Some(end)) => break end,
            Err(failure) => {
                if stage == "answer" && matches!(failure, Failure::TimedOut) {
                    // What the peer does not take would stay in the system's memory after a close.
                    driver.stream.reset_on_close();
                }
                driver.report(failure, stage);
                break End::Broken;
            }
        }
    };
    match end {
        End::Closed if driver.stream.is_encrypted() && !driver.has_shut => {
            driver.stream.shut_sending().await;
        }
        End::Closed | End::Broken => {}
        End::Takeover(takeover) => driver.hand_over(takeover).await,
        End::Http2 => driver.hand_to_hyper(start.accepted).await,
    }
}

/// The memory of a connection, which an idle one leaves to the others.
struct Lent<'a> {
    machine: &'a mut Connection,
    worker: &'a Worker,
}

impl Memory for Lent<'_> {
    fn lend(&mut self) -> &mut [u8] {
        if self.machine.is_idle()
            && let Some(buffer) = self.worker.lend_buffer()
        {
            self.machine.lend_buffer(buffer);
        }
        self.machine.recv_buffer()
    }

    fn take_back(&mut self) {
        if self.machine.is_idle()
            && let Some(buffer) = self.machine.release_buffer()
        {
            self.worker.keep_buffer(buffer);
        }
    }
}

/// How a connection ends.
enum End {
    /// As both sides expect it.
    Closed,
    /// In the middle of something, and the peer is to see that.
    Broken,
    Takeover(Takeover),
    /// Here: HTTP/2 begins.
    Http2,
}

impl Driver {
    /// One turn of the machine. `Some` where it was the last.
    async fn turn(
        &mut self,
        stop: Pin<&mut Notified<'_>>,
        stage: &mut &'static str,
    ) -> Result<Option<End>, Failure> {
        if self.worker.stopping.get() && !self.told_to_stop {
            self.tell_to_stop();
        }
        match self.machine.poll_turn(self.now) {
            Turn::Close => return Ok(Some(End::Closed)),
            Turn::Http2 => return Ok(Some(End::Http2)),
            Turn::Read => {
                *stage = "head";
                self.read(stop).await?;
            }
            Turn::Request(head) => {
                *stage = "answer";
                return self.answer(&head).await.map(|end| end.map(End::Takeover));
            }
            Turn::Refused(refused) => {
                *stage = "answer";
                let plan = Plan::text(refused.error.status, refused.error.why);
                let started = Instant::now();
                let subject = Subject { head: None, refused: Some(&refused), started };
                self.send(&plan, None, subject).await?;
                self.machine.finish(true, Instant::now());
                if refused.error.status == Status::REQUEST_TIMEOUT {
                    self.report(Failure::TimedOut, "head");
                }
            }
        }
        Ok(None)
    }

    fn tell_to_stop(&mut self) {
        let now = Instant::now();
        self.told_to_stop = true;
        self.machine.handle_stop(now, now + LAST_CHANCE);
    }

    /// Receives once, or tells the machine that nothing came.
    async fn read(&mut self, stop: Pin<&mut Notified<'_>>) -> Result<(), Failure> {
        self.in_a_row = 0;
        if self.machine.is_lingering() && !self.has_shut {
            self.stream.shut_sending().await;
            self.has_shut = true;
        }
        let Some(deadline) = self.machine.poll_timeout() else {
            return Err(Failure::Gone);
        };
        let mut memory = Lent { machine: &mut self.machine, worker: &self.worker };
        let received = if self.told_to_stop || !memory.machine.is_idle() {
            self.stream.recv_by(&mut memory, deadline).await
        } else {
            tokio::select! {
                biased;
                received = self.stream.recv_by(&mut memory, deadline) => received,
                () = stop => {
                    self.tell_to_stop();
                    return Ok(());
                }
            }
        };
        match received {
            Ok(0) => self.machine.handle_eof(),
            Ok(bytes) => {
                self.worker.handle_received();
                self.now = Instant::now();
                self.machine.handle_received(bytes, self.now);
            }
            Err(Failure::TimedOut) => self.machine.handle_timeout(),
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    /// Answers one request. `Some` where the connection is taken over.
    async fn answer(&mut self, head: &Head) -> Result<Option<Takeover>, Failure> {
        let subject = Subject { head: Some(head), refused: None, started: self.now };
        let reply = match self.worker.lanes.plan(self.lane, head) {
            Some(plan) => Reply::Plan(plan),
            None => self.worker.reply(head, &self.peer, subject.started).await,
        };
        let (plan, file) = match reply {
            Reply::Ready(ready, file) => {
                let close = self.send_ready(head, &ready, file.as_ref(), subject).await?;
                // A small answer goes out at once, in the time of its request.
                if self.stream.take_waited() || file.is_some() {
                    self.now = Instant::now();
                }
                self.after_answer(close).await;
                return Ok(None);
            }
            Reply::Plan(plan) => (plan, None),
            Reply::File(plan, file) => (plan, Some(file)),
            Reply::Stream(plan, produce) => {
                let close = self.send_stream(head, plan, produce, subject).await?;
                self.after_long_answer(close).await;
                return Ok(None);
            }
            Reply::Job(job) => (run_elsewhere(job).await, None),
            Reply::Listing(job, place) => {
                let plan = run_elsewhere(job).await;
                self.worker.keep_listing(&place, &plan);
                (plan, None)
            }
            Reply::Receive(bytes_max, receive) => {
                let job = (bytes_max, receive);
                let (stream, machine) = (&mut self.stream, &mut self.machine);
                (body::receive(stream, machine, head.framing(), job).await?, None)
            }
            Reply::Check(_) => unreachable!("the worker has made the check"),
            Reply::Takeover(takeover) => return Ok(Some(takeover)),
        };
        let close = self.send(&plan, file.as_ref(), subject).await?;
        self.after_long_answer(close).await;
        Ok(None)
    }

    async fn after_long_answer(&mut self, close: bool) {
        self.now = Instant::now();
        // The next request may have come with the body of this one.
        self.worker.handle_received();
        self.after_answer(close).await;
    }

    async fn after_answer(&mut self, close: bool) {
        self.machine.finish(close, self.now);
        self.in_a_row += 1;
        if self.in_a_row >= ANSWERS_IN_A_ROW_MAX {
            self.in_a_row = 0;
            tokio::task::yield_now().await;
        }
    }

    /// Whether the answer must say that the connection ends, and its `Connection` field.
    fn connection(&self, minor: u8) -> (bool, Option<&'static str>) {
        match (self.machine.must_close(), minor) {
            (true, _) => (true, Some("close")),
            (false, 0) => (false, Some("keep-alive")),
            (false, _) => (false, None),
        }
    }

    /// Sends an answer that is written already and logs it, as [`Driver::send`] does.
    async fn send_ready(
        &mut self,
        head: &Head,
        ready: &Ready,
        file: Option<&Arc<Open>>,
        subject: Subject<'_>,
    ) -> Result<bool, Failure> {
        let (close, connection) = self.connection(head.minor());
        let mut out = self.worker.take_out();
        let head_only = head.method() == Method::Head;
        let sending = Sending { out: &mut out, file: None, head_only };
        let sent = send_ready(&mut self.stream, (ready, file), connection, sending).await;
        self.worker.keep_out(out);
        let bytes = *sent.as_ref().unwrap_or(&0);
        self.worker.count_ready();
        self.account(ready.status(), &subject, ready.head().len(), bytes);
        sent?;
        self.worker.report_download(head, ready.status(), &self.peer);
        Ok(close)
    }

    /// Sends an answer whose body `produce` makes meanwhile, and logs it, as [`Driver::send`] does.
    async fn send_stream(
        &mut self,
        head: &Head,
        mut plan: Plan,
        produce: Produce,
        subject: Subject<'_>,
    ) -> Result<bool, Failure> {
        let (mut close, mut connection) = self.connection(head.minor());
        plan.body = Body::Stream(Ending::LastChunk);
        if head.minor() == 0 {
            plan.body = Body::Stream(Ending::Close);
            (close, connection) = (true, Some("close"));
        }
        let is_wanted = head.method() != Method::Head && !plan.status.is_without_content();
        let pieces = match is_wanted {
            true => match Pieces::start(&self.worker.service.streams, &self.peer, produce).await {
                Ok(pieces) => Some(pieces),
                Err(error) => return self.send(&error.plan(), None, subject).await,
            },
            false => None,
        };
        let mut out = self.worker.take_out();
        plan.write_head(&self.worker.date(self.worker.now()), connection, &mut out);
        let (head_bytes, mut bytes) = (out.len(), 0);
        let sent = match (pieces, &plan.body) {
            (Some(pieces), Body::Stream(ending)) => {
                stream::send(&mut self.stream, &mut out, pieces, *ending, &mut bytes).await
            }
            _ => self.stream.send_all(&out, false).await,
        };
        self.worker.keep_out(out);
        self.account(plan.status, &subject, head_bytes, bytes);
        sent.map(|()| close)
    }

    /// Sends an answer and logs it. Says whether it told the peer that the connection ends.
    async fn send(
        &mut self,
        plan: &Plan,
        file: Option<&Arc<Open>>,
        subject: Subject<'_>,
    ) -> Result<bool, Failure> {
        let (close, connection) = self.connection(subject.head.map_or(1, Head::minor));
        let now = self.worker.now();
        let mut out = self.worker.take_out();
        plan.write_head(&self.worker.date(now), connection, &mut out);
        let head_bytes = out.len();
        let head_only = match (subject.head, subject.refused) {
            (Some(head), _) => head.method() == Method::Head,
            (None, refused) => refused.is_some_and(|refused| refused.line.starts_with(b"HEAD ")),
        };
        let sending = Sending { out: &mut out, file, head_only };
        let sent = send(&mut self.stream, plan, sending).await;
        self.worker.keep_out(out);
        let bytes = *sent.as_ref().unwrap_or(&0);
        self.account(plan.status, &subject, head_bytes, bytes);
        sent?;
        if let Some(head) = subject.head {
            self.worker.report_download(head, plan.status, &self.peer);
        }
        Ok(close)
    }

    /// Counts an answer, with so many bytes of its body, and logs it.
    fn account(&self, status: Status, subject: &Subject<'_>, head_bytes: usize, bytes: u64) {
        let method = subject.head.map(Head::method);
        let started = subject.started;
        self.worker.count_answer(&Answered { method, status, head_bytes, bytes, started });
        self.log(status, subject, bytes);
    }

    fn log(&self, status: Status, subject: &Subject<'_>, bytes: u64) {
        let Some(log) = &self.worker.log else { return };
        let line = match (subject.head, subject.refused) {
            (Some(head), _) => {
                let (method, target) = (head.method_name(), head.target());
                format!("{method} {target} HTTP/1.{}", head.minor()).into_bytes()
            }
            (None, Some(refused)) => refused.line.clone(),
            (None, None) => Vec::new(),
        };
        log.write(&Record {
            peer: self.peer.canonical_ip(),
            user: subject.head.and_then(|head| self.worker.visitor.borrow().name(head)),
            time: self.worker.now(),
            line: &line,
            status: status.code(),
            bytes,
            duration: subject.started.elapsed(),
            referrer: subject.head.and_then(|head| head.field("referer")),
            agent: subject.head.and_then(|head| head.field("user-agent")),
        });
    }

    async fn hand_over(self, takeover: Takeover) {
        let leftover = self.machine.into_leftover();
        match self.stream.into_stream() {
            // A socket that cannot be taken out of the runtime is a connection that ends here.
            Stream::Plain(socket) => {
                if let Ok(socket) = socket.into_inner() {
                    takeover(socket.detach(), leftover, self.peer);
                }
            }
            Stream::Tls(tls) => {
                let patience = self.worker.service.limits.drain_timeout;
                let give = |fd| takeover(fd, leftover, self.peer);
                // In a box: few connections are taken over.
                Box::pin(relay(*tls, give, patience)).await;
            }
        }
    }

    async fn hand_to_hyper(self, accepted: Instant) {
        let Driver { worker, stream, machine, peer, .. } = self;
        let (stream, received) = (stream.into_stream(), machine.into_leftover());
        let opened = Opened { stream, received, peer, accepted };
        // In a box: it takes more than our own driver does.
        Box::pin(serve_http2(worker, opened)).await;
    }

    fn report(&self, failure: Failure, stage: &'static str) {
        let peer = self.peer.clone();
        match failure {
            Failure::TimedOut => (self.worker.sink)(&Event::TimedOut { peer, stage }),
            Failure::Cut => (self.worker.sink)(&Event::Cut { peer }),
            // Peers come and go.
            Failure::Gone => {}
        }
    }
}

/// Runs `job` on a thread that may block.
async fn run_elsewhere(job: impl FnOnce() -> Plan + Send + 'static) -> Plan {
    let failed = |_| Plan::text(Status::INTERNAL_SERVER_ERROR, "the server failed");
    tokio::task::spawn_blocking(job).await.unwrap_or_else(failed)
}
