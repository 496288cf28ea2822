//! One request head, read strictly. Everything that two implementations could read differently is
//! refused here, so that nothing after this file has to doubt where a request ends.
//!
//! ```text
//! head         = request-line *( field-line CRLF ) CRLF
//! request-line = method SP request-target SP "HTTP/" DIGIT "." DIGIT CRLF
//! field-line   = field-name ":" OWS field-value OWS
//! ```
//! A bare LF ends a line as well (RFC 9112, section 2.2 allows it); a bare CR is refused.
//!
//! # Source
//! RFC 9112, sections 2 to 6; RFC 9110, sections 5, 7.2 and 10.1.1.

use std::ops::Range;

use super::status::{PeerError, Status};

/// How many field lines fit without a second try with the larger array.
const FIELDS_USUAL: usize = 24;
/// The most field lines in one head; more are answered with 431.
pub const FIELDS_MAX: usize = 100;
/// The longest method in bytes; a longer one is none that is known (RFC 9112, section 3).
pub const METHOD_BYTES_MAX: usize = 32;

/// What a method gets that nobody has heard of.
pub const UNKNOWN_METHOD: PeerError =
    PeerError::new(Status::NOT_IMPLEMENTED, "this method is not known here");

/// A request method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `DELETE`
    Delete,
    /// `OPTIONS`
    Options,
    /// `TRACE`
    Trace,
    /// `CONNECT`
    Connect,
    /// `PATCH`
    Patch,
    /// Any other token; its name is in the head.
    Other,
}

impl Method {
    fn from_token(token: &[u8]) -> Method {
        match token {
            b"GET" => Method::Get,
            b"HEAD" => Method::Head,
            b"POST" => Method::Post,
            b"PUT" => Method::Put,
            b"DELETE" => Method::Delete,
            b"OPTIONS" => Method::Options,
            b"TRACE" => Method::Trace,
            b"CONNECT" => Method::Connect,
            b"PATCH" => Method::Patch,
            _ => Method::Other,
        }
    }
}

/// How the length of a request's body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No body follows.
    None,
    /// Exactly so many bytes follow.
    Length(u64),
    /// Chunks follow, ended by one of size 0.
    Chunked,
}

/// A request head that passed every check. It owns its bytes.
#[derive(Clone, Debug)]
pub struct Head {
    raw: Vec<u8>,
    method: Method,
    method_at: Range<usize>,
    target_at: Range<usize>,
    minor: u8,
    fields: Vec<(Range<usize>, Range<usize>)>,
    framing: Framing,
    keep_alive: bool,
    expects_continue: bool,
}

impl Head {
    /// Reads the head that is all of `raw`, from its first byte to the empty line.
    ///
    /// # Errors
    /// What is wrong with it, with the status to answer; the connection must then end.
    pub fn parse(raw: Vec<u8>) -> Result<Head, PeerError> {
        let line = RequestLine::parse(&raw)?;
        let fields = parse_fields(&raw, line.end)?;
        let mut head = Head {
            method: Method::from_token(&raw[line.method.clone()]),
            method_at: line.method,
            target_at: line.target,
            minor: line.minor,
            fields,
            framing: Framing::None,
            keep_alive: false,
            expects_continue: false,
            raw,
        };
        head.check_host()?;
        head.framing = head.read_framing()?;
        head.keep_alive = head.read_keep_alive();
        head.expects_continue = head.read_expectation()?;
        Ok(head)
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The method's name as sent, for example `GET`.
    pub fn method_name(&self) -> &str {
        std::str::from_utf8(&self.raw[self.method_at.clone()]).unwrap_or("")
    }

    /// The request target as sent: printable ASCII.
    pub fn target(&self) -> &str {
        std::str::from_utf8(&self.raw[self.target_at.clone()]).unwrap_or("")
    }

    /// The version's second digit: 0 or 1 (a higher one is read as 1).
    pub fn minor(&self) -> u8 {
        self.minor
    }

    /// How the body's length is known.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Whether the client wants the connection kept after the answer.
    pub fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// Whether the client waits for `100 Continue` before it sends the body.
    pub fn expects_continue(&self) -> bool {
        self.expects_continue
    }

    /// The names of all fields as sent, in their order.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.fields.iter().map(|(name, _)| &self.raw[name.clone()])
    }

    /// The value of the first field called `name` (any case).
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields_named(name).next()
    }

    /// The value of the field called `name` where there is exactly one.
    pub fn only_field(&self, name: &str) -> Option<&[u8]> {
        let mut values = self.fields_named(name);
        let first = values.next()?;
        values.next().is_none().then_some(first)
    }

    /// The values of all fields called `name` (any case), in their order.
    pub fn fields_named<'a, 'n>(
        &'a self,
        name: &'n str,
    ) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let name = name.as_bytes();
        self.fields
            .iter()
            .filter(move |(field, _)| self.raw[field.clone()].eq_ignore_ascii_case(name))
            .map(|(_, value)| &self.raw[value.clone()])
    }

    /// The members of the comma-separated lists in all fields called `name`, trimmed, none empty.
    pub fn list<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.fields_named(name)
            .flat_map(|value| value.split(|&byte| byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|member| !member.is_empty())
    }

    /// The checked `Host`, with its port where it has one.
    pub fn host(&self) -> Option<&str> {
        self.field("host").and_then(|value| std::str::from_utf8(value).ok())
    }

    fn check_host(&self) -> Result<(), PeerError> {
        let mut hosts = self.fields_named("host");
        match (hosts.next(), hosts.next()) {
            (Some(_), Some(_)) => Err(PeerError::bad("more than one Host field")),
            (Some(host), None) if is_authority(host) => Ok(()),
            (Some(_), None) => Err(PeerError::bad("malformed Host field")),
            (None, _) if self.minor == 0 => Ok(()),
            (None, _) => Err(PeerError::bad("no Host field")),
        }
    }

    fn read_framing(&self) -> Result<Framing, PeerError> {
        let mut lengths = self.fields_named("content-length");
        let length = lengths.next().map(parse_length).transpose()?;
        if lengths.next().is_some() {
            return Err(PeerError::bad("more than one Content-Length field"));
        }
        if self.field("transfer-encoding").is_none() {
            return Ok(length.map_or(Framing::None, |bytes| {
                if bytes == 0 { Framing::None } else { Framing::Length(bytes) }
            }));
        }
        if length.is_some() {
            return Err(PeerError::bad("Content-Length beside Transfer-Encoding"));
        }
        if self.minor == 0 {
            return Err(PeerError::bad("Transfer-Encoding in HTTP/1.0"));
        }
        let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
        if !self.list("transfer-encoding").all(is_chunked) {
            let why = "the only transfer coding read here is chunked";
            return Err(PeerError::new(Status::NOT_IMPLEMENTED, why));
        }
        match self.list("transfer-encoding").count() {
            0 => Err(PeerError::bad("empty Transfer-Encoding")),
            1 => Ok(Framing::Chunked),
            _ => Err(PeerError::bad("chunked more than once")),
        }
    }

    fn read_keep_alive(&self) -> bool {
        let has = |wanted: &[u8]| {
            self.list("connection").any(|option| option.eq_ignore_ascii_case(wanted))
        };
        if self.minor == 0 { has(b"keep-alive") && !has(b"close") } else { !has(b"close") }
    }

    fn read_expectation(&self) -> Result<bool, PeerError> {
        if self.minor == 0 {
            return Ok(false);
        }
        let is_met = |expectation: &[u8]| expectation.eq_ignore_ascii_case(b"100-continue");
        if !self.list("expect").all(is_met) {
            let why = "the only expectation met is 100-continue";
            return Err(PeerError::new(Status::EXPECTATION_FAILED, why));
        }
        Ok(self.list("expect").next().is_some())
    }
}

struct RequestLine {
    method: Range<usize>,
    target: Range<usize>,
    minor: u8,
    end: usize,
}

impl RequestLine {
    fn parse(raw: &[u8]) -> Result<RequestLine, PeerError> {
        let newline = memchr::memchr(b'\n', raw).ok_or(PeerError::bad("no request line"))?;
        let line = raw[..newline].strip_suffix(b"\r").unwrap_or(&raw[..newline]);
        let method_end = line.iter().position(|byte| !is_token(byte)).unwrap_or(line.len());
        if method_end == 0 || line.get(method_end) != Some(&b' ') {
            return Err(PeerError::bad("malformed method"));
        }
        let start = method_end + 1;
        let length = line[start..].iter().position(|byte| !byte.is_ascii_graphic());
        let target = start..start + length.unwrap_or(0);
        if target.is_empty() || line[target.end] != b' ' {
            return Err(PeerError::bad("malformed request target"));
        }
        let minor = parse_version(&line[target.end + 1..])?;
        Ok(RequestLine { method: 0..method_end, target, minor, end: newline + 1 })
    }
}

/// Reads `HTTP/1.x`; the answer is the second digit, at most 1.
fn parse_version(version: &[u8]) -> Result<u8, PeerError> {
    match version {
        b"HTTP/1.1" => Ok(1),
        b"HTTP/1.0" => Ok(0),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor] if minor.is_ascii_digit() => Ok(1),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(PeerError::new(Status::HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 is spoken here"))
        }
        _ => Err(PeerError::bad("malformed HTTP version")),
    }
}

type FieldsAt = Vec<(Range<usize>, Range<usize>)>;

fn parse_fields(raw: &[u8], start: usize) -> Result<FieldsAt, PeerError> {
    let mut usual = [httparse::EMPTY_HEADER; FIELDS_USUAL];
    match httparse::parse_headers(&raw[start..], &mut usual) {
        Err(httparse::Error::TooManyHeaders) => {
            let mut most = [httparse::EMPTY_HEADER; FIELDS_MAX];
            field_ranges(raw, start, httparse::parse_headers(&raw[start..], &mut most))
        }
        result => field_ranges(raw, start, result),
    }
}

fn field_ranges(
    raw: &[u8],
    start: usize,
    parsed: httparse::Result<(usize, &[httparse::Header<'_>])>,
) -> Result<FieldsAt, PeerError> {
    let (end, fields) = match parsed {
        Ok(httparse::Status::Complete(parts)) => parts,
        Ok(httparse::Status::Partial) => return Err(PeerError::bad("the head is cut")),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(PeerError::new(
                Status::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "too many header fields",
            ));
        }
        Err(httparse::Error::HeaderName) => return Err(PeerError::bad("malformed field name")),
        Err(httparse::Error::HeaderValue) => return Err(PeerError::bad("malformed field value")),
        Err(_) => return Err(PeerError::bad("malformed header field")),
    };
    if start + end != raw.len() {
        return Err(PeerError::bad("malformed end of the head"));
    }
    let base = raw.as_ptr().addr();
    let span = |part: &[u8]| {
        // An empty value points anywhere inside the head; its offset is of no account.
        let at = part.as_ptr().addr().saturating_sub(base).min(raw.len() - part.len());
        at..at + part.len()
    };
    Ok(fields.iter().map(|field| (span(field.name.as_bytes()), span(field.value))).collect())
}

fn parse_length(value: &[u8]) -> Result<u64, PeerError> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(PeerError::bad("malformed Content-Length"));
    }
    value
        .iter()
        .try_fold(0u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
        .ok_or(PeerError::new(Status::CONTENT_TOO_LARGE, "the body is too large"))
}

/// Whether `byte` may stand in a token (RFC 9110, section 5.6.2).
pub fn is_token(&byte: &u8) -> bool {
    TOKEN[usize::from(byte)]
}

const TOKEN: [bool; 256] = letters_and(b"!#$%&'*+-.^_`|~");
/// `unreserved / sub-delims` (RFC 3986, section 2).
const HOST_NAME: [bool; 256] = letters_and(b"-._~!$&'()*+,;=");

/// A table of bytes, so that each is one look: letters, digits and `others`.
const fn letters_and(others: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    let mut index = 0;
    while index < table.len() {
        table[index] = byte.is_ascii_alphanumeric();
        byte = byte.wrapping_add(1);
        let mut other = 0;
        while other < others.len() {
            table[index] |= byte.wrapping_sub(1) == others[other];
            other += 1;
        }
        index += 1;
    }
    table
}

/// Whether `value` is `host [ ":" port ]` with a host that is not empty (RFC 3986, section 3.2).
pub fn is_authority(value: &[u8]) -> bool {
    let (host_is_right, rest) = if let Some(inner) = value.strip_prefix(b"[") {
        let Some(end) = inner.iter().position(|&byte| byte == b']') else { return false };
        let literal = std::str::from_utf8(&inner[..end]).unwrap_or("");
        (literal.parse::<std::net::Ipv6Addr>().is_ok(), &inner[end + 1..])
    } else {
        let end = value.iter().position(|&byte| byte == b':').unwrap_or(value.len());
        (end > 0 && is_host_name(&value[..end]), &value[end..])
    };
    host_is_right
        && match rest.split_first() {
            None => true,
            Some((b':', port)) => port.len() <= 5 && port.iter().all(u8::is_ascii_digit),
            Some(_) => false,
        }
}

/// `*( unreserved / pct-encoded / sub-delims )`
fn is_host_name(mut name: &[u8]) -> bool {
    loop {
        name = match name {
            [] => return true,
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest
            }
            [byte, rest @ ..] if HOST_NAME[usize::from(*byte)] => rest,
            _ => return false,
        };
    }
}

#[cfg(test)]
mod tests;
