//! Changes and rules by path: every name that a request changes is judged, not only its target.

use sockeye_http::Auth;

use super::*;
use crate::access::{auth, basic};
use crate::harness::folder;

#[test]
fn each_name_that_is_changed_is_judged() {
    let folder = folder();
    for name in ["a/private", "a/more/deep", "b"] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("a/private/x"), "private").unwrap();
    std::fs::write(folder.path().join("a/x"), "x").unwrap();
    let rules = auth(&[
        "anna:HASH@/:rw",
        "bob:HASH@/a:rw",
        "bob@/b:w",
        "anonymous@/b:r",
        "anna@/a/private:rw",
        "anna@/a/new/private:rw",
    ]);
    let server = start(Config { auth: rules, ..writable(folder.path(), "", ALL) });
    let (anna, bob) = (basic("anna:password"), basic("bob:password"));
    let form = "Content-Type: multipart/form-data; boundary=Xy\r\n";
    let file = |name: &str| {
        let head = "Content-Disposition: form-data; name=\"f\"; filename";
        format!("--Xy\r\n{head}=\"{name}\"\r\n\r\nfile\r\n--Xy--\r\n").into_bytes()
    };
    let as_bob = |line: &str, fields: &str, body: &[u8]| {
        server.status(line, &format!("{bob}{fields}"), body)
    };
    let to = |place: &str| format!("Destination: {place}\r\n");
    for (line, fields, body, expected) in [
        ("PUT /a/y", "", &b"y"[..], 201),
        ("PUT /x", "", b"y", 403),
        ("PUT /a/private/y", "", b"y", 403),
        ("PUT /a/new/private/y?parents", "", b"y", 403),
        ("DELETE /a/private/x", "", b"", 403),
        ("DELETE /a", "", b"", 403),
        ("MOVE /a", &to("/a2"), b"", 403),
        ("MOVE /a/y", &to("/y"), b"", 403),
        ("MOVE /a/y", &to("/a/private/y"), b"", 403),
        ("MOVE /a/y", &to("/a/z"), b"", 201),
        ("MOVE /a/more", &to("/a/new"), b"", 403),
        ("MKCOL /a/private/d", "", b"", 403),
        ("MKCOL /a/d", "", b"", 201),
        ("POST /a/?mkdir", "", b"name=private", 403),
        ("POST /a/", form, &file("private/y"), 403),
        ("POST /a/", form, &file("new/private/y"), 403),
        ("POST /a/", form, &file("d/deep/y"), 201),
        // Who may only write there finds out how far the own part has come, and reads nothing.
        ("PATCH /b/up?part=k", "Content-Range: bytes 0-1/4\r\n", b"ab", 202),
        ("GET /b/up?part=k", "", b"", 204),
        ("PATCH /b/up?part=k", "Content-Range: bytes 2-3/4\r\n", b"cd", 201),
        ("MOVE /a/z", &to("/b/z"), b"", 201),
        ("DELETE /a/more", "", b"", 204),
        // All of it is his, but not the folder that it is in.
        ("DELETE /b", "", b"", 403),
    ] {
        assert_eq!(as_bob(line, fields, body), expected, "{line} {fields}");
    }
    assert_eq!(server.status("GET /b/up?part=k", "", b""), 401);
    let nobody = server.send("PUT /b/up", "", b"x");
    assert_eq!(nobody.status, 401);
    assert!(nobody.header("www-authenticate").is_some());
    let allow = |fields: &str| {
        let answer = server.send("OPTIONS /b/up", fields, b"");
        answer.header("allow").unwrap().to_owned()
    };
    assert_eq!(allow(""), "GET, HEAD, OPTIONS");
    assert!(allow(&bob).contains("PUT"));
    assert_eq!(server.status("DELETE /a", &anna, b""), 403, "her rights end where /a has its own");
    assert_eq!(std::fs::read(folder.path().join("a/private/x")).unwrap(), b"private");
    assert_eq!(names(&folder.path().join("a/private")), ["x"]);
    assert!(!folder.path().join("a/new").exists());
}

#[test]
fn a_page_by_any_name_may_where_somebody_has_a_password() {
    let folder = folder();
    let auth = Some(std::sync::Arc::new(Auth::password("secret")));
    let server = start(Config { auth, ..writable(folder.path(), "", ALL) });
    let put = |fields: &str| server.status("PUT /x", fields, b"x");
    let (own, known) = ("Origin: http://a\r\n", basic("me:secret"));
    assert_eq!(put(own), 401);
    assert_eq!(put(&format!("{own}{known}")), 201);
    assert_eq!(put(&format!("Origin: http://evil.example\r\n{known}")), 403);
}
