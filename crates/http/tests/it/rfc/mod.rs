//! Rules of RFC 9110 and 9112 as a table: each request whole, byte by byte, pipelined after a good
//! one, and, where it is short, cut at every place; and what comes back each time.

mod codings;
mod conditions;
mod framing;
mod rule;
mod semantics;
mod syntax;

use std::collections::BTreeSet;
use std::io::Write;
use std::net::Shutdown;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use sockeye_http::{Answer, Config, Limits, Mount, Plan, Request, Status};

pub(crate) use self::rule::Rule;
use self::rule::{Content, DATE_SECONDS, HELLO, filled};
use crate::harness::{Client, Response, Running, config, folder, start};

const GOOD: &str = "GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n";
const RULES_EXPECTED: usize = 366;
const CASES_EXPECTED: usize = 3 * RULES_EXPECTED;
const CUTS_EXPECTED: usize = 9549;
/// A request up to so long is also cut at every place.
const SHORT_BYTES_MAX: usize = 64;
/// After so many broken rules no more are tried: each may take its patience.
const BROKEN_MAX: usize = 5;
/// Not a size of any buffer.
const HEAD_BYTES_MAX: usize = 20_000;
const ECHO_BYTES_MAX: u64 = 64 * 1024;

/// Every rule of the table.
pub(crate) fn rules() -> impl Iterator<Item = &'static Rule> {
    let parts =
        [syntax::RULES, framing::RULES, semantics::RULES, conditions::RULES, codings::RULES];
    parts.into_iter().flatten()
}

/// Answers with the body that came.
fn echo(_: &Request<'_>) -> Answer {
    Answer::Receive(
        ECHO_BYTES_MAX,
        Box::new(|body| {
            let mut content = Vec::new();
            match body.read_to_end(&mut content) {
                Ok(_) => Plan::new(Status::OK).with_content("application/octet-stream", content),
                Err(_) => Plan::text(Status::INTERNAL_SERVER_ERROR, "never sent"),
            }
        }),
    )
}

/// Answers with the host that was asked for.
fn host(request: &Request<'_>) -> Answer {
    Answer::Plan(
        Plan::new(Status::OK)
            .with_content("text/plain", request.host().unwrap().to_owned().into_bytes()),
    )
}

/// Answers with a body whose length is not known when it starts.
fn stream(_: &Request<'_>) -> Answer {
    let plan = Plan::new(Status::OK).with_header("Content-Type", "text/plain");
    Answer::Stream(plan, Box::new(|out| out.write_all(b"streamed")))
}

/// A server with the files that the rules speak of, and the tag of `/hello.txt`.
struct Subject {
    server: Running,
    /// The same files, where those beside a file stand for it.
    coded: Running,
    etag: String,
    _folder: tempfile::TempDir,
}

impl Subject {
    fn new() -> Subject {
        let folder = folder();
        let hello = std::fs::File::open(folder.path().join("hello.txt")).unwrap();
        hello.set_modified(UNIX_EPOCH + Duration::from_secs(DATE_SECONDS)).unwrap();
        let mount = |prefix: &str, handler: fn(&Request<'_>) -> Answer| Mount {
            prefix: prefix.to_owned(),
            handler: Arc::new(handler),
        };
        let mounts = vec![mount("~echo", echo), mount("~host", host), mount("~stream", stream)];
        for (name, content) in [("coded", "plain"), ("coded.gz", "as gzip"), ("coded.br", "as br")]
        {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        let limits = || Limits { head_bytes_max: HEAD_BYTES_MAX, ..Limits::default() };
        let coded = Config { precompressed: true, limits: limits(), ..config(folder.path()) };
        let coded = start(coded);
        let server = start(Config { mounts, limits: limits(), ..config(folder.path()) });
        let etag = server.get("/hello.txt", "").header("etag").unwrap().to_owned();
        Subject { server, coded, etag, _folder: folder }
    }

    /// Who is asked.
    fn server(&self, rule: &Rule) -> &Running {
        if rule.is_about_codings() { &self.coded } else { &self.server }
    }

    /// Sends `pieces` on a new connection and reads what comes, which has to be as `rule` says.
    fn check(&self, rule: &Rule, pieces: &[&[u8]], how: &str) {
        let mut client = self.server(rule).connect();
        for piece in pieces {
            // The server may have refused already, and closed.
            if client.stream.write_all(piece).is_err() {
                break;
            }
        }
        if rule.cut {
            client.stream.shutdown(Shutdown::Write).unwrap();
        }
        if how == "pipelined" {
            assert_eq!(client.response().text(), HELLO, "{}", rule.title());
        }
        self.expect(&mut client, rule, &format!("{}, {how}", rule.title()));
    }

    /// Says how many cases these were.
    fn check_three_ways(&self, rule: &Rule) -> usize {
        let request = rule.bytes(&self.etag);
        self.check(rule, &[&request], "whole");
        let bytes: Vec<&[u8]> = request.chunks(1).collect();
        self.check(rule, &bytes, "byte by byte");
        self.check(rule, &[&[GOOD.as_bytes(), &request].concat()], "pipelined");
        3
    }

    /// Says how many cuts there were: none where the request is long.
    fn check_every_cut(&self, rule: &Rule) -> usize {
        let request = rule.bytes(&self.etag);
        let cuts = if request.len() <= SHORT_BYTES_MAX { 1..request.len() } else { 0..0 };
        for cut in cuts.clone() {
            let (before, after) = request.split_at(cut);
            self.check(rule, &[before, after], &format!("cut at {cut}"));
        }
        cuts.len()
    }

    fn expect(&self, client: &mut Client, rule: &Rule, what: &str) {
        let mut response = client.response_to(rule.method());
        if let Some(body) = rule.after_continue {
            assert_eq!(response.status, 100, "{what}: {}", response.head);
            client.send(body);
            response = client.response_to(rule.method());
        }
        assert_eq!(response.status, rule.status, "{what}: {}", response.head);
        self.expect_fields(&response, rule, what);
        let text = text_of(&response);
        match rule.content {
            Content::Any => {}
            Content::Is(body) => assert!(text == filled(body, &self.etag), "{what}: {text:?}"),
            Content::Has(part) => assert!(text.contains(part), "{what}: {text:?}"),
        }
        if rule.closes {
            // The server has shut its side, and closes once we have: no answer is cut off.
            assert!(client.is_closed(), "{what}: goes on");
        } else {
            client.send(GOOD);
            assert_eq!(client.response().text(), HELLO, "{what}: went on");
        }
    }

    fn expect_fields(&self, response: &Response, rule: &Rule, what: &str) {
        let what = format!("{what}: {}", response.head);
        let date = response.header("date").unwrap_or_default();
        assert!(date.len() == 29 && date.ends_with(" GMT"), "{what}");
        assert_eq!(response.header("connection") == Some("close"), rule.closes, "{what}");
        for (name, value) in rule.has {
            let found = response.header(name).unwrap_or_else(|| panic!("no {name}, {what}"));
            assert!(*value == "*" || found == filled(value, &self.etag), "{name}, {what}");
        }
        for name in rule.lacks {
            assert_eq!(response.header(name), None, "{name}, {what}");
        }
        let location = response.header("location").unwrap_or("/");
        assert!(location.starts_with('/') && !location.starts_with("//"), "{what}");
        if response.status >= 400 {
            assert_eq!(response.header("etag"), None, "{what}");
            assert_eq!(response.header("x-content-type-options"), Some("nosniff"), "{what}");
        }
    }
}

/// The body, the boundary between its parts written as `BOUNDARY`.
fn text_of(response: &Response) -> String {
    let text = String::from_utf8_lossy(&response.body).into_owned();
    let media_type = response.header("content-type").unwrap_or_default();
    match media_type.split_once("boundary=") {
        Some((_, boundary)) => text.replace(boundary, "BOUNDARY"),
        None => text,
    }
}

/// Tries each rule; says how many rules and cases there were.
fn try_all(check: impl Fn(&Subject, &Rule) -> usize) -> (usize, usize) {
    let subject = Subject::new();
    let mut cases = 0;
    let mut broken = Vec::new();
    for rule in rules() {
        // The other rules are tried as well, so that one run shows all that is wrong.
        match catch_unwind(AssertUnwindSafe(|| check(&subject, rule))) {
            Ok(tried) => cases += tried,
            Err(_) => broken.push(rule.title()),
        }
        if broken.len() == BROKEN_MAX {
            break;
        }
    }
    assert!(broken.is_empty(), "{} rules are broken: {broken:#?}", broken.len());
    (rules().count(), cases)
}

#[test]
fn every_rule_whole_byte_by_byte_and_pipelined() {
    assert_eq!(try_all(Subject::check_three_ways), (RULES_EXPECTED, CASES_EXPECTED));
}

#[test]
fn every_short_request_cut_at_every_place() {
    assert_eq!(try_all(Subject::check_every_cut), (RULES_EXPECTED, CUTS_EXPECTED));
}

#[test]
fn no_two_rules_have_the_same_title() {
    let titles: BTreeSet<String> = rules().map(Rule::title).collect();
    assert_eq!(titles.len(), rules().count());
}

/// RFC 9110, section 9.3.2: the fields of `HEAD` are those of `GET`, and there is no body.
#[test]
fn head_is_get_without_content_for_every_rule() {
    let subject = Subject::new();
    let mut asked = 0;
    for rule in rules() {
        let request = rule.bytes(&subject.etag);
        let ranged = request.windows(7).any(|part| part.eq_ignore_ascii_case(b"\nRange:"));
        // The largest head is too large where the method has one letter more.
        let fits = request.len() != HEAD_BYTES_MAX && !rule.cut;
        let Some(rest) = request.strip_prefix(b"GET ").filter(|_| fits && !ranged) else {
            continue;
        };
        asked += 1;
        let get = subject.server(rule).ask(&request);
        let mut client = subject.server(rule).connect();
        client.send([b"HEAD ", rest].concat());
        let head = client.response_to("HEAD");
        assert_eq!(fields(&head), fields(&get), "{}", rule.title());
        if rule.closes {
            assert!(client.is_closed(), "{}: HEAD has a body", rule.title());
        } else {
            client.send(GOOD);
            assert_eq!(client.response().text(), HELLO, "{}", rule.title());
        }
    }
    assert_eq!(asked, 196);
}

/// The head of an answer without its date.
fn fields(response: &Response) -> Vec<&str> {
    response.head.lines().filter(|line| !line.starts_with("Date: ")).collect()
}

#[test]
fn many_requests_in_one_piece_are_answered_in_order() {
    let folder = folder();
    for index in 0..100 {
        std::fs::write(folder.path().join(format!("f{index}")), format!("{index}")).unwrap();
    }
    let server = start(config(folder.path()));
    let mut client = server.connect();
    let request = |index| format!("GET /f{index} HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send((0..100).map(request).collect::<String>());
    for index in 0..100 {
        assert_eq!(client.response().text(), index.to_string());
    }
}

#[test]
fn a_client_that_shuts_its_side_gets_its_answers() {
    let folder = folder();
    let server = start(config(folder.path()));
    let mut client = server.connect();
    client.send(GOOD.repeat(3));
    client.stream.shutdown(Shutdown::Write).unwrap();
    for _ in 0..3 {
        assert_eq!(client.response().text(), HELLO);
    }
    assert!(client.is_closed());
}

#[test]
fn a_refused_body_is_read_so_that_the_answer_arrives() {
    let folder = folder();
    let server = start(config(folder.path()));
    let mut client = server.connect();
    let length = 8 * 1024 * 1024;
    client.send(format!("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"));
    client.send(vec![b'x'; length]);
    assert_eq!(client.response().status, 405);
    client.send(GOOD);
    assert_eq!(client.response().status, 200);
}

/// The answer was sent before the chunks were looked at: it must not be lost to a reset.
#[test]
fn an_answer_arrives_although_its_request_is_malformed() {
    let folder = folder();
    let server = start(config(folder.path()));
    let mut client = server.connect();
    client.send("PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send([b"no size\r\n".to_vec(), vec![b'x'; 1024 * 1024]].concat());
    assert_eq!(client.response().status, 405);
    assert!(client.is_closed());
}

#[test]
fn tls_on_a_plain_port_is_told_so() {
    let folder = folder();
    let server = start(config(folder.path()));
    let mut client = server.connect();
    client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    let response = client.response();
    assert_eq!(response.status, 400);
    assert!(response.text().contains("not TLS"), "{}", response.text());
}

#[test]
fn dates_are_http_dates() {
    let folder = folder();
    let server = start(config(folder.path()));
    let response = server.get("/hello.txt", "");
    for name in ["date", "last-modified"] {
        let date = response.header(name).unwrap();
        assert!(date.ends_with(" GMT") && date.len() == 29, "{name}: {date}");
    }
}
