//! Folders over the wire.

use std::os::unix::ffi::OsStrExt;

use sockeye_http::{Allowed, Config, Limits, Listing, Rule};

use crate::access::{auth, basic};
use crate::harness::{config, folder, start};
use crate::writes::writable;

#[test]
fn a_folder_shows_a_page_json_or_text() {
    let folder = folder();
    let server = start(config(folder.path()));
    let page = server.get("/", "");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(
        page.text().contains("href=\"./hello.txt\"") && page.text().contains("href=\"./sub/\"")
    );
    assert!(!page.text().contains("secret"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("-inline"), "{policy}");
    let text = server.get("/?text", "");
    assert_eq!(text.text(), ".well-known/\nsub/\nwith-index/\nempty\nhello.txt\nlarge.bin\n");
    let json = server.get("/", "Accept: application/json\r\n");
    let json: serde_json::Value = serde_json::from_slice(&json.body).unwrap();
    assert_eq!(json["entries"][5]["name"], "large.bin");
    assert_eq!(json["entries"][5]["size"], 300_000);
    assert_eq!(json["complete"], true);
}

#[test]
fn a_listing_may_be_off_or_another_form() {
    let folder = folder();
    let server = start(Config { listing: Listing::Off, ..config(folder.path()) });
    assert_eq!(server.get("/", "").status, 404);
    assert_eq!(server.get("/?json", "").status, 404);
    assert_eq!(server.get("/with-index/", "").status, 200);
    let server = start(Config { listing: Listing::Text, ..config(folder.path()) });
    assert_eq!(server.get("/sub/", "Accept: */*\r\n").text(), "inner.html\n");
}

#[test]
fn a_huge_folder_is_cut() {
    let folder = folder();
    let limits = Limits { listing_entries_max: 3, ..Limits::default() };
    let server = start(Config { limits, ..config(folder.path()) });
    assert_eq!(server.get("/?text", "").text().lines().count(), 4);
    assert!(server.get("/", "").text().contains("more than the 3 that are shown"));
}

#[test]
fn errors_are_pages_for_browsers() {
    let folder = folder();
    let server = start(config(folder.path()));
    let page = server.get("/<script>", "Accept: text/html\r\n");
    assert_eq!(page.status, 404);
    assert!(page.text().contains("<title>404 Not Found</title>"));
    assert!(!page.text().contains("<script"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let text = server.get("/nothing", "");
    assert_eq!(text.text(), "404 Not Found: there is nothing of this name here\n");
}

/// The values of an attribute, as a browser would read them.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    page.split(start.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn links_of_strange_names_lead_to_their_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let names: &[&[u8]] = &[
        b"\"quoted\" 'twice'.txt",
        b"<script>alert(1)<&amp;>",
        "exe\u{202e}gpj.txt".as_bytes(),
        b"\xff\xfe\xe9.png",
        b"100%25 #1? a+b;c=d",
        b"javascript:alert(1)",
        b" space ",
        "\u{200b}".as_bytes(),
    ];
    for name in names {
        let path = folder.path().join(std::ffi::OsStr::from_bytes(name));
        std::fs::write(path, name).unwrap();
    }
    std::fs::write(folder.path().join("two\nwhales"), b"no URL leads here").unwrap();
    let server = start(config(folder.path()));
    for query in ["/", "/?sort=size&order=desc&view=grid"] {
        let page = server.get(query, "");
        let page = page.text();
        let rows = page.split("<tbody id=\"rows\"").nth(1).unwrap();
        let links = attributes(rows, "href");
        let links: Vec<&&str> = links.iter().filter(|link| link.starts_with("./")).collect();
        let mut found: Vec<Vec<u8>> =
            links.iter().map(|link| server.get(&link[1..], "").body).collect();
        found.sort();
        let mut expected: Vec<Vec<u8>> = names.iter().map(|name| name.to_vec()).collect();
        expected.sort();
        assert_eq!(found, expected);
        assert!(!page.contains("<script>alert") && !page.contains('\u{202e}'));
        assert!(!page.contains("whales"));
        assert!(page.contains("exe\\u{202e}gpj.txt") && page.contains("<bdi>\\u{200b}</bdi>"));
        assert!(page.contains("\\xff\\xfe\\xe9.png"));
    }
}

#[test]
fn every_form_is_sorted_as_the_query_asks() {
    let folder = tempfile::tempdir().unwrap();
    for (name, size) in [("a10", 3), ("a9", 1), ("b", 2)] {
        std::fs::write(folder.path().join(name), vec![b'x'; size]).unwrap();
    }
    // However much a folder's own names take, it has no size.
    std::fs::create_dir(folder.path().join("c")).unwrap();
    std::fs::create_dir(folder.path().join("d")).unwrap();
    for at in 0..1000 {
        std::fs::write(folder.path().join(format!("c/{at}{}", "x".repeat(200))), "").unwrap();
    }
    let server = start(config(folder.path()));
    for (query, expected) in [
        ("", ["c", "d", "a9", "a10", "b"]),
        ("&order=desc", ["d", "c", "b", "a10", "a9"]),
        ("&sort=size", ["c", "d", "a9", "b", "a10"]),
        ("&sort=size&order=desc", ["d", "c", "a10", "b", "a9"]),
    ] {
        let text = server.get(&format!("/?text{query}"), "");
        let text: Vec<&str> = text.text().lines().map(|name| name.trim_end_matches('/')).collect();
        assert_eq!(text, expected, "{query}");
        let json = server.get(&format!("/?json{query}"), "");
        let json: serde_json::Value = serde_json::from_slice(&json.body).unwrap();
        let names: Vec<&str> = json["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, expected, "{query}");
        let page = server.get(&format!("/?html{query}"), "");
        assert!(page.text().contains("2 folders, 3 files, 6 B"));
        let at = |name: &str| page.text().find(&format!("<bdi>{name}")).unwrap();
        assert!(expected.is_sorted_by_key(|name| at(name)), "{query}");
    }
}

#[test]
fn a_listing_keeps_its_own_policy_whatever_is_said_of_pages() {
    let folder = folder();
    let rules = ["*: Content-Security-Policy: sandbox", "*: X-Robots-Tag: none"];
    let headers = rules.iter().map(|rule| Rule::parse(rule).unwrap()).collect();
    let server = start(Config { headers, ..config(folder.path()) });
    for (target, own) in [("/", true), ("/?json", false), ("/hello.txt", false)] {
        let answer = server.get(target, "");
        assert_eq!(answer.header("x-robots-tag"), Some("none"), "{target}");
        let policy = answer.header("content-security-policy").unwrap();
        assert_eq!(policy.starts_with("default-src 'none'; style-src 'sha256-"), own, "{target}");
        assert_eq!(policy == "sandbox", !own, "{target}");
    }
}

#[test]
fn uploads_are_offered_where_they_are_taken_to_those_who_may() {
    let folder = folder();
    let rules = auth(&["anna:HASH@/:rw", "bob:HASH@/:r", "anonymous@/sub:rw"]);
    let offers = |config: Config, target: &str, fields: &str| {
        let server = start(Config { index: vec![], ..config });
        let page = server.get(target, fields);
        let policy = page.header("content-security-policy").unwrap();
        let offered = page.text().contains("<form class=\"upload\"");
        assert_eq!(policy.contains("form-action 'self'"), offered, "{policy}");
        offered
    };
    let uploads = Allowed { upload: true, ..Allowed::default() };
    let below = |path: &str| writable(folder.path(), path, uploads);
    assert!(!offers(config(folder.path()), "/", ""));
    assert!(offers(below(""), "/", "") && offers(below("sub"), "/sub/", ""));
    assert!(!offers(below("sub"), "/", "") && !offers(below("sub"), "/with-index/", ""));
    let other = Allowed { mkdir: true, ..Allowed::default() };
    assert!(!offers(writable(folder.path(), "", other), "/", ""));
    for (user, target, expected) in [
        ("anna:password", "/", true),
        ("bob:password", "/", false),
        ("bob:password", "/sub/", true),
    ] {
        let config = Config { auth: rules.clone(), ..below("") };
        assert_eq!(offers(config, target, &basic(user)), expected, "{user} {target}");
    }
}
