//! Preconditions by section, and the whole order of 13.2.2 against a second reading of it.

use proptest::prelude::*;

use super::*;

const ETAG: &str = "\"abc\"";
const CHANGED: u64 = 784_111_777;
const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

fn validators() -> Validators {
    Validators { etag: ETAG.to_owned(), modified: Some(CHANGED) }
}

fn head(method: &str, fields: &str) -> Head {
    Head::parse(format!("{method} / HTTP/1.1\r\nHost: a\r\n{fields}\r\n").into_bytes()).unwrap()
}

fn verdict(method: &str, fields: &str) -> Verdict {
    judge(&head(method, fields), &validators())
}

#[test]
fn rfc9110_13_1_1_if_match() {
    for (value, holds) in [
        ("*", true),
        ("\"abc\"", true),
        ("\"x\", \"abc\"", true),
        ("\"x,\",,\"abc\"", true),
        ("W/\"abc\"", false),
        ("\"x\"", false),
        ("abc", false),
        ("", false),
        ("\"abc", false),
        ("\"a c\", \"abc\"", false),
    ] {
        let expected = if holds { Verdict::Proceed } else { Verdict::Failed };
        assert_eq!(verdict("GET", &format!("If-Match: {value}\r\n")), expected, "{value}");
    }
    assert_eq!(verdict("GET", "If-Match: \"x\"\r\nIf-Match: \"abc\"\r\n"), Verdict::Proceed);
}

#[test]
fn rfc9110_13_1_2_if_none_match() {
    for (value, has_it) in [
        ("*", true),
        ("\"abc\"", true),
        ("W/\"abc\"", true),
        ("\"x\", W/\"abc\"", true),
        ("\"x\"", false),
    ] {
        let fields = format!("If-None-Match: {value}\r\n");
        let (reads, writes) = if has_it {
            (Verdict::NotModified, Verdict::Failed)
        } else {
            (Verdict::Proceed, Verdict::Proceed)
        };
        assert_eq!(verdict("GET", &fields), reads, "{value}");
        assert_eq!(verdict("HEAD", &fields), reads, "{value}");
        assert_eq!(verdict("DELETE", &fields), writes, "{value}");
    }
}

#[test]
fn rfc9110_13_1_3_and_4_dates() {
    for (date, since, unmodified) in [
        (BEFORE, Verdict::Proceed, Verdict::Failed),
        (THEN, Verdict::NotModified, Verdict::Proceed),
        (AFTER, Verdict::NotModified, Verdict::Proceed),
        ("never", Verdict::Proceed, Verdict::Proceed),
    ] {
        assert_eq!(verdict("GET", &format!("If-Modified-Since: {date}\r\n")), since, "{date}");
        assert_eq!(
            verdict("GET", &format!("If-Unmodified-Since: {date}\r\n")),
            unmodified,
            "{date}"
        );
        let put = verdict("PUT", &format!("If-Modified-Since: {date}\r\n"));
        assert_eq!(put, Verdict::Proceed, "{date}");
    }
    let twice = format!("If-Modified-Since: {AFTER}\r\nIf-Modified-Since: {AFTER}\r\n");
    assert_eq!(verdict("GET", &twice), Verdict::Proceed);
}

#[test]
fn rfc9110_13_1_5_if_range() {
    let allowed = |fields: &str, now| range_is_allowed(&head("GET", fields), &validators(), now);
    let later = CHANGED + 10;
    assert!(allowed("", later));
    assert!(allowed("If-Range: \"abc\"\r\n", later));
    assert!(!allowed("If-Range: W/\"abc\"\r\n", later));
    assert!(!allowed("If-Range: \"abc\", \"x\"\r\n", later));
    assert!(!allowed("If-Range: \"x\"\r\n", later));
    assert!(!allowed("If-Range: \"abc\"\r\nIf-Range: \"abc\"\r\n", later));
    assert!(allowed(&format!("If-Range: {THEN}\r\n"), later));
    assert!(!allowed(&format!("If-Range: {THEN}\r\n"), CHANGED));
    assert!(!allowed(&format!("If-Range: {AFTER}\r\n"), later));
    assert!(!allowed(&format!("If-Range: {BEFORE}\r\n"), later));
}

/// One of the four fields: absent, or present and true or false as a condition.
fn field() -> impl Strategy<Value = Option<bool>> {
    prop_oneof![Just(None), Just(Some(true)), Just(Some(false))]
}

proptest! {
    /// Section 13.2.2 written down once more, as a decision over truth values.
    #[test]
    fn rfc9110_13_2_2_the_order(
        if_match in field(), unmodified in field(), none_match in field(), since in field(),
        reads in any::<bool>(),
    ) {
        let mut fields = String::new();
        let mut add = |name, condition: Option<bool>, when_true, when_false| {
            if let Some(condition) = condition {
                let value = if condition { when_true } else { when_false };
                fields.push_str(&format!("{name}: {value}\r\n"));
            }
        };
        add("If-Modified-Since", since, BEFORE, AFTER);
        add("If-None-Match", none_match, "\"x\"", "\"abc\"");
        add("If-Unmodified-Since", unmodified, AFTER, BEFORE);
        add("If-Match", if_match, "\"abc\"", "\"x\"");
        let first = if_match.or(unmodified);
        let expected = if first == Some(false) {
            Verdict::Failed
        } else if none_match == Some(false) {
            if reads { Verdict::NotModified } else { Verdict::Failed }
        } else if none_match.is_none() && reads && since == Some(false) {
            Verdict::NotModified
        } else {
            Verdict::Proceed
        };
        let method = if reads { "GET" } else { "PUT" };
        prop_assert_eq!(verdict(method, &fields), expected, "{}", fields);
    }

    #[test]
    fn no_list_panics(value in "[\"W/*a, \\\\]{0,30}") {
        let names = ["If-Match", "If-None-Match", "If-Range"];
        let fields = names.map(|name| format!("{name}: {value}\r\n")).concat();
        let _ = verdict("GET", &fields);
    }
}

#[test]
fn rfc9110_13_2_2_nothing_is_there() {
    for (fields, expected) in [
        ("", Verdict::Proceed),
        ("If-Match: *\r\n", Verdict::Failed),
        ("If-Match: \"abc\"\r\n", Verdict::Failed),
        ("If-None-Match: *\r\n", Verdict::Proceed),
        ("If-None-Match: \"abc\"\r\n", Verdict::Proceed),
        ("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", Verdict::Proceed),
    ] {
        assert_eq!(judge_absent(&head("PUT", fields)), expected, "{fields}");
    }
    assert_eq!(verdict("PUT", "If-None-Match: *\r\n"), Verdict::Failed);
    assert_eq!(verdict("PUT", "If-Match: *\r\n"), Verdict::Proceed);
}
