//! Codings by `Accept-Encoding`: what stands beside a file, and what is made when it is asked for.
//! The coders' own programs judge what comes out.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use sockeye_http::{Coding, Config, Limits};
use sockeye_testkit::{Need, need};

use crate::harness::{Response, Running, config, folder, start};

const ALL: &str = "Accept-Encoding: gzip, deflate, br, zstd\r\n";

/// `b.js` with all three beside it, which say what they are.
fn site() -> tempfile::TempDir {
    let root = folder();
    for (name, content) in [
        ("b.js", "plain"),
        ("b.js.br", "as br"),
        ("b.js.zst", "as zstd"),
        ("b.js.gz", "as gzip"),
        ("sub/only.css", "plain"),
        ("sub/only.css.gz", "as gzip"),
    ] {
        std::fs::write(root.path().join(name), content).unwrap();
    }
    std::fs::write(root.path().join("text.txt"), "a line of text\n".repeat(1000)).unwrap();
    root
}

fn precompressed(root: &Path) -> Running {
    start(Config { precompressed: true, ..config(root) })
}

fn compressing(root: &Path) -> Running {
    start(Config { compress: Coding::ALL.to_vec(), ..config(root) })
}

/// Coding, body.
fn outcome(response: &Response) -> (Option<&str>, &str) {
    (response.header("content-encoding"), response.text())
}

#[test]
fn the_most_wanted_of_what_stands_beside_it() {
    let root = site();
    let server = precompressed(root.path());
    // Twice, since the second could come from what is kept.
    for _ in 0..2 {
        for (accept, coding) in [
            ("gzip, deflate, br, zstd", Some("br")),
            ("zstd, gzip", Some("zstd")),
            ("gzip, br;q=0.5", Some("gzip")),
            ("*", Some("br")),
            ("br;q=0, *", Some("zstd")),
            ("identity", None),
            ("gzip;q=0.5, identity", None),
            ("deflate", None),
            ("", None),
        ] {
            let response = server.get("/b.js", &format!("Accept-Encoding: {accept}\r\n"));
            let text = coding.map_or("plain".to_owned(), |coding| format!("as {coding}"));
            assert_eq!(outcome(&response), (coding, text.as_str()), "{accept}");
            assert_eq!(response.header("vary"), Some("Accept-Encoding"), "{accept}");
            let kind = response.header("content-type");
            assert_eq!(kind, Some("text/javascript; charset=utf-8"), "{accept}");
        }
        let response = server.get("/b.js", "");
        assert_eq!(outcome(&response), (None, "plain"));
        assert_eq!(response.header("vary"), Some("Accept-Encoding"));
        assert_eq!(outcome(&server.get("/sub/only.css", ALL)), (Some("gzip"), "as gzip"));
        let refused = server.get("/sub/only.css", "Accept-Encoding: br, *;q=0\r\n");
        assert_eq!(
            (refused.status, refused.header("vary")),
            (406, Some("Accept, Accept-Encoding"))
        );
        assert_eq!(outcome(&server.get("/b.js.gz", "")), (None, "as gzip"));
    }
}

#[test]
fn each_has_a_tag_of_its_own_and_ranges_of_its_own() {
    let root = site();
    let server = precompressed(root.path());
    let tag = |fields: &str| server.get("/b.js", fields).header("etag").unwrap().to_owned();
    let (plain, packed) = (tag(""), tag(ALL));
    assert_ne!(plain, packed);
    for (tag, accept) in [(&plain, ""), (&packed, ALL)] {
        let fields = format!("{accept}If-None-Match: {tag}\r\n");
        let response = server.get("/b.js", &fields);
        assert_eq!((response.status, response.header("etag")), (304, Some(tag.as_str())));
        assert_eq!(response.header("vary"), Some("Accept-Encoding"));
        assert_eq!(response.header("content-encoding"), None);
    }
    let other = format!("{ALL}If-None-Match: {plain}\r\n");
    assert_eq!(server.get("/b.js", &other).status, 200);
    let part = server.get("/b.js", &format!("{ALL}Range: bytes=3-\r\nIf-Range: {packed}\r\n"));
    assert_eq!((part.status, outcome(&part)), (206, (Some("br"), "br")));
    assert_eq!(part.header("content-range"), Some("bytes 3-4/5"));
    let whole = server.get("/b.js", &format!("{ALL}Range: bytes=3-\r\nIf-Range: {plain}\r\n"));
    assert_eq!((whole.status, outcome(&whole)), (200, (Some("br"), "as br")));
}

#[test]
fn what_is_older_or_hidden_or_no_file_is_not_taken() {
    let root = site();
    let server = precompressed(root.path());
    let old = SystemTime::now() - Duration::from_secs(10);
    let stale = std::fs::File::options().write(true).open(root.path().join("b.js.br")).unwrap();
    stale.set_modified(old).unwrap();
    assert_eq!(outcome(&server.get("/b.js", ALL)), (Some("zstd"), "as zstd"));
    std::fs::remove_file(root.path().join("b.js.zst")).unwrap();
    std::fs::create_dir(root.path().join("b.js.zst")).unwrap();
    assert_eq!(outcome(&server.get("/b.js", ALL)), (Some("gzip"), "as gzip"));
    std::fs::remove_file(root.path().join("b.js.gz")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", root.path().join("b.js.gz")).unwrap();
    assert_eq!(outcome(&server.get("/b.js", ALL)), (None, "plain"));
    let off = start(config(root.path()));
    let response = off.get("/sub/only.css", ALL);
    assert_eq!((outcome(&response), response.header("vary")), ((None, "plain"), None));
}

/// What `program` makes of `bytes`.
fn unpacked(program: &str, bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .arg("-dc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

#[test]
fn the_coders_own_programs_unpack_what_is_made() {
    let root = site();
    let server = compressing(root.path());
    let expected = std::fs::read(root.path().join("text.txt")).unwrap();
    for (coding, program) in [("br", "brotli"), ("zstd", "zstd"), ("gzip", "gzip")] {
        if !need(Need::Program(program)) {
            continue;
        }
        for _ in 0..2 {
            let response = server.get("/text.txt", &format!("Accept-Encoding: {coding}\r\n"));
            assert_eq!(response.header("content-encoding"), Some(coding));
            assert!(response.body.len() < expected.len() / 10);
            assert!(unpacked(program, &response.body) == expected, "{coding}");
        }
    }
}

#[test]
fn what_is_made_has_a_weak_tag_and_no_parts() {
    let root = site();
    let server = compressing(root.path());
    let plain = server.get("/text.txt", "").header("etag").unwrap().to_owned();
    let response = server.get("/text.txt", ALL);
    let tag = response.header("etag").unwrap().to_owned();
    assert_eq!(tag, format!("W/{}-br\"", plain.trim_end_matches('"')));
    assert_eq!(response.header("accept-ranges"), Some("none"));
    assert_eq!(response.header("vary"), Some("Accept-Encoding"));
    let length = response.header("content-length").unwrap().to_owned();
    let known = server.get("/text.txt", &format!("{ALL}If-None-Match: {tag}\r\n"));
    assert_eq!((known.status, known.header("etag")), (304, Some(tag.as_str())));
    assert_eq!(server.get("/text.txt", &format!("{ALL}If-None-Match: {plain}\r\n")).status, 200);
    assert_eq!(server.get("/text.txt", &format!("{ALL}If-Match: {tag}\r\n")).status, 412);
    // A part is one of the file itself.
    let part = server.get("/text.txt", &format!("{ALL}Range: bytes=0-5\r\n"));
    assert_eq!((part.status, outcome(&part)), (206, (None, "a line")));
    assert_eq!(part.header("etag"), Some(plain.as_str()));
    let fields = "Accept-Encoding: br, identity;q=0\r\nRange: bytes=0-5\r\n";
    assert_eq!(server.get("/text.txt", fields).status, 200);
    let mut client = server.connect();
    client.send(format!("HEAD /text.txt HTTP/1.1\r\nHost: a\r\n{ALL}\r\n"));
    assert_eq!(client.response_to("HEAD").header("content-length"), Some(length.as_str()));
}

#[test]
fn only_text_of_some_size_is_compressed() {
    let root = site();
    std::fs::write(root.path().join("text.bin"), "a line of text\n".repeat(1000)).unwrap();
    std::fs::write(root.path().join("short.txt"), "x".repeat(255)).unwrap();
    std::fs::write(root.path().join("long.txt"), "x".repeat(20_001)).unwrap();
    std::fs::write(root.path().join("fits.json"), "x".repeat(20_000)).unwrap();
    let limits = Limits { packed_file_bytes_max: 20_000, ..Limits::default() };
    let server = start(Config { compress: vec![Coding::Gzip], limits, ..config(root.path()) });
    for (path, coding) in [
        ("/text.bin", None),
        ("/short.txt", None),
        ("/long.txt", None),
        ("/fits.json", Some("gzip")),
    ] {
        assert_eq!(server.get(path, ALL).header("content-encoding"), coding, "{path}");
        assert_eq!(server.get(path, "").header("content-encoding"), None, "{path}");
    }
    assert_eq!(server.get("/text.bin", "Accept-Encoding: identity;q=0\r\n").status, 406);
}

#[test]
fn a_change_of_the_file_is_seen_at_once_in_every_coding() {
    let root = site();
    let server = compressing(root.path());
    if !need(Need::Program("gzip")) {
        return;
    }
    for round in 0..5 {
        let text = format!("round {round}\n").repeat(100);
        std::fs::write(root.path().join("text.txt"), &text).unwrap();
        assert_eq!(server.get("/text.txt", "").text(), text);
        let packed = server.get("/text.txt", "Accept-Encoding: gzip\r\n");
        assert_eq!(unpacked("gzip", &packed.body), text.as_bytes());
    }
}

#[test]
fn where_no_more_can_be_made_the_file_goes_out_as_it_is() {
    let root = site();
    let limits = Limits { packs_max: 0, ..Limits::default() };
    let server = start(Config { compress: vec![Coding::Gzip], limits, ..config(root.path()) });
    assert_eq!(server.get("/text.txt", ALL).header("content-encoding"), None);
    let response = server.get("/text.txt", "Accept-Encoding: gzip, identity;q=0\r\n");
    assert_eq!((response.status, response.header("retry-after")), (503, Some("5")));
}

#[test]
fn what_stands_beside_it_comes_before_what_is_made() {
    let root = site();
    let config = config(root.path());
    let server = start(Config { compress: vec![Coding::Brotli], precompressed: true, ..config });
    std::fs::write(root.path().join("text.txt.gz"), "as gzip").unwrap();
    assert_eq!(outcome(&server.get("/text.txt", ALL)), (Some("gzip"), "as gzip"));
    let made = server.get("/text.txt", "Accept-Encoding: br\r\n");
    assert_eq!(made.header("content-encoding"), Some("br"));
}

#[test]
fn curl_unpacks_what_it_asks_for() {
    if !need(Need::Program("curl")) {
        return;
    }
    let root = site();
    let server = compressing(root.path());
    let url = format!("http://{}/text.txt", server.address);
    let output = Command::new("curl").args(["-sS", "--compressed", &url]).output().unwrap();
    assert!(output.stdout == std::fs::read(root.path().join("text.txt")).unwrap());
}
