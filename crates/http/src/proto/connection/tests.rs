//! Turns, deadlines and the ends of connections.

use super::*;
use crate::feed::{LIMITS, run, run_every_way};

fn connection(now: Instant) -> Connection {
    Connection::new(LIMITS, now)
}

fn receive(connection: &mut Connection, bytes: &[u8], now: Instant) {
    connection.recv_buffer()[..bytes.len()].copy_from_slice(bytes);
    connection.handle_received(bytes.len(), now);
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn code(turn: Turn) -> u16 {
    match turn {
        Turn::Refused(refused) => refused.error.status.code(),
        Turn::Read => 0,
        Turn::Request(_) => 200,
        Turn::Close => 1,
        Turn::Http2 => 2,
    }
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";

#[test]
fn rfc9112_9_3_2_pipelined_requests_come_one_by_one() {
    let input = [GET, POST, b"abc", GET, b"GET / HTTP/1.0\r\n\r\n", GET].concat();
    let said = run_every_way(&input);
    assert_eq!(
        said,
        [
            "GET / HTTP/1.1 body=",
            "POST / HTTP/1.1 body=abc",
            "GET / HTTP/1.1 body=",
            "GET / HTTP/1.0 body=",
            "close"
        ]
    );
}

#[test]
fn a_request_is_answered_also_where_the_peer_has_shut_its_side() {
    assert_eq!(run(&[GET]), ["GET / HTTP/1.1 body=", "close"]);
    assert_eq!(run(&[b"GET / HT"])[0], "refused 400 Bad Request: the head is cut");
    assert_eq!(run(&[]), ["close"]);
}

#[test]
fn the_head_has_a_fixed_time() {
    let start = Instant::now();
    let mut connection = connection(start);
    assert_eq!(connection.poll_timeout(), Some(start + seconds(10)));
    receive(&mut connection, b"GET ", start + seconds(4));
    receive(&mut connection, b"/ ", start + seconds(9));
    assert_eq!(code(connection.poll_turn(start)), 0);
    assert_eq!(connection.poll_timeout(), Some(start + seconds(10)));
    connection.handle_timeout();
    assert_eq!(code(connection.poll_turn(start)), 408);
    connection.finish(true, start);
    assert_eq!(code(connection.poll_turn(start)), 1);
}

#[test]
fn a_second_head_has_its_time_from_its_first_byte() {
    let start = Instant::now();
    let mut connection = connection(start);
    receive(&mut connection, GET, start);
    assert_eq!(code(connection.poll_turn(start)), 200);
    assert_eq!(connection.poll_timeout(), None);
    connection.finish(false, start);
    assert!(connection.is_idle() && !connection.is_fresh());
    assert_eq!(connection.poll_timeout(), Some(start + seconds(60)));
    receive(&mut connection, b"G", start + seconds(30));
    assert_eq!(connection.poll_timeout(), Some(start + seconds(40)));
}

#[test]
fn an_idle_connection_ends_without_a_word() {
    let start = Instant::now();
    let mut connection = connection(start);
    connection.handle_timeout();
    assert_eq!(code(connection.poll_turn(start)), 1);
}

#[test]
fn an_unread_body_is_dropped_and_the_next_request_answered() {
    let start = Instant::now();
    let mut connection = connection(start);
    receive(&mut connection, &[POST, b"a"].concat(), start);
    assert_eq!(code(connection.poll_turn(start)), 200);
    assert!(!connection.must_close());
    connection.finish(false, start);
    assert_eq!(code(connection.poll_turn(start)), 0);
    assert_eq!(connection.poll_timeout(), Some(start + seconds(5)));
    receive(&mut connection, &[b"bc", GET].concat(), start);
    assert_eq!(code(connection.poll_turn(start)), 200);
}

#[test]
fn an_unread_body_is_dropped_within_limits() {
    let start = Instant::now();
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n";
    let drained = |bytes: usize, timeout: bool| {
        let mut connection = connection(start);
        receive(&mut connection, head, start);
        assert_eq!(code(connection.poll_turn(start)), 200);
        connection.finish(false, start);
        receive(&mut connection, &vec![b'x'; bytes], start);
        if timeout {
            connection.handle_timeout();
        }
        code(connection.poll_turn(start))
    };
    assert_eq!(drained(4096, false), 0);
    assert_eq!(drained(4097, false), 1);
    assert_eq!(drained(4096, true), 1);
}

#[test]
fn a_malformed_body_that_nobody_read_is_dropped_to_the_end() {
    let start = Instant::now();
    let mut connection = connection(start);
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    receive(&mut connection, head, start);
    assert_eq!(code(connection.poll_turn(start)), 200);
    connection.finish(false, start);
    receive(&mut connection, b"no size\r\n", start);
    assert_eq!(code(connection.poll_turn(start)), 0);
    assert!(connection.is_lingering());
    receive(&mut connection, GET, start);
    assert_eq!(code(connection.poll_turn(start)), 0);
    connection.handle_eof();
    assert_eq!(code(connection.poll_turn(start)), 1);
}

#[test]
fn after_a_refusal_the_peer_may_finish_sending() {
    let start = Instant::now();
    let mut connection = connection(start);
    receive(&mut connection, b"GET / HTTP/1.1\r\n\r\n", start);
    assert_eq!(code(connection.poll_turn(start)), 400);
    assert!(connection.must_close());
    connection.finish(true, start);
    assert!(connection.is_lingering());
    assert_eq!(code(connection.poll_turn(start)), 0);
    receive(&mut connection, GET, start);
    assert_eq!(code(connection.poll_turn(start)), 0);
    connection.handle_eof();
    assert_eq!(code(connection.poll_turn(start)), 1);
}

#[test]
fn the_refused_line_is_kept_for_the_log() {
    let start = Instant::now();
    let mut connection = connection(start);
    receive(&mut connection, b"GET /x HTTP/1.1\r\n\r\n", start);
    let Turn::Refused(refused) = connection.poll_turn(start) else { panic!("not refused") };
    assert_eq!(refused.line, b"GET /x HTTP/1.1");
}

#[test]
fn rfc9110_10_1_1_continue_is_said_once_and_only_where_it_is_waited_for() {
    let start = Instant::now();
    let expecting =
        b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    let mut waiting = connection(start);
    receive(&mut waiting, expecting, start);
    assert_eq!(code(waiting.poll_turn(start)), 200);
    assert!(waiting.must_close(), "answered without reading, the body may or may not come");
    assert!(waiting.take_continue());
    assert!(!waiting.take_continue());
    assert!(!waiting.must_close());

    let mut sending = connection(start);
    receive(&mut sending, &[expecting.as_slice(), b"a"].concat(), start);
    assert_eq!(code(sending.poll_turn(start)), 200);
    assert!(!sending.take_continue(), "the body is already coming");

    let mut refused = connection(start);
    receive(&mut refused, expecting, start);
    assert_eq!(code(refused.poll_turn(start)), 200);
    refused.finish(true, start);
    assert!(refused.is_lingering());
}

#[test]
fn memory_is_given_back_while_idle() {
    let start = Instant::now();
    let mut connection = connection(start);
    receive(&mut connection, GET, start);
    assert_eq!(connection.release_buffer(), None);
    assert_eq!(code(connection.poll_turn(start)), 200);
    connection.finish(false, start);
    let buffer = connection.release_buffer().unwrap();
    assert_eq!(buffer.len(), READ_BYTES);
    connection.lend_buffer(buffer);
    receive(&mut connection, GET, start);
    assert_eq!(code(connection.poll_turn(start)), 200);
}

#[test]
fn who_takes_over_gets_what_came_after_the_head() {
    let start = Instant::now();
    let mut connection = connection(start);
    receive(&mut connection, &[GET, b"frames"].concat(), start);
    assert_eq!(code(connection.poll_turn(start)), 200);
    assert_eq!(connection.into_leftover(), b"frames");
}

#[test]
fn http2_is_known_by_its_first_bytes_and_by_none_that_come_later() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let start = Instant::now();
    let limits = Limits { http2: true, ..LIMITS };
    for cut in 0..preface.len() {
        let mut connection = Connection::new(limits, start);
        receive(&mut connection, &preface[..cut], start);
        let first = code(connection.poll_turn(start));
        assert_eq!(first, if cut < PREFACE.len() { 0 } else { 2 });
        receive(&mut connection, &preface[cut..], start);
        assert_eq!(code(connection.poll_turn(start)), 2);
        assert_eq!(connection.into_leftover(), preface);
    }
    for (limits, input, expected) in [
        (LIMITS, &preface[..], 505),
        (limits, b"PRI / HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (limits, b"PRI * HTTP/2.0\r\nA: b\r\n\r\n", 505),
    ] {
        let mut connection = Connection::new(limits, start);
        receive(&mut connection, input, start);
        assert_eq!(code(connection.poll_turn(start)), expected);
    }
    let mut later = Connection::new(limits, start);
    receive(&mut later, &[GET, preface].concat(), start);
    assert_eq!(code(later.poll_turn(start)), 200);
    later.finish(false, start);
    assert_eq!(code(later.poll_turn(start)), 505);
}

#[test]
fn a_stop_ends_idle_connections_and_lets_requests_finish() {
    let start = Instant::now();
    let chance = start + seconds(1);
    let mut fresh = connection(start);
    fresh.handle_stop(start, chance);
    assert_eq!(fresh.poll_timeout(), Some(chance));
    receive(&mut fresh, &[GET, GET].concat(), start);
    assert_eq!(code(fresh.poll_turn(start)), 200);
    assert!(!fresh.must_close(), "another request has arrived already");
    fresh.finish(false, start);
    assert_eq!(code(fresh.poll_turn(start)), 200);
    assert!(fresh.must_close());
    fresh.finish(true, start);
    assert_eq!(code(fresh.poll_turn(start)), 1);

    let mut idle = connection(start);
    receive(&mut idle, GET, start);
    assert_eq!(code(idle.poll_turn(start)), 200);
    idle.finish(false, start);
    idle.handle_stop(start, chance);
    assert_eq!(idle.poll_timeout(), Some(start));
}

#[test]
fn a_refusal_does_not_depend_on_the_cuts() {
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(LIMITS.target_bytes_max + 50));
    let method = format!("{}:\r\n\r\n", "A".repeat(40));
    for (input, code) in [
        (long.as_bytes(), "refused 414"),
        (method.as_bytes(), "refused 501"),
        (b"\x16\x03\x01\n\n", "refused 400 Bad Request: this port speaks plain HTTP, not TLS"),
    ] {
        let said = run_every_way(input);
        assert!(said[0].starts_with(code) && said.len() == 2, "{said:?}");
    }
}
