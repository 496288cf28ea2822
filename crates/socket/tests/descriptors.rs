//! Descriptors counted, and out of them. Messages leak none. A process of its own with a limit of
//! 64 has 200 clients: those that it cannot take wait in the queue, the processor rests meanwhile,
//! and when descriptors come free all are served. Without the test harness, since count and limit
//! are the whole process's.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use sockeye_socket::{
    AF_UNIX, Accept, Acceptor, Address, MSG_PEEK, RecvBatch, SOCK_DGRAM, Shutdown, Socket,
    create_connection, create_server, opt, socketpair_of,
};

const AT_THE_LIMIT: &str = "SOCKEYE_AT_THE_LIMIT";
const CLIENTS: usize = 200;

fn wait_line(from: &mut impl BufRead, prefix: &str) -> String {
    for line in from.lines() {
        if let Some(rest) = line.unwrap().strip_prefix(prefix) {
            return rest.trim().to_owned();
        }
    }
    panic!("the child ended without {prefix:?}")
}

fn main() {
    if std::env::var_os(AT_THE_LIMIT).is_some() {
        return acceptor_at_64_descriptors();
    }
    messages_leak_no_descriptor();
    a_descriptor_that_there_is_no_place_for_is_an_error();
    let mut process = Command::new(std::env::current_exe().unwrap())
        .env(AT_THE_LIMIT, "1")
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
        client.settimeout(Duration::from_secs(60)).unwrap();
        assert_eq!(client.recv(10).unwrap(), b"served");
    }
    let cpu_ms: u64 = wait_line(&mut said, "cpu ").parse().unwrap();
    let pauses: u32 = wait_line(&mut said, "pauses ").parse().unwrap();
    assert!(process.wait().unwrap().success());
    // A loop that does not pause would take all of two seconds, and millions of tries.
    assert!(cpu_ms < 200, "{cpu_ms} ms of processor in 2 s at the limit");
    assert!((3..=50).contains(&pauses), "{pauses} pauses in 2 s");
    println!("without descriptors clients wait, the processor rests, then all are served: ok");
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Whatever becomes of a message, its descriptors are closed with it.
fn messages_leak_no_descriptor() {
    let (a, b) = socketpair_of(AF_UNIX, SOCK_DGRAM, 0).unwrap();
    b.setsockopt(opt::SO_PASSCRED, true).unwrap();
    let before = open_descriptors();
    let mut batch = RecvBatch::new(4, 10).control_bytes(256);
    for sent in [1, 2, 7, 253] {
        let fds = vec![&a; sent];
        for control_bytes in (0..64).chain([200, 2000]) {
            a.send_fds(b"x", &fds).unwrap();
            drop(b.recvmsg(1, control_bytes).unwrap());
        }
        for fds_max in 0..10 {
            a.send_fds(b"x", &fds).unwrap();
            assert_eq!(b.recv_fds(1, fds_max).is_err(), sent > fds_max);
        }
        for _ in 0..3 {
            a.send_fds(b"x", &fds).unwrap();
        }
        drop(b.flags(MSG_PEEK).recvmsg(1, 2000).unwrap());
        assert_eq!(b.recvmmsg(&mut batch).unwrap(), 3);
        a.send_fds(b"x", &fds).unwrap();
        b.recv(1).unwrap();
        assert_eq!(open_descriptors(), before, "after messages with {sent}");
    }
    println!("no message leaks a descriptor: ok");
}

fn a_descriptor_that_there_is_no_place_for_is_an_error() {
    let (a, b) = socketpair_of(AF_UNIX, SOCK_DGRAM, 0).unwrap();
    a.send_fds(b"x", &[&a, &a]).unwrap();
    a.send_fds(b"x", &[&a]).unwrap();
    let limit = getrlimit(Resource::Nofile);
    let before = open_descriptors();
    // Room for one of two: the lowest number that is free.
    let free = a.dup().unwrap().fileno();
    let current = Some(u64::try_from(free).unwrap() + 1);
    setrlimit(Resource::Nofile, Rlimit { current, ..limit }).unwrap();
    let error = b.recv_fds(1, 2).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    let text = "recv_fds: descriptors are lost: this process may have no more of them; \
                all are closed";
    assert_eq!(error.to_string(), text);
    assert_eq!(b.recv_fds(1, 1).unwrap().1.len(), 1, "the place is free again");
    setrlimit(Resource::Nofile, limit).unwrap();
    assert_eq!(open_descriptors(), before);
    println!("a descriptor that there is no place for is an error: ok");
}

fn acceptor_at_64_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum: limit.maximum }).unwrap();
    let mut acceptor = Acceptor::new(create_server("127.0.0.1:0").bind().unwrap()).unwrap();
    println!("at {}", acceptor.listener().getsockname().unwrap());
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
    let shutdown = Shutdown::new().unwrap();
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
