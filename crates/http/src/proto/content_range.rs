//! `Content-Range` in a request: which bytes of a whole this body is.
//!
//! ```text
//! Content-Range = "bytes" 1*SP ( first "-" last "/" ( complete / "*" ) / "*/" complete )
//! ```
//! `*/complete` is taken to say: nothing more, the whole has so many bytes.
//!
//! # Source
//! RFC 9110, sections 14.4 and 14.5.

use super::status::PeerError;

/// What a `Content-Range` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentRange {
    /// The bytes from `first` to `last`, both included, of so many where that is known.
    Bytes {
        /// The first byte's place.
        first: u64,
        /// The last byte's place, not before the first.
        last: u64,
        /// The bytes of the whole, more than `last`.
        complete: Option<u64>,
    },
    /// No bytes; the whole has so many.
    Nothing {
        /// The bytes of the whole.
        complete: u64,
    },
}

impl ContentRange {
    /// Reads a field's value; `None` where it is malformed, or counts something else than bytes.
    pub fn parse(value: &[u8]) -> Option<ContentRange> {
        let value = std::str::from_utf8(value).ok()?.trim();
        let (unit, rest) = value.split_once(' ')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (range, complete) = rest.trim_start_matches(' ').split_once('/')?;
        if range == "*" {
            return Some(ContentRange::Nothing { complete: number(complete)? });
        }
        let (first, last) = range.split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        let complete = if complete == "*" { None } else { Some(number(complete)?) };
        let is_right = first <= last && complete.is_none_or(|complete| last < complete);
        is_right.then_some(ContentRange::Bytes { first, last, complete })
    }
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// A body's place in the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where its first byte belongs.
    pub first: u64,
    /// How many bytes it has, where that is known before it has come.
    pub bytes: Option<u64>,
    /// How many bytes the whole has, where that is known.
    pub complete: Option<u64>,
    /// Whether the whole ends where it ends.
    pub is_last: bool,
}

/// What to do with a body, by what is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Begin anew: whatever is there goes.
    Anew,
    /// Go on at the end of what is there.
    AtEnd,
    /// It does not fit what is there.
    Elsewhere,
}

impl Span {
    /// The place of a body of `length` bytes (`None`: it comes in chunks) with that field.
    ///
    /// # Errors
    /// 400 where the two contradict each other.
    pub fn of(range: Option<ContentRange>, length: Option<u64>) -> Result<Span, PeerError> {
        let differs = PeerError::bad("Content-Range and the body's length differ");
        match range {
            None => Ok(Span { first: 0, bytes: length, complete: length, is_last: true }),
            Some(ContentRange::Nothing { complete }) => match length {
                Some(0) => {
                    let (bytes, complete) = (Some(0), Some(complete));
                    Ok(Span { first: complete.unwrap_or(0), bytes, complete, is_last: true })
                }
                _ => Err(differs),
            },
            Some(ContentRange::Bytes { first, last, complete }) => {
                let bytes = (last - first).checked_add(1).ok_or(differs)?;
                if length.is_some_and(|length| length != bytes) {
                    return Err(differs);
                }
                let is_last = complete == last.checked_add(1) && complete.is_some();
                Ok(Span { first, bytes: Some(bytes), complete, is_last })
            }
        }
    }

    /// What to do where `have` bytes are there.
    pub fn start(&self, have: u64) -> Start {
        match self.first {
            0 => Start::Anew,
            first if first == have => Start::AtEnd,
            _ => Start::Elsewhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(first: u64, last: u64, complete: Option<u64>) -> Option<ContentRange> {
        Some(ContentRange::Bytes { first, last, complete })
    }

    #[test]
    fn rfc9110_14_4_content_range() {
        for (value, expected) in [
            ("bytes 0-0/1", bytes(0, 0, Some(1))),
            ("bytes 5-9/10", bytes(5, 9, Some(10))),
            ("BYTES  5-9/*", bytes(5, 9, None)),
            (" bytes 5-9/10 ", bytes(5, 9, Some(10))),
            ("bytes */10", Some(ContentRange::Nothing { complete: 10 })),
            ("bytes 0-18446744073709551615/*", bytes(0, u64::MAX, None)),
            ("bytes */*", None),
            ("bytes 5-4/10", None),
            ("bytes 5-10/10", None),
            ("bytes 5-/10", None),
            ("bytes -5/10", None),
            ("bytes 5-9", None),
            ("bytes 5-9/", None),
            ("bytes +5-9/10", None),
            ("bytes 5 -9/10", None),
            ("bytes 5-9/10/11", None),
            ("bytes=5-9/10", None),
            ("bytes 18446744073709551616-18446744073709551617/*", None),
            ("lines 5-9/10", None),
            ("bytes", None),
            ("", None),
        ] {
            assert_eq!(ContentRange::parse(value.as_bytes()), expected, "{value}");
        }
        assert_eq!(ContentRange::parse(b"bytes 0-0/\xff"), None);
    }

    #[test]
    fn a_span_and_its_length_agree() {
        let whole = Span { first: 0, bytes: Some(7), complete: Some(7), is_last: true };
        assert_eq!(Span::of(None, Some(7)), Ok(whole));
        let chunked = Span { first: 0, bytes: None, complete: None, is_last: true };
        assert_eq!(Span::of(None, None), Ok(chunked));
        let (middle, last, open) =
            (bytes(5, 9, Some(20)), bytes(5, 9, Some(10)), bytes(5, 9, None));
        assert!(!Span::of(middle, Some(5)).unwrap().is_last);
        assert!(Span::of(last, None).unwrap().is_last);
        assert!(!Span::of(open, Some(5)).unwrap().is_last);
        for wrong in [Some(4), Some(6), Some(0)] {
            assert!(Span::of(middle, wrong).is_err(), "{wrong:?}");
        }
        let nothing = Some(ContentRange::Nothing { complete: 9 });
        assert_eq!(Span::of(nothing, Some(0)).unwrap().first, 9);
        assert!(Span::of(nothing, Some(1)).is_err() && Span::of(nothing, None).is_err());
        assert!(Span::of(bytes(0, u64::MAX, None), None).is_err(), "more than can be counted");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(first: u64, more in 0..1_u64 << 40, rest in 0..1_u64 << 40) {
            let last = first.saturating_add(more);
            let complete = last.checked_add(1).and_then(|end| end.checked_add(rest));
            let shown = complete.map_or("*".to_owned(), |complete| complete.to_string());
            let read = ContentRange::parse(format!("bytes {first}-{last}/{shown}").as_bytes());
            prop_assert_eq!(read, bytes(first, last, complete));
        }

        #[test]
        fn a_body_is_never_put_where_it_does_not_belong(
            first in 0..9_u64, more in 0..9_u64, rest in 0..9_u64, have in 0..20_u64,
        ) {
            let last = first + more;
            let range = bytes(first, last, Some(last + 1 + rest));
            let span = Span::of(range, Some(more + 1)).unwrap();
            let expected = match (first, first == have) {
                (0, _) => Start::Anew,
                (_, true) => Start::AtEnd,
                (_, false) => Start::Elsewhere,
            };
            prop_assert_eq!(span.start(have), expected);
            prop_assert_eq!(span.is_last, rest == 0);
        }
    }
}
