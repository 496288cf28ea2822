//! What must hold of requests that change something: where the files of a form begin and end, and
//! where a part belongs.

use sockeye_http::proto::content_range::{ContentRange, Span, Start};
use sockeye_http::proto::head::Head;
use sockeye_http::proto::multipart::{FormError, Limits, Multipart, Piece, boundary};
use sockeye_http::proto::target::Target;
use sockeye_http::proto::writing;

/// Limits that a fuzzer reaches.
const LIMITS: Limits = Limits { head_bytes_max: 96, parts_max: 4 };

/// A part: the field's name, the file's, and its data put together.
type Part = (String, Option<String>, Vec<u8>);

/// `input` is a size of pieces and the body of a form with the boundary `Xy`: the same parts at any
/// cuts, those that a reader of the whole finds, and the same again when they are written anew.
pub(crate) fn http_multipart(input: &[u8]) {
    // The value of a Content-Type, too: what is found can stand in a body.
    if let Ok(text) = str::from_utf8(input)
        && let Ok(found) = boundary(text)
    {
        assert!((1..=70).contains(&found.len()) && found.bytes().all(|byte| byte >= b' '));
    }
    let [seed, body @ ..] = input else { return };
    let whole = read(&[body], "Xy");
    let single = read(&body.chunks(1).collect::<Vec<_>>(), "Xy");
    let some = read(&body.chunks(usize::from(*seed % 16) + 2).collect::<Vec<_>>(), "Xy");
    assert_eq!(single, whole, "byte by byte");
    assert_eq!(some, whole, "in pieces");
    assert_eq!(whole, search(body), "a search of the whole");
    let (parts, None) = whole else { return };
    let boundary = "a boundary that no small input has";
    let again = written(&parts, boundary);
    let plain = |text: &str| !text.contains(['"', '\\', '%', '\r', '\n']);
    let names = |part: &Part| plain(&part.0) && part.1.as_deref().is_none_or(plain);
    if parts.iter().all(names) && !body.windows(10).any(|ten| ten == b"a boundary") {
        let limits = Limits { head_bytes_max: 1024, ..LIMITS };
        assert_eq!(read_within(&[&again], boundary, limits), (parts, None));
    }
}

fn read(pieces: &[&[u8]], boundary: &str) -> (Vec<Part>, Option<FormError>) {
    read_within(pieces, boundary, LIMITS)
}

/// Parts that are whole, and the error that ended it.
fn read_within(pieces: &[&[u8]], boundary: &str, limits: Limits) -> (Vec<Part>, Option<FormError>) {
    let mut form = Multipart::new(boundary, limits);
    let (mut parts, mut open, mut over) = (Vec::new(), None::<Part>, false);
    for piece in pieces.iter().map(Some).chain([None]) {
        match piece {
            Some(bytes) => form.handle_received(bytes),
            None => form.handle_eof(),
        }
        while let Some(next) = form.poll_piece() {
            assert!(!over, "something after the end");
            match next {
                Ok(Piece::Part { name, file }) => {
                    assert!(open.replace((name, file, Vec::new())).is_none());
                }
                Ok(Piece::Data(data)) => {
                    assert!(!data.is_empty());
                    open.as_mut().expect("data of a part").2.extend(data);
                }
                Ok(Piece::PartEnd) => parts.push(open.take().expect("the end of a part")),
                Ok(Piece::End) => over = true,
                Err(error) => {
                    assert!(form.poll_piece().is_none(), "something after an error");
                    return (parts, Some(error));
                }
            }
        }
    }
    assert!(over && open.is_none(), "no end and no error");
    (parts, None)
}

/// The same by searches of the whole body; of a head only that it is one is left to the parser.
fn search(body: &[u8]) -> (Vec<Part>, Option<FormError>) {
    let body = [b"\r\n", body].concat();
    let find = |from: usize, what: &[u8]| {
        let found = body[from..].windows(what.len()).position(|window| window == what);
        found.map(|place| from + place)
    };
    let (mut parts, mut at, mut heads) = (Vec::new(), 0, 0);
    let mut open: Option<(String, Option<String>)> = None;
    loop {
        let Some(end) = find(at, b"\r\n--Xy") else { return (parts, Some(FormError::Cut)) };
        if let Some((name, file)) = open.take() {
            parts.push((name, file, body[at..end].to_vec()));
        }
        let after = &body[end + 6..];
        if after.starts_with(b"--") {
            return (parts, None);
        }
        let blank = after.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let rest = &after[blank..];
        if blank > LIMITS.head_bytes_max {
            return (parts, Some(FormError::Delimiter));
        }
        if !rest.starts_with(b"\r\n") {
            let unfinished = matches!(rest, [] | [b'\r']) || (blank == 0 && rest == b"-");
            let error = if unfinished { FormError::Cut } else { FormError::Delimiter };
            return (parts, Some(error));
        }
        let start = end + 6 + blank;
        let Some(stop) = find(start, b"\r\n\r\n") else {
            let long = body.len() - start >= LIMITS.head_bytes_max + 4;
            return (parts, Some(if long { FormError::Head } else { FormError::Cut }));
        };
        if stop - start > LIMITS.head_bytes_max {
            return (parts, Some(FormError::Head));
        }
        let alone = [b"--Xy", &body[start..stop], b"\r\n\r\n\r\n--Xy--"].concat();
        heads += 1;
        match read(&[&alone], "Xy") {
            (mut one, None) if heads <= LIMITS.parts_max => {
                let (name, file, data) = one.pop().expect("a part");
                assert!(one.is_empty() && data.is_empty());
                open = Some((name, file));
            }
            (_, None) => return (parts, Some(FormError::Parts)),
            (_, Some(error)) => return (parts, Some(error)),
        }
        at = stop + 4;
    }
}

fn written(parts: &[Part], boundary: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, data) in parts {
        let file = file.as_ref().map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        let head = format!("Content-Disposition: form-data; name=\"{name}\"{file}");
        body.extend(format!("--{boundary}\r\n{head}\r\n\r\n").into_bytes());
        body.extend_from_slice(data);
        body.extend_from_slice(b"\r\n");
    }
    body.extend(format!("--{boundary}--").into_bytes());
    body
}

/// `input` is a length and the value of a field. As `Content-Range`: what is read is written as
/// what was sent, and a body is put at the end of what is there or at the beginning, nowhere else.
/// As `Destination`: it names something below the root of this host.
pub(crate) fn http_content_range(input: &[u8]) {
    let [length, value @ ..] = input else { return };
    if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return;
    }
    destination(value);
    let Some(range) = ContentRange::parse(value) else { return };
    let (shown, all) = match range {
        ContentRange::Bytes { first, last, complete } => {
            assert!(first <= last && complete.is_none_or(|complete| last < complete));
            (format!("{first}-{last}"), complete)
        }
        ContentRange::Nothing { complete } => ("*".to_owned(), Some(complete)),
    };
    let all = all.map_or("*".to_owned(), |all| all.to_string());
    let text = str::from_utf8(value).expect("it was read").trim().to_ascii_lowercase();
    let sent = text.strip_prefix("bytes").expect("its unit").trim_start();
    let numbers = |text: &str| -> Vec<String> {
        let parts = text.split(['-', '/']);
        parts.map(|part| part.parse::<u64>().map_or("*".into(), |n| n.to_string())).collect()
    };
    assert_eq!(numbers(sent), numbers(&format!("{shown}/{all}")), "{text}");
    let bytes = match range {
        ContentRange::Bytes { first, last, .. } => (last - first).checked_add(1),
        ContentRange::Nothing { .. } => Some(0),
    };
    let length = u64::from(*length);
    let fitting = Span::of(Some(range), Some(length)).is_ok();
    assert_eq!(fitting, bytes == Some(length));
    let Ok(span) = Span::of(Some(range), bytes) else { return };
    let ends = span.first.checked_add(span.bytes.expect("a length"));
    assert_eq!(span.is_last, span.complete.is_some() && ends == span.complete);
    for have in [0, 1, span.first.saturating_sub(1), span.first, span.first.saturating_add(1)] {
        match span.start(have) {
            Start::Anew => assert_eq!(span.first, 0),
            Start::AtEnd => assert_eq!(span.first, have),
            Start::Elsewhere => assert_ne!(span.first, have),
        }
    }
}

fn destination(value: &[u8]) {
    let raw = [b"MOVE /a HTTP/1.1\r\nHost: h:1\r\nDestination: ", value, b"\r\n\r\n"].concat();
    let Ok(head) = Head::parse(raw) else { return };
    let target = Target::of(&head).expect("a plain target");
    let Ok((to, replaces)) = writing::destination(&head, &target) else { return };
    assert!(replaces);
    assert!(!to.path().starts_with(b"/") && !to.path().ends_with(b"/"));
    for segment in to.path().split(|byte| *byte == b'/').filter(|_| !to.path().is_empty()) {
        assert!(!matches!(segment, b"" | b"." | b".."));
        assert!(segment.iter().all(|byte| !byte.is_ascii_control() && *byte != b'\\'));
    }
    let text = str::from_utf8(value).expect("it was read").trim().to_ascii_lowercase();
    assert!(text.starts_with("/") || text.starts_with("http://h:1/"), "{text}");
}
