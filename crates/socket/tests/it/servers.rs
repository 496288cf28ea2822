//! One protocol, three drivers: the same clients see the same, whoever serves them.

mod basics;
mod endings;
mod handler;
mod pressure;
mod protocols;
mod storms;
#[cfg(feature = "tokio")]
mod tasks;
mod wakes;

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sockeye_socket::protocol::{Arrival, Protocol};
use sockeye_socket::server::{Limits, Listeners, Report, SelectServer, ThreadingServer};
use sockeye_socket::{Address, Shutdown, Socket, create_connection, create_server};

use crate::{Ticks, spawn};

/// Who serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Model {
    Threads,
    Select,
    #[cfg(feature = "tokio")]
    Tokio,
    #[cfg(feature = "tokio")]
    TokioManyThreads,
}

const MODELS: &[Model] = &[
    Model::Threads,
    Model::Select,
    #[cfg(feature = "tokio")]
    Model::Tokio,
    #[cfg(feature = "tokio")]
    Model::TokioManyThreads,
];

/// How long a client waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that runs.
struct Running {
    addr: Address,
    shutdown: Shutdown,
    thread: JoinHandle<sockeye_socket::Result<Report>>,
}

impl Model {
    fn start<P, F>(self, factory: F) -> Running
    where
        P: Protocol + Send + 'static,
        F: FnMut(Arrival) -> P + Send + 'static,
    {
        self.start_with(Limits::default(), factory)
    }

    fn start_with<P, F>(self, limits: Limits, factory: F) -> Running
    where
        P: Protocol + Send + 'static,
        F: FnMut(Arrival) -> P + Send + 'static,
    {
        self.start_on(create_server("127.0.0.1:0").bind().unwrap(), limits, factory)
    }

    fn start_on<P, F>(self, listener: Socket, limits: Limits, factory: F) -> Running
    where
        P: Protocol + Send + 'static,
        F: FnMut(Arrival) -> P + Send + 'static,
    {
        let addr = listener.getsockname().unwrap();
        let shutdown = Shutdown::new().unwrap();
        let stop = shutdown.clone();
        let thread = spawn(move || self.serve(listener.into(), limits, &stop, factory));
        Running { addr, shutdown, thread }
    }

    fn serve<P, F>(
        self,
        listeners: Listeners,
        limits: Limits,
        shutdown: &Shutdown,
        factory: F,
    ) -> sockeye_socket::Result<Report>
    where
        P: Protocol + Send + 'static,
        F: FnMut(Arrival) -> P + Send + 'static,
    {
        match self {
            Self::Threads => {
                ThreadingServer::new(listeners)?.limits(limits).serve(shutdown, factory)
            }
            Self::Select => SelectServer::new(listeners)?.limits(limits).serve(shutdown, factory),
            #[cfg(feature = "tokio")]
            Self::Tokio | Self::TokioManyThreads => {
                let mut builder = match self {
                    Self::Tokio => tokio::runtime::Builder::new_current_thread(),
                    _ => tokio::runtime::Builder::new_multi_thread(),
                };
                let runtime = builder.worker_threads(3).enable_all().build().unwrap();
                let serving = sockeye_socket::aio::serve(listeners, limits, shutdown, factory);
                runtime.block_on(serving)
            }
        }
    }
}

impl Running {
    /// A client whose calls wait, but not for ever.
    fn connect(&self) -> Socket {
        let client = create_connection(&self.addr).open().unwrap();
        client.settimeout(PATIENCE).unwrap();
        client
    }

    /// Stops it, with a grace that suffices, and waits for its report.
    fn stop(self) -> Report {
        self.stop_within(PATIENCE)
    }

    fn stop_within(self, grace: Duration) -> Report {
        self.shutdown.start(grace);
        self.report()
    }

    fn report(self) -> Report {
        self.thread.join().unwrap().unwrap()
    }
}

/// Accepted, finished, reset, aborted, cut, refused.
fn ended(report: Report) -> [u64; 6] {
    let Report { accepted, finished, reset, aborted, cut, refused, .. } = report;
    [accepted, finished, reset, aborted, cut, refused]
}

/// Plays `script` with each model: what the clients saw is the same, and is given back.
#[track_caller]
fn same<T: PartialEq + std::fmt::Debug>(script: impl Fn(Model) -> T) -> T {
    let mut transcripts = MODELS.iter().map(|model| (model, script(*model)));
    let (_, first) = transcripts.next().unwrap();
    for (model, transcript) in transcripts {
        assert_eq!(transcript, first, "{model:?} and {:?} differ", MODELS[0]);
    }
    first
}

/// Reads to the end of the stream.
fn read_all(socket: &Socket) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        match socket.recv(64 * 1024).unwrap() {
            data if data.is_empty() => return all,
            data => all.extend(data),
        }
    }
}

/// Reads to the end of the stream, or to the error that there is in its place.
fn read_to_failure(socket: &Socket) -> (usize, Option<i32>) {
    let mut count = 0;
    loop {
        match socket.recv(64 * 1024) {
            Ok(data) if data.is_empty() => return (count, None),
            Ok(data) => count += data.len(),
            Err(error) => return (count, error.errno()),
        }
    }
}

fn read_exactly(socket: &Socket, bytes: usize) -> Vec<u8> {
    let mut data = vec![0; bytes];
    socket.recv_exact(&mut data).unwrap();
    data
}

/// Reads lines with their ends, so many.
fn read_lines(socket: &Socket, count: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = Vec::new();
    while lines.len() < count {
        let byte = read_exactly(socket, 1);
        line.extend(&byte);
        if byte == b"\n" {
            lines.push(String::from_utf8(std::mem::take(&mut line)).unwrap());
        }
    }
    lines
}

/// Waits for what another thread does.
#[track_caller]
fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let (start, ticks) = (Instant::now(), Ticks::every(Duration::from_millis(2)));
    while !is() {
        assert!(start.elapsed() < PATIENCE, "{what}: never");
        ticks.tick();
    }
}

#[test]
fn the_documented_limits_are_the_defaults() {
    let Limits { connections_max, drain_timeout, drain_bytes_max } = Limits::default();
    let rows = [
        ("connections_max", connections_max.to_string()),
        ("drain_timeout", drain_timeout.as_secs_f64().to_string()),
        ("drain_bytes_max", drain_bytes_max.to_string()),
    ];
    let rows = rows.map(|(name, default)| (format!("server::Limits::{name}"), default));
    let documented = include_str!("../../../../docs/limits.md");
    let documented = sockeye_testkit::documented_limits(documented, "socket");
    let ours = documented.into_iter().filter(|(name, _)| name.starts_with("server::"));
    assert_eq!(ours.collect::<Vec<_>>(), rows);
}
