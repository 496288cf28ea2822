//! Feeds a connection its input whole, byte by byte and cut at every place, and collects what it
//! says. What comes out must not depend on the cuts.

use std::time::{Duration, Instant};

use crate::proto::connection::{BodyTurn, Connection, Limits, Turn};

/// Limits that tests can reach.
pub(crate) const LIMITS: Limits = Limits {
    head_bytes_max: 2048,
    target_bytes_max: 512,
    drain_bytes_max: 4096,
    header_timeout: Duration::from_secs(10),
    idle_timeout: Duration::from_secs(60),
    drain_timeout: Duration::from_secs(5),
    http2: false,
};

/// What a connection said, one line per turn: `GET /a HTTP/1.1 body=..`, `refused 400 ..`, `close`.
pub(crate) fn run(parts: &[&[u8]]) -> Vec<String> {
    let now = Instant::now();
    let mut connection = Connection::new(LIMITS, now);
    let mut parts = parts.iter().copied();
    let mut said = Vec::new();
    loop {
        match connection.poll_turn(now) {
            Turn::Read => feed(&mut connection, parts.next(), now),
            Turn::Close => {
                said.push("close".to_owned());
                return said;
            }
            Turn::Http2 => unreachable!("nobody speaks it here"),
            Turn::Refused(refused) => {
                said.push(format!("refused {}", refused.error));
                connection.finish(true, now);
            }
            Turn::Request(head) => {
                let body = read_body(&mut connection, &mut parts, now);
                let (method, target) = (head.method_name(), head.target());
                said.push(format!("{method} {target} HTTP/1.{} {body}", head.minor()));
                connection.finish(false, now);
            }
        }
    }
}

fn read_body<'a>(
    connection: &mut Connection,
    parts: &mut impl Iterator<Item = &'a [u8]>,
    now: Instant,
) -> String {
    let mut body = Vec::new();
    loop {
        match connection.poll_body() {
            BodyTurn::Read => feed(connection, parts.next(), now),
            BodyTurn::Content(content) => {
                // Takes less than is there, as a slow reader does.
                let taken = content.len().div_ceil(2);
                body.extend_from_slice(&content[..taken]);
                connection.take_body(taken);
            }
            BodyTurn::End => return format!("body={}", body.escape_ascii()),
            BodyTurn::Failed(error) => return format!("failed {error}"),
        }
    }
}

fn feed(connection: &mut Connection, part: Option<&[u8]>, now: Instant) {
    let Some(mut part) = part else { return connection.handle_eof() };
    while !part.is_empty() {
        let buffer = connection.recv_buffer();
        let length = part.len().min(buffer.len());
        buffer[..length].copy_from_slice(&part[..length]);
        connection.handle_received(length, now);
        part = &part[length..];
    }
}

/// Runs `input` whole, byte by byte and cut in two at every place; all must say the same.
pub(crate) fn run_every_way(input: &[u8]) -> Vec<String> {
    let whole = run(&[input]);
    let shown = input[..input.len().min(400)].escape_ascii();
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(run(&bytes), whole, "byte by byte: {shown}");
    // Long inputs are long runs of one byte: some hundred cuts tell as much as all.
    for cut in (1..input.len()).step_by(1 + input.len() / 300) {
        let (front, back) = input.split_at(cut);
        assert_eq!(run(&[front, back]), whole, "cut at {cut}: {shown}");
    }
    whole
}
