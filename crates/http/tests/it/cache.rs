//! What is kept of files never outlives them: changes under load, links that turn, folders that go.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sockeye_http::{Config, Limits, Root};

use crate::harness::{Client, Response, Running, config, folder, pattern, start};

/// How often a file changes in a race.
const CHANGES: usize = 300;
const CLIENTS: usize = 3;

/// The file as it is after so many changes: its length and its bytes both say which.
fn version(number: usize, large: bool) -> Vec<u8> {
    let length = if large { 40_000 + number } else { 100 + number };
    let mut bytes = format!("{number:06}").into_bytes();
    bytes.resize(length, b'a' + u8::try_from(number % 26).unwrap());
    bytes
}

/// Ends the clients of a race, also where it fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn number_of(body: &[u8]) -> usize {
    std::str::from_utf8(&body[..6]).unwrap().parse().unwrap()
}

fn ask(client: &mut Client, target: &str) -> Response {
    client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
    client.response()
}

/// Puts `content` in place of what is at `path`.
fn replace(path: &Path, content: &[u8]) {
    let new = path.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::rename(&new, path).unwrap();
}

/// A file replaced again and again, and asked for all the time: every answer is one version, whole,
/// and none older than the one that was there when it was asked for.
fn race(large: bool, limits: Limits) {
    let folder = folder();
    let path = folder.path().join("sub/raced");
    replace(&path, &version(0, large));
    let server = start(Config { limits, ..config(folder.path()) });
    let address = server.address;
    let (newest, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = Client::to(address);
                let mut last_round = false;
                while !last_round {
                    last_round = over.load(Ordering::SeqCst);
                    let at_least = newest.load(Ordering::SeqCst);
                    let response = ask(&mut client, "/sub/raced");
                    assert_eq!(response.status, 200);
                    let number = number_of(&response.body);
                    assert!(response.body == version(number, large), "{number} is not whole");
                    assert!(number >= at_least, "{number} after {at_least}");
                }
            });
        }
        let over = Over(&over);
        for number in 1..=CHANGES {
            replace(&path, &version(number, large));
            newest.store(number, Ordering::SeqCst);
            // So that it is kept now and then.
            if number % 8 == 0 {
                let mut client = server.connect();
                for _ in 0..4 {
                    let number_seen = number_of(&ask(&mut client, "/sub/raced").body);
                    assert_eq!(number_seen, number);
                }
            }
        }
        drop(over);
    });
}

#[test]
fn a_small_file_replaced_under_load_is_never_old() {
    race(false, Limits::default());
}

#[test]
fn a_large_file_replaced_under_load_is_never_old() {
    race(true, Limits::default());
}

#[test]
fn nor_where_hardly_anything_may_be_kept() {
    let limits = Limits { cache_entries_max: 2, cache_watches_max: 4, ..Limits::default() };
    race(false, limits);
}

#[test]
fn a_file_rewritten_in_place_under_load_has_the_length_that_is_said() {
    let folder = folder();
    let path = folder.path().join("sub/raced");
    fs::write(&path, version(0, false)).unwrap();
    let server = start(config(folder.path()));
    let address = server.address;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    // An answer is cut short where the file was; nothing else may go wrong.
                    let mut client = Client::to(address);
                    client.send("GET /sub/raced HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
                    let answer = client.rest();
                    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
                    let Some(end) = end.map(|at| at + 4) else { continue };
                    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
                    let length =
                        head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
                    assert!(answer.len() - end <= length.unwrap().parse().unwrap(), "{head}");
                }
            });
        }
        let over = Over(&over);
        let mut client = server.connect();
        for number in 1..=CHANGES {
            fs::write(&path, version(number, false)).unwrap();
            if number % 4 == 0 {
                let response = ask(&mut client, "/sub/raced");
                assert!(response.body == version(number, false), "{number}");
            }
        }
        drop(over);
    });
}

/// Asks until the answer is one that is kept.
fn warm(client: &mut Client, target: &str) -> Response {
    ask(client, target);
    ask(client, target);
    ask(client, target)
}

/// What is done to the folder, and what is answered then.
type Step = (&'static str, fn(&Path), u16, &'static [u8]);

const STEPS: &[Step] = &[
    ("as it was", |_| {}, 200, b"<p>inner</p>"),
    (
        "rewritten",
        |at| fs::write(at.join("sub/inner.html"), "more of it").unwrap(),
        200,
        b"more of it",
    ),
    (
        "truncated",
        |at| {
            fs::File::options()
                .write(true)
                .open(at.join("sub/inner.html"))
                .unwrap()
                .set_len(4)
                .unwrap()
        },
        200,
        b"more",
    ),
    ("folder renamed", |at| fs::rename(at.join("sub"), at.join("other")).unwrap(), 404, b""),
    ("folder back", |at| fs::rename(at.join("other"), at.join("sub")).unwrap(), 200, b"more"),
    (
        "folder replaced by a link out",
        |at| {
            fs::rename(at.join("sub"), at.join("other")).unwrap();
            symlink("/etc", at.join("sub")).unwrap();
        },
        404,
        b"",
    ),
    (
        "link turned to a folder inside",
        |at| {
            symlink("other", at.join("turn")).unwrap();
            fs::rename(at.join("turn"), at.join("sub")).unwrap();
        },
        200,
        b"more",
    ),
    (
        "link turned to another",
        |at| {
            fs::create_dir(at.join("third")).unwrap();
            fs::write(at.join("third/inner.html"), "third").unwrap();
            symlink("third", at.join("turn")).unwrap();
            fs::rename(at.join("turn"), at.join("sub")).unwrap();
        },
        200,
        b"third",
    ),
    (
        "link replaced by a folder",
        |at| {
            fs::remove_file(at.join("sub")).unwrap();
            fs::rename(at.join("other"), at.join("sub")).unwrap();
        },
        200,
        b"more",
    ),
    (
        "file replaced by a link out",
        |at| {
            fs::remove_file(at.join("sub/inner.html")).unwrap();
            symlink("/etc/passwd", at.join("sub/inner.html")).unwrap();
        },
        404,
        b"",
    ),
    (
        "link replaced by a folder of the name",
        |at| {
            fs::remove_file(at.join("sub/inner.html")).unwrap();
            fs::create_dir(at.join("sub/inner.html")).unwrap();
        },
        301,
        b"",
    ),
    ("gone", |at| fs::remove_dir_all(at.join("sub")).unwrap(), 404, b""),
];

#[test]
fn every_change_of_the_way_counts_for_the_next_request() {
    for cache in [true, false] {
        let folder = folder();
        let server = start(Config { cache, threads: 1, ..config(folder.path()) });
        let mut client = server.connect();
        for (what, step, status, body) in STEPS {
            warm(&mut client, "/sub/inner.html");
            step(folder.path());
            let response = ask(&mut client, "/sub/inner.html");
            assert_eq!(response.status, *status, "{what}");
            if *status == 200 {
                assert_eq!(response.body, *body, "{what}");
            }
        }
    }
}

#[test]
fn what_may_not_be_read_any_more_is_not_answered() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let server = start(config(folder.path()));
    let mut client = server.connect();
    let tag = warm(&mut client, "/hello.txt").header("etag").unwrap().to_owned();
    let path = folder.path().join("hello.txt");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads everything; others get what the kernel says.
    let expected = if fs::File::open(&path).is_ok() { 200 } else { 403 };
    assert_eq!(ask(&mut client, "/hello.txt").status, expected);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(ask(&mut client, "/hello.txt").header("etag"), Some(tag.as_str()));
}

/// Every kind of request to a kept file is answered as one that nothing is kept of.
#[test]
fn kept_answers_are_the_same() {
    let folder = folder();
    let rules = ["*.txt: Cache-Control: max-age=60", "**: X-Everywhere: yes"];
    let start_with = |cache| {
        let headers = rules.map(|rule| sockeye_http::Rule::parse(rule).unwrap()).to_vec();
        start(Config { cache, headers, ..config(folder.path()) })
    };
    let (with, without) = (start_with(true), start_with(false));
    let tag = without.get("/hello.txt", "").header("etag").unwrap().to_owned();
    let date = without.get("/hello.txt", "").header("last-modified").unwrap().to_owned();
    let fields = [
        String::new(),
        "Connection: close\r\n".to_owned(),
        "Range: bytes=1-3\r\n".to_owned(),
        "rANGE: bytes=0-0,2-2\r\n".to_owned(),
        "Range: bytes=999999-\r\n".to_owned(),
        format!("If-None-Match: {tag}\r\n"),
        format!("if-none-match: \"x\", {tag}\r\n"),
        "IF-MATCH: \"x\"\r\n".to_owned(),
        format!("If-Modified-Since: {date}\r\n"),
        "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:01 GMT\r\n".to_owned(),
        format!("If-Range: {tag}\r\nRange: bytes=-2\r\n"),
        "Accept: text/html\r\n".to_owned(),
        "Accept: */*\r\nUser-Agent: x\r\nIf: nothing\r\nRanges: none\r\n".to_owned(),
    ];
    let targets = [
        "/hello.txt",
        "/empty",
        "/large.bin",
        "/with-index/",
        "/hello.txt?query",
        "/sub/",
        "/sub/?json&sort=size",
        "/sub/none",
        "/none/none",
        "/.secret",
    ];
    for method in ["GET", "HEAD", "POST", "OPTIONS"] {
        for (target, fields) in targets.iter().flat_map(|t| fields.iter().map(move |f| (t, f))) {
            for version in ["1.1", "1.0"] {
                let request =
                    format!("{method} {target} HTTP/{version}\r\nHost: a\r\n{fields}\r\n");
                let expected = exact(&without, method, &request);
                for round in 0..3 {
                    let answer = exact(&with, method, &request);
                    assert!(answer == expected, "{round}: {request}\n{answer:?}\n{expected:?}");
                }
            }
        }
    }
}

/// The head without its date and boundary, and the body without its boundary.
fn exact(server: &Running, method: &str, request: &str) -> (String, Vec<u8>) {
    let mut client = server.connect();
    client.send(request);
    let response = client.response_to(method);
    let boundary = response.head.split("boundary=").nth(1).and_then(|rest| rest.get(..16));
    let head = response.head.lines().filter(|line| !line.starts_with("Date: "));
    let head = head.collect::<Vec<_>>().join("\n");
    let Some(boundary) = boundary else { return (head, response.body) };
    let body = String::from_utf8(response.body).unwrap().replace(boundary, "-");
    (head.replace(boundary, "-"), body.into_bytes())
}

#[test]
fn the_date_of_a_kept_answer_goes_on() {
    let folder = folder();
    let server = start(config(folder.path()));
    let mut client = server.connect();
    let first = warm(&mut client, "/hello.txt").header("date").unwrap().to_owned();
    let started = Instant::now();
    while ask(&mut client, "/hello.txt").header("date").unwrap() == first {
        assert!(started.elapsed() < Duration::from_secs(10), "the date stands still");
    }
}

#[test]
fn one_file_that_is_served_is_kept_and_let_go() {
    let folder = folder();
    let file = folder.path().join("hello.txt");
    let server = start(Config { root: Root::File(file.clone()), ..config(folder.path()) });
    let mut client = server.connect();
    assert_eq!(warm(&mut client, "/").text(), "hello, world\n");
    assert!(warm(&mut client, "/hello.txt").header("content-disposition").is_none());
    assert!(ask(&mut client, "/").header("content-disposition").is_some());
    replace(&file, b"new");
    assert_eq!(ask(&mut client, "/").text(), "new");
    assert_eq!(ask(&mut client, "/hello.txt").text(), "new");
}

#[test]
fn a_deleted_file_is_let_go_without_any_request() {
    let folder = folder();
    let path = folder.path().join("sub/kept.bin");
    fs::write(&path, pattern(100_000)).unwrap();
    let server = start(Config { threads: 1, ..config(folder.path()) });
    let mut client = server.connect();
    warm(&mut client, "/sub/kept.bin");
    let held = || {
        let open = fs::read_dir("/proc/self/fd").unwrap().flatten();
        open.filter_map(|fd| fs::read_link(fd.path()).ok()).any(|at| at.starts_with(&path))
    };
    assert!(held(), "an open file is not kept");
    let started = Instant::now();
    while held() {
        assert!(started.elapsed() < Duration::from_secs(10), "it is kept for ever");
        std::thread::yield_now();
    }
}
