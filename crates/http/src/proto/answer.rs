//! What to answer to a request for one file: a pure function of the request and facts of the file.
//!
//! # Source
//! RFC 9110, sections 9.3, 13.2.2, 14 and 15.

use std::ops::Range;

use super::date;
use super::head::{Head, Method, UNKNOWN_METHOD};
use super::plan::{Body, Headers, Part, Plan};
use super::precondition::{self, Validators, Verdict};
use super::range::{self, Selection};
use super::status::Status;

/// The methods of files, for `Allow`.
pub const ALLOW: &str = "GET, HEAD, OPTIONS";

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Bytes.
    pub size: u64,
    /// The value of `Content-Type`.
    pub media_type: String,
    /// Entity tag and date of the last change.
    pub validators: Validators,
}

impl Facts {
    /// Facts of a file by what `fstat` says: `modified_ns` in nanoseconds since 1970.
    pub fn new(size: u64, modified_ns: i128, inode: u64, media_type: String) -> Facts {
        let etag = format!("\"{modified_ns:x}-{size:x}-{inode:x}\"");
        let modified = u64::try_from(modified_ns.div_euclid(1_000_000_000)).ok();
        Facts { size, media_type, validators: Validators { etag, modified } }
    }
}

/// What an answer depends on beside the request and the file.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// Seconds since 1970.
    pub now: u64,
    /// A number that the file's author cannot foresee, for the boundary between parts.
    pub boundary: u64,
}

/// Whether a method other than GET and HEAD already settles the answer.
pub fn method_plan(method: Method) -> Option<Plan> {
    match method {
        Method::Get | Method::Head => None,
        Method::Options => Some(Plan::new(Status::NO_CONTENT).with_header("Allow", ALLOW)),
        Method::Post | Method::Put | Method::Delete | Method::Trace | Method::Patch => {
            let plan = Plan::text(Status::METHOD_NOT_ALLOWED, "files here are only read");
            Some(plan.with_header("Allow", ALLOW))
        }
        Method::Connect => Some(Plan::text(Status::NOT_IMPLEMENTED, "this server is not a proxy")),
        Method::Other => Some(Plan::text(UNKNOWN_METHOD.status, UNKNOWN_METHOD.why)),
    }
}

/// The answer to `head` for the file with `facts`.
pub fn file(head: &Head, facts: &Facts, context: Context) -> Plan {
    settled(head, facts, context.now).unwrap_or_else(|| content(head, facts, context))
}

/// The answer to `head` at `now` (seconds since 1970) where its method or its conditions settle it.
pub fn settled(head: &Head, facts: &Facts, now: u64) -> Option<Plan> {
    if let Some(plan) = method_plan(head.method()) {
        return Some(plan);
    }
    match precondition::judge(head, &facts.validators) {
        Verdict::Failed => Some(failed()),
        Verdict::NotModified => {
            let mut plan = Plan::new(Status::NOT_MODIFIED);
            push_validators(&mut plan.headers, facts, now);
            Some(plan)
        }
        Verdict::Proceed => None,
    }
}

/// Whether the answer to `head` is [`whole`] for every file: a GET or HEAD without conditions.
pub fn is_plain(head: &Head) -> bool {
    matches!(head.method(), Method::Get | Method::Head)
        && head.names().all(|name| match name.first() {
            Some(b'i' | b'I') => !CONDITIONS.iter().any(|other| is_same_name(name, other)),
            Some(b'r' | b'R') => !is_same_name(name, "range"),
            _ => true,
        })
}

/// The fields on which an answer may depend, beside `Range`.
const CONDITIONS: [&str; 5] =
    ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"];

fn is_same_name(name: &[u8], other: &str) -> bool {
    name.eq_ignore_ascii_case(other.as_bytes())
}

/// The answer with the whole file at `now` (seconds since 1970).
pub fn whole(facts: &Facts, now: u64) -> Plan {
    let mut plan = Plan::new(Status::OK);
    plan.headers.push("Content-Type", &facts.media_type);
    plan.body = Body::File(0..facts.size);
    push_common(&mut plan.headers, facts, now);
    plan
}

fn content(head: &Head, facts: &Facts, context: Context) -> Plan {
    let mut plan = Plan::new(Status::OK);
    match selection(head, facts, context.now) {
        Selection::Whole => return whole(facts, context.now),
        Selection::One(range) => {
            plan.status = Status::PARTIAL_CONTENT;
            plan.headers.push("Content-Type", &facts.media_type);
            plan.headers.push("Content-Range", content_range(&range, facts.size));
            plan.body = Body::File(range);
        }
        Selection::Many(ranges) => {
            let boundary = format!("{:016x}", context.boundary);
            let media_type = format!("multipart/byteranges; boundary={boundary}");
            plan.status = Status::PARTIAL_CONTENT;
            plan.headers.push("Content-Type", media_type);
            plan.body = multipart(&ranges, facts, &boundary);
        }
        Selection::Unsatisfiable => {
            let range = format!("bytes */{}", facts.size);
            return Plan::text(Status::RANGE_NOT_SATISFIABLE, "the file has no such bytes")
                .with_header("Content-Range", range);
        }
    }
    push_common(&mut plan.headers, facts, context.now);
    plan
}

fn push_common(headers: &mut Headers, facts: &Facts, now: u64) {
    headers.push("X-Content-Type-Options", "nosniff");
    headers.push("Accept-Ranges", "bytes");
    push_validators(headers, facts, now);
}

fn selection(head: &Head, facts: &Facts, now: u64) -> Selection {
    let Some(value) = head.only_field("range") else { return Selection::Whole };
    let asks = head.method() == Method::Get
        && precondition::range_is_allowed(head, &facts.validators, now);
    if asks { range::select(value, facts.size) } else { Selection::Whole }
}

/// The answer to `head` for what has no validators, where its conditions settle it: no tag and no
/// date is equal to none, and `*` is met by anything.
pub fn condition_plan(head: &Head) -> Option<Plan> {
    let none = Validators { etag: String::new(), modified: None };
    match precondition::judge(head, &none) {
        Verdict::Failed => Some(failed()),
        Verdict::NotModified => Some(Plan::new(Status::NOT_MODIFIED)),
        Verdict::Proceed => None,
    }
}

fn failed() -> Plan {
    Plan::text(Status::PRECONDITION_FAILED, "it is not as the request wants it")
}

/// A date in the future is not sent: the clock's is (RFC 9110, section 8.8.2.1).
fn push_validators(headers: &mut Headers, facts: &Facts, now: u64) {
    headers.push("ETag", &facts.validators.etag);
    if let Some(modified) = facts.validators.modified {
        headers.push("Last-Modified", date::format(modified.min(now)));
    }
}

fn content_range(range: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{size}", range.start, range.end - 1)
}

fn multipart(ranges: &[Range<u64>], facts: &Facts, boundary: &str) -> Body {
    let part = |range: &Range<u64>| Part {
        before: format!(
            "\r\n--{boundary}\r\nContent-Type: {}\r\nContent-Range: {}\r\n\r\n",
            facts.media_type,
            content_range(range, facts.size)
        )
        .into_bytes(),
        range: range.clone(),
    };
    Body::Parts(ranges.iter().map(part).collect(), format!("\r\n--{boundary}--\r\n").into_bytes())
}

#[cfg(test)]
mod tests;
