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
    written(seconds, *b"0000-00-00T00:00:00Z")
}

/// Writes `seconds` for people, as `1994-11-06 08:49`.
pub fn minute(seconds: u64) -> String {
    written(seconds, *b"0000-00-00 00:00")
}

/// Writes `seconds` into as much of `0000-00-00 00:00:00` as `form` has.
fn written<const N: usize>(seconds: u64, mut form: [u8; N]) -> String {
    let numbers = numbers(seconds);
    for (number, end) in numbers.into_iter().zip([4, 7, 10, 13, 16, 19]) {
        let mut rest = number;
        let digits = form.get_mut(..end).into_iter().flatten().rev();
        for digit in digits.take_while(|digit| **digit == b'0') {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
    }
    form.iter().map(|&byte| char::from(byte)).collect()
}

/// Writes `seconds` as the Common Log Format does, `06/Nov/1994:08:49:37 +0000`.
pub fn common_log(seconds: u64) -> String {
    let fixed = format(seconds);
    let part = |range: std::ops::Range<usize>| fixed.get(range).unwrap_or_default();
    format!("{}/{}/{}:{} +0000", part(5..7), part(8..11), part(12..16), part(17..25))
}

/// Year, month, day, hour, minute and second of `seconds`.
///
/// # Source
/// Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`: years begin in
/// March, so that the day which may not be there is the last.
pub fn numbers(seconds: u64) -> [u16; 6] {
    let seconds = seconds.min(LAST);
    let (days, time) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    [era * 400 + year + next, month, day, time / 3600, time / 60 % 60, time % 60]
        .map(|number| u16::try_from(number).unwrap_or(0))
}

/// Reads a date in any of the three forms; `None` for anything else, which then is to be ignored.
pub fn parse(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?.trim_matches([' ', '\t']);
    let time = httpdate::parse_http_date(text).ok()?;
    time.duration_since(std::time::UNIX_EPOCH).ok().map(|since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        assert_eq!(minute(951_827_696), "2000-02-29 12:34");
        assert_eq!(common_log(784_111_777), "06/Nov/1994:08:49:37 +0000");
        assert_eq!(iso(u64::MAX), "9999-12-31T23:59:59Z");
    }

    proptest! {
        #[test]
        fn numbers_are_those_of_the_other_calendar(seconds in 0..=LAST) {
            const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
            let fixed = format(seconds);
            let month = MONTHS.find(&fixed[8..11]).unwrap() / 3 + 1;
            let (day, year, time) = (&fixed[5..7], &fixed[12..16], &fixed[17..25]);
            prop_assert_eq!(iso(seconds), format!("{year}-{month:02}-{day}T{time}Z"));
        }
    }

    #[test]
    fn nonsense_is_none_and_nothing_panics() {
        for text in [&b""[..], b"yesterday", b"Sun, 32 Nov 1994 08:49:37 GMT", b"\xff\xfe"] {
            assert_eq!(parse(text), None);
        }
        assert_eq!(format(u64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
