//! Byte ranges: which bytes of a file a `Range` field asks for.
//!
//! ```text
//! Range      = "bytes" "=" 1#( first-pos "-" [ last-pos ] / "-" suffix-length )
//! ```
//! A field that is malformed or asks for too many ranges is ignored, as if it were not there: that
//! is always right. Ranges that overlap or touch are joined, so no byte of the file is sent twice.
//!
//! # Source
//! RFC 9110, sections 14.1.1, 14.1.2 and 14.2.

use std::ops::Range;

/// The most ranges in one request that are answered as ranges.
pub const RANGES_MAX: usize = 16;

/// What to send of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All of it, with 200.
    Whole,
    /// These bytes (the end is exclusive), with 206.
    One(Range<u64>),
    /// These two or more parts, disjoint, with 206 and `multipart/byteranges`.
    Many(Vec<Range<u64>>),
    /// Nothing of what was asked for exists: 416.
    Unsatisfiable,
}

/// Reads the value of a `Range` field for a file of `size` bytes.
pub fn select(value: &[u8], size: u64) -> Selection {
    let Some(ranges) = parse(value, size) else { return Selection::Whole };
    let ranges = coalesce(ranges.into_iter().flatten().collect());
    match ranges.as_slice() {
        [] => Selection::Unsatisfiable,
        [range] if range.start == range.end => Selection::Whole,
        [range] => Selection::One(range.clone()),
        _ => Selection::Many(ranges),
    }
}

/// One entry per range asked for, `None` where it lies outside the file. `None` altogether where
/// the field is to be ignored.
fn parse(value: &[u8], size: u64) -> Option<Vec<Option<Range<u64>>>> {
    let (unit, set) = value.split_at_checked("bytes=".len())?;
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return None;
    }
    let mut ranges = Vec::new();
    for member in set.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
        if member.is_empty() {
            continue;
        }
        if ranges.len() == RANGES_MAX {
            return None;
        }
        ranges.push(parse_one(member, size)?);
    }
    (!ranges.is_empty()).then_some(ranges)
}

fn parse_one(member: &[u8], size: u64) -> Option<Option<Range<u64>>> {
    let dash = member.iter().position(|&byte| byte == b'-')?;
    let (first, last) = (&member[..dash], &member[dash + 1..]);
    if first.is_empty() {
        let suffix = number(last)?;
        return Some((suffix > 0).then(|| size.saturating_sub(suffix)..size));
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    Some((first < size).then(|| first..last.saturating_add(1).min(size)))
}

/// Reads decimal digits; a number beyond 64 bits is as good as the largest.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        digits.iter().fold(0u64, |sum, digit| {
            sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
        }),
    )
}

/// Joins ranges that overlap or touch. Where none do, they keep the client's order.
fn coalesce(ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    let mut sorted = ranges.clone();
    sorted.sort_by_key(|range| (range.start, range.end));
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    if joined.len() == ranges.len() { ranges } else { joined }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn single_ranges() {
        for (value, size, expected) in [
            ("bytes=0-0", 10, Selection::One(0..1)),
            ("bytes=2-", 10, Selection::One(2..10)),
            ("bytes=-3", 10, Selection::One(7..10)),
            ("bytes=-30", 10, Selection::One(0..10)),
            ("BYTES=5-99", 10, Selection::One(5..10)),
            ("bytes=0-99999999999999999999999", 10, Selection::One(0..10)),
            ("bytes= 1-2", 10, Selection::One(1..3)),
            ("bytes=10-", 10, Selection::Unsatisfiable),
            ("bytes=99999999999999999999999-", 10, Selection::Unsatisfiable),
            ("bytes=-0", 10, Selection::Unsatisfiable),
            ("bytes=0-", 0, Selection::Unsatisfiable),
            ("bytes=-5", 0, Selection::Whole),
        ] {
            assert_eq!(select(value.as_bytes(), size), expected, "{value}");
        }
    }

    #[test]
    fn what_is_malformed_is_ignored() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=2-1",
            "bytes=a-b",
            "bytes=1",
            "bytes=+1-2",
            "bytes=1-+2",
            "bytes=1-2-3",
            "bytes=0x1-2",
            "items=0-1",
            "bytes =0-1",
            "bytes=0-1,x",
            "bytes=1 - 2",
        ] {
            assert_eq!(select(value.as_bytes(), 10), Selection::Whole, "{value}");
        }
    }

    #[test]
    fn several_ranges() {
        let select = |value: &str| select(value.as_bytes(), 100);
        assert_eq!(select("bytes=0-1,5-6"), Selection::Many(vec![0..2, 5..7]));
        assert_eq!(select("bytes=50-51, 0-1"), Selection::Many(vec![50..52, 0..2]));
        assert_eq!(select("bytes=0-1,2-3"), Selection::One(0..4));
        assert_eq!(select("bytes=0-50,40-60,90-"), Selection::Many(vec![0..61, 90..100]));
        assert_eq!(select("bytes=0-1,200-"), Selection::One(0..2));
        assert_eq!(select("bytes=200-,300-"), Selection::Unsatisfiable);
        let many = format!("bytes={}", vec!["0-0"; RANGES_MAX + 1].join(","));
        assert_eq!(select(&many), Selection::Whole);
    }

    fn spec() -> impl Strategy<Value = (Option<u64>, Option<u64>)> {
        prop_oneof![
            (0..40u64, 0..40u64).prop_map(|(a, b)| (Some(a.min(b)), Some(a.max(b)))),
            (0..40u64).prop_map(|first| (Some(first), None)),
            (0..40u64).prop_map(|suffix| (None, Some(suffix))),
        ]
    }

    proptest! {
        /// The bytes that are sent are exactly those asked for, judged byte by byte.
        #[test]
        fn exactly_the_bytes_asked_for(
            specs in proptest::collection::vec(spec(), 1..=RANGES_MAX), size in 1..32u64
        ) {
            let text = specs.iter().map(|(first, last)| {
                let digits = |n: &Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
                format!("{}-{}", digits(first), digits(last))
            });
            let value = format!("bytes={}", text.collect::<Vec<_>>().join(","));
            let wanted = |byte: u64| specs.iter().any(|spec| match *spec {
                (Some(first), last) => first <= byte && byte <= last.unwrap_or(u64::MAX),
                (None, suffix) => byte + suffix.unwrap_or(0) >= size,
            });
            let parts = match select(value.as_bytes(), size) {
                Selection::Whole => return Err(TestCaseError::fail("a good set was ignored")),
                Selection::One(range) => vec![range],
                Selection::Many(ranges) => ranges,
                Selection::Unsatisfiable => Vec::new(),
            };
            for byte in 0..size {
                let times = parts.iter().filter(|range| range.contains(&byte)).count();
                prop_assert_eq!(times, usize::from(wanted(byte)), "byte {} of {}", byte, value);
            }
            prop_assert!(parts.iter().all(|range| range.start < range.end && range.end <= size));
        }

        #[test]
        fn no_input_panics_or_reaches_past_the_file(
            value in "bytes=[0-9,\\- ]{0,64}", size in any::<u64>()
        ) {
            let parts = match select(value.as_bytes(), size) {
                Selection::One(range) => vec![range],
                Selection::Many(ranges) => ranges,
                Selection::Whole | Selection::Unsatisfiable => Vec::new(),
            };
            let mut total = 0u64;
            for range in parts {
                prop_assert!(range.start < range.end && range.end <= size);
                total += range.end - range.start;
            }
            prop_assert!(total <= size);
        }
    }
}
