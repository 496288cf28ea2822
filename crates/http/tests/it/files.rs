//! Files: bytes, types, ranges, conditions, sizes around every way of sending.

use std::io::{Read, Write};
use std::time::Duration;

use sockeye_http::{Config, Event, Root, Rule};

use crate::harness::{PATIENCE, config, folder, pattern, start};

#[test]
fn a_file_has_its_bytes_type_and_validators() {
    let folder = folder();
    let server = start(config(folder.path()));
    let response = server.get("/hello.txt", "");
    assert_eq!((response.status, response.text()), (200, "hello, world\n"));
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(response.header("content-length"), Some("13"));
    for name in ["etag", "last-modified", "date", "accept-ranges", "cache-control"] {
        assert!(response.header(name).is_some(), "{name}");
    }
    assert_eq!(server.get("/empty", "").body, b"");
}

#[test]
fn every_size_and_every_way_of_sending() {
    let folder = folder();
    let server = start(config(folder.path()));
    let mut client = server.connect();
    let kib = 1024;
    for size in [1, 32 * kib - 1, 32 * kib, 32 * kib + 1, kib * kib, 3 * kib * kib + 7] {
        let content = pattern(size);
        std::fs::write(folder.path().join("sized"), &content).unwrap();
        client.send("GET /sized HTTP/1.1\r\nHost: a\r\n\r\n");
        let response = client.response();
        assert_eq!(response.status, 200);
        assert!(response.body == content, "{size} bytes differ");
    }
}

#[test]
fn head_is_get_without_the_body() {
    let folder = folder();
    let server = start(config(folder.path()));
    let mut client = server.connect();
    for target in ["/hello.txt", "/large.bin", "/", "/nothing"] {
        client.send(format!("HEAD {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let head = client.response_to("HEAD");
        client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let get = client.response();
        assert_eq!(head.status, get.status);
        let without_date = |head: &str| {
            head.lines().filter(|line| !line.starts_with("Date")).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(without_date(&head.head), without_date(&get.head), "{target}");
    }
}

#[test]
fn ranges() {
    let folder = folder();
    let server = start(config(folder.path()));
    let content = pattern(300_000);
    for (range, bytes) in [
        ("0-0", 0..1),
        ("10-19", 10..20),
        ("299999-", 299_999..300_000),
        ("-5", 299_995..300_000),
        ("1000-250000", 1000..250_001),
    ] {
        let response = server.get("/large.bin", &format!("Range: bytes={range}\r\n"));
        assert_eq!(response.status, 206, "{range}");
        assert!(response.body == content[bytes.clone()], "{range}");
        let expected = format!("bytes {}-{}/300000", bytes.start, bytes.end - 1);
        assert_eq!(response.header("content-range"), Some(expected.as_str()));
    }
    let response = server.get("/large.bin", "Range: bytes=300000-\r\n");
    assert_eq!((response.status, response.header("content-range")), (416, Some("bytes */300000")));
}

#[test]
fn several_ranges_in_parts() {
    let folder = folder();
    let server = start(config(folder.path()));
    let content = pattern(300_000);
    let response = server.get("/large.bin", "Range: bytes=0-9,100000-199999,-1\r\n");
    assert_eq!(response.status, 206);
    let media_type = response.header("content-type").unwrap();
    let boundary = media_type.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let mut expected = Vec::new();
    for range in [0..10, 100_000..200_000, 299_999..300_000] {
        let fields = format!(
            "\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\n\
             Content-Range: bytes {}-{}/300000\r\n\r\n",
            range.start,
            range.end - 1
        );
        expected.extend_from_slice(fields.as_bytes());
        expected.extend_from_slice(&content[range]);
    }
    expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    assert!(response.body == expected);
}

#[test]
fn conditions() {
    let folder = folder();
    let server = start(config(folder.path()));
    let first = server.get("/hello.txt", "");
    let (etag, date) = (first.header("etag").unwrap(), first.header("last-modified").unwrap());
    let mut client = server.connect();
    for (fields, status) in [
        (format!("If-None-Match: {etag}\r\n"), 304),
        (format!("If-None-Match: W/{etag}\r\n"), 304),
        ("If-None-Match: *\r\n".to_owned(), 304),
        ("If-None-Match: \"other\"\r\n".to_owned(), 200),
        (format!("If-Modified-Since: {date}\r\n"), 304),
        (format!("If-Modified-Since: {date}\r\nIf-None-Match: \"other\"\r\n"), 200),
        (format!("If-Match: {etag}\r\n"), 200),
        ("If-Match: \"other\"\r\n".to_owned(), 412),
        (format!("If-Range: {etag}\r\nRange: bytes=0-1\r\n"), 206),
        ("If-Range: \"other\"\r\nRange: bytes=0-1\r\n".to_owned(), 200),
    ] {
        client.send(format!("GET /hello.txt HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        assert_eq!(client.response().status, status, "{fields}");
    }
}

#[test]
fn a_changed_file_has_another_tag() {
    let folder = folder();
    let server = start(config(folder.path()));
    let tag = || server.get("/hello.txt", "").header("etag").unwrap().to_owned();
    let before = tag();
    assert_eq!(before, tag());
    let new = folder.path().join("new");
    std::fs::write(&new, b"hello, world\n").unwrap();
    std::fs::rename(new, folder.path().join("hello.txt")).unwrap();
    assert_ne!(before, tag());
}

#[test]
fn a_file_replaced_while_it_is_sent_stays_whole() {
    let folder = folder();
    let large = folder.path().join("large.bin");
    std::fs::write(&large, pattern(20_000_000)).unwrap();
    let server = start(config(folder.path()));
    let mut client = server.connect();
    client.send("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    client.wait();
    // The socket's buffers are far smaller than the file, so it is still being sent.
    let new = folder.path().join("new");
    std::fs::write(&new, b"new").unwrap();
    std::fs::rename(new, &large).unwrap();
    assert!(client.response().body == pattern(20_000_000));
    assert_eq!(server.get("/large.bin", "").body, b"new");
}

#[test]
fn a_file_cut_short_while_it_is_sent_ends_the_connection() {
    let folder = folder();
    let large = folder.path().join("large.bin");
    std::fs::write(&large, pattern(40_000_000)).unwrap();
    let server = start(config(folder.path()));
    let mut client = server.connect();
    client.send("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    client.wait();
    let file = std::fs::OpenOptions::new().write(true).open(&large).unwrap();
    file.set_len(10_000_000).unwrap();
    assert!(client.rest().len() < 40_000_000);
}

/// Makes a file an hour old: a change of now is told from it by any clock.
pub(crate) fn age(path: &std::path::Path) {
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_modified(std::time::SystemTime::now() - Duration::from_secs(3600)).unwrap();
}

#[test]
fn a_file_that_is_rewritten_meanwhile_breaks_off_and_one_that_grows_does_not() {
    const BYTES: usize = 40_000_000;
    let folder = folder();
    let large = folder.path().join("large.bin");
    let plain = start(config(folder.path()));
    let secure = crate::tls::secure(config(folder.path()));
    let head = b"GET /large.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let rest_after = |change: &dyn Fn()| {
        std::fs::write(&large, vec![b'a'; BYTES]).unwrap();
        age(&large);
        let (mut client, mut safe) = (plain.connect(), secure.connect());
        client.send(head);
        safe.write_all(head).unwrap();
        client.wait();
        safe.read_exact(&mut [0; 100]).unwrap();
        change();
        let mut rest = Vec::new();
        let end = safe.read_to_end(&mut rest);
        (client.rest(), rest, end.is_ok())
    };
    let (plainly, safely, ended_well) = rest_after(&|| {
        std::fs::write(&large, vec![b'b'; BYTES]).unwrap();
    });
    assert!(plainly.len() < BYTES && safely.len() < BYTES && !ended_well);
    let (plainly, safely, ended_well) = rest_after(&|| {
        let mut file = std::fs::OpenOptions::new().append(true).open(&large).unwrap();
        file.write_all(b"one line more").unwrap();
    });
    assert!(plainly.ends_with(&[b'a'; 100]) && plainly.len() > BYTES);
    assert!(safely.ends_with(&[b'a'; 100]) && safely.len() > BYTES && ended_well);
}

#[test]
fn one_file_is_served_at_the_root_and_by_its_name() {
    let folder = folder();
    let file = folder.path().join("sub/näme \"x\".txt");
    std::fs::write(&file, b"only this").unwrap();
    let server = start(Config { root: Root::File(file), ..config(folder.path()) });
    let response = server.get("/", "");
    assert_eq!((response.status, response.text()), (200, "only this"));
    assert_eq!(
        response.header("content-disposition"),
        Some(
            "inline; filename=\"n__me _x_.txt\"; \
             filename*=UTF-8''n%C3%A4me%20%22x%22.txt"
        )
    );
    let response = server.get("/n%C3%A4me%20%22x%22.txt", "");
    assert_eq!((response.status, response.text()), (200, "only this"));
    for target in ["/inner.html", "/hello.txt", "/sub/", "/../hello.txt", "/x/"] {
        assert_eq!(server.get(target, "").status, 404, "{target}");
    }
}

#[test]
fn header_rules_and_media_types() {
    let folder = folder();
    let rules = ["*.txt: Cache-Control: max-age=60", "**: X-Everywhere: yes"];
    let server = start(Config {
        headers: rules.map(|rule| Rule::parse(rule).unwrap()).to_vec(),
        media_types: vec![("bin".to_owned(), "application/x-pattern".to_owned())],
        ..config(folder.path())
    });
    let response = server.get("/hello.txt", "");
    assert_eq!(response.header("cache-control"), Some("max-age=60"));
    assert_eq!(response.head.matches("ache-").count(), 1);
    assert_eq!(response.header("x-everywhere"), Some("yes"));
    let response = server.get("/large.bin", "");
    assert_eq!(response.header("content-type"), Some("application/x-pattern"));
    assert_eq!(server.get("/", "").header("x-everywhere"), Some("yes"));
}

#[test]
fn a_whole_answer_with_the_one_file_is_a_download() {
    let folder = folder();
    for name in ["hello.txt", "large.bin"] {
        let root = Root::File(folder.path().join(name));
        let server = start(Config { root, ..config(folder.path()) });
        let tag = server.get("/", "").header("etag").unwrap().to_owned();
        // Twice: once it is read, once it is kept.
        server.get("/", "");
        server.get("/", "Range: bytes=0-3\r\n");
        server.get("/", &format!("If-None-Match: {tag}\r\n"));
        server.get("/nothing", "");
        server.ask("OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut client = server.connect();
        client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
        client.response_to("HEAD");
        server.get("/", "If-None-Match: \"another\"\r\n");
        let events = server.stop_with_events(PATIENCE);
        let is_download = |event: &&Event| matches!(event, Event::Downloaded { .. });
        let downloads = events.iter().filter(is_download).count();
        assert_eq!(downloads, 3, "{name}");
    }
    let server = start(config(folder.path()));
    server.get("/hello.txt", "");
    let events = server.stop_with_events(PATIENCE);
    assert!(!events.iter().any(|event| matches!(event, Event::Downloaded { .. })));
}

#[test]
fn a_download_that_ends_early_is_none() {
    let folder = folder();
    let path = folder.path().join("huge");
    std::fs::write(&path, vec![0; 50_000_000]).unwrap();
    let server = start(Config { root: Root::File(path), ..config(folder.path()) });
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.wait();
    drop(client);
    let events = server.stop_with_events(PATIENCE);
    assert!(!events.iter().any(|event| matches!(event, Event::Downloaded { .. })), "{events:?}");
}
