//! The seam: plans, files, bodies, gates and takeover by handlers.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use sockeye_http::{
    Answer, Config, Handler, Headers, Limits, Method, Mount, Plan, Request, Status,
};
use sockeye_socket::Address;

use crate::harness::{Running, config, folder, start};

fn mount(prefix: &str, handler: impl Handler + 'static) -> Mount {
    Mount { prefix: prefix.to_owned(), handler: Arc::new(handler) }
}

fn serve(folder: &tempfile::TempDir, mounts: Vec<Mount>) -> Running {
    start(Config { mounts, ..config(folder.path()) })
}

#[test]
fn a_handler_answers_below_its_prefix() {
    let folder = folder();
    let handler = |request: &Request<'_>| {
        let text = format!(
            "{} {} {:?} {:?}",
            request.method_name(),
            String::from_utf8_lossy(request.rest()),
            request.query(),
            request.host()
        );
        Answer::Plan(Plan::new(Status::OK).with_content("text/plain", text.into_bytes()))
    };
    let server = serve(&folder, vec![mount("~part", handler)]);
    assert_eq!(server.get("/~part/a/b?c", "").text(), "GET a/b Some(\"c\") Some(\"a\")");
    assert_eq!(server.get("/~part", "").text(), "GET  None Some(\"a\")");
    assert_eq!(server.get("/~party", "").status, 404);
    assert_eq!(server.get("/hello.txt", "").status, 200);
}

#[test]
fn a_mount_at_the_root_is_a_gate() {
    let folder = folder();
    let gate = |request: &Request<'_>| match request.host() {
        Some("good.example") => Answer::Pass,
        _ => Answer::Plan(Plan::text(Status::MISDIRECTED_REQUEST, "not the name of this server")),
    };
    let server = serve(&folder, vec![mount("", gate)]);
    assert_eq!(server.get("/hello.txt", "").status, 421);
    let request = "GET /hello.txt HTTP/1.1\r\nHost: good.example\r\n\r\n";
    assert_eq!(server.ask(request).status, 200);
}

#[test]
fn a_handler_may_give_a_file() {
    let folder = folder();
    let path = folder.path().join("large.bin");
    let handler = move |_: &Request<'_>| {
        let mut headers = Headers::default();
        headers.push("Content-Disposition", "attachment");
        Answer::File(File::open(&path).unwrap(), "x/y".to_owned(), headers)
    };
    let server = serve(&folder, vec![mount("~get", handler)]);
    let response = server.get("/~get", "Range: bytes=0-99\r\n");
    assert_eq!((response.status, response.body.len()), (206, 100));
    assert_eq!(response.header("content-disposition"), Some("attachment"));
    assert_eq!(response.header("content-type"), Some("x/y"));
}

/// Takes bodies of at most 100,000 bytes and says how they ended.
fn drop_box(request: &Request<'_>) -> Answer {
    if request.method() != Method::Post {
        return Answer::Pass;
    }
    Answer::Receive(
        100_000,
        Box::new(|body| {
            let mut content = Vec::new();
            let text = match body.read_to_end(&mut content) {
                Ok(length) => format!("{length} {}", content.escape_ascii()),
                Err(error) => format!("{:?}", error.kind()),
            };
            Plan::new(Status::CREATED).with_content("text/plain", text.into_bytes())
        }),
    )
}

#[test]
fn a_handler_reads_bodies_of_both_framings() {
    let folder = folder();
    let server = serve(&folder, vec![mount("~drop", drop_box)]);
    let mut client = server.connect();
    for framed in [
        "Content-Length: 5\r\n\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    ] {
        let request = format!("POST /~drop HTTP/1.1\r\nHost: a\r\n{framed}");
        client.send(&request);
        let response = client.response();
        assert_eq!((response.status, response.text()), (201, "5 hello"));
        for byte in request.as_bytes() {
            client.send([*byte]);
        }
        assert_eq!(client.response().text(), "5 hello");
    }
    client.send("POST /~drop HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.response().text(), "0 ");
    let large = "x".repeat(90_000);
    client.send(format!("POST /~drop HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n{large}"));
    assert_eq!(client.response().text(), format!("90000 {large}"));
    // GET is passed on: there is no such file.
    client.send("GET /~drop HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.response().status, 404);
}

#[test]
fn continue_is_said_where_it_is_waited_for() {
    let folder = folder();
    let server = serve(&folder, vec![mount("~drop", drop_box)]);
    let mut client = server.connect();
    let request = "POST /~drop HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n";
    client.send(format!("{request}Content-Length: 5\r\n\r\n"));
    assert_eq!(client.response().status, 100);
    client.send("hello");
    assert_eq!(client.response().text(), "5 hello");
    // Nobody wants that one: no 100, and the connection ends, for the body may or may not come.
    client.send(format!("{request}Content-Length: 100001\r\n\r\n"));
    let response = client.response();
    assert_eq!((response.status, response.header("connection")), (413, Some("close")));
}

#[test]
fn bodies_have_limits() {
    let folder = folder();
    let limits = Limits { write_timeout: Duration::from_millis(200), ..Limits::default() };
    let mounts = vec![mount("~drop", drop_box)];
    let server = start(Config { mounts, limits, ..config(folder.path()) });
    let post = "POST /~drop HTTP/1.1\r\nHost: a\r\n";
    let chunk = format!("186A1\r\n{}\r\n0\r\n\r\n", "x".repeat(100_001));
    let too_large = format!("{post}Transfer-Encoding: chunked\r\n\r\n{chunk}");
    assert_eq!(server.ask(too_large).status, 413);
    let malformed = format!("{post}Transfer-Encoding: chunked\r\n\r\nnonsense\r\n");
    assert_eq!(server.ask(malformed).status, 400);
    assert_eq!(server.ask(format!("{post}Content-Length: 5\r\n\r\nhe")).status, 408);
}

#[test]
fn a_cut_body_is_not_the_end_of_a_body() {
    let folder = folder();
    let (sender, outcomes) = mpsc::channel();
    let handler = move |_: &Request<'_>| {
        let sender = sender.clone();
        let receive = move |body: &mut dyn Read| {
            let outcome = body.read_to_end(&mut Vec::new()).map_err(|error| error.kind());
            sender.send(outcome).unwrap();
            Plan::new(Status::CREATED)
        };
        Answer::Receive(1000, Box::new(receive))
    };
    let server = serve(&folder, vec![mount("~drop", handler)]);
    for (head, content) in
        [("Content-Length: 5", "hell"), ("Transfer-Encoding: chunked", "5\r\nhe")]
    {
        let mut client = server.connect();
        client.send(format!("POST /~drop HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n{content}"));
        client.stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(outcomes.recv().unwrap().is_err(), "{head}");
        assert_eq!(client.response().status, 400);
    }
    let mut client = server.connect();
    client.send("POST /~drop HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell");
    drop(client);
    assert!(outcomes.recv().unwrap().is_err());
}

#[test]
fn a_handler_may_answer_before_the_body_has_come() {
    let folder = folder();
    let handler = |_: &Request<'_>| {
        let receive = |body: &mut dyn Read| {
            let mut first = [0; 1];
            body.read_exact(&mut first).unwrap();
            Plan::text(Status::FORBIDDEN, "no")
        };
        Answer::Receive(u64::MAX, Box::new(receive))
    };
    let server = serve(&folder, vec![mount("~drop", handler)]);
    let mut client = server.connect();
    let length = 4 * 1024 * 1024;
    client.send(format!("POST /~drop HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"));
    client.send(vec![b'x'; length]);
    assert_eq!(client.response().status, 403);
    client.send("GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.response().status, 200);
}

/// Sends what was left over back, and then everything that comes.
fn echo(fd: OwnedFd, leftover: Vec<u8>, peer: Address) {
    assert!(peer.ip().is_some());
    std::thread::spawn(move || {
        let mut stream = TcpStream::from(fd);
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").unwrap();
        stream.write_all(&leftover).unwrap();
        std::io::copy(&mut stream.try_clone().unwrap(), &mut stream).unwrap();
    });
}

#[test]
fn a_connection_is_taken_over_with_what_was_received() {
    let folder = folder();
    let handler = |request: &Request<'_>| {
        if request.has("upgrade", "echo") { Answer::Takeover(Box::new(echo)) } else { Answer::Pass }
    };
    let server = serve(&folder, vec![mount("~echo", handler)]);
    let mut client = server.connect();
    let good = "GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n";
    let upgrade = "GET /~echo HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x, Echo\r\n";
    client.send(format!("{good}{upgrade}\r\nleftover "));
    assert_eq!(client.response().status, 200);
    assert_eq!(client.response().status, 101);
    client.send("and more");
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.rest(), b"leftover and more");
    let with_body = format!("{upgrade}Content-Length: 2\r\n\r\nab");
    assert_eq!(server.ask(with_body).status, 400);
}

#[test]
fn a_handler_that_panics_spoils_one_answer() {
    let folder = folder();
    let handler = |_: &Request<'_>| Answer::Receive(10, Box::new(|_| panic!("on purpose")));
    let server = serve(&folder, vec![mount("~drop", handler)]);
    let post = "POST /~drop HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab";
    assert_eq!(server.ask(post).status, 500);
    assert_eq!(server.get("/hello.txt", "").status, 200);
}
