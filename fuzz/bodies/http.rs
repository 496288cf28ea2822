//! What must hold of every input to the parsers of `sockeye_http`, whoever sends it.

use std::time::{Duration, Instant};

use sockeye_http::proto::connection::{BodyTurn, Connection, Limits, Turn};
use sockeye_http::proto::head::Method;
use sockeye_http::proto::range::{Selection, select};
use sockeye_http::proto::target::Target;

const LIMITS: Limits = Limits {
    head_bytes_max: 4096,
    target_bytes_max: 1024,
    drain_bytes_max: 65_536,
    header_timeout: Duration::from_secs(10),
    idle_timeout: Duration::from_secs(60),
    drain_timeout: Duration::from_secs(5),
};

/// Runs a connection over `parts`; says what came out, one line a turn.
fn run<'a>(mut parts: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let now = Instant::now();
    let mut connection = Connection::new(LIMITS, now);
    let mut said = Vec::new();
    let mut feed = |connection: &mut Connection| match parts.next() {
        None => connection.handle_eof(),
        Some(mut part) => {
            while !part.is_empty() {
                let buffer = connection.recv_buffer();
                let length = part.len().min(buffer.len());
                buffer[..length].copy_from_slice(&part[..length]);
                connection.handle_received(length, now);
                part = &part[length..];
            }
        }
    };
    loop {
        match connection.poll_turn(now) {
            Turn::Read => feed(&mut connection),
            Turn::Close => return said,
            Turn::Refused(refused) => {
                assert!(refused.error.status.code() >= 400);
                said.push("refused".to_owned());
                connection.finish(true, now);
            }
            Turn::Request(head) => {
                assert!(head.target().len() <= LIMITS.target_bytes_max);
                let mut body = Vec::new();
                let end = loop {
                    match connection.poll_body() {
                        BodyTurn::Read => feed(&mut connection),
                        BodyTurn::Content(content) => {
                            let length = content.len();
                            body.extend_from_slice(content);
                            connection.take_body(length);
                        }
                        BodyTurn::End => break "whole",
                        BodyTurn::Failed(_) => break "failed",
                    }
                };
                let body = body.escape_ascii();
                said.push(format!("{} {} {body} {end}", head.method_name(), head.target()));
                connection.finish(false, now);
            }
        }
    }
}

/// Whatever a connection gets, it comes to an end, and does not depend on where the bytes are cut
/// as long as what it says is not a refusal by size.
pub(crate) fn head(input: &[u8]) {
    let input = &input[..input.len().min(2048)];
    let whole = run(std::iter::once(input));
    assert_eq!(run(input.chunks(1)), whole);
    assert_eq!(run(input.chunks(7)), whole);
}

/// A target that is accepted names something below the root, and its link names the same.
pub(crate) fn target(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(target) = Target::parse(text, Method::Get) else { return };
    let path = target.path();
    for segment in path.split(|&byte| byte == b'/').filter(|_| !path.is_empty()) {
        assert!(!matches!(segment, b"" | b"." | b".."));
        assert!(!segment.iter().any(|byte| byte.is_ascii_control() || *byte == b'\\'));
    }
    let link = target.folder_link();
    assert!(!link.starts_with("//") && link.bytes().all(|byte| byte.is_ascii_graphic()));
    let again = Target::parse(&link, Method::Get).expect("a link of ours is a good target");
    assert_eq!(again.path(), path);
}

/// Ranges are disjoint, within the file, not empty, and no larger together than the file. The first
/// eight bytes are the size of the file.
pub(crate) fn range(input: &[u8]) {
    let Some((size, value)) = input.split_first_chunk::<8>() else { return };
    let size = u64::from_le_bytes(*size);
    let mut ranges = match select(value, size) {
        Selection::Whole | Selection::Unsatisfiable => return,
        Selection::One(range) => vec![range],
        Selection::Many(ranges) => ranges,
    };
    ranges.sort_by_key(|range| range.start);
    assert!(ranges.iter().all(|range| range.start < range.end && range.end <= size));
    assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start));
}
