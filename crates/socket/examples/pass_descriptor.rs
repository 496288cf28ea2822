//! Passing a descriptor: one process opens, another reads, and the file has no name on the way.
//! Here both ends are threads; over a unix socket they can be any two programs.
//!
//!     cargo run --example pass_descriptor [FILE]

use std::fs::File;
use std::io::{Read, Result};

use sockeye_socket::{Socket, recv_fds, send_fds, socketpair};

fn main() -> Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "/etc/hostname".to_owned());
    let file = File::open(&path)?;
    let (a, b) = socketpair()?;
    send_fds(&a, path.as_bytes(), &[&file])?;
    let (name, content) = receive_file(&b)?;
    println!("{name}: {} bytes", content.len());
    Ok(())
}

/// Takes one descriptor with a name, and reads the file behind it.
pub(crate) fn receive_file(socket: &Socket) -> Result<(String, Vec<u8>)> {
    let (name, descriptors) = recv_fds(socket, 4096, 1)?;
    let mut content = Vec::new();
    for descriptor in descriptors {
        File::from(descriptor).read_to_end(&mut content)?;
    }
    Ok((String::from_utf8_lossy(&name).into_owned(), content))
}
