//! Running a closure with less privilege, or with mounts of its own, in a thread of its own.
//!
//! Capabilities and the mount namespace belong to a thread on Linux, so that nothing of this
//! reaches the other tests of the process. Threads that the closure starts inherit both.

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
use std::path::Path;
use std::process::Command;

/// Runs `work` in a thread without any capability: root without them is bound by the permission
/// bits as anybody is. Needs no privilege, and does nothing for who has none.
///
/// # Panics
/// Where `work` panics.
pub fn without_capabilities<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    in_a_thread(|| {
        let none = CapabilitySets {
            effective: CapabilitySet::empty(),
            permitted: CapabilitySet::empty(),
            inheritable: CapabilitySet::empty(),
        };
        set_capabilities(None, none).expect("anybody may give capabilities up");
        work()
    })
}

/// Runs `work` in a thread that sees a tmpfs of `bytes` at `dir`; the rest of the process does not
/// see it. Ask for [`crate::Need::MountNamespace`] first.
///
/// # Panics
/// Where the namespace or the mount is refused, or `work` panics.
pub fn with_tmpfs<T: Send>(dir: &Path, bytes: u64, work: impl FnOnce() -> T + Send) -> T {
    in_a_thread(|| {
        unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
        let none: Option<&str> = None;
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(none, "/", none, private, none).expect("mounts of our own");
        let options = format!("size={bytes}");
        mount(Some("none"), dir, Some("tmpfs"), MsFlags::empty(), Some(options.as_str()))
            .expect("a tmpfs");
        work()
    })
}

/// Runs `work` in a thread that sees `dir` read-only. Ask for [`crate::Need::MountNamespace`]
/// first.
///
/// # Panics
/// Where the namespace or the mount is refused, or `work` panics.
pub fn with_read_only<T: Send>(dir: &Path, work: impl FnOnce() -> T + Send) -> T {
    in_a_thread(|| {
        unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
        let none: Option<&str> = None;
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(none, "/", none, private, none).expect("mounts of our own");
        mount(Some(dir), dir, none, MsFlags::MS_BIND, none).expect("a bind mount");
        let again = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(none, dir, none, again, none).expect("a read-only bind mount");
        work()
    })
}

/// Runs `work` in a thread with a network of its own that has only a loopback interface, up. The
/// processes that it starts are in there too. Ask for [`crate::Need::NetNamespace`] and for
/// [`crate::Need::Program`]`("ip")` first.
///
/// # Panics
/// Where the namespace is refused, or `work` panics.
pub fn with_network<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    in_a_thread(|| {
        unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace");
        let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
        assert!(up.expect("ip is there").success(), "loopback does not come up");
        work()
    })
}

/// Runs `work` in a thread that sees `name` as the machine's name, and may change it for itself
/// alone. Ask for [`crate::Need::UtsNamespace`] first.
///
/// # Panics
/// Where the namespace is refused, or `work` panics.
pub fn with_hostname<T: Send>(name: &str, work: impl FnOnce() -> T + Send) -> T {
    in_a_thread(|| {
        unshare(CloneFlags::CLONE_NEWUTS).expect("a namespace for the name");
        rustix::system::sethostname(name.as_bytes()).expect("a name");
        work()
    })
}

fn in_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let name = std::thread::current().name().map(str::to_owned);
    let mut builder = std::thread::Builder::new();
    if let Some(name) = name {
        builder = builder.name(name);
    }
    std::thread::scope(|scope| {
        let thread = builder.spawn_scoped(scope, work).expect("a thread");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Need, need};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn permission_bits_bind_even_root() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o555)).unwrap();
        let inside = dir.path().join("file");
        let error = without_capabilities(|| fs::write(&inside, "x")).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn a_small_disk_is_full_soon_and_seen_by_one_thread() {
        if !need(Need::MountNamespace) {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("file");
        let error = with_tmpfs(dir.path(), 1 << 20, || fs::write(&inside, vec![0; 2 << 20]));
        assert_eq!(error.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
        assert!(!inside.exists());
    }

    #[test]
    fn a_network_of_ones_own_has_no_other_listeners() {
        if !need(Need::NetNamespace) || !need(Need::Program("ip")) {
            return;
        }
        let outside = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = outside.local_addr().unwrap();
        let inside = with_network(|| std::net::TcpStream::connect(address));
        assert_eq!(inside.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
        std::net::TcpStream::connect(address).unwrap();
    }

    #[test]
    fn a_name_of_ones_own_is_seen_by_one_thread() {
        if !need(Need::UtsNamespace) {
            return;
        }
        let name = || rustix::system::uname().nodename().to_owned();
        let outside = name();
        assert_eq!(with_hostname("inside.example", name).to_str(), Ok("inside.example"));
        assert_eq!(name(), outside);
    }

    #[test]
    fn a_read_only_mount_refuses() {
        if !need(Need::MountNamespace) {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("file");
        let error = with_read_only(dir.path(), || fs::write(&inside, "x")).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
        fs::write(&inside, "x").unwrap();
    }
}
