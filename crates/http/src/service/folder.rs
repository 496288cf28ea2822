//! A folder that shows its entries: read where blocking is allowed, and kept by the worker.

use std::rc::Rc;
use std::sync::Arc;

use sockeye_edge::tree::Opened;

use super::{Asking, Job, Reply, Service};
use crate::access::{Need, Visitor};
use crate::cache::{Cache, Cover, Ready, Shown};
use crate::listing::{Asked, Folder, Offers};
use crate::proto::answer;
use crate::proto::head::Head;
use crate::proto::plan::Plan;
use crate::proto::status::Status;
use crate::proto::target::Target;

/// The field with what a page may do.
const POLICY: &str = "Content-Security-Policy";

impl Service {
    /// The listing of the folder that `target` names, where that is kept.
    pub(super) fn kept_listing(
        &self,
        head: &Head,
        target: &Target,
        cache: &mut Option<Cache>,
        asking: &Asking<'_>,
    ) -> Option<Reply> {
        let cache = cache.as_mut().filter(|_| target.is_folder())?;
        let shown = self.shown(head, target, asking)?;
        if !answer::is_plain(head) {
            return None;
        }
        let ready = cache.listing(target, &shown, asking.clock.instant)?;
        Ready::renew(ready, asking.clock.second);
        Some(Reply::Ready(Rc::clone(ready), None))
    }

    /// As what a listing may be kept. It may not where other sites' pages may read: what they may
    /// depends on the request.
    fn shown(&self, head: &Head, target: &Target, asking: &Asking<'_>) -> Option<Shown> {
        let visitor = asking.visitor;
        visitor.policy.cors.is_none().then(|| Shown {
            asked: Asked::of(head, target, self.files.listing()),
            user: visitor.user(),
        })
    }

    /// The answer about the folder `opened`, which `target` names. With `cover`, if any, what is
    /// made of it may be kept.
    pub(super) fn folder_reply(
        self: &Arc<Self>,
        (head, target): (&Head, Target),
        opened: Opened,
        (cache, cover): (&mut Option<Cache>, Option<Cover>),
        asking: &Asking<'_>,
    ) -> Reply {
        if let Some(plan) = answer::condition_plan(head) {
            let plan = plan.with_header("Vary", "Accept");
            let cache_control = asking.visitor.cache_control_of_listing();
            return Reply::Plan(plan.with_header("Cache-Control", cache_control));
        }
        let place = cache.as_mut().zip(cover).and_then(|(cache, cover)| {
            let shown = self.shown(head, &target, asking)?;
            cache.listing_place(&target, shown, &self.files, (cover, asking.clock.instant))
        });
        let asked = Asked::of(head, &target, self.files.listing());
        let (service, visitor) = (Arc::clone(self), asking.visitor.clone());
        let job = FolderJob { service, visitor, opened, target, asked };
        let job: Job = Box::new(move || job.run());
        match place {
            Some(place) => Reply::Listing(job, place),
            None => Reply::Job(job),
        }
    }
}

/// A folder to be read and shown.
struct FolderJob {
    service: Arc<Service>,
    visitor: Visitor,
    opened: Opened,
    target: Target,
    asked: Asked,
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
            upload: self.takes_uploads(),
        };
        let mut plan = Folder { target: &self.target, entries, is_cut, offers }.plan(self.asked);
        plan.headers.set("Cache-Control", self.visitor.cache_control_of_listing());
        let own = plan.headers.get(POLICY).map(<[u8]>::to_vec);
        self.visitor.policy.apply_headers(self.target.path(), &mut plan.headers);
        // What operators say of stored pages is not meant for this one, which they did not write.
        if let Some(own) = own {
            plan.headers.set(POLICY, own);
        }
        plan
    }

    /// Whether the visitor may put files into the folder.
    fn takes_uploads(&self) -> bool {
        let path = self.target.path();
        let writer = self.service.writer.as_ref();
        writer.is_some_and(|writer| writer.takes_uploads(path))
            && self.visitor.may(Need::Write, path)
    }
}
