//! Every codec fed whole, byte by byte, at every cut and at random splits gives the same frames.

use proptest::prelude::*;

use super::*;

/// What came out of a stream: the frames, and how it ended.
type Outcome = (Vec<Vec<u8>>, Result<(), FrameError>);

/// Feeds `parts` one after another, as a reader would.
fn feed<C: Codec>(mut codec: C, parts: &[&[u8]]) -> Outcome {
    let mut frames = Vec::new();
    let mut buf = Vec::new();
    for part in parts {
        buf.extend_from_slice(part);
        loop {
            match codec.decode(&buf) {
                Ok(Some(decoded)) => {
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

/// The whole at once, byte by byte and at every cut; gives the one outcome.
fn every_split<C: Codec + Clone>(codec: &C, wire: &[u8]) -> Outcome {
    let whole = feed(codec.clone(), &[wire]);
    let bytes: Vec<&[u8]> = wire.chunks(1).collect();
    assert_eq!(feed(codec.clone(), &bytes), whole, "byte by byte");
    for cut in 0..=wire.len() {
        let (a, b) = wire.split_at(cut);
        assert_eq!(feed(codec.clone(), &[a, b]), whole, "cut at {cut}");
    }
    whole
}

fn frames(list: &[&str]) -> Vec<Vec<u8>> {
    list.iter().map(|frame| frame.as_bytes().to_vec()).collect()
}

#[test]
fn lines_end_with_lf_or_crlf() {
    let outcome = every_split(&Lines::new(5), b"a\nbc\r\n\n\r\nd\re\n12345\r\n");
    assert_eq!(outcome, (frames(&["a", "bc", "", "", "d\re", "12345"]), Ok(())));
    let (got, end) = every_split(&Lines::new(5), b"a\nbc");
    assert_eq!((got, end), (frames(&["a"]), Err(FrameError::Truncated { have: 2, need: 3 })));
}

#[test]
fn a_line_that_is_too_long_is_refused_before_it_is_all_there() {
    let too_long = Err(FrameError::TooLong { len: 6, max: 5 });
    for wire in [&b"ok\n123456"[..], b"ok\n123456\n", b"ok\n12345\r\r\n", b"ok\n12345\rx"] {
        assert_eq!(every_split(&Lines::new(5), wire), (frames(&["ok"]), too_long));
    }
    assert_eq!(every_split(&Lines::new(0), b"\n\r\n"), (frames(&["", ""]), Ok(())));
}

#[test]
fn a_mark_may_have_many_bytes_and_overlap_itself() {
    let mark = Delimiter::new(b"\r\n\r\n", 9);
    let outcome = every_split(&mark, b"ab\r\ncd\r\n\r\n\r\n\r\n");
    assert_eq!(outcome, (frames(&["ab\r\ncd", ""]), Ok(())));
    let aab = Delimiter::new(b"aab", 4);
    assert_eq!(every_split(&aab, b"aaaabxaab"), (frames(&["aa", "x"]), Ok(())));
    let (got, end) = every_split(&aab, b"xyzaa");
    assert_eq!((got, end), (vec![], Err(FrameError::Truncated { have: 5, need: 6 })));
    let too_long = Err(FrameError::TooLong { len: 5, max: 4 });
    assert_eq!(every_split(&aab, b"xyzxyzaab"), (vec![], too_long));
}

#[test]
fn a_length_is_checked_before_its_body_comes() {
    let be = LengthPrefix::<u16, BE>::new(300);
    assert_eq!(every_split(&be, b"\0\x02hi\0\0\0\x01x"), (frames(&["hi", "", "x"]), Ok(())));
    let too_long = Err(FrameError::TooLong { len: 301, max: 300 });
    assert_eq!(every_split(&be, &[1, 45]), (vec![], too_long));
    let cut = Err(FrameError::Truncated { have: 3, need: 4 });
    assert_eq!(every_split(&be, b"\0\x02h"), (vec![], cut));
    let cut = Err(FrameError::Truncated { have: 1, need: 2 });
    assert_eq!(every_split(&be, b"\0"), (vec![], cut));
    let huge = LengthPrefix::<u64, LE>::new(usize::MAX);
    assert!(matches!(every_split(&huge, &[0xff; 8]).1, Err(FrameError::TooLong { .. })));
}

#[test]
fn widths_and_orders_are_as_they_say() {
    fn wire<W: Width, O: Order>() -> Vec<u8> {
        let mut out = Vec::new();
        LengthPrefix::<W, O>::new(1000).encode(b"hey", &mut out).unwrap();
        out
    }
    assert_eq!(wire::<u8, BE>(), b"\x03hey");
    assert_eq!(wire::<u16, LE>(), b"\x03\0hey");
    assert_eq!(wire::<U24, BE>(), b"\0\0\x03hey");
    assert_eq!(wire::<U24, LE>(), b"\x03\0\0hey");
    assert_eq!(wire::<u32, BE>(), b"\0\0\0\x03hey");
    assert_eq!(wire::<u64, LE>(), b"\x03\0\0\0\0\0\0\0hey");
    let mut out = Vec::new();
    let long = vec![0; 256];
    let error = LengthPrefix::<u8, BE>::new(1000).encode(&long, &mut out).unwrap_err();
    assert_eq!((error, out.len()), (FrameError::TooLong { len: 256, max: 255 }, 0));
}

#[test]
fn what_could_not_be_read_is_not_sent() {
    let mut out = Vec::new();
    let lines = Lines::new(3);
    for (line, error) in [
        (&b"a\nb"[..], FrameError::Delimiter),
        (b"a\r", FrameError::Delimiter),
        (b"abcd", FrameError::TooLong { len: 4, max: 3 }),
    ] {
        assert_eq!(lines.encode(line, &mut out), Err(error));
    }
    assert_eq!(Delimiter::new(b"aab", 9).encode(b"xaa", &mut out), Ok(()));
    assert_eq!(out, b"xaaaab");
    out.clear();
    assert_eq!(Delimiter::new(b"abab", 9).encode(b"xab", &mut out), Err(FrameError::Delimiter));
    let error = Fixed::new(4).encode(b"abc", &mut out);
    assert_eq!(error, Err(FrameError::BadLength { len: 3, need: 4 }));
    assert_eq!(out, b"");
    lines.crlf().encode(b"abc", &mut out).unwrap();
    assert_eq!(out, b"abc\r\n");
}

#[test]
fn a_varint_has_seven_bits_a_byte_and_is_as_short_as_can_be() {
    let codec = Varint::new(300);
    let mut wire = Vec::new();
    for len in [0, 1, 127, 128, 300] {
        codec.encode(&vec![7; len], &mut wire).unwrap();
    }
    let outcome = every_split(&codec, &wire);
    assert_eq!(outcome.1, Ok(()));
    assert_eq!(outcome.0.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1, 127, 128, 300]);
    let too_long = |len| Err(FrameError::TooLong { len, max: 300 });
    assert_eq!(every_split(&codec, &[0xad, 2]), (vec![], too_long(301)));
    let largest = [&[0xff; 9][..], &[1]].concat();
    assert_eq!(every_split(&codec, &largest), (vec![], too_long(u64::MAX)));
    for bad in [&[0x80, 0][..], &[0x81, 0], &[0xff, 0x80, 0], &[0xff; 10], &[0x80; 11]] {
        assert_eq!(every_split(&codec, bad), (vec![], Err(FrameError::BadVarint)), "{bad:?}");
    }
    let over = [&[0xff; 9][..], &[2]].concat();
    assert_eq!(every_split(&codec, &over).1, Err(FrameError::BadVarint));
    let cut = |have, need| Err(FrameError::Truncated { have, need });
    assert_eq!(every_split(&codec, &[0x80]).1, cut(1, 2));
    assert_eq!(every_split(&codec, &[3, 1, 1]).1, cut(3, 4));
}

#[test]
fn a_deframer_keeps_what_is_not_whole_and_gives_memory_back() {
    let mut deframer = Deframer::new(LengthPrefix::<u32, BE>::new(100_000));
    let mut wire = Vec::new();
    let frame: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    deframer.codec().encode(&frame, &mut wire).unwrap();
    let mut got = 0;
    for part in wire.chunks(7_000) {
        assert_eq!(deframer.poll_frame(), Ok(None));
        let room = deframer.recv_buffer();
        assert!(room.len() >= part.len());
        room[..part.len()].copy_from_slice(part);
        deframer.handle_received(part.len());
        got += part.len();
        assert_eq!(deframer.rest(), &wire[..got]);
    }
    assert!(deframer.poll_frame().unwrap() == Some(&frame[..]));
    assert_eq!(deframer.handle_eof(), Ok(()));
    deframer.shrink();
    assert_eq!(deframer.rest(), b"");
    deframer.recv_buffer()[0] = 0;
    deframer.handle_received(1);
    deframer.shrink();
    assert_eq!(deframer.handle_eof(), Err(FrameError::Truncated { have: 1, need: 4 }));
}

#[test]
fn fixed_frames_have_one_length() {
    assert_eq!(every_split(&Fixed::new(2), b"abcd"), (frames(&["ab", "cd"]), Ok(())));
    let cut = Err(FrameError::Truncated { have: 1, need: 2 });
    assert_eq!(every_split(&Fixed::new(2), b"abc"), (frames(&["ab"]), cut));
}

/// A random split of a stream, as the lengths of its parts.
fn split<'a>(wire: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut rest = wire;
    for cut in cuts {
        let (part, tail) = rest.split_at((*cut).min(rest.len()));
        parts.push(part);
        rest = tail;
    }
    parts.push(rest);
    parts
}

/// What is sent comes out, however it is split.
fn round_trip<C: Codec + Clone>(codec: &C, sent: &[Vec<u8>], cuts: &[usize]) {
    let mut wire = Vec::new();
    let good: Vec<Vec<u8>> =
        sent.iter().filter(|frame| codec.encode(frame, &mut wire).is_ok()).cloned().collect();
    assert_eq!(feed(codec.clone(), &split(&wire, cuts)), (good, Ok(())));
}

proptest! {
    #[test]
    fn what_is_sent_comes_out(
        sent in prop::collection::vec(prop::collection::vec(prop::sample::select(
            b"ab\r\n\0".to_vec()), 0..12), 0..12),
        cuts in prop::collection::vec(0usize..9, 0..20),
    ) {
        round_trip(&Lines::new(10), &sent, &cuts);
        round_trip(&Lines::new(10).crlf(), &sent, &cuts);
        round_trip(&Delimiter::new(b"aba", 10), &sent, &cuts);
        round_trip(&Fixed::new(3), &sent, &cuts);
        round_trip(&LengthPrefix::<u8, BE>::new(10), &sent, &cuts);
        round_trip(&LengthPrefix::<U24, LE>::new(10), &sent, &cuts);
        round_trip(&LengthPrefix::<u64, BE>::new(10), &sent, &cuts);
        round_trip(&Varint::new(10), &sent, &cuts);
    }

    #[test]
    fn any_bytes_give_one_outcome_however_split(
        wire in prop::collection::vec(
            prop::sample::select(b"ab\r\n\0\x01\x02\x80\xff".to_vec()), 0..60),
        cuts in prop::collection::vec(0usize..9, 0..20),
    ) {
        let parts = split(&wire, &cuts);
        let whole = [wire.as_slice()];
        prop_assert_eq!(feed(Lines::new(6), &parts), feed(Lines::new(6), &whole));
        let mark = Delimiter::new(b"ab\r", 6);
        prop_assert_eq!(feed(mark.clone(), &parts), feed(mark, &whole));
        let prefix = LengthPrefix::<u16, LE>::new(300);
        prop_assert_eq!(feed(prefix.clone(), &parts), feed(prefix, &whole));
        prop_assert_eq!(feed(Varint::new(9), &parts), feed(Varint::new(9), &whole));
    }
}
