//! Which coding of a file goes out: one that stands beside it, one that is made now, or the file
//! as it is.

use std::sync::Arc;

use super::{Asking, Reply, Service};
use crate::config::Config;
use crate::files::Open;
use crate::media::is_text;
use crate::pack::{BYTES_MIN, Key, Packer};
use crate::proto::answer::{self, Facts};
use crate::proto::coding::{Accepted, Coding};
use crate::proto::head::Head;
use crate::proto::plan::{Body, Headers, Plan};
use crate::proto::status::{PeerError, Status};
use crate::proto::target::Target;

const NOT_ACCEPTABLE: PeerError =
    PeerError::new(Status::NOT_ACCEPTABLE, "the file is there only in codings that you refuse");

/// Which codings there may be.
pub(super) struct Codings {
    /// Whether files beside a file are taken for it in another coding.
    precompressed: bool,
    /// What text is compressed to when it is asked for.
    made: Vec<Coding>,
    packer: Packer,
    size_max: u64,
}

impl Codings {
    pub(super) fn new(config: &Config) -> Codings {
        let limits = &config.limits;
        Codings {
            precompressed: config.precompressed,
            made: config.compress.clone(),
            packer: Packer::new(limits.packed_bytes_max, limits.packs_max),
            size_max: limits.packed_file_bytes_max,
        }
    }

    /// Whether answers about files depend on `Accept-Encoding`.
    pub(super) fn vary(&self) -> bool {
        self.precompressed || !self.made.is_empty()
    }

    /// What `head` accepts, where that may lead to anything but the file as it is.
    pub(super) fn asked(&self, head: &Head) -> Option<Accepted> {
        let accepted = self.vary().then(|| Accepted::of(head))?;
        (!accepted.wanted().is_empty() || !accepted.takes_identity()).then_some(accepted)
    }

    /// Whether `facts` are of a file that is compressed when it is asked for.
    fn are_made(&self, facts: &Facts) -> bool {
        is_text(&facts.media_type) && (BYTES_MIN..=self.size_max).contains(&facts.size)
    }
}

impl Service {
    /// The answer about `open` to a request that accepts codings.
    pub(super) fn coded_reply(
        self: &Arc<Self>,
        (head, accepted): (&Head, Accepted),
        target: &Target,
        open: Arc<Open>,
        asking: &Asking<'_>,
    ) -> Reply {
        let wanted = accepted.wanted();
        if self.codings.precompressed
            && let Some(reply) = self.precompressed_reply(head, target, (&open, &wanted), asking)
        {
            return reply;
        }
        // Parts of what is made anew each time would be parts of nothing.
        let whole = head.field("range").is_none() || !accepted.takes_identity();
        let made = wanted.iter().find(|coding| self.codings.made.contains(coding));
        if let Some(coding) = made.filter(|_| whole && self.codings.are_made(&open.facts))
            && let Some(reply) = self.made_reply(head, target, (&open, *coding), asking)
        {
            return reply;
        }
        if accepted.takes_identity() {
            return self.file_reply(head, target, open, asking);
        }
        if made.is_some_and(|_| self.codings.are_made(&open.facts)) {
            let plan = Plan::text(Status::SERVICE_UNAVAILABLE, "too much is compressed just now");
            return Reply::Plan(plan.with_header("Retry-After", "5"));
        }
        let mut plan = self.error(head, NOT_ACCEPTABLE);
        plan.headers.set("Vary", "Accept, Accept-Encoding");
        Reply::Plan(plan)
    }

    /// The first of the `wanted` codings that stands beside the file.
    fn precompressed_reply(
        &self,
        head: &Head,
        target: &Target,
        (open, wanted): (&Open, &[Coding]),
        asking: &Asking<'_>,
    ) -> Option<Reply> {
        let beside = |coding: &Coding| Some((*coding, self.files.beside(open, *coding)?));
        let (coding, variant) = wanted.iter().find_map(beside)?;
        let mut plan = answer::file(head, &variant.facts, self.context(asking.clock.second));
        self.finish(target, &open.path, asking.visitor, &mut plan);
        say_coding(coding, &mut plan);
        Some(Reply::File(plan, Arc::new(variant)))
    }

    /// The file in `coding`, which is made now or was made before; nothing where too much is made
    /// at the moment.
    fn made_reply(
        self: &Arc<Self>,
        head: &Head,
        target: &Target,
        (open, coding): (&Arc<Open>, Coding),
        asking: &Asking<'_>,
    ) -> Option<Reply> {
        let facts = coded_facts(&open.facts, coding);
        if let Some(mut plan) = answer::settled(head, &facts, asking.clock.second) {
            weaken(&mut plan.headers, &facts);
            self.finish(target, &open.path, asking.visitor, &mut plan);
            return Some(Reply::Plan(plan));
        }
        let mut plan = answer::whole(&facts, asking.clock.second);
        weaken(&mut plan.headers, &facts);
        plan.headers.set("Accept-Ranges", "none");
        self.finish(target, &open.path, asking.visitor, &mut plan);
        say_coding(coding, &mut plan);
        let key = Key { path: open.path.clone(), etag: open.facts.validators.etag.clone(), coding };
        if let Some(bytes) = self.codings.packer.get(&key) {
            plan.body = Body::Bytes(bytes.to_vec().into());
            return Some(Reply::Plan(plan));
        }
        let place = self.codings.packer.place()?;
        let (service, open) = (Arc::clone(self), Arc::clone(open));
        let size = usize::try_from(open.facts.size).ok()?;
        Some(Reply::Job(Box::new(move || {
            let packed = service.codings.packer.pack(key, &open.file, size);
            drop(place);
            match packed {
                Ok(bytes) => plan.body = Body::Bytes(bytes.to_vec().into()),
                Err(_) => {
                    let why = "the file changed while it was read";
                    return Plan::text(Status::INTERNAL_SERVER_ERROR, why);
                }
            }
            plan
        })))
    }
}

/// Facts of the file in `coding`, with a tag of its own.
fn coded_facts(facts: &Facts, coding: Coding) -> Facts {
    let mut coded = facts.clone();
    let tag = facts.validators.etag.trim_matches('"');
    coded.validators.etag = format!("\"{tag}-{}\"", coding.token());
    coded
}

/// Makes the tag a weak one: another coder may give other bytes for the same file.
fn weaken(headers: &mut Headers, facts: &Facts) {
    if headers.get("etag").is_some() {
        headers.set("ETag", format!("W/{}", facts.validators.etag));
    }
}

/// Says in which coding the content is, where there is content of the file.
fn say_coding(coding: Coding, plan: &mut Plan) {
    if matches!(plan.status, Status::OK | Status::PARTIAL_CONTENT) {
        plan.headers.push("Content-Encoding", coding.token());
    }
}
