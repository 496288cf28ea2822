//! The tutorial's TCP client: says something, ends its side, and prints all that comes back.
//!
//!     cargo run --example tcp_client [ADDR [WORDS]]

use std::io::{Read, Result};
use std::time::Duration;

use sockeye_socket::{SHUT_WR, create_connection};

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let addr = words.next().unwrap_or_else(|| "127.0.0.1:65432".to_owned());
    let text = words.next().unwrap_or_else(|| "Hello, world".to_owned());
    println!("{}", String::from_utf8_lossy(&ask(&addr, text.as_bytes())?));
    Ok(())
}

/// What `addr` answers to `data`, within five seconds a call.
pub(crate) fn ask(addr: &str, data: &[u8]) -> Result<Vec<u8>> {
    let socket = create_connection(addr).timeout(Duration::from_secs(5)).open()?;
    socket.settimeout(Duration::from_secs(5))?;
    socket.sendall(data)?;
    // TCP is a stream: only the end says that this was all.
    socket.shutdown(SHUT_WR)?;
    let mut answer = Vec::new();
    (&socket).read_to_end(&mut answer)?;
    Ok(answer)
}
