//! The plain calls, for systems without glibc's: they answer in one static buffer, so one thread
//! at a time asks and copies. Code of other languages in the process does not know of this lock.

use std::ffi::CStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::lookup::{pointer, text};
use super::{port_of, raw_port};

static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The port of a service; None is not found.
pub(crate) fn getservbyname(name: &CStr, protocol: Option<&CStr>) -> Result<Option<u16>, i32> {
    let _turn = turn();
    // SAFETY: the names are C strings (the protocol may be null); the answer is null or an entry
    // that nobody changes before the turn is over.
    let entry = unsafe { libc::getservbyname(name.as_ptr(), pointer(protocol)).as_ref() };
    Ok(entry.map(|entry| port_of(entry.s_port)))
}

/// The name of a service; None is not found.
pub(crate) fn getservbyport(port: u16, protocol: Option<&CStr>) -> Result<Option<String>, i32> {
    let _turn = turn();
    // SAFETY: as for getservbyname.
    let entry = unsafe { libc::getservbyport(raw_port(port), pointer(protocol)).as_ref() };
    // SAFETY: s_name is a C string.
    Ok(entry.and_then(|entry| unsafe { text(entry.s_name) }))
}

/// The number of a protocol; None is not found.
pub(crate) fn getprotobyname(name: &CStr) -> Result<Option<i32>, i32> {
    let _turn = turn();
    // SAFETY: as for getservbyname.
    let entry = unsafe { libc::getprotobyname(name.as_ptr()).as_ref() };
    Ok(entry.map(|entry| entry.p_proto))
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::super::reentrant;
    use super::*;

    #[test]
    fn they_answer_as_the_reentrant_calls() {
        let protocols = [None, Some(c"tcp"), Some(c"udp"), Some(c"nosuch")];
        for protocol in protocols {
            for name in [c"http", c"domain", c"ssh", c"", c"nosuch", c"www"] {
                let both =
                    (getservbyname(name, protocol), reentrant::getservbyname(name, protocol));
                assert_eq!(both.0, both.1, "{name:?} {protocol:?}");
            }
            for port in (0..200).chain([443, 8080, 65_535]) {
                let both =
                    (getservbyport(port, protocol), reentrant::getservbyport(port, protocol));
                assert_eq!(both.0, both.1, "{port} {protocol:?}");
            }
        }
        for name in [c"tcp", c"UDP", c"icmp", c"ipv6", c"", c"nosuch"] {
            assert_eq!(getprotobyname(name), reentrant::getprotobyname(name), "{name:?}");
        }
    }
}
