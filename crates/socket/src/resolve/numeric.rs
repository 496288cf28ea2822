//! The classic ways to write an IPv4 address.
//!
//! ```text
//! address = part *3( "." part )                 ; the last part fills what is left of 32 bits
//! part    = 1*DIGIT / "0" 1*OCTAL / "0x" 1*HEX
//! ```

use std::net::Ipv4Addr;

use crate::error::{Cause, Error, Result};

/// An IPv4 address in any of the forms that C takes: `127.1`, `0x7f.0.0.1`, `0177.1`,
/// `2130706433`. Use `parse::<Ipv4Addr>()` where only four decimal parts will do, as for input
/// that a filter has looked at. What follows after a space, which C skips, is refused.
///
/// ```
/// use sockeye_socket::inet_aton;
/// use std::net::Ipv4Addr;
///
/// assert_eq!(inet_aton("127.1")?, Ipv4Addr::LOCALHOST);
/// assert_eq!(inet_aton("0x7f.0x1")?, Ipv4Addr::LOCALHOST);
/// assert!(inet_aton("127.0.0.256").is_err());
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
///
/// # Errors
/// The text is no such address.
///
/// # Source
/// inet_aton(3)
pub fn inet_aton(text: &str) -> Result<Ipv4Addr> {
    address(text).ok_or_else(|| {
        let (text, why) = (text.into(), "not an IPv4 address such as 127.0.0.1 or 0x7f.1");
        Error::new("inet_aton", Cause::BadAddress { text, why })
    })
}

fn address(text: &str) -> Option<Ipv4Addr> {
    let (mut bits, mut free) = (0, 32);
    let mut parts = text.split('.').peekable();
    while let Some(part) = parts.next() {
        let value = number(part)?;
        if parts.peek().is_none() {
            // The last part may be as large as what is left.
            return (u64::from(value) < 1 << free).then(|| Ipv4Addr::from_bits(bits | value));
        }
        if value > 0xff || free == 8 {
            return None;
        }
        free -= 8;
        bits |= value << free;
    }
    None
}

fn number(part: &str) -> Option<u32> {
    let (digits, radix) = match part.strip_prefix("0x").or_else(|| part.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if part.len() > 1 && part.starts_with('0') => (&part[1..], 8),
        None => (part, 10),
    };
    // `from_str_radix` takes a sign.
    let all = digits.chars().all(|digit| digit.is_digit(radix));
    if all { u32::from_str_radix(digits, radix).ok() } else { None }
}
