//! Full disks and limits of size: 507 or 413, and nothing under the final name.

use sockeye_testkit::privilege::with_tmpfs;
use sockeye_testkit::{Need, need};

use super::*;
use crate::harness::pattern;

const MIB: usize = 1 << 20;

#[test]
fn a_full_disk_is_507_and_leaves_nothing() {
    if !need(Need::MountNamespace) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    with_tmpfs(folder.path(), 1 << 20, || {
        let server = open(folder.path());
        let chunked = |line: &str, fields: &str| {
            let mut client = server.connect();
            let head = format!("{line} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked");
            client.send_what_is_taken(format!("{head}\r\n{fields}\r\n"));
            for _ in 0..32 {
                client.send_what_is_taken(b"10000\r\n");
                client.send_what_is_taken(vec![b'x'; 0x10000]);
                client.send_what_is_taken(b"\r\n");
            }
            client.send_what_is_taken(b"0\r\n\r\n");
            client.response()
        };
        // Told at once where the length is known.
        assert_eq!(server.status("PUT /big", "", &pattern(2 * MIB)), 507);
        // And as soon as it is full where not.
        assert_eq!(chunked("PUT /big", "").status, 507);
        assert_eq!(names(folder.path()), [""; 0]);
        assert_eq!(server.status("PUT /small", "", &pattern(MIB / 2)), 201);
        let form = "Content-Type: multipart/form-data; boundary=Xy\r\n";
        let head = "Content-Disposition: form-data; name=\"f\"; filename";
        let mut body = format!("--Xy\r\n{head}=\"a\"\r\n\r\nwhole\r\n--Xy\r\n{head}=\"b\"\r\n\r\n");
        body += &"x".repeat(MIB);
        body += "\r\n--Xy--\r\n";
        assert_eq!(server.status("POST /", form, body.as_bytes()), 507);
        let mut client = server.connect();
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{form}Transfer-Encoding: chunked");
        client.send(format!("{head}\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()));
        let answer = client.response();
        assert_eq!(answer.status, 507);
        assert!(answer.text().contains("kept before it: 1"), "{}", answer.text());
        assert_eq!(names(folder.path()), ["a", "small"]);
        // A part is the part that fits, and goes on when there is room.
        let all = pattern(MIB * 3 / 4);
        let line = "PATCH /part?part=k";
        let range = |first: usize, last: usize| {
            format!("Content-Range: bytes {first}-{last}/{}\r\n", all.len())
        };
        let answer = server.send(line, &range(0, all.len() - 1), &all);
        assert_eq!(answer.status, 507, "{}", answer.text());
        assert_eq!(server.status(line, &range(0, MIB / 4 - 1), &all[..MIB / 4]), 507);
        assert_eq!(server.status("DELETE /small", "", b""), 204);
        assert_eq!(server.status(line, &range(0, MIB / 4 - 1), &all[..MIB / 4]), 202);
        let rest = range(MIB / 4, all.len() - 1);
        assert_eq!(server.status(line, &rest, &all[MIB / 4..]), 201);
        assert!(server.get("/part", "").body == all);
        assert_eq!(server.status("PUT /part", "", &pattern(MIB / 2)), 507);
        assert!(server.get("/part", "").body == all, "what was there stays");
    });
}

#[test]
fn some_room_is_kept() {
    if !need(Need::MountNamespace) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    with_tmpfs(folder.path(), 4 << 20, || {
        let mut config = writable(folder.path(), "", ALL);
        config.limits.upload_free_bytes_min = 256 << 20;
        let server = start(config);
        // Of so small a disk a twentieth.
        assert_eq!(server.status("PUT /most", "", &pattern(MIB * 7 / 2)), 201);
        assert_eq!(server.status("PUT /more", "", &pattern(MIB * 2 / 5)), 507);
        assert_eq!(server.status("PUT /little", "", b"x"), 201);
    });
}

#[test]
fn a_limit_of_size_is_413() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = writable(folder.path(), "", ALL);
    config.writes.as_mut().unwrap().upload_bytes_max = Some(10);
    let server = start(config);
    assert_eq!(server.status("PUT /a", "", b"0123456789"), 201);
    assert_eq!(server.status("PUT /b", "", b"0123456789x"), 413);
    let chunked = "PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                   6\r\n012345\r\n6\r\n012345\r\n0\r\n\r\n";
    assert_eq!(server.ask(chunked).status, 413);
    let part = |fields: &str| server.status("PATCH /d?part=a", fields, b"01234");
    assert_eq!(part("Content-Range: bytes 0-4/11\r\n"), 413);
    assert_eq!(part("Content-Range: bytes 0-4/*\r\n"), 202);
    assert_eq!(part("Content-Range: bytes 5-9/*\r\n"), 202);
    assert_eq!(part("Content-Range: bytes 10-14/*\r\n"), 413);
    let form = "Content-Type: multipart/form-data; boundary=Xy\r\n";
    assert_eq!(server.status("POST /", form, b"--Xy--\r\n012345"), 413);
    assert_eq!(names(folder.path()).len(), 2, "{:?}", names(folder.path()));
}

#[test]
fn so_many_uploads_of_one_address_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = writable(folder.path(), "", ALL);
    config.limits.uploads_per_address_max = 1;
    let server = start(config);
    let mut first = server.connect();
    let head = "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n";
    first.send(format!("{head}Expect: 100-continue\r\n\r\n"));
    assert_eq!(first.response_to("HEAD").status, 100);
    assert_eq!(server.status("PUT /b", "", b"x"), 503);
    first.send("x");
    assert_eq!(first.response().status, 201);
    assert_eq!(server.status("PUT /b", "", b"x"), 201);
}

#[test]
fn so_many_uploads_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = writable(folder.path(), "", ALL);
    config.limits.uploads_max = 2;
    let server = start(config);
    let begin = |name: &str| {
        let mut client = server.connect();
        client.send(format!(
            "PUT /{name} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"
        ));
        client.wait();
        client
    };
    let (mut first, mut second) = (begin("a"), begin("b"));
    let third = server.send("PUT /c", "", b"x");
    assert_eq!((third.status, third.header("retry-after")), (503, Some("10")));
    for client in [&mut first, &mut second] {
        assert_eq!(client.response_to("HEAD").status, 100);
        client.send("x");
        assert_eq!(client.response().status, 201);
    }
    assert_eq!(server.status("PUT /c", "", b"x"), 201);
}
