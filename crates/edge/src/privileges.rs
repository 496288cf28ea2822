//! Becoming somebody who may do less, for good.
//!
//! For the moment between binding and serving. User and groups change for every thread (the C
//! library sees to that); the capability sets and `no_new_privs` belong to a thread, and threads
//! started later inherit them. Afterwards it is verified from `/proc` that no thread of the process
//! kept anything, and by trying that nothing can be had back.
//!
//! # Source
//! credentials(7), capabilities(7), setresuid(2), prctl(2).

use std::ffi::CString;
use std::fmt;
use std::str::FromStr;

use nix::unistd::{Gid, Group, Uid, getgrouplist, setgroups, setresgid, setresuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_keep_capabilities, set_no_new_privs,
};

/// Somebody to become: never root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    name: String,
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
}

/// Why privileges could not be dropped. A server must not go on then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivilegeError {
    /// The system knows no such user or group.
    #[error("no {what} is called {name:?}")]
    Unknown {
        /// `user` or `group`.
        what: &'static str,
        /// As it was given.
        name: String,
    },
    /// A number without an entry has no group of its own.
    #[error("user {uid} has no entry in the user database: give its group too, as {uid}:GROUP")]
    NoGroup {
        /// The user's number.
        uid: u32,
    },
    /// Becoming root drops nothing.
    #[error("{name} is root: that drops no privilege")]
    Root {
        /// As it was given.
        name: String,
    },
    /// The system refused a step.
    #[error("cannot {step}: {source}")]
    Refused {
        /// What was tried.
        step: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something was kept or could be had back.
    #[error("privileges were not dropped: {what}")]
    Kept {
        /// What was found.
        what: String,
    },
}

impl User {
    /// The user's name, or its number where it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}:{})", self.name, self.uid, self.gid)
    }
}

impl FromStr for User {
    type Err = PrivilegeError;

    /// Looks up `USER` or `USER:GROUP`, each a name or a number. Without a group it is the user's
    /// own, with the groups that list the user; with one it is that alone.
    fn from_str(text: &str) -> Result<Self, PrivilegeError> {
        let (user, group) = text.split_once(':').map_or((text, None), |(u, g)| (u, Some(g)));
        let entry = match number(user) {
            Some(uid) => nix::unistd::User::from_uid(Uid::from_raw(uid)),
            None => nix::unistd::User::from_name(user),
        };
        let entry = entry.map_err(|errno| refused("look the user up", errno))?;
        let uid = match (&entry, number(user)) {
            (Some(entry), _) => entry.uid,
            (None, Some(uid)) => Uid::from_raw(uid),
            (None, None) => return Err(unknown("user", user)),
        };
        if uid.is_root() {
            return Err(PrivilegeError::Root { name: user.to_owned() });
        }
        let (gid, groups) = match (group, &entry) {
            (Some(group), _) => {
                let gid = find_group(group)?;
                (gid, vec![gid])
            }
            (None, Some(entry)) => (entry.gid, groups_of(&entry.name, entry.gid)?),
            (None, None) => return Err(PrivilegeError::NoGroup { uid: uid.as_raw() }),
        };
        let name = entry.map_or_else(|| uid.to_string(), |entry| entry.name);
        Ok(Self { name, uid, gid, groups })
    }
}

/// Becomes `user` with its groups and without any capability, in every thread, for good; nothing
/// that is executed later gains privilege either. Call it before other threads start.
///
/// # Errors
/// A step was refused, or something was kept. The process may then be between two users: end it.
pub fn drop_to(user: &User) -> Result<(), PrivilegeError> {
    shrink_bounding_set();
    set_keep_capabilities(false).map_err(|errno| refused("forget capabilities", errno))?;
    // Who is this user already may not set groups, and has nothing to set.
    if !is_already(user)? {
        setgroups(&user.groups).map_err(|errno| refused("set the groups", errno))?;
        let (gid, uid) = (user.gid, user.uid);
        setresgid(gid, gid, gid).map_err(|errno| refused("change the group", errno))?;
        setresuid(uid, uid, uid).map_err(|errno| refused("change the user", errno))?;
    }
    drop_capabilities()?;
    verify(user)
}

/// Gives up every capability of this thread, and makes sure that nothing executed later gains
/// privilege. For who stays the user that they are.
///
/// # Errors
/// The system refuses.
pub fn drop_capabilities() -> Result<(), PrivilegeError> {
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    // Kernels before 4.3 have no ambient set, and nothing in it.
    let _ = clear_ambient_capability_set();
    set_capabilities(None, none).map_err(|errno| refused("drop the capabilities", errno))?;
    set_no_new_privs(true).map_err(|errno| refused("rule new privileges out", errno))
}

/// What is not in the bounding set no program can bring back. Needs `CAP_SETPCAP`; without it
/// `no_new_privs` does the same.
fn shrink_bounding_set() {
    for capability in CapabilitySet::all().iter() {
        let _ = remove_capability_from_bounding_set(capability);
    }
}

fn is_already(user: &User) -> Result<bool, PrivilegeError> {
    let own = credentials("/proc/thread-self/status")?;
    Ok(own.uids.iter().all(|uid| *uid == user.uid.as_raw())
        && own.gids.iter().all(|gid| *gid == user.gid.as_raw())
        && own.groups == raw_groups(user))
}

fn verify(user: &User) -> Result<(), PrivilegeError> {
    let kept = |what: String| Err(PrivilegeError::Kept { what });
    let tasks = std::fs::read_dir("/proc/self/task");
    let tasks = tasks.map_err(|source| PrivilegeError::Refused { step: "list threads", source })?;
    for task in tasks.flatten() {
        let status = task.path().join("status");
        let Ok(found) = credentials(&status.to_string_lossy()) else {
            if status.exists() {
                return kept(format!("{} does not say", status.display()));
            }
            continue;
        };
        let uid_differs = found.uids.iter().any(|uid| *uid != user.uid.as_raw());
        let gid_differs = found.gids.iter().any(|gid| *gid != user.gid.as_raw());
        if uid_differs || gid_differs || found.groups != raw_groups(user) {
            return kept(format!("a thread is {found:?}"));
        }
        if found.capabilities.iter().any(|set| !set.trim_start_matches('0').is_empty()) {
            return kept(format!("a thread has capabilities {:?}", found.capabilities));
        }
    }
    let root = Uid::from_raw(0);
    if setresuid(root, root, root).is_ok() {
        return kept("root could be had back".to_owned());
    }
    if setgroups(&[Gid::from_raw(0)]).is_ok() {
        return kept("the group of root could be had back".to_owned());
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Credentials {
    /// Real, effective, saved, of the file system.
    uids: Vec<u32>,
    gids: Vec<u32>,
    groups: Vec<u32>,
    /// Permitted and effective, in hexadecimal.
    capabilities: Vec<String>,
}

fn credentials(path: &str) -> Result<Credentials, PrivilegeError> {
    let failed = |source| PrivilegeError::Refused { step: "read who we are", source };
    let text = std::fs::read_to_string(path).map_err(failed)?;
    parse_credentials(&text)
        .ok_or_else(|| failed(std::io::Error::other("an unexpected form of /proc/*/status")))
}

/// `None` where a line is missing or no number.
fn parse_credentials(text: &str) -> Option<Credentials> {
    let line = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
    let numbers = |key: &str| -> Option<Vec<u32>> {
        line(key)?.split_whitespace().map(|word| word.parse().ok()).collect()
    };
    let capability = |key: &str| line(key).map(|value| value.trim().to_owned());
    let mut groups = numbers("Groups:")?;
    groups.sort_unstable();
    Some(Credentials {
        uids: numbers("Uid:").filter(|uids| uids.len() == 4)?,
        gids: numbers("Gid:").filter(|gids| gids.len() == 4)?,
        groups,
        capabilities: vec![capability("CapPrm:")?, capability("CapEff:")?],
    })
}

fn raw_groups(user: &User) -> Vec<u32> {
    let mut groups: Vec<u32> = user.groups.iter().map(|gid| gid.as_raw()).collect();
    groups.sort_unstable();
    groups
}

fn groups_of(name: &str, gid: Gid) -> Result<Vec<Gid>, PrivilegeError> {
    let name = CString::new(name).map_err(|_| unknown("user", name))?;
    getgrouplist(&name, gid).map_err(|errno| refused("look the user's groups up", errno))
}

fn find_group(text: &str) -> Result<Gid, PrivilegeError> {
    if let Some(gid) = number(text) {
        return Ok(Gid::from_raw(gid));
    }
    let entry = Group::from_name(text).map_err(|errno| refused("look the group up", errno))?;
    entry.map(|entry| entry.gid).ok_or_else(|| unknown("group", text))
}

/// Digits only. The largest number means "unchanged" to the system, and is none.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| digits && *id != u32::MAX)
}

fn unknown(what: &'static str, name: &str) -> PrivilegeError {
    PrivilegeError::Unknown { what, name: name.to_owned() }
}

fn refused(step: &'static str, errno: impl Into<std::io::Error>) -> PrivilegeError {
    PrivilegeError::Refused { step, source: errno.into() }
}

#[cfg(test)]
mod tests;
