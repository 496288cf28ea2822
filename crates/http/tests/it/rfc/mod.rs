//! Rules of RFC 9110 and 9112 as a table: each request whole, byte by byte, and pipelined after a
//! good one, and what comes back each time.

use std::io::Write;

use crate::harness::{Client, Running, config, folder, start};

const GOOD: &str = "GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n";

/// Section, request, status, whether the connection goes on.
const RULES: &[(&str, &str, u16, bool)] = &[
    (
        "9112 2.2 leading empty lines",
        "\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        200,
        true,
    ),
    ("9112 2.2 lines ended by LF", "GET /hello.txt HTTP/1.1\nHost: a\n\n", 200, true),
    ("9112 2.2 bare CR", "GET /hello.txt HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400, false),
    ("9112 2.3 a version without digits", "GET / HTTP/x.y\r\nHost: a\r\n\r\n", 400, false),
    ("9110 2.5 another major version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, false),
    ("9110 2.5 a higher minor version", "GET /empty HTTP/1.2\r\nHost: a\r\n\r\n", 200, true),
    ("9112 3 two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, false),
    ("9112 3 no version", "GET /\r\nHost: a\r\n\r\n", 400, false),
    ("9112 3 a long target", "GET /LONG HTTP/1.1\r\nHost: a\r\n\r\n", 414, false),
    ("9112 3.1 a method nobody knows", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501, true),
    ("9110 9.1 methods have cases", "get / HTTP/1.1\r\nHost: a\r\n\r\n", 501, true),
    ("9112 3.2 no Host", "GET / HTTP/1.1\r\n\r\n", 400, false),
    ("9112 3.2 two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, false),
    ("9112 3.2 an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, false),
    ("9112 3.2 a malformed Host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, false),
    ("9112 3.2.1 no slash", "GET hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", 400, true),
    ("9112 3.2.2 absolute form", "GET http://b/hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", 200, true),
    ("9112 3.2.3 authority form", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501, true),
    ("9112 3.2.4 asterisk form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 200, true),
    ("9112 3.2.4 asterisk only for OPTIONS", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, true),
    ("9112 5.1 no colon", "GET / HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n", 400, false),
    ("9112 5.1 a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, false),
    ("9110 5.1 a bad name", "GET / HTTP/1.1\r\nHost: a\r\nX(: y\r\n\r\n", 400, false),
    ("9110 5.5 NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 400, false),
    ("9112 5.2 a folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400, false),
    (
        "9112 6.1 an unknown coding",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n",
        501,
        false,
    ),
    (
        "9112 6.1 a coding in HTTP/1.0",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
        false,
    ),
    (
        "9112 6.2 a signed length",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n",
        400,
        false,
    ),
    (
        "9112 6.2 a list of lengths",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 0\r\n\r\n",
        400,
        false,
    ),
    (
        "9112 6.3 a body with GET",
        "GET /hello.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
        200,
        true,
    ),
    ("9112 9.3 HTTP/1.0 closes", "GET /hello.txt HTTP/1.0\r\n\r\n", 200, false),
    (
        "9112 9.3 HTTP/1.0 may go on",
        "GET /hello.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        200,
        true,
    ),
    (
        "9112 9.6 close",
        "GET /hello.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        200,
        false,
    ),
    ("9110 9.3.7 OPTIONS", "OPTIONS /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", 204, true),
    ("9110 10.1.1 an expectation", "GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417, false),
    ("9110 15.5.5 nothing there", "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404, true),
    (
        "9110 15.5.6 POST",
        "POST /hello.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab",
        405,
        true,
    ),
    ("9110 15.5.6 PUT", "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405, true),
    ("9110 15.5.6 DELETE", "DELETE /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", 405, true),
    ("9110 15.5.6 TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405, true),
    ("6585 5 a large field", "GET / HTTP/1.1\r\nHost: a\r\nX: LARGE\r\n\r\n", 431, false),
    ("3986 2.1 bad encoding", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400, true),
    ("3986 3.5 a fragment", "GET /hello.txt#x HTTP/1.1\r\nHost: a\r\n\r\n", 400, true),
];

fn expect(client: &mut Client, rule: &(&str, &str, u16, bool), how: &str) {
    let (section, _, status, goes_on) = *rule;
    let response = client.response();
    assert_eq!(response.status, status, "{section}, {how}: {}", response.head);
    assert!(response.header("date").is_some(), "{section}, {how}: no Date");
    if status == 405 {
        assert_eq!(response.header("allow"), Some("GET, HEAD, OPTIONS"), "{section}, {how}");
    }
    let says_close = response.header("connection") == Some("close");
    assert_eq!(says_close, !goes_on, "{section}, {how}: {}", response.head);
    if goes_on {
        client.send(GOOD);
        assert_eq!(client.response().text(), "hello, world\n", "{section}, {how}: went on");
    } else {
        // The server has shut its side, and closes once we have: no answer is cut off.
        assert!(client.is_closed(), "{section}, {how}: goes on");
    }
}

fn send_slowly(client: &mut Client, request: &[u8]) {
    for byte in request {
        // The server may have refused already, and closed.
        if client.stream.write_all(&[*byte]).is_err() {
            return;
        }
    }
}

fn check(server: &Running, rule: &(&str, &str, u16, bool)) {
    let request = rule.1.replace("LONG", &"a".repeat(8200)).replace("LARGE", &"a".repeat(33_000));
    let mut client = server.connect();
    client.send(&request);
    expect(&mut client, rule, "whole");
    let mut client = server.connect();
    send_slowly(&mut client, request.as_bytes());
    expect(&mut client, rule, "byte by byte");
    let mut client = server.connect();
    client.send(format!("{GOOD}{request}"));
    assert_eq!(client.response().text(), "hello, world\n", "{}", rule.0);
    expect(&mut client, rule, "pipelined");
}

#[test]
fn every_rule_whole_byte_by_byte_and_pipelined() {
    let folder = folder();
    let server = start(config(folder.path()));
    for rule in RULES {
        check(&server, rule);
    }
}

#[test]
fn many_requests_in_one_piece_are_answered_in_order() {
    let folder = folder();
    for index in 0..100 {
        std::fs::write(folder.path().join(format!("f{index}")), format!("{index}")).unwrap();
    }
    let server = start(config(folder.path()));
    let mut client = server.connect();
    let request = |index| format!("GET /f{index} HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send((0..100).map(request).collect::<String>());
    for index in 0..100 {
        assert_eq!(client.response().text(), index.to_string());
    }
}

#[test]
fn a_client_that_shuts_its_side_gets_its_answers() {
    let folder = folder();
    let server = start(config(folder.path()));
    let mut client = server.connect();
    client.send(GOOD.repeat(3));
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
    for _ in 0..3 {
        assert_eq!(client.response().text(), "hello, world\n");
    }
    assert!(client.is_closed());
}

#[test]
fn a_refused_body_is_read_so_that_the_answer_arrives() {
    let folder = folder();
    let server = start(config(folder.path()));
    let mut client = server.connect();
    let length = 8 * 1024 * 1024;
    client.send(format!("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"));
    client.send(vec![b'x'; length]);
    assert_eq!(client.response().status, 405);
    client.send(GOOD);
    assert_eq!(client.response().status, 200);
}

#[test]
fn tls_on_a_plain_port_is_told_so() {
    let folder = folder();
    let server = start(config(folder.path()));
    let mut client = server.connect();
    client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    let response = client.response();
    assert_eq!(response.status, 400);
    assert!(response.text().contains("not TLS"), "{}", response.text());
}

#[test]
fn dates_are_http_dates() {
    let folder = folder();
    let server = start(config(folder.path()));
    let response = server.get("/hello.txt", "");
    for name in ["date", "last-modified"] {
        let date = response.header(name).unwrap();
        assert!(date.ends_with(" GMT") && date.len() == 29, "{name}: {date}");
    }
}
