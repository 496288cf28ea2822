//! Plans for one file: each status, its fields and its bytes.

use super::*;

const NOW: u64 = 1_800_000_000;

fn facts() -> Facts {
    Facts::new(100, 784_111_777_000_000_123, 7, "text/plain; charset=utf-8".to_owned())
}

fn plan(method: &str, fields: &str) -> Plan {
    let text = format!("{method} /a HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let context = Context { now: NOW, boundary: 0xabc };
    file(&Head::parse(text.into_bytes()).unwrap(), &facts(), context)
}

fn header<'a>(plan: &'a Plan, name: &str) -> Option<&'a str> {
    plan.headers.get(name).map(|value| std::str::from_utf8(value).unwrap())
}

#[test]
fn a_file_is_answered_in_full() {
    let plan = plan("GET", "");
    assert_eq!((plan.status, &plan.body), (Status::OK, &Body::File(0..100)));
    assert_eq!(header(&plan, "Content-Type"), Some("text/plain; charset=utf-8"));
    assert_eq!(header(&plan, "X-Content-Type-Options"), Some("nosniff"));
    assert_eq!(header(&plan, "Accept-Ranges"), Some("bytes"));
    assert_eq!(header(&plan, "Last-Modified"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    assert_eq!(header(&plan, "ETag"), Some(facts().validators.etag.as_str()));
}

#[test]
fn rfc9110_9_3_2_head_has_the_fields_of_get() {
    assert_eq!(plan("HEAD", ""), plan("GET", ""));
    // A range is only defined for GET (section 14.2).
    assert_eq!(plan("HEAD", "Range: bytes=0-1\r\n").status, Status::OK);
}

#[test]
fn rfc9110_15_3_7_one_range() {
    let plan = plan("GET", "Range: bytes=10-19\r\n");
    assert_eq!((plan.status, &plan.body), (Status::PARTIAL_CONTENT, &Body::File(10..20)));
    assert_eq!(header(&plan, "Content-Range"), Some("bytes 10-19/100"));
}

#[test]
fn rfc9110_15_3_7_2_several_ranges() {
    let plan = plan("GET", "Range: bytes=0-1,50-\r\n");
    assert_eq!(plan.status, Status::PARTIAL_CONTENT);
    assert_eq!(
        header(&plan, "Content-Type"),
        Some("multipart/byteranges; boundary=0000000000000abc")
    );
    assert_eq!(header(&plan, "Content-Range"), None);
    let Body::Parts(parts, after) = &plan.body else { panic!("not in parts") };
    let before = "\r\n--0000000000000abc\r\nContent-Type: text/plain; charset=utf-8\r\n\
                  Content-Range: bytes 50-99/100\r\n\r\n";
    assert_eq!(parts[1], Part { before: before.as_bytes().to_vec(), range: 50..100 });
    assert_eq!(after, b"\r\n--0000000000000abc--\r\n");
}

#[test]
fn rfc9110_15_5_17_no_such_range() {
    let plan = plan("GET", "Range: bytes=100-\r\n");
    assert_eq!(plan.status, Status::RANGE_NOT_SATISFIABLE);
    assert_eq!(header(&plan, "Content-Range"), Some("bytes */100"));
}

#[test]
fn rfc9110_14_2_ranges_that_are_ignored() {
    for fields in [
        "Range: lines=1-2\r\n",
        "Range: bytes=0-1\r\nRange: bytes=0-1\r\n",
        "Range: bytes=0-1\r\nIf-Range: \"x\"\r\n",
    ] {
        assert_eq!(plan("GET", fields), plan("GET", ""), "{fields}");
    }
    let etag = facts().validators.etag;
    let fields = format!("Range: bytes=0-1\r\nIf-Range: {etag}\r\n");
    assert_eq!(plan("GET", &fields).status, Status::PARTIAL_CONTENT);
}

#[test]
fn rfc9110_15_4_5_not_modified_has_validators_only() {
    let etag = facts().validators.etag;
    let plan = plan("GET", &format!("If-None-Match: {etag}\r\nRange: bytes=0-1\r\n"));
    assert_eq!((plan.status, &plan.body), (Status::NOT_MODIFIED, &Body::Empty));
    assert_eq!(header(&plan, "ETag"), Some(etag.as_str()));
    assert_eq!(header(&plan, "Content-Type"), None);
}

#[test]
fn rfc9110_13_2_1_a_failed_condition() {
    assert_eq!(plan("GET", "If-Match: \"x\"\r\n").status, Status::PRECONDITION_FAILED);
}

#[test]
fn rfc9110_15_5_6_methods_that_change_things() {
    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE"] {
        let plan = plan(method, "If-Match: \"x\"\r\n");
        assert_eq!(plan.status, Status::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(header(&plan, "Allow"), Some(ALLOW));
    }
    for method in ["BREW", "get", "CONNECT"] {
        assert_eq!(plan(method, "").status, Status::NOT_IMPLEMENTED, "{method}");
    }
    let options = plan("OPTIONS", "");
    assert_eq!((options.status, header(&options, "Allow")), (Status::NO_CONTENT, Some(ALLOW)));
}

#[test]
fn rfc9110_8_8_3_tags_tell_files_apart() {
    let tag = |size, ns, inode| Facts::new(size, ns, inode, String::new()).validators.etag;
    let tags = [tag(1, 1, 1), tag(2, 1, 1), tag(1, 2, 1), tag(1, 1, 2), tag(1, -1, 1)];
    for (index, tag) in tags.iter().enumerate() {
        assert!(tag.starts_with('"') && tag.ends_with('"'));
        assert!(!tags[index + 1..].contains(tag), "{tag} twice");
    }
}

#[test]
fn rfc9110_8_8_2_1_dates_before_1970_and_after_now() {
    let before = Facts::new(1, -1, 1, String::new());
    assert_eq!(before.validators.modified, None);
    let text = b"GET /a HTTP/1.0\r\n\r\n".to_vec();
    let future = Facts::new(1, i128::from(NOW + 99) * 1_000_000_000, 1, String::new());
    let context = Context { now: NOW, boundary: 0 };
    let plan = file(&Head::parse(text).unwrap(), &future, context);
    assert_eq!(header(&plan, "Last-Modified"), Some(date::format(NOW).as_str()));
}

#[test]
fn an_empty_file() {
    let facts = Facts::new(0, 0, 1, String::new());
    let ask = |range: &str| {
        let text = format!("GET /a HTTP/1.0\r\nRange: {range}\r\n\r\n");
        let context = Context { now: NOW, boundary: 0 };
        file(&Head::parse(text.into_bytes()).unwrap(), &facts, context)
    };
    assert_eq!(ask("bytes=-1").status, Status::OK);
    assert_eq!(ask("bytes=-1").body.len(), 0);
    assert_eq!(ask("bytes=0-").status, Status::RANGE_NOT_SATISFIABLE);
}
