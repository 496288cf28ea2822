//! A server in a thread, and clients that wait for what they expect.

use std::io::{Read, Write};
use std::net::{Shutdown as Half, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use sockeye_chat::{Config, Event, Handle, Purpose, Report, Server};
use sockeye_socket::{Address, Shutdown};

/// No test waits longer for anything.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) listening: Vec<(Purpose, Address)>,
    pub(crate) handle: Handle,
    pub(crate) events: Arc<Mutex<Vec<Event>>>,
    pub(crate) shutdown: Shutdown,
    thread: Option<JoinHandle<Report>>,
}

/// Starts a server on a free port.
pub(crate) fn start(config: Config) -> Running {
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    let listen = vec!["127.0.0.1:0".parse().unwrap()];
    let sink = Arc::new(move |event: &Event| seen.lock().unwrap().push(event.clone()));
    let server = Server::bind(Config { listen, ..config }, sink).unwrap();
    let address = server.addresses()[0].socket_addr().unwrap();
    let listening = server.listening();
    let handle = server.handle();
    let shutdown = Shutdown::new().unwrap();
    let stop = shutdown.clone();
    let thread = std::thread::spawn(move || server.run(&stop).unwrap());
    Running { address, listening, handle, events, shutdown, thread: Some(thread) }
}

/// A room without flood control.
pub(crate) fn calm() -> Config {
    Config { flood: None, ..Config::default() }
}

impl Running {
    /// Connects; waits until the room has welcomed the client.
    pub(crate) fn join(&self) -> Client {
        let mut client = self.connect();
        let welcome = client.until("/help lists the commands\n");
        let start = welcome.find("* you are ").unwrap() + "* you are ".len();
        client.nick = welcome[start..].split(' ').next().unwrap().to_owned();
        client
    }

    /// Connects, and waits for nothing.
    pub(crate) fn connect(&self) -> Client {
        self.connect_to(self.address)
    }

    /// Connects to one of the listeners, and waits for nothing.
    pub(crate) fn connect_to(&self, address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream, pending: Vec::new(), nick: String::new() }
    }

    pub(crate) fn stop(self) -> Report {
        self.stop_within(DEADLINE)
    }

    pub(crate) fn stop_within(mut self, grace: Duration) -> Report {
        self.shutdown.start(grace);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.now();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the server panicked");
        }
    }
}

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pending: Vec<u8>,
    pub(crate) nick: String,
}

impl Client {
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Reads until the text has come, and gives everything up to its end.
    pub(crate) fn until(&mut self, text: &str) -> String {
        loop {
            let found = self.pending.windows(text.len()).position(|part| part == text.as_bytes());
            if let Some(at) = found {
                let rest = self.pending.split_off(at + text.len());
                let got = std::mem::replace(&mut self.pending, rest);
                return String::from_utf8(got).unwrap();
            }
            let more = self.more();
            assert!(
                more > 0,
                "ended without {text:?}: {:?}",
                String::from_utf8_lossy(&self.pending)
            );
        }
    }

    /// Reads the next line, without its end.
    pub(crate) fn line(&mut self) -> String {
        self.until("\n").trim_end().to_owned()
    }

    /// Reads so many bytes.
    pub(crate) fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.pending.len() < count {
            assert!(self.more() > 0, "ended after {} of {count}", self.pending.len());
        }
        let rest = self.pending.split_off(count);
        std::mem::replace(&mut self.pending, rest)
    }

    /// Reads to the end of the stream.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.more() > 0 {}
        std::mem::take(&mut self.pending)
    }

    /// Ends the sending side.
    pub(crate) fn end(&mut self) {
        self.stream.shutdown(Half::Write).unwrap();
    }

    fn more(&mut self) -> usize {
        let mut buffer = [0; 64 << 10];
        let count = self.stream.read(&mut buffer).unwrap();
        self.pending.extend_from_slice(&buffer[..count]);
        count
    }
}

/// The address of the first listener of this kind.
pub(crate) fn at(room: &Running, purpose: Purpose) -> SocketAddr {
    let found = room.listening.iter().find(|(kind, _)| *kind == purpose);
    found.and_then(|(_, address)| address.socket_addr()).unwrap()
}
