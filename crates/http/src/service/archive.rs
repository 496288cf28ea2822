//! A folder as one file: who may have it, under which name, and what of it.

use std::sync::Arc;

use sockeye_socket::Address;

use super::{Asking, Reply, Service, disposition};
use crate::access::Need;
use crate::archive::{Walk, write};
use crate::mount::{Answer, Request};
use crate::proto::answer;
use crate::proto::archive::Format;
use crate::proto::head::Head;
use crate::proto::plan::Plan;
use crate::proto::status::Status;
use crate::proto::target::Target;

/// What the root is called in its archive.
const ROOT_NAME: &[u8] = b"files";

impl Service {
    /// The folder that `target` names as an archive, where the request asks for one, the operator
    /// allows the form, and there is such a folder.
    pub(super) fn archive_reply(
        self: &Arc<Self>,
        head: &Head,
        target: &Target,
        asking: &Asking<'_>,
    ) -> Option<Reply> {
        let allowed = |form: &Format| self.archives.contains(form);
        let format = Format::asked(target.query()).filter(allowed)?;
        let opened = self.files.folder_of(target)?;
        if let Some(plan) = answer::condition_plan(head) {
            let cache_control = asking.visitor.cache_control_of_listing();
            return Some(Reply::Plan(plan.with_header("Cache-Control", cache_control)));
        }
        let name = target.segments().next_back().unwrap_or(ROOT_NAME).to_vec();
        let file_name = [&name, &b"."[..], format.word().as_bytes()].concat();
        let mut plan = Plan::new(Status::OK)
            .with_header("Content-Type", format.media_type())
            .with_header("X-Content-Type-Options", "nosniff")
            .with_header("Content-Disposition", disposition("attachment", &file_name))
            .with_header("Accept-Ranges", "none")
            .with_header("Cache-Control", asking.visitor.cache_control_of_listing());
        asking.visitor.policy.apply_headers(target.path(), &mut plan.headers);
        let (service, head) = (Arc::clone(self), head.clone());
        let (peer, visitor) = (asking.peer.clone(), asking.visitor.clone());
        let path = target.path().to_vec();
        let produce = move |out: &mut dyn std::io::Write| {
            let walk = Walk {
                files: &service.files,
                opened: &opened,
                path: &path,
                name: &name,
                may_read: &|entry| {
                    visitor.may(Need::Read, entry.path()) && service.may_read(&head, entry, &peer)
                },
                entries_max: service.limits.archive_entries_max,
            };
            write(format, walk, out)
        };
        Some(Reply::Stream(plan, Box::new(produce)))
    }

    /// Whether `target` would be answered from the files: nobody who stands before them keeps the
    /// request to itself.
    fn may_read(&self, head: &Head, target: &Target, peer: &Address) -> bool {
        let request = Request::new(head, target, peer);
        self.mounts.iter().filter(|mount| target.is_under(&mount.prefix)).all(|mount| {
            matches!(mount.handler.handle(&request.below(&mount.prefix)), Answer::Pass)
        })
    }
}
