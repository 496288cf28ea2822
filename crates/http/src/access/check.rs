//! Slow checks of passwords, where blocking is allowed: so many at once, so many waiting, so many
//! wrong ones of each address.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use sockeye_edge::tries::Tries;
use tokio::sync::Semaphore;

use super::{Auth, Refusal, UserId};
use crate::config::Limits;
use crate::proto::credentials::Credentials;

/// Credentials that are to be checked where blocking is allowed.
#[derive(Debug)]
pub(crate) struct Check {
    pub(super) auth: Arc<Auth>,
    pub(super) credentials: Credentials,
    pub(super) peer: Option<IpAddr>,
}

/// Whose the credentials were, by the rules that they were checked by.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(super) auth: Arc<Auth>,
    pub(super) user: UserId,
}

/// The checks of all workers.
#[derive(Debug)]
pub(crate) struct Checks {
    places: Arc<Semaphore>,
    /// Those that wait, and those that run.
    present: AtomicUsize,
    present_max: usize,
    tries: Tries,
}

impl Checks {
    pub(crate) fn new(limits: &Limits) -> Checks {
        Checks {
            places: Arc::new(Semaphore::new(limits.checks_max.min(Semaphore::MAX_PERMITS))),
            present: AtomicUsize::new(0),
            present_max: limits.checks_max.saturating_add(limits.checks_waiting_max),
            tries: Tries::new(limits.wrong_passwords_max),
        }
    }

    /// Counts a wrong password that was told at once from the right one.
    pub(super) fn refuse(&self, peer: Option<IpAddr>) -> Refusal {
        self.tries.begin(peer, Instant::now()).map_or_else(Refusal::Wait, |()| Refusal::Wrong)
    }

    /// Makes a slow check as soon as there is a place for it.
    ///
    /// # Errors
    /// The credentials are nobody's, or are not checked.
    pub(crate) async fn run(self: Arc<Self>, check: Check) -> Result<Known, Refusal> {
        let auth = Arc::clone(&check.auth);
        self.judge(check).await.map(|user| Known { auth, user })
    }

    async fn judge(self: Arc<Self>, check: Check) -> Result<UserId, Refusal> {
        let present = Present::enter(Arc::clone(&self)).ok_or(Refusal::Busy)?;
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| Refusal::Busy)?;
        // Somebody else may have brought the same while this waited: browsers come with several.
        if let Some(user) = check.auth.known(&check.credentials, Instant::now()) {
            return Ok(user);
        }
        self.tries.begin(check.peer, Instant::now()).map_err(Refusal::Wait)?;
        // A peer that goes meanwhile leaves a check that still takes its place.
        let job = move || {
            let _held = (present, place);
            let right = check.auth.check(&check.credentials, Instant::now());
            if right.is_some() {
                self.tries.forgive(check.peer);
            }
            right.ok_or(Refusal::Wrong)
        };
        tokio::task::spawn_blocking(job).await.unwrap_or(Err(Refusal::Busy))
    }
}

/// One check among those that wait or run.
struct Present(Arc<Checks>);

impl Present {
    fn enter(checks: Arc<Checks>) -> Option<Present> {
        let before = checks.present.fetch_add(1, Ordering::Relaxed);
        let max = checks.present_max;
        // Counted off again where it is one too many.
        let present = Present(checks);
        (before < max).then_some(present)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.present.fetch_sub(1, Ordering::Relaxed);
    }
}
