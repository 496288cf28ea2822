//! Where a request ends and the next one starts: RFC 9112, sections 6, 7 and 9. `/~echo` reads a
//! body of at most 64 KiB and answers with it; a file leaves the body to the connection.

use super::rule::{HELLO, Rule, ask, raw};

/// Chunks for `/~echo`, their head put in front.
const fn chunks(section: &'static str, name: &'static str, body: &'static str) -> Rule {
    ask(section, name, "POST /~echo HTTP/1.1", "Transfer-Encoding: chunked\r\n").body(body)
}

/// A length that is none.
const fn length(name: &'static str, fields: &'static str) -> Rule {
    ask("9112 6.2", name, "POST /~echo HTTP/1.1", fields).body("abcde").ends(400)
}

/// A transfer coding that is refused.
const fn coding(name: &'static str, fields: &'static str) -> Rule {
    ask("9112 6.1", name, "POST /~echo HTTP/1.1", fields).body("0\r\n\r\n")
}

pub(crate) const RULES: &[Rule] = &[
    coding("a coding nobody knows", "Transfer-Encoding: x\r\n").ends(501),
    coding("identity is none", "Transfer-Encoding: identity\r\n").ends(501),
    coding("a coding before chunked", "Transfer-Encoding: gzip, chunked\r\n").ends(501),
    coding("a coding after chunked", "Transfer-Encoding: chunked, gzip\r\n").ends(501),
    coding("chunked with a parameter", "Transfer-Encoding: chunked;q=1\r\n").ends(501),
    coding("chunked in quotes", "Transfer-Encoding: \"chunked\"\r\n").ends(501),
    coding("chunked twice", "Transfer-Encoding: chunked, chunked\r\n").ends(400),
    coding("chunked in two fields", "Transfer-Encoding: chunked\r\ntransfer-encoding: chunked\r\n")
        .ends(400),
    coding("no coding", "Transfer-Encoding: \r\n").ends(400),
    coding("a control byte before", "Transfer-Encoding: \x0bchunked\r\n").ends(400),
    coding("codings have no case", "Transfer-Encoding: CHUNKED\r\n").is(""),
    ask("9112 6.1", "chunks in HTTP/1.0", "POST /~echo HTTP/1.0", "Transfer-Encoding: chunked\r\n")
        .body("0\r\n\r\n")
        .ends(400),
    coding("a length beside it", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n").ends(400),
    coding("a length after it", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n").ends(400),
    coding("a length of 0 beside it", "Content-Length: 0\r\nTransfer-Encoding: x\r\n").ends(400),
    length("a sign", "Content-Length: +5\r\n"),
    length("a negative length", "Content-Length: -5\r\n"),
    length("a list", "Content-Length: 5, 5\r\n"),
    length("a space within", "Content-Length: 0 5\r\n"),
    length("letters", "Content-Length: 0x5\r\n"),
    length("a fraction", "Content-Length: 5.0\r\n"),
    length("nothing", "Content-Length:\r\n"),
    length("two equal lengths", "Content-Length: 5\r\nContent-Length: 5\r\n"),
    length("two lengths", "Content-Length: 5\r\ncontent-length: 6\r\n"),
    length("more than 64 bits", "Content-Length: 18446744073709551616\r\n").ends(413),
    length("zeros in front", "Content-Length: 005\r\n").gives(200).is("abcde"),
    ask("9112 6.3", "a body by its length", "POST /~echo HTTP/1.1", "Content-Length: 5\r\n")
        .body("a\r\n\0b")
        .is("a\r\n\0b"),
    ask("9112 6.3", "neither length nor coding", "POST /~echo HTTP/1.1", "").is(""),
    ask("9112 6.3", "a length of 0", "POST /~echo HTTP/1.1", "Content-Length: 0\r\n").is(""),
    ask("9112 6.3", "a body with GET", "GET /hello.txt HTTP/1.1", "Content-Length: 22\r\n")
        .body("GET / HTTP/1.1\r\nHost: ")
        .is(HELLO),
    ask("9112 6.3", "chunks with GET", "GET /hello.txt HTTP/1.1", "Transfer-Encoding: chunked\r\n")
        .body("16\r\nGET / HTTP/1.1\r\nHost: \r\n0\r\n\r\n")
        .is(HELLO),
    ask("9112 6.3", "a body that is cut", "POST /~echo HTTP/1.1", "Content-Length: 6\r\n")
        .body("abc")
        .cut()
        .ends(400)
        .says("cut"),
    ask(
        "9110 8.6",
        "a length beyond the limit",
        "POST /~echo HTTP/1.1",
        "Content-Length: 65537\r\n",
    )
    .body("{65537 x}")
    .gives(413),
    ask("9110 8.6", "a length at the limit", "POST /~echo HTTP/1.1", "Content-Length: 65536\r\n")
        .body("{65536 x}")
        .has(&[("content-length", "65536")]),
    chunks("9112 7.1", "chunks", "5\r\nabcde\r\n3\r\nfgh\r\n0\r\n\r\n").is("abcdefgh"),
    chunks("9112 7.1", "digits of both cases", "00A\r\n{10 x}\r\na\r\n{10 y}\r\n000\r\n\r\n")
        .is("xxxxxxxxxxyyyyyyyyyy"),
    chunks("9112 7.1", "CRLF within a chunk", "2\r\n\r\n\r\n0\r\n\r\n").is("\r\n"),
    chunks("9112 7.1", "a chunk that looks like the end", "5\r\n0\r\n\r\n\r\n0\r\n\r\n")
        .is("0\r\n\r\n"),
    chunks("9112 7.1", "no size", "\r\nabc\r\n0\r\n\r\n").ends(400),
    chunks("9112 7.1", "a size that is none", "g\r\nabc\r\n0\r\n\r\n").ends(400),
    chunks("9112 7.1", "a size with a prefix", "0x3\r\nabc\r\n0\r\n\r\n").ends(400),
    chunks("9112 7.1", "a size with a sign", "+3\r\nabc\r\n0\r\n\r\n").ends(400),
    chunks("9112 7.1", "a space before a size", " 3\r\nabc\r\n0\r\n\r\n").ends(400),
    chunks("9112 7.1", "a space after a size", "3 \r\nabc\r\n0\r\n\r\n").ends(400),
    chunks("9112 7.1", "a size beyond 64 bits", "10000000000000003\r\nabc\r\n0\r\n\r\n").ends(400),
    chunks("9112 7.1", "a size of 16 digits", "0000000000000003\r\nabc\r\n0\r\n\r\n").is("abc"),
    chunks("9112 7.1", "a size of 17 digits", "00000000000000003\r\nabc\r\n0\r\n\r\n").ends(400),
    chunks("9112 7.1", "no size and no end", "zz").ends(400),
    chunks("9112 7.1", "a size near 64 bits", "fffffffffffffffe\r\nabc\r\n0\r\n\r\n").ends(413),
    chunks("9112 7.1", "LF after a size", "3\nabc\r\n0\r\n\r\n").ends(400),
    chunks("9112 7.1", "CR in a size", "3\r3\r\nabc\r\n0\r\n\r\n").ends(400),
    chunks("9112 7.1", "LF after a chunk", "3\r\nabc\n0\r\n\r\n").ends(400),
    chunks("9112 7.1", "a chunk that is longer", "3\r\nabcd\r\n0\r\n\r\n").ends(400),
    chunks("9112 7.1", "a chunk that is shorter", "5\r\nabc\r\n0\r\n\r\n").ends(400),
    chunks("9112 7.1", "LF after the last chunk", "3\r\nabc\r\n0\r\n\n").ends(400),
    chunks("9112 7.1", "LF after the last size", "3\r\nabc\r\n0\n\r\n").ends(400),
    chunks("9112 7.1", "chunks that are cut", "3\r\nabc\r\n").cut().ends(400).says("cut"),
    chunks("9112 7.1", "chunks beyond the limit", "10001\r\n{65537 x}\r\n0\r\n\r\n").gives(413),
    chunks("9112 7.1.1", "CR in a quoted value", "3;a=\"\r\"\r\nabc\r\n0\r\n\r\n").ends(400),
    chunks("9112 7.1.1", "good extensions", "3;a;b=c ; d = \"e;\\\"\"\r\nabc\r\n0;x\r\n\r\n")
        .is("abc"),
    chunks("9112 7.1.1", "an extension without a name", "3;\r\nabc\r\n0\r\n\r\n").ends(400),
    chunks("9112 7.1.1", "a name that is no token", "3;a(\r\nabc\r\n0\r\n\r\n").ends(400),
    chunks("9112 7.1.1", "an extension without a value", "3;a=\r\nabc\r\n0\r\n\r\n").ends(400),
    chunks("9112 7.1.1", "a value without its quote", "3;a=\"b\r\nabc\r\n0\r\n\r\n").ends(400),
    chunks("9112 7.1.1", "a control byte in a value", "3;a=\"\x01\"\r\nabc\r\n0\r\n\r\n").ends(400),
    chunks("9112 7.1.1", "a quoted control byte", "3;a=\"\\\x01\"\r\nabc\r\n0\r\n\r\n").ends(400),
    chunks("9112 7.1.1", "a long extension", "3;{1020 a}\r\nabc\r\n0\r\n\r\n").is("abc"),
    chunks("9112 7.1.1", "an extension of a byte more", "3;{1021 a}\r\nabc\r\n0\r\n\r\n").ends(400),
    chunks("9112 7.1.1", "more framing than data", "{6000 1\r\nx\r\n}0\r\n\r\n").ends(400),
    chunks("9112 7.1.1", "many small chunks", "{5000 1\r\nx\r\n}0\r\n\r\n").is("{5000 x}"),
    chunks("9112 7.1.2", "trailers", "3\r\nabc\r\n0\r\nX: y\r\nContent-Length: 9\r\n\r\n")
        .is("abc"),
    chunks("9112 7.1.2", "a trailer without a colon", "0\r\nnothing\r\n\r\n").ends(400),
    chunks("9112 7.1.2", "a folded trailer", "0\r\nX: y\r\n z\r\n\r\n").ends(400),
    chunks("9112 7.1.2", "LF after a trailer", "0\r\nX: y\n\r\n").ends(400),
    chunks("9112 7.1.2", "a trailer with NUL", "0\r\nX: \0\r\n\r\n").ends(400),
    chunks("9112 7.1.2", "the longest trailers", "0\r\nX: {8185 y}\r\n\r\n").is(""),
    chunks("9112 7.1.2", "trailers of a byte more", "0\r\nX: {8186 y}\r\n\r\n").ends(431),
    chunks("9112 7.1.2", "101 trailers", "0\r\n{101 X: y\r\n}\r\n").ends(400),
    ask("9112 7.1", "chunks where the length is not known", "GET /~stream HTTP/1.1", "")
        .has(&[("transfer-encoding", "chunked")])
        .lacks(&["content-length"])
        .is("streamed"),
    ask("9112 7.1", "chunks before close", "GET /~stream HTTP/1.1", "Connection: close\r\n")
        .has(&[("transfer-encoding", "chunked")])
        .ends(200)
        .is("streamed"),
    ask("9112 6.1", "no chunks for HTTP/1.0", "GET /~stream HTTP/1.0", "")
        .lacks(&["transfer-encoding", "content-length"])
        .ends(200)
        .is("streamed"),
    ask("9112 6.3", "the close ends it", "GET /~stream HTTP/1.0", "Connection: keep-alive\r\n")
        .lacks(&["transfer-encoding", "content-length"])
        .ends(200)
        .is("streamed"),
    ask("9110 9.3.2", "HEAD of what has no length", "HEAD /~stream HTTP/1.1", "")
        .has(&[("transfer-encoding", "chunked")])
        .lacks(&["content-length"]),
    ask("9112 9.3", "HTTP/1.0 closes", "GET /hello.txt HTTP/1.0", "").ends(200).is(HELLO),
    ask("9112 9.3", "HTTP/1.0 goes on", "GET /hello.txt HTTP/1.0", "Connection: Keep-Alive\r\n")
        .has(&[("connection", "keep-alive")])
        .is(HELLO),
    ask("9112 9.3", "close counts more", "GET / HTTP/1.0", "Connection: keep-alive, close\r\n")
        .ends(200),
    ask("9112 9.3", "HTTP/1.1 goes on", "GET /hello.txt HTTP/1.1", "Connection: x\r\n")
        .lacks(&["connection", "keep-alive"])
        .is(HELLO),
    ask("9112 9.3.2", "nothing after close", "GET /hello.txt HTTP/1.1", "Connection: close\r\n")
        .body("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        .ends(200)
        .is(HELLO),
    raw(
        "9112 9.3.2",
        "nothing after 400",
        "GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    )
    .ends(400),
    ask("9112 9.6", "close", "GET /hello.txt HTTP/1.1", "Connection: close\r\n")
        .ends(200)
        .is(HELLO),
    ask("9112 9.6", "close in a list", "GET / HTTP/1.1", "Connection: x , CLOSE\r\n").ends(200),
    ask(
        "9112 9.6",
        "close in a second field",
        "GET / HTTP/1.1",
        "Connection: x\r\nconnection: close\r\n",
    )
    .ends(200),
    ask(
        "9112 9.6",
        "a body before close",
        "POST /~echo HTTP/1.1",
        "Content-Length: 3\r\nConnection: close\r\n",
    )
    .body("abc")
    .ends(200)
    .is("abc"),
    ask(
        "9110 7.8",
        "an upgrade to h2c",
        "GET /hello.txt HTTP/1.1",
        "Connection: Upgrade\r\nUpgrade: h2c\r\n",
    )
    .lacks(&["upgrade"])
    .is(HELLO),
    ask("9110 10.1.1", "an expectation", "POST /~echo HTTP/1.1", "Expect: x\r\n").ends(417),
    ask(
        "9110 10.1.1",
        "a second one",
        "POST /~echo HTTP/1.1",
        "Expect: 100-continue\r\nExpect: x\r\n",
    )
    .ends(417),
    ask(
        "9110 10.1.1",
        "a list with another",
        "POST /~echo HTTP/1.1",
        "Expect: 100-continue, x\r\n",
    )
    .ends(417),
    ask("9110 10.1.1", "an expectation in HTTP/1.0", "GET /hello.txt HTTP/1.0", "Expect: x\r\n")
        .ends(200)
        .is(HELLO),
    ask(
        "9110 10.1.1",
        "100 before the body",
        "POST /~echo HTTP/1.1",
        "Expect: 100-CONTINUE\r\nContent-Length: 3\r\n",
    )
    .after_continue("abc")
    .is("abc"),
    ask(
        "9110 10.1.1",
        "no 100 where there is no body",
        "POST /~echo HTTP/1.1",
        "Expect: 100-continue\r\n",
    )
    .is(""),
    ask(
        "9110 10.1.1",
        "no 100 before a refusal",
        "PUT /hello.txt HTTP/1.1",
        "Expect: 100-continue\r\nContent-Length: 3\r\n",
    )
    .ends(405),
    ask(
        "9110 10.1.1",
        "too much is refused before",
        "POST /~echo HTTP/1.1",
        "Expect: 100-continue\r\nContent-Length: 65537\r\n",
    )
    .ends(413),
];
