//! Where changes are allowed, to whom, and what becomes of what was uploaded; hostile names, links
//! and pages.

use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::harness::folder;

#[test]
fn without_leave_everything_is_only_read() {
    let folder = folder();
    let server = start(config(folder.path()));
    for line in ["PUT /x", "PATCH /x?part=a", "POST /", "DELETE /hello.txt"] {
        let answer = server.send(line, "", b"");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
    }
    assert_eq!(server.status("MKCOL /x", "", b""), 501);
    assert_eq!(server.get("/hello.txt?part=a", "").text(), "hello, world\n");
}

#[test]
fn only_below_the_folder_that_was_opened() {
    let folder = folder();
    std::fs::create_dir_all(folder.path().join("up/in")).unwrap();
    std::fs::create_dir_all(folder.path().join("upper")).unwrap();
    let server = start(writable(folder.path(), "up", ALL));
    for target in ["/x", "/upper/x", "/sub/x", "/u"] {
        let answer = server.send(&format!("PUT {target}"), "", b"x");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
        assert_eq!(server.status(&format!("MKCOL {target}"), "", b""), 405);
    }
    assert_eq!(server.status("PUT /up/x", "", b"x"), 201);
    for (destination, expected) in [("/x", 403), ("/upper/x", 403), ("/up", 403), ("/up/y", 201)] {
        let fields = format!("Destination: {destination}\r\n");
        assert_eq!(server.status("MOVE /up/x", &fields, b""), expected, "{destination}");
    }
    assert_eq!(server.status("MOVE /hello.txt", "Destination: /up/h\r\n", b""), 405);
    for line in ["DELETE /up", "DELETE /up/", "MOVE /up"] {
        assert_eq!(server.status(line, "Destination: /up/z\r\n", b""), 403, "{line}");
    }
    assert_eq!(server.status("PUT /up", "", b"x"), 409);
    let allow = |target: &str| {
        let answer = server.send(&format!("OPTIONS {target}"), "", b"");
        answer.header("allow").unwrap().to_owned()
    };
    assert_eq!(allow("/hello.txt"), "GET, HEAD, OPTIONS");
    assert_eq!(allow("/up/"), "GET, HEAD, OPTIONS, POST, MKCOL, DELETE, MOVE");
    assert_eq!(allow("/up/x"), "GET, HEAD, OPTIONS, PUT, PATCH, MKCOL, DELETE, MOVE");
    assert!(allow("*").contains("PATCH"));
    let folder_put = server.send("PUT /up/in/", "", b"x");
    assert_eq!(folder_put.status, 405);
    assert_eq!(folder_put.header("allow"), Some(&*allow("/up/in/")));
}

#[test]
fn each_leave_is_one_of_its_own() {
    let folder = folder();
    let none = Allowed::default();
    for (allowed, put, delete, mkdir, moved) in [
        (Allowed { upload: true, ..none }, 201, 405, 405, 405),
        (Allowed { delete: true, ..none }, 405, 204, 405, 405),
        (Allowed { mkdir: true, ..none }, 405, 405, 201, 405),
        (Allowed { upload: true, delete: true, ..none }, 201, 204, 405, 201),
    ] {
        std::fs::write(folder.path().join("gone"), "x").unwrap();
        std::fs::write(folder.path().join("here"), "x").unwrap();
        let server = start(writable(folder.path(), "", allowed));
        assert_eq!(server.status("PUT /put", "", b"x"), put, "{allowed:?}");
        assert_eq!(server.status("DELETE /gone", "", b""), delete, "{allowed:?}");
        assert_eq!(server.status("MKCOL /made", "", b""), mkdir, "{allowed:?}");
        let to = "Destination: /there\r\n";
        assert_eq!(server.status("MOVE /here", to, b""), moved, "{allowed:?}");
        for name in ["put", "there"] {
            let _ = std::fs::remove_file(folder.path().join(name));
        }
        let _ = std::fs::remove_dir(folder.path().join("made"));
    }
}

#[test]
fn what_was_uploaded_is_saved_and_never_shown() {
    let folder = folder();
    let up = Allowed { upload: true, ..Allowed::default() };
    let server = start(writable(folder.path(), "sub", up));
    let page = b"<script>alert(1)</script>";
    assert_eq!(server.status("PUT /sub/a%20%C3%BC.html", "", page), 201);
    assert_eq!(server.status("PUT /sub/index.html", "", page), 201);
    for fields in ["", "Range: bytes=0-3\r\n", "", ""] {
        let file = server.get("/sub/a%20%C3%BC.html", fields);
        let disposition = "attachment; filename*=UTF-8''a%20%C3%BC.html";
        assert_eq!(file.header("content-disposition"), Some(disposition));
        assert_eq!(file.header("content-security-policy"), Some("sandbox"));
        assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
    }
    let listing = server.get("/sub/", "");
    assert!(listing.text().contains("index.html") && !listing.text().contains("alert"));
    let other = server.get("/with-index/", "");
    assert_eq!((other.text(), other.header("content-disposition")), ("<p>index</p>", None));
}

#[test]
fn hostile_names_change_nothing() {
    let folder = folder();
    let server = open(folder.path());
    let before = names(folder.path());
    for (target, expected) in [
        ("/../x", 404),
        ("/%2e%2e/x", 404),
        ("/..%2fx", 404),
        ("/..%2F..%2Fx", 404),
        ("/sub/../x", 404),
        ("/sub/%2e%2e/x", 404),
        ("//x", 404),
        ("/.", 404),
        ("/..\\x", 400),
        ("/%5c..%5cx", 400),
        ("/x%00", 400),
        ("/x%0a", 400),
        ("/x%7f", 400),
        ("/.hidden", 405),
        ("/%2ehidden", 405),
        ("/.git/x", 405),
        ("/sub/.x", 405),
        ("/.x.sockeye-part", 405),
    ] {
        for line in ["PUT", "PATCH", "DELETE", "MKCOL", "MOVE"] {
            let target =
                if line == "PATCH" { format!("{target}?part=a") } else { target.to_owned() };
            let fields = match line {
                "PATCH" => "Content-Range: bytes 0-0/1\r\n",
                "MOVE" => "Destination: /y\r\n",
                _ => "",
            };
            let body: &[u8] = if line.starts_with('P') { b"x" } else { b"" };
            let status = server.status(&format!("{line} {target}"), fields, body);
            assert_eq!(status, expected, "{line} {target}");
        }
        let moved = server.status("MOVE /empty", &format!("Destination: {target}\r\n"), b"");
        assert!(matches!(moved, 400 | 403 | 404), "{target}: {moved}");
    }
    let long = format!("PUT /{}", "x".repeat(256));
    assert_eq!(server.status(&long, "", b"x"), 400);
    assert_eq!(names(folder.path()), before);
    assert_eq!(
        names(folder.path().parent().unwrap()).iter().filter(|name| *name == "x").count(),
        0
    );
}

#[test]
fn other_sites_pages_change_nothing() {
    let folder = folder();
    let mut config = writable(folder.path(), "", ALL);
    config.writes.as_mut().unwrap().hosts = vec!["files.lan".to_owned()];
    let server = start(config);
    let put = |host: &str, fields: &str| {
        let head = format!("PUT /x HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1\r\n{fields}\r\nx");
        server.ask(head).status
    };
    let (own, site) = ("Origin: http://files.lan\r\n", "Sec-Fetch-Site: same-origin\r\n");
    assert_eq!(put("files.lan", &format!("{own}{site}")), 201);
    for (host, fields, expected) in [
        ("files.lan", own, 204),
        ("files.lan", site, 204),
        ("files.lan", "Origin: http://evil.example\r\n", 403),
        ("files.lan", "Origin: null\r\n", 403),
        ("files.lan", "Sec-Fetch-Site: cross-site\r\n", 403),
        ("files.lan", "Sec-Fetch-Site: same-site\r\n", 403),
        ("evil.example", "Origin: http://evil.example\r\n", 421),
        ("any.name", "", 204),
        ("127.0.0.1:80", "Origin: http://127.0.0.1\r\n", 204),
    ] {
        assert_eq!(put(host, fields), expected, "{host} {fields}");
    }
    for line in ["DELETE /x", "MKCOL /y", "MOVE /x", "POST /", "PATCH /x?part=a"] {
        let fields = "Origin: http://evil.example\r\nDestination: /z\r\n";
        assert_eq!(server.status(line, fields, b""), 421, "{line}");
    }
}

#[test]
fn no_link_leads_a_change_anywhere() {
    let folder = folder();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    symlink(outside.path(), folder.path().join("out")).unwrap();
    symlink(outside.path().join("secret"), folder.path().join("file")).unwrap();
    symlink("sub", folder.path().join("in")).unwrap();
    let mut config = writable(folder.path(), "", ALL);
    config.symlinks = sockeye_edge::tree::Symlinks::Follow;
    let server = start(config);
    for (line, fields) in [
        ("PUT /out/x", ""),
        ("PUT /out/secret", ""),
        ("PUT /file", ""),
        ("PUT /in/x", ""),
        ("PUT /out/y/x?parents", ""),
        ("PATCH /out/x?part=a", "Content-Range: bytes 0-0/1\r\n"),
    ] {
        assert_eq!(server.status(line, fields, b"x"), 403, "{line}");
    }
    for (line, fields) in [
        ("DELETE /out/secret", ""),
        ("DELETE /file", ""),
        ("DELETE /out/", ""),
        ("DELETE /out", ""),
        ("MKCOL /out/x", ""),
        ("MOVE /out/secret", "Destination: /got\r\n"),
        ("MOVE /out", "Destination: /got\r\n"),
        ("MOVE /hello.txt", "Destination: /out/x\r\n"),
        ("MOVE /hello.txt", "Destination: /file\r\n"),
    ] {
        assert_eq!(server.status(line, fields, b""), 403, "{line}");
    }
    assert_eq!(names(outside.path()), ["secret"]);
    assert_eq!(std::fs::read(outside.path().join("secret")).unwrap(), b"secret");
    assert!(folder.path().join("file").is_symlink() && folder.path().join("out").is_symlink());
}

#[test]
fn a_folder_swapped_for_a_link_lets_nothing_out() {
    const TRIES: usize = 150;
    let folder = folder();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    let (one, two) = (folder.path().join("swap"), folder.path().join("other"));
    std::fs::create_dir(&one).unwrap();
    symlink(outside.path(), &two).unwrap();
    let server = open(folder.path());
    let (over, mut made) = (AtomicBool::new(false), 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            use rustix::fs::{CWD, RenameFlags, renameat_with};
            while !over.load(Ordering::Relaxed) {
                renameat_with(CWD, &one, CWD, &two, RenameFlags::EXCHANGE).unwrap();
            }
        });
        for number in 0..TRIES * 100 {
            if number >= TRIES && made > 0 {
                break;
            }
            let put = server.status(&format!("PUT /swap/{number}"), "", b"new");
            made += usize::from(put == 201);
            let part = format!("PATCH /swap/p{number}?part=a");
            made +=
                usize::from(server.status(&part, "Content-Range: bytes 0-1/3\r\n", b"ne") == 202);
            server.status("DELETE /swap/secret", "", b"");
            server.status("MOVE /swap/secret", "Destination: /got\r\n", b"");
            server.status(&format!("MKCOL /swap/d{number}"), "", b"");
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(made > 0, "nothing was written meanwhile");
    assert_eq!(names(outside.path()), ["secret"]);
    assert_eq!(std::fs::read(outside.path().join("secret")).unwrap(), b"secret");
    assert!(!folder.path().join("got").exists());
}
