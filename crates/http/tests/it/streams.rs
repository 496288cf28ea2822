//! Bodies that are made while they are sent: how they are framed, and how they end.

use std::io::{self, Read, Write};
use std::process::Command;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use sockeye_http::{
    Answer, Config, Event, Limits, LogFormat, Mount, Plan, Produce, Request, Status,
};
use sockeye_testkit::{Need, need};

use crate::harness::{Client, Kept, PATIENCE, Running, config, folder, pattern, start};

const LARGE_BYTES: usize = 5_000_000;

fn stream(produce: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static) -> Answer {
    let produce: Produce = Box::new(produce);
    Answer::Stream(Plan::new(Status::OK).with_header("Content-Type", "text/plain"), produce)
}

/// A server whose `/~s` answers with what `handler` says.
fn serve(
    config: Config,
    handler: impl Fn(&Request<'_>) -> Answer + Send + Sync + 'static,
) -> Running {
    let mounts = vec![Mount { prefix: "~s".to_owned(), handler: Arc::new(handler) }];
    start(Config { mounts, ..config })
}

/// A server whose `/~s` answers `a`, and `b` when it is told to go on, or nobody can tell any more.
fn serve_in_two(config: Config) -> (Running, mpsc::Sender<()>) {
    let (sender, go) = mpsc::channel::<()>();
    let go = Arc::new(Mutex::new(go));
    let server = serve(config, move |_| {
        let go = Arc::clone(&go);
        stream(move |out| {
            out.write_all(b"a")?;
            out.flush()?;
            let _ = go.lock().unwrap().recv();
            out.write_all(b"b")
        })
    });
    (server, sender)
}

/// What `/~s/<word>` gives.
fn words(request: &Request<'_>) -> Answer {
    match request.rest() {
        b"flushed" => stream(|out| {
            out.write_all(b"hello, ")?;
            out.flush()?;
            out.flush()?;
            out.write_all(b"wor")?;
            out.write_all(b"ld\n")
        }),
        b"nothing" => stream(|_| Ok(())),
        b"large" => stream(|out| out.write_all(&pattern(LARGE_BYTES))),
        b"early" => stream(|out| {
            out.write_all(b"part")?;
            Err(io::ErrorKind::Other.into())
        }),
        b"late" => stream(|out| {
            out.write_all(b"part")?;
            out.flush()?;
            Err(io::ErrorKind::Other.into())
        }),
        b"panic" => stream(|out| {
            out.write_all(b"part")?;
            out.flush()?;
            panic!("as it is told to")
        }),
        _ => Answer::Pass,
    }
}

#[test]
fn chunks_are_as_they_were_flushed() {
    let folder = folder();
    let server = serve(config(folder.path()), words);
    let mut client = server.connect();
    client.send("GET /~s/flushed HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let rest = String::from_utf8(client.rest()).unwrap();
    let (head, body) = rest.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("\r\nTransfer-Encoding: chunked\r\n"), "{head}");
    assert!(!head.contains("Content-Length"), "{head}");
    assert_eq!(body, "7\r\nhello, \r\n6\r\nworld\n\r\n0\r\n\r\n");
}

#[test]
fn the_connection_goes_on_after_the_last_chunk() {
    let folder = folder();
    let server = serve(config(folder.path()), words);
    let mut client = server.connect();
    let ask = |word: &str| format!("GET /~s/{word} HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send([ask("flushed"), ask("nothing"), ask("large"), ask("flushed")].concat());
    assert_eq!(client.response().text(), "hello, world\n");
    assert_eq!(client.response().body, b"");
    assert!(client.response().body == pattern(LARGE_BYTES));
    assert_eq!(client.response().text(), "hello, world\n");
}

#[test]
fn in_http_1_0_the_close_is_the_end() {
    let folder = folder();
    let server = serve(config(folder.path()), words);
    let mut client = server.connect();
    client.send("GET /~s/large HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let response = client.response();
    assert_eq!(response.header("connection"), Some("close"));
    assert_eq!(response.header("transfer-encoding"), None);
    assert!(response.body == pattern(LARGE_BYTES));
    assert!(client.is_closed());
}

#[test]
fn nothing_is_produced_for_head() {
    let folder = folder();
    let server = serve(config(folder.path()), |request| {
        assert_eq!(request.rest(), b"x");
        stream(|_| unreachable!("a body for HEAD"))
    });
    let mut client = server.connect();
    client.send("HEAD /~s/x HTTP/1.1\r\nHost: a\r\n\r\n");
    let response = client.response_to("HEAD");
    assert_eq!((response.status, response.header("transfer-encoding")), (200, Some("chunked")));
    client.send("HEAD /~s/x HTTP/1.0\r\n\r\n");
    assert_eq!(client.response_to("HEAD").header("connection"), Some("close"));
    assert!(client.is_closed());
}

#[test]
fn what_fails_before_its_first_piece_is_500() {
    let folder = folder();
    let server = serve(config(folder.path()), words);
    let response = server.get("/~s/early", "");
    assert_eq!((response.status, response.header("transfer-encoding")), (500, None));
}

#[test]
fn what_fails_later_has_no_last_chunk() {
    let folder = folder();
    let server = serve(config(folder.path()), words);
    for word in ["late", "panic"] {
        let mut client = server.connect();
        client.send(format!("GET /~s/{word} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let rest = String::from_utf8(client.rest()).unwrap();
        assert!(rest.ends_with("\r\n\r\n4\r\npart\r\n"), "{rest}");
        let event = server.events.recv_timeout(PATIENCE).unwrap();
        assert!(matches!(event, Event::Cut { .. }), "{event:?}");
    }
}

#[test]
fn in_http_1_0_a_failure_is_a_reset() {
    let folder = folder();
    let server = serve(config(folder.path()), words);
    let mut client = server.connect();
    client.send("GET /~s/late HTTP/1.0\r\n\r\n");
    let mut received = Vec::new();
    let end = client.stream.read_to_end(&mut received).unwrap_err();
    assert_eq!(end.kind(), io::ErrorKind::ConnectionReset);
}

/// Writes until it fails, then tells `ended` why.
fn endless(ended: mpsc::Sender<io::ErrorKind>) -> impl Fn(&Request<'_>) -> Answer + Send + Sync {
    let ended = Mutex::new(ended);
    move |_| {
        let ended = ended.lock().unwrap().clone();
        stream(move |out| {
            loop {
                if let Err(error) = out.write_all(&[b'x'; 1000]) {
                    ended.send(error.kind()).unwrap();
                    return Err(error);
                }
            }
        })
    }
}

#[test]
fn a_producer_whose_peer_has_gone_fails_at_its_next_write() {
    let folder = folder();
    let (sender, ended) = mpsc::channel();
    let server = serve(config(folder.path()), endless(sender));
    let mut client = server.connect();
    client.send("GET /~s HTTP/1.1\r\nHost: a\r\n\r\n");
    client.wait();
    drop(client);
    assert_eq!(ended.recv_timeout(PATIENCE).unwrap(), io::ErrorKind::BrokenPipe);
}

#[test]
fn a_peer_that_does_not_read_is_cut_and_its_producer_ends() {
    let folder = folder();
    let (sender, ended) = mpsc::channel();
    let limits = Limits { write_timeout: Duration::from_millis(200), ..Limits::default() };
    let server = serve(Config { limits, ..config(folder.path()) }, endless(sender));
    let mut client = server.connect();
    client.send("GET /~s HTTP/1.1\r\nHost: a\r\n\r\n");
    let event = server.events.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(event, Event::TimedOut { stage: "answer", .. }), "{event:?}");
    assert_eq!(ended.recv_timeout(PATIENCE).unwrap(), io::ErrorKind::BrokenPipe);
    assert!(!client.rest().ends_with(b"0\r\n\r\n"));
}

#[test]
fn a_producer_may_take_longer_than_a_peer_may() {
    let folder = folder();
    std::fs::write(folder.path().join("huge"), vec![0; 50_000_000]).unwrap();
    let limits = Limits { write_timeout: Duration::from_millis(200), ..Limits::default() };
    let (sender, go) = mpsc::channel::<()>();
    let go = Arc::new(Mutex::new(go));
    let server = serve(Config { limits, ..config(folder.path()) }, move |_| {
        let go = Arc::clone(&go);
        stream(move |out| {
            out.write_all(b"a")?;
            out.flush()?;
            go.lock().unwrap().recv().unwrap();
            out.write_all(b"b")
        })
    });
    let mut client = server.connect();
    client.send("GET /~s HTTP/1.1\r\nHost: a\r\n\r\n");
    client.wait();
    // A peer that came later, and does not read, has been given up meanwhile.
    let mut slow = server.connect();
    slow.send("GET /huge HTTP/1.1\r\nHost: a\r\n\r\n");
    let event = server.events.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(event, Event::TimedOut { .. }), "{event:?}");
    sender.send(()).unwrap();
    assert_eq!(client.response().text(), "ab");
}

#[test]
fn one_address_leaves_places_for_others() {
    let folder = folder();
    let limits = Limits { streams_max: 3, streams_per_address_max: 1, ..Limits::default() };
    let (server, sender) = serve_in_two(Config { limits, ..config(folder.path()) });
    let from = |source: [u8; 4]| {
        use sockeye_socket::{Family, Kind, Socket};
        let socket = Socket::new(Family::Inet, Kind::Stream, 0).unwrap();
        socket.bind(std::net::SocketAddr::from((source, 0))).unwrap();
        socket.connect(server.address).unwrap();
        Client::of(std::net::TcpStream::from(socket.detach()))
    };
    let ask = |client: &mut Client| client.send("GET /~s HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut first = from([127, 0, 0, 2]);
    ask(&mut first);
    first.wait();
    let mut again = from([127, 0, 0, 2]);
    ask(&mut again);
    let refused = again.response();
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
    let mut other = from([127, 0, 0, 3]);
    ask(&mut other);
    other.wait();
    drop(sender);
    for client in [&mut first, &mut other] {
        assert_eq!(client.response().text(), "ab");
    }
    ask(&mut again);
    assert_eq!(again.response().text(), "ab", "its place is free again");
}

#[test]
fn so_many_are_produced_at_once_and_no_more() {
    let folder = folder();
    let limits = Limits { streams_max: 2, ..Limits::default() };
    let (server, sender) = serve_in_two(Config { limits, ..config(folder.path()) });
    let mut clients = [server.connect(), server.connect()];
    for client in &mut clients {
        client.send("GET /~s HTTP/1.1\r\nHost: a\r\n\r\n");
        client.wait();
    }
    let mut third = server.connect();
    third.send("GET /~s HTTP/1.1\r\nHost: a\r\n\r\n");
    let response = third.response();
    assert_eq!((response.status, response.header("retry-after")), (503, Some("5")));
    // One that is only asked about takes no place.
    third.send("HEAD /~s HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(third.response_to("HEAD").status, 200);
    for client in &mut clients {
        sender.send(()).unwrap();
        sender.send(()).unwrap();
        assert_eq!(client.response().text(), "ab");
        // Its place is free as soon as its end is seen.
        client.send("GET /~s HTTP/1.1\r\nHost: a\r\n\r\n");
        client.wait();
    }
    drop(sender);
    for client in &mut clients {
        assert_eq!(client.response().text(), "ab");
    }
}

#[test]
fn the_log_counts_what_went() {
    let folder = folder();
    let kept = Kept::default();
    let access_log = Some(kept.log(LogFormat::Common));
    let server = serve(Config { access_log, ..config(folder.path()) }, words);
    server.get("/~s/large", "");
    server.ask("GET /~s/flushed HTTP/1.0\r\n\r\n");
    let mut client = server.connect();
    client.send("HEAD /~s/flushed HTTP/1.1\r\nHost: a\r\n\r\n");
    client.response_to("HEAD");
    let mut client = server.connect();
    client.send("GET /~s/late HTTP/1.1\r\nHost: a\r\n\r\n");
    client.rest();
    let report = server.stop(PATIENCE);
    assert_eq!(report.requests, 4);
    let log = kept.text();
    let mut ends: Vec<&str> = log.lines().map(|line| line.split("] ").nth(1).unwrap()).collect();
    ends.sort_unstable();
    assert_eq!(
        ends,
        [
            "\"GET /~s/flushed HTTP/1.0\" 200 13",
            "\"GET /~s/large HTTP/1.1\" 200 5000000",
            "\"GET /~s/late HTTP/1.1\" 200 4",
            "\"HEAD /~s/flushed HTTP/1.1\" 200 0",
        ]
    );
}

#[test]
fn a_shutdown_waits_for_a_stream_but_not_beyond_its_deadline() {
    let folder = folder();
    let (sender, ended) = mpsc::channel();
    let server = serve(config(folder.path()), endless(sender));
    let mut client = server.connect();
    client.send("GET /~s HTTP/1.1\r\nHost: a\r\n\r\n");
    client.wait();
    let report = server.stop(Duration::from_millis(100));
    assert_eq!(report.cut, 1);
    assert_eq!(ended.recv_timeout(PATIENCE).unwrap(), io::ErrorKind::BrokenPipe);
    assert!(!client.rest().ends_with(b"0\r\n\r\n"));
}

#[test]
fn curl_gets_a_stream_whole_and_says_so_where_it_is_cut() {
    if !need(Need::Program("curl")) {
        return;
    }
    let folder = folder();
    let server = serve(config(folder.path()), words);
    let curl = |version: &str, word: &str| {
        let url = format!("http://{}/~s/{word}", server.address);
        Command::new("curl").args(["-sS", version, &url]).output().unwrap()
    };
    for version in ["--http1.1", "--http1.0"] {
        let whole = curl(version, "large");
        assert!(whole.status.success() && whole.stdout == pattern(LARGE_BYTES), "{version}");
        assert!(!curl(version, "late").status.success(), "{version}");
    }
}

#[test]
fn python_gets_a_stream_whole_and_says_so_where_it_is_cut() {
    if !need(Need::Program("python3")) {
        return;
    }
    let folder = folder();
    let server = serve(config(folder.path()), words);
    let script = "\
import http.client, sys
connection = http.client.HTTPConnection(sys.argv[1])
for _ in range(2):
    connection.request('GET', '/~s/large')
    assert len(connection.getresponse().read()) == 5000000
connection.request('GET', '/~s/late')
try:
    connection.getresponse().read()
except http.client.IncompleteRead:
    print('cut')
";
    let address = server.address.to_string();
    let output = Command::new("python3").args(["-c", script, &address]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "cut\n", "{output:?}");
}
