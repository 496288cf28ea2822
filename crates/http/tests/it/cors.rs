//! Pages of other sites, by raw sockets: preflights, what is kept, and passwords.

use std::sync::Arc;

use sockeye_http::{Auth, Config, Cors};

use crate::harness::{Running, config, folder, start};

fn listed(origins: &[&str]) -> Option<Cors> {
    Some(Cors::Listed(origins.iter().map(|origin| origin.parse().unwrap()).collect()))
}

fn options(server: &Running, fields: &str) -> crate::harness::Response {
    server.ask(format!("OPTIONS /hello.txt HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
}

#[test]
fn every_answer_says_who_may_read_it_kept_or_not() {
    let folder = folder();
    let server = start(Config { cors: Some(Cors::Any), threads: 1, ..config(folder.path()) });
    let mut client = server.connect();
    for target in ["/hello.txt", "/large.bin", "/sub/", "/none", "/sub"] {
        for fields in ["", "Origin: https://b.example\r\n", "Range: bytes=0-1\r\n"] {
            for round in 0..4 {
                client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
                let answer = client.response();
                let allowed = answer.header("access-control-allow-origin");
                assert_eq!(allowed, Some("*"), "{target} {fields} {round}");
                assert_eq!(answer.head.matches("Access-Control-Allow-Origin").count(), 1);
                assert_eq!(answer.header("access-control-allow-credentials"), None);
                assert!(answer.header("access-control-expose-headers").unwrap().contains("ETag"));
            }
        }
    }
    let tag = server.get("/hello.txt", "").header("etag").unwrap().to_owned();
    let same = server.get("/hello.txt", &format!("If-None-Match: {tag}\r\n"));
    assert_eq!((same.status, same.header("access-control-allow-origin")), (304, Some("*")));
}

#[test]
fn an_answer_for_one_origin_is_not_given_to_another() {
    let folder = folder();
    let cors = listed(&["https://a.example", "http://b:3000"]);
    let server = start(Config { cors, threads: 1, ..config(folder.path()) });
    let mut client = server.connect();
    let mut ask = |origin: Option<&str>| {
        let field = origin.map(|origin| format!("Origin: {origin}\r\n")).unwrap_or_default();
        client.send(format!("GET /hello.txt HTTP/1.1\r\nHost: a\r\n{field}\r\n"));
        let answer = client.response();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("vary"), Some("Origin"));
        let said = |name| answer.header(name).map(str::to_owned);
        (said("access-control-allow-origin"), said("access-control-allow-credentials"))
    };
    for _ in 0..5 {
        assert_eq!(ask(None), (None, None));
        for origin in ["https://a.example", "http://b:3000"] {
            let expected = (Some(origin.to_owned()), Some("true".to_owned()));
            assert_eq!(ask(Some(origin)), expected);
        }
        for origin in ["https://evil.example", "null", "http://a.example", "https://a.example:444"]
        {
            assert_eq!(ask(Some(origin)), (None, None), "{origin}");
        }
    }
}

#[test]
fn a_preflight_needs_no_password_and_what_follows_does() {
    let folder = folder();
    let auth = Some(Arc::new(Auth::password("secret")));
    let cors = listed(&["https://a.example"]);
    let server = start(Config { auth, cors, ..config(folder.path()) });
    let origin = "Origin: https://a.example\r\n";
    let asks = format!("{origin}Access-Control-Request-Method: GET\r\n");
    let preflight = options(&server, &asks);
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-methods"), Some("GET, HEAD"));
    let fields = preflight.header("access-control-allow-headers").unwrap();
    assert!(fields.contains("Authorization") && fields.contains("Range"), "{fields}");
    assert_eq!(options(&server, origin).status, 401, "no question of a browser");
    let refused = server.get("/hello.txt", origin);
    assert_eq!(refused.status, 401);
    let allowed = refused.header("access-control-allow-origin");
    assert_eq!(allowed, Some("https://a.example"), "scripts may see why");
    let stranger = asks.replace("a.example", "evil.example");
    let refused = options(&server, &stranger);
    assert_eq!((refused.status, refused.header("access-control-allow-methods")), (204, None));
}

#[test]
fn without_the_flag_there_is_no_word_of_it() {
    let folder = folder();
    let server = start(config(folder.path()));
    let fields = "Origin: https://a.example\r\nAccess-Control-Request-Method: GET\r\n";
    assert!(!options(&server, fields).head.contains("Access-Control"));
    assert!(!server.get("/hello.txt", fields).head.contains("Access-Control"));
}
