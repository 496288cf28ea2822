//! The tutorial's UDP server: sends each datagram back in capitals.
//!
//!     cargo run --example udp_server [ADDR]

use sockeye_socket::{Result, Socket};

fn main() -> Result<()> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:65432".to_owned());
    let socket = Socket::udp4()?;
    socket.bind(addr.as_str())?;
    println!("waiting at {}", socket.getsockname()?);
    loop {
        answer_one(&socket)?;
    }
}

/// Waits for one datagram, and answers it.
pub(crate) fn answer_one(socket: &Socket) -> Result<()> {
    let (data, from) = socket.recvfrom(65_535)?;
    match socket.sendto(&data.to_ascii_uppercase(), &from) {
        Ok(_) => Ok(()),
        // Who asked is gone, or its answer is too long for the way back: no reason to stop.
        Err(error) => {
            println!("{from}: {error}");
            Ok(())
        }
    }
}
