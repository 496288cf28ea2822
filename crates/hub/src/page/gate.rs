//! The gate: judges every request before anything else sees it.

use sockeye_http::proto::guard::{Asked, Guard, Refusal};
use sockeye_http::proto::writing::is_change;
use sockeye_http::{Answer, Handler, Plan, Request, Status};

use super::password::{Lock, Verdict};

pub(super) struct Gate {
    pub(super) guard: Guard,
    pub(super) lock: Option<Lock>,
}

impl Handler for Gate {
    fn handle(&self, request: &Request<'_>) -> Answer {
        let is_socket = request.path() == b"~chat";
        let asked = Asked {
            peer: request.peer().canonical_ip(),
            host: request.host(),
            origin: request.field("Origin"),
            fetch_site: request.field("Sec-Fetch-Site"),
            acts: is_socket || is_change(request.method()),
            is_known: false,
        };
        if let Err(refusal) = self.guard.judge(&asked) {
            return Answer::Plan(refused(refusal));
        }
        let Some(lock) = &self.lock else { return Answer::Pass };
        match lock.judge(request.field("Authorization"), asked.peer) {
            Verdict::Open => Answer::Pass,
            Verdict::Ask => {
                let plan = Plan::text(Status::UNAUTHORIZED, "this hub asks for its password");
                let realm = "Basic realm=\"sockeye\", charset=\"UTF-8\"";
                Answer::Plan(plan.with_header("WWW-Authenticate", realm))
            }
            Verdict::Wait(wait) => {
                let plan = Plan::text(Status::TOO_MANY_REQUESTS, "too many wrong passwords");
                Answer::Plan(plan.with_retry_after(wait))
            }
        }
    }
}

fn refused(refusal: Refusal) -> Plan {
    Plan::text(refusal.status(), &refusal.to_string())
}
