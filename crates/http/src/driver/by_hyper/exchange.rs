//! One request and its answer: what the service says, as hyper sends it.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, DATE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode, Version};
use sockeye_socket::Address;
use tokio::sync::Semaphore;

use super::super::stream::Pieces;
use super::super::worker::{Answered, Worker};
use super::head::head_of;
use super::incoming::{self, drain};
use super::outgoing::Outgoing;
use super::pulse::Pulse;
use super::stall::Turn;
use crate::cache::Ready;
use crate::event::Event;
use crate::files::Open;
use crate::log::Record;
use crate::mount::Produce;
use crate::proto::head::{Head, Method};
use crate::proto::plan::{Body, Ending, Plan, fields};
use crate::proto::status::Status;
use crate::service::Reply;

/// What the exchanges of one connection share.
pub(super) struct Shared {
    pub(super) worker: Rc<Worker>,
    pub(super) peer: Address,
    pub(super) pulse: Rc<Pulse>,
    /// Places on threads that may block. A peer that gives streams up does not end what runs for
    /// them, and gets no more of it for that.
    pub(super) jobs: Arc<Semaphore>,
}

/// Answers `request`.
pub(super) async fn exchange(
    shared: Rc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Outgoing>, Infallible> {
    let mut account = Account::begin(shared, &request);
    let worker = Rc::clone(&account.shared.worker);
    let head = match head_of(&request, &worker.service.limits) {
        Ok(head) => head,
        Err(error) => return Ok(account.plan(Plan::text(error.status, error.why), None)),
    };
    let reply = worker.reply(&head, &account.shared.peer, account.started).await;
    account.is_head = head.method() == Method::Head;
    let (framing, waits) = (head.framing(), head.expects_continue());
    account.head = Some(head);
    let mut body = request.into_body();
    let response = match reply {
        Reply::Ready(ready, file) => account.ready(&ready, file),
        Reply::Plan(plan) => account.plan(plan, None),
        Reply::File(plan, file) => account.plan(plan, Some(file)),
        Reply::Stream(plan, produce) => account.stream(plan, produce).await,
        Reply::Job(job) => {
            let plan = account.elsewhere(job).await;
            account.plan(plan, None)
        }
        Reply::Listing(job, place) => {
            let plan = account.elsewhere(job).await;
            account.shared.worker.keep_listing(&place, &plan);
            account.plan(plan, None)
        }
        Reply::Receive(bytes_max, receive) => {
            let shared = &account.shared;
            let plan = incoming::receive(shared, &mut body, framing, (bytes_max, receive)).await;
            account.plan(plan, None)
        }
        Reply::Check(_) => unreachable!("the worker has made the check"),
        Reply::Takeover(_) => {
            let why = "only a connection of HTTP/1.1 can be taken over, and not with this engine";
            account.plan(Plan::text(Status::NOT_IMPLEMENTED, why), None)
        }
    };
    // Who waits for a word to send the body has got another one.
    if !body.is_end_stream() && !waits {
        tokio::task::spawn_local(drain(body, worker));
    }
    Ok(response)
}

/// One exchange, counted and logged when it ends, however it ends.
pub(super) struct Account {
    shared: Rc<Shared>,
    head: Option<Head>,
    is_head: bool,
    /// The request line, for the log.
    line: Vec<u8>,
    started: Instant,
    /// Of the answer, once there is one.
    status: Option<Status>,
    head_bytes: usize,
    /// Of the body: how many there are to give, and how many have been given.
    bytes_max: u64,
    bytes: u64,
    turn: Rc<Turn>,
    is_peers_turn: bool,
}

impl Account {
    fn begin(shared: Rc<Shared>, request: &Request<Incoming>) -> Account {
        shared.pulse.begin();
        let line = match shared.worker.log {
            Some(_) => line(request),
            None => Vec::new(),
        };
        Account {
            shared,
            head: None,
            is_head: request.method() == hyper::Method::HEAD,
            line,
            started: Instant::now(),
            status: None,
            head_bytes: 0,
            bytes_max: u64::MAX,
            bytes: 0,
            turn: Turn::here(),
            is_peers_turn: false,
        }
    }

    /// So many bytes of the body have been given away: more are asked for when there is room.
    pub(super) fn gave(&mut self, bytes: u64) {
        self.bytes += bytes;
        match self.is_peers_turn {
            true => self.shared.pulse.beat(),
            false => self.shared.pulse.wait(),
        }
        self.is_peers_turn = true;
        self.turn.is_peers();
    }

    /// The next bytes are not there yet, for which the peer is not to blame.
    pub(super) fn our_turn(&mut self) {
        if std::mem::take(&mut self.is_peers_turn) {
            self.shared.pulse.wait_no_more();
            self.turn.is_ours();
        }
    }

    /// The rest of the body cannot be had.
    pub(super) fn cut(&self) {
        (self.shared.worker.sink)(&Event::Cut { peer: self.shared.peer.clone() });
    }

    /// Runs `job` on a thread that may block.
    async fn elsewhere(&self, job: impl FnOnce() -> Plan + Send + 'static) -> Plan {
        let place = Arc::clone(&self.shared.jobs).acquire_owned().await;
        let run = move || {
            let plan = job();
            drop(place);
            plan
        };
        let failed = |_| Plan::text(Status::INTERNAL_SERVER_ERROR, "the server failed");
        tokio::task::spawn_blocking(run).await.unwrap_or_else(failed)
    }

    fn plan(mut self, mut plan: Plan, file: Option<Arc<Open>>) -> Response<Outgoing> {
        let mut headers = HeaderMap::new();
        self.push(&mut headers, plan.headers.as_bytes());
        let worker = &self.shared.worker;
        if let Ok(date) = HeaderValue::from_bytes(&worker.date(worker.now())) {
            headers.insert(DATE, date);
        }
        let has_length = !matches!(plan.body, Body::Stream(_)) && !plan.status.is_without_content();
        if has_length {
            headers.insert(CONTENT_LENGTH, plan.body.len().into());
        }
        if self.is_head || plan.status.is_without_content() {
            plan.body = Body::Empty;
        }
        self.bytes_max = plan.body.len();
        let status = plan.status;
        self.answer(status, headers, |account| Outgoing::plan(plan.body, file, account))
    }

    fn ready(mut self, ready: &Ready, file: Option<Arc<Open>>) -> Response<Outgoing> {
        self.shared.worker.count_ready();
        let mut headers = HeaderMap::new();
        let (head, bytes) = (ready.head(), ready.bytes());
        self.push(&mut headers, head);
        let body = Bytes::copy_from_slice(&bytes[head.len()..]);
        let is_head = self.is_head;
        self.bytes_max = ready.body_bytes();
        self.answer(ready.status(), headers, |account| match file {
            _ if is_head => Outgoing::empty(account),
            Some(file) => Outgoing::file(file, account),
            None => Outgoing::bytes(body, account),
        })
    }

    async fn stream(self, mut plan: Plan, produce: Produce) -> Response<Outgoing> {
        plan.body = Body::Stream(Ending::LastChunk);
        if self.is_head || plan.status.is_without_content() {
            return self.plan(plan, None);
        }
        let Shared { worker, peer, .. } = &*self.shared;
        let pieces = match Pieces::start(&worker.service.streams, peer, produce).await {
            Ok(pieces) => pieces,
            Err(error) => return self.plan(error.plan(), None),
        };
        self.plan(plan, None).map(|empty| empty.with_pieces(pieces))
    }

    /// Adds the fields in `lines`, but for those that are the business of a connection.
    fn push(&mut self, headers: &mut HeaderMap, lines: &[u8]) {
        self.head_bytes += lines.len();
        for (name, value) in fields(lines) {
            let name = HeaderName::from_bytes(name);
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value))
                && !CONNECTION_FIELDS.contains(&name.as_str())
            {
                headers.append(name, value);
            }
        }
    }

    fn answer(
        mut self,
        status: Status,
        headers: HeaderMap,
        body: impl FnOnce(Account) -> Outgoing,
    ) -> Response<Outgoing> {
        self.status = Some(status);
        let mut response = Response::new(body(self));
        *response.status_mut() =
            StatusCode::from_u16(status.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        *response.headers_mut() = headers;
        response
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.our_turn();
        let Shared { worker, peer, pulse, .. } = &*self.shared;
        pulse.end();
        if self.turn.is_over() {
            (worker.sink)(&Event::TimedOut { peer: peer.clone(), stage: "answer" });
        }
        let Some(status) = self.status else { return };
        worker.count_answer(&Answered {
            method: self.head.as_ref().map(Head::method),
            status,
            head_bytes: self.head_bytes,
            bytes: self.bytes,
            started: self.started,
        });
        if let Some(head) = self.head.as_ref().filter(|_| self.bytes == self.bytes_max) {
            worker.report_download(head, status, peer);
        }
        let Some(log) = &worker.log else { return };
        log.write(&Record {
            peer: peer.canonical_ip(),
            user: self.head.as_ref().and_then(|head| worker.visitor.borrow().name(head)),
            time: worker.now(),
            line: &self.line,
            status: status.code(),
            bytes: self.bytes,
            duration: self.started.elapsed(),
            referrer: self.head.as_ref().and_then(|head| head.field("referer")),
            agent: self.head.as_ref().and_then(|head| head.field("user-agent")),
        });
    }
}

/// Fields that HTTP/2 does not have (RFC 9113, section 8.2.2), and that hyper sets in HTTP/1.
const CONNECTION_FIELDS: [&str; 5] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

fn line(request: &Request<Incoming>) -> Vec<u8> {
    let target = match request.uri().path_and_query() {
        Some(target) => target.to_string(),
        None => request.uri().to_string(),
    };
    let version = match request.version() {
        Version::HTTP_2 => "2.0",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    };
    format!("{} {target} HTTP/{version}", request.method()).into_bytes()
}
