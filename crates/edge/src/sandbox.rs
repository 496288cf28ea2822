//! Shutting the process in: from then on only some folders can be opened, no port can be opened,
//! and no TCP connection made. For the moment after the privileges are dropped.
//!
//! What is open already stays usable: listeners, log files, the folder that is served. A thread
//! that was started before is not shut in; threads and processes started later are. Where the
//! kernel knows only a part of it (Landlock grew over time), that part holds.
//!
//! # Source
//! landlock(7).

use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

/// The newest kernel interface whose rights are known here.
const KNOWN: ABI = ABI::V6;

/// What can still be opened. A folder stands for everything below it, a file for its folder, so
/// that it can be replaced; symbolic links are followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Read.
    pub read: Vec<PathBuf>,
    /// Read and changed in every way, but for programs, which cannot be run.
    pub write: Vec<PathBuf>,
}

/// How much of it the kernel enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforced {
    /// All that is known here.
    Fully,
    /// What an older kernel knows.
    Partly,
    /// Nothing: the kernel has no Landlock, or it is off.
    Not,
}

/// Why the process was not shut in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// What is to stay open is not there.
    #[error("cannot keep {} open in the sandbox: {source}", path.display())]
    Path {
        /// As it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The kernel refused.
    #[error("cannot enter the sandbox: {0}")]
    Refused(#[from] RulesetError),
}

/// Shuts this thread in, and all that it starts, for good.
///
/// # Errors
/// A path cannot be opened, or the kernel refuses a step.
pub fn enter(allowed: &Allowed) -> Result<Enforced, SandboxError> {
    let reads = AccessFs::ReadFile | AccessFs::ReadDir;
    let everything = AccessFs::from_all(KNOWN);
    let changes = everything
        & !(AccessFs::Execute | AccessFs::MakeBlock | AccessFs::MakeChar | AccessFs::IoctlDev);
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(everything)?
        .handle_access(AccessNet::from_all(KNOWN))?
        .scope(Scope::Signal)?
        .create()?;
    for (paths, rights) in [(&allowed.read, reads), (&allowed.write, changes)] {
        for path in paths {
            ruleset = ruleset.add_rule(below(path, rights)?)?;
        }
    }
    Ok(match ruleset.restrict_self()?.ruleset {
        RulesetStatus::FullyEnforced => Enforced::Fully,
        RulesetStatus::PartiallyEnforced => Enforced::Partly,
        RulesetStatus::NotEnforced => Enforced::Not,
    })
}

fn below(path: &Path, rights: BitFlags<AccessFs>) -> Result<PathBeneath<PathFd>, SandboxError> {
    let failed = |source| SandboxError::Path { path: path.to_owned(), source };
    let real = std::fs::canonicalize(path).map_err(failed)?;
    let folder = if real.is_dir() { real.as_path() } else { real.parent().unwrap_or(&real) };
    let opened = PathFd::new(folder).map_err(|error| failed(io::Error::other(error)))?;
    Ok(PathBeneath::new(opened, rights))
}

#[cfg(test)]
mod tests {
    use sockeye_testkit::{Need, need};

    use super::*;

    /// On a thread of its own, which alone is shut in.
    fn inside(allowed: &Allowed, run: impl FnOnce() + Send) {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert_ne!(enter(allowed).unwrap(), Enforced::Not);
                run();
            });
        });
    }

    fn is_denied<T>(result: io::Result<T>) -> bool {
        result.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    }

    #[test]
    fn what_is_not_allowed_is_refused() {
        if !need(Need::Landlock) {
            return;
        }
        let [inner, outer, kept] = [(); 3].map(|()| tempfile::tempdir().unwrap());
        for folder in [&inner, &outer, &kept] {
            std::fs::write(folder.path().join("file"), "x").unwrap();
        }
        let allowed =
            Allowed { read: vec![inner.path().to_owned()], write: vec![kept.path().join("file")] };
        let at = |folder: &tempfile::TempDir, name: &str| folder.path().join(name);
        inside(&allowed, || {
            assert_eq!(std::fs::read(at(&inner, "file")).unwrap(), b"x");
            assert!(is_denied(std::fs::write(at(&inner, "file"), "y")));
            assert!(is_denied(std::fs::remove_file(at(&inner, "file"))));
            assert!(is_denied(std::fs::read(at(&outer, "file"))));
            assert!(is_denied(std::fs::read_dir(outer.path())));
            std::fs::write(at(&kept, "new"), "y").unwrap();
            std::fs::rename(at(&kept, "new"), at(&kept, "file")).unwrap();
            assert_eq!(std::fs::read(at(&kept, "file")).unwrap(), b"y");
            assert!(is_denied(std::process::Command::new("/bin/true").status()));
        });
        // The thread that started it is free.
        assert_eq!(std::fs::read(at(&outer, "file")).unwrap(), b"x");
    }

    #[test]
    fn a_path_that_is_not_there_is_named() {
        let read = vec![PathBuf::from("/nowhere/at/all")];
        let error = enter(&Allowed { read, write: Vec::new() }).unwrap_err().to_string();
        assert!(error.contains("/nowhere/at/all"), "{error}");
    }
}
