//! HTTP/2 around the same answers: curl and nghttp as clients, and frames by hand where a peer is
//! to misbehave.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sockeye_http::{AccessLog, Answer, Config, Engine, Event, Limits, LogFormat, Method, Mount};
use sockeye_http::{Plan, Request, Status, http2};
use sockeye_testkit::{Finished, Need, Process, need};

use crate::harness::{PATIENCE, Running, config, folder, pattern, start};
use crate::tls::{Secure, secure};

const LONG: Duration = Duration::from_secs(600);
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn curl(args: &[&str]) -> Finished {
    Process::run(Command::new("curl").args(["-sS", "--max-time", "60"]).args(args), b"")
}

fn mounts() -> Vec<Mount> {
    let handler = |request: &Request<'_>| match request.rest() {
        b"see" if request.method() == Method::Post => {
            let host = request.host().map(str::to_owned);
            let length = request.content_length();
            let cookie = request.field("cookie").map(<[u8]>::to_vec);
            let see = move |body: &mut dyn Read| {
                let mut content = Vec::new();
                let read = body.read_to_end(&mut content).map_err(|error| error.kind());
                let cookie = cookie.map(|cookie| String::from_utf8(cookie).unwrap());
                let text = format!("{host:?} {length:?} {cookie:?} {read:?}");
                Plan::new(Status::CREATED).with_content("text/plain", text.into_bytes())
            };
            Answer::Receive(1 << 20, Box::new(see))
        }
        b"made" => {
            let plan = Plan::new(Status::OK).with_header("Upgrade", "x");
            Answer::Stream(plan, Box::new(|out| out.write_all(&pattern(200_000))))
        }
        b"broken" => {
            let break_off = |out: &mut dyn Write| {
                out.write_all(b"some")?;
                out.flush()?;
                Err(ErrorKind::Other.into())
            };
            Answer::Stream(Plan::new(Status::OK), Box::new(break_off))
        }
        b"panic" => Answer::Receive(10, Box::new(|_| panic!("on purpose"))),
        b"take" => Answer::Takeover(Box::new(|_, _, _| unreachable!("HTTP/2 is not taken over"))),
        _ => Answer::Pass,
    };
    vec![Mount { prefix: "~".to_owned(), handler: Arc::new(handler) }]
}

/// Answers of both sides are the same but for the version and what belongs to a connection.
#[test]
fn the_same_is_said_by_both_versions() {
    if !need(Need::Program("curl")) {
        return;
    }
    let folder = folder();
    let secure = secure(Config { mounts: mounts(), ..config(folder.path()) });
    let certificate = secure.certificate();
    let ask = |version: &str, path: &str, args: &[&str]| {
        let url = format!("https://localhost:{}{path}", secure.server.address.port());
        let fixed = [version, "--cacert", &certificate, "-i", "-H", "Connection:", &url];
        let said = curl(&[&fixed[..], args].concat());
        assert_eq!(said.code(), Some(0), "{path} {args:?}: {}", said.err());
        comparable(&said.stdout)
    };
    for (path, args) in [
        ("/hello.txt", &[][..]),
        ("/hello.txt", &["-I"]),
        ("/hello.txt", &["-H", "If-None-Match: *"]),
        ("/large.bin", &[]),
        ("/large.bin", &["-I"]),
        ("/large.bin", &["-r", "1000-280000"]),
        ("/large.bin", &["-r", "5-4"]),
        ("/empty", &[]),
        ("/", &[]),
        ("/?json", &[]),
        ("/sub", &[]),
        ("/none", &[]),
        ("/a%00b", &[]),
        ("/~/made", &[]),
        ("/~/made", &["-I"]),
        ("/~/see", &["-d", "hello", "-b", "a=1; b=2"]),
        ("/~/see", &["-d", "", "-H", "Content-Length: 0"]),
        ("/hello.txt", &["-X", "DELETE"]),
        ("/hello.txt", &["-X", "POST", "-d", "abc"]),
        ("/hello.txt", &["-X", "BREW"]),
        ("/hello.txt", &["-H", "Expect: something"]),
    ] {
        let (one, two) = (ask("--http1.1", path, args), ask("--http2", path, args));
        assert!(two.starts_with("2 "), "{two}");
        assert_eq!(one[4..], two[2..], "{path} {args:?}");
    }
}

/// Version and status, the fields sorted in small letters without the date, and the body.
fn comparable(said: &[u8]) -> String {
    let end = said.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(said[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let start = lines.next().unwrap().strip_prefix("HTTP/").unwrap();
    let start: Vec<&str> = start.split(' ').take(2).collect();
    let lines = lines.map(|line| {
        let (name, value) = line.split_once(':').unwrap();
        format!("{}:{value}", name.to_ascii_lowercase())
    });
    let of_connections = ["date:", "connection:", "transfer-encoding:", "upgrade:"];
    let mut fields: Vec<String> =
        lines.filter(|line| !of_connections.iter().any(|name| line.starts_with(name))).collect();
    fields.sort();
    format!("{} {fields:?} {}", start.join(" "), said[end + 4..].escape_ascii())
}

#[test]
fn prior_knowledge_needs_no_tls() {
    if !need(Need::Program("curl")) {
        return;
    }
    let folder = folder();
    let server = start(config(folder.path()));
    let url = format!("http://{}/hello.txt", server.address);
    // This curl cannot ask twice on such a connection.
    let said = curl(&["--http2-prior-knowledge", "-w", "%{http_version}", &url]);
    assert_eq!(said.out(), "hello, world\n2");
    assert_eq!(server.stop(LONG).connections, 1);
}

#[test]
fn without_http2_there_is_none() {
    if !need(Need::Program("curl")) {
        return;
    }
    let folder = folder();
    let secure = secure(Config { http2: false, ..config(folder.path()) });
    let url = format!("https://localhost:{}/hello.txt", secure.server.address.port());
    let version = ["--http2", "--cacert", &secure.certificate(), "-w", "%{http_version}", &url];
    assert_eq!(curl(&version).out(), "hello, world\n1.1");
    let plain = start(Config { http2: false, ..config(folder.path()) });
    let mut client = plain.connect();
    client.send(PREFACE);
    assert_eq!(client.response().status, 505);
}

#[test]
fn what_breaks_off_is_no_clean_end() {
    if !need(Need::Program("curl")) {
        return;
    }
    let folder = folder();
    let server = start(Config { mounts: mounts(), ..config(folder.path()) });
    let get = |path: &str, more: &[&str]| {
        let url = format!("http://{}/~/{path}", server.address);
        curl(&[&["--http2-prior-knowledge", "-w", "%{http_code}", &url], more].concat())
    };
    let broken = get("broken", &[]);
    assert_ne!(broken.code(), Some(0));
    assert_eq!(get("take", &["-o", "/dev/null"]).out(), "501");
    assert_eq!(get("panic", &["-o", "/dev/null", "-d", "x"]).out(), "500");
    let event = server.events.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(event, Event::Cut { .. }), "{event:?}");
}

#[test]
fn bodies_are_limited_in_both_framings() {
    if !need(Need::Program("curl")) {
        return;
    }
    let folder = folder();
    let large = folder.path().join("upload");
    std::fs::write(&large, vec![b'x'; (1 << 20) + 1]).unwrap();
    let server = start(Config { mounts: mounts(), ..config(folder.path()) });
    let url = format!("http://{}/~/see", server.address);
    let post = |bytes: u64, more: &[&str]| {
        std::fs::File::options().write(true).open(&large).unwrap().set_len(bytes).unwrap();
        let data = format!("@{}", large.display());
        let fixed = ["--http2-prior-knowledge", "-X", "POST", "-T", &data[1..], &url];
        curl(&[&fixed[..], more].concat()).out()
    };
    assert!(post(1 << 20, &[]).contains("Some(1048576) None Ok(1048576)"));
    let too_large = "413 Content Too Large: the body is larger than what is taken here\n";
    assert_eq!(post((1 << 20) + 1, &[]), too_large);
    let unknown = ["-H", "Content-Length:"];
    assert!(post(1 << 20, &unknown).contains("None None Ok(1048576)"));
    assert_eq!(post((1 << 20) + 1, &unknown), too_large);
}

/// Somewhere to log to that can be read.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn answers_are_logged_and_counted() {
    if !need(Need::Program("curl")) {
        return;
    }
    let folder = folder();
    let lines = Lines::default();
    let log = AccessLog { format: LogFormat::Combined, writer: Box::new(lines.clone()) };
    let server = start(Config { access_log: Some(log), ..config(folder.path()) });
    let url = |path: &str| format!("http://{}{path}", server.address);
    let fixed = ["--http2-prior-knowledge", "-A", "agent", "-e", "http://a/?x"];
    let (large, none) = (url("/large.bin?secret"), url("/none"));
    for url in [&large, &none] {
        curl(&[&fixed[..], &["-o", "/dev/null", url]].concat());
    }
    let report = server.stop(LONG);
    assert_eq!((report.connections, report.requests), (2, 2));
    assert!(report.bytes > 300_000, "{}", report.bytes);
    let lines = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let mut lines = lines.lines();
    let mut line = || lines.next().unwrap().split_once("] ").unwrap().1.to_owned();
    assert_eq!(line(), "\"GET /large.bin HTTP/2.0\" 200 300000 \"http://a/\" \"agent\"");
    assert!(line().starts_with("\"GET /none HTTP/2.0\" 404 "));
}

/// A client that writes its frames by hand.
struct Frames(TcpStream);

impl Frames {
    /// Connects and begins; `window` is what each stream may send at first.
    fn connect(server: &Running, window: u32) -> Frames {
        let stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut frames = Frames(stream);
        frames.0.write_all(PREFACE).unwrap();
        frames.send(4, 0, 0, &[&[0, 4][..], &window.to_be_bytes()].concat());
        frames
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        // A server that has closed is what some of this is for.
        let _ = self.0.write_all(&[&head, payload].concat());
    }

    /// Asks for `path` on `stream`; more fields after it, as they are coded.
    fn get(&mut self, stream: u32, path: &str) {
        self.send(1, 5, stream, &fields(path));
    }

    /// The next frame: its kind, flags, stream and payload. `None` at the end.
    fn next(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        match self.0.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("nothing came"),
            Err(_) => return None,
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload).ok()?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some((head[3], head[4], stream, payload))
    }

    /// Reads until a frame of `kind`.
    fn wait_for(&mut self, kind: u8) -> (u8, u32, Vec<u8>) {
        loop {
            let (found, flags, stream, payload) = self.next().expect("the connection ended");
            if found == kind {
                return (flags, stream, payload);
            }
        }
    }

    /// Reads to the end; gives the error of the last GOAWAY.
    fn end(&mut self) -> Option<u32> {
        let mut error = None;
        while let Some((kind, _, _, payload)) = self.next() {
            if kind == 7 {
                error = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
            }
        }
        error
    }
}

/// `GET path` at `a` by http, in HPACK: three fields of the static table, two literals.
fn fields(path: &str) -> Vec<u8> {
    let mut coded = vec![0x82, 0x86, 0x04];
    coded.push(u8::try_from(path.len()).unwrap());
    coded.extend_from_slice(path.as_bytes());
    coded.extend_from_slice(&[0x01, 1, b'a']);
    coded
}

fn limits(short: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits {
        header_timeout: LONG,
        idle_timeout: LONG,
        write_timeout: LONG,
        drain_timeout: Duration::from_millis(100),
        ..Limits::default()
    };
    short(&mut limits);
    limits
}

const SHORT: Duration = Duration::from_millis(300);

#[test]
fn who_never_asks_is_gone_after_the_header_timeout() {
    let folder = folder();
    let limits = limits(|limits| limits.header_timeout = SHORT);
    let server = start(Config { limits, ..config(folder.path()) });
    let mut frames = Frames::connect(&server, 1 << 16);
    // A question now and then is no request.
    frames.send(6, 0, 0, &[0; 8]);
    frames.end();
    let event = server.events.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(event, Event::TimedOut { stage: "head", .. }), "{event:?}");
}

#[test]
fn who_asks_no_more_is_told_and_gone_after_the_idle_timeout() {
    let folder = folder();
    let limits = limits(|limits| limits.idle_timeout = SHORT);
    let server = start(Config { limits, ..config(folder.path()) });
    let mut frames = Frames::connect(&server, 1 << 16);
    frames.get(1, "/hello.txt");
    assert_eq!(frames.wait_for(0).2, b"hello, world\n");
    assert_eq!(frames.end(), Some(0), "GOAWAY without an error");
    assert_eq!(server.stop(LONG).requests, 1);
}

#[test]
fn who_takes_nothing_is_gone_after_the_write_timeout() {
    let folder = folder();
    let limits = limits(|limits| limits.write_timeout = SHORT);
    let server = start(Config { limits, ..config(folder.path()) });
    let mut frames = Frames::connect(&server, 0);
    frames.get(1, "/large.bin");
    frames.end();
    let event = server.events.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(event, Event::TimedOut { stage: "answer", .. }), "{event:?}");
    // Who takes it slowly is not.
    let mut frames = Frames::connect(&server, 1 << 14);
    frames.get(1, "/large.bin");
    let mut received = Vec::new();
    while received.len() < 300_000 {
        let (_, _, data) = frames.wait_for(0);
        let more = u32::try_from(data.len()).unwrap().to_be_bytes();
        frames.send(8, 0, 1, &more);
        frames.send(8, 0, 0, &more);
        received.extend(data);
    }
    assert!(received == pattern(300_000));
}

#[test]
fn a_slow_body_is_refused_and_the_connection_goes_on() {
    let folder = folder();
    let limits = limits(|limits| limits.write_timeout = SHORT);
    let server = start(Config { limits, mounts: mounts(), ..config(folder.path()) });
    let mut frames = Frames::connect(&server, 1 << 16);
    let mut post = fields("/~/see");
    post[0] = 0x83;
    frames.send(1, 4, 1, &post);
    frames.send(0, 0, 1, b"slow");
    let text = String::from_utf8(frames.wait_for(0).2).unwrap();
    assert!(text.starts_with("408 "), "{text}");
    frames.get(3, "/hello.txt");
    while frames.wait_for(0).1 != 3 {}
}

/// What may be sent on a stream, and on the connection.
fn grant(frames: &mut Frames, stream: u32, bytes: u32) {
    frames.send(8, 0, stream, &bytes.to_be_bytes());
    frames.send(8, 0, 0, &bytes.to_be_bytes());
}

#[test]
fn one_stream_that_stalls_among_others_is_reset_and_they_go_on() {
    let folder = folder();
    let limits = limits(|limits| limits.write_timeout = SHORT);
    let server = start(Config { limits, ..config(folder.path()) });
    let mut frames = Frames::connect(&server, 1 << 14);
    // Of this one 16 KiB come, and no more is ever asked for.
    frames.get(1, "/large.bin");
    let mut stream = 3;
    frames.get(stream, "/hello.txt");
    let (reset, error) = loop {
        let (kind, _, id, payload) = frames.next().expect("the connection goes on");
        match (kind, id) {
            (3, _) => break (id, payload),
            (0, id) if id == stream => {
                frames.send(8, 0, 0, &u32::try_from(payload.len()).unwrap().to_be_bytes());
                stream += 2;
                frames.get(stream, "/hello.txt");
            }
            _ => {}
        }
    };
    assert_eq!((reset, &error[..]), (1, &[0, 0, 0, 8][..]), "CANCEL");
    let event = server.events.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(event, Event::TimedOut { stage: "answer", .. }), "{event:?}");
    // Who takes it slowly, beside others, is not.
    stream += 2;
    frames.get(stream, "/large.bin");
    let mut received = Vec::new();
    while received.len() < 300_000 {
        let (_, id, data) = frames.wait_for(0);
        if id == stream {
            grant(&mut frames, stream, u32::try_from(data.len()).unwrap());
            received.extend(data);
        }
    }
    assert!(received == pattern(300_000));
}

#[test]
fn a_file_that_is_rewritten_meanwhile_breaks_off() {
    let folder = folder();
    let path = folder.path().join("large.bin");
    crate::files::age(&path);
    let server = start(Config { limits: limits(|_| {}), ..config(folder.path()) });
    let mut frames = Frames::connect(&server, 1 << 14);
    frames.get(1, "/large.bin");
    frames.wait_for(0);
    std::fs::write(&path, vec![b'x'; 300_000]).unwrap();
    grant(&mut frames, 1, 1 << 20);
    let (_, stream, error) = frames.wait_for(3);
    assert_eq!((stream, &error[..]), (1, &[0, 0, 0, 2][..]), "INTERNAL_ERROR");
    frames.get(3, "/hello.txt");
    assert_eq!(frames.wait_for(0).1, 3, "the connection goes on");
}

#[test]
fn more_streams_than_allowed_are_refused() {
    let folder = folder();
    let server = start(Config { limits: limits(|_| {}), ..config(folder.path()) });
    let mut frames = Frames::connect(&server, 0);
    let settings = frames.wait_for(4).2;
    let streams = [&[0, 3][..], &http2::STREAMS_MAX.to_be_bytes()].concat();
    assert!(settings.chunks(6).any(|setting| setting == streams), "{settings:?}");
    for index in 0..=http2::STREAMS_MAX {
        frames.get(2 * index + 1, "/large.bin");
    }
    let (_, stream, error) = frames.wait_for(3);
    assert_eq!((stream, &error[..]), (2 * http2::STREAMS_MAX + 1, &[0, 0, 0, 7][..]));
}

#[test]
fn a_flood_of_resets_ends_the_connection() {
    let folder = folder();
    let server = start(Config { limits: limits(|_| {}), ..config(folder.path()) });
    let mut frames = Frames::connect(&server, 1 << 16);
    let mut flood = Vec::new();
    for index in 0..2000_u32 {
        let id = (2 * index + 1).to_be_bytes();
        let asked = fields("/large.bin");
        let length = u8::try_from(asked.len()).unwrap();
        flood.extend_from_slice(&[&[0, 0, length, 1, 5][..], &id, &asked].concat());
        flood.extend_from_slice(&[&[0, 0, 4, 3, 0][..], &id, &[0, 0, 0, 8]].concat());
    }
    let _ = frames.0.write_all(&flood);
    assert_eq!(frames.end(), Some(11), "ENHANCE_YOUR_CALM");
    assert_eq!(server.get("/hello.txt", "").status, 200);
}

#[test]
fn large_heads_are_refused() {
    let folder = folder();
    let limits = limits(|limits| limits.head_bytes_max = 4096);
    let server = start(Config { limits, ..config(folder.path()) });
    let mut frames = Frames::connect(&server, 1 << 16);
    let mut large = fields("/hello.txt");
    // x: aaa…, 8000 bytes, never indexed.
    large.extend_from_slice(&[0x10, 1, b'x', 0x7f, 0xc1, 0x3d]);
    large.extend(std::iter::repeat_n(b'a', 8000));
    frames.send(1, 5, 1, &large);
    let (_, stream, _) = frames.wait_for(1);
    assert_eq!(stream, 1, "431 by hyper");
    frames.get(3, "/hello.txt");
    assert_eq!(frames.wait_for(0).1, 3);
    // Without an end it is a flood.
    frames.send(1, 1, 5, &fields("/hello.txt"));
    for _ in 0..1000 {
        frames.send(9, 0, 5, &[&[0x10, 1, b'x', 0x7f, 0xc1, 0x3d][..], &[b'a'; 8000]].concat());
    }
    frames.end();
    assert_eq!(server.get("/hello.txt", "").status, 200);
}

#[test]
fn a_shutdown_finishes_what_was_asked_for() {
    let folder = folder();
    let server = start(Config { limits: limits(|_| {}), ..config(folder.path()) });
    let _silent = Frames::connect(&server, 1 << 16);
    let mut idle = Frames::connect(&server, 1 << 16);
    idle.get(1, "/hello.txt");
    idle.wait_for(0);
    let mut busy = Frames::connect(&server, 1 << 14);
    busy.get(1, "/large.bin");
    let mut received = busy.wait_for(0).2;
    server.shutdown.start(LONG);
    let (_, _, goaway) = busy.wait_for(7);
    assert_eq!(goaway[4..8], [0; 4]);
    while received.len() < 300_000 {
        busy.send(8, 0, 1, &16384_u32.to_be_bytes());
        busy.send(8, 0, 0, &16384_u32.to_be_bytes());
        received.extend(busy.wait_for(0).2);
    }
    let report = server.wait();
    assert_eq!((report.requests, report.cut), (2, 0));
}

#[test]
fn nghttp_gets_many_at_once() {
    if !need(Need::Program("nghttp")) {
        return;
    }
    let folder = folder();
    let secure: Secure = secure(config(folder.path()));
    let url = format!("https://localhost:{}", secure.server.address.port());
    let urls: Vec<String> = ["/hello.txt", "/large.bin", "/empty", "/none", "/with-index/"]
        .iter()
        .map(|path| format!("{url}{path}"))
        .collect();
    let mut nghttp = Command::new("nghttp");
    nghttp.args(["-n", "-s", "-m", "10", "--no-verify-peer"]).args(&urls);
    let done = Process::run(&mut nghttp, b"");
    assert_eq!(done.code(), Some(0), "{}", done.err());
    assert_eq!(done.out().matches("200 ").count(), 40, "{}", done.out());
    assert_eq!(secure.server.stop(LONG).connections, 1);
}

#[test]
fn the_other_engine_says_the_same_in_http1() {
    if !need(Need::Program("curl")) {
        return;
    }
    let folder = folder();
    let serve = |engine| start(Config { engine, mounts: mounts(), ..config(folder.path()) });
    let [own, other] = [Engine::Own, Engine::Hyper].map(serve);
    let ask = |server: &Running, path: &str, args: &[&str]| {
        let url = format!("http://{}{path}", server.address);
        let fixed = ["-i", "-H", "Host: hub", &url];
        comparable(&curl(&[&fixed[..], args].concat()).stdout)
    };
    for (path, args) in [
        ("/hello.txt", &[][..]),
        ("/hello.txt", &["-I"]),
        ("/hello.txt", &["-0"]),
        ("/large.bin", &[]),
        ("/large.bin", &["-r", "1000-280000"]),
        ("/sub/", &[]),
        ("/none", &[]),
        ("/~/made", &[]),
        ("/~/made", &["-0"]),
        ("/~/see", &["-d", "hello", "-b", "a=1; b=2"]),
        ("/~/see", &["-d", "hello", "-H", "Transfer-Encoding: chunked"]),
        ("/hello.txt", &["-X", "DELETE"]),
        ("/hello.txt", &["-X", "POST", "-d", "abc"]),
    ] {
        // To a request of HTTP/1.0 hyper says that it speaks no other.
        let (ours, theirs) = (ask(&own, path, args), ask(&other, path, args));
        assert_eq!(ours[3..], theirs[3..], "{path} {args:?}");
    }
    let url = format!("http://{}/~/take", other.address);
    assert_eq!(curl(&["-o", "/dev/null", "-w", "%{http_code}", &url]).out(), "501");
    let broken = curl(&[&format!("http://{}/~/broken", other.address)]);
    assert_ne!(broken.code(), Some(0));
    let mut idle = other.connect();
    idle.send("GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(idle.response().status, 200);
    assert_eq!(other.stop(LONG).cut, 0);
}
