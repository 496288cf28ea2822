//! What to do with a request: ask the mounts, look for a file, plan the answer. Everything here
//! works at once on a worker thread; what takes time is handed back as something to run elsewhere.

mod archive;
mod coding;

use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use sockeye_edge::tree::Opened;
use sockeye_socket::Address;
use tokio::sync::Semaphore;

use self::coding::Codings;
use crate::access::{Check, Checks, Known, Need, Refusal, Stop, Visitor};
use crate::cache::{BODY_BYTES_MAX, Cache, Cover, Entry, Ready};
use crate::config::{Config, Limits, Listing};
use crate::error::Error;
use crate::files::{Files, Found, Open, Way, facts_of};
use crate::listing::{Folder, Offers, error_page, form, wants_page};
use crate::mount::{Answer, Mount, Produce, Receive, Request, Takeover};
use crate::policy::Reload;
use crate::proto::answer::{self, ALLOW, Context};
use crate::proto::archive::Format;
use crate::proto::head::{Framing, Head, Method};
use crate::proto::plan::{Body, Headers, Plan};
use crate::proto::status::{PeerError, Status};
use crate::proto::target::{Target, encode_segment};

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
    /// Give the body, at most so many bytes, to that, where blocking is allowed.
    Receive(u64, Receive),
    /// Check these credentials, where blocking is allowed, and ask again.
    Check(Box<Check>),
    /// Hand the connection over.
    Takeover(Takeover),
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
}

/// A folder to be read and shown.
struct FolderJob {
    service: Arc<Service>,
    visitor: Visitor,
    opened: Opened,
    target: Target,
    form: Listing,
}

impl FolderJob {
    /// Reads the folder and makes its answer.
    fn run(self) -> Plan {
        let limits = &self.service.limits;
        let max = limits.listing_entries_max;
        let mut path = self.target.path().to_vec();
        if !path.is_empty() {
            path.push(b'/');
        }
        let shown = |name: &[u8]| self.visitor.may(Need::Read, &[&path, name].concat());
        let Ok((entries, is_cut)) = self.service.files.entries(&self.opened, max, shown) else {
            return Plan::text(Status::INTERNAL_SERVER_ERROR, "the folder cannot be read");
        };
        let offers = Offers {
            picture_bytes_max: limits.listing_picture_bytes_max,
            archives: &self.service.archives,
        };
        let mut plan = Folder { target: &self.target, entries, is_cut, offers }.plan(self.form);
        plan.headers.set("Cache-Control", self.visitor.cache_control_of_listing());
        self.visitor.policy.apply_headers(self.target.path(), &mut plan.headers);
        plan
    }
}

/// Everything that workers share.
pub(crate) struct Service {
    files: Files,
    mounts: Vec<Mount>,
    archives: Vec<Format>,
    codings: Codings,
    /// Who may do what, and header fields by path.
    pub(crate) policy: Reload,
    /// Checks of passwords.
    pub(crate) checks: Arc<Checks>,
    /// Limits of connections and requests.
    pub(crate) limits: Limits,
    /// Places for bodies that are made while they are sent.
    pub(crate) streams: Arc<Semaphore>,
    keys: RandomState,
    answers: AtomicU64,
}

impl Service {
    /// Opens the root.
    ///
    /// # Errors
    /// The root cannot be served.
    pub(crate) fn new(config: &Config) -> Result<Service, Error> {
        Ok(Service {
            files: Files::new(config)?,
            mounts: config.mounts.clone(),
            archives: config.archives.clone(),
            codings: Codings::new(config),
            policy: Reload::new(config.policy()),
            checks: Arc::new(Checks::new(&config.limits)),
            limits: config.limits.clone(),
            streams: Arc::new(Semaphore::new(
                config.limits.streams_max.min(Semaphore::MAX_PERMITS),
            )),
            keys: RandomState::new(),
            answers: AtomicU64::new(0),
        })
    }

    /// Says what to do for the request with `head`.
    pub(crate) fn reply(
        self: &Arc<Self>,
        head: &Head,
        cache: &mut Option<Cache>,
        asking: &Asking<'_>,
    ) -> Reply {
        let target = match Target::of(head) {
            Ok(target) => target,
            Err(error) => return Reply::Plan(self.error(head, error)),
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

    /// The answer to a peer's mistake: a page for browsers, a line of text for others.
    fn error(&self, head: &Head, error: PeerError) -> Plan {
        let plan = if wants_page(head) {
            error_page(error.status, error.why)
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
        match Target::of(head) {
            Ok(target) => {
                let visitor = asking.visitor.checked(known);
                self.gate(head, target, cache, &Asking { visitor: &visitor, ..*asking })
            }
            Err(error) => Reply::Plan(self.error(head, error)),
        }
    }

    /// Lets through to the files who may do what they ask for.
    fn gate(
        self: &Arc<Self>,
        head: &Head,
        target: Target,
        cache: &mut Option<Cache>,
        asking: &Asking<'_>,
    ) -> Reply {
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
        match asking.visitor.judge(Need::of(head.method()), path) {
            Ok(()) => self.files_reply(head, target, cache, asking),
            Err(refusal) => Reply::Plan(self.refused(head, refusal)),
        }
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
        if target.is_server() {
            return Reply::Plan(Plan::new(Status::OK).with_header("Allow", ALLOW));
        }
        if let Some(plan) = answer::method_plan(head.method()) {
            return Reply::Plan(plan);
        }
        if let Some(reply) = self.archive_reply(head, &target, asking) {
            return reply;
        }
        let accepted = self.codings.asked(head);
        // What is kept is the file as it is.
        let cached = cache.as_mut().filter(|_| accepted.is_none());
        let kept = cached.and_then(|cache| cache.get(&target, clock.instant));
        if let Some(reply) = kept.and_then(|entry| self.kept_reply(head, &target, entry, asking)) {
            return reply;
        }
        let error = |status, why| Reply::Plan(self.error(head, PeerError::new(status, why)));
        match self.find(&target, cache, asking) {
            // An index file has a path of its own, which may have a rule of its own.
            Found::File(open) => match (asking.visitor.judge(Need::Read, &open.path), accepted) {
                (Err(refusal), _) => Reply::Plan(self.refused(head, refusal)),
                (Ok(()), Some(accepted)) => {
                    self.coded_reply((head, accepted), &target, open, asking)
                }
                (Ok(()), None) => self.file_reply(head, &target, open, asking),
            },
            Found::Folder(opened) => {
                if let Some(plan) = answer::condition_plan(head) {
                    let plan = plan.with_header("Vary", "Accept");
                    let cache_control = asking.visitor.cache_control_of_listing();
                    return Reply::Plan(plan.with_header("Cache-Control", cache_control));
                }
                let form = form(head, &target, self.files.listing());
                let (service, visitor) = (Arc::clone(self), asking.visitor.clone());
                let job = FolderJob { service, visitor, opened, target, form };
                Reply::Job(Box::new(move || job.run()))
            }
            Found::MovedToFolder => {
                let mut location = target.folder_link();
                if let Some(query) = target.query() {
                    location.push('?');
                    location.push_str(query);
                }
                let plan = Plan::text(Status::MOVED_PERMANENTLY, "folders end with a slash");
                // Else caches, and browsers, might keep the answer for good.
                let plan = plan.with_header("Cache-Control", "no-cache");
                Reply::Plan(plan.with_header("Location", location))
            }
            Found::Missing => error(Status::NOT_FOUND, "there is nothing of this name here"),
            Found::Forbidden => error(Status::FORBIDDEN, "the server may not read this"),
            Found::Busy => error(Status::SERVICE_UNAVAILABLE, "the server cannot open this now"),
        }
    }

    /// The answer by what is kept of a file; none where its bytes are needed and are not kept.
    fn kept_reply(
        &self,
        head: &Head,
        target: &Target,
        entry: &mut Entry,
        asking: &Asking<'_>,
    ) -> Option<Reply> {
        let Asking { clock, visitor, .. } = *asking;
        // An index file has a path of its own, which may have a rule of its own.
        if !visitor.may(Need::Read, &entry.path) {
            return None;
        }
        if answer::is_plain(head) {
            if entry.ready.is_of_another(clock.second) {
                Rc::make_mut(&mut entry.ready).set_date(clock.second);
            }
            return Some(Reply::Ready(Rc::clone(&entry.ready), entry.open.clone()));
        }
        let mut plan = answer::file(head, &entry.facts, self.context(clock.second));
        self.finish(target, &entry.path, visitor, &mut plan);
        match (&plan.body, &entry.open) {
            (_, Some(open)) => Some(Reply::File(plan, Arc::clone(open))),
            (Body::File(_) | Body::Parts(..), None) if head.method() == Method::Get => None,
            (_, None) => Some(Reply::Plan(plan)),
        }
    }

    /// Finds what `target` names, and keeps it where it may be kept.
    fn find(&self, target: &Target, cache: &mut Option<Cache>, asking: &Asking<'_>) -> Found {
        let Some(cache) = cache else { return self.files.find(target, &mut Way::Any) };
        let clock = asking.clock;
        let mut cover = cache.cover(target);
        let mut way = Way::Plain;
        let mut found = self.files.find(target, &mut way);
        if matches!(found, Found::Busy) && cache.make_room(clock.instant) {
            (cover, way) = (cache.cover(target), Way::Plain);
            found = self.files.find(target, &mut way);
        }
        if let (Found::File(open), Way::Plain) = (&found, way) {
            self.keep(target, open, cache, (cover, asking));
        }
        found
    }

    fn keep(
        &self,
        target: &Target,
        open: &Arc<Open>,
        cache: &mut Cache,
        (cover, asking): (Cover, &Asking<'_>),
    ) {
        let Clock { second, instant } = asking.clock;
        // The date of the last change would be another one every second.
        if open.facts.validators.modified.is_some_and(|modified| modified > second)
            || !cache.admits(target, open, &self.files, (cover, instant))
        {
            return;
        }
        let is_small = open.facts.size <= BODY_BYTES_MAX;
        let body = if is_small { whole_now(open) } else { Some(Vec::new()) };
        let Some(body) = body else { return };
        let mut plan = answer::whole(&open.facts, second);
        self.finish(target, &open.path, asking.visitor, &mut plan);
        let entry = Entry {
            ready: Rc::new(Ready::new(&plan, &body)),
            facts: open.facts.clone(),
            path: open.path.clone(),
            open: (!is_small).then(|| Arc::clone(open)),
        };
        cache.insert(target, entry, &open.file, (cover, instant));
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

/// The whole of a small file, where that is in memory.
fn whole_now(open: &Open) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(open.facts.size).ok()?];
    let mut filled = 0;
    while filled < bytes.len() {
        let offset = u64::try_from(filled).ok()?;
        let count = open.read_now(&mut bytes[filled..], offset).ok()?;
        if count == 0 {
            return None;
        }
        filled += count;
    }
    Some(bytes)
}
