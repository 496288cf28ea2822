//! The engine ring: real sockets on loopback, always on port 0.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod accept;
#[cfg(feature = "tokio")]
mod aio;
#[cfg(feature = "tokio")]
mod aio_message;
mod ancillary;
mod api;
mod batch;
mod connect;
mod datagram;
mod drip;
mod examples;
mod fuzz;
mod graceful;
mod happy;
mod message;
mod options;
mod oracle;
mod packet;
mod parity;
mod resolve;
mod selector;
mod servers;
mod shutdown;
mod stream;
mod view;

use std::thread::JoinHandle;
use std::time::Duration;

use sockeye_socket::{Socket, create_connection, create_server};

/// A connected pair over TCP.
fn tcp_pair() -> (Socket, Socket) {
    let server = create_server("127.0.0.1:0").bind().unwrap();
    let client = create_connection(server.getsockname().unwrap()).open().unwrap();
    let (conn, _) = server.accept().unwrap();
    (client, conn)
}

/// A metronome: waits by the clock of a socket that nobody sends to.
struct Ticks(Socket);

impl Ticks {
    fn every(time: Duration) -> Self {
        let socket = Socket::udp4().unwrap();
        socket.bind("127.0.0.1:0").unwrap();
        socket.settimeout(time).unwrap();
        Self(socket)
    }

    fn tick(&self) {
        assert!(self.0.recv(1).unwrap_err().is_timeout());
    }
}

fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    std::thread::spawn(work)
}
