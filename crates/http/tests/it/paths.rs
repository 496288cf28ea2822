//! What lies outside of the root, or is hidden, is not there.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use sockeye_http::Config;

use crate::harness::{Running, config, folder, start};

#[test]
fn no_way_leads_out_of_the_root() {
    let folder = folder();
    symlink("/etc/passwd", folder.path().join("evil")).unwrap();
    symlink("/etc", folder.path().join("evil-dir")).unwrap();
    symlink("../../../../../../etc/passwd", folder.path().join("sub/relative")).unwrap();
    symlink("/proc/self/root", folder.path().join("magic")).unwrap();
    for cache in [true, false] {
        let server = start(Config { cache, ..config(folder.path()) });
        // What is kept of one request answers the next.
        for _ in 0..3 {
            refuses_every_way_out(&server);
        }
    }
}

fn refuses_every_way_out(server: &Running) {
    for (target, status) in [
        ("/../../etc/passwd", 404),
        ("//etc/passwd", 404),
        ("/%2e%2e/", 404),
        ("/%2e%2e/%2e%2e/%2e%2e/etc/passwd", 404),
        ("/..%2f..%2fetc%2fpasswd", 404),
        ("/..%2f", 404),
        ("/sub/../../etc/passwd", 404),
        ("/hello.txt%00", 400),
        ("/hello.txt%00.html", 400),
        ("/..\\..\\etc\\passwd", 400),
        ("/%5c..%5c", 400),
        ("/evil", 404),
        ("/evil-dir/", 404),
        ("/evil-dir/passwd", 404),
        ("/sub/relative", 404),
        ("/magic/etc/passwd", 404),
        ("http://a/../../etc/passwd", 404),
        ("http://a//etc/passwd", 404),
    ] {
        let response = server.get(target, "");
        assert_eq!(response.status, status, "{target}");
        let text = String::from_utf8_lossy(&response.body).into_owned();
        assert!(!text.contains("root:") && !response.head.contains("Location"), "{target}: {text}");
    }
}

#[test]
fn links_inside_the_root_are_followed_unless_forbidden() {
    use sockeye_edge::tree::Symlinks;
    let folder = folder();
    symlink("hello.txt", folder.path().join("link")).unwrap();
    symlink("/etc/hostname", folder.path().join("out")).unwrap();
    for (symlinks, inside, outside) in
        [(Symlinks::Never, 404, 404), (Symlinks::Within, 200, 404), (Symlinks::Follow, 200, 200)]
    {
        for cache in [true, false] {
            let server = start(Config { symlinks, cache, ..config(folder.path()) });
            for _ in 0..3 {
                assert_eq!(server.get("/link", "").status, inside, "{symlinks:?}");
                assert_eq!(server.get("/out", "").status, outside, "{symlinks:?}");
            }
        }
    }
}

#[test]
fn dotfiles_are_hidden() {
    let folder = folder();
    let server = start(config(folder.path()));
    assert_eq!(server.get("/.secret", "").status, 404);
    assert_eq!(server.get("/%2esecret", "").status, 404);
    assert_eq!(server.get("/.well-known/token", "").text(), "token");
    let server = start(Config { hidden: true, ..config(folder.path()) });
    assert_eq!(server.get("/.secret", "").text(), "secret");
}

#[test]
fn folders_are_moved_to_their_slash() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("a b%?")).unwrap();
    let server = start(config(folder.path()));
    for (target, location) in [
        ("/sub", "/sub/"),
        ("/sub?a=b&c", "/sub/?a=b&c"),
        ("/a%20b%25%3f", "/a%20b%25%3F/"),
        ("http://other.example/sub", "/sub/"),
    ] {
        let response = server.get(target, "");
        assert_eq!((response.status, response.header("location")), (301, Some(location)));
    }
    assert_eq!(server.get("/hello.txt/", "").status, 404);
}

#[test]
fn an_index_stands_for_its_folder() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("sub/index.html")).unwrap();
    let server = start(config(folder.path()));
    assert_eq!(server.get("/with-index/", "").text(), "<p>index</p>");
    assert!(server.get("/sub/", "").text().contains("inner.html"));
    let index = vec!["inner.html".to_owned()];
    let server = start(Config { index, ..config(folder.path()) });
    assert_eq!(server.get("/sub/", "").text(), "<p>inner</p>");
}

#[test]
fn special_files_are_not_served_and_do_not_block() {
    let folder = folder();
    let fifo = folder.path().join("fifo");
    let status = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(status.success());
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    let server = start(config(folder.path()));
    assert_eq!(server.get("/fifo", "").status, 404);
    assert_eq!(server.get("/socket", "").status, 404);
}

#[test]
fn strange_names_are_served_right() {
    let folder = folder();
    for (name, target) in [
        (&b"a'\"<script>&#?%.txt"[..], "/a'%22%3Cscript%3E&%23%3F%25.txt"),
        ("☃ \u{202e}fdp.txt".as_bytes(), "/%E2%98%83%20%E2%80%AEfdp.txt"),
        (b"\xff\xfe.txt", "/%FF%FE.txt"),
    ] {
        let path = folder.path().join(std::ffi::OsStr::from_bytes(name));
        std::fs::write(path, name).unwrap();
        let server = start(config(folder.path()));
        assert_eq!(server.get(target, "").body, name, "{target}");
    }
    let long = format!("/{}", "a".repeat(300));
    assert_eq!(start(config(folder.path())).get(&long, "").status, 404);
}
