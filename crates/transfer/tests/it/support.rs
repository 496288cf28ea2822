//! A receiver on a thread, a folder of its own, and peers made of std's sockets.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown as Side, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver as Events};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use md5::{Digest as _, Md5};
use sockeye_socket::Shutdown;
use sockeye_transfer::receive::{Report, Server};
use sockeye_transfer::{Error, Event, Output, ReceiveConfig, Sink};
use tempfile::TempDir;

/// Long enough for a busy machine; reached only where something is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn md5_hex(data: &[u8]) -> String {
    Md5::digest(data).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn stream_of(data: &[u8]) -> Vec<u8> {
    [md5_hex(data).as_bytes(), data].concat()
}

/// Bytes that differ from block to block.
pub(crate) fn pattern(size: usize) -> Vec<u8> {
    (0..=250).cycle().take(size).collect()
}

pub(crate) fn recorder() -> (Sink, Events<Event>) {
    let (sender, events) = mpsc::channel();
    let sink: Sink = Arc::new(move |event: &Event| {
        // A test that has seen enough hangs up.
        let _ = sender.send(event.clone());
    });
    (sink, events)
}

/// Waits for the first event that the function recognises.
pub(crate) fn wait_for<T>(events: &Events<Event>, find: impl Fn(&Event) -> Option<T>) -> T {
    loop {
        let event = events.recv_timeout(PATIENCE).expect("the event that was waited for");
        if let Some(found) = find(&event) {
            return found;
        }
    }
}

pub(crate) struct Receiver {
    pub(crate) dir: TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: Shutdown,
    pub(crate) events: Events<Event>,
    run: JoinHandle<Result<Report, Error>>,
}

impl Receiver {
    pub(crate) fn start(change: impl FnOnce(&mut ReceiveConfig)) -> Self {
        let dir = TempDir::new().unwrap();
        let mut config = config_in(dir.path().into());
        change(&mut config);
        let (sink, events) = recorder();
        let server = Server::bind(config, sink).unwrap();
        let address = server.addresses()[0].socket_addr().unwrap();
        let shutdown = Shutdown::new().unwrap();
        let stop = shutdown.clone();
        let run = thread::spawn(move || server.run(&stop));
        Self { dir, address, shutdown, events, run }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends a whole stream and its end; tells whether the receiver closed without a reset.
    pub(crate) fn give(&self, stream: &[u8]) -> bool {
        let mut peer = self.connect();
        let written = peer.write_all(stream).and_then(|()| peer.shutdown(Side::Write));
        written.is_ok() && matches!(peer.read(&mut [0; 1]), Ok(0))
    }

    pub(crate) fn end(self) -> (Result<Report, Error>, TempDir) {
        (self.run.join().unwrap(), self.dir)
    }

    pub(crate) fn stop(self) -> (Result<Report, Error>, TempDir) {
        self.shutdown.start(PATIENCE);
        self.end()
    }
}

pub(crate) fn config_in(dir: PathBuf) -> ReceiveConfig {
    ReceiveConfig {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        output: Output::File { dir, name: "received_file".into() },
        header_timeout: PATIENCE,
        idle_timeout: PATIENCE,
        ..ReceiveConfig::default()
    }
}

/// Names in the folder, hidden ones too, in order.
pub(crate) fn names(dir: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(dir.path()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub(crate) fn saved(dir: &TempDir) -> Vec<u8> {
    fs::read(dir.path().join("received_file")).unwrap()
}

/// Makes the next close of the socket a reset.
pub(crate) fn reset_on_close(stream: &TcpStream) {
    let copy = stream.as_fd().try_clone_to_owned().unwrap();
    let socket = sockeye_socket::Socket::try_from(copy).unwrap();
    socket.setsockopt(sockeye_socket::opt::SO_LINGER, Some(Duration::ZERO)).unwrap();
}
