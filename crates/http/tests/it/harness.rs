//! A server on a free port with a folder of its own, and a client that reads exact answers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use sockeye_http::{AccessLog, Config, Event, LogFormat, Reload, Report, Root, Server};
use sockeye_socket::Shutdown;

/// Nothing here takes so long unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; stopped when dropped.
pub(crate) struct Running {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Where it sends others on to https.
    pub(crate) redirects: Vec<SocketAddr>,
    /// What stops it.
    pub(crate) shutdown: Shutdown,
    /// What changes its policy.
    pub(crate) reload: Reload,
    /// What it reports.
    pub(crate) events: mpsc::Receiver<Event>,
    thread: Option<JoinHandle<Report>>,
}

/// What an access log was given.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    /// A log that is kept here.
    pub(crate) fn log(&self, format: LogFormat) -> AccessLog {
        AccessLog { format, writer: Box::new(self.clone()) }
    }

    /// All of it.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A folder with some files.
pub(crate) fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    write("hello.txt", b"hello, world\n");
    write("empty", b"");
    write("sub/inner.html", b"<p>inner</p>");
    write("with-index/index.html", b"<p>index</p>");
    write("large.bin", &pattern(300_000));
    write(".secret", b"secret");
    write(".well-known/token", b"token");
    folder
}

/// Bytes that tell where they are from.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from((index / 251 + index) % 256).unwrap()).collect()
}

/// The usual configuration for `folder`.
pub(crate) fn config(folder: &Path) -> Config {
    Config {
        root: Root::Dir(folder.to_owned()),
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        threads: 2,
        ..Config::default()
    }
}

/// Starts a server.
pub(crate) fn start(config: Config) -> Running {
    let (sender, events) = mpsc::channel();
    let sender = Mutex::new(sender);
    let sink = Arc::new(move |event: &Event| {
        // A test that does not look at events has dropped the receiver.
        let _ = sender.lock().unwrap().send(event.clone());
    });
    let server = Server::bind(config, sink).unwrap();
    let address = server.addresses()[0].socket_addr().unwrap();
    let redirects = server.redirects();
    let redirects = redirects.iter().filter_map(sockeye_socket::Address::socket_addr).collect();
    let shutdown = Shutdown::new().unwrap();
    let (stop, reload) = (shutdown.clone(), server.reload());
    let thread = std::thread::spawn(move || server.run(&stop).unwrap());
    Running { address, redirects, shutdown, reload, events, thread: Some(thread) }
}

impl Running {
    /// Opens a connection.
    pub(crate) fn connect(&self) -> Client {
        Client::to(self.address)
    }

    /// Sends `request` on a new connection and reads its answer.
    pub(crate) fn ask(&self, request: impl AsRef<[u8]>) -> Response {
        let mut client = self.connect();
        client.send(request);
        client.response()
    }

    /// Gets `target` with more header fields, each with its CRLF.
    pub(crate) fn get(&self, target: &str, fields: &str) -> Response {
        self.ask(format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
    }

    /// Stops, and says what was done.
    pub(crate) fn stop(mut self, grace: Duration) -> Report {
        self.shutdown.start(grace);
        self.thread.take().unwrap().join().unwrap()
    }

    /// Stops, and gives what was reported until then.
    pub(crate) fn stop_with_events(mut self, grace: Duration) -> Vec<Event> {
        self.shutdown.start(grace);
        self.thread.take().unwrap().join().unwrap();
        self.events.try_iter().collect()
    }

    /// Waits until the server has stopped.
    pub(crate) fn wait(mut self) -> Report {
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.shutdown.now();
            let _ = thread.join();
        }
    }
}

/// One connection.
pub(crate) struct Client {
    /// The stream.
    pub(crate) stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    /// Connects.
    pub(crate) fn to(address: SocketAddr) -> Client {
        Client::of(TcpStream::connect(address).unwrap())
    }

    /// Speaks over a connection that is there.
    pub(crate) fn of(stream: TcpStream) -> Client {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream, received: Vec::new() }
    }

    /// Sends bytes.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Reads one answer with its body.
    pub(crate) fn response(&mut self) -> Response {
        self.response_to("GET")
    }

    /// Reads the answer to a request with `method`.
    pub(crate) fn response_to(&mut self, method: &str) -> Response {
        let end = loop {
            if let Some(at) = self.received.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.fill() > 0, "the connection ended in a head: {:?}", self.text());
        };
        let head = String::from_utf8(self.received.drain(..end).collect()).unwrap();
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut response = Response { status, head, body: Vec::new() };
        let length = response.header("content-length").map(|text| text.parse().unwrap());
        let is_chunked = response.header("transfer-encoding") == Some("chunked");
        assert!(length.is_none() || !is_chunked, "both framings: {}", response.head);
        if method != "HEAD" && !matches!(status, 100..200 | 204 | 304) {
            response.body = match length {
                Some(length) => self.take(length),
                None if is_chunked => self.chunks(),
                None => self.rest(),
            };
        }
        response
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        while self.received.len() < length {
            assert!(self.fill() > 0, "the connection ended in a body");
        }
        self.received.drain(..length).collect()
    }

    /// Chunks as they have to be: without extensions, and without trailers.
    fn chunks(&mut self) -> Vec<u8> {
        let mut content = Vec::new();
        loop {
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                line.extend(self.take(1));
            }
            let digits = std::str::from_utf8(&line).unwrap().trim_end();
            let length = usize::from_str_radix(digits, 16).unwrap();
            content.extend(self.take(length));
            assert_eq!(self.take(2), b"\r\n");
            if length == 0 {
                return content;
            }
        }
    }

    /// Waits until something has come.
    pub(crate) fn wait(&mut self) {
        assert!(self.fill() > 0, "the connection ended");
    }

    /// Sends bytes to a server that may have closed already.
    pub(crate) fn send_what_is_taken(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Whether another answer has begun; waits for it or for the end.
    pub(crate) fn has_more(&mut self) -> bool {
        !self.received.is_empty() || self.fill() > 0
    }

    /// Whether the server has closed, with nothing more sent.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.received.is_empty() && self.fill() == 0
    }

    /// Everything up to the end of the stream.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.fill() > 0 {}
        std::mem::take(&mut self.received)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }

    fn fill(&mut self) -> usize {
        let mut buffer = [0; 64 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(count) => {
                self.received.extend_from_slice(&buffer[..count]);
                count
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => 0,
            Err(error) => panic!("nothing came: {error}"),
        }
    }
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Response {
    /// The status code.
    pub(crate) status: u16,
    /// The head as text.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The value of a header field.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}
