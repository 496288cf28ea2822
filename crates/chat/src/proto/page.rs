//! What browsers get at the room's own port: the page's files, and the WebSocket.
//!
//! Rules:
//! 1. One request a connection, and only such as read; the answer closes it.
//! 2. A WebSocket is opened by this server's own page, by a page that the operator has named, or by
//!    a program that is no browser. Without TLS the host has to be an address or a name of ours:
//!    any name can be made to point here.
//! 3. Whatever is served may load nothing from elsewhere, and stands in no other page's frame.
//!
//! # Source
//! RFC 9112, sections 2 and 3; RFC 6455, sections 4.2 and 10.2; IRCv3, WebSocket.

use std::fmt::Write;

use sockeye_edge::origin;

use super::assets::{PAGE_POLICY, asset};
use super::websocket::{self, HandshakeError, Upgrade};

/// More fields than this are refused.
const FIELDS_MAX: usize = 64;

/// What is spoken in a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubProtocol {
    /// JSON for the page of `up`: `sockeye.1`.
    Page,
    /// A line of IRC in each text: `text.ircv3.net`.
    IrcText,
    /// A line of IRC in each binary message: `binary.ircv3.net`.
    IrcBinary,
}

impl SubProtocol {
    /// All of them.
    pub const ALL: [SubProtocol; 3] =
        [SubProtocol::Page, SubProtocol::IrcText, SubProtocol::IrcBinary];

    /// The name in `Sec-WebSocket-Protocol`.
    pub fn name(self) -> &'static str {
        match self {
            SubProtocol::Page => "sockeye.1",
            SubProtocol::IrcText => "text.ircv3.net",
            SubProtocol::IrcBinary => "binary.ircv3.net",
        }
    }
}

/// Whose pages may talk here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pages {
    /// Origins that may open a WebSocket beside this server's own, such as `https://example.org`.
    pub origins: Vec<String>,
    /// The names that the server goes by, besides addresses and `localhost`.
    pub names: Vec<String>,
}

/// How a request has come.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Inside of TLS.
    pub encrypted: bool,
    /// Its head may have so many bytes.
    pub head_bytes_max: usize,
}

/// What a request comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Its head is not whole.
    More,
    /// Is answered so, and closed.
    Answer(Vec<u8>),
    /// A WebSocket begins after so many bytes.
    Upgrade {
        /// What is spoken in it.
        protocol: SubProtocol,
        /// The answer.
        greeting: Vec<u8>,
        /// The length of the head.
        bytes: usize,
    },
}

/// Whether these first bytes may become a request that reads.
pub(super) fn may_be(input: &[u8]) -> bool {
    let start = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let rest = &input[start..];
    let begins = |mark: &[u8]| rest.starts_with(mark) || mark.starts_with(rest);
    !rest.is_empty() && (begins(b"GET /") || begins(b"HEAD /"))
}

/// Judges a request by its head.
pub fn judge(pages: &Pages, input: &[u8], asked: Asked) -> Verdict {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(input) {
        Ok(httparse::Status::Complete(bytes)) if bytes <= asked.head_bytes_max => {
            answer(pages, &request, asked, bytes)
        }
        Ok(httparse::Status::Partial) if input.len() <= asked.head_bytes_max => Verdict::More,
        Ok(_) | Err(httparse::Error::TooManyHeaders) => {
            refuse("431 Request Header Fields Too Large", "The head of the request is too long.")
        }
        Err(_) => refuse("400 Bad Request", "This is no request of HTTP/1.1."),
    }
}

/// What somebody is answered who does not finish a request.
pub(super) fn too_slow() -> Vec<u8> {
    text("408 Request Timeout", "The request did not end.", "")
}

fn answer(
    pages: &Pages,
    request: &httparse::Request<'_, '_>,
    asked: Asked,
    bytes: usize,
) -> Verdict {
    let field = |name: &str| {
        let mut all = request.headers.iter().filter(|f| f.name.eq_ignore_ascii_case(name));
        let first = all.next();
        (first.map(|field| field.value), all.next().is_none())
    };
    let (host, is_one_host) = field("Host");
    let http_1_1 = request.version == Some(1);
    if !is_one_host || (http_1_1 && host.is_none()) {
        return refuse("400 Bad Request", "A request names one host.");
    }
    let is_upgrade = field("Upgrade").0.is_some() && request.method == Some("GET");
    if !is_upgrade {
        return Verdict::Answer(read(request));
    }
    let host = host.and_then(|host| std::str::from_utf8(host).ok()).unwrap_or_default();
    let origin = field("Origin").0;
    if let Err(why) = pages.admit(host, origin, asked.encrypted) {
        return refuse("403 Forbidden", why);
    }
    let fields: Vec<(&str, &[u8])> =
        request.headers.iter().map(|field| (field.name, field.value)).collect();
    let names = SubProtocol::ALL.map(SubProtocol::name);
    let upgrade = Upgrade { method: "GET", http_1_1, fields: &fields, protocols: &names };
    match websocket::accept(&upgrade) {
        Ok(accepted) => {
            let spoken = |protocol: &SubProtocol| protocol.name() == accepted.protocol();
            let protocol = SubProtocol::ALL.into_iter().find(spoken);
            Verdict::Upgrade {
                protocol: protocol.unwrap_or(SubProtocol::Page),
                greeting: accepted.response(),
                bytes,
            }
        }
        Err(error) => Verdict::Answer(no_websocket(error)),
    }
}

impl Pages {
    /// Whether what comes from `origin` may talk here.
    fn admit(
        &self,
        host: &str,
        origin: Option<&[u8]>,
        encrypted: bool,
    ) -> Result<(), &'static str> {
        let Some(origin) = origin else { return Ok(()) };
        let foreign = "A page of another site may not talk here; --allow-origin ORIGIN lets it.";
        let origin = std::str::from_utf8(origin).map_err(|_| foreign)?;
        if self.origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)) {
            return Ok(());
        }
        let (scheme, authority) = origin.split_once("://").ok_or(foreign)?;
        let is_plain = scheme == "http";
        if !origin::is_same_host(scheme, authority, host) || (encrypted && is_plain) {
            return Err(foreign);
        }
        if encrypted || origin::goes_by(host, self.names.iter().map(String::as_str)) {
            return Ok(());
        }
        Err("This room does not go by that name; --allow-origin ORIGIN lets its pages talk here.")
    }
}

/// Answers GET and HEAD.
fn read(request: &httparse::Request<'_, '_>) -> Vec<u8> {
    let path = request.path.unwrap_or_default();
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let asset = path.strip_prefix('/').and_then(asset);
    let answer = match asset {
        Some(asset) => answer_of("200 OK", asset.media_type, ("", asset.text.as_bytes())),
        None => text("404 Not Found", "There is nothing here. The room's page is at /.", ""),
    };
    if request.method == Some("HEAD") { without_body(answer) } else { answer }
}

/// The head of an answer alone.
pub(super) fn without_body(mut answer: Vec<u8>) -> Vec<u8> {
    if let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
        answer.truncate(end + 4);
    }
    answer
}

fn no_websocket(error: HandshakeError) -> Vec<u8> {
    match error.status() {
        426 => text(
            "426 Upgrade Required",
            &error.to_string(),
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        ),
        _ => text("400 Bad Request", &error.to_string(), ""),
    }
}

fn refuse(status: &str, why: &str) -> Verdict {
    Verdict::Answer(text(status, why, ""))
}

/// An answer that says why there is no other.
pub(super) fn refusal(status: &str, why: &str) -> Vec<u8> {
    text(status, why, "")
}

/// An answer of one line of text, with more header fields.
fn text(status: &str, words: &str, fields: &str) -> Vec<u8> {
    let body = format!("{words}\n");
    answer_of(status, "text/plain; charset=utf-8", (fields, body.as_bytes()))
}

/// A whole answer that closes the connection.
pub(super) fn answer_of(status: &str, media_type: &str, (fields, body): (&str, &[u8])) -> Vec<u8> {
    let mut head = String::new();
    // A string takes everything.
    let _ = write!(
        head,
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\
         Content-Security-Policy: {PAGE_POLICY}\r\n\
         X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
         Cross-Origin-Resource-Policy: same-origin\r\nCache-Control: no-cache\r\n\
         {fields}Connection: close\r\n\r\n",
        body.len()
    );
    let mut answer = head.into_bytes();
    answer.extend_from_slice(body);
    answer
}

#[cfg(test)]
mod tests;
