//! The step before the files: finds out who asks, and whether they may.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Check, Checks, Judgement, Known, Need, UserId};
use crate::policy::Policy;
use crate::proto::credentials::Credentials;
use crate::proto::head::Head;
use crate::proto::plan::Plan;
use crate::proto::status::{PeerError, Status};

/// What a client is asked for.
const CHALLENGE: &str = "Basic realm=\"sockeye\", charset=\"UTF-8\"";
/// When to come again where too many passwords are being checked.
const BUSY_FOR: Duration = Duration::from_secs(1);

/// Who asks, and by which policy that is judged.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) policy: Arc<Policy>,
    user: Option<UserId>,
}

/// Why a request does not pass yet.
#[derive(Debug)]
pub(crate) enum Stop {
    /// These credentials have to be checked first.
    Check(Box<Check>),
    /// It does not pass.
    Refused(Refusal),
}

/// Why a request does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Some may, and who asks has not said who it is.
    Unauthorized,
    /// The credentials are nobody's.
    Wrong,
    /// Who asks may not.
    Forbidden,
    /// The address was wrong too often; so long it has to wait.
    Wait(Duration),
    /// Too many checks wait already.
    Busy,
}

impl Visitor {
    /// Somebody who has said nothing.
    pub(crate) fn anybody(policy: Arc<Policy>) -> Visitor {
        Visitor { policy, user: None }
    }

    /// The same, known to be `user` of this policy.
    pub(crate) fn known_as(&self, user: UserId) -> Visitor {
        Visitor { policy: Arc::clone(&self.policy), user: Some(user) }
    }

    /// The same, with what a check has found out: nothing, where the policy has been exchanged
    /// meanwhile.
    pub(crate) fn checked(&self, known: &Known) -> Visitor {
        let is_same = self.policy.auth.as_ref().is_some_and(|auth| Arc::ptr_eq(auth, &known.auth));
        Visitor { policy: Arc::clone(&self.policy), user: is_same.then_some(known.user) }
    }

    /// Whether the visitor may do what `need` says at `path` (decoded, from the root, no slash at
    /// its ends).
    pub(crate) fn may(&self, need: Need, path: &[u8]) -> bool {
        self.judge(need, path).is_ok()
    }

    /// The same, with the answer for where it may not.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn judge(&self, need: Need, path: &[u8]) -> Result<(), Refusal> {
        let Some(auth) = &self.policy.auth else { return Ok(()) };
        auth.judge(need, path, self.user).result()
    }

    /// The same for all that is at `path` or below it.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn judge_all(&self, need: Need, path: &[u8]) -> Result<(), Refusal> {
        let Some(auth) = &self.policy.auth else { return Ok(()) };
        auth.judge_all(need, path, self.user).result()
    }

    /// Who it is, where that is known.
    pub(crate) fn user(&self) -> Option<UserId> {
        self.user
    }

    /// Whether it is known who it is.
    pub(crate) fn is_known(&self) -> bool {
        self.user.is_some()
    }

    /// The `Cache-Control` of a file at `path`, unless a rule says another: what not everybody may
    /// read is not for caches that others share.
    pub(crate) fn cache_control(&self, path: &[u8]) -> &'static str {
        let auth = self.policy.auth.as_ref();
        let is_public =
            auth.is_none_or(|auth| auth.judge(Need::Read, path, None) == Judgement::Allowed);
        if is_public { "no-cache" } else { "private, no-cache" }
    }

    /// The `Cache-Control` of what shows several files: each visitor sees others of them.
    pub(crate) fn cache_control_of_listing(&self) -> &'static str {
        if self.policy.auth.is_none() { "no-cache" } else { "private, no-cache" }
    }

    /// The name of who sent `head`, where its password is known to be right.
    pub(crate) fn name(&self, head: &Head) -> Option<String> {
        let auth = self.policy.auth.as_ref()?;
        let credentials = Credentials::basic(head.only_field("authorization")?)?;
        auth.name(&credentials, Instant::now()).map(str::to_owned)
    }

    /// Finds out who it is that sends `head` from `peer`, where it is somebody.
    ///
    /// # Errors
    /// Nobody at all, or it takes a slow check to tell.
    pub(crate) fn identify(
        &self,
        head: &Head,
        peer: Option<IpAddr>,
        checks: &Checks,
    ) -> Result<Option<UserId>, Stop> {
        let Some(auth) = self.policy.auth.as_ref().filter(|_| self.user.is_none()) else {
            return Ok(self.user);
        };
        let field = head.only_field("authorization");
        let Some(credentials) = field.and_then(Credentials::basic) else { return Ok(None) };
        match auth.known(&credentials, Instant::now()) {
            Some(user) => Ok(Some(user)),
            None if auth.is_slow() => {
                let auth = Arc::clone(auth);
                Err(Stop::Check(Box::new(Check { auth, credentials, peer })))
            }
            None => Err(Stop::Refused(checks.refuse(peer))),
        }
    }
}

impl Judgement {
    fn result(self) -> Result<(), Refusal> {
        match self {
            Judgement::Allowed => Ok(()),
            Judgement::Unauthorized => Err(Refusal::Unauthorized),
            Judgement::Forbidden => Err(Refusal::Forbidden),
        }
    }
}

impl Refusal {
    /// What the peer is told.
    pub(crate) fn error(self) -> PeerError {
        let (status, why) = match self {
            Refusal::Unauthorized => (Status::UNAUTHORIZED, "this needs a name and a password"),
            Refusal::Wrong => (Status::UNAUTHORIZED, "nobody here has this name and password"),
            Refusal::Forbidden => (Status::FORBIDDEN, "you may not do this here"),
            Refusal::Wait(_) => (Status::TOO_MANY_REQUESTS, "too many wrong passwords"),
            Refusal::Busy => (Status::SERVICE_UNAVAILABLE, "too many passwords are being checked"),
        };
        PeerError::new(status, why)
    }

    /// Adds to the answer what a client needs to go on.
    pub(crate) fn finish(self, plan: Plan) -> Plan {
        match self {
            Refusal::Unauthorized | Refusal::Wrong => {
                plan.with_header("WWW-Authenticate", CHALLENGE)
            }
            Refusal::Forbidden => plan,
            Refusal::Wait(wait) => plan.with_retry_after(wait),
            Refusal::Busy => plan.with_retry_after(BUSY_FOR),
        }
    }
}
