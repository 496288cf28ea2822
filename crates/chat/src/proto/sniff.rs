//! The first bytes of a connection tell who speaks.
//!
//! ```text
//! 0x16 0x03                              TLS
//! "PROXY " ( "TCP4" / "TCP6" / "UNKNOWN" )     PROXY protocol, version 1
//! 0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a    PROXY protocol, version 2
//! method SP ( "/" / "*" / "http" ) ..    HTTP, and every line that ends with SP "HTTP/" version
//! CAP NICK USER PASS PING QUIT           IRC (the first word, in capitals); `pass` with one word
//! anything else                          plain lines
//! ```
//! Rule: no page in a browser can make its visitor talk in the room, and a password that was meant
//! for another protocol never reaches it. Empty lines before the first decide nothing.
//!
//! # Source
//! RFC 9112 section 3; RFC 2812 section 3.1; HAProxy's proxy-protocol.txt, sections 2.1 and 2.2.

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Too little has come to tell.
    More,
    /// Plain lines; the first begins at this offset.
    Plain(usize),
    /// HTTP; whether the method is one that only reads (GET or HEAD).
    Http {
        /// GET or HEAD.
        reads: bool,
    },
    /// An IRC client.
    Irc,
    /// A TLS client hello.
    Tls,
    /// A PROXY header.
    Proxy,
}

const METHODS: [&[u8]; 9] =
    [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH"];
const IRC_WORDS: [&[u8]; 6] = [b"CAP", b"NICK", b"USER", b"PASS", b"PING", b"QUIT"];
const PROXY_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Classifies what has come so far. `ended`: nothing more will come. A first line of more than
/// `line_bytes_max` is judged by its beginning.
pub fn sniff(input: &[u8], line_bytes_max: usize, ended: bool) -> Opening {
    if may_be_proxy(input) && !ended {
        return Opening::More;
    }
    if input.starts_with(PROXY_V2) {
        return Opening::Proxy;
    }
    let blank = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let rest = &input[blank..];
    if rest.first() == Some(&0x16) && rest.get(1).is_none_or(|major| *major == 3) {
        return if rest.len() == 1 && !ended { Opening::More } else { Opening::Tls };
    }
    let end = rest.iter().position(|byte| *byte == b'\n');
    let long = end.unwrap_or(rest.len()) > line_bytes_max;
    match end {
        None if !long && (!ended || rest.is_empty()) => Opening::More,
        // What is judged must not depend on how much of a line has come.
        _ if long => classify(&rest[..line_bytes_max], long).unwrap_or(Opening::Plain(blank)),
        _ => classify(&rest[..end.unwrap_or(rest.len())], long).unwrap_or(Opening::Plain(blank)),
    }
}

/// Whether these bytes are the beginning of a PROXY header of version 2, and not all of it.
pub(super) fn may_be_proxy(input: &[u8]) -> bool {
    input.len() < PROXY_V2.len() && PROXY_V2.starts_with(input)
}

fn classify(line: &[u8], long: bool) -> Option<Opening> {
    let line = line.trim_ascii_end();
    let mut words = line.split(|byte| *byte == b' ');
    let first = words.next().unwrap_or_default();
    let second = words.next().unwrap_or_default();
    let last = words.next_back();
    if METHODS.contains(&first) && line.len() > first.len() {
        let target = matches!(second.first(), Some(b'/' | b'*')) || second.starts_with(b"http");
        if target || long {
            return Some(Opening::Http { reads: first == b"GET" || first == b"HEAD" });
        }
    }
    if !long && last.is_some_and(is_http_version) {
        return Some(Opening::Http { reads: first == b"GET" || first == b"HEAD" });
    }
    if first == b"PROXY" && [&b"TCP4"[..], b"TCP6", b"UNKNOWN"].contains(&second) {
        return Some(Opening::Proxy);
    }
    let password = first.eq_ignore_ascii_case(b"PASS") && !second.is_empty() && last.is_none();
    (IRC_WORDS.contains(&first) || password).then_some(Opening::Irc)
}

fn is_http_version(word: &[u8]) -> bool {
    word.strip_prefix(b"HTTP/").is_some_and(|v| v.first().is_some_and(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 64;

    /// However the bytes are cut, only the whole tells; before that it is `More`, never plain.
    fn settled(input: &[u8]) -> Opening {
        for cut in 0..input.len() {
            let early = sniff(&input[..cut], MAX, false);
            let whole = sniff(input, MAX, false);
            assert!(early == Opening::More || early == whole, "{early:?} at {cut} of {input:?}");
        }
        sniff(input, MAX, false)
    }

    #[test]
    fn each_protocol_is_known() {
        let reads = Opening::Http { reads: true };
        let writes = Opening::Http { reads: false };
        let cases: [(&[u8], Opening); 24] = [
            (b"GET / HTTP/1.1\r\n", reads),
            (b"GET /\r\n", reads),
            (b"HEAD /x HTTP/1.0\n", reads),
            (b"POST /room HTTP/1.1\r\n", writes),
            (b"\r\nPOST /room HTTP/1.1\r\n", writes),
            (b"OPTIONS * HTTP/1.1\r\n", writes),
            (b"CONNECT a:80 HTTP/1.1\r\n", writes),
            (b"FOO /x HTTP/1.1\r\n", writes),
            (b"PRI * HTTP/2.0\r\n", writes),
            (b"\x16\x03\x01\x02\x00", Opening::Tls),
            (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", Opening::Proxy),
            (b"PROXY UNKNOWN\r\n", Opening::Proxy),
            (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", Opening::Proxy),
            (b"CAP LS 302\r\n", Opening::Irc),
            (b"NICK anna\r\n", Opening::Irc),
            (b"PASS secret word\r\n", Opening::Irc),
            (b"pass secret\n", Opening::Irc),
            (b"QUIT\n", Opening::Irc),
            (b"pass the salt\n", Opening::Plain(0)),
            (b"GET some sleep\n", Opening::Plain(0)),
            (b"POST\n", Opening::Plain(0)),
            (b"PROXY war\n", Opening::Plain(0)),
            (b"\r\n\r\nhello\n", Opening::Plain(4)),
            (b"\x16hello\n", Opening::Plain(0)),
        ];
        for (input, opening) in cases {
            assert_eq!(settled(input), opening, "{}", String::from_utf8_lossy(input));
        }
    }

    #[test]
    fn a_request_line_that_is_too_long_is_still_http() {
        let mut long = b"POST x".to_vec();
        long.resize(MAX + 1, b'a');
        assert_eq!(sniff(&long, MAX, false), Opening::Http { reads: false });
        let long = vec![b'a'; MAX + 1];
        assert_eq!(sniff(&long, MAX, false), Opening::Plain(0));
    }

    #[test]
    fn the_end_settles_what_is_left() {
        assert_eq!(sniff(b"", MAX, true), Opening::More);
        assert_eq!(sniff(b"\r\n", MAX, true), Opening::More);
        assert_eq!(sniff(b"hi", MAX, false), Opening::More);
        assert_eq!(sniff(b"hi", MAX, true), Opening::Plain(0));
        assert_eq!(sniff(b"PASS x", MAX, true), Opening::Irc);
    }
}
