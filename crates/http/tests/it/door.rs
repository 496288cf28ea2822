//! Who gets in: caps, admission, and what the refused are told.

use std::sync::Arc;

use sockeye_http::{Config, Event, Limits};

use crate::harness::{PATIENCE, config, folder, start};

#[test]
fn beyond_the_cap_a_clear_503() {
    let folder = folder();
    let limits = Limits { connections_max: 2, ..Limits::default() };
    let server = start(Config { limits, ..config(folder.path()) });
    let mut first = server.connect();
    let mut second = server.connect();
    for client in [&mut first, &mut second] {
        client.send("GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.response().status, 200);
    }
    let mut third = server.connect();
    third.send("GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    let response = third.response();
    assert_eq!((response.status, response.header("retry-after")), (503, Some("1")));
    assert!(third.is_closed());
    let event = server.events.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(event, Event::Refused { .. }), "{event:?}");
    first.send("GET /hello.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(first.response().status, 200);
    assert!(first.is_closed());
    // The place is free once the server has noticed; until then it says 503.
    let mut status = 503;
    while status == 503 {
        status = server.get("/hello.txt", "").status;
    }
    assert_eq!(status, 200);
}

#[test]
fn one_address_may_have_a_cap_of_its_own() {
    let folder = folder();
    let limits = Limits { connections_per_address_max: Some(1), ..Limits::default() };
    let server = start(Config { limits, ..config(folder.path()) });
    let mut first = server.connect();
    first.send("GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(first.response().status, 200);
    assert_eq!(server.get("/hello.txt", "").status, 429);
}

#[test]
fn who_is_not_admitted_is_told_so() {
    let folder = folder();
    let admit: sockeye_http::Admit = Arc::new(|peer| peer.ip().is_none());
    let server = start(Config { admit: Some(admit), ..config(folder.path()) });
    assert_eq!(server.get("/hello.txt", "").status, 403);
}

#[test]
fn connections_are_spread_over_the_workers() {
    let folder = folder();
    let server = start(Config { threads: 3, ..config(folder.path()) });
    let mut clients: Vec<_> = (0..30).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send("GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.response().status, 200);
    }
    drop(clients);
    let report = server.stop(PATIENCE);
    assert_eq!((report.connections, report.requests, report.cut), (30, 30, 0));
}
