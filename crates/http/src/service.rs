//! What to do with a request: ask the mounts, look for a file, plan the answer. Everything here
//! works at once on a worker thread; what takes time is handed back as something to run elsewhere.

mod archive;
mod coding;
mod folder;
mod kept;
mod own;
mod ways;

use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use sockeye_edge::bucket::Buckets;
use sockeye_edge::caps::Caps;
use sockeye_socket::Address;

use self::coding::Codings;
use self::ways::{Ways, moved, with_query};
use crate::access::{Check, Checks, Known, Need, Refusal, Stop, Visitor};
use crate::cache::{Cache, ListingPlace, Ready};
use crate::config::{Config, Limits};
use crate::error::Error;
use crate::files::{Files, Found, Open, facts_of};
use crate::listing::{error_page, wants_page};
use crate::metrics::Metrics;
use crate::mount::{Answer, Mount, Produce, Receive, Request, Takeover};
use crate::policy::Reload;
use crate::proto::answer::{self, ALLOW, Context};
use crate::proto::archive::Format;
use crate::proto::base::{BasePath, Below};
use crate::proto::coding::Accepted;
use crate::proto::head::{Framing, Head};
use crate::proto::plan::{Headers, Plan};
use crate::proto::status::{PeerError, Status};
use crate::proto::target::{Target, encode_segment};
use crate::proto::writing::Action;
use crate::site_path::SitePath;
use crate::writes::Writer;

/// What is said where there is nothing.
const NOTHING: PeerError = PeerError::new(Status::NOT_FOUND, "there is nothing of this name here");

/// Makes an answer; blocks.
pub(crate) type Job = Box<dyn FnOnce() -> Plan + Send>;

/// What is to be done for a request.
pub(crate) enum Reply {
    /// Send this.
    Plan(Plan),
    /// Send this, which is about that file.
    File(Plan, Arc<Open>),
    /// Send this, which is written already, and that file where its body is not in it.
    Ready(Rc<Ready>, Option<Arc<Open>>),
    /// Send this, with the body that comes out of that, where blocking is allowed.
    Stream(Plan, Produce),
    /// Run that, where blocking is allowed, and send what comes out.
    Job(Job),
    /// The same, and keep it in that place.
    Listing(Job, ListingPlace),
    /// Give the body, at most so many bytes, to that, where blocking is allowed.
    Receive(u64, Receive),
    /// Check these credentials, where blocking is allowed, and ask again.
    Check(Box<Check>),
    /// Hand the connection over.
    Takeover(Takeover),
}

impl Reply {
    /// Adds header fields to the answer, where it is not written already.
    fn with_fields(mut self, fields: Headers) -> Reply {
        match &mut self {
            Reply::Plan(plan) | Reply::File(plan, _) | Reply::Stream(plan, _) => {
                plan.headers.extend(&fields);
            }
            Reply::Ready(..) | Reply::Check(_) | Reply::Takeover(_) => {}
            Reply::Job(_) | Reply::Listing(..) | Reply::Receive(..) => {
                return self.with_fields_later(fields);
            }
        }
        self
    }

    fn with_fields_later(self, fields: Headers) -> Reply {
        let add = move |mut plan: Plan| {
            plan.headers.extend(&fields);
            plan
        };
        match self {
            // What has fields of its own is not kept.
            Reply::Job(job) | Reply::Listing(job, _) => Reply::Job(Box::new(move || add(job()))),
            Reply::Receive(bytes_max, receive) => {
                Reply::Receive(bytes_max, Box::new(move |body| add(receive(body))))
            }
            reply => reply,
        }
    }
}

/// When a request is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Seconds since 1970.
    pub(crate) second: u64,
    /// The same, for what must not go back.
    pub(crate) instant: Instant,
}

/// The circumstances of a request.
pub(crate) struct Asking<'a> {
    /// Where it comes from.
    pub(crate) peer: &'a Address,
    /// When it is answered.
    pub(crate) clock: Clock,
    /// Who asks, as far as that is known.
    pub(crate) visitor: &'a Visitor,
    /// Whether the server is about to stop.
    pub(crate) is_stopping: bool,
}

/// Everything that workers share.
pub(crate) struct Service {
    files: Files,
    mounts: Vec<Mount>,
    archives: Vec<Format>,
    codings: Codings,
    ways: Ways,
    base: BasePath,
    /// Who may do what, and header fields by path.
    pub(crate) policy: Reload,
    /// Checks of passwords.
    pub(crate) checks: Arc<Checks>,
    writer: Option<Arc<Writer>>,
    /// How many requests each address may make.
    rates: Option<Buckets>,
    health: Option<SitePath>,
    metrics_at: Option<SitePath>,
    /// What is counted, where it is shown.
    pub(crate) metrics: Option<Metrics>,
    /// Limits of connections and requests.
    pub(crate) limits: Limits,
    /// Places for bodies that are made while they are sent.
    pub(crate) streams: Caps,
    keys: RandomState,
    answers: AtomicU64,
}

impl Service {
    /// Opens the root.
    ///
    /// # Errors
    /// The root cannot be served.
    pub(crate) fn new(config: &Config) -> Result<Service, Error> {
        let files = Files::new(config)?;
        Ok(Service {
            ways: Ways::new(config, &files)?,
            files,
            base: config.base_path.clone(),
            mounts: config.mounts.clone(),
            archives: config.archives.clone(),
            codings: Codings::new(config),
            policy: Reload::new(config.policy()),
            checks: Arc::new(Checks::new(&config.limits)),
            writer: Writer::new(config)?,
            rates: config.rate.map(Buckets::new),
            health: config.health.clone(),
            metrics_at: config.metrics.clone(),
            metrics: config.metrics.as_ref().map(|_| Metrics::new()),
            limits: config.limits.clone(),
            streams: Caps::new(
                config.limits.streams_max,
                Some(config.limits.streams_per_address_max),
            ),
            keys: RandomState::new(),
            answers: AtomicU64::new(0),
        })
    }

    /// Who changes the served folder, where anybody may.
    pub(crate) fn writer(&self) -> Option<Arc<Writer>> {
        self.writer.clone()
    }

    /// Says what to do for the request with `head`.
    pub(crate) fn reply(
        self: &Arc<Self>,
        head: &Head,
        cache: &mut Option<Cache>,
        asking: &Asking<'_>,
    ) -> Reply {
        if let Some(plan) = self.too_fast(asking) {
            return Reply::Plan(plan);
        }
        let target = match self.target(head) {
            Ok(target) => target,
            Err(reply) => return *reply,
        };
        match self.ask_mounts(head, &target, asking.peer) {
            Answer::Pass => self.gate(head, target, cache, asking),
            Answer::Plan(plan) => Reply::Plan(plan),
            Answer::Stream(plan, produce) => Reply::Stream(plan, produce),
            Answer::File(file, media_type, headers) => {
                self.mounted_file(head, (file, media_type), &headers, asking.clock.second)
            }
            Answer::Receive(max, receive) => Reply::Receive(max, receive),
            Answer::Takeover(takeover) if head.framing() == Framing::None => {
                Reply::Takeover(takeover)
            }
            Answer::Takeover(_) => {
                Reply::Plan(Plan::text(Status::BAD_REQUEST, "a body where none is taken"))
            }
        }
    }

    /// Whether one file is served, and nothing else.
    pub(crate) fn has_one_file(&self) -> bool {
        self.files.only().is_some()
    }

    /// What `head` asks for, below the base path; what to answer where that is nothing.
    fn target(&self, head: &Head) -> Result<Target, Box<Reply>> {
        let target = match Target::of(head) {
            Ok(target) => self.base.strip(target),
            Err(error) => return Err(Box::new(self.error_reply(head, error))),
        };
        match target {
            Below::Inside(target) => Ok(target),
            Below::Itself(target) => Err(Box::new(to_folder(&target))),
            Below::Outside => Err(Box::new(self.error_reply(head, NOTHING))),
        }
    }

    /// The answer to a peer's mistake: a page for browsers, a line of text for others.
    fn error(&self, head: &Head, error: PeerError) -> Plan {
        let plan = if wants_page(head) {
            error_page(error.status, error.why, &self.base.link())
        } else {
            Plan::text(error.status, error.why)
        };
        plan.with_header("Vary", "Accept")
    }

    fn ask_mounts(&self, head: &Head, target: &Target, peer: &Address) -> Answer {
        let request = Request::new(head, target, peer);
        let asked = self.mounts.iter().filter(|mount| target.is_under(&mount.prefix));
        for mount in asked {
            match mount.handler.handle(&request.below(&mount.prefix)) {
                Answer::Pass => {}
                answer => return answer,
            }
        }
        Answer::Pass
    }

    /// Says what to do for a request that had to wait until it was `known` whose it is.
    pub(crate) fn reply_to(
        self: &Arc<Self>,
        known: &Known,
        head: &Head,
        cache: &mut Option<Cache>,
        asking: &Asking<'_>,
    ) -> Reply {
        match self.target(head) {
            Ok(target) => {
                let visitor = asking.visitor.checked(known);
                self.gate(head, target, cache, &Asking { visitor: &visitor, ..*asking })
            }
            Err(reply) => *reply,
        }
    }

    /// The step before the files: what other sites' pages may do, and who may do what.
    fn gate(
        self: &Arc<Self>,
        head: &Head,
        target: Target,
        cache: &mut Option<Cache>,
        asking: &Asking<'_>,
    ) -> Reply {
        let Some(cors) = &asking.visitor.policy.cors else {
            return self.admit(head, target, cache, asking);
        };
        // A browser that asks for itself sends no password.
        if let Some(plan) = cors.preflight(head) {
            return Reply::Plan(plan);
        }
        self.admit(head, target, cache, asking).with_fields(cors.fields(head))
    }

    /// Lets through to the files who may do what they ask for.
    fn admit(
        self: &Arc<Self>,
        head: &Head,
        target: Target,
        cache: &mut Option<Cache>,
        asking: &Asking<'_>,
    ) -> Reply {
        if let Some(plan) = self.health_plan(head, &target, asking) {
            return Reply::Plan(plan);
        }
        let peer = asking.peer.canonical_ip();
        let known = match asking.visitor.identify(head, peer, &self.checks) {
            Ok(user) => user.map(|user| asking.visitor.known_as(user)),
            Err(Stop::Check(check)) => return Reply::Check(check),
            Err(Stop::Refused(refusal)) => return Reply::Plan(self.refused(head, refusal)),
        };
        let asking = &Asking { visitor: known.as_ref().unwrap_or(asking.visitor), ..*asking };
        let path = match self.files.only() {
            Some(name) if target.path().is_empty() => name,
            _ => target.path(),
        };
        if let Err(refusal) = asking.visitor.judge(self.need(head, &target), path) {
            return Reply::Plan(self.refused(head, refusal));
        }
        match self.metrics_plan(head, &target) {
            Some(plan) => Reply::Plan(plan),
            None => self.files_reply(head, target, cache, asking),
        }
    }

    /// The answer to an address that asks more often than it may.
    fn too_fast(&self, asking: &Asking<'_>) -> Option<Plan> {
        let (rates, ip) = self.rates.as_ref().zip(asking.peer.canonical_ip())?;
        let wait = rates.take(ip, asking.clock.instant).err()?;
        let plan = Plan::text(Status::TOO_MANY_REQUESTS, "this address asks too often");
        Some(plan.with_retry_after(wait))
    }

    /// What the request needs: how far an upload has come is for who may go on with it.
    fn need(&self, head: &Head, target: &Target) -> Need {
        let action = self.writer.as_ref().and_then(|_| Action::of(head, target));
        if action == Some(Action::Progress) { Need::Write } else { Need::of(head.method()) }
    }

    /// The answer to who may not.
    pub(crate) fn refused(&self, head: &Head, refusal: Refusal) -> Plan {
        refusal.finish(self.error(head, refusal.error()))
    }

    fn files_reply(
        self: &Arc<Self>,
        head: &Head,
        target: Target,
        cache: &mut Option<Cache>,
        asking: &Asking<'_>,
    ) -> Reply {
        let clock = asking.clock;
        let writer = self.writer.as_ref();
        if let Some(reply) = writer.and_then(|writer| writer.reply(head, &target, asking)) {
            return reply;
        }
        if target.is_server() {
            return Reply::Plan(Plan::new(Status::OK).with_header("Allow", ALLOW));
        }
        if let Some(plan) = answer::method_plan(head.method()) {
            return Reply::Plan(plan);
        }
        let elsewhere = self.elsewhere(&target);
        if let Some(reply) = elsewhere.or_else(|| self.archive_reply(head, &target, asking)) {
            return reply;
        }
        let accepted = self.codings.asked(head);
        // What is kept is the file as it is.
        let cached = cache.as_mut().filter(|_| accepted.is_none());
        let kept = cached.and_then(|cache| cache.get(&target, clock.instant));
        if let Some(reply) = kept.and_then(|entry| self.kept_reply(head, &target, entry, asking)) {
            return reply;
        }
        if let Some(reply) = self.kept_listing(head, &target, cache, asking) {
            return reply;
        }
        let error = |status, why| self.error_reply(head, PeerError::new(status, why));
        let (found, cover) = self.find(&target, cache, asking);
        match found {
            Found::File(open) => self.found_reply((head, accepted), &target, open, asking),
            Found::Folder(opened) => {
                self.folder_reply((head, target), opened, (cache, cover), asking)
            }
            Found::MovedToFolder => to_folder(&target),
            Found::Missing => match self.kept_nothing(head, cache, asking) {
                Some(reply) => reply,
                None => self.missing_reply((head, accepted), &target, asking),
            },
            Found::Forbidden => error(Status::FORBIDDEN, "the server may not read this"),
            Found::Busy => error(Status::SERVICE_UNAVAILABLE, "the server cannot open this now"),
        }
    }

    /// The answer about the file `open`, which was found for `target`.
    fn found_reply(
        self: &Arc<Self>,
        (head, accepted): (&Head, Option<Accepted>),
        target: &Target,
        open: Arc<Open>,
        asking: &Asking<'_>,
    ) -> Reply {
        // An index file has a path of its own, which may have a rule of its own.
        match (asking.visitor.judge(Need::Read, &open.path), accepted) {
            (Err(refusal), _) => Reply::Plan(self.refused(head, refusal)),
            (Ok(()), Some(accepted)) => self.coded_reply((head, accepted), target, open, asking),
            (Ok(()), None) => self.file_reply(head, target, open, asking),
        }
    }

    fn file_reply(
        &self,
        head: &Head,
        target: &Target,
        open: Arc<Open>,
        asking: &Asking<'_>,
    ) -> Reply {
        let mut plan = answer::file(head, &open.facts, self.context(asking.clock.second));
        self.finish(target, &open.path, asking.visitor, &mut plan);
        Reply::File(plan, open)
    }

    /// Adds what depends on the path, `path` from the root, to an answer about a file.
    fn finish(&self, target: &Target, path: &[u8], visitor: &Visitor, plan: &mut Plan) {
        if plan.status.code() < 400 {
            plan.headers.push("Cache-Control", visitor.cache_control(path));
            if self.codings.vary() {
                plan.headers.push("Vary", "Accept-Encoding");
            }
            if let Some(name) = self.files.only().filter(|_| target.path().is_empty()) {
                plan.headers.push("Content-Disposition", disposition("inline", name));
            }
            if self.writer.as_ref().is_some_and(|writer| writer.takes_uploads(path)) {
                Writer::mark(path, &mut plan.headers);
            }
            visitor.policy.apply_headers(path, &mut plan.headers);
        }
    }

    fn mounted_file(
        &self,
        head: &Head,
        (file, media_type): (std::fs::File, String),
        headers: &Headers,
        now: u64,
    ) -> Reply {
        let Ok(meta) = file.metadata() else {
            return Reply::Plan(Plan::text(Status::INTERNAL_SERVER_ERROR, "no such file any more"));
        };
        let facts = facts_of(&meta, media_type);
        let mut plan = answer::file(head, &facts, self.context(now));
        if plan.status.code() < 400 {
            plan.headers.extend(headers);
        }
        Reply::File(plan, Arc::new(Open::new(file, facts, Vec::new())))
    }

    fn context(&self, now: u64) -> Context {
        let answer = self.answers.fetch_add(1, Ordering::Relaxed);
        Context { now, boundary: self.keys.hash_one(answer) }
    }
}

/// The answer to what names a folder without its slash.
fn to_folder(target: &Target) -> Reply {
    moved(with_query(target.folder_link(), target), "folders end with a slash")
}

/// The field that says what to do with a file called `name`: `inline` shows it where that can be,
/// `attachment` saves it.
fn disposition(kind: &str, name: &[u8]) -> String {
    let mut encoded = String::new();
    encode_segment(name, &mut encoded);
    let plain: String = name
        .iter()
        .map(|&byte| match byte {
            b' '..=b'~' if byte != b'"' && byte != b'\\' && byte != b'%' => char::from(byte),
            _ => '_',
        })
        .collect();
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}
