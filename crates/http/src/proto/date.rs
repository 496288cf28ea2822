//! HTTP dates as seconds since 1970-01-01 00:00:00 UTC. Written as IMF-fixdate; read in all three
//! forms that RFC 9110, section 5.6.7 asks for.

use std::time::Duration;

/// 9999-12-31 23:59:59, the last second with a four-digit year.
const LAST: u64 = 253_402_300_799;

/// Writes `seconds` as IMF-fixdate, for example `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn format(seconds: u64) -> String {
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(seconds.min(LAST)))
}

/// Reads a date in any of the three forms; `None` for anything else, which then is to be ignored.
pub fn parse(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?.trim_matches([' ', '\t']);
    let time = httpdate::parse_http_date(text).ok()?;
    time.duration_since(std::time::UNIX_EPOCH).ok().map(|since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_forms_are_read() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse(text.as_bytes()), Some(784_111_777), "{text}");
        }
        assert_eq!(format(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn nonsense_is_none_and_nothing_panics() {
        for text in [&b""[..], b"yesterday", b"Sun, 32 Nov 1994 08:49:37 GMT", b"\xff\xfe"] {
            assert_eq!(parse(text), None);
        }
        assert_eq!(format(u64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
