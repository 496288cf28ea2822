//! Times as IRCv3 writes them: `2026-11-24T20:18:00.123Z`.
//!
//! # Source
//! The civil calendar of Howard Hinnant, "chrono-compatible low-level date algorithms".

const DAY_MS: u64 = 86_400_000;

/// Writes milliseconds since 1970 (UTC).
pub(crate) fn iso(unix_ms: u64) -> String {
    let (year, month, day) = civil(unix_ms / DAY_MS);
    let in_day = unix_ms % DAY_MS;
    let (hour, minute) = (in_day / 3_600_000, in_day / 60_000 % 60);
    let (second, ms) = (in_day / 1000 % 60, in_day % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// Reads what [`iso`] writes; `None` for anything else.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let mut parts = time.splitn(3, ':');
    let hour: u64 = parts.next()?.parse().ok()?;
    let minute: u64 = parts.next()?.parse().ok()?;
    let (second, ms) = match parts.next()?.split_once('.') {
        Some((second, fraction)) => (second, fraction),
        None => return None,
    };
    let second: u64 = second.parse().ok()?;
    let digits = ms.bytes().all(|b| b.is_ascii_digit()) && (1..=9).contains(&ms.len());
    if !digits || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    if !(1970..=9999).contains(&year) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let ms: u64 = format!("{ms:0<3}")[..3].parse().ok()?;
    let days = days(year, month, day)?;
    Some(days * DAY_MS + hour * 3_600_000 + minute * 60_000 + second * 1000 + ms)
}

fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = year - u64::from(month <= 2);
    let (era, year_of_era) = (year / 400, year % 400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    (era * 146_097 + of_era).checked_sub(719_468)
}

/// The names of the days of the week from that of 1 January 1970 on.
const WEEK: [&str; 7] =
    ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

/// A time in words: `Tuesday 2026-11-24 20:18:00 UTC`.
pub(crate) fn words(unix_ms: u64) -> String {
    let text = iso(unix_ms);
    let day = usize::try_from(unix_ms / DAY_MS % 7).unwrap_or(0);
    format!("{} {} {} UTC", WEEK[day], &text[..10], &text[11..19])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times() {
        let known = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_318_530_243_123, "2011-10-13T18:24:03.123Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ];
        for (unix_ms, text) in known {
            assert_eq!(iso(unix_ms), text);
            assert_eq!(parse(text), Some(unix_ms));
        }
        assert_eq!(words(0), "Thursday 1970-01-01 00:00:00 UTC");
        assert_eq!(words(1_795_551_480_000), "Tuesday 2026-11-24 20:18:00 UTC");
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "Z", "2011-10-13", "2011-10-13T18:24:03Z", "1969-12-31T00:00:00.000Z"] {
            assert_eq!(parse(text), None, "{text}");
        }
        for text in ["2011-13-13T18:24:03.0Z", "2011-10-13T25:24:03.0Z", "x-1-1T1:1:1.1Z"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("2011-10-13T18:24:03.1Z"), Some(1_318_530_243_100));
    }
}
