//! An answer before it is sent: status, header fields and which bytes follow.

use std::borrow::Cow;
use std::ops::Range;
use std::time::Duration;

use super::status::Status;

/// Header fields, kept in the form in which they are sent.
///
/// A value never splits an answer: control bytes in it are written as spaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<u8>);

impl Headers {
    /// Adds a field after those that are there.
    pub fn push(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.0.extend(name.bytes().filter(super::head::is_token));
        self.0.extend_from_slice(b": ");
        let clean = |&byte: &u8| if byte.is_ascii_control() { b' ' } else { byte };
        self.0.extend(value.as_ref().iter().map(clean));
        self.0.extend_from_slice(b"\r\n");
    }

    /// Adds a field in place of those with its name (any case).
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) {
        if self.get(name).is_some() {
            let kept =
                self.lines().filter(|(other, _)| !other.eq_ignore_ascii_case(name.as_bytes()));
            let mut headers = Headers::default();
            for (name, value) in kept {
                headers.0.extend_from_slice(name);
                headers.0.extend_from_slice(b": ");
                headers.0.extend_from_slice(value);
                headers.0.extend_from_slice(b"\r\n");
            }
            *self = headers;
        }
        self.push(name, value);
    }

    /// Adds all fields of `others`.
    pub fn extend(&mut self, others: &Headers) {
        self.0.extend_from_slice(&others.0);
    }

    /// The value of the first field called `name` (any case).
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let mut lines = self.lines();
        lines.find(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// The lines, each with its CRLF.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn lines(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        fields(&self.0)
    }
}

/// The names and values of the fields in `lines`, each of which ends with CRLF; what is no field is
/// passed over.
pub(crate) fn fields(lines: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    lines.split(|&byte| byte == b'\n').filter_map(|line| {
        let line = line.strip_suffix(b"\r")?;
        let colon = line.iter().position(|&byte| byte == b':')?;
        Some((&line[..colon], line[colon + 1..].trim_ascii()))
    })
}

/// One part of a `multipart/byteranges` body: what stands before it, and the bytes of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The delimiter and the header fields of the part.
    pub before: Vec<u8>,
    /// Bytes of the file; the end is exclusive.
    pub range: Range<u64>,
}

/// The bytes that follow the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// None.
    Empty,
    /// These.
    Bytes(Cow<'static, [u8]>),
    /// This range of the file that the plan is about; the end is exclusive.
    File(Range<u64>),
    /// Several parts of the file, and what stands after the last.
    Parts(Vec<Part>, Vec<u8>),
    /// Bytes that are made while they are sent, so that nobody knows how many.
    Stream(Ending),
}

/// How the end of a stream is told to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It comes in chunks, and the last one is empty (RFC 9112, section 7.1).
    LastChunk,
    /// The connection ends with it: in HTTP/1.0.
    Close,
}

impl Body {
    /// How many bytes it has; 0 for a stream, which has as many as it will have.
    pub fn len(&self) -> u64 {
        let bytes = |slice: &[u8]| u64::try_from(slice.len()).unwrap_or(u64::MAX);
        match self {
            Body::Empty | Body::Stream(_) => 0,
            Body::Bytes(content) => bytes(content),
            Body::File(range) => range.end - range.start,
            Body::Parts(parts, after) => {
                let part = |part: &Part| bytes(&part.before) + part.range.end - part.range.start;
                parts.iter().map(part).sum::<u64>() + bytes(after)
            }
        }
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The status.
    pub status: Status,
    /// Header fields, but for `Date`, `Content-Length`, `Transfer-Encoding` and `Connection`, which
    /// are added when the plan is sent.
    pub headers: Headers,
    /// The body, also where the method is HEAD and only its length is sent.
    pub body: Body,
}

impl Plan {
    /// An answer without fields and body.
    pub fn new(status: Status) -> Plan {
        Plan { status, headers: Headers::default(), body: Body::Empty }
    }

    /// An answer of one line of plain text that repeats the status and says `why`.
    pub fn text(status: Status, why: &str) -> Plan {
        let text = format!("{status}: {why}\n").into_bytes();
        Plan::new(status).with_content("text/plain; charset=utf-8", text)
    }

    /// Adds a header field.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Plan {
        self.headers.push(name, value);
        self
    }

    /// Sets the body, and its type, which clients are told not to guess.
    #[must_use]
    pub fn with_content(
        mut self,
        media_type: &str,
        content: impl Into<Cow<'static, [u8]>>,
    ) -> Plan {
        self.headers.set("Content-Type", media_type);
        self.headers.set("X-Content-Type-Options", "nosniff");
        self.body = Body::Bytes(content.into());
        self
    }

    /// Adds the field that says how long to wait, in whole seconds, at least one.
    #[must_use]
    pub fn with_retry_after(self, wait: Duration) -> Plan {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.with_header("Retry-After", seconds.max(1).to_string())
    }

    /// Appends the head as it is sent to `out`. `date` is an HTTP date.
    pub fn write_head(&self, date: &[u8], connection: Option<&str>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"HTTP/1.1 ");
        out.extend_from_slice(decimal(u64::from(self.status.code()), &mut [0; 20]));
        out.push(b' ');
        out.extend_from_slice(self.status.reason().as_bytes());
        out.extend_from_slice(b"\r\nDate: ");
        out.extend_from_slice(date);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(self.headers.as_bytes());
        match self.body {
            _ if self.status.is_without_content() => {}
            Body::Stream(Ending::LastChunk) => {
                out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
            }
            Body::Stream(Ending::Close) => {}
            _ => {
                out.extend_from_slice(b"Content-Length: ");
                out.extend_from_slice(decimal(self.body.len(), &mut [0; 20]));
                out.extend_from_slice(b"\r\n");
            }
        }
        if let Some(connection) = connection {
            out.extend_from_slice(b"Connection: ");
            out.extend_from_slice(connection.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Writes `number` into `digits` and returns the part that was needed.
fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 {
            return &digits[start..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_written_in_full() {
        let plan = Plan::new(Status::OK).with_content("text/plain", &b"hello"[..]);
        let mut out = Vec::new();
        plan.write_head(b"Sun, 06 Nov 1994 08:49:37 GMT", Some("close"), &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n\
             X-Content-Type-Options: nosniff\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"
        );
    }

    #[test]
    fn answers_without_content_have_no_length() {
        let mut out = Vec::new();
        Plan::new(Status::NOT_MODIFIED).write_head(b"now", None, &mut out);
        assert_eq!(out, b"HTTP/1.1 304 Not Modified\r\nDate: now\r\n\r\n");
    }

    #[test]
    fn a_stream_has_no_length() {
        for (ending, expected) in [
            (
                Ending::LastChunk,
                &b"HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n"[..],
            ),
            (Ending::Close, b"HTTP/1.1 200 OK\r\nDate: now\r\n\r\n"),
        ] {
            let (mut plan, mut out) = (Plan::new(Status::OK), Vec::new());
            plan.body = Body::Stream(ending);
            plan.write_head(b"now", None, &mut out);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn who_has_to_wait_is_told_whole_seconds() {
        for (millis, seconds) in [(0, &b"1"[..]), (1, b"1"), (1000, b"1"), (1001, b"2")] {
            let plan = Plan::new(Status::TOO_MANY_REQUESTS);
            let plan = plan.with_retry_after(Duration::from_millis(millis));
            assert_eq!(plan.headers.get("Retry-After"), Some(seconds), "{millis}");
        }
    }

    #[test]
    fn a_value_cannot_split_the_answer() {
        let mut headers = Headers::default();
        headers.push("Lo\r\ncation", "/a\r\nSet-Cookie: x");
        assert_eq!(headers.as_bytes(), b"Location: /a  Set-Cookie: x\r\n");
    }

    #[test]
    fn setting_replaces_in_any_case() {
        let mut headers = Headers::default();
        headers.push("Cache-Control", "no-cache");
        headers.push("ETag", "\"a:b\"");
        headers.set("cache-control", "max-age=1");
        assert_eq!(headers.as_bytes(), b"ETag: \"a:b\"\r\ncache-control: max-age=1\r\n");
        assert_eq!(headers.get("etag"), Some(&b"\"a:b\""[..]));
    }

    #[test]
    fn lengths_count_every_part() {
        let parts = vec![
            Part { before: b"12".to_vec(), range: 5..10 },
            Part { before: b"345".to_vec(), range: 0..1 },
        ];
        assert_eq!(Body::Parts(parts, b"end".to_vec()).len(), 2 + 5 + 3 + 1 + 3);
        assert_eq!(decimal(0, &mut [0; 20]), b"0");
        assert_eq!(decimal(u64::MAX, &mut [0; 20]), u64::MAX.to_string().as_bytes());
    }
}
