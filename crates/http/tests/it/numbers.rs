//! How often an address may ask, whether the server is well, and what it counts of itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sockeye_edge::bucket::Rate;
use sockeye_http::{Auth, Config, Limits};

use crate::harness::{Client, PATIENCE, Response, Running, config, folder, start};

fn place(text: &str) -> Option<sockeye_http::SitePath> {
    Some(text.parse().unwrap())
}

#[test]
fn who_asks_too_often_waits() {
    let folder = folder();
    let rate = Some(Rate { burst: 5, per_second: 1 });
    let server = start(Config { rate, ..config(folder.path()) });
    // On several connections, of several workers: they count together.
    let mut clients: Vec<Client> = (0..4).map(|_| server.connect()).collect();
    let mut statuses = BTreeMap::<u16, usize>::new();
    for round in 0..25 {
        let client = &mut clients[round % 4];
        client.send("GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = client.response();
        *statuses.entry(answer.status).or_default() += 1;
        if answer.status == 429 {
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
    }
    // A slow machine may have been given some more.
    assert!(statuses[&200] >= 5 && statuses[&429] >= 1, "{statuses:?}");
    assert_eq!(statuses.values().sum::<usize>(), 25);
}

#[test]
fn health_is_for_everyone_and_wins_over_files() {
    let folder = folder();
    std::fs::write(folder.path().join("well"), "a file").unwrap();
    let auth = Some(Arc::new(Auth::password("secret")));
    let server = start(Config { health: place("/well"), auth, ..config(folder.path()) });
    let well = server.get("/well", "");
    assert_eq!((well.status, well.text()), (200, "ok\n"));
    assert_eq!(well.header("cache-control"), Some("no-store"));
    assert_eq!(server.get("/w%65ll?x", "").status, 200);
    assert_eq!(server.get("/well/", "").status, 401);
    assert_eq!(server.get("/well/x", "").status, 401);
    let post = server.ask("POST /well HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
}

#[test]
fn health_says_that_the_server_stops() {
    let folder = folder();
    let health = place("/~health");
    let server = start(Config { health, threads: 1, ..config(folder.path()) });
    let (mut client, mut idle) = (server.connect(), server.connect());
    let request = "GET /~health HTTP/1.1\r\nHost: a\r\n\r\n";
    for client in [&mut client, &mut idle] {
        client.send(request);
        assert_eq!(client.response().status, 200);
    }
    // Who has begun to ask is still answered. Its first bytes come before those of the other, on
    // the one thread that there is.
    client.send(&request[..10]);
    idle.send(request);
    assert_eq!(idle.response().status, 200);
    server.shutdown.start(PATIENCE);
    assert!(idle.is_closed(), "the worker has been told");
    client.send(&request[10..]);
    let answer = client.response();
    assert_eq!((answer.status, answer.text()), (503, "stopping\n"));
    server.wait();
}

/// The numbers as `name{labels}` and value; the request for them is not counted yet.
fn numbers(server: &Running, fields: &str) -> BTreeMap<String, String> {
    numbers_of(&server.get("/~metrics", &format!("Connection: close\r\n{fields}")))
}

fn numbers_of(answer: &Response) -> BTreeMap<String, String> {
    assert_eq!(answer.status, 200);
    let media_type = "text/plain; version=0.0.4; charset=utf-8";
    assert_eq!(answer.header("content-type"), Some(media_type));
    let lines = answer.text().lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap()).map(|(a, b)| (a.into(), b.into())).collect()
}

#[test]
fn what_is_counted_is_what_happened() {
    let folder = folder();
    let limits = Limits { connections_per_address_max: Some(3), ..Limits::default() };
    let metrics = place("/~metrics");
    let server = start(Config { metrics, limits, ..config(folder.path()) });
    let mut client = server.connect();
    let mut bytes = 0;
    let mut ask = |request: &str| {
        client.send(request);
        let answer = client.response_to(request.split(' ').next().unwrap());
        bytes += answer.head.len() + answer.body.len();
    };
    for _ in 0..5 {
        ask("GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    ask("HEAD /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    ask("GET /none HTTP/1.1\r\nHost: a\r\n\r\n");
    ask("GET /sub HTTP/1.1\r\nHost: a\r\n\r\n");
    ask("DELETE /none HTTP/1.1\r\nHost: a\r\n\r\n");
    ask("BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n");
    let _held = (server.connect(), server.connect());
    let mut refused = server.connect();
    assert_eq!(refused.response().status, 429);
    drop((_held, refused));
    let numbers = loop {
        // The places of those that have gone come free when their workers have seen it.
        let mut client = server.connect();
        client.send_what_is_taken("GET /~metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = client.response();
        if answer.status == 200 {
            break numbers_of(&answer);
        }
    };
    let number = |name: &str| numbers[name].parse::<f64>().unwrap();
    let requests = |method: &str, status: &str| {
        let labels = format!("{{method=\"{method}\",status=\"{status}\"}}");
        number(&format!("sockeye_http_requests_total{labels}"))
    };
    assert_eq!(requests("GET", "2xx"), 5.0);
    assert_eq!(requests("HEAD", "2xx"), 1.0);
    assert_eq!(requests("GET", "4xx"), 1.0);
    assert_eq!(requests("GET", "3xx"), 1.0);
    assert_eq!(requests("DELETE", "4xx"), 1.0);
    assert_eq!(requests("other", "5xx"), 1.0, "501");
    assert!(number("sockeye_http_connections_refused_total{reason=\"address\"}") >= 1.0);
    assert_eq!(number("sockeye_http_connections_refused_total{reason=\"full\"}"), 0.0);
    assert!(number("sockeye_http_sent_bytes_total") >= f64::from(u32::try_from(bytes).unwrap()));
    assert!(number("sockeye_http_connections_total") >= 4.0);
    assert!(number("sockeye_http_connections_open") >= 1.0);
    assert!(number("sockeye_http_cache_hits_total") >= 1.0);
    let count = number("sockeye_http_request_duration_seconds_count");
    let all: f64 = numbers
        .iter()
        .filter(|(name, _)| name.starts_with("sockeye_http_requests_total"))
        .map(|(_, value)| value.parse::<f64>().unwrap())
        .sum();
    assert_eq!(count, all);
    assert_eq!(number("sockeye_http_request_duration_seconds_bucket{le=\"+Inf\"}"), count);
}

#[test]
fn numbers_are_for_those_who_may_read_there() {
    let folder = folder();
    let auth = Some(Arc::new(Auth::password("secret")));
    let server = start(Config { metrics: place("/~metrics"), auth, ..config(folder.path()) });
    assert_eq!(server.get("/~metrics", "").status, 401);
    let basic = format!("Authorization: Basic {}\r\n", STANDARD.encode(":secret"));
    assert!(numbers(&server, &basic).len() > 40);
    let server = start(config(folder.path()));
    assert_eq!(server.get("/~metrics", "").status, 404);
    assert_eq!(server.get("/~health", "").status, 404);
    assert_eq!(server.stop(Duration::from_secs(10)).cut, 0);
}
