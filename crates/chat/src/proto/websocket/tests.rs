//! Frames whole, byte by byte and at every cut; and against tungstenite.

use std::io::{self, Read, Write};

use proptest::prelude::*;
use tungstenite::protocol::{Role, WebSocket};
use tungstenite::{Message, Utf8Bytes};

use super::*;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A client's frame: the first byte, and the payload masked.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match payload.len() {
        length @ 0..=125 => out.push(0x80 | u8::try_from(length).expect("short")),
        length @ 126..=65535 => {
            out.push(0x80 | 126);
            out.extend_from_slice(&u16::try_from(length).expect("fits").to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend_from_slice(&u64::try_from(length).expect("fits").to_be_bytes());
        }
    }
    out.extend_from_slice(&MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

type Outcome = (Vec<Received>, Option<PeerError>);

fn read(pieces: &[&[u8]], limits: Limits) -> Outcome {
    let mut receiver = Receiver::new(limits);
    let (mut all, mut error) = (Vec::new(), None);
    for piece in pieces {
        receiver.handle_received(piece);
        while let Some(next) = receiver.poll_received() {
            match next {
                Ok(received) => all.push(received),
                Err(found) => error = Some(found),
            }
        }
        assert!(receiver.held_bytes() <= limits.message_bytes_max + CONTROL_BYTES_MAX + 14);
    }
    (all, error)
}

/// Reads whole, byte by byte and at every cut; all must agree.
fn read_every_way(bytes: &[u8], limits: Limits) -> Outcome {
    let whole = read(&[bytes], limits);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(read(&single, limits), whole, "byte by byte");
    for cut in 0..bytes.len() {
        assert_eq!(read(&[&bytes[..cut], &bytes[cut..]], limits), whole, "cut at {cut}");
    }
    whole
}

fn good(frames: &[Vec<u8>]) -> Vec<Received> {
    let (all, error) = read_every_way(&frames.concat(), Limits::default());
    assert_eq!(error, None);
    all
}

fn bad(frames: &[Vec<u8>]) -> CloseCode {
    let limits = Limits { message_bytes_max: 300, fragments_max: 4 };
    let mut bytes = frames.concat();
    let fault = read_every_way(&bytes, limits).1.expect("an error");
    bytes.extend_from_slice(&frame(0x81, b"after"));
    let (all, error) = read(&[&bytes], limits);
    assert_eq!(error, Some(fault));
    assert!(!all.contains(&Received::Text("after".into())));
    fault.code
}

#[test]
fn the_rfc_s_own_examples() {
    let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58].to_vec();
    assert_eq!(frame(0x81, b"Hello"), hello);
    assert_eq!(good(&[hello]), [Received::Text("Hello".into())]);
    assert_eq!(text("Hello"), b"\x81\x05Hello");
    assert_eq!(ping(b"Hello"), b"\x89\x05Hello");
    assert_eq!(pong(b""), b"\x8a\0");
    assert_eq!(text(&"x".repeat(256))[..4], *b"\x81\x7e\x01\x00");
    assert_eq!(text(&"x".repeat(65536))[..10], *b"\x81\x7f\0\0\0\0\0\x01\0\0");
}

#[test]
fn fragments_join_and_controls_come_between() {
    let frames = [
        frame(0x01, b"gr\xc3"),
        frame(0x89, b"p"),
        frame(0x00, b"\xbcn "),
        frame(0x00, b""),
        frame(0x80, b"\xe8\x81\x8a"),
        frame(0x82, b"\xff\0"),
        frame(0x8a, b""),
        frame(0x81, b""),
        frame(0x88, b"\x03\xe8bye"),
    ];
    let expected = [
        Received::Ping(b"p".to_vec()),
        Received::Text("grün 聊".into()),
        Received::Binary(b"\xff\0".to_vec()),
        Received::Pong(Vec::new()),
        Received::Text(String::new()),
        Received::Close(Some(CloseCode::NORMAL), "bye".into()),
    ];
    assert_eq!(good(&frames), expected);
}

#[test]
fn what_breaks_the_protocol_is_told_so() {
    for first in [0xc1, 0xa1, 0x91, 0x83, 0x87, 0x8b, 0x8f, 0x08, 0x09, 0x0a, 0x80, 0x00] {
        assert_eq!(bad(&[frame(first, b"")]), CloseCode::PROTOCOL, "{first:x}");
    }
    assert_eq!(bad(&[b"\x81\x05Hello".to_vec()]), CloseCode::PROTOCOL);
    assert_eq!(bad(&[frame(0x01, b"a"), frame(0x81, b"b")]), CloseCode::PROTOCOL);
    assert_eq!(bad(&[frame(0x89, &[0; 126])]), CloseCode::PROTOCOL);
    assert_eq!(bad(&[b"\x81\xfe\0\x7d".to_vec()]), CloseCode::PROTOCOL);
    assert_eq!(bad(&[b"\x81\xff\0\0\0\0\0\0\xff\xff".to_vec()]), CloseCode::PROTOCOL);
    assert_eq!(bad(&[b"\x81\xff\x80\0\0\0\0\0\0\0".to_vec()]), CloseCode::PROTOCOL);
    for payload in [&b"\x03"[..], b"\x03\xed", b"\x03\xee", b"\x03\xe7", b"\x13\x88"] {
        assert_eq!(bad(&[frame(0x88, payload)]), CloseCode::PROTOCOL, "{payload:?}");
    }
}

#[test]
fn texts_are_utf_8_and_found_out_early() {
    for text in
        [&b"\xff"[..], b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"ok\x80", b"\xc3"]
    {
        assert_eq!(bad(&[frame(0x81, text)]), CloseCode::INVALID_DATA, "{text:?}");
    }
    assert_eq!(bad(&[frame(0x01, b"\xc3"), frame(0x80, b"x")]), CloseCode::INVALID_DATA);
    assert_eq!(bad(&[frame(0x88, b"\x03\xe8\xff")]), CloseCode::INVALID_DATA);
    let mut long = frame(0x01, &[b'x'; 200]);
    long.truncate(8 + 4);
    long[8] = 0xff ^ MASK[0];
    assert_eq!(read(&[&long], Limits::default()).1.map(|e| e.code), Some(CloseCode::INVALID_DATA));
}

#[test]
fn what_is_too_long_is_refused_by_its_head() {
    assert_eq!(bad(&[frame(0x81, &[b'x'; 301])[..8].to_vec()]), CloseCode::TOO_BIG);
    assert_eq!(bad(&[frame(0x02, &[0; 200]), frame(0x80, &[0; 101])]), CloseCode::TOO_BIG);
    let endless = b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0".to_vec();
    assert_eq!(bad(&[endless]), CloseCode::TOO_BIG);
    let mut empties = vec![frame(0x01, b"")];
    empties.extend((0..4).map(|_| frame(0x00, b"")));
    assert_eq!(bad(&empties), CloseCode::POLICY);
    let limits = Limits { message_bytes_max: 300, fragments_max: 4 };
    let (all, error) = read_every_way(&frame(0x82, &[7; 300]), limits);
    assert_eq!((all, error), (vec![Received::Binary(vec![7; 300])], None));
}

#[test]
fn a_close_is_cut_between_characters() {
    let reason = "ü".repeat(100);
    let bytes = close(Some(CloseCode::POLICY), &reason);
    assert_eq!(usize::from(bytes[1]) + 2, bytes.len());
    assert!(std::str::from_utf8(&bytes[4..]).is_ok());
    assert_eq!(bytes.len(), 2 + 2 + 122);
    assert_eq!(close(None, "unsaid"), b"\x88\0");
    assert!(ping(&[0; 200]).len() == 2 + CONTROL_BYTES_MAX);
}

/// Both directions of a connection that tungstenite uses, in memory.
#[derive(Default)]
struct Pipe {
    incoming: io::Cursor<Vec<u8>>,
    outgoing: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.incoming.read(buf)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.outgoing.write(buf)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug, Clone)]
enum Sent {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
}

fn any_sent() -> impl Strategy<Value = Sent> {
    prop_oneof![
        ".{0,200}".prop_map(Sent::Text),
        prop::collection::vec(any::<u8>(), 0..400).prop_map(Sent::Binary),
        prop::collection::vec(any::<u8>(), 0..=125).prop_map(Sent::Ping),
    ]
}

proptest! {
    #[test]
    fn whatever_tungstenite_says_is_understood(
        sent in prop::collection::vec(any_sent(), 0..8),
        step in 1_usize..64,
    ) {
        let mut client = WebSocket::from_raw_socket(Pipe::default(), Role::Client, None);
        let mut expected = Vec::new();
        for one in sent {
            let (message, received) = match one {
                Sent::Text(text) => (Message::text(text.as_str()), Received::Text(text)),
                Sent::Binary(bytes) => (Message::binary(bytes.clone()), Received::Binary(bytes)),
                Sent::Ping(bytes) => (Message::Ping(bytes.clone().into()), Received::Ping(bytes)),
            };
            client.send(message).unwrap();
            expected.push(received);
        }
        client.close(None).unwrap();
        expected.push(Received::Close(None, String::new()));
        let pieces: Vec<&[u8]> = client.get_ref().outgoing.chunks(step).collect();
        prop_assert_eq!(read(&pieces, Limits::default()), (expected, None));
    }

    #[test]
    fn tungstenite_understands_whatever_we_say(
        words in ".{0,300}",
        long in 0_usize..70_000,
        payload in prop::collection::vec(any::<u8>(), 0..=125),
    ) {
        let long = "聊".repeat(long / 3);
        let bytes = [
            text(&words),
            ping(&payload),
            text(&long),
            close(Some(CloseCode::GOING_AWAY), "stopping"),
        ];
        let pipe = Pipe { incoming: io::Cursor::new(bytes.concat()), outgoing: Vec::new() };
        let mut client = WebSocket::from_raw_socket(pipe, Role::Client, None);
        prop_assert_eq!(client.read().unwrap(), Message::Text(Utf8Bytes::from(words)));
        prop_assert_eq!(client.read().unwrap(), Message::Ping(payload.into()));
        prop_assert_eq!(client.read().unwrap(), Message::Text(Utf8Bytes::from(long)));
        let Message::Close(Some(why)) = client.read().unwrap() else { panic!("no close") };
        prop_assert_eq!((u16::from(why.code), why.reason.as_str()), (1001, "stopping"));
    }

    #[test]
    fn no_bytes_do_harm(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        step in 1_usize..32,
    ) {
        let whole = read(&[&bytes], Limits::default());
        let pieces: Vec<&[u8]> = bytes.chunks(step).collect();
        prop_assert_eq!(read(&pieces, Limits::default()), whole);
    }

    #[test]
    fn a_message_in_any_fragments_is_the_message(
        words in ".{0,120}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(words.len() + 1)).collect();
        places.extend([0, words.len()]);
        places.sort_unstable();
        let last = places.len() - 2;
        let frames: Vec<Vec<u8>> = places.windows(2).enumerate().map(|(place, ends)| {
            let opcode = u8::from(place == 0) | if place == last { 0x80 } else { 0 };
            frame(opcode, &words.as_bytes()[ends[0]..ends[1]])
        }).collect();
        let read = read(&[&frames.concat()], Limits::default());
        prop_assert_eq!(read, (vec![Received::Text(words)], None));
    }
}
