//! Who may do what, by raw sockets: rules, passwords, caches, limits, and rules that change.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sockeye_http::{ArchiveFormat, Auth, AuthRule, Config, Limits, LogFormat, Policy, Root, Rule};

use crate::harness::{Kept, Running, config, folder, start};

/// Of `password`, as cheap as can be.
const HASH: &str =
    "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$FqGkmHNGCd0BRW2kBt6fPZ2pPmyGwwChL8FGUhTOSSI";

pub(crate) fn auth(rules: &[&str]) -> Option<Arc<Auth>> {
    let rules: Vec<AuthRule> =
        rules.iter().map(|rule| rule.replace("HASH", HASH).parse().unwrap()).collect();
    Some(Arc::new(Auth::new(&rules).unwrap()))
}

fn serve(folder: &tempfile::TempDir, rules: &[&str]) -> Running {
    start(Config { auth: auth(rules), ..config(folder.path()) })
}

/// The field with a user's name and password.
pub(crate) fn basic(pair: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(pair))
}

#[test]
fn rfc9110_11_6_1_who_says_nothing_is_asked() {
    let folder = folder();
    let server = serve(&folder, &["anna:HASH@/sub:r"]);
    let asked = server.get("/sub/inner.html", "");
    assert_eq!(asked.status, 401);
    let challenge = "Basic realm=\"sockeye\", charset=\"UTF-8\"";
    assert_eq!(asked.header("www-authenticate"), Some(challenge));
    assert!(!asked.text().contains("inner"), "{}", asked.text());
    let right = server.get("/sub/inner.html", &basic("anna:password"));
    assert_eq!((right.status, right.text()), (200, "<p>inner</p>"));
    assert_eq!(right.header("cache-control"), Some("private, no-cache"));
    assert_eq!(server.get("/hello.txt", "").header("cache-control"), Some("no-cache"));
    for target in ["/sub", "/sub/", "/s%75b/inner.html", "/sub/none", "http://b/sub/inner.html"] {
        assert_eq!(server.get(target, "").status, 401, "{target}");
    }
    for wrong in ["anna:passwort", "Anna:password", "anna:", ":password", "bob:password"] {
        let wrong = server.get("/sub/inner.html", &basic(wrong));
        assert_eq!((wrong.status, wrong.header("www-authenticate")), (401, Some(challenge)));
    }
    for other in ["Authorization: Bearer x\r\n", "Authorization: Basic !\r\n"] {
        assert_eq!(server.get("/sub/inner.html", other).status, 401);
        assert_eq!(server.get("/hello.txt", other).status, 200);
    }
    let twice = basic("anna:password") + &basic("anna:password");
    assert_eq!(server.get("/sub/inner.html", &twice).status, 401, "which of them?");
}

#[test]
fn rfc9110_15_5_4_who_is_known_and_may_not_is_told_so() {
    let folder = folder();
    let rules = ["anna:HASH@/:r", "bob:HASH@/sub:rw", "anonymous@/with-index:r"];
    let server = serve(&folder, &rules);
    let status = |method: &str, target: &str, pair: &str| {
        let fields = if pair.is_empty() { String::new() } else { basic(pair) };
        let mut client = server.connect();
        client.send(format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        client.response_to(method).status
    };
    let (anna, bob) = ("anna:password", "bob:password");
    assert_eq!(status("GET", "/hello.txt", bob), 403);
    assert_eq!(status("GET", "/hello.txt", anna), 200);
    assert_eq!(status("HEAD", "/hello.txt", ""), 401);
    assert_eq!(status("OPTIONS", "/hello.txt", ""), 401);
    assert_eq!(status("OPTIONS", "/hello.txt", anna), 204);
    assert_eq!(status("GET", "/sub/inner.html", anna), 403);
    assert_eq!(status("GET", "/with-index/", ""), 200);
    for method in ["PUT", "POST", "PATCH", "DELETE", "MKCOL"] {
        assert_eq!(status(method, "/hello.txt", anna), 403, "{method}");
        assert_eq!(status(method, "/sub/inner.html", ""), 401, "{method}");
        assert_eq!(status(method, "/with-index/", ""), 403, "nobody may: no use in asking");
    }
    assert!(![401, 403].contains(&status("PUT", "/sub/inner.html", bob)), "bob may");
}

#[test]
fn what_is_kept_is_for_those_who_may() {
    let folder = folder();
    let server =
        start(Config { threads: 1, auth: auth(&["anna:HASH@/sub:r"]), ..config(folder.path()) });
    let mut client = server.connect();
    for round in 0..20 {
        for (fields, status) in [(basic("anna:password"), 200), (String::new(), 401)] {
            client.send(format!("GET /sub/inner.html HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
            assert_eq!(client.response().status, status, "round {round}");
            client.send(format!("GET /large.bin HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
            assert_eq!(client.response().status, 200, "round {round}");
        }
    }
}

#[test]
fn listings_leave_out_what_the_visitor_may_not_read() {
    let folder = folder();
    let rules = ["anna:HASH@/sub:r", "anna@/large.bin:r", "anonymous@/empty:w"];
    let server = serve(&folder, &rules);
    let names = |fields: &str| server.get("/?text", fields).text().replace('\n', " ");
    assert_eq!(names(""), ".well-known/ with-index/ hello.txt ");
    assert_eq!(
        names(&basic("anna:password")),
        ".well-known/ sub/ with-index/ hello.txt large.bin "
    );
    let listing = server.get("/?json", "");
    assert_eq!(listing.header("cache-control"), Some("private, no-cache"));
    assert!(!listing.text().contains("sub"), "{}", listing.text());
}

#[test]
fn archives_leave_out_what_the_visitor_may_not_read() {
    let folder = folder();
    let auth = auth(&["anna:HASH@/sub:r", "anna@/large.bin:r"]);
    let archives = vec![ArchiveFormat::Tar];
    let server = start(Config { archives, auth, ..config(folder.path()) });
    let archive = |fields: &str| {
        let answer = server.get("/?tar", &format!("Connection: close\r\n{fields}"));
        assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
        String::from_utf8_lossy(&answer.body).into_owned()
    };
    let open = archive("");
    assert!(open.contains("hello.txt") && !open.contains("inner") && !open.contains("large"));
    let all = archive(&basic("anna:password"));
    assert!(all.contains("hello.txt") && all.contains("inner") && all.contains("large"));
    assert_eq!(server.get("/sub/?tar", "").status, 401);
}

#[test]
fn an_index_file_has_its_own_rule_and_so_has_a_single_file() {
    let folder = folder();
    let server = serve(&folder, &["anna:HASH@/with-index/index.html:r"]);
    for _ in 0..5 {
        assert_eq!(server.get("/with-index/", "").status, 401);
        assert_eq!(server.get("/with-index/", &basic("anna:password")).status, 200);
    }
    let root = Root::File(folder.path().join("hello.txt"));
    let auth = auth(&["anna:HASH@/hello.txt:r"]);
    let server = start(Config { root, auth, ..config(folder.path()) });
    for target in ["/", "/hello.txt"] {
        assert_eq!(server.get(target, "").status, 401, "{target}");
        assert_eq!(server.get(target, &basic("anna:password")).status, 200, "{target}");
    }
}

#[test]
fn guessing_ends_for_a_minute_and_a_known_password_goes_on() {
    let folder = folder();
    let limits = Limits { wrong_passwords_max: 3, ..Limits::default() };
    let server = start(Config { limits, auth: auth(&["anna:HASH@/:r"]), ..config(folder.path()) });
    let status = |pair: &str| server.get("/hello.txt", &basic(pair)).status;
    assert_eq!(status("anna:password"), 200);
    for _ in 0..3 {
        assert_eq!(status("anna:guess"), 401);
    }
    let refused = server.get("/hello.txt", &basic("anna:guess"));
    assert_eq!(refused.status, 429);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(status("anna:password"), 200, "it is known");
    assert_eq!(server.get("/hello.txt", "").status, 401);
}

#[test]
fn one_password_for_the_whole_site() {
    let folder = folder();
    let auth = Some(Arc::new(Auth::password("grün")));
    let limits = Limits { wrong_passwords_max: 3, ..Limits::default() };
    let server = start(Config { auth, limits, ..config(folder.path()) });
    for (pair, status) in [("x:grün", 200), (":grün", 200), ("x:gruen", 401)] {
        assert_eq!(server.get("/hello.txt", &basic(pair)).status, status, "{pair}");
    }
    assert_eq!(server.get("/hello.txt", "").status, 401);
    let statuses = [401, 401, 429];
    assert_eq!(statuses.map(|_| server.get("/", &basic(":x")).status), statuses);
    assert_eq!(server.get("/", &basic(":grün")).status, 200);
}

#[test]
fn a_crowd_with_the_right_password_is_let_in_and_a_crowd_of_guessers_is_bounded() {
    let folder = folder();
    let limits = Limits {
        checks_max: 1,
        checks_waiting_max: 2,
        wrong_passwords_max: 5,
        ..Limits::default()
    };
    let server = start(Config { limits, auth: auth(&["anna:HASH@/:r"]), ..config(folder.path()) });
    let ask_all = |pair: &str| {
        let mut clients: Vec<_> = (0..40).map(|_| server.connect()).collect();
        let request = format!("GET /hello.txt HTTP/1.1\r\nHost: a\r\n{}\r\n", basic(pair));
        clients.iter_mut().for_each(|client| client.send(&request));
        clients.iter_mut().map(|client| client.response()).collect::<Vec<_>>()
    };
    for response in ask_all("anna:guess") {
        let waits = response.header("retry-after").is_some();
        let expected = [(401, false), (429, true), (503, true)];
        assert!(expected.contains(&(response.status, waits)), "{}", response.head);
    }
    let wrong = ask_all("anna:guess").iter().filter(|response| response.status == 401).count();
    assert!(wrong <= 5, "{wrong} guesses were judged");
    drop(server);

    let limits = Limits { wrong_passwords_max: 5, ..Limits::default() };
    let server = start(Config { limits, auth: auth(&["anna:HASH@/:r"]), ..config(folder.path()) });
    let mut clients: Vec<_> = (0..40).map(|_| server.connect()).collect();
    let request = format!("GET /hello.txt HTTP/1.1\r\nHost: a\r\n{}\r\n", basic("anna:password"));
    clients.iter_mut().for_each(|client| client.send(&request));
    assert!(clients.iter_mut().all(|client| client.response().status == 200));
}

#[test]
fn a_body_is_not_asked_for_from_who_may_not_send_it() {
    let folder = folder();
    let server = serve(&folder, &["anna:HASH@/:rw"]);
    let mut client = server.connect();
    client
        .send("PUT /new HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n");
    let refused = client.response();
    assert_eq!((refused.status, refused.header("connection")), (401, Some("close")));
}

#[test]
fn a_policy_is_exchanged_while_connections_live() {
    let folder = folder();
    let headers = vec![Rule::new("*", "X-Policy", "first").unwrap()];
    let server = start(Config { headers, threads: 2, ..config(folder.path()) });
    let mut clients: Vec<_> = (0..4).map(|_| server.connect()).collect();
    let mut ask = |fields: &str| {
        let request = format!("GET /hello.txt HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        clients.iter_mut().for_each(|client| client.send(&request));
        let answers: Vec<_> = clients.iter_mut().map(|client| client.response()).collect();
        let policies = answers.iter().map(|answer| answer.header("x-policy").unwrap_or("none"));
        let (policies, statuses): (Vec<_>, Vec<_>) =
            (policies.map(str::to_owned).collect(), answers.iter().map(|a| a.status).collect());
        (policies, statuses)
    };
    let all = |policy: &str, status: u16| (vec![policy.to_owned(); 4], vec![status; 4]);
    for _ in 0..3 {
        assert_eq!(ask(""), all("first", 200));
    }
    let headers = vec![Rule::new("*", "X-Policy", "second").unwrap()];
    server.reload.set(Policy { headers, ..Policy::default() });
    assert_eq!(ask(""), all("second", 200));
    server.reload.set(Policy { auth: auth(&["anna:HASH@/:r"]), ..Policy::default() });
    assert_eq!(ask(""), all("none", 401));
    assert_eq!(ask(&basic("anna:password")), all("none", 200));
    server.reload.set(Policy { auth: auth(&["bob:HASH@/:r"]), ..Policy::default() });
    assert_eq!(ask(&basic("anna:password")), all("none", 401));
    server.reload.set(Policy::default());
    assert_eq!(ask(""), all("none", 200));
    assert_eq!(server.stop(Duration::from_secs(10)).cut, 0);
}

#[test]
fn the_log_names_who_has_shown_to_know_the_password() {
    let (folder, log) = (folder(), Kept::default());
    let auth = auth(&["anna:HASH@/sub:r"]);
    let access_log = Some(log.log(LogFormat::Common));
    // Of several workers the lines would come in any order.
    let server = start(Config { auth, access_log, threads: 1, ..config(folder.path()) });
    let asked = [
        ("anna:password", "/sub/inner.html", 200),
        ("anna:wrong", "/sub/inner.html", 401),
        ("anna:password", "/hello.txt", 200),
    ];
    for (pair, target, status) in asked {
        assert_eq!(server.get(target, &basic(pair)).status, status, "{pair} {target}");
    }
    assert_eq!(server.get("/hello.txt", "").status, 200);
    server.stop(Duration::from_secs(10));
    let text = log.text();
    let users: Vec<&str> = text.lines().filter_map(|line| line.split(' ').nth(2)).collect();
    assert_eq!(users, ["anna", "-", "anna", "-"], "{text}");
}
