//! The tutorial's TCP server: says back what its clients say, one client after another.
//!
//!     cargo run --example tcp_server [ADDR]        then tcp_client, or nc 127.0.0.1 65432

use sockeye_socket::{Result, Socket, create_server};

fn main() -> Result<()> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:65432".to_owned());
    let server = create_server(addr.as_str()).bind()?;
    println!("listening on {}", server.getsockname()?);
    loop {
        let (client, peer) = server.accept()?;
        println!("{peer} is here");
        match echo(&client) {
            Ok(bytes) => println!("{peer} is gone after {bytes} bytes"),
            // One client's trouble is not the server's.
            Err(error) => println!("{peer}: {error}"),
        }
    }
}

/// Sends everything back that comes, until the client ends; gives how many bytes that was.
pub(crate) fn echo(client: &Socket) -> Result<usize> {
    let mut total = 0;
    loop {
        let data = client.recv(1024)?;
        if data.is_empty() {
            return Ok(total);
        }
        client.sendall(&data)?;
        total += data.len();
    }
}
