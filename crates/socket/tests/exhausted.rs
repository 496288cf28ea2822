//! Out of descriptors, with each server: a process of its own with a limit of 64 has 200 clients.
//! Those that it cannot take wait in the queue, the processor rests meanwhile, and when descriptors
//! come free all are served. Without the test harness, since the limit is the whole process's.
//! `SOCKEYE_EXHAUSTED_SECONDS` says how long it stays at the limit, a second where nothing is said;
//! the run that it is set for has a quiet machine, and all are to be served within a second.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use sockeye_socket::protocol::Echo;
use sockeye_socket::server::{SelectServer, ThreadingServer};
use sockeye_socket::{
    Address, Events, Selector, Shutdown, Socket, create_connection, create_server,
};

const MODEL: &str = "SOCKEYE_EXHAUSTED_MODEL";
const SECONDS: &str = "SOCKEYE_EXHAUSTED_SECONDS";
const CLIENTS: usize = 200;
const DESCRIPTORS: u64 = 64;

fn main() {
    match std::env::var(MODEL) {
        Ok(model) => serve(&model),
        Err(_) => {
            let seconds = std::env::var(SECONDS).ok().map(|seconds| seconds.parse().unwrap());
            let time = Duration::from_secs(seconds.unwrap_or(1));
            let patience = Duration::from_secs(if seconds.is_some() { 1 } else { 20 });
            MODELS.iter().for_each(|model| exhaust(model, time, patience));
        }
    }
}

const MODELS: &[&str] = &[
    "threads",
    "select",
    #[cfg(feature = "tokio")]
    "tokio",
    #[cfg(feature = "tokio")]
    "functions",
];

/// The server's process.
struct Server {
    process: Child,
    stdin: ChildStdin,
    said: BufReader<ChildStdout>,
}

impl Server {
    fn start(model: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .env(MODEL, model)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = process.stdin.take().unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        Self { process, stdin, said }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The processor time that it has used so far.
    fn cpu(&mut self) -> Duration {
        writeln!(self.stdin, "cpu").unwrap();
        Duration::from_micros(self.line().parse().unwrap())
    }
}

fn exhaust(model: &str, time: Duration, patience: Duration) {
    let mut server = Server::start(model);
    let addr: Address = server.line().parse().unwrap();
    let mut selector = Selector::new().unwrap();
    let mut clients: Vec<Option<Socket>> = Vec::new();
    for place in 0..CLIENTS {
        let client = create_connection(&addr).open().unwrap();
        client.sendall(b"x").unwrap();
        selector.register(&client, Events::READ, place).unwrap();
        clients.push(Some(client));
    }
    // As many as there are descriptors for are served, and they stay.
    let mut served = Vec::new();
    while let Some(place) = next(&mut selector, Duration::from_secs(1)) {
        selector.unregister(clients[place].as_ref().unwrap()).unwrap();
        served.push(place);
    }
    // A function's socket has a second descriptor.
    let expected = if model == "functions" { 20..30 } else { 30..60 };
    assert!(expected.contains(&served.len()), "{model}: {} served", served.len());
    let before = server.cpu();
    assert_eq!(next(&mut selector, time), None, "{model}: nobody else can be");
    let used = server.cpu() - before;
    println!("{model}: {} served, {used:?} of processor in {time:?} at the limit", served.len());
    assert!(used <= time / 20, "{model}: {used:?}");
    // Descriptors come free: everybody is served, and goes.
    let free = Instant::now();
    let mut left = CLIENTS - served.len();
    served.into_iter().for_each(|place| clients[place] = None);
    while left > 0 {
        let place = next(&mut selector, Duration::from_secs(60)).expect("somebody was forgotten");
        let client = clients[place].take().unwrap();
        assert_eq!(client.recv(9).unwrap(), b"x");
        selector.unregister(&client).unwrap();
        left -= 1;
    }
    let took = free.elapsed();
    println!("{model}: all others served {took:?} after descriptors came free");
    assert!(took < patience, "{model}: {took:?}");
    drop(server.stdin);
    assert!(server.process.wait().unwrap().success());
}

/// A client that has been answered, within `time`.
fn next(selector: &mut Selector<usize>, time: Duration) -> Option<usize> {
    selector.select(Some(time)).unwrap().map(|(place, _)| *place).next()
}

fn serve(model: &str) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(DESCRIPTORS), maximum }).unwrap();
    let listener = create_server("127.0.0.1:0").bind().unwrap();
    println!("{}", listener.getsockname().unwrap());
    let shutdown = Shutdown::new().unwrap();
    let stop = shutdown.clone();
    let model = model.to_owned();
    let serving = std::thread::spawn(move || match &*model {
        "threads" => ThreadingServer::new(listener).unwrap().serve(&stop, |_| Echo::new()),
        "select" => SelectServer::new(listener).unwrap().serve(&stop, |_| Echo::new()),
        _ => by_tokio(&model, listener, &stop),
    });
    for _ in std::io::stdin().lines() {
        let used = Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap();
        println!("{}", used.as_micros());
    }
    shutdown.start(Duration::from_secs(60));
    let report = serving.join().unwrap().unwrap();
    assert_eq!((report.accepted, report.refused), (200, 0), "{report:?}");
}

#[cfg(feature = "tokio")]
fn by_tokio(
    model: &str,
    listener: Socket,
    stop: &Shutdown,
) -> sockeye_socket::Result<sockeye_socket::server::Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = sockeye_socket::aio::Server::new(listener).unwrap();
    if model == "tokio" {
        return runtime.block_on(server.serve(stop, |_| Echo::new()));
    }
    let echo = |socket: sockeye_socket::aio::Socket, _| async move {
        loop {
            match socket.recv(9).await? {
                data if data.is_empty() => return Ok::<(), sockeye_socket::Error>(()),
                data => socket.sendall(&data).await?,
            }
        }
    };
    runtime.block_on(server.serve_with(stop, echo))
}

#[cfg(not(feature = "tokio"))]
fn by_tokio(
    _: &str,
    _: Socket,
    _: &Shutdown,
) -> sockeye_socket::Result<sockeye_socket::server::Report> {
    unreachable!("not among the models")
}
