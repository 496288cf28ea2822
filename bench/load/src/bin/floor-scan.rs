//! The floor of `scan`: a connect to each port of 127.0.0.1, one after another, on one socket until
//! that is connected, and nothing else. On loopback the answer is there when the call returns, so
//! that no concurrency on one core can help.

use std::env;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, getsockname, socket_with};

fn main() -> Result<(), Box<dyn Error>> {
    let last: u16 = env::args().nth(1).map_or(Ok(u16::MAX), |text| text.parse())?;
    let mut socket = tcp()?;
    for port in 1..=last {
        if connect(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).is_ok() {
            // A socket whose own port is drawn for the one that it asks for is connected to itself.
            if SocketAddrV4::try_from(getsockname(&socket)?)?.port() != port {
                println!("{port}");
            }
            socket = tcp()?;
        }
    }
    Ok(())
}

fn tcp() -> Result<OwnedFd, Errno> {
    socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)
}
