//! Accepting: what an accepted socket is like, and what happens when descriptors run out.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::io::{FdFlags, fcntl_getfd};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use sockeye_socket::{
    Accept, Acceptor, Address, Selector, Shutdown, Socket, create_connection, create_server,
    socketpair,
};

use crate::child;

fn is_cloexec(fd: impl AsFd) -> bool {
    fcntl_getfd(fd).unwrap().contains(FdFlags::CLOEXEC)
}

#[test]
fn no_descriptor_outlives_an_exec() {
    let server = create_server("127.0.0.1:0").bind().unwrap();
    let client = create_connection(server.getsockname().unwrap()).open().unwrap();
    let (conn, _) = server.accept().unwrap();
    let (a, b) = socketpair().unwrap();
    for socket in [&server, &client, &conn, &a, &b, &conn.dup().unwrap()] {
        assert!(is_cloexec(socket), "{socket:?}");
    }
    assert!(is_cloexec(Selector::<()>::new().unwrap()) && is_cloexec(Shutdown::new().unwrap()));
    let mut acceptor = Acceptor::new(server).unwrap();
    let _client = create_connection(acceptor.listener().getsockname().unwrap()).open().unwrap();
    let (conn, _) = acceptor.accept(&Shutdown::new().unwrap()).unwrap().unwrap();
    assert!(is_cloexec(conn));
}

#[test]
fn accepted_sockets_block_whatever_the_listener_does() {
    let mut acceptor = Acceptor::new(create_server("127.0.0.1:0").bind().unwrap()).unwrap();
    assert!(matches!(acceptor.try_accept(Instant::now()).unwrap(), Accept::Empty));
    let client = create_connection(acceptor.listener().getsockname().unwrap()).open().unwrap();
    let Accept::Connection(conn, peer) = acceptor.try_accept(Instant::now()).unwrap() else {
        panic!("a client waits")
    };
    assert_eq!(peer, client.getsockname().unwrap());
    assert!(conn.getblocking() && !acceptor.listener().getblocking());
    let mode = |fd: &Socket| rustix::fs::fcntl_getfl(fd).unwrap();
    assert!(!mode(&conn).contains(OFlags::NONBLOCK));
    assert!(mode(acceptor.listener()).contains(OFlags::NONBLOCK));
    client.sendall(b"x").unwrap();
    assert_eq!(conn.recv(1).unwrap(), b"x");
}

#[test]
fn a_broken_listener_is_an_error_and_no_endless_loop() {
    let mut acceptor = Acceptor::new(Socket::tcp4().unwrap()).unwrap();
    assert!(acceptor.try_accept(Instant::now()).is_err());
    let listener = create_server("127.0.0.1:0").bind().unwrap();
    listener.shutdown(sockeye_socket::How::Both).unwrap();
    let mut acceptor = Acceptor::new(listener).unwrap();
    assert!(acceptor.accept(&Shutdown::new().unwrap()).is_err());
}

const CLIENTS: usize = 200;

fn wait_line(from: &mut impl BufRead, prefix: &str) -> String {
    for line in from.lines() {
        if let Some(rest) = line.unwrap().strip_prefix(prefix) {
            return rest.trim().to_owned();
        }
    }
    panic!("the child ended without {prefix:?}")
}

#[test]
fn without_descriptors_the_clients_wait_the_processor_rests_and_then_all_are_served() {
    let mut process = child("accept::acceptor_at_64_descriptors")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(process.stdout.take().unwrap());
    let addr: Address = wait_line(&mut said, "at ").parse().unwrap();
    let clients: Vec<Socket> =
        (0..CLIENTS).map(|_| create_connection(&addr).open().unwrap()).collect();
    writeln!(process.stdin.as_ref().unwrap(), "all are here").unwrap();
    // Every client is served in the end, in order: none was dropped.
    for client in &clients {
        client.settimeout(Duration::from_secs(20)).unwrap();
        assert_eq!(client.recv(10).unwrap(), b"served");
    }
    let cpu_ms: u64 = wait_line(&mut said, "cpu ").parse().unwrap();
    let pauses: u32 = wait_line(&mut said, "pauses ").parse().unwrap();
    assert!(process.wait().unwrap().success());
    // A loop that does not pause would take all of two seconds, and millions of tries.
    assert!(cpu_ms < 200, "{cpu_ms} ms of processor in 2 s at the limit");
    assert!((3..=50).contains(&pauses), "{pauses} pauses in 2 s");
}

#[test]
#[ignore = "the child of the test above"]
fn acceptor_at_64_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum: limit.maximum }).unwrap();
    let mut acceptor = Acceptor::new(create_server("127.0.0.1:0").bind().unwrap()).unwrap();
    println!("\nat {}", acceptor.listener().getsockname().unwrap());
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let mut held = Vec::new();
    while let Accept::Connection(socket, _) = acceptor.try_accept(Instant::now()).unwrap() {
        held.push(socket);
    }
    assert!(held.len() > 40 && held.len() < 64, "{}", held.len());
    // While it pauses the rest of the program can still open a file.
    drop(std::fs::File::open("/proc/self/exe").unwrap());
    let (pauses, cpu) = two_seconds_at_the_limit(&mut acceptor);
    // Descriptors come free: everybody is served within a second.
    let free = Instant::now();
    let mut served = 0;
    for socket in held {
        socket.sendall(b"served").unwrap();
        served += 1;
    }
    let shutdown = sockeye_socket::Shutdown::new().unwrap();
    while served < CLIENTS {
        let (socket, _) = acceptor.accept(&shutdown).unwrap().unwrap();
        socket.sendall(b"served").unwrap();
        served += 1;
    }
    assert!(free.elapsed() < Duration::from_secs(1), "{:?}", free.elapsed());
    println!("cpu {}\npauses {pauses}", cpu.as_millis());
}

/// Tries whenever the acceptor says so; gives how often, and the processor time it took.
fn two_seconds_at_the_limit(acceptor: &mut Acceptor) -> (u32, Duration) {
    let processor = || Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap();
    // The clock of a socket that nobody sends to; the reserve makes room for its descriptor.
    let clock = Socket::udp4().unwrap();
    let (start, before, mut pauses) = (Instant::now(), processor(), 0);
    while start.elapsed() < Duration::from_secs(2) {
        let now = Instant::now();
        match acceptor.try_accept(now).unwrap() {
            Accept::Paused { until } => {
                pauses += 1;
                let rest = until.saturating_duration_since(now).max(Duration::from_micros(1));
                clock.settimeout(rest).unwrap();
                assert!(clock.recv(1).unwrap_err().is_timeout());
            }
            other => panic!("at the limit, and yet {other:?}"),
        }
    }
    (pauses, processor() - before)
}
