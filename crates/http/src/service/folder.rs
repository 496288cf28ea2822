//! A folder that shows its entries: read where blocking is allowed.

use std::sync::Arc;

use sockeye_edge::tree::Opened;

use super::{Asking, Reply, Service};
use crate::access::{Need, Visitor};
use crate::config::Listing;
use crate::listing::{Folder, Offers, form};
use crate::proto::answer;
use crate::proto::head::Head;
use crate::proto::plan::Plan;
use crate::proto::status::Status;
use crate::proto::target::Target;

/// The field with what a page may do.
const POLICY: &str = "Content-Security-Policy";

impl Service {
    /// The answer about the folder `opened`, which `target` names.
    pub(super) fn folder_reply(
        self: &Arc<Self>,
        head: &Head,
        target: Target,
        opened: Opened,
        asking: &Asking<'_>,
    ) -> Reply {
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
            upload: self.takes_uploads(),
        };
        let mut plan = Folder { target: &self.target, entries, is_cut, offers }.plan(self.form);
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
