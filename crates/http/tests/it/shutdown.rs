//! The end: what was asked for is finished, idle connections are closed, the deadline holds.

use std::time::Duration;

use sockeye_http::{Config, LogFormat};

use crate::harness::{Kept, PATIENCE, config, folder, pattern, start};

#[test]
fn idle_connections_are_closed_and_answers_finished() {
    let folder = folder();
    std::fs::write(folder.path().join("huge"), pattern(30_000_000)).unwrap();
    let server = start(config(folder.path()));
    let mut idle = server.connect();
    idle.send("GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(idle.response().status, 200);
    let mut busy = server.connect();
    busy.send("GET /huge HTTP/1.1\r\nHost: a\r\n\r\n");
    busy.wait();
    server.shutdown.start(PATIENCE);
    assert!(idle.is_closed());
    assert!(busy.rest().ends_with(&pattern(30_000_000)));
    let report = server.wait();
    assert_eq!((report.connections, report.requests, report.cut), (2, 2, 0));
}

#[test]
fn a_connection_that_waits_in_the_queue_is_answered() {
    let folder = folder();
    let server = start(config(folder.path()));
    let mut clients: Vec<_> = (0..20).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send("GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    server.shutdown.start(PATIENCE);
    for client in &mut clients {
        assert_eq!(client.response().text(), "hello, world\n");
        assert!(client.is_closed());
    }
    assert_eq!(server.wait().cut, 0);
}

#[test]
fn the_deadline_cuts_what_does_not_end() {
    let folder = folder();
    std::fs::write(folder.path().join("huge"), pattern(50_000_000)).unwrap();
    let server = start(config(folder.path()));
    let mut stuck = server.connect();
    stuck.send("GET /huge HTTP/1.1\r\nHost: a\r\n\r\n");
    stuck.wait();
    let report = server.stop(Duration::from_millis(100));
    assert_eq!(report.cut, 1);
}

#[test]
fn every_answer_is_in_the_log_when_the_server_has_stopped() {
    let folder = folder();
    let kept = Kept::default();
    let access_log = Some(kept.log(LogFormat::Combined));
    let server = start(Config { access_log, ..config(folder.path()) });
    server.get("/hello.txt", "User-Agent: a\"b\r\nReferer: http://x/\r\n");
    server.get("/hello.txt", "Range: bytes=0-1\r\n");
    server.ask("GET /nothing HTTP/1.0\r\n\r\n");
    server.ask("nonsense\x1b[31m\r\n\r\n");
    let report = server.stop(PATIENCE);
    assert_eq!((report.requests, report.log_lines_lost), (4, 0));
    let log = kept.text();
    let mut ends: Vec<&str> = log.lines().map(|line| line.split("] ").nth(1).unwrap()).collect();
    ends.sort_unstable();
    assert_eq!(
        ends,
        [
            "\"GET /hello.txt HTTP/1.1\" 200 13 \"http://x/\" \"a\\\"b\"",
            "\"GET /hello.txt HTTP/1.1\" 206 2 \"-\" \"-\"",
            "\"GET /nothing HTTP/1.0\" 404 50 \"-\" \"-\"",
            "\"nonsense\\x1b[31m\" 400 34 \"-\" \"-\"",
        ]
    );
    assert!(log.lines().all(|line| line.starts_with("127.0.0.1 - - [")));
}
