//! The floor of `serve`: epoll, recv, send of one canned answer (sendfile for a large file). It
//! reads no request, looks at no file again and keeps no deadline: a server that does any of that
//! can only come near.

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::OwnedFd;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, accept_with, bind, getsockname,
    listen, recv, send, socket_with, sockopt,
};

/// Larger files go by sendfile.
const IN_MEMORY_BYTES_MAX: u64 = 1 << 20;

const LISTENER: u64 = 0;

struct Answer {
    canned: Vec<u8>,
    file: Option<File>,
    bytes: u64,
}

struct Connection {
    socket: OwnedFd,
    /// Bytes of the present answer that are out; none where no answer is due.
    sent: Option<u64>,
    wants_write: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("usage: floor-http FILE")?;
    let answer = Answer::load(File::open(path)?)?;
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let listener = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&listener, true)?;
    bind(&listener, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
    listen(&listener, 4096)?;
    println!("listening floor http://{}/", SocketAddr::try_from(getsockname(&listener)?)?);
    serve(&listener, &answer)?;
    Ok(())
}

impl Answer {
    fn load(mut file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let mut canned = format!(
            "HTTP/1.1 200 OK\r\nServer: floor\r\nContent-Type: application/octet-stream\r\n\
             Content-Length: {length}\r\nConnection: keep-alive\r\n\r\n"
        )
        .into_bytes();
        let in_memory = length <= IN_MEMORY_BYTES_MAX;
        if in_memory {
            file.read_to_end(&mut canned)?;
        }
        let head = u64::try_from(canned.len()).map_err(io::Error::other)?;
        let bytes = if in_memory { head } else { head + length };
        Ok(Self { canned, file: (!in_memory).then_some(file), bytes })
    }

    /// Sends from where the connection is; `Ok(true)` where the answer is out.
    fn send(&self, connection: &mut Connection) -> Result<bool, Errno> {
        let Some(mut sent) = connection.sent else { return Ok(true) };
        while sent < self.bytes {
            let step = match (usize::try_from(sent), &self.file) {
                (Ok(at), None) if at < self.canned.len() => {
                    send(&connection.socket, &self.canned[at..], SendFlags::NOSIGNAL)
                }
                (Ok(at), Some(_)) if at < self.canned.len() => {
                    let flags = SendFlags::NOSIGNAL | SendFlags::MORE;
                    send(&connection.socket, &self.canned[at..], flags)
                }
                (_, Some(file)) => self.sendfile(connection, file, sent),
                (_, None) => Ok(0),
            };
            match step {
                Ok(count) => sent += u64::try_from(count).unwrap_or(0),
                Err(Errno::AGAIN) => {
                    connection.sent = Some(sent);
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        connection.sent = None;
        Ok(true)
    }

    fn sendfile(&self, connection: &Connection, file: &File, sent: u64) -> Result<usize, Errno> {
        let head = u64::try_from(self.canned.len()).unwrap_or(0);
        let mut offset = sent - head;
        let left = usize::try_from(self.bytes - sent).unwrap_or(usize::MAX);
        rustix::fs::sendfile(&connection.socket, file, Some(&mut offset), left)
    }
}

fn serve(listener: &OwnedFd, answer: &Answer) -> Result<(), Errno> {
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&poll, listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut connections: HashMap<u64, Connection> = HashMap::new();
    let mut next = LISTENER + 1;
    let mut events = Vec::with_capacity(256);
    loop {
        events.clear();
        match epoll::wait(&poll, spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        for event in &events {
            let token = event.data.u64();
            if token == LISTENER {
                while let Ok(socket) = accept_with(listener, SocketFlags::NONBLOCK) {
                    sockopt::set_tcp_nodelay(&socket, true)?;
                    epoll::add(&poll, &socket, EventData::new_u64(next), EventFlags::IN)?;
                    connections.insert(next, Connection { socket, sent: None, wants_write: false });
                    next += 1;
                }
            } else if let Some(connection) = connections.get_mut(&token)
                && !turn(&poll, token, connection, answer)
            {
                connections.remove(&token);
            }
        }
    }
}

/// Lets a connection go on; `false` where it is over.
fn turn(poll: &OwnedFd, token: u64, connection: &mut Connection, answer: &Answer) -> bool {
    if connection.sent.is_none() {
        let mut request = [0; 4096];
        match recv(&connection.socket, &mut request, RecvFlags::empty()) {
            Ok((count, _)) if count > 0 && request[..count].ends_with(b"\r\n\r\n") => {
                connection.sent = Some(0);
            }
            Err(Errno::AGAIN) => return true,
            _ => return false,
        }
    }
    let Ok(done) = answer.send(connection) else { return false };
    if done == connection.wants_write {
        connection.wants_write = !done;
        let flags = if done { EventFlags::IN } else { EventFlags::OUT };
        return epoll::modify(poll, &connection.socket, EventData::new_u64(token), flags).is_ok();
    }
    true
}
