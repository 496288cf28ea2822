//! What is elsewhere, and what stands for what is not there.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use sockeye_http::{
    Answer, ArchiveFormat, Config, ErrorPage, Mount, Plan, Redirect, Request, Server, Status,
};
use sockeye_testkit::{Need, need};

use crate::harness::{Response, Running, config, folder, start};

const NAVIGATES: &str = "Accept: text/html,*/*;q=0.8\r\n";

fn redirecting(root: &Path, redirects: &[&str]) -> Running {
    let redirects = redirects.iter().map(|text| Redirect::parse(text).unwrap()).collect();
    start(Config { redirects, ..config(root) })
}

/// Status and `Location`.
fn leads(response: &Response) -> (u16, Option<&str>) {
    (response.status, response.header("location"))
}

#[test]
fn redirects_come_before_files_and_keep_the_query() {
    let root = folder();
    let server = redirecting(root.path(), &["/hello.txt=/empty", "/old/**=/sub/**", "/**.php=/"]);
    // Twice: the file is not kept under the name.
    for _ in 0..2 {
        assert_eq!(leads(&server.get("/hello.txt?a=b", "")), (301, Some("/empty?a=b")));
        assert_eq!(leads(&server.get("/old/inner.html", "")), (301, Some("/sub/inner.html")));
        assert_eq!(leads(&server.get("/old/x.php", "")), (301, Some("/sub/x.php")));
        assert_eq!(leads(&server.get("/a/b.php", "")), (301, Some("/")));
        assert_eq!(leads(&server.get("/sub/inner.html", "")), (200, None));
        assert_eq!(leads(&server.get("/sub", "")), (301, Some("/sub/")));
    }
    let mut client = server.connect();
    client.send(
        "HEAD /hello.txt HTTP/1.1\r\nHost: a\r\n\r\nPUT /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    assert_eq!(leads(&client.response_to("HEAD")), (301, Some("/empty")));
    assert_eq!(client.response().status, 405);
}

#[test]
fn curl_follows_them() {
    if !need(Need::Program("curl")) {
        return;
    }
    let root = folder();
    let server = redirecting(root.path(), &["/old/**=/sub/**"]);
    let url = format!("http://{}/old/inner.html", server.address);
    let output = Command::new("curl").args(["-sSL", &url]).output().unwrap();
    assert_eq!(output.stdout, b"<p>inner</p>");
}

#[test]
fn a_gate_comes_before_redirects() {
    let root = folder();
    let gate = |_: &Request<'_>| Answer::Plan(Plan::text(Status::UNAUTHORIZED, "not for you"));
    let mounts = vec![Mount { prefix: String::new(), handler: Arc::new(gate) }];
    let redirects = vec![Redirect::parse("/a=/b").unwrap()];
    let server = start(Config { mounts, redirects, ..config(root.path()) });
    assert_eq!(server.get("/a", "").status, 401);
}

#[test]
fn clean_addresses() {
    let root = folder();
    let write = |name: &str, text: &str| std::fs::write(root.path().join(name), text).unwrap();
    write("about.html", "about");
    write("sub.html", "hidden by the folder");
    write("hello.txt.html", "hidden by the file");
    write("a b.html", "a b");
    write(".dot.html", "hidden");
    let server = start(Config { clean_urls: true, ..config(root.path()) });
    for _ in 0..2 {
        let page = server.get("/about", "");
        assert_eq!((page.status, page.text()), (200, "about"));
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(leads(&server.get("/about.html?x", "")), (301, Some("/about?x")));
        assert_eq!(leads(&server.get("/a%20b.html", "")), (301, Some("/a%20b")));
        assert_eq!(server.get("/a%20b", "").text(), "a b");
        assert_eq!(server.get("/sub/inner", "").text(), "<p>inner</p>");
        assert_eq!(leads(&server.get("/sub/inner.html", "")), (301, Some("/sub/inner")));
        let index = server.get("/with-index/index.html", "");
        assert_eq!(leads(&index), (301, Some("/with-index/")));
        // What has a name of its own keeps it, and its page stays under its own.
        assert_eq!(leads(&server.get("/sub", "")), (301, Some("/sub/")));
        assert_eq!(server.get("/sub.html", "").text(), "hidden by the folder");
        assert_eq!(server.get("/hello.txt", "").text(), "hello, world\n");
        assert_eq!(server.get("/hello.txt.html", "").text(), "hidden by the file");
        for missing in ["/about/", "/none.html", "/none", "/.dot", "/.dot.html", "/.html"] {
            assert_eq!(server.get(missing, "").status, 404, "{missing}");
        }
        let tag = page.header("etag").unwrap();
        assert_eq!(server.get("/about", &format!("If-None-Match: {tag}\r\n")).status, 304);
    }
    write("about.html", "another");
    assert_eq!(server.get("/about", "").text(), "another");
}

#[test]
fn the_page_of_an_application_is_for_people_only() {
    let root = folder();
    std::fs::write(root.path().join("app.html"), "the app").unwrap();
    let server = start(Config { spa: Some("app.html".to_owned()), ..config(root.path()) });
    for target in ["/some/where", "/some/where/", "/x?y"] {
        let page = server.get(target, NAVIGATES);
        assert_eq!((page.status, page.text()), (200, "the app"), "{target}");
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(page.header("vary"), Some("Accept, Sec-Fetch-Mode"));
        let tag = page.header("etag").unwrap();
        let known = server.get(target, &format!("{NAVIGATES}If-None-Match: {tag}\r\n"));
        assert_eq!(known.status, 304);
    }
    let navigates = format!("{NAVIGATES}Sec-Fetch-Mode: navigate\r\n");
    assert_eq!(server.get("/x", &navigates).status, 200);
    let fetches = format!("{NAVIGATES}Sec-Fetch-Mode: cors\r\n");
    for fields in ["", "Accept: application/json\r\n", "Accept: */*\r\n", &fetches] {
        let response = server.get("/x", fields);
        assert_eq!(response.status, 404, "{fields}");
        assert_eq!(response.header("vary"), Some("Accept, Sec-Fetch-Mode"), "{fields}");
    }
    assert_eq!(server.get("/hello.txt", NAVIGATES).text(), "hello, world\n");
    let mut client = server.connect();
    client.send(format!("POST /x HTTP/1.1\r\nHost: a\r\n{NAVIGATES}\r\n"));
    assert_eq!(client.response().status, 405);
    client.send(format!("HEAD /x HTTP/1.1\r\nHost: a\r\n{NAVIGATES}\r\n"));
    let response = client.response_to("HEAD");
    assert_eq!((response.status, response.header("content-length")), (200, Some("7")));
}

#[test]
fn a_page_of_the_operator_for_an_error() {
    let root = folder();
    std::fs::write(root.path().join("404.html"), "not here, sorry").unwrap();
    let error_pages = vec![ErrorPage::parse("404=/404.html").unwrap()];
    let server = start(Config { error_pages, ..config(root.path()) });
    for target in ["/nothing", "/.secret", "/../x", "/hello.txt/"] {
        let page = server.get(target, "Range: bytes=0-2\r\nIf-None-Match: *\r\n");
        assert_eq!((page.status, page.text()), (404, "not here, sorry"), "{target}");
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!((page.header("etag"), page.header("content-range")), (None, None));
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    }
    let mut client = server.connect();
    client
        .send("HEAD /nothing HTTP/1.1\r\nHost: a\r\n\r\nPUT /nothing HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = client.response_to("HEAD");
    assert_eq!((head.status, head.header("content-length")), (404, Some("15")));
    assert_eq!(client.response().status, 405);
    assert_eq!(server.get("/404.html", "").status, 200);
    // Where it has gone there is an answer all the same.
    std::fs::remove_file(root.path().join("404.html")).unwrap();
    assert!(server.get("/nothing", "").text().starts_with("404 Not Found"));
}

#[test]
fn pages_have_to_be_there_from_the_start() {
    let root = folder();
    for (error_pages, spa) in [
        (vec![ErrorPage::parse("404=404.html").unwrap()], None),
        (vec![ErrorPage::parse("404=../x").unwrap()], None),
        (Vec::new(), Some("sub".to_owned())),
    ] {
        let error =
            Server::bind(Config { error_pages, spa, ..config(root.path()) }, Arc::new(|_| {}));
        let text = error.unwrap_err().to_string();
        assert!(text.contains("there is no file"), "{text}");
    }
}

#[test]
fn everything_is_below_the_base_path() {
    let root = folder();
    std::fs::write(root.path().join("about.html"), "about").unwrap();
    let server = start(Config {
        base_path: "/a b/c".parse().unwrap(),
        redirects: vec![Redirect::parse("/old=/new").unwrap()],
        clean_urls: true,
        archives: vec![ArchiveFormat::Tar],
        ..config(root.path())
    });
    for _ in 0..2 {
        assert_eq!(server.get("/a%20b/c/hello.txt", "").text(), "hello, world\n");
        assert_eq!(leads(&server.get("/a%20b/c/sub?x", "")), (301, Some("/a%20b/c/sub/?x")));
        assert_eq!(leads(&server.get("/a%20b/c/old", "")), (301, Some("/a%20b/c/new")));
        assert_eq!(leads(&server.get("/a%20b/c/about.html", "")), (301, Some("/a%20b/c/about")));
        let index = server.get("/a%20b/c/with-index/index.html", "");
        assert_eq!(leads(&index), (301, Some("/a%20b/c/with-index/")));
        assert_eq!(leads(&server.get("/a%20b/c?x", "")), (301, Some("/a%20b/c/?x")));
        for outside in ["/", "/hello.txt", "/a%20b", "/a%20b/", "/a%20b/cc/hello.txt", "/c/"] {
            assert_eq!(server.get(outside, "").status, 404, "{outside}");
        }
    }
    let json = server.get("/a%20b/c/sub/?json", "");
    assert!(json.text().contains("\"path\":\"/a%20b/c/sub/\""), "{}", json.text());
    assert_eq!(server.get("/a%20b/c/?tar", "").status, 200);
    // No link of a page leads out of the base path.
    for target in ["/a%20b/c/", "/a%20b/c/sub/", "/a%20b/c/nothing", "/outside"] {
        let page = server.get(target, NAVIGATES);
        for link in page.text().split("href=\"").skip(1) {
            let link = link.split('"').next().unwrap();
            let inside = !link.starts_with('/') || link.starts_with("/a%20b/c/");
            assert!(inside, "{target}: {link}");
        }
    }
}
