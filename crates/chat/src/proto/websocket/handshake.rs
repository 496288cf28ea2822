//! The request that asks for the upgrade, and the key that proves that it was understood.
//!
//! Rule: whether the page that asks may talk here (Origin, Host, password) is for the caller to
//! judge, before this.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

/// Appended to the client's key (RFC 6455 section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The nonce in the key, in bytes.
const NONCE_BYTES: usize = 16;

/// What the request says of the upgrade.
#[derive(Debug, Clone, Copy)]
pub struct Upgrade<'a> {
    /// The method.
    pub method: &'a str,
    /// Whether the request is HTTP/1.1.
    pub http_1_1: bool,
    /// All header fields: names in any case, values trimmed.
    pub fields: &'a [(&'a str, &'a [u8])],
    /// The sub-protocols that are spoken here. The client must offer one; the first that it offers
    /// is taken.
    pub protocols: &'a [&'a str],
}

/// Why there is no upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Another method than GET, or HTTP/1.0.
    #[error("a WebSocket begins with GET and HTTP/1.1")]
    Request,
    /// The request does not ask for an upgrade to `websocket`.
    #[error("here a WebSocket is spoken; the request asks for no upgrade to it")]
    NoUpgrade,
    /// `Sec-WebSocket-Key` is missing, repeated, or not base64 of 16 bytes.
    #[error("Sec-WebSocket-Key must be there once, as base64 of 16 bytes")]
    Key,
    /// `Sec-WebSocket-Version` is not 13.
    #[error("Sec-WebSocket-Version must be 13")]
    Version,
    /// The sub-protocol is not offered.
    #[error("the sub-protocol that is spoken here is not offered")]
    Protocol,
}

impl HandshakeError {
    /// The status to answer: 400, or 426 with `Upgrade: websocket` and `Sec-WebSocket-Version: 13`.
    pub fn status(self) -> u16 {
        match self {
            HandshakeError::NoUpgrade | HandshakeError::Version => 426,
            HandshakeError::Request | HandshakeError::Key | HandshakeError::Protocol => 400,
        }
    }
}

/// An upgrade that is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    key: String,
    protocol: String,
}

impl Accepted {
    /// The sub-protocol that is spoken from here on.
    pub fn protocol(&self) -> &str {
        &self.protocol
    }

    /// The answer's header fields beside `Connection: Upgrade` and `Upgrade: websocket`.
    pub fn fields(&self) -> [(&'static str, &str); 2] {
        [("Sec-WebSocket-Accept", &self.key), ("Sec-WebSocket-Protocol", &self.protocol)]
    }

    /// The whole answer, with its empty line.
    pub fn response(&self) -> Vec<u8> {
        let Accepted { key, protocol } = self;
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {key}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n"
        )
        .into_bytes()
    }
}

/// Judges a request for an upgrade.
///
/// # Errors
/// What the request lacks.
///
/// # Source
/// RFC 6455 section 4.2.
pub fn accept(upgrade: &Upgrade<'_>) -> Result<Accepted, HandshakeError> {
    if upgrade.method != "GET" || !upgrade.http_1_1 {
        return Err(HandshakeError::Request);
    }
    if !has_token(upgrade.fields, "upgrade", |token| token.eq_ignore_ascii_case("websocket"))
        || !has_token(upgrade.fields, "connection", |token| token.eq_ignore_ascii_case("upgrade"))
    {
        return Err(HandshakeError::NoUpgrade);
    }
    if single(upgrade.fields, "sec-websocket-version") != Some(b"13") {
        return Err(HandshakeError::Version);
    }
    let key = single(upgrade.fields, "sec-websocket-key").ok_or(HandshakeError::Key)?;
    let nonce = STANDARD.decode(key).map_err(|_| HandshakeError::Key)?;
    if nonce.len() != NONCE_BYTES {
        return Err(HandshakeError::Key);
    }
    let mut offered = tokens(upgrade.fields, "sec-websocket-protocol");
    let protocol = offered.find(|token| upgrade.protocols.contains(token));
    let protocol = protocol.ok_or(HandshakeError::Protocol)?.to_owned();
    Ok(Accepted { key: accept_key(key), protocol })
}

/// Makes `Sec-WebSocket-Accept` of a client's key.
pub fn accept_key(key: &[u8]) -> String {
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

fn values<'a>(fields: &'a [(&str, &'a [u8])], name: &str) -> impl Iterator<Item = &'a [u8]> {
    let of_name = move |(field, _): &&(&str, &[u8])| field.eq_ignore_ascii_case(name);
    fields.iter().filter(of_name).map(|(_, value)| *value)
}

fn single<'a>(fields: &'a [(&str, &'a [u8])], name: &str) -> Option<&'a [u8]> {
    let mut all = values(fields, name);
    let first = all.next()?;
    all.next().is_none().then_some(first)
}

fn has_token(fields: &[(&str, &[u8])], name: &str, is: impl Fn(&str) -> bool) -> bool {
    tokens(fields, name).any(is)
}

fn tokens<'a>(fields: &'a [(&str, &'a [u8])], name: &str) -> impl Iterator<Item = &'a str> {
    let list = values(fields, name).filter_map(|value| std::str::from_utf8(value).ok());
    list.flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &[u8]); 6] = [
        ("Host", b"hub.local"),
        ("Upgrade", b"WebSocket"),
        ("Connection", b"keep-alive, Upgrade"),
        ("Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", b"13"),
        ("Sec-WebSocket-Protocol", b"chat, sockeye.1"),
    ];

    fn judge(fields: &[(&str, &[u8])]) -> Result<Accepted, HandshakeError> {
        accept(&Upgrade { method: "GET", http_1_1: true, fields, protocols: &["sockeye.1", "b"] })
    }

    #[test]
    fn the_rfc_s_own_example() {
        assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let accepted = judge(&GOOD).expect("accepted");
        let response = String::from_utf8(accepted.response()).expect("text");
        assert!(response.starts_with("HTTP/1.1 101 "));
        assert!(response.contains("Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        assert!(response.ends_with("Protocol: sockeye.1\r\n\r\n"));
    }

    #[test]
    fn each_field_is_needed() {
        use HandshakeError::{Key, NoUpgrade, Protocol, Request, Version};
        let missing = [(1, NoUpgrade), (2, NoUpgrade), (3, Key), (4, Version), (5, Protocol)];
        for (place, error) in missing {
            let mut fields = GOOD.to_vec();
            fields.remove(place);
            assert_eq!(judge(&fields), Err(error));
        }
        let wrong: [(usize, &[u8], HandshakeError); 9] = [
            (1, b"h2c", NoUpgrade),
            (2, b"close", NoUpgrade),
            (3, b"dGhlIHNhbXBsZSBub25jZQ", Key),
            (3, b"dGhlIHNhbXBsZSBub25jZTE=", Key),
            (3, b"", Key),
            (3, b"\xff\xff", Key),
            (4, b"8", Version),
            (4, b"13, 13", Version),
            (5, b"SOCKEYE.1", Protocol),
        ];
        for (place, value, error) in wrong {
            let mut fields = GOOD.to_vec();
            fields[place].1 = value;
            assert_eq!(judge(&fields), Err(error), "{:?}", String::from_utf8_lossy(value));
        }
        let mut twice = GOOD.to_vec();
        twice.push(GOOD[3]);
        assert_eq!(judge(&twice), Err(Key));
        for (method, http_1_1) in [("POST", true), ("GET", false)] {
            let upgrade = Upgrade { method, http_1_1, fields: &GOOD, protocols: &["sockeye.1"] };
            assert_eq!(accept(&upgrade), Err(Request));
        }
        assert_eq!((Version.status(), Key.status()), (426, 400));
    }

    #[test]
    fn lists_may_be_spread_over_fields() {
        let mut fields = GOOD.to_vec();
        fields[5].1 = b"chat";
        fields.push(("sec-websocket-protocol", b"sockeye.1"));
        assert!(judge(&fields).is_ok());
    }

    #[test]
    fn the_client_s_order_counts() {
        let mut fields = GOOD.to_vec();
        for (offer, taken) in [(&b"b, sockeye.1"[..], "b"), (b"x,sockeye.1,b", "sockeye.1")] {
            fields[5].1 = offer;
            assert_eq!(judge(&fields).expect("accepted").protocol(), taken);
        }
    }
}
