//! What must hold of the frame codecs for every stream, however it is cut.

use std::io::{self, Read};

use sockeye_socket::frame::{
    BE, Codec, Delimiter, Fixed, FrameError, Framed, FramedError, LE, LengthPrefix, Lines, U24,
    Varint,
};

mod cuts;

/// The bytes that a codec may keep beside a frame: the widest length.
const BESIDE_FRAME_BYTES: usize = 8;

/// The frames of a stream, and how it ended.
type Outcome = (Vec<Vec<u8>>, Result<(), FrameError>);

/// `input` is a byte for the codec and its maximum, a seed for the cuts, and the stream.
pub(crate) fn frames(input: &[u8]) {
    let [kind, seed, wire @ ..] = input else { return };
    let max = usize::from(kind >> 4);
    match kind & 15 {
        0 => lines(max, *seed, wire),
        1 => exact(&Varint::new(max * 20), *seed, wire),
        2 => delimited(b"\r\n\r\n", max, *seed, wire),
        3 => delimited(b"aab", max, *seed, wire),
        4 => delimited(b",", max, *seed, wire),
        5 => exact(&Fixed::new(max + 1), *seed, wire),
        6 => exact(&LengthPrefix::<u8, BE>::new(max), *seed, wire),
        7 => exact(&LengthPrefix::<u16, BE>::new(max), *seed, wire),
        8 => exact(&LengthPrefix::<u16, LE>::new(max), *seed, wire),
        9 => exact(&LengthPrefix::<U24, BE>::new(max), *seed, wire),
        10 => exact(&LengthPrefix::<U24, LE>::new(max), *seed, wire),
        11 => exact(&LengthPrefix::<u32, BE>::new(max), *seed, wire),
        12 => exact(&LengthPrefix::<u32, LE>::new(max), *seed, wire),
        13 => exact(&LengthPrefix::<u64, BE>::new(max), *seed, wire),
        14 => exact(&LengthPrefix::<u64, LE>::new(max), *seed, wire),
        _ => exact(&LengthPrefix::<u64, LE>::new(usize::MAX), *seed, wire),
    }
}

/// Lines are what a plain search for LF finds, and what is sent of them comes out again.
fn lines(max: usize, seed: u8, wire: &[u8]) {
    let outcome = one_outcome(&Lines::new(max), seed, wire);
    let mut expected = Vec::new();
    let mut end = Ok(());
    for line in wire.split_inclusive(|&byte| byte == b'\n') {
        let whole = line.strip_suffix(b"\n");
        let bare = whole.unwrap_or(line);
        let bare = bare.strip_suffix(b"\r").unwrap_or(bare);
        if bare.len() > max {
            end = Err(FrameError::TooLong { len: u64_of(max) + 1, max });
            break;
        }
        match whole {
            Some(_) => expected.push(bare.to_vec()),
            None => end = Err(FrameError::Truncated { have: line.len(), need: line.len() + 1 }),
        }
    }
    assert_eq!(outcome, (expected, end));
    // A line that ends with CR cannot be sent, since it would lose it.
    let sendable: Vec<Vec<u8>> =
        outcome.0.into_iter().filter(|line| !line.ends_with(b"\r")).collect();
    for codec in [Lines::new(max), Lines::new(max).crlf()] {
        let sent = sent(&codec, &sendable);
        assert_eq!(one_outcome(&codec, seed, &sent), (sendable.clone(), Ok(())));
    }
}

/// Frames before a mark are what a plain search for the mark finds.
fn delimited(mark: &[u8], max: usize, seed: u8, wire: &[u8]) {
    let codec = Delimiter::new(mark, max);
    let (frames, end) = every_byte_counts(&codec, seed, wire);
    let mut rest = wire;
    for frame in &frames {
        let at = rest.windows(mark.len()).position(|window| window == mark);
        assert_eq!(at, Some(frame.len()), "the first mark ends a frame");
        rest = &rest[frame.len() + mark.len()..];
    }
    let next = rest.windows(mark.len()).position(|window| window == mark);
    match end {
        Ok(()) => assert_eq!(rest, b""),
        Err(FrameError::TooLong { .. }) => assert!(next.unwrap_or(rest.len()) > max),
        Err(FrameError::Truncated { have, .. }) => {
            assert_eq!((next, have), (None, rest.len()));
        }
        Err(other) => panic!("{other} of a delimiter"),
    }
}

/// One outcome however it is cut; and where a codec has one way to write a frame, what came is
/// what the frames are written as.
fn every_byte_counts<C: Codec + Clone>(codec: &C, seed: u8, wire: &[u8]) -> Outcome {
    let outcome = one_outcome(codec, seed, wire);
    let again = sent(codec, &outcome.0);
    assert!(wire.starts_with(&again), "the frames are the stream");
    match outcome.1 {
        Ok(()) => assert_eq!(again, wire),
        Err(FrameError::Truncated { have, need }) => {
            assert_eq!(again.len() + have, wire.len());
            assert!(have < need, "{have} of {need}");
        }
        // The largest maximum has no room for the length itself.
        Err(FrameError::TooLong { len, max }) => assert!(len > u64_of(max) || max == usize::MAX),
        Err(FrameError::BadVarint) => {}
        Err(other) => panic!("{other} of a stream that came"),
    }
    outcome
}

fn exact<C: Codec + Clone>(codec: &C, seed: u8, wire: &[u8]) {
    let _one = every_byte_counts(codec, seed, wire);
}

fn one_outcome<C: Codec + Clone>(codec: &C, seed: u8, wire: &[u8]) -> Outcome {
    let [whole, bytes, pieces] = cuts::divisions(seed, wire);
    let outcome = fed(codec.clone(), &whole);
    assert_eq!(fed(codec.clone(), &bytes), outcome, "byte by byte");
    assert_eq!(fed(codec.clone(), &pieces), outcome, "in pieces");
    assert_eq!(framed(codec.clone(), pieces), outcome, "over a stream that times out");
    outcome
}

fn fed<C: Codec>(mut codec: C, parts: &[&[u8]]) -> Outcome {
    let mut frames = Vec::new();
    let mut buf: Vec<u8> = Vec::new();
    for part in parts {
        buf.extend_from_slice(part);
        loop {
            match codec.decode(&buf) {
                Ok(Some(decoded)) => {
                    assert!(decoded.consumed > 0 && decoded.consumed <= buf.len());
                    assert!(decoded.frame.end <= decoded.consumed);
                    frames.push(buf[decoded.frame].to_vec());
                    buf.drain(..decoded.consumed);
                }
                Ok(None) => break,
                Err(error) => return (frames, Err(error)),
            }
        }
    }
    (frames, codec.finish(&buf))
}

/// Each piece comes after a timeout; none may be lost by it.
struct Drip<'a> {
    pieces: std::vec::IntoIter<&'a [u8]>,
    waited: bool,
}

impl Read for Drip<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.waited = !self.waited;
        if self.waited {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let piece = self.pieces.next().unwrap_or_default();
        buf[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }
}

fn framed<C: Codec>(codec: C, pieces: Vec<&[u8]>) -> Outcome {
    let drip = Drip { pieces: pieces.into_iter(), waited: false };
    let mut stream = Framed::new(drip, codec);
    let mut frames = Vec::new();
    loop {
        match stream.recv() {
            Ok(Some(frame)) => frames.push(frame.to_vec()),
            Ok(None) => return (frames, Ok(())),
            Err(FramedError::Frame(error)) => return (frames, Err(error)),
            Err(FramedError::Io(error)) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            Err(other) => panic!("{other} of a stream that is only read"),
        }
    }
}

fn sent<C: Codec>(codec: &C, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for frame in frames {
        let before = out.len();
        codec.encode(frame, &mut out).expect("what came can be sent");
        assert!(out.len() - before <= frame.len() + BESIDE_FRAME_BYTES);
    }
    out
}

fn u64_of(length: usize) -> u64 {
    u64::try_from(length).expect("a length fits in 64 bits")
}
