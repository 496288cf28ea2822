//! The databases of hosts, services and protocols. glibc's `_r` calls put their answers into a
//! buffer of the caller; elsewhere the plain calls, which share one buffer, take turns (`turns`).

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod reentrant;
#[cfg(any(test, not(all(target_os = "linux", target_env = "gnu"))))]
mod turns;

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
pub(crate) use reentrant::ENTRY_BYTES_MAX;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) use reentrant::{
    gethostbyaddr, gethostbyname, getprotobyname, getservbyname, getservbyport,
};
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) use turns::{getprotobyname, getservbyname, getservbyport};

/// A port as the databases keep it: in network order, in an int.
fn port_of(raw: i32) -> u16 {
    u16::from_be(raw as u16)
}

fn raw_port(port: u16) -> i32 {
    i32::from(port.to_be())
}
