//! Being started by a service manager: sockets that are open already, and saying when ready.
//!
//! The caller reads the environment (`LISTEN_FDS`, `LISTEN_PID`, `LISTEN_FDNAMES`, `NOTIFY_SOCKET`)
//! and hands it in.
//!
//! # Source
//! sd_listen_fds(3), sd_notify(3).

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::Errno;
use rustix::net::sockopt::socket_acceptconn;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use sockeye_socket::{Address, Socket, UnixName};

/// The first descriptor that is handed over: after the three of standard input and output.
const FIRST: RawFd = 3;
/// The most sockets taken over.
pub const SOCKETS_MAX: u16 = 256;
/// Whether this process has taken its sockets.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Why the sockets that were handed over cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActivationError {
    /// `LISTEN_FDS` is not a number of sockets.
    #[error("LISTEN_FDS is {text:?}, not a number of at most {SOCKETS_MAX} sockets")]
    Count {
        /// As it was given.
        text: String,
    },
    /// `LISTEN_PID` is not a process id.
    #[error("LISTEN_PID is {text:?}, not a process id")]
    ProcessId {
        /// As it was given.
        text: String,
    },
    /// There is nothing at the descriptor, or something that is no socket.
    #[error("descriptor {number}, which LISTEN_FDS promises: {source}")]
    Descriptor {
        /// The descriptor.
        number: RawFd,
        /// What the system said.
        source: std::io::Error,
    },
    /// The socket does not listen.
    #[error("descriptor {number} ({address}) is a socket that does not listen")]
    NotListening {
        /// The descriptor.
        number: RawFd,
        /// What it is bound to.
        address: Address,
    },
}

/// A socket that was handed over.
#[derive(Debug)]
pub struct Inherited {
    /// Its name by `LISTEN_FDNAMES`; `unknown` where that has none.
    pub name: String,
    /// Listening; close-on-exec from now on.
    pub socket: Socket,
}

/// Takes over the listening sockets that `LISTEN_FDS` counts, once: a second
/// call gets none. None where `LISTEN_PID` means another process.
///
/// # Errors
/// The values are malformed, or a descriptor is not a listening socket.
pub fn sockets(listen_fds: &str, listen_pid: &str) -> Result<Vec<Socket>, ActivationError> {
    let inherited = named(listen_fds, listen_pid, "")?;
    Ok(inherited.into_iter().map(|inherited| inherited.socket).collect())
}

/// Does what [`sockets`] does, with the names that `LISTEN_FDNAMES` gives, between colons.
///
/// # Errors
/// The values are malformed, or a descriptor is not a listening socket.
pub fn named(
    listen_fds: &str,
    listen_pid: &str,
    names: &str,
) -> Result<Vec<Inherited>, ActivationError> {
    if !is_for_us(listen_pid)? {
        return Ok(Vec::new());
    }
    let count = count(listen_fds)?;
    // The numbers are reused once closed: a second look would take somebody else's socket.
    if count == 0 || TAKEN.swap(true, Ordering::Relaxed) {
        return Ok(Vec::new());
    }
    let mut names = names.split(':').filter(|name| !name.is_empty());
    let mut inherited = Vec::new();
    for number in (FIRST..).take(usize::from(count)) {
        let name = names.next().unwrap_or("unknown").to_owned();
        inherited.push(Inherited { name, socket: take(number)? });
    }
    Ok(inherited)
}

/// Tells the service manager `state`, such as `READY=1`, at `NOTIFY_SOCKET`'s value: a path, or `@`
/// and an abstract name.
///
/// # Errors
/// Nobody listens there.
pub fn notify(notify_socket: &OsStr, state: &str) -> sockeye_socket::Result<()> {
    let name = match notify_socket.as_bytes().strip_prefix(b"@") {
        Some(name) => UnixName::Abstract(name.to_vec()),
        None => UnixName::Path(notify_socket.into()),
    };
    let socket = Socket::unix_dgram()?;
    socket.sendto(state.as_bytes(), Address::Unix(name))?;
    Ok(())
}

fn is_for_us(listen_pid: &str) -> Result<bool, ActivationError> {
    let bad = || ActivationError::ProcessId { text: listen_pid.to_owned() };
    let pid: i32 = digits(listen_pid).and_then(|text| text.parse().ok()).ok_or_else(bad)?;
    Ok(pid == getpid().as_raw_nonzero().get())
}

fn count(listen_fds: &str) -> Result<u16, ActivationError> {
    let bad = || ActivationError::Count { text: listen_fds.to_owned() };
    let count: u16 = digits(listen_fds).and_then(|text| text.parse().ok()).ok_or_else(bad)?;
    if count <= SOCKETS_MAX { Ok(count) } else { Err(bad()) }
}

fn digits(text: &str) -> Option<&str> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then_some(text)
}

/// Takes descriptor `number` over: a duplicate through the pidfd of ourselves, which is
/// close-on-exec, and the inherited one closed.
fn take(number: RawFd) -> Result<Socket, ActivationError> {
    let failed = |source: std::io::Error| ActivationError::Descriptor { number, source };
    let own = duplicate(number).map_err(|errno| failed(errno.into()))?;
    let listens = socket_acceptconn(own.as_fd()).map_err(|errno| failed(errno.into()))?;
    let socket = Socket::try_from(own).map_err(|error| failed(error.into()))?;
    if !listens {
        let address = socket.getsockname().map_err(|error| failed(error.into()))?;
        return Err(ActivationError::NotListening { number, address });
    }
    nix::unistd::close(number).map_err(|errno| failed(errno.into()))?;
    Ok(socket)
}

fn duplicate(number: RawFd) -> Result<OwnedFd, Errno> {
    let ourselves = pidfd_open(getpid(), PidfdFlags::empty())?;
    pidfd_getfd(ourselves, number, PidfdGetfdFlags::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sockeye_testkit::Process;
    use std::process::Command;

    /// What the child is to do; set only for the child.
    const CHILD: &str = "SOCKEYE_TEST_ACTIVATED";

    /// Runs this test again with descriptors 3 and 4 set up by `script`.
    fn child(test: &str, script: &str) -> Command {
        let mut command = Command::new("bash");
        let script = format!("{script}; LISTEN_PID=$$ exec \"$0\" \"$@\"");
        command.arg("-c").arg(script).arg(std::env::current_exe().unwrap());
        command.args(["--exact", "--nocapture", test]).env(CHILD, "1");
        command
    }

    #[test]
    fn sockets_of_the_parent_accept_in_the_child() {
        if std::env::var_os(CHILD).is_some() {
            return accept_one();
        }
        let listener = sockeye_socket::create_server("127.0.0.1:0").bind().unwrap();
        let port = listener.getsockname().unwrap().port().unwrap();
        // The only way past close-on-exec without a call that the lints rule out: standard input.
        let test = "activation::tests::sockets_of_the_parent_accept_in_the_child";
        let mut command = child(test, "exec 3<&0 0</dev/null");
        let client = sockeye_socket::create_connection(("127.0.0.1", port)).open().unwrap();
        let output = command.stdin(listener.detach()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        assert_eq!(client.recv(100).unwrap(), b"web");
    }

    fn accept_one() {
        let pid = std::env::var("LISTEN_PID").unwrap();
        let mut inherited = named("1", &pid, "web:other").unwrap();
        let Inherited { name, socket } = inherited.pop().unwrap();
        let (client, _) = socket.accept().unwrap();
        client.sendall(name.as_bytes()).unwrap();
        let flags = rustix::io::fcntl_getfd(&socket).unwrap();
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        assert!(sockets("1", &pid).unwrap().is_empty(), "they are taken once");
    }

    #[test]
    fn what_does_not_listen_is_refused() {
        if std::env::var_os(CHILD).is_some() {
            let pid = std::env::var("LISTEN_PID").unwrap();
            let error = sockets("1", &pid).unwrap_err();
            println!("\nrefused {error}");
            return;
        }
        let test = "activation::tests::what_does_not_listen_is_refused";
        let finished = Process::run(&mut child(test, "exec 3</dev/null"), b"");
        assert!(finished.out().contains("refused descriptor 3"), "{}", finished.out());
        let (end, _other) = sockeye_socket::socketpair().unwrap();
        let output = child(test, "exec 3<&0 0</dev/null").stdin(end.detach()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("does not listen"), "{text}");
    }

    #[test]
    fn another_process_and_bad_numbers_get_nothing() {
        let own = getpid().as_raw_nonzero().to_string();
        assert!(sockets("1", "1").unwrap().is_empty());
        assert!(sockets("0", &own).unwrap().is_empty());
        for bad in ["", "-1", "+1", "x", "257", "99999999999"] {
            let error = sockets(bad, &own).unwrap_err();
            assert!(matches!(error, ActivationError::Count { .. }), "{bad}: {error}");
        }
        for bad in ["", "-1", "+1", "x", "99999999999"] {
            let error = sockets("1", bad).unwrap_err();
            assert!(matches!(error, ActivationError::ProcessId { .. }), "{bad}: {error}");
        }
    }

    #[test]
    fn ready_is_said_at_a_path_and_at_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let unique = format!("@sockeye-test-{}", getpid().as_raw_nonzero());
        for (place, address) in [
            (path.as_os_str(), format!("unix:{}", path.display())),
            (OsStr::new(&unique), format!("unix:{unique}")),
        ] {
            assert!(notify(place, "READY=1").is_err(), "nobody listens yet");
            let manager = Socket::unix_dgram().unwrap();
            manager.bind(address.parse::<Address>().unwrap()).unwrap();
            notify(place, "READY=1").unwrap();
            assert_eq!(manager.recv(100).unwrap(), b"READY=1");
        }
    }
}
