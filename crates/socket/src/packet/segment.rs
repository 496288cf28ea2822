//! TCP segments out of IP packets. Pure: bytes in, facts out; every length is checked, since the
//! bytes are a stranger's.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Why bytes are no TCP segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// The packet ends inside of a header.
    Truncated,
    /// Neither IPv4 nor IPv6.
    NotIp,
    /// Another protocol than TCP, or an IPv6 packet with extension headers.
    NotTcp,
    /// A fragment that is not the first.
    Fragment,
    /// A header that is shorter than its own fields.
    BadLength,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "the packet ends inside of a header",
            Self::NotIp => "not an IP packet",
            Self::NotTcp => "not a TCP segment",
            Self::Fragment => "a later fragment",
            Self::BadLength => "a header is shorter than its fields",
        })
    }
}

impl std::error::Error for Malformed {}

/// The flags of a TCP segment. Shown as `SYN`, `SYN-ACK`, `PSH-ACK`; `none` where none is set.
///
/// # Source
/// RFC 9293 section 3.1
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// The sender has nothing more to send.
    pub const FIN: Self = Self(1);
    /// The sequence number is where the sender starts.
    pub const SYN: Self = Self(2);
    /// The connection is over at once.
    pub const RST: Self = Self(4);
    /// Hand what came to the reader.
    pub const PSH: Self = Self(8);
    /// The acknowledgement number counts.
    pub const ACK: Self = Self(16);
    /// The urgent pointer counts.
    pub const URG: Self = Self(32);
    /// Congestion was seen (in a SYN: both would like to hear of it).
    pub const ECE: Self = Self(64);
    /// The congestion window was reduced.
    pub const CWR: Self = Self(128);

    /// Whether all of `other` are set.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Self::SYN, "SYN"),
            (Self::FIN, "FIN"),
            (Self::RST, "RST"),
            (Self::PSH, "PSH"),
            (Self::ACK, "ACK"),
            (Self::URG, "URG"),
            (Self::ECE, "ECE"),
            (Self::CWR, "CWR"),
        ];
        let set: Vec<&str> =
            names.iter().filter(|(flag, _)| self.contains(*flag)).map(|(_, name)| *name).collect();
        f.write_str(if set.is_empty() { "none" } else { "" })?;
        f.write_str(&set.join("-"))
    }
}

/// An option of a TCP segment, as it shows: `mss 1460`, `window scale 7`.
///
/// # Source
/// RFC 9293 section 3.2, RFC 7323, RFC 2018, RFC 7413
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TcpOption {
    /// The largest segment that the sender takes, in bytes.
    Mss(u16),
    /// The sender's windows count this many bits more.
    WindowScale(u8),
    /// The sender understands selective acknowledgements.
    SackPermitted,
    /// Ranges that came out of order: first byte and the one behind the last.
    Sack(Vec<(u32, u32)>),
    /// The sender's clock, and the last one that it heard.
    Timestamps {
        /// The sender's clock.
        value: u32,
        /// The peer's clock that it answers; 0 in a first SYN.
        echo: u32,
    },
    /// A fast open cookie of so many bytes; 0 asks for one.
    FastOpen(usize),
    /// Another one: its kind and how many bytes it has beside kind and length.
    Other(u8, usize),
    /// The list of options breaks off here: a length is wrong.
    Broken,
}

impl fmt::Display for TcpOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mss(bytes) => write!(f, "mss {bytes}"),
            Self::WindowScale(bits) => write!(f, "window scale {bits}"),
            Self::SackPermitted => f.write_str("sack permitted"),
            Self::Sack(ranges) => {
                f.write_str("sack")?;
                ranges.iter().try_for_each(|(from, to)| write!(f, " {from}..{to}"))
            }
            Self::Timestamps { value, echo } => write!(f, "timestamps {value} {echo}"),
            Self::FastOpen(0) => f.write_str("fast open: asks for a cookie"),
            Self::FastOpen(len) => write!(f, "fast open: a cookie of {len} bytes"),
            Self::Other(kind, len) => write!(f, "option {kind} of {len} bytes"),
            Self::Broken => f.write_str("broken options"),
        }
    }
}

/// A TCP segment and where it goes. Its checksum is not looked at: on its way out of a machine it
/// may not be made yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Segment {
    /// Where it comes from.
    pub source: SocketAddr,
    /// Where it goes.
    pub destination: SocketAddr,
    /// The number of its first byte, or of its SYN.
    pub sequence: u32,
    /// The number that the sender expects next; counts with [`Flags::ACK`] only.
    pub acknowledgement: u32,
    /// Its flags.
    pub flags: Flags,
    /// The window as it is in the header: bytes, before any scaling.
    pub window: u16,
    /// Its options without padding, in their order.
    pub options: Vec<TcpOption>,
    /// How many bytes it carries, by the lengths in its headers.
    pub payload_len: usize,
}

const TCP: u8 = 6;
const IPV6_HEADER: usize = 40;

impl Segment {
    /// Reads a packet that starts with its IP header; its end may be cut off behind the headers.
    ///
    /// # Errors
    /// Says why it is no TCP segment.
    pub fn parse(packet: &[u8]) -> Result<Self, Malformed> {
        let (ends, rest, len) = match packet.first().map(|byte| byte >> 4) {
            None => return Err(Malformed::Truncated),
            Some(4) => ipv4(packet)?,
            Some(6) => ipv6(packet)?,
            Some(_) => return Err(Malformed::NotIp),
        };
        tcp(ends, rest, len)
    }

    /// How many sequence numbers it takes up: its bytes, and one each for SYN and FIN.
    #[must_use]
    pub fn sequence_len(&self) -> usize {
        let one = |flag| usize::from(self.flags.contains(flag));
        self.payload_len + one(Flags::SYN) + one(Flags::FIN)
    }
}

/// Two addresses, the bytes behind the IP header, and how many there should be.
type Inner<'a> = ([IpAddr; 2], &'a [u8], usize);

/// # Source
/// RFC 791 section 3.1
fn ipv4(packet: &[u8]) -> Result<Inner<'_>, Malformed> {
    let header = usize::from(byte(packet, 0)? & 15) * 4;
    let total = usize::from(half(packet, 2)?);
    let fragment = half(packet, 6)? & 0x1fff;
    if byte(packet, 9)? != TCP {
        return Err(Malformed::NotTcp);
    }
    if fragment != 0 {
        return Err(Malformed::Fragment);
    }
    let source = Ipv4Addr::from(word(packet, 12)?);
    let destination = Ipv4Addr::from(word(packet, 16)?);
    if header < 20 || total < header {
        return Err(Malformed::BadLength);
    }
    let rest = packet.get(header..).ok_or(Malformed::Truncated)?;
    Ok(([source.into(), destination.into()], rest, total - header))
}

/// # Source
/// RFC 8200 section 3
fn ipv6(packet: &[u8]) -> Result<Inner<'_>, Malformed> {
    let len = usize::from(half(packet, 4)?);
    if byte(packet, 6)? != TCP {
        return Err(Malformed::NotTcp);
    }
    let source = Ipv6Addr::from(array::<16>(packet, 8)?);
    let destination = Ipv6Addr::from(array::<16>(packet, 24)?);
    let rest = packet.get(IPV6_HEADER..).ok_or(Malformed::Truncated)?;
    Ok(([source.into(), destination.into()], rest, len))
}

/// # Source
/// RFC 9293 section 3.1
fn tcp(ends: [IpAddr; 2], segment: &[u8], len: usize) -> Result<Segment, Malformed> {
    if len < 20 {
        return Err(Malformed::BadLength);
    }
    let header = usize::from(byte(segment, 12)? >> 4) * 4;
    if header < 20 || header > len {
        return Err(Malformed::BadLength);
    }
    let options = segment.get(20..header).ok_or(Malformed::Truncated)?;
    Ok(Segment {
        source: SocketAddr::new(ends[0], half(segment, 0)?),
        destination: SocketAddr::new(ends[1], half(segment, 2)?),
        sequence: word(segment, 4)?,
        acknowledgement: word(segment, 8)?,
        flags: Flags(byte(segment, 13)?),
        window: half(segment, 14)?,
        options: self::options(options),
        payload_len: len - header,
    })
}

/// Reads the options up to their end mark, or to the first that cannot be.
fn options(mut rest: &[u8]) -> Vec<TcpOption> {
    let mut found = Vec::new();
    while let Some((&kind, after)) = rest.split_first() {
        rest = match kind {
            0 => break,
            1 => after,
            _ => {
                let len = after.first().map_or(0, |len| usize::from(*len));
                let Some((data, after)) =
                    len.checked_sub(2).and_then(|len| after.get(1..)?.split_at_checked(len))
                else {
                    found.push(TcpOption::Broken);
                    break;
                };
                found.push(option(kind, data));
                after
            }
        };
    }
    found
}

/// One option. One with a length that its kind cannot have is another one.
fn option(kind: u8, data: &[u8]) -> TcpOption {
    let other = TcpOption::Other(kind, data.len());
    match (kind, data.len()) {
        (2, 2) => half(data, 0).map_or(other, TcpOption::Mss),
        (3, 1) => TcpOption::WindowScale(data[0]),
        (4, 0) => TcpOption::SackPermitted,
        (5, 8 | 16 | 24 | 32) => {
            let range = |range: &[u8]| Some((word(range, 0).ok()?, word(range, 4).ok()?));
            TcpOption::Sack(data.chunks_exact(8).filter_map(range).collect())
        }
        (8, 8) => match (word(data, 0), word(data, 4)) {
            (Ok(value), Ok(echo)) => TcpOption::Timestamps { value, echo },
            _ => other,
        },
        (34, len) => TcpOption::FastOpen(len),
        _ => other,
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Malformed> {
    let found = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    found.copied().ok_or(Malformed::Truncated)
}

fn byte(bytes: &[u8], at: usize) -> Result<u8, Malformed> {
    array::<1>(bytes, at).map(|[byte]| byte)
}

fn half(bytes: &[u8], at: usize) -> Result<u16, Malformed> {
    array(bytes, at).map(u16::from_be_bytes)
}

fn word(bytes: &[u8], at: usize) -> Result<u32, Malformed> {
    array(bytes, at).map(u32::from_be_bytes)
}

#[cfg(test)]
#[path = "segment/tests.rs"]
mod tests;
