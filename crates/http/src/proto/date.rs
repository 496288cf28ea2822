//! HTTP dates as seconds since 1970-01-01 00:00:00 UTC. Written as IMF-fixdate; read in all three
//! forms that RFC 9110, section 5.6.7 asks for.

use std::time::Duration;

/// 9999-12-31 23:59:59, the last second with a four-digit year.
const LAST: u64 = 253_402_300_799;

/// Writes `seconds` as IMF-fixdate, for example `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn format(seconds: u64) -> String {
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(seconds.min(LAST)))
}

/// Writes `seconds` as `1994-11-06T08:49:37Z`.
pub fn iso(seconds: u64) -> String {
    let [year, month, day, time] = parts(seconds);
    format!("{year}-{month}-{day}T{time}Z")
}

/// Writes `seconds` for people, as `1994-11-06 08:49`.
pub fn minute(seconds: u64) -> String {
    let [year, month, day, time] = parts(seconds);
    format!("{year}-{month}-{day} {}", time.get(..5).unwrap_or_default())
}

/// Writes `seconds` as the Common Log Format does, `06/Nov/1994:08:49:37 +0000`.
pub fn common_log(seconds: u64) -> String {
    let fixed = format(seconds);
    let part = |range: std::ops::Range<usize>| fixed.get(range).unwrap_or_default();
    format!("{}/{}/{}:{} +0000", part(5..7), part(8..11), part(12..16), part(17..25))
}

/// Year, month and day in digits, and the time of day.
fn parts(seconds: u64) -> [String; 4] {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let fixed = format(seconds);
    let part = |range: std::ops::Range<usize>| fixed.get(range).unwrap_or_default().to_owned();
    let month = MONTHS.find(&part(8..11)).map_or(0, |at| at / 3 + 1);
    [part(12..16), format!("{month:02}"), part(5..7), part(17..25)]
}

/// Year, month, day, hour, minute and second of `seconds`.
pub fn numbers(seconds: u64) -> [u16; 6] {
    let iso = iso(seconds);
    let mut parts = iso.split(['-', 'T', ':', 'Z']).map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
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
    fn other_forms_are_written() {
        assert_eq!(iso(784_111_777), "1994-11-06T08:49:37Z");
        assert_eq!(minute(0), "1970-01-01 00:00");
        assert_eq!(common_log(784_111_777), "06/Nov/1994:08:49:37 +0000");
        assert_eq!(iso(u64::MAX), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn nonsense_is_none_and_nothing_panics() {
        for text in [&b""[..], b"yesterday", b"Sun, 32 Nov 1994 08:49:37 GMT", b"\xff\xfe"] {
            assert_eq!(parse(text), None);
        }
        assert_eq!(format(u64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
