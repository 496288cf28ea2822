//! What must hold of answers for files: which bytes, under which conditions, and a head that
//! nothing in a request can split.

use std::ops::Range;

use sockeye_http::proto::answer::{self, Context, Facts};
use sockeye_http::proto::coding::{Accepted, Coding};
use sockeye_http::proto::head::Head;
use sockeye_http::proto::precondition::{Validators, Verdict, judge, range_is_allowed};
use sockeye_http::proto::range::{RANGES_MAX, Selection, select};
use sockeye_http::proto::{date, plan};
use sockeye_http::{Method, Status};

/// Seconds since 1970 of the file's last change, and of the request.
const MODIFIED: u64 = 784_111_777;
const NOW: u64 = MODIFIED + 3600;
const ETAG: &str = "\"a-1\"";

/// `input` is a list of codings: what is wanted of it is what its members say, read another way.
pub(crate) fn http_accept_encoding(input: &[u8]) {
    let members = || input.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let accepted = Accepted::parse(members().filter(|member| !member.is_empty()));
    let said = |names: &[&str]| members().find_map(|member| thousandths(member, names));
    let weight = |coding: Coding| {
        let names = match coding {
            Coding::Gzip => &["gzip", "x-gzip"][..],
            Coding::Brotli => &["br"],
            Coding::Zstd => &["zstd"],
        };
        said(names).or_else(|| said(&["*"])).unwrap_or(0)
    };
    let identity = said(&["identity"]);
    assert_eq!(accepted.takes_identity(), identity.or_else(|| said(&["*"])) != Some(0));
    let wanted = accepted.wanted();
    for coding in Coding::ALL {
        let is_wanted = weight(coding) > 0 && weight(coding) >= identity.unwrap_or(0);
        assert_eq!(wanted.contains(&coding), is_wanted, "{coding:?} in {}", input.escape_ascii());
    }
    for pair in wanted.windows(2) {
        let (first, second) = (weight(pair[0]), weight(pair[1]));
        assert!(first > second || (first == second && pair[0] < pair[1]), "{wanted:?}");
    }
}

/// The weight in `member` where it is well formed and about one of `names`.
fn thousandths(member: &[u8], names: &[&str]) -> Option<u32> {
    let text = std::str::from_utf8(member).ok()?.to_ascii_lowercase();
    let (name, parameter) = text.split_once(';').map_or((&*text, None), |(a, b)| (a, Some(b)));
    let name = name.trim_matches(|c: char| c.is_ascii_whitespace());
    if !names.contains(&name) {
        return None;
    }
    let Some(parameter) = parameter else { return Some(1000) };
    let value = parameter.trim_matches(|c: char| c.is_ascii_whitespace()).strip_prefix("q=")?;
    let right = value.len() <= 5
        && value.bytes().enumerate().all(|(at, byte)| match at {
            0 => matches!(byte, b'0' | b'1'),
            1 => byte == b'.',
            _ => byte.is_ascii_digit(),
        });
    let number: f64 = value.parse().ok().filter(|number| right && *number <= 1.0)?;
    // A number of thousandths from 0 to 1000.
    (0..=1000).find(|count| (f64::from(*count) - number * 1000.0).abs() < 0.5)
}

/// `input` is a byte for the size of the file, and the value of a `Range` field: what is chosen is
/// exactly what is asked for, judged byte by byte, or all of the file where that is malformed.
pub(crate) fn http_range(input: &[u8]) {
    let [size, value @ ..] = input else { return };
    // Other bytes never come from a head.
    if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return;
    }
    for size in [u64::from(*size), u64::MAX - u64::from(*size)] {
        let chosen = select(value, size);
        let parts = match chosen.clone() {
            Selection::One(range) => vec![range],
            Selection::Many(ranges) => {
                assert!((2..=RANGES_MAX).contains(&ranges.len()));
                ranges
            }
            Selection::Whole | Selection::Unsatisfiable => Vec::new(),
        };
        let mut total = 0_u64;
        for (place, range) in parts.iter().enumerate() {
            assert!(range.start < range.end && range.end <= size, "{range:?} of {size}");
            let apart = |other: &Range<u64>| other.end < range.start || range.end < other.start;
            assert!(parts[..place].iter().all(apart), "{parts:?} overlap or touch");
            total += range.end - range.start;
        }
        assert!(total <= size);
        let Some(asked) = asked(value) else {
            assert_eq!(chosen, Selection::Whole, "of {}", value.escape_ascii());
            continue;
        };
        let wanted = |byte: u64| asked.iter().any(|one| one.has(byte, size));
        let edges = parts.iter().flat_map(|range| [range.start, range.end - 1, range.end]);
        let looked: Vec<u64> = (0..size.min(256)).chain(edges).filter(|at| *at < size).collect();
        match chosen {
            Selection::Whole => assert!(size == 0, "a good set was ignored"),
            Selection::Unsatisfiable => assert!(!looked.iter().any(|byte| wanted(*byte))),
            Selection::One(_) | Selection::Many(_) => {
                for byte in looked {
                    let sent = parts.iter().any(|range| range.contains(&byte));
                    assert_eq!(sent, wanted(byte), "byte {byte} of {size}");
                }
            }
        }
    }
}

/// One member of a set of ranges, as it is written.
struct Asked {
    first: Option<u128>,
    last: Option<u128>,
}

impl Asked {
    fn has(&self, byte: u64, size: u64) -> bool {
        let byte = u128::from(byte);
        match (self.first, self.last) {
            (Some(first), last) => first <= byte && last.is_none_or(|last| byte <= last),
            (None, suffix) => byte + suffix.unwrap_or(0) >= u128::from(size),
        }
    }
}

/// The set, read by splitting; `None` where it is malformed or too long.
fn asked(value: &[u8]) -> Option<Vec<Asked>> {
    let text = str::from_utf8(value).ok()?;
    let (unit, set) = text.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let members = set.split(',').map(|member| member.trim_matches([' ', '\t']));
    let mut all = Vec::new();
    for member in members.filter(|member| !member.is_empty()) {
        let (first, last) = member.split_once('-')?;
        let (first, last) = (position(first)?, position(last)?);
        match (first, last) {
            (None, None) => return None,
            (Some(first), Some(last)) if last < first => return None,
            _ => all.push(Asked { first, last }),
        }
    }
    (1..=RANGES_MAX).contains(&all.len()).then_some(all)
}

/// A number, none where nothing is written, or `None` altogether. Far beyond any file it is the
/// end of what 64 bits hold.
fn position(digits: &str) -> Option<Option<u128>> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = digits.bytes().fold(0_u128, |number, digit| {
        (number * 10 + u128::from(digit - b'0')).min(u128::from(u64::MAX))
    });
    Some((!digits.is_empty()).then_some(number))
}

/// `input` is a byte for the method and the file's date, and fields, one a line, each opened by a
/// letter for its name. The verdict is that of RFC 9110's own order, and the answer for a file has
/// the status, the bytes and the whole head that belong to it.
pub(crate) fn http_precondition(input: &[u8]) {
    let [kind, lines @ ..] = input else { return };
    let method = ["GET", "HEAD", "PUT", "POST"][usize::from(kind & 3)];
    let modified = (kind & 4 == 0).then_some(MODIFIED);
    let mut raw = format!("{method} / HTTP/1.1\r\nHost: a\r\n").into_bytes();
    for line in lines.split(|&byte| byte == b'\n') {
        let Some((letter, value)) = line.split_first() else { continue };
        let name = match letter {
            b'm' => "If-Match",
            b'n' => "If-None-Match",
            b's' => "If-Modified-Since",
            b'u' => "If-Unmodified-Since",
            b'r' => "If-Range",
            _ => "Range",
        };
        raw.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    raw.extend_from_slice(b"\r\n");
    let Ok(head) = Head::parse(raw) else { return };
    let validators = Validators { etag: ETAG.to_owned(), modified };
    let verdict = judge(&head, &validators);
    assert_eq!(verdict, in_order(&head, modified));
    let allowed = range_is_allowed(&head, &validators, NOW);
    let if_range: Vec<&[u8]> = head.fields_named("if-range").collect();
    let holds = match if_range.as_slice() {
        [] => true,
        [value] if *value == ETAG.as_bytes() => true,
        [value] => !value.contains(&b'"') && modified.is_some() && date::parse(value) == modified,
        _ => false,
    };
    assert_eq!(allowed, holds);
    assert!(
        !range_is_allowed(&head, &validators, MODIFIED)
            || if_range.len() != 1
            || is_tag(if_range[0])
    );
    let media_type = "text/plain".to_owned();
    let facts = Facts { size: 100, media_type, validators };
    let answer = answer::file(&head, &facts, Context { now: NOW, boundary: u64::from(*kind) });
    let reads = matches!(head.method(), Method::Get | Method::Head);
    match answer.status {
        Status::NOT_MODIFIED => {
            assert!(reads && verdict == Verdict::NotModified);
            assert!(answer.body.is_empty());
        }
        Status::PRECONDITION_FAILED => assert!(reads && verdict == Verdict::Failed),
        Status::METHOD_NOT_ALLOWED => assert!(!reads),
        Status::PARTIAL_CONTENT | Status::RANGE_NOT_SATISFIABLE => {
            assert!(head.method() == Method::Get && verdict == Verdict::Proceed && allowed);
            assert!(head.only_field("range").is_some());
        }
        Status::OK => assert!(reads && verdict == Verdict::Proceed),
        other => panic!("{other}"),
    }
    whole_head(&answer);
}

fn is_tag(value: &[u8]) -> bool {
    value.starts_with(b"\"")
}

/// RFC 9110, section 13.2.2, steps 1 to 4, with each condition read apart from the parser.
fn in_order(head: &Head, modified: Option<u64>) -> Verdict {
    let reads = matches!(head.method(), Method::Get | Method::Head);
    let has = |name| head.field(name).is_some();
    let later = |name| {
        let since = head.only_field(name).and_then(date::parse);
        since.zip(modified).map(|(since, modified)| modified > since)
    };
    let step_1_2 = if has("if-match") {
        lists(head, "if-match", false)
    } else {
        later("if-unmodified-since") != Some(true)
    };
    if !step_1_2 {
        return Verdict::Failed;
    }
    let fresh = if has("if-none-match") {
        lists(head, "if-none-match", true)
    } else {
        reads && later("if-modified-since") == Some(false)
    };
    match (fresh, reads) {
        (false, _) => Verdict::Proceed,
        (true, true) => Verdict::NotModified,
        (true, false) => Verdict::Failed,
    }
}

/// Whether a list names the file's tag, read by one step after another; what is malformed ends it.
fn lists(head: &Head, name: &str, weak_counts: bool) -> bool {
    head.fields_named(name).any(|value| {
        let mut bytes = value.iter().copied().peekable();
        if value == b"*" {
            return true;
        }
        loop {
            while bytes.next_if(|byte| b" \t,".contains(byte)).is_some() {}
            let weak = bytes.next_if_eq(&b'W').is_some();
            if weak && bytes.next() != Some(b'/') || bytes.next() != Some(b'"') {
                return false;
            }
            let mut tag = vec![b'"'];
            loop {
                match bytes.next() {
                    Some(byte @ (0x21..=0x7e | 0x80..)) => tag.push(byte),
                    _ => return false,
                }
                if tag.ends_with(b"\"") {
                    break;
                }
            }
            if (weak_counts || !weak) && tag == ETAG.as_bytes() {
                return true;
            }
        }
    })
}

/// The head is lines of fields, and nothing in a value ends one early.
fn whole_head(answer: &plan::Plan) {
    let mut out = Vec::new();
    answer.write_head(date::format(NOW).as_bytes(), Some("close"), &mut out);
    let text = String::from_utf8(out).expect("what is answered for this file is text");
    let lines: Vec<&str> = text.strip_suffix("\r\n\r\n").expect("its end").split("\r\n").collect();
    assert!(lines.iter().all(|line| !line.contains(char::is_control)));
    assert_eq!(lines[0], format!("HTTP/1.1 {}", answer.status));
    assert!(lines[1..].iter().all(|line| line.contains(": ")));
    let length = format!("Content-Length: {}", answer.body.len());
    assert_eq!(lines.contains(&length.as_str()), !answer.status.is_without_content());
    for line in lines {
        if let Some(range) = line.strip_prefix("Content-Range: bytes ") {
            let (range, size) = range.split_once('/').expect("a range of a size");
            assert_eq!(size, "100");
            if let Some((first, last)) = range.split_once('-') {
                let (first, last): (u64, u64) =
                    (first.parse().expect("a number"), last.parse().expect("a number"));
                assert!(first <= last && last < 100);
                assert_eq!(answer.body.len(), last - first + 1);
            } else {
                assert_eq!((range, answer.status), ("*", Status::RANGE_NOT_SATISFIABLE));
            }
        }
    }
}
