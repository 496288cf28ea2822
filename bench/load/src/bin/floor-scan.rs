//! The floor of `scan`: a connect to each port of 127.0.0.1, one after another, nothing else. On
//! loopback the answer is there when the call returns, so that no concurrency can help.

use std::env;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddrV4};

use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

fn main() -> Result<(), Box<dyn Error>> {
    let last: u16 = env::args().nth(1).map_or(Ok(u16::MAX), |text| text.parse())?;
    for port in 1..=last {
        let socket =
            socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        if connect(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).is_ok() {
            println!("{port}");
        }
    }
    Ok(())
}
