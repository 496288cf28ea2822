//! What a call of `sockeye-socket` costs beside std's: `calls WHO WHAT COUNT`, where WHO is `ours`
//! or `std`, and WHAT is `pairs` (64 bytes sent and received so many times through a unix socket
//! pair, in one thread) or `stream` (so many MiB over TCP, sent and received by two threads).

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use sockeye_socket::{Socket, create_connection, create_server, socketpair};

const MESSAGE_BYTES: usize = 64;
const PART_BYTES: usize = 64 * 1024;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        [who, what, count] => match (who, what, count.parse()) {
            ("ours", "pairs", Ok(count)) => pairs_of_ours(count),
            ("std", "pairs", Ok(count)) => pairs_of_std(count),
            ("ours", "stream", Ok(count)) => stream_of_ours(count),
            ("std", "stream", Ok(count)) => stream_of_std(count),
            _ => Err(usage()),
        },
        _ => Err(usage()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("calls: {error}");
            ExitCode::from(2)
        }
    }
}

fn usage() -> Error {
    Error::new(ErrorKind::InvalidInput, "usage: calls ours|std pairs|stream COUNT")
}

fn whole(n: usize) -> Result<()> {
    if n == MESSAGE_BYTES { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
}

fn pairs_of_ours(count: u64) -> Result<()> {
    let (a, b) = socketpair()?;
    let (data, mut room) = ([0; MESSAGE_BYTES], [0; MESSAGE_BYTES]);
    for _ in 0..count {
        whole(a.send(&data)?)?;
        whole(b.recv_into(&mut room)?)?;
    }
    Ok(())
}

fn pairs_of_std(count: u64) -> Result<()> {
    let (mut a, mut b) = UnixStream::pair()?;
    let (data, mut room) = ([0; MESSAGE_BYTES], [0; MESSAGE_BYTES]);
    for _ in 0..count {
        whole(a.write(&data)?)?;
        whole(b.read(&mut room)?)?;
    }
    Ok(())
}

/// Receives until the end, and counts.
fn drained(mut some: impl FnMut(&mut [u8]) -> Result<usize>) -> Result<u64> {
    let (mut room, mut total) = (vec![0; PART_BYTES], 0);
    loop {
        match some(&mut room)? {
            0 => return Ok(total),
            n => total += u64::try_from(n).unwrap_or(u64::MAX),
        }
    }
}

fn checked(total: Result<u64>, mib: u64) -> Result<()> {
    if total? == mib << 20 { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
}

fn parts(mib: u64) -> u64 {
    (mib << 20) / u64::try_from(PART_BYTES).unwrap_or(u64::MAX)
}

fn joined<T>(thread: std::thread::JoinHandle<Result<T>>) -> Result<T> {
    thread.join().unwrap_or_else(|_| Err(Error::other("the receiver panicked")))
}

fn stream_of_ours(mib: u64) -> Result<()> {
    let listener = create_server("127.0.0.1:0").bind()?;
    let client: Socket = create_connection(listener.getsockname()?).open()?;
    let (conn, _) = listener.accept()?;
    let receiver = std::thread::spawn(move || drained(|room| Ok(conn.recv_into(room)?)));
    let data = vec![7; PART_BYTES];
    for _ in 0..parts(mib) {
        client.sendall(&data)?;
    }
    drop(client);
    checked(joined(receiver), mib)
}

fn stream_of_std(mib: u64) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    let (mut conn, _) = listener.accept()?;
    let receiver = std::thread::spawn(move || drained(|room| conn.read(room)));
    let data = vec![7; PART_BYTES];
    for _ in 0..parts(mib) {
        client.write_all(&data)?;
    }
    drop(client);
    checked(joined(receiver), mib)
}
