//! One target as it is written: an address, a network, a range, or a name for others to resolve.
//!
//! ```text
//! target = v4 | v6 | "[" v6 "]" | v4 "/" 0..32 | v6 "/" 64..128
//!        | v4 "-" (0..255 | v4) | v6 "-" v6 | name
//! ```

use super::targets::Span;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// One target, read but not resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetSpec {
    /// Addresses that follow each other.
    Span(Span),
    /// A host's name, or an IPv6 address with a zone: only the system can resolve it.
    Name(String),
}

/// What is wrong with a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// Nothing was written.
    #[error("an empty target")]
    Empty,
    /// It looks like an address and is none.
    #[error("{0} is no address")]
    NoAddress(String),
    /// It is neither an address nor a possible name.
    #[error("{0} is neither an address nor a name")]
    NoName(String),
    /// The prefix of a network is out of bounds.
    #[error("{0}: the prefix of a network is 0 to 32 for IPv4 and 64 to 128 for IPv6")]
    Prefix(String),
    /// A range ends before it starts.
    #[error("the range {0} ends before it starts")]
    Backwards(String),
    /// A range is neither in the last part nor between two whole addresses.
    #[error("{0}: a range is written 10.0.0.1-20 or 10.0.0.1-10.0.0.20")]
    Range(String),
    /// A range has more addresses than the largest network that may be named.
    #[error("the range {0} has more than 2^64 addresses, which is a /64")]
    Wide(String),
}

/// The most addresses of one target: an IPv6 network of 64 bits.
const SPAN_MAX: u128 = 1 << 64;
/// The longest name of a host in text, RFC 1035 section 2.3.4.
const NAME_BYTES_MAX: usize = 253;

impl FromStr for TargetSpec {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let shown = || text.escape_debug().to_string();
        if text.is_empty() {
            return Err(TargetError::Empty);
        }
        if let Some(address) = address(text) {
            return Ok(Self::Span(Span::one(address, 0)));
        }
        if let Some((network, prefix)) = text.split_once('/') {
            let network = address(network).ok_or_else(|| TargetError::NoAddress(shown()))?;
            let span = prefix.parse().ok().and_then(|bits| network_of(network, bits));
            return span.map(Self::Span).ok_or_else(|| TargetError::Prefix(shown()));
        }
        if let Some((first, last)) = text.split_once('-')
            && let Some(first) = address(first)
        {
            let last = last_of(first, last).ok_or_else(|| TargetError::Range(shown()))?;
            let span = Span::new(first, last).ok_or_else(|| TargetError::Backwards(shown()))?;
            if span.len() > SPAN_MAX {
                return Err(TargetError::Wide(shown()));
            }
            return Ok(Self::Span(span));
        }
        if looks_like_address(text) {
            return Err(TargetError::NoAddress(shown()));
        }
        if !is_name(text) {
            return Err(TargetError::NoName(shown()));
        }
        Ok(Self::Name(text.to_owned()))
    }
}

/// Reads a list: targets apart by white space, with comments from `#` to the end of the line.
///
/// # Errors
/// The line, counted from 1, and what is wrong with it.
pub fn parse_list(text: &str) -> Result<Vec<TargetSpec>, (usize, TargetError)> {
    let mut targets = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        for word in line.split_ascii_whitespace() {
            targets.push(word.parse().map_err(|error| (number + 1, error))?);
        }
    }
    Ok(targets)
}

fn address(text: &str) -> Option<IpAddr> {
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    text.parse().ok()
}

fn network_of(address: IpAddr, bits: u32) -> Option<Span> {
    match address {
        IpAddr::V4(address) if bits <= 32 => {
            let host = u32::MAX.checked_shr(bits).unwrap_or(0);
            let base = u32::from(address) & !host;
            Span::new(Ipv4Addr::from(base).into(), Ipv4Addr::from(base | host).into())
        }
        IpAddr::V6(address) if (64..=128).contains(&bits) => {
            let host = u128::MAX.checked_shr(bits).unwrap_or(0);
            let base = u128::from(address) & !host;
            Span::new(Ipv6Addr::from(base).into(), Ipv6Addr::from(base | host).into())
        }
        _ => None,
    }
}

fn last_of(first: IpAddr, last: &str) -> Option<IpAddr> {
    if let (IpAddr::V4(first), Ok(octet)) = (first, last.parse::<u8>()) {
        let [a, b, c, _] = first.octets();
        return Some(Ipv4Addr::new(a, b, c, octet).into());
    }
    address(last).filter(|last| last.is_ipv4() == first.is_ipv4())
}

/// Tells whether the system's resolver could take a mistyped address for an old short form.
fn looks_like_address(text: &str) -> bool {
    let numeric = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let last = text.rsplit(['.', '-']).next().unwrap_or_default();
    let zone = text.split('%').next().unwrap_or_default();
    let first = text.split('.').next().unwrap_or_default();
    (numeric(last) && numeric(first))
        || (text.contains(':') && (zone == text || zone.parse::<Ipv6Addr>().is_err()))
}

fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '%' | ':');
    text.len() <= NAME_BYTES_MAX && !text.starts_with('-') && text.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(first: &str, last: &str) -> TargetSpec {
        TargetSpec::Span(Span::new(first.parse().unwrap(), last.parse().unwrap()).unwrap())
    }

    #[test]
    fn the_forms_of_the_grammar() {
        let cases = [
            ("127.0.0.1", span("127.0.0.1", "127.0.0.1")),
            ("10.0.0.77/24", span("10.0.0.0", "10.0.0.255")),
            ("10.0.0.7/32", span("10.0.0.7", "10.0.0.7")),
            ("1.2.3.4/0", span("0.0.0.0", "255.255.255.255")),
            ("10.0.0.1-20", span("10.0.0.1", "10.0.0.20")),
            ("10.0.0.1-10.0.1.20", span("10.0.0.1", "10.0.1.20")),
            ("::1", span("::1", "::1")),
            ("[fd00::1]", span("fd00::1", "fd00::1")),
            ("fd00::/120", span("fd00::", "fd00::ff")),
            ("fd00::7/64", span("fd00::", "fd00::ffff:ffff:ffff:ffff")),
            ("fd00::1-fd00::9", span("fd00::1", "fd00::9")),
            ("localhost", TargetSpec::Name("localhost".into())),
            ("my-host.example", TargetSpec::Name("my-host.example".into())),
            ("7-up.example", TargetSpec::Name("7-up.example".into())),
            ("3com", TargetSpec::Name("3com".into())),
            ("fe80::1%eth0", TargetSpec::Name("fe80::1%eth0".into())),
            ("bücher.example", TargetSpec::Name("bücher.example".into())),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_target_is_named() {
        use TargetError::*;
        let cases = [
            ("", Empty),
            ("10.0.0.256", NoAddress("10.0.0.256".into())),
            ("10.1", NoAddress("10.1".into())),
            ("2130706433", NoAddress("2130706433".into())),
            ("10.0.0", NoAddress("10.0.0".into())),
            ("1:2", NoAddress("1:2".into())),
            ("host:80", NoAddress("host:80".into())),
            ("10.0.0.1/33", Prefix("10.0.0.1/33".into())),
            ("10.0.0.1/-1", Prefix("10.0.0.1/-1".into())),
            ("::/0", Prefix("::/0".into())),
            ("fd00::/63", Prefix("fd00::/63".into())),
            ("host/24", NoAddress("host/24".into())),
            ("10.0.0.20-10", Backwards("10.0.0.20-10".into())),
            ("::1-f::", Wide("::1-f::".into())),
            ("10.0.0.1-256", Range("10.0.0.1-256".into())),
            ("10.0.0.1-::1", Range("10.0.0.1-::1".into())),
            ("fd00::1-9", Range("fd00::1-9".into())),
            ("10.0-3.0.1", NoAddress("10.0-3.0.1".into())),
            ("a b", NoName("a b".into())),
            ("-x", NoName("-x".into())),
            ("x\x07", NoName("x\\u{7}".into())),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<TargetSpec>(), Err(expected), "{text}");
        }
    }

    #[test]
    fn lists_have_comments_and_numbered_errors() {
        let list = parse_list("10.0.0.1 ::1 # the two\n\n# none\n\tlocalhost\r\n").unwrap();
        assert_eq!(list.len(), 3);
        let (line, error) = parse_list("::1\n10.0.0.300\n").unwrap_err();
        assert_eq!((line, error), (2, TargetError::NoAddress("10.0.0.300".into())));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}") {
            let _ = text.parse::<TargetSpec>();
            let _ = parse_list(&text);
        }

        #[test]
        fn likely_text_is_read_or_refused(text in "[0-9a-f.:/%\\[\\]-]{0,24}") {
            if let Ok(TargetSpec::Span(span)) = text.parse::<TargetSpec>() {
                prop_assert!(span.len() <= 1 << 64, "{span:?}");
            }
        }

        #[test]
        fn addresses_come_back(bits: u32, prefix in 0_u32..=32) {
            let address = Ipv4Addr::from(bits);
            let one = TargetSpec::Span(Span::one(address.into(), 0));
            prop_assert_eq!(address.to_string().parse(), Ok(one));
            let TargetSpec::Span(net) = format!("{address}/{prefix}").parse().unwrap() else {
                return Err(TestCaseError::fail("not a span"));
            };
            prop_assert_eq!(net.len(), 1_u128 << (32 - prefix));
        }
    }
}
