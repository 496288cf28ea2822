//! Why a connection is closed, as the number that the protocol has for it.

use std::fmt;

/// A close code that may stand in a frame.
///
/// # Source
/// RFC 6455 section 7.4; 1012 to 1014 from IANA's registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// The purpose is fulfilled.
    pub const NORMAL: CloseCode = CloseCode(1000);
    /// The server stops, or the page was left.
    pub const GOING_AWAY: CloseCode = CloseCode(1001);
    /// The peer broke the protocol.
    pub const PROTOCOL: CloseCode = CloseCode(1002);
    /// The peer sent a type of data that is not taken here.
    pub const UNSUPPORTED: CloseCode = CloseCode(1003);
    /// The peer sent a text that is not UTF-8.
    pub const INVALID_DATA: CloseCode = CloseCode(1007);
    /// The peer does what it may not.
    pub const POLICY: CloseCode = CloseCode(1008);
    /// The peer's message is too long.
    pub const TOO_BIG: CloseCode = CloseCode(1009);
    /// There is no room now; later perhaps.
    pub const TRY_LATER: CloseCode = CloseCode(1013);

    /// Takes a number, unless it must not stand in a frame.
    pub fn new(number: u16) -> Option<CloseCode> {
        let known = matches!(number, 1000..=1003 | 1007..=1014 | 3000..=4999);
        known.then_some(CloseCode(number))
    }

    /// The number (`1000..=4999`).
    pub fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_the_inside_are_no_codes() {
        for number in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
            assert_eq!(CloseCode::new(number), None, "{number}");
        }
        for number in [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 3999, 4000, 4999] {
            assert_eq!(CloseCode::new(number).map(CloseCode::number), Some(number));
        }
        assert_eq!(CloseCode::TOO_BIG.to_string(), "1009");
    }
}
