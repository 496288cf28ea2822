//! Numbers for people: thousands apart, times with a fitting unit.

use std::fmt::Display;
use std::time::Duration;

/// Writes a count with a comma between thousands.
pub(super) fn count(number: impl Display) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a rate, given the time from one probe to the next.
pub(super) fn per_second(interval: Duration) -> String {
    let rate = 1.0 / interval.as_secs_f64();
    if rate < 10.0 { format!("{rate:.2}") } else { count(format!("{rate:.0}")) }
}

/// Writes a time with three digits that count, such as `0.34 s` or `12.3 ms`.
pub(super) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        _ if seconds >= 100.0 => format!("{} s", count(format!("{seconds:.0}"))),
        _ if seconds >= 10.0 => format!("{seconds:.1} s"),
        _ if seconds >= 0.1 => format!("{seconds:.2} s"),
        _ if seconds >= 0.001 => format!("{:.1} ms", seconds * 1e3),
        _ => format!("{:.0} µs", seconds * 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_people() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(65_535), "65,535");
        assert_eq!(count(1_234_567_u128), "1,234,567");
        assert_eq!(time(Duration::from_micros(42)), "42 µs");
        assert_eq!(time(Duration::from_micros(12_340)), "12.3 ms");
        assert_eq!(time(Duration::from_millis(340)), "0.34 s");
        assert_eq!(time(Duration::from_secs(1234)), "1,234 s");
        assert_eq!(per_second(Duration::from_millis(400)), "2.50");
        assert_eq!(per_second(Duration::from_micros(3333)), "300");
    }
}
