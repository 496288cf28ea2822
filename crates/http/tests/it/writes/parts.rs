//! Uploads in parts: cut at any place they go on there, and end whole or not at all.

use super::*;
use crate::harness::{Client, folder, pattern};

const BYTES: usize = 300_000;

fn range(first: usize, all: usize) -> String {
    format!("Content-Range: bytes {first}-{}/{all}\r\n", all - 1)
}

/// How far the part has come, once nobody holds it any more; asks again while somebody does.
fn offset(server: &Running, target: &str) -> Option<usize> {
    let head = server.send(&format!("GET {target}"), "", b"");
    assert!(matches!(head.status, 204 | 404), "{}", head.head);
    head.header("upload-offset").map(|text| text.parse().unwrap())
}

/// Sends the head for all from `first`, then `count` bytes, and then nothing more.
fn cut(server: &Running, target: &str, content: &[u8], (first, count): (usize, usize)) {
    let all = content.len();
    let mut client = server.connect();
    client.send(format!(
        "PATCH {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n{}\r\n",
        all - first,
        range(first, all)
    ));
    client.send(&content[first..first + count]);
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
    // The answer comes when what came is kept.
    assert_eq!(client.response().status, 400);
}

#[test]
fn an_upload_cut_anywhere_goes_on() {
    let folder = folder();
    let content = pattern(BYTES);
    let mut server = open(folder.path());
    for (number, cuts) in [
        vec![0],
        vec![1],
        vec![BYTES - 1],
        vec![65_536, 131_072],
        vec![10, 11, 12, 70_000, 70_001, 299_999],
    ]
    .iter()
    .enumerate()
    {
        let target = format!("/sub/up{number}.bin?part=k{number}");
        let mut first = 0;
        for place in cuts {
            cut(&server, &target, &content, (first, place - first));
            let expected = if *place == 0 { None } else { Some(*place) };
            assert_eq!(offset(&server, &target), expected);
            first = *place;
            assert_eq!(server.get(&format!("/sub/up{number}.bin"), "").status, 404);
            // Another process goes on.
            server.stop(std::time::Duration::ZERO);
            server = open(folder.path());
        }
        let line = format!("PATCH {target}");
        let wrong = server.send(&line, &range(first + 1, BYTES + 1), &content[first..]);
        assert_eq!(wrong.status, 409);
        assert_eq!(wrong.header("upload-offset"), Some(&*first.to_string()));
        let done = server.send(&line, &range(first, BYTES), &content[first..]);
        assert_eq!(done.status, 201, "{}", done.head);
        let read = server.get(&format!("/sub/up{number}.bin"), "");
        assert!(read.body == content && read.header("etag") == done.header("etag"));
        assert_eq!(offset(&server, &target), None);
    }
    assert!(names(&folder.path().join("sub")).iter().all(|name| !name.starts_with('.')));
}

#[test]
fn parts_come_one_after_another() {
    let folder = folder();
    let content = pattern(1000);
    let server = open(folder.path());
    let part = |first: usize, last: usize, all: &str| {
        let fields = format!("Content-Range: bytes {first}-{last}/{all}\r\n");
        server.send("PATCH /up?part=a", &fields, &content[first..=last])
    };
    let one = part(0, 399, "*");
    assert_eq!((one.status, one.header("upload-offset")), (202, Some("400")));
    assert_eq!(part(400, 699, "1000").status, 202);
    assert_eq!(part(400, 699, "1000").status, 409, "twice");
    assert_eq!(part(700, 999, "*").status, 202);
    let end = "Content-Range: bytes */1000\r\n";
    assert_eq!(server.status("PATCH /up?part=a", "Content-Range: bytes */900\r\n", b""), 409);
    assert_eq!(server.status("PATCH /up?part=a", end, b""), 201);
    assert!(server.get("/up", "").body == content);
    // At 0 it begins anew, whatever came before.
    assert_eq!(part(0, 399, "1000").status, 202);
    assert_eq!(part(0, 999, "1000").status, 204);
    assert!(server.get("/up", "").body == content);
    for (fields, expected) in [
        ("", 400),
        ("Content-Range: bytes 0-1/1000\r\n", 400),
        ("Content-Range: bytes 0-4/*\r\nContent-Range: bytes 0-4/5\r\n", 400),
        ("Content-Range: lines 0-4/5\r\n", 400),
        ("Content-Range: bytes 0-4/5\r\nIf-None-Match: *\r\n", 412),
        ("Content-Range: bytes 5-9/10\r\n", 409),
    ] {
        assert_eq!(server.status("PATCH /up?part=b", fields, b"12345"), expected, "{fields}");
        assert_eq!(offset(&server, "/up?part=b"), None);
    }
    assert_eq!(server.status("PATCH /up", "Content-Range: bytes 0-4/5\r\n", b"12345"), 400);
    assert_eq!(server.status("PATCH /up?part=a/b", "Content-Range: bytes 0-0/1\r\n", b"1"), 400);
    let chunks = "PATCH /up?part=c HTTP/1.1\r\nHost: a\r\nContent-Range: bytes 0-4/5\r\n\
                  Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    for (rest, expected) in [("0\r\n\r\n", 400), ("9\r\n123456789\r\n0\r\n\r\n", 400)] {
        assert_eq!(server.ask(format!("{chunks}{rest}")).status, expected, "{rest}");
    }
    assert_eq!(server.ask(format!("{chunks}2\r\nde\r\n0\r\n\r\n")).status, 204);
    assert_eq!(server.get("/up", "").text(), "abcde");
    assert_eq!(server.status("PUT /whole?part=d", "", b"as PUT"), 201);
    assert_eq!(server.status("PATCH /nothing?part=d", "Content-Range: bytes */0\r\n", b""), 201);
    assert!(names(folder.path()).iter().all(|name| !name.contains("sockeye-part")));
}

#[test]
fn two_at_once_are_told_apart() {
    let folder = folder();
    let server = open(folder.path());
    let content = pattern(BYTES);
    let begin = |key: &str, byte: u8| -> Client {
        let mut client = server.connect();
        let line = format!("PUT /one?part={key} HTTP/1.1\r\nHost: a\r\nContent-Length: {BYTES}");
        client.send(format!("{line}\r\n\r\n"));
        client.send(vec![byte; BYTES / 2]);
        client
    };
    let mut first = begin("same", b'1');
    while offset(&server, "/one?part=same").is_none() {
        std::thread::yield_now();
    }
    let refused = server.send("PUT /one?part=same", "", &content);
    assert_eq!(refused.status, 409, "{}", refused.head);
    // With another key, and without one: each whole.
    let mut second = begin("other", b'2');
    assert_eq!(server.status("PUT /one", "", &content), 201);
    assert!(server.get("/one", "").body == content);
    first.send(vec![b'1'; BYTES / 2]);
    assert_eq!(first.response().status, 204);
    assert!(server.get("/one", "").body == vec![b'1'; BYTES]);
    second.send(vec![b'2'; BYTES / 2]);
    assert_eq!(second.response().status, 204);
    assert!(server.get("/one", "").body == vec![b'2'; BYTES]);
}

#[test]
fn a_cut_upload_without_a_key_leaves_nothing() {
    let folder = folder();
    let server = open(folder.path());
    let before = names(folder.path());
    for (line, fields) in [("PUT /cut", ""), ("PUT /hello.txt", ""), ("PUT /d/cut?parents", "")] {
        let mut client = server.connect();
        client.send(format!("{line} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n{fields}\r\n"));
        client.send("half");
        client.stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(client.response().status, 400);
    }
    std::fs::remove_dir(folder.path().join("d")).unwrap();
    assert_eq!(names(folder.path()), before);
    assert_eq!(server.get("/hello.txt", "").text(), "hello, world\n");
}

#[test]
fn old_parts_are_swept_at_the_start() {
    let folder = folder();
    let server = open(folder.path());
    cut(&server, "/sub/old?part=a", b"123456789", (0, 5));
    cut(&server, "/sub/new?part=a", b"123456789", (0, 5));
    server.stop(std::time::Duration::ZERO);
    let past = std::time::SystemTime::now() - std::time::Duration::from_secs(25 * 3600);
    for name in names(&folder.path().join("sub")).iter().filter(|name| name.contains(".old.")) {
        let file = std::fs::File::options().append(true).open(folder.path().join("sub").join(name));
        file.unwrap().set_modified(past).unwrap();
    }
    let server = open(folder.path());
    while offset(&server, "/sub/old?part=a").is_some() {
        std::thread::yield_now();
    }
    assert_eq!(offset(&server, "/sub/new?part=a"), Some(5));
}
