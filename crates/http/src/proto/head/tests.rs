//! The rules of a request head, by section; each input is also fed byte by byte, at every cut, and
//! pipelined after a good request, through a connection.

use super::*;
use crate::feed::run_every_way;

fn parse(text: &str) -> Result<Head, PeerError> {
    Head::parse(text.as_bytes().to_vec())
}

fn refusal(text: &str) -> String {
    let good = "GET /good HTTP/1.1\r\nHost: a\r\n\r\n";
    let alone = run_every_way(text.as_bytes());
    assert_eq!(alone.len(), 2, "{text:?} gave {alone:?}");
    let pipelined = run_every_way(format!("{good}{text}").as_bytes());
    assert_eq!(pipelined[0], "GET /good HTTP/1.1 body=");
    assert_eq!(pipelined[1..], alone[..], "{text:?} after a good request");
    alone[0].clone()
}

#[track_caller]
fn refused(code: u16, requests: &[&str]) {
    for request in requests {
        let said = refusal(request);
        assert!(said.starts_with(&format!("refused {code} ")), "{request:?} gave {said:?}");
    }
}

#[test]
fn rfc9112_3_a_plain_request() {
    let head =
        parse("GET /a?b HTTP/1.1\r\nHost: x:80\r\nAccept:  a \r\naccept: b\r\n\r\n").unwrap();
    assert_eq!((head.method(), head.target(), head.minor()), (Method::Get, "/a?b", 1));
    assert_eq!(head.field("ACCEPT"), Some(&b"a"[..]));
    assert_eq!(head.list("accept").collect::<Vec<_>>(), [b"a", b"b"]);
    assert_eq!(head.only_field("accept"), None);
    assert_eq!(head.host(), Some("x:80"));
    assert!(head.keep_alive());
    assert_eq!(head.framing(), Framing::None);
}

#[test]
fn rfc9112_2_2_lines_may_end_with_lf_and_empty_lines_may_come_first() {
    let said =
        run_every_way(b"\r\n\nGET / HTTP/1.1\nHost: a\n\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(said, ["GET / HTTP/1.1 body=", "GET /b HTTP/1.1 body=", "close"]);
}

#[test]
fn rfc9112_2_2_bare_cr() {
    refused(
        400,
        &[
            "GET / HTTP/1.1\rHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\rX: y\r\n\r\n",
            "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ],
    );
}

#[test]
fn rfc9112_3_malformed_request_lines() {
    refused(
        400,
        &[
            "GET\r\n\r\n",
            "GET /\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
            "GET / x HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n",
            " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / http/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.10\r\nHost: a\r\n\r\n",
            "GET / HTTP/one\r\nHost: a\r\n\r\n",
            "\u{16}\u{3}\u{1}\u{2}",
        ],
    );
}

#[test]
fn rfc9110_2_5_versions() {
    refused(505, &["GET / HTTP/2.0\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\n"]);
    let said = run_every_way(b"GET / HTTP/1.7\r\nHost: a\r\n\r\n");
    assert_eq!(said[0], "GET / HTTP/1.1 body=");
}

#[test]
fn rfc9112_3_2_host() {
    refused(
        400,
        &[
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost:\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: :80\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: [a]\r\n\r\n",
        ],
    );
    for host in ["a", "a:80", "a.b-c_d:", "127.0.0.1:1", "[::1]", "[fe80::1]:8080"] {
        assert!(parse(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).is_ok(), "{host}");
    }
    assert!(parse("GET / HTTP/1.0\r\n\r\n").is_ok());
}

#[test]
fn rfc9112_5_fields() {
    refused(
        400,
        &[
            "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nName : x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nN(me: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\u{7f}b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\u{1}b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n folded\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tfolded\r\n\r\n",
            "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        ],
    );
}

#[test]
fn rfc9112_6_2_content_length() {
    refused(
        400,
        &[
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\nx",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 1\r\n\r\nx",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\nx",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nx",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        ],
    );
    refused(413, &["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nx"]);
    let said = run_every_way(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 003\r\n\r\nxyz");
    assert_eq!(said, ["POST /a HTTP/1.1 body=xyz", "close"]);
}

#[test]
fn rfc9112_6_1_transfer_encoding() {
    refused(
        400,
        &[
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
        ],
    );
    refused(
        501,
        &[
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\n\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;a=b\r\n\r\n",
        ],
    );
}

#[test]
fn rfc9112_9_3_persistence() {
    for (request, keeps) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: close\r\n\r\n", false),
        ("GET / HTTP/1.0\r\n\r\n", false),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true),
        ("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false),
    ] {
        assert_eq!(parse(request).unwrap().keep_alive(), keeps, "{request:?}");
    }
}

#[test]
fn rfc9110_10_1_1_expect() {
    refused(417, &["GET / HTTP/1.1\r\nHost: a\r\nExpect: the-unexpected\r\n\r\n"]);
    let expects = |minor| {
        let text = format!("PUT / HTTP/1.{minor}\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n");
        parse(&text).unwrap().expects_continue()
    };
    assert!(expects(1));
    assert!(!expects(0));
}

#[test]
fn rfc6585_5_too_many_fields_and_bytes() {
    let fields = "X: y\r\n".repeat(FIELDS_MAX - 1);
    assert!(parse(&format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")).is_ok());
    refused(
        431,
        &[
            &format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}X: y\r\n\r\n"),
            &format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(2048)),
            &format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "y".repeat(2048)),
        ],
    );
}

#[test]
fn rfc9110_15_5_15_too_long_a_target() {
    refused(
        414,
        &[
            &format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(512)),
            &format!("GET /{}", "a".repeat(600)),
        ],
    );
    let said = run_every_way(format!("GET /{} HTTP/1.0\r\n\r\n", "a".repeat(511)).as_bytes());
    assert!(said[0].starts_with("GET /aaa"));
}

#[test]
fn rfc9112_3_too_long_a_method() {
    refused(501, &["A".repeat(40).as_str()]);
}

proptest::proptest! {
    // Each case is run once for every cut.
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = Head::parse(bytes);
    }

    #[test]
    fn what_is_cut_says_the_same(
        line in "(GET|PUT|P\u{0}) /[a%]{0,3} HTTP/[12].[01]\r?\n",
        fields in "(Host: a\r\n|Content-Length: [0-9]{0,2}\r\n|[:\r\n ]){0,4}",
        chunked in "(|Transfer-Encoding: chunked\r\n)\r\n[0-9a-f\r\n]{0,12}",
    ) {
        run_every_way(format!("{line}{fields}{chunked}").as_bytes());
    }
}
