//! Requests of browsers, and of those that only look like it.

use super::*;

const ASKED: Asked = Asked { encrypted: false, head_bytes_max: 1024 };
const SECURE: Asked = Asked { encrypted: true, ..ASKED };

fn pages() -> Pages {
    Pages { origins: vec!["https://ours.example".into()], names: vec!["hub.local".into()] }
}

/// The head and the body of an answer.
fn answered(input: &[u8]) -> (String, Vec<u8>) {
    let Verdict::Answer(answer) = judge(&pages(), input, ASKED) else { panic!("no answer") };
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head");
    let (head, body) = answer.split_at(end + 4);
    (String::from_utf8(head.to_vec()).expect("text"), body.to_vec())
}

#[test]
fn the_page_is_there_and_nothing_else() {
    for target in ["/", "/?x=1"] {
        let (head, body) = answered(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        assert!(head.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"));
        assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{head}");
        assert!(head.contains("default-src 'none'") && head.contains("Connection: close\r\n"));
        assert!(body.starts_with(b"<!doctype html>"));
        let (head_only, none) =
            answered(format!("HEAD {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        assert_eq!((head_only, none), (head, Vec::new()));
    }
    for target in ["/x", "//", "/../", "*", "http://a/"] {
        let (head, _) = answered(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        assert!(head.starts_with("HTTP/1.1 404 "), "{target}: {head}");
    }
    assert!(answered(b"GET / HTTP/1.0\r\n\r\n").0.starts_with("HTTP/1.1 200 "));
}

#[test]
fn heads_are_whole_bounded_and_name_one_host() {
    let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for cut in 0..head.len() {
        assert_eq!(judge(&pages(), &head[..cut], ASKED), Verdict::More, "at {cut}");
    }
    for bad in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "GET /\r\n\r\n",
    ] {
        assert!(answered(bad.as_bytes()).0.starts_with("HTTP/1.1 400 "), "{bad}");
    }
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(1024));
    assert!(answered(long.as_bytes()).0.starts_with("HTTP/1.1 431 "));
    let whole = format!("{long}\r\n\r\n");
    assert!(answered(whole.as_bytes()).0.starts_with("HTTP/1.1 431 "), "however it has come");
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(65));
    assert!(answered(many.as_bytes()).0.starts_with("HTTP/1.1 431 "));
}

/// The status of a WebSocket's request, and the sub-protocol.
fn opened(fields: &str, asked: Asked) -> (u16, Option<SubProtocol>) {
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
    let input = format!(
        "GET /any HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{key}\
         Sec-WebSocket-Protocol: sockeye.1\r\n{fields}\r\n"
    );
    match judge(&pages(), input.as_bytes(), asked) {
        Verdict::More => panic!("whole"),
        Verdict::Answer(answer) => {
            let status = std::str::from_utf8(&answer[9..12]).expect("digits");
            (status.parse().expect("a status"), None)
        }
        Verdict::Upgrade { protocol, greeting, bytes } => {
            assert_eq!(bytes, input.len());
            assert!(greeting.starts_with(b"HTTP/1.1 101 "));
            (101, Some(protocol))
        }
    }
}

#[test]
fn pages_of_other_sites_do_not_talk_here() {
    let page = |host: &str, origin: &str, asked| {
        opened(&format!("Host: {host}\r\nOrigin: {origin}\r\n"), asked).0
    };
    assert_eq!(opened("Host: whatever\r\n", ASKED), (101, Some(SubProtocol::Page)), "no browser");
    for (host, origin) in [
        ("127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("[::1]:9000", "http://[::1]:9000"),
        ("localhost:9000", "http://LOCALHOST:9000"),
        ("hub.local", "http://hub.local:80"),
        ("hub.local:9000", "https://ours.example"),
        ("rebound.example:9000", "https://ours.example"),
    ] {
        assert_eq!(page(host, origin, ASKED), 101, "{host} {origin}");
    }
    for (host, origin) in [
        ("127.0.0.1:9000", "http://127.0.0.1:8080"),
        ("127.0.0.1:9000", "http://evil.example"),
        ("127.0.0.1:9000", "null"),
        ("127.0.0.1:9000", "http://ours.example"),
        ("127.0.0.1:9000", ""),
        ("rebound.example:9000", "http://rebound.example:9000"),
    ] {
        assert_eq!(page(host, origin, ASKED), 403, "{host} {origin}");
    }
    assert_eq!(
        page("a.example:9000", "https://a.example:9000", SECURE),
        101,
        "a certificate's name"
    );
    assert_eq!(page("a.example:9000", "http://a.example:9000", SECURE), 403);
    assert_eq!(page("a.example", "https://b.example", SECURE), 403);
}

#[test]
fn what_is_no_websocket_is_told_so() {
    let ask = |fields: &str| {
        let input = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        answered(input.as_bytes()).0
    };
    let old = ask("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n");
    assert!(old.starts_with("HTTP/1.1 426 ") && old.contains("\r\nSec-WebSocket-Version: 13\r\n"));
    assert!(ask("Upgrade: h2c\r\nConnection: Upgrade\r\n").starts_with("HTTP/1.1 426 "));
    let keyless = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n";
    assert!(ask(keyless).starts_with("HTTP/1.1 400 "));
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    assert!(ask(&format!("{keyless}{key}")).starts_with("HTTP/1.1 400 "), "no sub-protocol");
}

#[test]
fn what_may_become_a_request_is_waited_for() {
    for begins in [&b"G"[..], b"GET ", b"GET /x", b"HEAD /", b"\r\nGET /"] {
        assert!(may_be(begins), "{begins:?}");
    }
    for other in [&b""[..], b"\r\n", b"GET some", b"hello", b"POST /"] {
        assert!(!may_be(other), "{other:?}");
    }
}
