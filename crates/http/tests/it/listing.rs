//! Folders over the wire.

use sockeye_http::{Config, Limits, Listing};

use crate::harness::{config, folder, start};

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
    assert!(server.get("/", "").text().contains("more than this page shows"));
}

#[test]
fn errors_are_pages_for_browsers() {
    let folder = folder();
    let server = start(config(folder.path()));
    let page = server.get("/<script>", "Accept: text/html\r\n");
    assert_eq!(page.status, 404);
    assert!(page.text().contains("404 Not Found") && !page.text().contains("<script"));
    let text = server.get("/nothing", "");
    assert_eq!(text.text(), "404 Not Found: there is nothing of this name here\n");
}
