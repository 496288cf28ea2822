//! Connecting: with and without a timeout, to nobody, to a full queue, by name, from a source.

use std::time::{Duration, Instant};

use sockeye_socket::{Events, Selector, Socket, create_connection, create_server, errno, opt};

use crate::{Ticks, spawn};

const LONG: Duration = Duration::from_secs(60);

/// An address where nobody listens (its port was free a moment ago).
pub(crate) fn nobody() -> sockeye_socket::Address {
    create_server("127.0.0.1:0").bind().unwrap().getsockname().unwrap()
}

#[test]
fn a_timed_connect_reports_the_refusal_and_not_success() {
    let addr = nobody();
    let socket = Socket::tcp4().unwrap();
    socket.settimeout(LONG).unwrap();
    let error = socket.connect(&addr).unwrap_err();
    assert_eq!(error.errno(), Some(errno::ECONNREFUSED), "{error}");
    assert_eq!(socket.getpeername().unwrap_err().errno(), Some(errno::ENOTCONN));
    // The answer was taken, not left pending.
    assert_eq!(socket.getsockopt(opt::SO_ERROR).unwrap(), 0);
}

#[test]
fn a_nonblocking_connect_is_in_progress_and_the_selector_tells_its_end() {
    let server = create_server("127.0.0.1:0").bind().unwrap();
    for (addr, expected) in [(server.getsockname().unwrap(), 0), (nobody(), errno::ECONNREFUSED)] {
        let socket = Socket::tcp4().unwrap();
        socket.setblocking(false).unwrap();
        let error = socket.connect(&addr).unwrap_err();
        assert!(error.would_block() && error.errno() == Some(errno::EINPROGRESS), "{error}");
        let mut selector = Selector::new().unwrap();
        selector.register(&socket, Events::WRITE, ()).unwrap();
        let (_, events) = selector.select(Some(LONG)).unwrap().next().unwrap();
        assert!(events.is_writable());
        assert_eq!(socket.getsockopt(opt::SO_ERROR).unwrap(), expected);
    }
}

/// A listener whose queue takes no more, and the clients that fill it.
pub(crate) fn full_listener(addr: &str) -> (Socket, Vec<Socket>) {
    let server = create_server(addr).backlog(0).bind().unwrap();
    // The unspecified address is connected to over loopback.
    let addr = server.getsockname().unwrap();
    let mut clients = Vec::new();
    loop {
        let client = Socket::tcp4().unwrap();
        client.settimeout(Duration::from_millis(150)).unwrap();
        if client.connect(&addr).is_err() {
            return (server, clients);
        }
        clients.push(client);
    }
}

#[test]
fn a_timed_connect_that_nobody_answers_ends_at_its_deadline() {
    let (server, _clients) = full_listener("127.0.0.1:0");
    let addr = server.getsockname().unwrap();
    let start = Instant::now();
    let socket = Socket::tcp4().unwrap();
    socket.settimeout(Duration::from_millis(100)).unwrap();
    let error = socket.connect(&addr).unwrap_err();
    assert!(error.is_timeout() && error.errno().is_none(), "{error}");
    assert_eq!(error.to_string(), format!("connect {addr}: timed out"));
    assert_eq!(Socket::tcp4().unwrap().gettimeout(), None);
    let error = create_connection(&addr).timeout(Duration::from_millis(100)).open().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(200) && took < LONG, "{took:?}");
    let again = Socket::tcp4().unwrap();
    again.settimeout(Duration::from_millis(50)).unwrap();
    assert_eq!(again.connect_ex(&addr), errno::EAGAIN);
}

#[test]
fn a_full_unix_queue_is_waited_for_and_times_out() {
    let server = create_server("unix:").backlog(0).bind().unwrap();
    let addr = server.getsockname().unwrap();
    let mut clients = Vec::new();
    let refused = loop {
        let client = Socket::unix().unwrap();
        client.settimeout(Duration::from_millis(40)).unwrap();
        match client.connect(&addr) {
            Ok(()) => clients.push(client),
            Err(error) => break error,
        }
    };
    assert!(refused.is_timeout(), "{refused}");
    let nonblocking = Socket::unix().unwrap();
    nonblocking.setblocking(false).unwrap();
    assert_eq!(nonblocking.connect_ex(&addr), errno::EAGAIN);
    // Room comes while a connect waits.
    let ticks = Ticks::every(Duration::from_millis(30));
    let waiting = spawn(move || {
        let client = Socket::unix().unwrap();
        client.settimeout(LONG).unwrap();
        client.connect(&addr)
    });
    ticks.tick();
    server.accept().unwrap();
    waiting.join().unwrap().unwrap();
}

#[test]
fn a_connection_by_name_tries_every_address() {
    // localhost may be ::1 first; only the IPv4 address listens.
    let server = create_server("127.0.0.1:0").bind().unwrap();
    let port = server.getsockname().unwrap().port().unwrap();
    let client = create_connection(("localhost", port)).timeout(LONG).open().unwrap();
    assert_eq!(client.gettimeout(), None);
    assert_eq!(client.getpeername().unwrap(), server.getsockname().unwrap());
}

#[test]
fn a_connection_comes_from_its_source() {
    let server = create_server("127.0.0.1:0").bind().unwrap();
    let source: sockeye_socket::Address = "127.0.0.9:0".parse().unwrap();
    let addr = server.getsockname().unwrap();
    let client = create_connection(addr).source(source.clone()).open().unwrap();
    assert_eq!(client.getsockname().unwrap().ip(), source.ip());
    let (_conn, peer) = server.accept().unwrap();
    assert_eq!(peer.ip(), source.ip());
}

#[test]
fn a_name_that_is_none_is_an_error_of_the_lookup() {
    let error = create_connection(("name.invalid", 80)).open().unwrap_err();
    assert!(error.is_lookup() && !error.is_timeout(), "{error}");
    assert!(error.to_string().starts_with("resolve name.invalid: "), "{error}");
    assert_eq!(Socket::tcp4().unwrap().connect_ex("nonsense"), errno::EINVAL);
}
