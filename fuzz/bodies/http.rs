//! What must hold of requests over HTTP: where they end, what they name, and that two readers
//! cannot differ on either.

use std::time::{Duration, Instant};

use sockeye_edge::tree::Segments;
use sockeye_http::Method;
use sockeye_http::proto::body::{Decoder, Piece};
use sockeye_http::proto::connection::{BodyTurn, Connection, Limits, Turn};
use sockeye_http::proto::head::{FIELDS_MAX, Framing, Head, is_authority, is_token};
use sockeye_http::proto::status::PeerError;
use sockeye_http::proto::target::Target;

mod cuts;

/// Limits that a fuzzer reaches.
const LIMITS: Limits = Limits {
    head_bytes_max: 512,
    target_bytes_max: 64,
    drain_bytes_max: 64,
    header_timeout: Duration::from_secs(10),
    idle_timeout: Duration::from_secs(60),
    drain_timeout: Duration::from_secs(5),
    http2: true,
};

/// What the tree refuses of a path that is good here is no shorter than the longest name of a file.
const NAME_BYTES_MAX: usize = 255;

/// A field line: its name as sent, and its value without the space around it.
type Field<'a> = (&'a [u8], &'a [u8]);

/// A head that is accepted reads the same to a reader that only splits lines, has one length and no
/// second, ends where it ends, and is accepted as the same when it is written again.
pub(crate) fn http_head(input: &[u8]) {
    let Ok(head) = Head::parse(input.to_vec()) else { return };
    let (line, fields) = split(input);
    assert!(fields.len() <= FIELDS_MAX);
    let target = head.target();
    assert!(!target.is_empty() && target.bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(!head.method_name().is_empty() && head.method_name().as_bytes().iter().all(is_token));
    let version = line.strip_prefix(format!("{} {target} HTTP/1.", head.method_name()).as_bytes());
    let digit = version.expect("the request line is its three parts");
    assert!(matches!(digit, [digit] if digit.is_ascii_digit()));
    assert_eq!(head.minor(), u8::from(digit != b"0"));
    for (name, value) in &fields {
        assert!(!name.is_empty() && name.iter().all(is_token), "{:?}", name.escape_ascii());
        assert!(value.iter().all(|byte| !byte.is_ascii_control() || *byte == b'\t'));
        let name = str::from_utf8(name).expect("tokens are ASCII");
        let wanted = named(&fields, name);
        assert_eq!(head.fields_named(name).collect::<Vec<_>>(), wanted, "{name}");
        assert_eq!(head.only_field(name).is_some(), wanted.len() == 1);
    }
    one_length(&head, &fields);
    let hosts = named(&fields, "host");
    assert!(hosts.len() <= 1 && hosts.iter().all(|host| is_authority(host)));
    assert!(hosts.len() == 1 || head.minor() == 0);
    let mut longer = input.to_vec();
    longer.push(b'x');
    assert!(Head::parse(longer).is_err(), "a head with something behind it");
    for cut in input.len().saturating_sub(4)..input.len() {
        assert!(Head::parse(input[..cut].to_vec()).is_err(), "a head that is cut");
    }
    let again = Head::parse(written(&head, &fields)).expect("a head that was written again");
    assert_eq!(again.framing(), head.framing());
    assert_eq!(again.keep_alive(), head.keep_alive());
    assert_eq!(again.expects_continue(), head.expects_continue());
    assert_eq!((again.method(), again.method_name()), (head.method(), head.method_name()));
    assert_eq!((again.target(), again.minor()), (target, head.minor()));
    for (name, _) in &fields {
        let name = str::from_utf8(name).expect("tokens are ASCII");
        assert!(again.fields_named(name).eq(head.fields_named(name)), "{name}");
    }
}

/// Never a length by two ways, or by one that another reader could take in another way.
fn one_length(head: &Head, fields: &[Field<'_>]) {
    let lengths = named(fields, "content-length");
    let codings = named(fields, "transfer-encoding");
    match head.framing() {
        Framing::Chunked => {
            assert!(lengths.is_empty() && head.minor() == 1);
            let codings = codings.join(&b","[..]).to_ascii_lowercase();
            let mut codings = codings.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            assert!(codings.by_ref().any(|coding| coding == b"chunked"));
            assert!(codings.all(<[u8]>::is_empty));
        }
        framing => {
            assert!(codings.is_empty() && lengths.len() <= 1);
            let digits = lengths.first().copied().unwrap_or(b"0");
            assert!(!digits.is_empty() && digits.iter().all(u8::is_ascii_digit));
            let bytes = str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
            let expected = if bytes == Some(0) { Framing::None } else { framing };
            assert_eq!(framing, expected);
            if let Framing::Length(length) = framing {
                assert_eq!(bytes, Some(length));
            }
        }
    }
}

/// The request line and the fields, by nothing but line ends and the first colon.
fn split(head: &[u8]) -> (&[u8], Vec<Field<'_>>) {
    let bare = |line: &'_ [u8]| line.len() - usize::from(line.ends_with(b"\r"));
    let mut lines = head.split(|&byte| byte == b'\n').map(|line| &line[..bare(line)]);
    let first = lines.next().expect("a line");
    let field = |line: &'_ [u8]| line.iter().position(|&byte| byte == b':');
    let fields = lines.take_while(|line| !line.is_empty()).map(|line| {
        let colon = field(line).expect("a colon in a field line");
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let value = &line[colon + 1..];
        let start = value.iter().position(|byte| !blank(byte)).unwrap_or(value.len());
        let end = value.iter().rposition(|byte| !blank(byte)).map_or(start, |at| at + 1);
        (&line[..colon], &value[start..end])
    });
    (first, fields.collect())
}

fn named<'a>(fields: &[Field<'a>], name: &str) -> Vec<&'a [u8]> {
    let of_name = |field: &&Field<'_>| field.0.eq_ignore_ascii_case(name.as_bytes());
    fields.iter().filter(of_name).map(|(_, value)| *value).collect()
}

/// The head in the one way that RFC 9112 has for it.
fn written(head: &Head, fields: &[Field<'_>]) -> Vec<u8> {
    let (method, target, minor) = (head.method_name(), head.target(), head.minor());
    let mut out = format!("{method} {target} HTTP/1.{minor}\r\n").into_bytes();
    for (name, value) in fields {
        out.extend_from_slice(&[*name, b": ", *value, b"\r\n"].concat());
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// `input` is a byte for the method, and a target. What is accepted names something below the root,
/// and its link is one that a browser takes for the same server and the same name.
pub(crate) fn http_target(input: &[u8]) {
    let [method, text @ ..] = input else { return };
    let methods = [Method::Get, Method::Options, Method::Connect, Method::Other];
    let method = methods[usize::from(method & 3)];
    let Ok(text) = str::from_utf8(text) else { return };
    let Ok(target) = Target::parse(text, method) else { return };
    assert_ne!(method, Method::Connect);
    assert!(!target.is_server() || (text == "*" && method == Method::Options));
    let path = target.path();
    assert!(path.iter().all(|byte| !byte.is_ascii_control() && *byte != b'\\'));
    if !path.is_empty() {
        let odd = |part: &[u8]| matches!(part, b"" | b"." | b"..") || part.contains(&b'/');
        assert!(!path.split(|&byte| byte == b'/').any(odd), "{:?}", path.escape_ascii());
        match Segments::from_relative(path) {
            Ok(segments) => assert!(segments.iter().eq(target.segments())),
            Err(error) => assert!(path.len() > NAME_BYTES_MAX, "{error}"),
        }
        assert!(target.is_under(&String::from_utf8_lossy(path)) || str::from_utf8(path).is_err());
    }
    assert!(target.is_under("") && target.query().is_none_or(|query| text.ends_with(query)));
    let link = target.folder_link();
    assert!(link.starts_with('/') && link.ends_with('/') && !link.contains("//"), "{link}");
    assert!(link.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte)));
    assert!(!link.split('/').any(|segment| matches!(segment, "." | "..")), "{link}");
    let again = Target::parse(&link, Method::Get).expect("a link names what it was made of");
    assert_eq!((again.path(), again.is_folder()), (path, true));
    assert_eq!(again.is_hidden(), target.is_hidden());
    // Decoded once: what is encoded in full names the same.
    let digits = path.iter().map(|byte| match byte {
        b'/' => "/".to_owned(),
        byte => format!("%{byte:02x}"),
    });
    let encoded = format!("/{}?{}", digits.collect::<String>(), target.query().unwrap_or(""));
    let again = Target::parse(&encoded, Method::Get);
    assert!(again.is_ok_and(|again| again.path() == path), "{encoded}");
}

/// `input` is a seed for the cuts, and a chunked body. Its end and its content are the same however
/// it is cut, and those that a reader finds that only follows the sizes.
pub(crate) fn http_chunked(input: &[u8]) {
    let [seed, body @ ..] = input else { return };
    let [whole, single, pieces] = cuts::divisions(*seed, body);
    let decoded = unchunked(&whole);
    assert_eq!(unchunked(&single), decoded, "byte by byte");
    assert_eq!(unchunked(&pieces), decoded, "in pieces");
    let Ok((content, consumed, true)) = decoded else { return };
    assert_eq!(Some((content.clone(), consumed)), followed(body), "by the sizes");
    let mut again: Vec<u8> = Vec::new();
    for part in content.chunks(usize::from(*seed) + 1) {
        again.extend_from_slice(format!("{:X}\r\n", part.len()).as_bytes());
        again.extend_from_slice(part);
        again.extend_from_slice(b"\r\n");
    }
    again.extend_from_slice(b"0\r\n\r\n");
    let length = again.len();
    again.extend_from_slice(b"GET / HTTP/1.1\r\n");
    assert_eq!(unchunked(&[&again]), Ok((content, length, true)), "chunked again");
}

/// The content, how many bytes were taken, and whether the end came.
fn unchunked(parts: &[&[u8]]) -> Result<(Vec<u8>, usize, bool), PeerError> {
    let mut decoder = Decoder::new(Framing::Chunked);
    let (mut content, mut buffer, mut consumed) = (Vec::new(), Vec::new(), 0);
    for part in parts {
        buffer.extend_from_slice(part);
        loop {
            let taken = match decoder.look(&buffer)? {
                Piece::More => break,
                Piece::End => return Ok((content, consumed, true)),
                Piece::Framing(bytes) => bytes,
                Piece::Content(bytes) => {
                    content.extend_from_slice(&buffer[..bytes]);
                    bytes
                }
            };
            assert!(taken > 0 && taken <= buffer.len());
            decoder.take(&buffer, taken)?;
            buffer.drain(..taken);
            consumed += taken;
            assert_eq!(Ok(decoder.content()), u64::try_from(content.len()));
        }
    }
    let ended = decoder.is_at_end();
    Ok((content, consumed, ended))
}

fn followed(body: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut content = Vec::new();
    let mut at = 0;
    let line = |at: usize| {
        let length = body[at..].windows(2).position(|pair| pair == b"\r\n")?;
        Some((&body[at..at + length], at + length + 2))
    };
    loop {
        let (size, next) = line(at)?;
        let digits = size.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        assert!(matches!(size[digits..].trim_ascii_start(), [] | [b';', ..]));
        let length = usize::from_str_radix(str::from_utf8(&size[..digits]).ok()?, 16).ok()?;
        if length == 0 {
            at = next;
            break;
        }
        content.extend_from_slice(body.get(next..next + length)?);
        at = next + length + 2;
        assert_eq!(&body[at - 2..at], b"\r\n");
    }
    loop {
        let (field, next) = line(at)?;
        at = next;
        if field.is_empty() {
            return Some((content, at));
        }
        assert!(field.contains(&b':') && !field.contains(&b'\n'));
    }
}

/// What a connection gave.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Request {
        head: Vec<u8>,
        body: Vec<u8>,
    },
    /// A request whose body was left for the connection to drop.
    Unread(Vec<u8>),
    Cut,
    Refused(PeerError),
    Close,
    Http2,
}

/// `input` is a byte for what is done with bodies, a seed for the cuts, and a stream of requests.
/// They are the same however they are cut, and the same once more when each is written again in the
/// plainest way.
pub(crate) fn http_connection(input: &[u8]) {
    let [kind, seed, stream @ ..] = input else { return };
    let reads = kind & 1 == 0;
    let [whole, single, pieces] = cuts::divisions(*seed, stream);
    let said = served(&whole, LIMITS, reads);
    assert_eq!(served(&single, LIMITS, reads), said, "byte by byte");
    assert_eq!(served(&pieces, LIMITS, reads), said, "in pieces");
    assert_eq!(said.last(), Some(&Said::Close));
    assert!(said.iter().filter(|one| **one == Said::Close).count() == 1);
    let ends = |one: &Said| matches!(one, Said::Refused(_) | Said::Cut);
    let end = said.iter().position(ends).unwrap_or(said.len() - 1);
    assert!(said.len() - end <= 2, "nothing but the end after a refusal: {said:?}");
    let whole: Vec<&Said> = said.iter().filter(|one| matches!(one, Said::Request { .. })).collect();
    if !reads || whole.is_empty() {
        return;
    }
    let mut plain = Vec::new();
    for one in &whole {
        let Said::Request { head, body } = one else { continue };
        plain.extend_from_slice(head);
        plain.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        plain.extend_from_slice(body);
    }
    let limits = Limits { head_bytes_max: 4096, ..LIMITS };
    let again = served(&[&plain], limits, true);
    assert_eq!(again.iter().take(whole.len()).collect::<Vec<_>>(), whole, "written again");
    assert_eq!(again.len(), whole.len() + 1);
}

fn served(parts: &[&[u8]], limits: Limits, reads: bool) -> Vec<Said> {
    let now = Instant::now();
    let mut connection = Connection::new(limits, now);
    let mut parts = parts.iter().copied();
    let mut said = Vec::new();
    loop {
        match connection.poll_turn(now) {
            Turn::Read => fed(&mut connection, parts.next(), now),
            Turn::Close => {
                said.push(Said::Close);
                return said;
            }
            Turn::Http2 => {
                said.push(Said::Http2);
                return said;
            }
            Turn::Refused(refused) => {
                said.push(Said::Refused(refused.error));
                assert!(connection.must_close());
                connection.finish(true, now);
            }
            Turn::Request(head) => {
                let shown = plainest(&head);
                said.push(match reads.then(|| body(&mut connection, &mut parts, now)) {
                    None => Said::Unread(shown),
                    Some(None) => Said::Cut,
                    Some(Some(body)) => Said::Request { head: shown, body },
                });
                connection.finish(false, now);
            }
        }
    }
}

/// The head without what tells the body's length, as far as the connection minds it.
fn plainest(head: &Head) -> Vec<u8> {
    let fields = ["Host", "Connection", "Expect"]
        .into_iter()
        .flat_map(|name| head.fields_named(name).map(move |value| (name.as_bytes(), value)));
    let mut out = written(head, &fields.collect::<Vec<_>>());
    out.truncate(out.len() - 2);
    out
}

fn body<'a>(
    connection: &mut Connection,
    parts: &mut impl Iterator<Item = &'a [u8]>,
    now: Instant,
) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        match connection.poll_body() {
            BodyTurn::Read => fed(connection, parts.next(), now),
            BodyTurn::Content(content) => {
                // Less than is there, as a slow reader takes it.
                let taken = content.len().div_ceil(2);
                body.extend_from_slice(&content[..taken]);
                connection.take_body(taken);
            }
            BodyTurn::End => return Some(body),
            BodyTurn::Failed(error) => {
                assert!((400..=501).contains(&error.status.code()));
                return None;
            }
        }
    }
}

fn fed(connection: &mut Connection, part: Option<&[u8]>, now: Instant) {
    let Some(mut part) = part else { return connection.handle_eof() };
    while !part.is_empty() {
        let buffer = connection.recv_buffer();
        let length = part.len().min(buffer.len());
        buffer[..length].copy_from_slice(&part[..length]);
        connection.handle_received(length, now);
        part = &part[length..];
    }
}
