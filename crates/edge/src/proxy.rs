//! The PROXY protocol: what a proxy says of the client that it stands for, before anything that the
//! client says. Bytes in, a header out; nothing waits here.
//!
//! ```text
//! version 1, at most 107 bytes:
//! line    = "PROXY " ( "TCP4 " v4 SP v4 / "TCP6 " v6 SP v6 ) SP port SP port CRLF
//!         / "PROXY UNKNOWN" [ SP *any ] CRLF
//! version 2:
//! header  = 0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a  command family length:16 addresses *tlv
//! command = 20 (LOCAL: the proxy itself) / 21 (PROXY)
//! family  = 00 (unknown) / 11, 12 (IPv4: 4 4 2 2 bytes) / 21, 22 (IPv6: 16 16 2 2) / 31, 32 (unix)
//! tlv     = type:8 length:16 value
//! ```
//! Rules:
//! 1. Whether the peer may say such a thing at all is for the caller to judge, before this.
//! 2. A header is whole or malformed: nothing is guessed, and no byte behind it is looked at.
//! 3. Who is not named by an address (LOCAL, UNKNOWN, unix, datagrams) counts as the proxy itself.
//!
//! # Source
//! HAProxy's proxy-protocol.txt, sections 2.1 and 2.2.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The longest header of version 1 in bytes, its end included.
pub const LINE_BYTES_MAX: usize = 107;
/// The longest header of version 2 that is taken, in bytes.
pub const HEADER_BYTES_MAX: usize = 4096;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const LINE: &[u8] = b"PROXY ";
/// Signature, command, family and length.
const FIXED_BYTES: usize = 16;
/// The TLV that says that the client has come by TLS, and its bit for that.
const TLV_SSL: u8 = 0x20;
const CLIENT_SSL: u8 = 0x01;

/// What a proxy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Where the client is; `None`: the connection is the proxy's own, or it does not know.
    pub client: Option<SocketAddr>,
    /// Whether the client speaks TLS with the proxy.
    pub encrypted: bool,
    /// How many bytes the header has.
    pub bytes: usize,
}

/// What is wrong with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the PROXY header is malformed: {0}")]
pub struct Malformed(&'static str);

/// Whether these first bytes are, or may become, a header.
#[must_use]
pub fn may_be(input: &[u8]) -> bool {
    let begins = |mark: &[u8]| input.starts_with(mark) || mark.starts_with(input);
    begins(LINE) || begins(SIGNATURE)
}

/// Reads the header that `input` begins with; `None` while more bytes are needed.
///
/// # Errors
/// No more bytes can make a header of this.
pub fn parse(input: &[u8]) -> Result<Option<Header>, Malformed> {
    if input.starts_with(SIGNATURE) {
        binary(input)
    } else if input.starts_with(LINE) {
        line(input)
    } else if may_be(input) {
        Ok(None)
    } else {
        Err(Malformed("it begins like none"))
    }
}

fn line(input: &[u8]) -> Result<Option<Header>, Malformed> {
    let window = &input[..input.len().min(LINE_BYTES_MAX)];
    let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
        let is_over = window.len() == LINE_BYTES_MAX;
        return if is_over { Err(Malformed("no line of 107 bytes")) } else { Ok(None) };
    };
    let line = window[LINE.len()..end].strip_suffix(b"\r");
    let text = line.and_then(|line| std::str::from_utf8(line).ok());
    let text = text.ok_or(Malformed("the line has no CRLF, or is no text"))?;
    let client = if text == "UNKNOWN" || text.starts_with("UNKNOWN ") {
        None
    } else {
        Some(of_words(text).ok_or(Malformed("the line names no two addresses and ports"))?)
    };
    Ok(Some(Header { client, encrypted: false, bytes: end + 1 }))
}

fn of_words(text: &str) -> Option<SocketAddr> {
    let words: Vec<&str> = text.split(' ').collect();
    let [family, from, to, from_port, to_port] = words[..] else { return None };
    let is_v4 = match family {
        "TCP4" => true,
        "TCP6" => false,
        _ => return None,
    };
    let ip = |text: &str| -> Option<IpAddr> {
        if is_v4 {
            text.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
        } else {
            text.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
        }
    };
    let (from, _) = (ip(from)?, ip(to)?);
    let (from_port, _) = (port(from_port)?, port(to_port)?);
    Some(SocketAddr::new(from.to_canonical(), from_port))
}

fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let padded = text.len() > 1 && text.starts_with('0');
    (plain && !padded).then(|| text.parse().ok())?
}

fn binary(input: &[u8]) -> Result<Option<Header>, Malformed> {
    let is_local = match input.get(12) {
        None => return Ok(None),
        Some(0x20) => true,
        Some(0x21) => false,
        Some(_) => return Err(Malformed("its version or command is unknown")),
    };
    let address_bytes = match input.get(13) {
        None => return Ok(None),
        Some(0x00) => 0,
        Some(0x11 | 0x12) => 12,
        Some(0x21 | 0x22) => 36,
        Some(0x31 | 0x32) => 216,
        Some(_) if is_local => 0,
        Some(_) => return Err(Malformed("its family is unknown")),
    };
    let Some(length) = input.get(14..FIXED_BYTES) else { return Ok(None) };
    let bytes = FIXED_BYTES + usize::from(u16::from_be_bytes([length[0], length[1]]));
    if bytes > HEADER_BYTES_MAX {
        return Err(Malformed("it is longer than 4096 bytes"));
    }
    if !is_local && bytes < FIXED_BYTES + address_bytes {
        return Err(Malformed("it is too short for its addresses"));
    }
    let Some(rest) = input.get(FIXED_BYTES..bytes) else { return Ok(None) };
    if is_local {
        return Ok(Some(Header { client: None, encrypted: false, bytes }));
    }
    let (addresses, tlvs) = rest.split_at(address_bytes);
    let client = match input[13] {
        0x11 => of_bytes::<4>(addresses),
        0x21 => of_bytes::<16>(addresses),
        _ => None,
    };
    Ok(Some(Header { client, encrypted: is_encrypted(tlvs)?, bytes }))
}

/// The source in `source destination source_port destination_port`.
fn of_bytes<const N: usize>(addresses: &[u8]) -> Option<SocketAddr>
where
    IpAddr: From<[u8; N]>,
{
    let ip: [u8; N] = addresses.first_chunk().copied()?;
    let port: [u8; 2] = addresses.get(2 * N..)?.first_chunk().copied()?;
    Some(SocketAddr::new(IpAddr::from(ip).to_canonical(), u16::from_be_bytes(port)))
}

/// Looks through all TLVs.
fn is_encrypted(mut tlvs: &[u8]) -> Result<bool, Malformed> {
    let mut encrypted = false;
    while let Some((kind, rest)) = tlvs.split_first() {
        let short = Malformed("a TLV is longer than the header");
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(short)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (value, rest) = rest.split_at_checked(length).ok_or(short)?;
        encrypted |= *kind == TLV_SSL && value.first().is_some_and(|bits| bits & CLIENT_SSL != 0);
        tlvs = rest;
    }
    Ok(encrypted)
}

#[cfg(test)]
mod tests;
