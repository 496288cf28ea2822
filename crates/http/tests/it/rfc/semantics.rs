//! What is asked for: targets, methods and statuses. RFC 9112, section 3.2; RFC 9110, sections 4,
//! 8, 9, 12 and 15; RFC 3986.

use super::rule::{HELLO, Rule, ask};

const ALLOW: &[(&str, &str)] = &[("allow", "GET, HEAD, OPTIONS")];

/// A `GET` of this target and nothing else.
const fn get(section: &'static str, name: &'static str, line: &'static str) -> Rule {
    ask(section, name, line, "")
}

pub(crate) const RULES: &[Rule] = &[
    get("9112 3.2.1", "origin form", "GET /hello.txt?a?b=/../%00 HTTP/1.1").is(HELLO),
    get("9112 3.2.1", "no slash", "GET hello.txt HTTP/1.1").gives(400),
    get("9112 3.2.1", "a query alone", "GET ?a HTTP/1.1").gives(400),
    get("9112 3.2.1", "a backslash for a slash", "GET \\hello.txt HTTP/1.1").gives(400),
    get("9112 3.2.2", "absolute form", "GET http://b:80/hello.txt HTTP/1.1").is(HELLO),
    get("9112 3.2.2", "schemes have no case", "GET HTTP://b/hello.txt HTTP/1.1").is(HELLO),
    get("9112 3.2.2", "absolute form without a path", "GET http://b HTTP/1.1").says("hello.txt"),
    get("9112 3.2.2", "and with a query", "GET http://b?text HTTP/1.1").says("hello.txt"),
    get("9112 3.2.2", "absolute form in HTTP/1.0", "GET http://b/hello.txt HTTP/1.0").ends(200),
    ask("9112 3.2.2", "its host counts", "GET http://b:80/~host HTTP/1.1", "").is("b:80"),
    ask("9112 3.2.2", "without it Host counts", "GET /~host HTTP/1.1", "").is("a"),
    get("9112 3.2.2", "another scheme", "GET ftp://b/hello.txt HTTP/1.1").gives(400),
    get("9110 4.2.1", "no host in a target", "GET http:///hello.txt HTTP/1.1").gives(400),
    get("9110 4.2.1", "a port alone in a target", "GET http://:80/ HTTP/1.1").gives(400),
    get("9110 4.2.4", "a user in a target", "GET http://a@b/hello.txt HTTP/1.1").gives(400),
    get("9112 3.2.3", "authority form", "CONNECT b:80 HTTP/1.1").gives(501),
    get("9112 3.2.3", "authority form with GET", "GET b:80 HTTP/1.1").gives(400),
    get("9112 3.2.4", "asterisk form", "OPTIONS * HTTP/1.1").has(ALLOW).is(""),
    get("9112 3.2.4", "asterisk with GET", "GET * HTTP/1.1").gives(400),
    get("9112 3.2.4", "asterisk and more", "OPTIONS *a HTTP/1.1").gives(400),
    get("9112 3.2.4", "a file called asterisk", "GET /* HTTP/1.1").gives(404),
    get("3986 2.1", "an escape", "GET /hell%6F.t%78t HTTP/1.1").is(HELLO),
    get("3986 2.1", "half an escape", "GET /%6 HTTP/1.1").gives(400),
    get("3986 2.1", "a lone percent sign", "GET /hello.txt% HTTP/1.1").gives(400),
    get("3986 2.1", "an escape of letters", "GET /%zz HTTP/1.1").gives(400),
    get("3986 2.4", "nothing is decoded twice", "GET /hello%252etxt HTTP/1.1").gives(404),
    get("3986 3.5", "a fragment", "GET /hello.txt#x HTTP/1.1").gives(400),
    get("3986 3.5", "a fragment in a query", "GET /hello.txt?a#x HTTP/1.1").gives(400),
    get("3986 3.3", "an escaped NUL", "GET /hello.txt%00 HTTP/1.1").gives(400),
    get("3986 3.3", "an escaped NUL in the middle", "GET /hello.txt%00.html HTTP/1.1").gives(400),
    get("3986 3.3", "an escaped line end", "GET /hello.txt%0d%0aX:y HTTP/1.1").gives(400),
    get("3986 3.3", "a backslash", "GET /..\\hello.txt HTTP/1.1").gives(400),
    get("3986 3.3", "an escaped backslash", "GET /sub%5cinner.html HTTP/1.1").gives(400),
    get("3986 3.3", "an escaped slash", "GET /sub%2finner.html HTTP/1.1").gives(404),
    get("3986 3.3", "an empty segment", "GET //hello.txt HTTP/1.1").gives(404),
    get("3986 3.3", "an empty segment within", "GET /sub//inner.html HTTP/1.1").gives(404),
    get("3986 3.3", "two slashes", "GET // HTTP/1.1").gives(404).lacks(&["location"]),
    get("3986 3.3", "parameters are part of a name", "GET /hello.txt;a HTTP/1.1").gives(404),
    get("3986 5.2.4", "a dot segment", "GET /./hello.txt HTTP/1.1").gives(404),
    get("3986 5.2.4", "two dots", "GET /sub/../hello.txt HTTP/1.1").gives(404),
    get("3986 5.2.4", "two dots at the start", "GET /../etc/passwd HTTP/1.1").gives(404),
    get("3986 5.2.4", "escaped dots", "GET /sub/%2E%2e/hello.txt HTTP/1.1").gives(404),
    get("3986 5.2.4", "dots in an absolute form", "GET http://a/../hello.txt HTTP/1.1").gives(404),
    get("3986 5.2.4", "two dots below a handler", "GET /~host/../x HTTP/1.1").gives(404),
    get("3986 5.2.4", "a dot below a handler", "GET /~host/./x HTTP/1.1").gives(404),
    get("3986 3.3", "an empty segment below a handler", "GET /~host//x HTTP/1.1").gives(404),
    get("3986 3.3", "an escaped slash below a handler", "GET /~host/a%2fb HTTP/1.1").gives(404),
    get("3986 3.3", "a prefix ends at a segment", "GET /~hosts HTTP/1.1").gives(404),
    get("3986 3.3", "what is below a handler is its", "GET /~host/a/b HTTP/1.1").is("a"),
    get("8615 3", "what starts with a dot is hidden", "GET /.secret HTTP/1.1").gives(404),
    get("8615 3", "well-known is not", "GET /.well-known/token HTTP/1.1").is("token"),
    get("8615 3", "what is hidden in it is", "GET /.well-known/.x HTTP/1.1").gives(404),
    get("9110 15.4.2", "a folder has its slash", "GET /sub HTTP/1.1")
        .gives(301)
        .has(&[("location", "/sub/"), ("cache-control", "no-cache")]),
    get("9110 15.4.2", "a query stays", "GET /sub?a=//b HTTP/1.1")
        .gives(301)
        .has(&[("location", "/sub/?a=//b")]),
    get("9110 15.4.2", "no other host is named", "GET //sub HTTP/1.1")
        .gives(404)
        .lacks(&["location"]),
    get("9110 15.4.2", "escapes are written anew", "GET http://b/%73ub HTTP/1.1")
        .gives(301)
        .has(&[("location", "/sub/")]),
    get("9110 15.4.2", "a file has no slash", "GET /hello.txt/ HTTP/1.1").gives(404),
    get("9110 15.4.2", "HEAD", "HEAD /sub HTTP/1.1").gives(301).has(&[("location", "/sub/")]),
    get("9110 9.3.2", "HEAD of a file", "HEAD /hello.txt HTTP/1.1")
        .has(&[
            ("content-length", "13"),
            ("content-type", "text/plain; charset=utf-8"),
            ("etag", "{etag}"),
            ("last-modified", "{date}"),
            ("accept-ranges", "bytes"),
        ])
        .is(""),
    get("9110 9.3.2", "HEAD of a folder", "HEAD / HTTP/1.1").has(&[("content-length", "*")]).is(""),
    get("9110 9.3.2", "HEAD of nothing", "HEAD /nothing HTTP/1.1").gives(404).is(""),
    get("9110 9.3.2", "HEAD without a target", "HEAD  HTTP/1.1").ends(400).is(""),
    ask("9110 9.3.2", "HEAD with two Hosts", "HEAD / HTTP/1.1", "Host: b\r\n").ends(400).is(""),
    get("9110 9.3.2", "HEAD in HTTP/2", "HEAD / HTTP/2.0").ends(505).is(""),
    get("9110 9.3.7", "OPTIONS", "OPTIONS /hello.txt HTTP/1.1")
        .gives(204)
        .has(ALLOW)
        .lacks(&["content-length", "transfer-encoding"]),
    ask("9110 9.3.7", "OPTIONS with a body", "OPTIONS * HTTP/1.1", "Content-Length: 2\r\n")
        .body("ab")
        .has(ALLOW)
        .is(""),
    get("9110 9.3.6", "CONNECT", "CONNECT /hello.txt HTTP/1.1").gives(501),
    get("9110 9.3.8", "TRACE", "TRACE / HTTP/1.1").gives(405).has(ALLOW),
    ask("9110 15.5.6", "POST", "POST /hello.txt HTTP/1.1", "Content-Length: 2\r\n")
        .body("ab")
        .gives(405)
        .has(ALLOW),
    ask("9110 15.5.6", "PUT in chunks", "PUT /x HTTP/1.1", "Transfer-Encoding: chunked\r\n")
        .body("2\r\nab\r\n0\r\n\r\n")
        .gives(405)
        .has(ALLOW),
    get("9110 15.5.6", "DELETE", "DELETE /hello.txt HTTP/1.1").gives(405).has(ALLOW),
    get("9110 15.5.6", "PATCH", "PATCH /hello.txt HTTP/1.1").gives(405).has(ALLOW),
    get("9110 15.6.2", "methods have a case", "get / HTTP/1.1").gives(501),
    get("9110 15.6.2", "a method of WebDAV", "PROPFIND / HTTP/1.1").gives(501),
    get("9110 15.5.5", "nothing there", "GET /nothing HTTP/1.1").gives(404).lacks(&["etag"]),
    ask(
        "9110 12.5.5",
        "404 in the form that is asked for",
        "GET /nothing HTTP/1.1",
        "Accept: text/html\r\n",
    )
    .gives(404)
    .has(&[("vary", "Accept"), ("content-type", "text/html; charset=utf-8")]),
    get("9110 12.5.5", "404 as text", "GET /nothing HTTP/1.1")
        .gives(404)
        .has(&[("vary", "Accept"), ("content-type", "text/plain; charset=utf-8")]),
    ask("9110 12.5.5", "a folder as JSON", "GET /sub/ HTTP/1.1", "Accept: application/json\r\n")
        .has(&[("vary", "Accept"), ("content-type", "application/json")])
        .says("inner.html"),
    ask("9110 12.5.5", "a folder as a page", "GET /sub/ HTTP/1.1", "Accept: text/html\r\n")
        .has(&[("vary", "Accept"), ("content-type", "text/html; charset=utf-8")])
        .says("inner.html"),
    get("9110 12.5.5", "a file in its only form", "GET /hello.txt HTTP/1.1").lacks(&["vary"]),
    ask(
        "9110 12.5.1",
        "weights count",
        "GET /sub/ HTTP/1.1",
        "Accept: text/html;q=0.1, */json, text/plain\r\n",
    )
    .has(&[("content-type", "text/plain; charset=utf-8")])
    .is("inner.html\n"),
    get("9110 8.3", "a type", "GET /hello.txt HTTP/1.1").has(&[
        ("content-type", "text/plain; charset=utf-8"),
        ("x-content-type-options", "nosniff"),
    ]),
    get("9110 8.6", "a length", "GET /empty HTTP/1.1")
        .has(&[("content-length", "0")])
        .lacks(&["transfer-encoding"])
        .is(""),
    get("9110 8.8", "validators", "GET /hello.txt HTTP/1.1").has(&[
        ("etag", "{etag}"),
        ("last-modified", "{date}"),
        ("cache-control", "no-cache"),
    ]),
];
