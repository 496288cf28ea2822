//! The tutorial's UDP client. A datagram may get lost, so it asks again.
//!
//!     cargo run --example udp_client [ADDR [WORDS]]

use std::time::Duration;

use sockeye_socket::{Result, Socket};

const TRIES: u32 = 3;

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let addr = words.next().unwrap_or_else(|| "127.0.0.1:65432".to_owned());
    let text = words.next().unwrap_or_else(|| "Hello, world".to_owned());
    println!("{}", String::from_utf8_lossy(&ask(&addr, text.as_bytes())?));
    Ok(())
}

/// What `addr` answers to `data`; each try waits a second.
pub(crate) fn ask(addr: &str, data: &[u8]) -> Result<Vec<u8>> {
    let socket = Socket::udp4()?;
    // Connected, a datagram socket hears nobody else, and learns that nobody is there.
    socket.connect(addr)?;
    socket.settimeout(Duration::from_secs(1))?;
    let mut tried = 0;
    loop {
        socket.send(data)?;
        tried += 1;
        match socket.recv(65_535) {
            Err(error) if error.is_timeout() && tried < TRIES => {}
            answer => return answer,
        }
    }
}
