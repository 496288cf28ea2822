//! Slow peers are gone after their time, and nobody else notices. The tests wait for the events.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use sockeye_http::{Config, Event, Limits};

use crate::harness::{PATIENCE, config, folder, start};

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(600);

fn limits() -> Limits {
    Limits { header_timeout: LONG, idle_timeout: LONG, write_timeout: LONG, ..Limits::default() }
}

#[test]
fn fifty_slow_heads_are_gone_after_the_header_timeout() {
    let folder = folder();
    let limits = Limits { header_timeout: SHORT, ..limits() };
    let server = start(Config { limits, ..config(folder.path()) });
    let mut slow: Vec<_> = (0..50).map(|_| server.connect()).collect();
    for client in &mut slow {
        client.send("GET /hello.txt HTTP/1.1\r\nHost: a\r\nX");
    }
    assert_eq!(server.get("/hello.txt", "").status, 200);
    for client in &mut slow {
        assert_eq!(client.response().status, 408);
        assert!(client.is_closed());
    }
    for _ in 0..50 {
        let event = server.events.recv_timeout(PATIENCE).unwrap();
        assert!(matches!(event, Event::TimedOut { stage: "head", .. }), "{event:?}");
    }
}

#[test]
fn bytes_now_and_then_do_not_prolong_a_head() {
    let folder = folder();
    let limits = Limits { header_timeout: SHORT, ..limits() };
    let server = start(Config { limits, ..config(folder.path()) });
    let mut client = server.connect();
    let started = Instant::now();
    client.send("GET / HTTP/1.1\r\nX: ");
    let writer = client.stream.try_clone().unwrap();
    let drip = std::thread::spawn(move || {
        // Ends when the server has closed: a byte as often as it is taken.
        while (&writer).write_all(b"x").is_ok() && started.elapsed() < PATIENCE {
            std::thread::yield_now();
        }
    });
    let rest = client.rest();
    drip.join().unwrap();
    // Either the time or the size of the head ended it, long before the patience of the test.
    assert!(rest.starts_with(b"HTTP/1.1 4") || rest.is_empty());
    assert!(started.elapsed() < PATIENCE);
}

#[test]
fn a_connection_without_a_request_and_an_idle_one_are_closed_silently() {
    let folder = folder();
    let limits = Limits { header_timeout: SHORT, idle_timeout: SHORT, ..limits() };
    let server = start(Config { limits, ..config(folder.path()) });
    assert!(server.connect().is_closed());
    let mut client = server.connect();
    client.send("GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.response().status, 200);
    assert!(client.is_closed());
}

#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let folder = folder();
    std::fs::write(folder.path().join("huge"), vec![0; 50_000_000]).unwrap();
    let limits = Limits { write_timeout: SHORT, ..limits() };
    let server = start(Config { limits, ..config(folder.path()) });
    let mut client = server.connect();
    client.send("GET /huge HTTP/1.1\r\nHost: a\r\n\r\n");
    let event = server.events.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(event, Event::TimedOut { stage: "answer", .. }), "{event:?}");
    // By a reset: the system keeps nothing of the answer for it.
    let mut taken = Vec::new();
    let error = client.stream.read_to_end(&mut taken).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(taken.len() < 50_000_000);
    assert_eq!(server.get("/hello.txt", "").status, 200);
}

#[test]
fn an_unread_body_is_waited_for_within_its_time() {
    let folder = folder();
    let limits = Limits { drain_timeout: SHORT, ..limits() };
    let server = start(Config { limits, ..config(folder.path()) });
    let mut client = server.connect();
    client.send("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc");
    assert_eq!(client.response().status, 405);
    assert!(client.is_closed());
}
