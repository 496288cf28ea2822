//! What must hold of what the room is sent: plain lines, pages' frames.

use std::time::{Duration, Instant};

use sockeye_chat::proto::irc::Input;
use sockeye_chat::proto::irc::message::{self, Message};
use sockeye_chat::proto::websocket::{
    self, CONTROL_BYTES_MAX, CloseCode, Limits, PeerError, Received, Receiver,
};
use sockeye_chat::proto::{
    Charset, Command, Nick, Rate, Request, Session, SessionConfig, Text, clean,
};

mod cuts;

/// The longest line; short, so that a fuzzer reaches it.
const LINE_BYTES_MAX: usize = 16;
/// The longest line of IRC, and the longest tags.
const IRC_LINE_BYTES_MAX: usize = 20;
/// The longest head of a frame.
const HEAD_BYTES_MAX: usize = 14;

/// `input` is a byte for the kind of session, a seed for the cuts, and what a client sends. The
/// requests are the same however it is cut, in the right order, and nothing in them can act on a
/// terminal; lines are what a plain search for LF finds.
pub(crate) fn chat_session(input: &[u8]) {
    let [kind, seed, bytes @ ..] = input else { return };
    let kind = Kind(*kind);
    let [whole, single, pieces] = cuts::divisions(*seed, bytes);
    let requests = asked(kind, &whole);
    assert_eq!(asked(kind, &single), requests, "byte by byte");
    assert_eq!(asked(kind, &pieces), requests, "in pieces");
    let last = requests.len().saturating_sub(1);
    for (place, request) in requests.iter().enumerate() {
        match request {
            Request::Start => assert!(!requests[..place].contains(request), "starts once"),
            Request::End => assert!(kind.ends() && place == last, "ends once, at the end"),
            Request::Refuse(_) => assert!(!kind.is_web() && place == last, "the last word"),
            Request::Close(code, why) => {
                assert!(kind.is_web() && place == last, "the last word");
                server_frame(&websocket::close(*code, why), 8);
            }
            Request::Pong(payload) => assert!(kind.is_web() && payload.len() <= CONTROL_BYTES_MAX),
            Request::Throttled => assert!(kind.is_slow() && place > 0),
            Request::StartIrc => assert!(!kind.is_web(), "a page speaks no IRC"),
            Request::Irc(input) => {
                assert!(requests[..place].contains(&Request::StartIrc), "starts first");
                if let Input::Line(line) = input {
                    assert!(
                        line.len() <= IRC_LINE_BYTES_MAX * 2 && !line.contains(['\0', '\r', '\n'])
                    );
                }
            }
            Request::TooLong => assert!(place > 0),
            Request::Command(command) => {
                assert!(requests[..place].contains(&Request::Start), "starts first");
                harmless(command);
            }
        }
    }
    let refused =
        requests.iter().any(|request| matches!(request, Request::Refuse(_) | Request::StartIrc));
    if !kind.is_web() && !refused {
        let notes = [Request::Start, Request::End, Request::Throttled];
        let said: Vec<Request> =
            requests.into_iter().filter(|request| !notes.contains(request)).collect();
        assert_eq!(said, lines(bytes, kind));
    }
}

/// The kind of a session, by the bits of a byte.
#[derive(Clone, Copy)]
struct Kind(u8);

impl Kind {
    fn ends(self) -> bool {
        self.0 & 1 != 0
    }
    fn is_slow(self) -> bool {
        self.0 & 2 != 0
    }
    fn is_web(self) -> bool {
        self.0 & 4 != 0
    }
    fn charset(self) -> Charset {
        let label = if self.0 & 8 != 0 { "gbk" } else { "utf-8" };
        Charset::named(label).expect("a charset")
    }
    fn config(self) -> SessionConfig {
        SessionConfig {
            line_bytes_max: LINE_BYTES_MAX,
            irc_line_bytes_max: IRC_LINE_BYTES_MAX,
            irc_tags_bytes_max: IRC_LINE_BYTES_MAX,
            flood: self.is_slow().then_some(Rate { burst: 2, per_second: 2 }),
            charset: self.charset(),
            ..SessionConfig::default()
        }
    }
}

/// Feeds a session as a driver does: nothing more is given while it wants nothing, and time goes on
/// only where it waits for that.
fn asked(kind: Kind, parts: &[&[u8]]) -> Vec<Request> {
    let config = kind.config();
    let mut now = Instant::now();
    let mut session = if kind.is_web() {
        Session::of_websocket(&config, false, now)
    } else {
        Session::new(&config, now)
    };
    let mut out = Vec::new();
    poll(&mut session, &config, &mut now, &mut out);
    for part in parts {
        session.handle_received(&config, part, now);
        poll(&mut session, &config, &mut now, &mut out);
        assert!(session.held_bytes() <= IRC_LINE_BYTES_MAX * 2 + HEAD_BYTES_MAX, "holds too much");
    }
    if kind.ends() {
        session.handle_eof();
        poll(&mut session, &config, &mut now, &mut out);
        assert!(!session.want_read(&config) && session.held_bytes() == 0);
        assert!(matches!(out.last(), Some(Request::End | Request::Refuse(_) | Request::Close(..))));
    }
    out
}

/// Takes all requests, those that wait for a slow client's turn too.
fn poll(session: &mut Session, config: &SessionConfig, now: &mut Instant, out: &mut Vec<Request>) {
    loop {
        while let Some(request) = session.poll_request(config, *now) {
            out.push(request);
        }
        let waits = !session.want_read(config);
        let Some(due) = session.poll_timeout().filter(|_| waits) else { return };
        assert!(due > *now && due <= *now + Duration::from_secs(1), "the next turn is near");
        *now = due;
    }
}

/// What is said in plain lines, read with a plain search for LF.
fn lines(bytes: &[u8], kind: Kind) -> Vec<Request> {
    let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let mut said = Vec::new();
    for line in bytes[blank..].split_inclusive(|&byte| byte == b'\n') {
        let whole = line.strip_suffix(b"\n");
        let bare = whole.unwrap_or(line);
        let bare = bare.strip_suffix(b"\r").unwrap_or(bare);
        if bare.len() > LINE_BYTES_MAX {
            said.push(Request::TooLong);
        } else if whole.is_some() || kind.ends() {
            let (text, _) = kind.charset().decode(bare);
            said.extend(Command::parse(&text).map(Request::Command));
        }
    }
    said
}

fn harmless(command: &Command) {
    match command {
        Command::Say(text) | Command::Act(text) => {
            let shown = text.as_str();
            assert!(!shown.contains(['\0', '\r', '\n']) && !text.is_blank() || is_act(command));
            // Each byte that is no character is shown as one of three bytes.
            assert!(shown.len() <= LINE_BYTES_MAX * 3);
            assert_eq!(&Text::new(shown), text);
            let (mut once, mut twice) = (String::new(), String::new());
            clean(&mut once, shown);
            assert!(!once.contains(char::is_control), "{once:?}");
            clean(&mut twice, &once);
            assert_eq!(once, twice);
        }
        Command::Nick(name) => {
            if let Ok(nick) = Nick::new(name) {
                let fits = |c: char| !c.is_control() && !c.is_whitespace() && c != '/';
                assert!(nick.as_str().chars().all(fits), "{nick}");
                assert_eq!(nick.as_str(), name);
                assert!(!nick.fold().starts_with("plain-"));
            }
        }
        Command::Join(name) | Command::Unknown(name) => {
            assert!(!name.contains(['\0', '\r', '\n']), "{name:?}");
        }
        Command::Raw(_) => panic!("bytes of the classic room"),
        Command::Who | Command::Rooms | Command::Help | Command::Quit | Command::Incomplete(_) => {}
    }
}

fn is_act(command: &Command) -> bool {
    matches!(command, Command::Act(_))
}

/// `input` is a byte for the limits, a seed for the cuts, and what a page sends. What is received
/// is the same however it is cut, within the limits, and comes again when it is framed again.
pub(crate) fn chat_websocket(input: &[u8]) {
    let [limits, seed, wire @ ..] = input else { return };
    let limits = Limits {
        message_bytes_max: usize::from(limits & 0x3f) * 5,
        fragments_max: usize::from(limits >> 6) + 1,
    };
    let [whole, single, pieces] = cuts::divisions(*seed, wire);
    let (all, error) = received(limits, &whole);
    assert_eq!(received(limits, &single), (all.clone(), error), "byte by byte");
    assert_eq!(received(limits, &pieces), (all.clone(), error), "in pieces");
    for (place, one) in all.iter().enumerate() {
        match one {
            Received::Text(text) => assert!(text.len() <= limits.message_bytes_max),
            Received::Binary(bytes) => assert!(bytes.len() <= limits.message_bytes_max),
            Received::Ping(payload) | Received::Pong(payload) => {
                assert_eq!(server_frame(&websocket::pong(payload), 10), payload.as_slice());
            }
            Received::Close(code, reason) => {
                assert!(place == all.len() - 1 && error.is_none(), "nothing after a close");
                let bytes = websocket::close(*code, reason);
                let number = code.map(|code| code.number().to_be_bytes().to_vec());
                let payload = [number.unwrap_or_default(), reason.clone().into_bytes()].concat();
                assert_eq!(server_frame(&bytes, 8), payload.as_slice());
            }
        }
    }
    if let Some(PeerError { code, why }) = error {
        let payload = [code.number().to_be_bytes().as_slice(), why.as_bytes()].concat();
        assert_eq!(server_frame(&websocket::close(Some(code), why), 8), payload);
    }
    let again: Vec<u8> = all.iter().flat_map(|one| reframed(one, *seed, limits)).collect();
    assert_eq!(received(limits, &[&again]), (all, None), "framed again");
}

fn received(limits: Limits, parts: &[&[u8]]) -> (Vec<Received>, Option<PeerError>) {
    let mut receiver = Receiver::new(limits);
    let (mut all, mut error) = (Vec::new(), None);
    for part in parts {
        receiver.handle_received(part);
        while let Some(next) = receiver.poll_received() {
            assert_eq!(error, None, "nothing after an error");
            match next {
                Ok(one) => all.push(one),
                Err(found) => error = Some(found),
            }
        }
        let most = limits.message_bytes_max + CONTROL_BYTES_MAX + HEAD_BYTES_MAX;
        assert!(receiver.held_bytes() <= most, "holds too much");
    }
    (all, error)
}

/// A client's frames for what was received: in as many fragments as may be.
fn reframed(one: &Received, seed: u8, limits: Limits) -> Vec<u8> {
    let (opcode, payload) = match one {
        Received::Text(text) => (1, text.clone().into_bytes()),
        Received::Binary(bytes) => (2, bytes.clone()),
        Received::Ping(payload) => return client_frame(0x89, payload, seed),
        Received::Pong(payload) => return client_frame(0x8a, payload, seed),
        Received::Close(code, reason) => {
            let number = code.map(|code: CloseCode| code.number().to_be_bytes().to_vec());
            let payload = [number.unwrap_or_default(), reason.clone().into_bytes()].concat();
            return client_frame(0x88, &payload, seed);
        }
    };
    let length = payload.len().div_ceil(limits.fragments_max).max(1);
    let mut fragments: Vec<&[u8]> = payload.chunks(length).collect();
    if fragments.is_empty() {
        fragments.push(b"");
    }
    let last = fragments.len() - 1;
    let frame = |(place, fragment): (usize, &&[u8])| {
        let first = if place == 0 { opcode } else { 0 } | if place == last { 0x80 } else { 0 };
        client_frame(first, fragment, seed)
    };
    fragments.iter().enumerate().flat_map(frame).collect()
}

fn client_frame(first: u8, payload: &[u8], seed: u8) -> Vec<u8> {
    let mut out = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ 0..=125), _) => out.push(0x80 | length),
        (_, Ok(length)) => {
            out.push(0x80 | 126);
            out.extend_from_slice(&length.to_be_bytes());
        }
        _ => panic!("no message here is so long"),
    }
    let mask = [seed, seed.wrapping_mul(3), !seed, seed ^ 0x55];
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

/// The payload of a server's short frame: whole, of the kind `opcode`, not masked.
fn server_frame(bytes: &[u8], opcode: u8) -> &[u8] {
    let [first, length, payload @ ..] = bytes else { panic!("no frame: {bytes:?}") };
    assert_eq!(*first, 0x80 | opcode);
    assert_eq!(usize::from(*length), payload.len());
    payload
}

/// `input` is a line of IRC. What is taken apart and put together again is the same; values of tags
/// come back from their escapes; a mask matches what a plain reading of it matches.
pub(crate) fn chat_irc(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let line: String = text.chars().filter(|c| !matches!(c, '\0' | '\r' | '\n')).collect();
    if let Some(message) = Message::parse(&line) {
        let mut again = String::new();
        if line.trim_start_matches(' ').starts_with('@') {
            again.push_str(&format!("@{} ", message.tags));
        }
        if let Some(source) = message.source {
            again.push_str(&format!(":{source} "));
        }
        again.push_str(message.command);
        if let Some((last, middle)) = message.params.split_last() {
            for param in middle {
                assert!(!param.is_empty() && !param.contains(' ') && !param.starts_with(':'));
                again.push(' ');
                again.push_str(param);
            }
            message::push_last(&mut again, last);
        }
        assert_eq!(Message::parse(&again).as_ref(), Some(&message), "{again:?}");
        for (key, _) in message::tags(message.tags) {
            let value = message.tag(key).expect("a tag that is there");
            let mut escaped = String::new();
            message::escape(&mut escaped, &value);
            assert!(!escaped.contains([';', ' ']) && message::unescape(&escaped) == value);
        }
    }
    if let Some((mask, name)) = text.split_once(' ') {
        let (mask, name): (Vec<char>, Vec<char>) =
            (mask.chars().take(12).collect(), name.chars().take(12).collect());
        let (shown, other): (String, String) = (mask.iter().collect(), name.iter().collect());
        assert_eq!(message::matches(&shown, &other), plainly(&mask, &name), "{shown:?} {other:?}");
    }
}

/// A mask, read by its definition.
fn plainly(mask: &[char], name: &[char]) -> bool {
    match (mask.split_first(), name.split_first()) {
        (None, _) => name.is_empty(),
        (Some(('*', rest)), None) => plainly(rest, name),
        (Some(('*', rest)), Some((_, fewer))) => plainly(rest, name) || plainly(mask, fewer),
        (Some((c, rest)), Some((d, fewer))) => (*c == '?' || c == d) && plainly(rest, fewer),
        (Some(_), None) => false,
    }
}
