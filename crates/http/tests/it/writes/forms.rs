//! Forms with files: each file whole under a name of its own, folders as they came.

use super::*;
use crate::harness::folder;

const FORM: &str = "Content-Type: multipart/form-data; boundary=Xy\r\n";

fn form(files: &[(&str, &str)]) -> Vec<u8> {
    let mut body =
        String::from("--Xy\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nno file\r\n");
    for (name, content) in files {
        body += &format!(
            "--Xy\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: text/html\r\n\r\n{content}\r\n"
        );
    }
    (body + "--Xy--\r\n").into_bytes()
}

#[test]
fn files_of_a_form_are_kept_beside_what_is_there() {
    let folder = folder();
    let server = open(folder.path());
    let files = [("a.txt", "one"), ("hello.txt", "two"), ("", ""), ("p/q/r.txt", "three")];
    let answer = server.send("POST /", FORM, &form(&files));
    assert_eq!(answer.status, 201);
    assert_eq!(answer.text(), "/a.txt\n/hello%20%281%29.txt\n/p/q/r.txt\n");
    assert_eq!(server.get("/a.txt", "").text(), "one");
    assert_eq!(server.get("/hello.txt", "").text(), "hello, world\n");
    assert_eq!(server.get("/hello%20(1).txt", "").text(), "two");
    assert_eq!(server.get("/p/q/r.txt", "").text(), "three");
    let browser = format!("{FORM}Accept: text/html,*/*\r\n");
    let answer = server.send("POST /sub/?x", &browser, &form(&[("ü.txt", "four")]));
    assert_eq!((answer.status, answer.header("location")), (303, Some("/sub/")));
    assert_eq!(server.get("/sub/%C3%BC.txt", "").text(), "four");
}

#[test]
fn what_is_no_form_or_no_name_is_refused() {
    let folder = folder();
    let server = open(folder.path());
    assert_eq!(server.status("POST /", "", b"x"), 415);
    assert_eq!(server.status("POST /", "Content-Type: text/plain\r\n", b"x"), 415);
    assert_eq!(server.status("POST /none/", FORM, &form(&[("a", "x")])), 404);
    assert_eq!(server.status("POST /hello.txt", FORM, &form(&[("a", "x")])), 405);
    let before = names(folder.path());
    for name in [
        "../up",
        "/etc/passwd",
        "a/../b",
        "a//b",
        ".",
        "..",
        "a/.",
        ".hidden",
        "a/.hidden/b",
        "a\\b",
        "a%0Ab",
        "a%0D",
        "a\u{1}b",
        "a\0b",
        ".x.sockeye-part",
        "a/",
    ] {
        let answer = server.send("POST /", FORM, &form(&[(name, "bad")]));
        assert_eq!(answer.status, 400, "{name:?}: {}", answer.text());
        assert_eq!(names(folder.path()), before, "{name:?}");
    }
    let long = "x".repeat(256);
    assert_eq!(server.status("POST /", FORM, &form(&[(&long, "x")])), 400);
    let answer = server.send("POST /", FORM, &form(&[("good", "x"), ("../bad", "y")]));
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("kept before it: 1"), "{}", answer.text());
    assert_eq!(server.get("/good", "").text(), "x");
    let whole = form(&[("first", "x"), ("second", "y")]);
    for end in [whole.len() - 30, whole.len() - 5] {
        assert_eq!(server.status("POST /sub/", FORM, &whole[..end]), 400);
    }
    assert!(!folder.path().join("sub/second").exists());
    assert!(names(&folder.path().join("sub")).iter().all(|name| !name.starts_with('.')));
}

#[test]
fn a_form_makes_a_folder() {
    let folder = folder();
    let server = open(folder.path());
    let make = |target: &str, fields: &str, name: &str| {
        server.send(&format!("POST {target}?mkdir"), fields, format!("name={name}").as_bytes())
    };
    let made = make("/sub/", "", "new+one");
    assert_eq!((made.status, made.text()), (201, "/sub/new%20one\n"));
    assert!(folder.path().join("sub/new one").is_dir());
    let browser = make("/", "Accept: text/html\r\n", "other");
    assert_eq!((browser.status, browser.header("location")), (303, Some("/")));
    assert_eq!(make("/", "", "other").status, 409);
    for name in ["", "..", ".hidden", "a%2Fb", "a%00", "a%0A", "%2e%2e%2fx"] {
        assert_eq!(make("/", "", name).status, 400, "{name}");
    }
    assert_eq!(make("/none/", "", "x").status, 409);
    assert_eq!(make("/", "", &"x".repeat(9000)).status, 413);
}
