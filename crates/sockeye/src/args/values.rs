//! Values with units: `10s`, `1MiB`. The parsers name what they expected.

use std::time::Duration;

/// The longest time that means anything; far below what added to a clock overflows it.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Parses a time such as `250ms`, `10s`, `5m`, `1h`, `30d`, or a plain number of seconds.
///
/// # Errors
/// Says what was wrong and what a time looks like.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is not a time; write it like 250ms, 10s, 5m, 1h or 30d");
    let (number, unit) = split_unit(text);
    let seconds_each = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(bad()),
    };
    let number: f64 = number.parse().map_err(|_| bad())?;
    let time = Duration::try_from_secs_f64(number * seconds_each).map_err(|_| bad())?;
    if time > LONGEST { Err(format!("`{text}` is more than 100 years")) } else { Ok(time) }
}

/// Parses a number of bytes such as `4096`, `64KiB`, `10M` (binary units, with or without `iB`).
///
/// # Errors
/// Says what was wrong and what a size looks like.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let bad = || format!("`{text}` is not a size; write it like 4096, 64KiB, 10M or 1GiB");
    let (number, unit) = split_unit(text);
    let shift = match unit.to_ascii_lowercase().trim_end_matches("ib") {
        "" | "b" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(bad()),
    };
    let number: u64 = number.parse().map_err(|_| bad())?;
    number.checked_mul(1 << shift).ok_or_else(bad)
}

/// Parses how many of something there may be.
///
/// # Errors
/// Says that none is no limit.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| format!("`{text}` is not a number from 1"))
}

fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, ms) in [("250ms", 250), ("10s", 10_000), ("10", 10_000), ("1.5m", 90_000)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        assert_eq!(duration("30d"), Ok(Duration::from_secs(30 * 86_400)));
        for text in ["", "s", "10x", "-1s", "1e9d", "1.2.3s", "99999999999999999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_can_be_added_to_a_clock() {
        let longest = duration("36500d").unwrap();
        assert!(std::time::Instant::now().checked_add(longest).is_some());
        for text in ["36501d", "200000000000000d"] {
            assert!(duration(text).unwrap_err().contains("100 years"), "{text}");
        }
    }

    #[test]
    fn counts() {
        assert_eq!(count("1"), Ok(1));
        for text in ["0", "", "-1", "x", "99999999999999999999999"] {
            assert!(count(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, size) in
            [("0", 0), ("4096", 4096), ("64KiB", 65_536), ("10M", 10 << 20), ("1 GiB", 1 << 30)]
        {
            assert_eq!(bytes(text), Ok(size), "{text}");
        }
        for text in ["", "KiB", "1.5M", "-1", "1X", "99999999999T"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
