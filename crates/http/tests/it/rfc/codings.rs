//! What is sent of what there is: RFC 9110, sections 8.4, 8.8.3 and 12.5. `/coded` stands there as
//! it is, in gzip and in br; what is in each says which it is.

use super::rule::{Rule, ask};

/// A `GET` of `/coded` with these fields.
const fn coded(section: &'static str, name: &'static str, fields: &'static str) -> Rule {
    ask(section, name, "GET /coded HTTP/1.1", fields)
}

const VARIES: &[(&str, &str)] = &[("vary", "Accept-Encoding")];
const GZIP: &[(&str, &str)] = &[("content-encoding", "gzip"), ("vary", "Accept-Encoding")];
const BR: &[(&str, &str)] = &[("content-encoding", "br"), ("vary", "Accept-Encoding")];

pub(crate) const RULES: &[Rule] = &[
    coded("9110 12.5.3", "no field", "").has(VARIES).lacks(&["content-encoding"]).is("plain"),
    coded("9110 12.5.3", "an empty field", "Accept-Encoding: \r\n")
        .lacks(&["content-encoding"])
        .is("plain"),
    coded("9110 12.5.3", "a coding", "Accept-Encoding: gzip\r\n").has(GZIP).is("as gzip"),
    coded("9110 12.5.3", "codings have no case", "Accept-Encoding: GZip\r\n").has(GZIP),
    coded("9110 12.5.3", "two codings", "Accept-Encoding: gzip, br\r\n").has(BR).is("as br"),
    coded("9110 12.5.3", "two fields", "Accept-Encoding: x\r\naccept-encoding: br\r\n").has(BR),
    coded("9110 12.4.2", "weights count", "Accept-Encoding: br;q=0.5, gzip;q=0.501\r\n").has(GZIP),
    coded("9110 12.4.2", "a weight of 0", "Accept-Encoding: gzip;q=0\r\n")
        .lacks(&["content-encoding"])
        .is("plain"),
    coded("9110 12.4.2", "a weight that is none", "Accept-Encoding: gzip;q=2\r\n").is("plain"),
    coded("9110 12.5.3", "a star", "Accept-Encoding: *\r\n").has(BR),
    coded("9110 12.5.3", "a star for the others", "Accept-Encoding: br;q=0, *\r\n").has(GZIP),
    coded(
        "9110 12.5.3",
        "the file itself is wanted more",
        "Accept-Encoding: identity, br;q=0.9\r\n",
    )
    .lacks(&["content-encoding"])
    .is("plain"),
    coded("9110 12.5.3", "the file itself is refused", "Accept-Encoding: identity;q=0, br\r\n")
        .has(BR),
    coded("9110 12.5.3", "everything else is refused", "Accept-Encoding: gzip, *;q=0\r\n")
        .has(GZIP),
    coded("9110 12.5.3", "everything is refused", "Accept-Encoding: *;q=0\r\n")
        .gives(406)
        .lacks(&["content-encoding"]),
    coded("9110 8.4.1.3", "the old name of gzip", "Accept-Encoding: x-gzip\r\n").has(GZIP),
    coded("9110 14.2", "a range of what is sent", "Accept-Encoding: gzip\r\nRange: bytes=3-\r\n")
        .gives(206)
        .has(&[("content-encoding", "gzip"), ("content-range", "bytes 3-6/7")])
        .is("gzip"),
    coded(
        "9110 13.1.5",
        "the tag of another",
        "Accept-Encoding: br\r\nRange: bytes=0-0\r\nIf-Range: {etag}\r\n",
    )
    .has(BR)
    .is("as br"),
    coded(
        "9110 8.8.3.3",
        "each has its own tag",
        "Accept-Encoding: gzip\r\nIf-None-Match: {etag}\r\n",
    )
    .has(GZIP),
    coded("9110 12.5.3", "a coding that there is not", "Accept-Encoding: zstd\r\n")
        .has(VARIES)
        .lacks(&["content-encoding"])
        .is("plain"),
];
