//! What the server says of itself, at paths that win over files: whether it is well, and its
//! numbers.

use super::{Asking, Service};
use crate::proto::head::{Head, Method};
use crate::proto::plan::Plan;
use crate::proto::status::Status;
use crate::proto::target::Target;

const ALLOW: &str = "GET, HEAD, OPTIONS";

impl Service {
    /// Whether the server is well: for whoever asks, since it is asked by what knows no passwords.
    pub(super) fn health_plan(
        &self,
        head: &Head,
        target: &Target,
        asking: &Asking<'_>,
    ) -> Option<Plan> {
        let path = self.health.as_ref()?.as_str();
        let plan = || match asking.is_stopping {
            false => said(Status::OK, "ok\n"),
            true => said(Status::SERVICE_UNAVAILABLE, "stopping\n"),
        };
        is_at(target, path.as_bytes()).then(|| read(head, plan))
    }

    /// The numbers, for who may read at their path.
    pub(super) fn metrics_plan(&self, head: &Head, target: &Target) -> Option<Plan> {
        let (path, metrics) = self.metrics_at.as_ref().zip(self.metrics.as_ref())?;
        let plan = || {
            let text = metrics.text().into_bytes();
            Plan::new(Status::OK)
                .with_content(sockeye_edge::metrics::MEDIA_TYPE, text)
                .with_header("Cache-Control", "no-store")
        };
        is_at(target, path.as_str().as_bytes()).then(|| read(head, plan))
    }
}

fn is_at(target: &Target, path: &[u8]) -> bool {
    !target.is_folder() && target.path() == path
}

/// What is only read here.
fn read(head: &Head, plan: impl FnOnce() -> Plan) -> Plan {
    match head.method() {
        Method::Get | Method::Head => plan(),
        Method::Options => Plan::new(Status::NO_CONTENT).with_header("Allow", ALLOW),
        _ => {
            Plan::text(Status::METHOD_NOT_ALLOWED, "this is only read").with_header("Allow", ALLOW)
        }
    }
}

fn said(status: Status, text: &'static str) -> Plan {
    Plan::new(status)
        .with_content("text/plain; charset=utf-8", text.as_bytes())
        .with_header("Cache-Control", "no-store")
}
