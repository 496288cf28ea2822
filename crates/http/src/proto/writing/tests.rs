//! Actions, what is allowed where, keys and destinations.

use proptest::prelude::*;

use super::*;

fn head(text: &str) -> Head {
    Head::parse(format!("{text} HTTP/1.1\r\nHost: a:8080\r\n\r\n").into_bytes()).unwrap()
}

fn action(text: &str) -> Option<Action> {
    let head = head(text);
    Action::of(&head, &Target::of(&head).unwrap())
}

#[test]
fn each_request_asks_for_one_thing() {
    for (text, expected) in [
        ("GET /a", None),
        ("GET /a?party=1", None),
        ("HEAD /a?part=1", Some(Action::Progress)),
        ("GET /a?x&part=", Some(Action::Progress)),
        ("PUT /a", Some(Action::Put)),
        ("PUT /a?part=1", Some(Action::Resume)),
        ("PATCH /a", Some(Action::Resume)),
        ("POST /a/", Some(Action::Form)),
        ("POST /a/?mkdir", Some(Action::FormFolder)),
        ("MKCOL /a", Some(Action::MakeFolder)),
        ("MOVE /a", Some(Action::Move)),
        ("DELETE /a", Some(Action::Delete)),
        ("OPTIONS /a", Some(Action::Options)),
        ("OPTIONS *", Some(Action::Options)),
        ("TRACE /a", None),
        ("COPY /a", None),
        ("mkcol /a", None),
    ] {
        assert_eq!(action(text), expected, "{text}");
        // Whatever acts is a change to who keeps writers apart.
        let reads = matches!(expected, Some(Action::Options | Action::Progress));
        assert!(expected.is_none() || reads != is_change(head(text).method()), "{text}");
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "MKCOL", "MOVE", "TRACE", "BREW"] {
        assert!(is_change(head(&format!("{method} /")).method()), "{method}");
    }
    for method in ["GET", "HEAD", "OPTIONS"] {
        assert!(!is_change(head(&format!("{method} /")).method()), "{method}");
    }
}

#[test]
fn allow_says_what_is_permitted() {
    let (yes, no) = (true, false);
    for (upload, delete, mkdir, folder, file) in [
        (no, no, no, "", ""),
        (yes, no, no, ", POST", ", PUT, PATCH"),
        (no, yes, no, ", DELETE", ", DELETE"),
        (no, no, yes, ", POST, MKCOL", ", MKCOL"),
        (yes, yes, no, ", POST, DELETE, MOVE", ", PUT, PATCH, DELETE, MOVE"),
        (yes, yes, yes, ", POST, MKCOL, DELETE, MOVE", ", PUT, PATCH, MKCOL, DELETE, MOVE"),
    ] {
        let allowed = Allowed { upload, delete, mkdir };
        assert_eq!(allowed.allow(true), format!("GET, HEAD, OPTIONS{folder}"));
        assert_eq!(allowed.allow(false), format!("GET, HEAD, OPTIONS{file}"));
    }
    let all = Allowed { upload: true, delete: true, mkdir: false };
    assert_eq!(all.allow_somewhere(), "GET, HEAD, OPTIONS, POST, DELETE, MOVE, PUT, PATCH");
    assert_eq!(Allowed::default().allow_somewhere(), "GET, HEAD, OPTIONS");
}

#[test]
fn keys_are_short_and_plain() {
    let long = "x".repeat(65);
    for (query, right) in [
        ("part=a-Z_0.9~", true),
        ("part=%61", true),
        ("x=1&part=a", true),
        ("part=", false),
        ("part=a+b", false),
        ("part=a/b", false),
        ("part=%00", false),
        ("part=%C3%A9", false),
        ("", false),
        (&long, false),
        (&format!("part={long}"), false),
    ] {
        let target = Target::parse(&format!("/a?{query}"), Method::Get).unwrap();
        assert_eq!(key(&target).is_ok(), right, "{query}");
    }
}

fn moved(fields: &str) -> Result<(String, bool), u16> {
    let text = format!("MOVE /a HTTP/1.1\r\nHost: a:8080\r\n{fields}\r\n");
    let head = Head::parse(text.into_bytes()).unwrap();
    let target = Target::of(&head).unwrap();
    let path = |to: Target| String::from_utf8_lossy(to.path()).into_owned();
    let found = destination(&head, &target);
    found.map(|(to, replaces)| (path(to), replaces)).map_err(|error| error.status.code())
}

#[test]
fn rfc4918_10_3_destination() {
    let to = |text: &str| moved(&format!("Destination: {text}\r\n"));
    for right in ["/b/c%20d", "http://a:8080/b/c%20d", "HTTP://A:8080/b/c%20d"] {
        assert_eq!(to(right), Ok(("b/c d".to_owned(), true)), "{right}");
    }
    for (wrong, status) in [
        ("http://b/b", 502),
        ("http://a/b", 502),
        ("https://a/b", 502),
        ("ftp://a:8080/b", 502),
        ("http://user@a:8080/b", 502),
        ("http://a:8080", 400),
        ("//a:8080/b", 404),
        ("b", 400),
        ("", 400),
        ("/b?c", 400),
        ("/b#c", 400),
        ("/b c", 400),
        ("/../b", 404),
        ("/%2e%2e/b", 404),
        ("/..%2fb", 404),
        ("/b%00", 400),
        ("/b\\..\\c", 400),
        ("http://a:8080/../b", 404),
    ] {
        assert_eq!(to(wrong), Err(status), "{wrong}");
    }
    assert_eq!(moved(""), Err(400));
    assert_eq!(moved("Destination: /b\r\nDestination: /c\r\n"), Err(400));
    for (overwrite, expected) in [("T", Some(true)), ("f", Some(false)), ("x", None), ("", None)] {
        let found = moved(&format!("Destination: /b\r\nOverwrite: {overwrite}\r\n"));
        assert_eq!(found.ok().map(|(_, replaces)| replaces), expected, "{overwrite}");
    }
    let twice = moved("Destination: /b\r\nOverwrite: F\r\nOverwrite: T\r\n");
    assert_eq!(twice, Ok(("b".to_owned(), false)), "in doubt nothing is replaced");
}

proptest! {
    #[test]
    fn no_destination_leaves_the_root(to in "(http://a:8080)?/[a-c./%2eEfF\\\\]{0,24}") {
        if let Ok((path, _)) = moved(&format!("Destination: {to}\r\n")) {
            let mut segments = path.split('/').filter(|_| !path.is_empty());
            prop_assert!(segments.all(|segment| !matches!(segment, "" | "." | "..")));
        }
    }
}
