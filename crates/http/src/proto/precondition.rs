//! Conditional requests: entity tags, and the order in which preconditions count.
//!
//! ```text
//! entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE       etagc = %x21 / %x23-7E / obs-text
//! If-Match = If-None-Match = "*" / #entity-tag
//! ```
//! # Source
//! RFC 9110, sections 8.8.3, 13.1 and 13.2.2.

use super::date;
use super::head::{Head, Method};

/// What a file can be compared by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validators {
    /// A strong entity tag with its quotes.
    pub etag: String,
    /// Seconds since 1970 of the last change, where that is known and not before 1970.
    pub modified: Option<u64>,
}

/// What the preconditions say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Do what the method asks.
    Proceed,
    /// The client has it: 304.
    NotModified,
    /// A condition does not hold: 412.
    Failed,
}

/// Judges the preconditions of `head` in the order of RFC 9110, section 13.2.2, steps 1 to 4.
pub fn judge(head: &Head, validators: &Validators) -> Verdict {
    let reads = matches!(head.method(), Method::Get | Method::Head);
    if head.field("if-match").is_some() {
        if !matches(head, "if-match", &validators.etag, Comparison::Strong) {
            return Verdict::Failed;
        }
    } else if let (Some(date), Some(modified)) =
        (date_field(head, "if-unmodified-since"), validators.modified)
        && modified > date
    {
        return Verdict::Failed;
    }
    if head.field("if-none-match").is_some() {
        if matches(head, "if-none-match", &validators.etag, Comparison::Weak) {
            return if reads { Verdict::NotModified } else { Verdict::Failed };
        }
    } else if let (true, Some(date), Some(modified)) =
        (reads, date_field(head, "if-modified-since"), validators.modified)
        && modified <= date
    {
        return Verdict::NotModified;
    }
    Verdict::Proceed
}

/// As [`judge`], where nothing is there: no tag is equal to none, not even `*`.
pub fn judge_absent(head: &Head) -> Verdict {
    if head.field("if-match").is_some() { Verdict::Failed } else { Verdict::Proceed }
}

/// Step 5: whether `If-Range` lets a range be answered. `now` is in seconds since 1970.
///
/// A date counts only where it is strong: it equals the date of the last change, and that was at
/// least a second ago (RFC 9110, section 8.8.2.2).
pub fn range_is_allowed(head: &Head, validators: &Validators, now: u64) -> bool {
    if head.field("if-range").is_none() {
        return true;
    }
    let Some(value) = head.only_field("if-range") else { return false };
    if let Some(Tag { weak, opaque, rest }) = Tag::parse(value) {
        return !weak && rest.is_empty() && opaque == validators.etag.as_bytes();
    }
    match (date::parse(value), validators.modified) {
        (Some(date), Some(modified)) => date == modified && modified < now,
        _ => false,
    }
}

fn date_field(head: &Head, name: &str) -> Option<u64> {
    head.only_field(name).and_then(date::parse)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether a list of tags in the fields called `name` has `etag`. A malformed list ends where it is
/// malformed.
fn matches(head: &Head, name: &str, etag: &str, comparison: Comparison) -> bool {
    head.fields_named(name).any(|value| {
        if value.trim_ascii() == b"*" {
            return true;
        }
        let mut rest = value;
        loop {
            while let [b' ' | b'\t' | b',', tail @ ..] = rest {
                rest = tail;
            }
            let Some(tag) = Tag::parse(rest) else { return false };
            let counts = comparison == Comparison::Weak || !tag.weak;
            if counts && tag.opaque == etag.as_bytes() {
                return true;
            }
            rest = tag.rest;
        }
    })
}

/// An entity tag, its quotes included, and what follows it.
struct Tag<'a> {
    weak: bool,
    opaque: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Tag<'a> {
    fn parse(value: &'a [u8]) -> Option<Tag<'a>> {
        let (weak, quoted) = match value.strip_prefix(b"W/") {
            Some(quoted) => (true, quoted),
            None => (false, value),
        };
        let inner = quoted.strip_prefix(b"\"")?;
        let length = inner.iter().position(|&byte| byte == b'"')?;
        if !inner[..length].iter().all(|&byte| byte > 0x20 && byte != 0x7f) {
            return None;
        }
        let (opaque, rest) = quoted.split_at(length + 2);
        Some(Tag { weak, opaque, rest })
    }
}

#[cfg(test)]
mod tests;
