//! What may change while a server runs: who may do what, and header fields by path. A policy never
//! changes itself; it is exchanged for another. Workers look at a number for each request, and take
//! the new policy where the number is another, so that nothing is locked on the way.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::access::Auth;
use crate::proto::cors::Cors;
use crate::proto::plan::Headers;
use crate::rules::Rule;

/// The part of a configuration that can be exchanged.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Who may do what; everybody may read where there is nothing.
    pub auth: Option<Arc<Auth>>,
    /// Header fields of answers with files and listings, by path; the last match of a name counts.
    pub headers: Vec<Rule>,
    /// Which other sites' pages may read.
    pub cors: Option<Cors>,
}

impl Policy {
    /// Sets the fields of an answer about `path` (decoded, from the root, no slash in front).
    pub(crate) fn apply_headers(&self, path: &[u8], headers: &mut Headers) {
        for rule in self.headers.iter().filter(|rule| rule.is_for(path)) {
            headers.set(rule.name(), rule.value());
        }
    }
}

/// Where a running server's policy is exchanged. Clones are about the same server.
#[derive(Clone, Debug)]
pub struct Reload(Arc<Current>);

#[derive(Debug)]
struct Current {
    policy: Mutex<Arc<Policy>>,
    generation: AtomicU64,
}

impl Reload {
    pub(crate) fn new(policy: Policy) -> Reload {
        let policy = Mutex::new(Arc::new(policy));
        Reload(Arc::new(Current { policy, generation: AtomicU64::new(0) }))
    }

    /// Has every request that is read after this judged by `policy`. Answers that are being sent
    /// are sent to their ends.
    pub fn set(&self, policy: Policy) {
        *self.0.policy.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
        // After the policy, so that who sees the number finds it.
        self.0.generation.fetch_add(1, Ordering::Release);
    }

    /// How often the policy was exchanged.
    pub(crate) fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }

    /// The policy of now.
    pub(crate) fn latest(&self) -> Arc<Policy> {
        Arc::clone(&self.0.policy.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
