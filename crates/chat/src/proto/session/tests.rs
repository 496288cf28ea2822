//! The session, fed whole, byte by byte and at every cut.

use super::*;
use crate::proto::Text;
use crate::proto::irc::Input;

fn config() -> SessionConfig {
    SessionConfig {
        line_bytes_max: 16,
        irc_line_bytes_max: 20,
        irc_tags_bytes_max: 20,
        flood: None,
        ..SessionConfig::default()
    }
}

fn drain(session: &mut Session, config: &SessionConfig, now: Instant, out: &mut Vec<Request>) {
    while let Some(request) = session.poll_request(config, now) {
        out.push(request);
    }
}

fn fed(config: &SessionConfig, parts: &[&[u8]], ended: bool) -> Vec<Request> {
    let now = Instant::now();
    let mut session = Session::new(config, now);
    let mut out = Vec::new();
    for part in parts {
        session.handle_received(config, part, now);
        drain(&mut session, config, now, &mut out);
        let most = config.irc_line_bytes_max + config.irc_tags_bytes_max;
        assert!(session.held_bytes() <= most + 1, "holds too much");
    }
    if ended {
        session.handle_eof();
        drain(&mut session, config, now, &mut out);
    }
    out
}

/// Whole, byte by byte and at every cut: the same requests.
fn every_way(config: &SessionConfig, input: &[u8], ended: bool) -> Vec<Request> {
    let whole = fed(config, &[input], ended);
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(fed(config, &bytes, ended), whole, "byte by byte");
    for cut in 0..=input.len() {
        let (a, b) = input.split_at(cut);
        assert_eq!(fed(config, &[a, b], ended), whole, "cut at {cut}");
    }
    whole
}

fn say(text: &str) -> Request {
    Request::Command(Command::Say(Text::new(text)))
}

#[test]
fn lines_become_requests_however_they_are_cut() {
    let requests = every_way(&config(), b"\r\nhi\r\n\n/who\nb\xffd \xc3\xbc\nrest", true);
    let who = Request::Command(Command::Who);
    let expected = [Request::Start, say("hi"), who, say("b\u{fffd}d ü"), say("rest"), Request::End];
    assert_eq!(requests, expected);
}

#[test]
fn an_unfinished_line_waits() {
    assert_eq!(every_way(&config(), b"one\ntwo", false), [Request::Start, say("one")]);
}

#[test]
fn a_long_line_is_told_once_and_never_cut() {
    let fits = "sixteen bytes ok";
    let input = format!("{fits}\r\n{fits}!\nshort\n{}\nlast", "x".repeat(40));
    let requests = every_way(&config(), input.as_bytes(), true);
    let expected = [
        Request::Start,
        say(fits),
        Request::TooLong,
        say("short"),
        Request::TooLong,
        say("last"),
        Request::End,
    ];
    assert_eq!(requests, expected);
}

#[test]
fn other_protocols_are_refused_before_anything_is_said() {
    let http = b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello\n".as_slice();
    let cases = [
        (http, Opening::Http { reads: false }),
        (b"\x16\x03\x01\x00\x05\n\n\n\n\n", Opening::Tls),
        (b"PROXY TCP4 a b c d\r\nhi\n", Opening::Proxy),
        (b"\r\n\r\n\0\r\nQUIT\n!\x11\0\nhi\n", Opening::Proxy),
    ];
    for (input, opening) in cases {
        assert_eq!(every_way(&config(), input, true), [Request::Refuse(opening)]);
    }
}

#[test]
fn a_proxy_header_is_one_at_the_very_start_only() {
    let header = b"\r\n\r\n\0\r\nQUIT\n".as_slice();
    for blank in [b"\n".as_slice(), b"\r\n", b"\r\n\r\n\r\n", b"\r\r\n"] {
        let requests = every_way(&config(), &[blank, header, b"hi\n"].concat(), true);
        assert_eq!(requests, [Request::Start, say("QUIT"), say("hi"), Request::End]);
    }
}

#[test]
fn silence_starts_the_output_and_the_first_line_still_classifies() {
    let config = config();
    let start = Instant::now();
    let mut session = Session::new(&config, start);
    assert_eq!(session.poll_request(&config, start), None);
    let due = session.poll_timeout().expect("a deadline");
    assert_eq!(due, start + config.silence);
    assert_eq!(session.poll_request(&config, due), Some(Request::Start));
    assert_eq!(session.poll_timeout(), None);
    session.handle_received(&config, b"PASS secret\n", due);
    assert_eq!(session.poll_request(&config, due), Some(Request::StartIrc));
    let line = Request::Irc(Input::Line("PASS secret".into()));
    assert_eq!(session.poll_request(&config, due), Some(line));
}

#[test]
fn bytes_break_the_silence() {
    let config = config();
    let start = Instant::now();
    let mut session = Session::new(&config, start);
    let later = start + config.silence / 2;
    session.handle_received(&config, b"he", later);
    assert_eq!(session.poll_request(&config, start + config.silence), None);
    assert_eq!(session.poll_timeout(), Some(later + config.silence));
    let due = later + config.silence;
    assert_eq!(session.poll_request(&config, due), Some(Request::Start));
    session.handle_received(&config, b"llo\n", due);
    assert_eq!(session.poll_request(&config, due), Some(say("hello")));
}

#[test]
fn a_throttled_client_is_told_once_and_loses_nothing() {
    let rate = Rate { burst: 2, per_second: 2 };
    let config = SessionConfig { flood: Some(rate), ..config() };
    let start = Instant::now();
    let mut session = Session::new(&config, start);
    session.handle_received(&config, b"1\n2\n3\n4\n", start);
    let mut out = Vec::new();
    drain(&mut session, &config, start, &mut out);
    assert_eq!(out, [Request::Start, say("1"), say("2"), Request::Throttled]);
    assert!(!session.want_read(&config), "nothing more is read");
    let due = session.poll_timeout().expect("a deadline");
    out.clear();
    drain(&mut session, &config, due, &mut out);
    assert_eq!(out, [say("3")]);
    let due = session.poll_timeout().expect("a deadline");
    out.clear();
    drain(&mut session, &config, due, &mut out);
    assert_eq!(out, [say("4")]);
    assert!(session.want_read(&config));
    let rested = due + Duration::from_secs(5);
    session.handle_received(&config, b"5\n6\n7\n", rested);
    out.clear();
    drain(&mut session, &config, rested, &mut out);
    assert_eq!(out, [say("5"), say("6"), Request::Throttled]);
}

#[test]
fn empty_lines_do_not_stop_the_reading() {
    let config = config();
    let now = Instant::now();
    let mut session = Session::new(&config, now);
    for _ in 0..100 {
        session.handle_received(&config, b"\n\r\n\n\n\n\n\n\n\n\n\n\nhel", now);
        assert_eq!(session.poll_request(&config, now), None);
        session.handle_received(&config, b"\x7f", now);
        session.input.clear();
        session.at = 0;
    }
    session.handle_received(&config, &[b'\n'; 500], now);
    assert_eq!(session.poll_request(&config, now), None);
    assert!(session.want_read(&config));
    assert_eq!(session.held_bytes(), 0);
}

#[test]
fn classic_bytes_pass_as_they_are() {
    let config = SessionConfig { classic: true, ..config() };
    let now = Instant::now();
    let mut session = Session::new(&config, now);
    assert_eq!(session.poll_request(&config, now), Some(Request::Start));
    let bytes = b"POST / HTTP/1.1\r\n\0\xff".to_vec();
    session.handle_received(&config, &bytes, now);
    let raw = Request::Command(Command::Raw(bytes));
    assert_eq!(session.poll_request(&config, now), Some(raw));
    session.handle_eof();
    assert_eq!(session.poll_request(&config, now), Some(Request::End));
}

#[test]
fn the_charset_is_decoded_and_remembered() {
    let charset = Charset::named("gbk").expect("a charset");
    let config = SessionConfig { charset, ..config() };
    let now = Instant::now();
    let mut session = Session::new(&config, now);
    session.handle_received(&config, b"\xc4\xe3\xba\xc3\n", now);
    assert_eq!(session.poll_request(&config, now), Some(Request::Start));
    assert_eq!(session.poll_request(&config, now), Some(say("你好")));
    assert_eq!(session.voice(), Voice::Charset);
    session.handle_received(&config, "聊天\n".as_bytes(), now);
    assert_eq!(session.poll_request(&config, now), Some(say("聊天")));
    assert_eq!(session.voice(), Voice::Utf8);
}

proptest::proptest! {
    /// Whatever comes, however it is cut: the same requests, and nothing that could act on a
    /// terminal.
    #[test]
    fn any_bytes_at_any_cuts_give_the_same_requests(
        input in proptest::collection::vec(proptest::sample::select(&ALPHABET[..]), 0..120),
        cuts in proptest::collection::vec(0_usize..120, 0..6),
        ended: bool,
    ) {
        let input: Vec<u8> = input.concat();
        let mut at: Vec<usize> = cuts.into_iter().map(|cut| cut.min(input.len())).collect();
        at.extend([0, input.len()]);
        at.sort_unstable();
        let parts: Vec<&[u8]> = at.windows(2).map(|pair| &input[pair[0]..pair[1]]).collect();
        let whole = fed(&config(), &[&input], ended);
        proptest::prop_assert_eq!(fed(&config(), &parts, ended), &whole[..]);
        let starts = whole.iter().filter(|request| **request == Request::Start).count();
        proptest::prop_assert!(starts <= 1);
    }
}

/// What tells protocols, lines and characters apart.
const ALPHABET: [&[u8]; 16] = [
    b"\n",
    b"\r\n",
    b"\r",
    b"a",
    b"/",
    b"/nick x",
    b"PASS",
    b" ",
    b"GET /",
    b"PROXY TCP4",
    b"\x16",
    b"\x03",
    b"\0",
    b"\xff",
    "ü".as_bytes(),
    b" HTTP/1.1",
];

#[test]
fn where_only_irc_is_spoken_nothing_else_is_and_silence_starts_nothing() {
    let (config, now) = (config(), Instant::now());
    let arrival = Arrival { entrance: Entrance::Irc, ..Arrival::default() };
    for first in [&b"hello\n"[..], b"\r\nhello all\n", b"hi"] {
        let mut session = Session::of(&config, &arrival, now);
        assert_eq!(session.poll_request(&config, now), None);
        assert_eq!(session.poll_timeout(), None);
        assert_eq!(session.poll_request(&config, now + config.silence), None);
        session.handle_received(&config, first, now);
        session.handle_eof();
        assert_eq!(session.poll_request(&config, now), Some(Request::Refuse(Opening::Irc)));
        assert_eq!(session.poll_request(&config, now), None);
    }
    let mut session = Session::of(&config, &arrival, now);
    session.handle_received(&config, b"GET / HTTP/1.1\r\n", now);
    let http = Request::Refuse(Opening::Http { reads: true });
    assert_eq!(session.poll_request(&config, now), Some(http));
}

#[test]
fn lines_of_irc_end_with_cr_or_lf_and_tags_have_their_own_limit() {
    let line = |text: &str| Request::Irc(Input::Line(text.to_owned()));
    let input = b"NICK a\r\n\n\rUSER b\n@t=12345 PING 1\r@t=1234567 PING 2\r\n\xff\r\n\
                  PING 345678901234567\nPING 3\0\n\
                  PING 3456789012345678901234567890123456789012345\rPING 4\n";
    let expected = [
        Request::StartIrc,
        line("NICK a"),
        line("USER b"),
        line("@t=12345 PING 1"),
        Request::Irc(Input::TooLong),
        Request::Irc(Input::NotUtf8),
        Request::Irc(Input::TooLong),
        line("PING 3"),
        Request::Irc(Input::TooLong),
        line("PING 4"),
        Request::End,
    ];
    assert_eq!(every_way(&config(), input, true), expected);
}
