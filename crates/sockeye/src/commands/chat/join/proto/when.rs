//! Time as it is told and shown: what a server writes, and the day and minute of a moment.

use std::time::Instant;

/// The time at which something is decided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// For waits.
    pub(crate) at: Instant,
    /// For people: milliseconds since 1970.
    pub(crate) unix_ms: i64,
}

/// How many seconds the clocks here are ahead of UTC at a moment (seconds since 1970).
pub(crate) type Zone = Box<dyn Fn(i64) -> i64 + Send>;

const DAY: i64 = 86_400;

/// Reads `2026-11-24T20:15:00.123Z` into milliseconds since 1970.
///
/// # Source
/// ircv3.net/specs/extensions/server-time
pub(crate) fn parse(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(time, ':')?;
    let good = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second)
        && (1970..10_000).contains(&year);
    let ms = fraction.get(..fraction.len().min(3))?;
    let ms: i64 = format!("{ms:0<3}").parse().ok().filter(|ms| *ms >= 0)?;
    let seconds = day_of(year, month, day) * DAY + hour * 3600 + minute * 60 + second;
    good.then_some(seconds * 1000 + ms)
}

/// Three numbers, no more than four digits each.
fn numbers(text: &str, between: char) -> Option<[i64; 3]> {
    let mut parts = text.split(between).map(|part| {
        let digits = (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| part.parse().ok()).flatten()
    });
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

/// Writes a moment as servers read it.
pub(crate) fn write(unix_ms: i64) -> String {
    let (seconds, ms) = (unix_ms.div_euclid(1000), unix_ms.rem_euclid(1000));
    let (year, month, day) = date_of(seconds.div_euclid(DAY));
    let (hour, minute, second) = clock_of(seconds);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// Days since 1970 of a date (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn day_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of a number of days since 1970; from the same source.
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn clock_of(seconds: i64) -> (i64, i64, i64) {
    let of_day = seconds.rem_euclid(DAY);
    (of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// The number of the day at a moment, where the clocks are `zone` ahead.
pub(crate) fn day(unix_ms: i64, zone: &Zone) -> i64 {
    let seconds = unix_ms.div_euclid(1000);
    (seconds + zone(seconds)).div_euclid(DAY)
}

/// `20:15`.
pub(crate) fn minute(unix_ms: i64, zone: &Zone) -> String {
    let seconds = unix_ms.div_euclid(1000);
    let (hour, minute, _) = clock_of(seconds + zone(seconds));
    format!("{hour:02}:{minute:02}")
}

/// `Tuesday, 24 November 2026`.
pub(crate) fn date(day: i64) -> String {
    const DAYS: [&str; 7] =
        ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let (year, month, of_month) = date_of(day);
    let week_day = usize::try_from(day.rem_euclid(7)).map_or("", |index| DAYS[index]);
    let month = usize::try_from(month - 1).map_or("", |index| MONTHS[index]);
    format!("{week_day}, {of_month} {month} {year}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_servers_write_is_read() {
        assert_eq!(parse("1970-01-01T00:00:00.000Z"), Some(0));
        assert_eq!(parse("2011-10-19T16:40:51.620Z"), Some(1_319_042_451_620));
        assert_eq!(parse("2011-10-19T16:40:51Z"), Some(1_319_042_451_000));
        assert_eq!(parse("2011-10-19T16:40:51.6201234Z"), Some(1_319_042_451_620));
        for bad in [
            "",
            "now",
            "2011-10-19",
            "2011-13-19T16:40:51Z",
            "2011-10-19T16:40:51",
            "2011-10-19T16:40:51.-1Z",
            "99999-01-01T00:00:00Z",
            "2011-10-19T16:40:51.éZ",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn days_and_minutes_are_those_of_the_place() {
        let zone: Zone = Box::new(|_| 3600);
        let ms = parse("2026-11-24T23:15:00.000Z").unwrap();
        assert_eq!(minute(ms, &zone), "00:15");
        assert_eq!(date(day(ms, &zone)), "Wednesday, 25 November 2026");
    }

    proptest! {
        #[test]
        fn writing_and_reading_agree(ms in 0i64..250_000_000_000_000) {
            prop_assert_eq!(parse(&write(ms)), Some(ms));
        }
    }
}
