//! PUT, DELETE, MKCOL and MOVE, and their conditions; what was written is read at once.

use super::*;
use crate::harness::{Client, folder};

#[test]
fn rfc9110_9_3_4_put_makes_and_replaces() {
    let folder = folder();
    for cache in [true, false] {
        let server = start(Config { cache, ..writable(folder.path(), "", ALL) });
        let made = server.send("PUT /new.txt", "", b"one");
        assert_eq!((made.status, made.body.len()), (201, 0), "{}", made.head);
        // Over several connections, and so several workers, of which each keeps files.
        for round in 0..20 {
            let text = format!("round {round} {cache}");
            let put = server.send("PUT /new.txt", "", text.as_bytes());
            assert_eq!(put.status, 204);
            for _ in 0..3 {
                let read = server.get("/new.txt", "");
                assert_eq!(read.text(), text);
                assert_eq!(read.header("etag"), put.header("etag"));
            }
        }
        assert_eq!(server.status("PUT /empty-new", "", b""), 201);
        assert_eq!(server.status("DELETE /new.txt", "", b""), 204);
        assert_eq!(server.get("/new.txt", "").status, 404);
        assert_eq!(server.status("DELETE /empty-new", "", b""), 204);
    }
    let chunked = "PUT /sub/c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                   3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let server = open(folder.path());
    assert_eq!(server.ask(chunked).status, 201);
    assert_eq!(server.get("/sub/c", "").text(), "abcde");
    assert_eq!(server.status("PUT /none/x", "", b"x"), 409);
    assert_eq!(server.status("PUT /hello.txt/x", "", b"x"), 409);
    assert_eq!(server.status("PUT /sub", "", b"x"), 409);
    assert_eq!(server.status("PUT /none/deep/x?parents", "", b"x"), 201);
    assert_eq!(server.get("/none/deep/x", "").text(), "x");
    assert_eq!(server.status("PUT /z", "Content-Encoding: gzip\r\n", b"x"), 415);
    assert_eq!(server.status("PUT /z", "Content-Range: bytes 0-0/1\r\n", b"x"), 400);
    assert!(!folder.path().join("z").exists());
}

#[test]
fn rfc9110_13_2_2_conditions_hold_for_changes() {
    let folder = folder();
    let server = open(folder.path());
    let tag = server.get("/hello.txt", "").header("etag").unwrap().to_owned();
    let matching = format!("If-Match: {tag}\r\n");
    let other = format!("If-None-Match: {tag}\r\n");
    for (line, fields, expected) in [
        ("PUT /hello.txt", "If-None-Match: *\r\n", 412),
        ("PUT /hello.txt", &*other, 412),
        ("PUT /hello.txt", "If-Match: \"x\"\r\n", 412),
        ("PUT /hello.txt", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 412),
        ("PUT /absent", "If-Match: *\r\n", 412),
        ("DELETE /hello.txt", "If-Match: \"x\"\r\n", 412),
        ("DELETE /hello.txt", "If-None-Match: *\r\n", 412),
        ("DELETE /sub/", "If-Match: \"x\"\r\n", 412),
        ("MOVE /hello.txt", "Destination: /m\r\nIf-Match: \"x\"\r\n", 412),
        ("PUT /hello.txt", &*matching, 204),
        ("PUT /hello.txt", &*matching, 412),
        ("PUT /hello.txt", "If-Match: *\r\n", 204),
        ("PUT /absent", "If-None-Match: *\r\n", 201),
        ("DELETE /absent", "If-Match: *\r\n", 204),
    ] {
        let body: &[u8] = if line.starts_with("PUT") { b"changed" } else { b"" };
        assert_eq!(server.status(line, fields, body), expected, "{line} {fields}");
    }
    // The body is not asked for where the answer is known.
    let mut client = server.connect();
    client.send(
        "PUT /hello.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\
         If-None-Match: *\r\n\r\n",
    );
    assert_eq!(client.response().status, 412);
}

#[test]
fn of_two_with_one_tag_one_wins() {
    let folder = folder();
    let server = open(folder.path());
    for round in 0..10 {
        let tag = server.get("/hello.txt", "").header("etag").unwrap().to_owned();
        let fields = format!("If-Match: {tag}\r\n");
        let (address, fields) = (server.address, &fields);
        let won: Vec<bool> = std::thread::scope(|scope| {
            let put = move |writer: u8| {
                let mut client = Client::to(address);
                client.send(request("PUT /hello.txt", fields, &vec![writer; 1000 + round]));
                client.response().status == 204
            };
            let threads: Vec<_> = (0..4).map(|writer| scope.spawn(move || put(writer))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "{won:?}");
        let winner = u8::try_from(won.iter().position(|won| *won).unwrap()).unwrap();
        assert_eq!(server.get("/hello.txt", "").body, vec![winner; 1000 + round]);
    }
    assert!(names(folder.path()).iter().all(|name| !name.contains("sockeye-part")));
}

#[test]
fn folders_are_made_removed_and_moved() {
    let folder = folder();
    let server = open(folder.path());
    let made = server.send("MKCOL /new", "", b"");
    assert_eq!((made.status, made.header("location")), (201, Some("/new/")));
    assert_eq!(server.status("MKCOL /new/a%20b/", "", b""), 201);
    assert_eq!(server.status("MKCOL /new", "", b""), 405);
    assert_eq!(server.status("MKCOL /none/x", "", b""), 409);
    assert_eq!(server.status("MKCOL /x", "", b"body"), 415);
    assert_eq!(server.status("MOVE /new", "Destination: /moved\r\n", b""), 201);
    assert_eq!(names(&folder.path().join("moved")), ["a b"]);
    assert_eq!(server.status("MOVE /moved", "Destination: /moved/in\r\n", b""), 409);
    assert_eq!(server.status("MOVE /moved", "Destination: /moved\r\n", b""), 403);
    assert_eq!(server.status("MOVE /none", "Destination: /x\r\n", b""), 404);
    assert_eq!(server.status("MOVE /empty", "Destination: /none/x\r\n", b""), 409);
    let kept = "Destination: /hello.txt\r\nOverwrite: F\r\n";
    assert_eq!(server.status("MOVE /empty", kept, b""), 412);
    assert_eq!(server.get("/hello.txt", "").text(), "hello, world\n");
    assert_eq!(server.status("MOVE /empty", "Destination: http://a/hello.txt\r\n", b""), 204);
    assert_eq!(server.get("/hello.txt", "").text(), "");
    assert_eq!(server.get("/empty", "").status, 404);
    assert_eq!(server.status("MOVE /hello.txt", "Destination: /sub\r\n", b""), 409);
    assert_eq!(server.status("MOVE /hello.txt", "Destination: http://b/x\r\n", b""), 502);

    assert_eq!(server.get("/sub/inner.html", "").status, 200);
    assert_eq!(server.status("DELETE /sub/inner.html/", "", b""), 404);
    assert_eq!(server.status("DELETE /sub", "", b""), 204);
    assert_eq!(server.get("/sub/inner.html", "").status, 404);
    assert_eq!(server.get("/sub/", "").status, 404);
    assert_eq!(server.status("DELETE /sub", "", b""), 404);
    assert_eq!(server.status("DELETE /", "", b""), 403);
    assert!(folder.path().is_dir());
}

#[test]
fn a_folder_that_holds_too_much_stays() {
    let folder = folder();
    let mut config = writable(folder.path(), "", ALL);
    config.limits.delete_entries_max = 3;
    let server = start(config);
    for number in 0..4 {
        assert_eq!(server.status(&format!("PUT /many/{number}?parents"), "", b"x"), 201);
    }
    assert_eq!(server.status("DELETE /many/", "", b""), 409);
    assert_eq!(names(&folder.path().join("many")).len(), 4);
    assert_eq!(server.status("DELETE /many/0", "", b""), 204);
    assert_eq!(server.status("DELETE /many/", "", b""), 204);
}

#[test]
fn permission_bits_are_kept_or_usual() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let mode = |name: &str| {
        let meta = std::fs::metadata(folder.path().join(name)).unwrap();
        meta.permissions().mode() & 0o7777
    };
    let usual = mode("hello.txt");
    let private = std::fs::Permissions::from_mode(0o4640);
    std::fs::set_permissions(folder.path().join("empty"), private).unwrap();
    let server = open(folder.path());
    assert_eq!(server.status("PUT /new", "", b"x"), 201);
    assert_eq!(server.status("PUT /empty", "", b"x"), 204);
    assert_eq!((mode("new"), mode("empty")), (usual, 0o640));
}

#[test]
fn links_and_destinations_are_below_the_base() {
    let folder = folder();
    let base_path = "/base path".parse().unwrap();
    let server = start(Config { base_path, ..writable(folder.path(), "", ALL) });
    let made = server.send("MKCOL /base%20path/new", "", b"");
    assert_eq!((made.status, made.header("location")), (201, Some("/base%20path/new/")));
    assert_eq!(server.status("PUT /base%20path/new/a", "", b"a"), 201);
    assert_eq!(server.status("PUT /new/b", "", b"b"), 404);
    let to = |place: &str| {
        server.send("MOVE /base%20path/new/a", &format!("Destination: {place}\r\n"), b"")
    };
    assert_eq!(to("/new/b").status, 403);
    let moved = to("http://a/base%20path/b");
    assert_eq!((moved.status, moved.header("location")), (201, Some("/base%20path/b")));
    assert_eq!(std::fs::read(folder.path().join("b")).unwrap(), b"a");
    let form = server.send("POST /base%20path/?mkdir", "", b"name=x");
    assert_eq!(form.text(), "/base%20path/x\n");
}
