//! The rules of chunks, each fed whole, byte by byte and at every cut.

use crate::feed::{run, run_every_way};

const HEAD: &str = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const NEXT: &str = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";

fn chunked(body: &str) -> Vec<String> {
    run_every_way(format!("{HEAD}{body}{NEXT}").as_bytes())
}

#[test]
fn rfc9112_7_1_chunks_are_joined() {
    for body in [
        "5\r\nhello\r\n0\r\n\r\n",
        "2\r\nhe\r\n003\r\nllo\r\n000\r\n\r\n",
        "5;a\r\nhello\r\n0;b=c\r\n\r\n",
        "5 ; a = \"x\\\"; y\" ;b\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nDigest: x\r\nOther: y\r\n\r\n",
    ] {
        let said = chunked(body);
        assert_eq!(said, ["POST /a HTTP/1.1 body=hello", "GET /next HTTP/1.1 body=", "close"]);
    }
    assert_eq!(chunked("A\r\n0123456789\r\n0\r\n\r\n")[0], "POST /a HTTP/1.1 body=0123456789");
}

#[test]
fn rfc9112_7_1_malformed_chunks() {
    for body in [
        "x\r\n",
        "\r\n",
        "-1\r\n",
        "+5\r\nhello\r\n",
        "0x5\r\nhello\r\n",
        " 5\r\nhello\r\n",
        "5\nhello\r\n",
        "5 \r\nhello\r\n",
        "5\rhello\r\n",
        "5\r\nhelloX\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "11111111111111111\r\n",
        "5;\r\nhello\r\n",
        "5;a=\r\nhello\r\n",
        "5;a=\"x\r\nhello\r\n",
        "5;a=\"\\\r\nhello\r\n",
        "5;a b\r\nhello\r\n",
        "5 a\r\nhello\r\n",
        "0\r\nno colon\r\n\r\n",
        "0\r\nX: y\n\r\n",
        "0\r\nX: y\r\n\n",
        "0\r\n\n",
    ] {
        let said = chunked(body);
        assert_eq!(said.len(), 2, "{body:?} gave {said:?}");
        assert!(said[0].starts_with("POST /a HTTP/1.1 failed 400"), "{body:?} gave {said:?}");
    }
}

#[test]
fn rfc9112_7_1_limits_of_chunks() {
    let said = chunked("ffffffffffffffff\r\n");
    assert!(said[0].contains("failed 413"), "{said:?}");
    let said = chunked(&format!("5;{}\r\nhello\r\n", "a".repeat(1024)));
    assert!(said[0].contains("failed 400"), "{said:?}");
    let input = format!("{HEAD}0\r\nX: {}\r\n\r\n", "y".repeat(9000));
    let bytes: Vec<&[u8]> = input.as_bytes().chunks(1).collect();
    for parts in [vec![input.as_bytes()], bytes] {
        let said = run(&parts);
        assert!(said[0].contains("failed 431"), "{said:?}");
    }
}

#[test]
fn rfc9112_7_1_1_framing_may_not_outweigh_the_content() {
    let chunk = format!("1;{}\r\nx\r\n", "a".repeat(1000));
    let body = chunk.repeat(40);
    let said = run(&[HEAD.as_bytes(), body.as_bytes()]);
    assert!(said[0].contains("more chunk framing than content"), "{said:?}");
}

#[test]
fn rfc9112_8_a_cut_body_fails() {
    for input in [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell".to_owned(),
        format!("{HEAD}5\r\nhell"),
        format!("{HEAD}5\r\nhello\r\n"),
        format!("{HEAD}5\r\nhello\r\n0\r\n"),
    ] {
        let said = run_every_way(input.as_bytes());
        assert!(said[0].ends_with("failed 400 Bad Request: the body is cut"), "{said:?}");
    }
}

proptest::proptest! {
    // Each case is run once for every cut.
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]
    #[test]
    fn chunks_of_any_size_are_joined(parts in proptest::collection::vec("[a-z]{1,20}", 0..8)) {
        let chunks = parts.iter().map(|part| format!("{:x}\r\n{part}\r\n", part.len()));
        let body = format!("{}0\r\n\r\n", chunks.collect::<String>());
        let said = chunked(&body);
        proptest::prop_assert_eq!(&said[0], &format!("POST /a HTTP/1.1 body={}", parts.concat()));
    }

    #[test]
    fn no_bytes_panic_in_chunks(body in "[0-9a-f;=\"\\\\ \t\r\n]{0,40}") {
        chunked(&body);
    }
}
