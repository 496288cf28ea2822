//! Conditions and ranges: RFC 9110, sections 13 and 14. The file has 13 bytes, and was changed at
//! `{date}`.

use super::rule::{HELLO, Rule, ask};

/// A `GET` of the file with these fields.
const fn get(section: &'static str, name: &'static str, fields: &'static str) -> Rule {
    ask(section, name, "GET /hello.txt HTTP/1.1", fields)
}

/// A request for ranges of the file.
const fn ranges(name: &'static str, fields: &'static str) -> Rule {
    get("9110 14.2", name, fields)
}

/// Bytes of the file.
const fn part(
    rule: Rule,
    range: &'static [(&'static str, &'static str)],
    text: &'static str,
) -> Rule {
    rule.gives(206).has(range).is(text)
}

/// A request that gets the whole file, with 200.
const fn whole(rule: Rule) -> Rule {
    rule.has(&[("content-length", "13"), ("accept-ranges", "bytes")])
        .lacks(&["content-range"])
        .is(HELLO)
}

/// A request whose ranges are all beyond the end.
const fn none(rule: Rule) -> Rule {
    rule.gives(416).has(&[("content-range", "bytes */13")]).lacks(&["etag", "last-modified"])
}

/// An answer that the client has the file.
const fn same(rule: Rule) -> Rule {
    rule.gives(304)
        .has(&[("etag", "{etag}"), ("last-modified", "{date}"), ("cache-control", "no-cache")])
        .lacks(&["content-length", "content-type", "transfer-encoding"])
        .is("")
}

/// An answer of several parts.
const fn parts(rule: Rule) -> Rule {
    rule.gives(206).has(&[("content-type", "*"), ("etag", "{etag}")]).lacks(&["content-range"])
}

pub(crate) const RULES: &[Rule] = &[
    whole(get("9110 13.1.1", "If-Match of its tag", "If-Match: {etag}\r\n")),
    whole(get("9110 13.1.1", "If-Match in a list", "If-Match: \"a,b\" , W/\"c\",,{etag}\r\n")),
    whole(get(
        "9110 13.1.1",
        "If-Match in a second field",
        "If-Match: \"a\"\r\nIf-Match: {etag}\r\n",
    )),
    whole(get("9110 13.1.1", "If-Match of anything", "If-Match: *\r\n")),
    get("9110 13.1.1", "If-Match of another tag", "If-Match: \"a\"\r\n").gives(412),
    get("9110 13.1.1", "If-Match of a weak tag", "If-Match: W/{etag}\r\n").gives(412),
    get("9110 13.1.1", "If-Match without quotes", "If-Match: a\r\n").gives(412),
    ask("9110 13.1.1", "If-Match with HEAD", "HEAD /hello.txt HTTP/1.1", "If-Match: \"a\"\r\n")
        .gives(412)
        .is(""),
    same(get("9110 13.1.2", "If-None-Match of its tag", "If-None-Match: {etag}\r\n")),
    same(get("9110 13.1.2", "If-None-Match of a weak tag", "If-None-Match: W/{etag}\r\n")),
    same(get("9110 13.1.2", "If-None-Match in a list", "If-None-Match: \"a\", {etag}\r\n")),
    same(get("9110 13.1.2", "If-None-Match of anything", "If-None-Match: *\r\n")),
    same(ask("9110 13.1.2", "with HEAD", "HEAD /hello.txt HTTP/1.1", "If-None-Match: {etag}\r\n")),
    whole(get("9110 13.1.2", "If-None-Match of another tag", "If-None-Match: \"a\"\r\n")),
    whole(get("9110 13.1.2", "tags have a case", "If-None-Match: w/{etag}\r\n")),
    whole(get("9110 8.8.3", "a tag with a space", "If-None-Match: \"a b\", {etag}\r\n")),
    same(get("9110 13.1.3", "If-Modified-Since then", "If-Modified-Since: {date}\r\n")),
    same(get("9110 13.1.3", "If-Modified-Since later", "If-Modified-Since: {later}\r\n")),
    whole(get("9110 13.1.3", "If-Modified-Since earlier", "If-Modified-Since: {earlier}\r\n")),
    whole(get("9110 13.1.3", "a date that is none", "If-Modified-Since: yesterday\r\n")),
    whole(get(
        "9110 13.1.3",
        "two dates",
        "If-Modified-Since: {date}\r\nIf-Modified-Since: {date}\r\n",
    )),
    same(get("9110 5.6.7", "an old date", "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n")),
    same(get("9110 5.6.7", "asctime", "If-Modified-Since: Sun Nov  6 08:49:37 1994\r\n")),
    whole(get("9110 13.1.4", "If-Unmodified-Since then", "If-Unmodified-Since: {date}\r\n")),
    get("9110 13.1.4", "If-Unmodified-Since earlier", "If-Unmodified-Since: {earlier}\r\n")
        .gives(412),
    whole(get("9110 13.1.4", "a date that is none", "If-Unmodified-Since: yesterday\r\n")),
    whole(get(
        "9110 13.2.2",
        "If-Match before If-Unmodified-Since",
        "If-Unmodified-Since: {earlier}\r\nIf-Match: {etag}\r\n",
    )),
    get(
        "9110 13.2.2",
        "If-Match before If-None-Match",
        "If-None-Match: {etag}\r\nIf-Match: \"a\"\r\n",
    )
    .gives(412),
    get(
        "9110 13.2.2",
        "If-Unmodified-Since before If-None-Match",
        "If-None-Match: {etag}\r\nIf-Unmodified-Since: {earlier}\r\n",
    )
    .gives(412),
    same(get(
        "9110 13.2.2",
        "If-None-Match after If-Match",
        "If-Match: {etag}\r\nIf-None-Match: {etag}\r\n",
    )),
    whole(get(
        "9110 13.2.2",
        "If-None-Match before If-Modified-Since",
        "If-Modified-Since: {later}\r\nIf-None-Match: \"a\"\r\n",
    )),
    same(get(
        "9110 13.2.2",
        "If-None-Match before Range",
        "Range: bytes=0-1\r\nIf-None-Match: {etag}\r\n",
    )),
    get("9110 13.2.2", "If-Match before Range", "Range: bytes=99-\r\nIf-Match: \"a\"\r\n")
        .gives(412),
    ask(
        "9110 13.2.1",
        "no condition counts for 404",
        "GET /nothing HTTP/1.1",
        "If-Match: \"a\"\r\n",
    )
    .gives(404),
    ask("9110 13.2.1", "or for 405", "DELETE /hello.txt HTTP/1.1", "If-Match: \"a\"\r\n")
        .gives(405),
    ask("9110 13.1.1", "If-Match of a folder", "GET /sub/ HTTP/1.1", "If-Match: \"a\"\r\n")
        .gives(412),
    ask("9110 13.1.2", "If-None-Match of any folder", "GET /sub/ HTTP/1.1", "If-None-Match: *\r\n")
        .gives(304)
        .has(&[("vary", "Accept"), ("cache-control", "no-cache")])
        .is(""),
    ask("9110 13.1.1", "If-Match of any folder", "GET /sub/ HTTP/1.1", "If-Match: *\r\n")
        .says("inner.html"),
    part(
        get("9110 13.1.5", "If-Range of its tag", "If-Range: {etag}\r\nRange: bytes=0-1\r\n"),
        &[("content-range", "bytes 0-1/13"), ("etag", "{etag}")],
        "he",
    ),
    part(
        get("9110 13.1.5", "If-Range of its date", "If-Range: {date}\r\nRange: bytes=0-1\r\n"),
        &[("content-range", "bytes 0-1/13")],
        "he",
    ),
    whole(get("9110 13.1.5", "of another tag", "If-Range: \"a\"\r\nRange: bytes=0-1\r\n")),
    whole(get("9110 13.1.5", "of a weak tag", "If-Range: W/{etag}\r\nRange: bytes=0-1\r\n")),
    whole(get("9110 13.1.5", "of two tags", "If-Range: {etag}, \"a\"\r\nRange: bytes=0-1\r\n")),
    whole(get("9110 13.1.5", "of a later date", "If-Range: {later}\r\nRange: bytes=0-1\r\n")),
    whole(get("9110 13.1.5", "of an earlier date", "If-Range: {earlier}\r\nRange: bytes=0-1\r\n")),
    whole(get("9110 13.1.5", "of nonsense", "If-Range: a\r\nRange: bytes=0-1\r\n")),
    whole(get(
        "9110 13.1.5",
        "no tag and no such bytes",
        "If-Range: \"a\"\r\nRange: bytes=99-\r\n",
    )),
    whole(get("9110 13.1.5", "If-Range alone", "If-Range: {etag}\r\n")),
    part(
        ranges("the first byte", "Range: bytes=0-0\r\n"),
        &[("content-range", "bytes 0-0/13")],
        "h",
    ),
    part(
        ranges("from the middle", "Range: bytes=7-\r\n"),
        &[
            ("content-range", "bytes 7-12/13"),
            ("content-length", "6"),
            ("etag", "{etag}"),
            ("last-modified", "{date}"),
            ("cache-control", "no-cache"),
            ("content-type", "text/plain; charset=utf-8"),
            ("accept-ranges", "bytes"),
        ],
        "world\n",
    ),
    part(ranges("a suffix", "Range: bytes=-3\r\n"), &[("content-range", "bytes 10-12/13")], "ld\n"),
    part(
        ranges("a long suffix", "Range: bytes=-99\r\n"),
        &[("content-range", "bytes 0-12/13")],
        HELLO,
    ),
    part(
        ranges("an end beyond the end", "Range: bytes=12-99999999999999999999\r\n"),
        &[("content-range", "bytes 12-12/13")],
        "\n",
    ),
    part(
        ranges("units have no case", "Range: BYTES=0-1\r\n"),
        &[("content-range", "bytes 0-1/13")],
        "he",
    ),
    whole(ranges("another unit", "Range: lines=0-1\r\n")),
    whole(ranges("a backward range", "Range: bytes=2-1\r\n")),
    whole(ranges("a range far backward", "Range: bytes=9-1\r\n")),
    whole(ranges("no range", "Range: bytes=\r\n")),
    whole(ranges("a dash alone", "Range: bytes=-\r\n")),
    whole(ranges("one number", "Range: bytes=1\r\n")),
    whole(ranges("a sign", "Range: bytes=+1-2\r\n")),
    whole(ranges("letters", "Range: bytes=0x0-1\r\n")),
    whole(ranges("one bad range of two", "Range: bytes=0-1,x\r\n")),
    whole(ranges("two fields", "Range: bytes=0-1\r\nRange: bytes=0-1\r\n")),
    whole(ranges("17 ranges", "Range: bytes={17 0-0,}\r\n")),
    part(
        ranges("16 ranges", "Range: bytes={16 0-0,}\r\n"),
        &[("content-range", "bytes 0-0/13")],
        "h",
    ),
    none(ranges("a start beyond the end", "Range: bytes=13-\r\n")),
    none(ranges("a start far beyond", "Range: bytes=99999999999999999999-\r\n")),
    none(ranges("no bytes from the end", "Range: bytes=-0\r\n")),
    none(ranges("two beyond the end", "Range: bytes=13-, 14-20\r\n")),
    ask("9110 14.2", "of an empty file", "GET /empty HTTP/1.1", "Range: bytes=0-\r\n")
        .gives(416)
        .has(&[("content-range", "bytes */0")]),
    ask("9110 14.2", "a suffix of an empty file", "GET /empty HTTP/1.1", "Range: bytes=-1\r\n")
        .lacks(&["content-range"])
        .is(""),
    whole_of_head(),
    part(
        ranges("two that overlap", "Range: bytes=0-3,2-4\r\n"),
        &[("content-range", "bytes 0-4/13")],
        "hello",
    ),
    part(
        ranges("two that touch", "Range: bytes=2-4,0-1\r\n"),
        &[("content-range", "bytes 0-4/13")],
        "hello",
    ),
    part(
        ranges("one of two beyond the end", "Range: bytes=0-1,13-\r\n"),
        &[("content-range", "bytes 0-1/13")],
        "he",
    ),
    parts(get("9110 15.3.7.2", "two parts", "Range: bytes=0-1,7-8\r\n")).is("{part}0-1/13\r\n\r\n\
         he{part}7-8/13\r\n\r\nwo\r\n--BOUNDARY--\r\n"),
    parts(get("9110 15.3.7.2", "in the client's order", "Range: bytes=-1,0-0\r\n"))
        .is("{part}12-12/13\r\n\r\n\n{part}0-0/13\r\n\r\nh\r\n--BOUNDARY--\r\n"),
    parts(get("9110 15.3.7.2", "three of which two overlap", "Range: bytes=0-3,2-4,12-\r\n"))
        .is("{part}0-4/13\r\n\r\nhello{part}12-12/13\r\n\r\n\n\r\n--BOUNDARY--\r\n"),
];

/// `Range` is for `GET` alone.
const fn whole_of_head() -> Rule {
    ask("9110 14.2", "HEAD has no ranges", "HEAD /hello.txt HTTP/1.1", "Range: bytes=0-1\r\n")
        .has(&[("content-length", "13")])
        .lacks(&["content-range"])
        .is("")
}
