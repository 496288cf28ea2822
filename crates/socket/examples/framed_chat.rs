//! A chat for two, in frames: TCP is a stream without borders, so each message goes behind its
//! length, and comes out whole however the bytes were cut on their way.
//!
//!     cargo run --example framed_chat listen [ADDR]
//!     cargo run --example framed_chat connect [ADDR]

use std::error::Error;
use std::io::{BufRead, stdin};
use std::thread;

use sockeye_socket::frame::{BE, Framed, LengthPrefix};
use sockeye_socket::{SHUT_WR, Socket, create_connection, create_server};

/// The longest message. There must be one: a peer may say any length.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

type Chat = Framed<Socket, LengthPrefix<u32, BE>>;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let role = words.next().unwrap_or_default();
    let addr = words.next().unwrap_or_else(|| "127.0.0.1:65432".to_owned());
    let socket = match role.as_str() {
        "listen" => create_server(addr.as_str()).bind()?.accept()?.0,
        "connect" => create_connection(addr.as_str()).open()?,
        _ => return Err("usage: framed_chat listen|connect [ADDR]".into()),
    };
    let mut theirs = chat(socket.dup()?);
    let reader = thread::spawn(move || print_messages(&mut theirs));
    let mut ours = chat(socket);
    for line in stdin().lock().lines() {
        ours.send(line?.as_bytes())?;
    }
    ours.get_ref().shutdown(SHUT_WR)?;
    reader.join().map_err(|_| "the reader panicked")?.map_err(Into::into)
}

pub(crate) fn chat(socket: Socket) -> Chat {
    Framed::new(socket, LengthPrefix::new(MESSAGE_BYTES_MAX))
}

/// Prints messages until the peer ends.
fn print_messages(from: &mut Chat) -> Result<(), String> {
    while let Some(message) = from.recv().map_err(|error| error.to_string())? {
        println!("> {}", String::from_utf8_lossy(message));
    }
    Ok(())
}
