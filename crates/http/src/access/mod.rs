//! Who may do what with the files: users, their passwords and their rights by path.
//!
//! Rules:
//! 1. Of all rules of all users those with the longest path count for what is at or below it; who
//!    is not named there has no right there, but what everybody (`anonymous`) has.
//! 2. Where no rule counts, everybody may read and nobody write.
//! 3. A password that turned out right is known for a while, so that the slow check is made once.

mod check;
mod gate;
mod rule;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sockeye_edge::password::{PasswordHash, Secret};

use crate::proto::credentials::Credentials;
use crate::proto::head::Method;
use crate::proto::writing::is_change;
pub(crate) use check::{Check, Checks, Known};
pub(crate) use gate::{Refusal, Stop, Visitor};
pub use rule::{AuthError, AuthRule};

/// So long a password that turned out right is not checked again.
const KNOWN_FOR: Duration = Duration::from_secs(300);

/// What a request needs to be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// To see what is there.
    Read,
    /// To change what is there.
    Write,
}

impl Need {
    /// What a request with `method` needs. The only place that decides this.
    pub(crate) fn of(method: Method) -> Need {
        if is_change(method) { Need::Write } else { Need::Read }
    }
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rights {
    reads: bool,
    writes: bool,
}

impl Rights {
    fn has(self, need: Need) -> bool {
        match need {
            Need::Read => self.reads,
            Need::Write => self.writes,
        }
    }
}

impl FromStr for Rights {
    type Err = ();

    fn from_str(text: &str) -> Result<Rights, ()> {
        match text {
            "r" => Ok(Rights { reads: true, writes: false }),
            "w" => Ok(Rights { reads: false, writes: true }),
            "rw" => Ok(Rights { reads: true, writes: true }),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.reads { "r" } else { "" })?;
        f.write_str(if self.writes { "w" } else { "" })
    }
}

/// A user by its place among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UserId(usize);

#[cfg(test)]
impl UserId {
    /// The user with that number.
    pub(crate) fn number(number: usize) -> Option<UserId> {
        Some(UserId(number))
    }
}

#[derive(Debug)]
struct User {
    /// `None`: any name will do.
    name: Option<String>,
    /// What the password is checked against; `None`: it is known for good.
    hash: Option<PasswordHash>,
    /// Tells the password at once, until so many seconds after the beginning.
    known: OnceLock<Secret>,
    known_until: AtomicU64,
}

/// What holds at a path and below it, unless a longer one counts.
#[derive(Debug, Default)]
struct Zone {
    path: Vec<u8>,
    everybody: Rights,
    users: Vec<(UserId, Rights)>,
}

/// What comes of rights, a path and a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It may be done.
    Allowed,
    /// Some user may: who asks has not said who it is.
    Unauthorized,
    /// Who asks may not.
    Forbidden,
}

/// Users and rules.
#[derive(Debug)]
pub struct Auth {
    users: Vec<User>,
    /// The longest paths first.
    zones: Vec<Zone>,
    beginning: Instant,
}

impl Auth {
    /// Puts rules together.
    ///
    /// # Errors
    /// They contradict each other, or a user has no password.
    pub fn new(rules: &[AuthRule]) -> Result<Auth, AuthError> {
        let mut hashes: BTreeMap<&str, Option<&PasswordHash>> = BTreeMap::new();
        for (name, rule) in rules.iter().filter_map(|rule| Some((rule.user.as_deref()?, rule))) {
            let hash = hashes.entry(name).or_default();
            if hash.is_some() && rule.hash.is_some() && *hash != rule.hash.as_ref() {
                return Err(AuthError::TwoHashes(name.to_owned()));
            }
            *hash = hash.or(rule.hash.as_ref());
        }
        let mut users = Vec::new();
        for (name, hash) in hashes {
            let hash = hash.ok_or_else(|| AuthError::NoHash(name.to_owned()))?.clone();
            let (known, known_until) = (OnceLock::new(), AtomicU64::new(0));
            users.push(User { name: Some(name.to_owned()), hash: Some(hash), known, known_until });
        }
        let mut zones: BTreeMap<&str, Zone> = BTreeMap::new();
        for rule in rules {
            let zone = zones.entry(rule.path.as_str()).or_default();
            zone.path = rule.path.as_str().into();
            zone.add(rule, &users)?;
        }
        let mut zones: Vec<Zone> = zones.into_values().collect();
        zones.sort_by_key(|zone| std::cmp::Reverse(zone.path.len()));
        Ok(Auth { users, zones, beginning: Instant::now() })
    }

    /// One password for everything; any name will do.
    pub fn password(password: &str) -> Auth {
        let known = OnceLock::from(Secret::new(password));
        let user = User { name: None, hash: None, known, known_until: AtomicU64::new(u64::MAX) };
        let rights = Rights { reads: true, writes: true };
        let zone = Zone { users: vec![(UserId(0), rights)], ..Zone::default() };
        Auth { users: vec![user], zones: vec![zone], beginning: Instant::now() }
    }

    /// Judges whether `user` may do what `need` says at `path` (decoded, from the root, no slash at
    /// its ends).
    pub(crate) fn judge(&self, need: Need, path: &[u8], user: Option<UserId>) -> Judgement {
        let Some(zone) = self.zones.iter().find(|zone| zone.covers(path)) else {
            return if need == Need::Read { Judgement::Allowed } else { Judgement::Forbidden };
        };
        let may = |(id, rights): &(UserId, Rights)| Some(*id) == user && rights.has(need);
        if zone.everybody.has(need) || zone.users.iter().any(may) {
            return Judgement::Allowed;
        }
        match user.is_none() && zone.users.iter().any(|(_, rights)| rights.has(need)) {
            true => Judgement::Unauthorized,
            false => Judgement::Forbidden,
        }
    }

    /// The same for all that is at `path` or below it.
    pub(crate) fn judge_all(&self, need: Need, path: &[u8], user: Option<UserId>) -> Judgement {
        let here = Zone { path: path.to_vec(), ..Zone::default() };
        let below = self.zones.iter().filter(|zone| here.covers(&zone.path));
        let paths = std::iter::once(path).chain(below.map(|zone| zone.path.as_slice()));
        let mut judged = paths.map(|path| self.judge(need, path, user));
        judged.find(|judgement| *judgement != Judgement::Allowed).unwrap_or(Judgement::Allowed)
    }

    /// The user that `credentials` are known to be of, without a slow check.
    fn known(&self, credentials: &Credentials, now: Instant) -> Option<UserId> {
        let second = now.saturating_duration_since(self.beginning).as_secs();
        let (id, user) = self.named(credentials.user())?;
        let secret = user.known.get()?;
        let is_fresh = second < user.known_until.load(Ordering::Relaxed);
        (is_fresh && secret.is(credentials.password())).then_some(id)
    }

    /// The name that `credentials` are known to be right for, where names count.
    fn name(&self, credentials: &Credentials, now: Instant) -> Option<&str> {
        let UserId(index) = self.known(credentials, now)?;
        self.users.get(index)?.name.as_deref()
    }

    /// Checks `credentials`, slowly; a name that nobody has takes as long as one of a user.
    fn check(&self, credentials: &Credentials, now: Instant) -> Option<UserId> {
        let found = self.named(credentials.user());
        let decoy = self.users.first().map(|user| (UserId(usize::MAX), user));
        let (id, user) = found.or(decoy)?;
        if !user.hash.as_ref()?.is_of(credentials.password()) || found.is_none() {
            return None;
        }
        // A user has one password: whoever was first has kept the same.
        user.known.get_or_init(|| Secret::new(credentials.password()));
        let until = now.saturating_duration_since(self.beginning) + KNOWN_FOR;
        user.known_until.fetch_max(until.as_secs(), Ordering::Relaxed);
        Some(id)
    }

    /// Whether a password can only be told by a slow check.
    fn is_slow(&self) -> bool {
        self.users.iter().any(|user| user.hash.is_some())
    }

    fn named(&self, name: &str) -> Option<(UserId, &User)> {
        let has_it = |user: &User| user.name.as_deref().is_none_or(|other| other == name);
        let index = self.users.iter().position(has_it)?;
        Some((UserId(index), &self.users[index]))
    }
}

impl Zone {
    fn add(&mut self, rule: &AuthRule, users: &[User]) -> Result<(), AuthError> {
        let twice = || {
            let user = rule.user.clone().unwrap_or_else(|| "anonymous".to_owned());
            AuthError::Twice { user, path: rule.path.clone() }
        };
        let Some(name) = &rule.user else {
            let before = std::mem::replace(&mut self.everybody, rule.rights);
            return if before == Rights::default() { Ok(()) } else { Err(twice()) };
        };
        let index = users.iter().position(|user| user.name.as_ref() == Some(name));
        let id = UserId(index.unwrap_or(usize::MAX));
        if self.users.iter().any(|(other, _)| *other == id) {
            return Err(twice());
        }
        self.users.push((id, rule.rights));
        Ok(())
    }

    fn covers(&self, path: &[u8]) -> bool {
        let rest = path.strip_prefix(self.path.as_slice());
        rest.is_some_and(|rest| self.path.is_empty() || rest.is_empty() || rest[0] == b'/')
    }
}

#[cfg(test)]
mod tests;
