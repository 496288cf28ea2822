//! The life of a connection, in memory: however bytes and time are cut, the same is said; the
//! driver keeps its side of the contract, whatever the peer and the time do.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use sockeye_testkit::{Clock, every_split};

use super::life::{Broken, Life, Orders, Ready, Wants, Wire};
use super::*;
use crate::frame::{BE, LengthPrefix};
use crate::server::Limits;

const MS: Duration = Duration::from_millis(1);

fn answer(line: &[u8], answer: &mut Buffer) -> ControlFlow<()> {
    let reversed: Vec<u8> = line.iter().rev().copied().collect();
    answer.push(&reversed);
    answer.push(b"\n");
    if line == b"bye" { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// What the peer hears who sends these pieces, has `room` for what it is sent and reads `sip`
/// bytes at a time; and how it ended.
fn conversation<P: Protocol>(
    protocol: P,
    pieces: &[&[u8]],
    room: usize,
    sip: usize,
) -> (Vec<u8>, Option<Outcome>) {
    let now = Instant::now();
    let mut memory = Memory::new(protocol).room(room);
    let mut heard = Vec::new();
    for piece in pieces {
        memory.feed(piece, now);
        heard.extend(memory.take(sip, now));
    }
    memory.feed_eof(now);
    loop {
        match memory.take(sip, now) {
            data if data.is_empty() => return (heard, memory.outcome()),
            data => heard.extend(data),
        }
    }
}

#[test]
fn an_echo_is_the_same_however_it_is_cut() {
    for (room, sip) in [(usize::MAX, usize::MAX), (1, 1), (3, 2)] {
        let said =
            every_split(b"hello, world", |pieces| conversation(Echo::new(), pieces, room, sip));
        assert_eq!(said, (b"hello, world".to_vec(), Some(Outcome::Finished)));
    }
}

#[test]
fn a_dialogue_is_the_same_however_it_is_cut() {
    for (room, sip) in [(usize::MAX, usize::MAX), (1, 1), (5, 3)] {
        let talk = |pieces: &[&[u8]]| conversation(Dialogue::new(8, answer), pieces, room, sip);
        let said = every_split(b"abc\r\n\ndef\nhalf", talk);
        assert_eq!(said, (b"cba\n\nfed\n".to_vec(), Some(Outcome::Finished)));
        let said = every_split(b"abc\nbye\nmore\n", talk);
        assert_eq!(said, (b"cba\neyb\n".to_vec(), Some(Outcome::Finished)));
        let said = every_split(b"abc\n123456789\nmore\n", talk);
        assert_eq!(said, (b"cba\n".to_vec(), Some(Outcome::Finished)));
    }
}

/// Frames behind a length of one byte, answered twice, the second time reversed; `.` ends.
fn twice() -> impl Protocol {
    Dialogue::with_codec(LengthPrefix::<u8, BE>::new(8), |frame, replies| {
        let reversed: Vec<u8> = frame.iter().rev().copied().collect();
        for reply in [frame, &reversed] {
            replies.push(reply).unwrap();
        }
        // Nothing of a reply that is no frame is sent.
        let waiting = replies.len_bytes();
        assert!(replies.push(&[0; 9]).is_err() && replies.len_bytes() == waiting);
        if frame == b"." { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

#[test]
fn a_dialogue_in_frames_is_the_same_however_it_is_cut() {
    for (room, sip) in [(usize::MAX, usize::MAX), (1, 1), (5, 3)] {
        let talk = |pieces: &[&[u8]]| conversation(twice(), pieces, room, sip);
        let said = every_split(b"\x03abc\0\x02de\x04cut", talk);
        let heard = b"\x03abc\x03cba\0\0\x02de\x02ed".to_vec();
        assert_eq!(said, (heard, Some(Outcome::Finished)));
        let said = every_split(b"\x01a\x01.\x04more", talk);
        assert_eq!(said, (b"\x01a\x01a\x01.\x01.".to_vec(), Some(Outcome::Finished)));
        let said = every_split(b"\x01a\x09too long.\x01b", talk);
        assert_eq!(said, (b"\x01a\x01a".to_vec(), Some(Outcome::Finished)));
    }
}

#[test]
fn a_long_frame_comes_in_long_pieces_and_the_memory_goes_with_it() {
    let now = Instant::now();
    let mut dialogue = Dialogue::with_codec(LengthPrefix::<u32, BE>::new(1 << 20), |frame, out| {
        out.push(frame).unwrap();
        ControlFlow::Continue(())
    });
    let frame = [&(1_u32 << 20).to_be_bytes()[..], &vec![7; 1 << 20]].concat();
    let (mut at, mut pieces) = (0, 0);
    while at < frame.len() {
        let room = dialogue.recv_buffer();
        let bytes = room.len().min(frame.len() - at);
        room[..bytes].copy_from_slice(&frame[at..at + bytes]);
        dialogue.handle_received(bytes, now);
        (at, pieces) = (at + bytes, pieces + 1);
    }
    assert!(pieces < 30 && !dialogue.want_read(), "{pieces} pieces");
    assert!(dialogue.poll_transmit() == frame);
    dialogue.handle_transmitted(frame.len(), now);
    assert!(dialogue.want_read() && dialogue.recv_buffer().len() < 8192);
}

#[test]
fn a_line_that_drips_in_ends_the_dialogue_and_a_long_wait_between_lines_does_not() {
    let mut clock = Clock::new();
    let dialogue = Dialogue::new(100, answer).idle(20 * MS, clock.now()).line_timeout(50 * MS);
    let mut memory = Memory::new(dialogue);
    for _ in 0..10 {
        // The end of one line and the begin of the next, in one piece: the next has begun.
        memory.feed(b"a", clock.advance(15 * MS));
        memory.feed(b"bc\nd", clock.advance(15 * MS));
        assert_eq!(memory.poll_timeout(), Some(clock.now() + 20 * MS));
        memory.feed(b"\n", clock.advance(15 * MS));
        assert_eq!(memory.take(100, clock.now()), b"cba\nd\n");
    }
    memory.feed(b"x\ny", clock.advance(19 * MS));
    let begun = clock.now();
    for _ in 0..3 {
        memory.feed(b"y", clock.advance(15 * MS));
    }
    // Whichever comes first counts.
    assert_eq!(memory.poll_timeout(), Some(begun + 50 * MS));
    memory.feed(b"y", clock.advance(4 * MS));
    assert!(!memory.is_ended());
    memory.tick(clock.advance(MS));
    assert!(memory.is_ended() && !memory.is_reset());
    memory.feed_eof(clock.now());
    assert_eq!(memory.outcome(), Some(Outcome::Finished));
}

#[test]
fn the_time_of_a_line_does_not_run_while_it_may_not_come() {
    let mut clock = Clock::new();
    let mut memory = Memory::new(Dialogue::new(10, answer).line_timeout(5 * MS)).room(1000);
    memory.feed(&b"12345678\n".repeat(20_000), clock.now());
    memory.feed(b"hal", clock.now());
    assert!(memory.unread() > 0 && memory.poll_timeout().is_none());
    memory.tick(clock.advance(100 * MS));
    let mut heard = 0;
    while heard < 180_000 {
        assert!(!memory.is_ended(), "after {heard} bytes");
        // The last line begins when it may come.
        let waits = memory.poll_timeout().is_none();
        assert!(waits || memory.unread() == 0, "after {heard} bytes");
        heard += memory.take(1000, if waits { clock.advance(MS) } else { clock.now() }).len();
    }
    assert_eq!(heard, 180_000);
    memory.tick(clock.advance(5 * MS));
    assert!(memory.is_ended());
}

#[test]
fn a_reader_that_stops_reading_is_not_read_from_and_bounded() {
    let now = Instant::now();
    let mut memory = Memory::new(Echo::new()).room(1000);
    memory.feed(&[7; 1 << 20], now);
    let kept = memory.protocol().unwrap().poll_transmit().len();
    assert!(kept <= 70 * 1024 && memory.unread() > 900_000, "{kept}, {}", memory.unread());
    let mut memory = Memory::new(Dialogue::new(10, answer)).room(1000);
    memory.feed(&b"12345678\n".repeat(100_000), now);
    let kept = memory.protocol().unwrap().poll_transmit().len();
    assert!(kept <= 70 * 1024 && memory.unread() > 700_000, "{kept}, {}", memory.unread());
    // It goes on where it was, to the last line.
    let mut heard = 0;
    while heard < 900_000 {
        let taken = memory.take(1000, now).len();
        assert!(taken > 0, "it stopped after {heard} bytes");
        heard += taken;
    }
    assert_eq!(memory.unread(), 0);
}

#[test]
fn an_idle_dialogue_ends_and_a_stuck_one_is_aborted() {
    let mut clock = Clock::new();
    let idle = |clock: &Clock| Dialogue::new(100, answer).idle(10 * MS, clock.now());
    let mut memory = Memory::new(idle(&clock));
    memory.feed(b"abc\n", clock.advance(9 * MS));
    memory.tick(clock.advance(9 * MS));
    assert_eq!(memory.poll_timeout(), Some(clock.now() + MS));
    assert!(!memory.is_ended());
    memory.tick(clock.advance(MS));
    assert!(memory.is_ended() && memory.take(9, clock.now()) == b"cba\n");
    let mut memory = Memory::new(idle(&clock)).room(2);
    memory.feed(b"abc\n", clock.now());
    memory.tick(clock.advance(10 * MS));
    assert_eq!(memory.outcome(), Some(Outcome::Aborted));
    assert!(memory.is_reset() && !memory.is_ended());
}

#[test]
fn a_shutdown_answers_what_has_come_and_ends() {
    let now = Instant::now();
    let mut memory = Memory::new(Dialogue::new(100, answer)).room(2);
    memory.feed(b"abc\ndef\nha", now);
    memory.shutdown(now);
    let mut heard = Vec::new();
    while heard.len() < 8 {
        // The end is behind the last bytes.
        assert_eq!(memory.is_ended(), heard.len() == 6);
        heard.extend(memory.take(2, now));
    }
    assert_eq!(heard, b"cba\nfed\n");
    assert!(memory.is_ended());
    memory.feed_eof(now);
    assert_eq!(memory.outcome(), Some(Outcome::Finished));
}

#[test]
fn the_drain_ends_by_the_peer_by_time_or_by_bytes() {
    let limits = Limits { drain_timeout: 5 * MS, drain_bytes_max: 100, ..Limits::default() };
    let mut clock = Clock::new();
    let closing = |clock: &Clock| {
        let mut memory = Memory::with_limits(Dialogue::new(100, answer), &limits);
        memory.feed(b"bye\n", clock.now());
        assert!(memory.is_ended() && memory.outcome().is_none());
        // The protocol is gone already.
        assert!(memory.protocol().is_none());
        assert_eq!(memory.poll_timeout(), Some(clock.now() + 5 * MS));
        memory
    };
    let mut memory = closing(&clock);
    memory.feed(&[0; 100], clock.now());
    assert_eq!((memory.outcome(), memory.unread()), (None, 0));
    memory.feed_eof(clock.now());
    assert_eq!((memory.outcome(), memory.is_reset()), (Some(Outcome::Finished), false));
    let mut memory = closing(&clock);
    memory.feed(&[0; 101], clock.now());
    assert_eq!(memory.outcome(), Some(Outcome::Finished));
    let mut memory = closing(&clock);
    memory.feed_reset(clock.now());
    assert_eq!(memory.outcome(), Some(Outcome::Finished));
    let mut memory = closing(&clock);
    memory.cut(clock.now());
    assert_eq!((memory.outcome(), memory.is_reset()), (Some(Outcome::Finished), false));
    let mut memory = closing(&clock);
    memory.tick(clock.advance(4 * MS));
    assert_eq!(memory.outcome(), None);
    memory.tick(clock.advance(MS));
    assert_eq!(memory.outcome(), Some(Outcome::Finished));
}

#[test]
fn what_comes_while_the_last_bytes_go_is_discarded_within_the_limit() {
    let now = Instant::now();
    let limits = Limits { drain_bytes_max: 1000, ..Limits::default() };
    let mut memory = Memory::with_limits(Dialogue::new(100, answer), &limits).room(1);
    memory.feed(b"bye\n", now);
    memory.feed(&[0; 900], now);
    assert_eq!((memory.unread(), memory.is_ended()), (0, false));
    // Over the limit it is not read any more; what was said is still sent.
    memory.feed(&[0; 40_000], now);
    assert!(memory.unread() > 0 && memory.outcome().is_none());
    assert_eq!((0..4).map(|_| memory.take(1, now)[0]).collect::<Vec<_>>(), b"eyb\n");
    assert_eq!(memory.outcome(), Some(Outcome::Finished));
}

#[test]
fn a_broken_wire_an_abort_and_the_deadline_are_told_apart() {
    let now = Instant::now();
    let mut memory = Memory::new(Echo::new());
    memory.feed(b"x", now);
    memory.feed_reset(now);
    assert_eq!(memory.outcome(), Some(Outcome::Reset));
    let mut memory = Memory::new(Echo::new());
    memory.cut(now);
    assert_eq!((memory.outcome(), memory.is_reset()), (Some(Outcome::Cut), true));
    let mut memory = Memory::new(Dialogue::new(9, |_: &[u8], _: &mut Buffer| panic!("so it is")));
    memory.feed(b"x\n", now);
    assert_eq!((memory.outcome(), memory.is_reset()), (Some(Outcome::Aborted), true));
}

/// A wire that gives and takes without end, and counts.
#[derive(Default)]
struct Endless(usize);

impl Wire for Endless {
    fn recv(&mut self, buf: &mut [u8]) -> Result<Option<usize>, Broken> {
        self.0 += buf.len();
        Ok(Some(buf.len()))
    }

    fn send(&mut self, data: &[u8]) -> Result<Option<usize>, Broken> {
        self.0 += data.len();
        Ok(Some(data.len()))
    }

    fn end(&mut self) -> Result<(), Broken> {
        Ok(())
    }

    fn reset(&mut self) {}
}

#[test]
fn a_turn_is_bounded() {
    let now = Instant::now();
    let mut wire = Endless::default();
    let mut life = Life::new(Echo::new(), &Limits::default());
    life.turn(&mut wire, Orders::default(), Ready::BOTH, now).unwrap();
    assert!(wire.0 >= 256 * 1024 && wire.0 <= 264 * 1024, "{}", wire.0);
    // Draining too, and what a protocol has in one piece.
    struct Big(Vec<u8>, usize);
    impl Protocol for Big {
        fn recv_buffer(&mut self) -> &mut [u8] {
            &mut self.0
        }
        fn handle_received(&mut self, _: usize, _: Instant) {}
        fn handle_eof(&mut self, _: Instant) {}
        fn poll_transmit(&self) -> &[u8] {
            &self.0[self.1..]
        }
        fn handle_transmitted(&mut self, bytes: usize, _: Instant) {
            self.1 += bytes;
        }
        fn poll_close(&self) -> Option<Close> {
            Some(Close::Finish)
        }
    }
    let mut life = Life::new(Big(vec![0; 1 << 20], 0), &Limits::default());
    for _ in 0..10 {
        wire.0 = 0;
        let wants = life.turn(&mut wire, Orders::default(), Ready::BOTH, now).unwrap();
        assert!(wire.0 <= 288 * 1024, "{}", wire.0);
        assert!(wants.read);
    }
}

/// Checks that the driver keeps the contract, and behaves at random within its own.
struct Strict {
    faults: Rc<RefCell<Vec<&'static str>>>,
    out: VecDeque<u8>,
    scratch: [u8; 5],
    now: Instant,
    seed: u64,
    reads: bool,
    until: Option<Instant>,
    ended: bool,
    close: Option<Close>,
}

impl Strict {
    fn new(now: Instant, seed: u64) -> Self {
        let (faults, out, scratch, reads) = (Rc::default(), VecDeque::new(), [0; 5], true);
        Self { faults, out, scratch, now, seed, reads, until: None, ended: false, close: None }
    }

    fn check(&self, kept: bool, what: &'static str) {
        if !kept {
            self.faults.borrow_mut().push(what);
        }
    }

    /// What each call may change.
    fn change(&mut self, now: Instant) {
        self.check(now >= self.now, "time goes back");
        self.check(self.close != Some(Close::Abort), "called after an abort");
        self.now = now;
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let dice = self.seed >> 40;
        self.reads = dice % 3 != 0;
        self.until = (dice % 5 > 1).then(|| now + MS * u32::try_from(dice % 7).unwrap());
        if self.close.is_none() {
            self.out.extend((0..dice % 11).map(|_| b'o'));
            self.close = match dice % 97 {
                0 => Some(Close::Abort),
                1 | 2 => Some(Close::Finish),
                _ => None,
            };
        }
        self.out.make_contiguous();
    }
}

impl Protocol for Strict {
    fn recv_buffer(&mut self) -> &mut [u8] {
        let welcome = self.reads && !self.ended && self.close.is_none();
        self.check(welcome, "read without being welcome");
        &mut self.scratch
    }

    fn handle_received(&mut self, bytes: usize, now: Instant) {
        self.check((1..=5).contains(&bytes), "more than there was room for, or nothing");
        self.change(now);
    }

    fn handle_eof(&mut self, now: Instant) {
        self.check(!self.ended, "the end comes twice");
        self.ended = true;
        self.change(now);
    }

    fn poll_transmit(&self) -> &[u8] {
        self.out.as_slices().0
    }

    fn handle_transmitted(&mut self, bytes: usize, now: Instant) {
        self.check((1..=self.out.len()).contains(&bytes), "more was sent than there was");
        self.out.drain(..bytes);
        self.change(now);
    }

    fn poll_close(&self) -> Option<Close> {
        self.close
    }

    fn want_read(&self) -> bool {
        self.reads
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.until
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.check(self.until.is_some_and(|until| until <= now), "a timeout too early");
        self.change(now);
    }

    fn handle_wake(&mut self, now: Instant) {
        self.change(now);
    }

    fn handle_shutdown(&mut self, now: Instant) {
        self.change(now);
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Feed(usize),
    Take(usize),
    Later(u32),
    Wake,
    Stop,
    End,
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1usize..20).prop_map(Step::Feed),
        6 => (1usize..20).prop_map(Step::Take),
        6 => (0u32..9).prop_map(Step::Later),
        4 => Just(Step::Wake),
        1 => Just(Step::Stop),
        1 => Just(Step::End),
        1 => Just(Step::Reset),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn the_driver_keeps_the_contract(
        seed in any::<u64>(),
        room in 1usize..30,
        steps in proptest::collection::vec(step(), 0..80),
    ) {
        let mut clock = Clock::new();
        let strict = Strict::new(clock.now(), seed);
        let faults = Rc::clone(&strict.faults);
        // Behind a pointer nothing is lost either: every method is passed on.
        let mut memory = Memory::new(Box::new(strict)).room(room);
        let mut ended = false;
        for step in steps {
            match step {
                // Nothing comes after the end.
                Step::Feed(_) if ended => {}
                Step::Feed(bytes) => memory.feed(&vec![b'i'; bytes], clock.now()),
                Step::Take(bytes) => drop(memory.take(bytes, clock.now())),
                Step::Later(ms) => memory.tick(clock.advance(MS * ms)),
                Step::Wake => memory.wake(clock.now()),
                Step::Stop => memory.shutdown(clock.now()),
                Step::End => {
                    ended = true;
                    memory.feed_eof(clock.now());
                }
                Step::Reset => memory.feed_reset(clock.now()),
            }
            prop_assert_eq!(&*faults.borrow(), &Vec::<&str>::new());
            if let Some(outcome) = memory.outcome() {
                prop_assert!(memory.protocol().is_none());
                let clean = outcome == Outcome::Finished;
                prop_assert_eq!(memory.is_ended() && !memory.is_reset(), clean);
            } else if let Some(protocol) = memory.protocol() {
                // At rest: nothing was left undone.
                let full = !protocol.poll_transmit().is_empty();
                let due = memory.poll_timeout().is_some_and(|until| until <= clock.now());
                prop_assert!(!due, "a timeout is due and was not called");
                prop_assert!(!(protocol.want_read() && memory.unread() > 0) || full);
            }
        }
    }
}

#[test]
fn wants_of_a_connection_that_waits_for_nothing_are_none() {
    let now = Instant::now();
    let mut life = Life::new(Strict::new(now, 1), &Limits::default());
    let nothing = Wants { read: true, write: false, until: None };
    let wants = life.turn(&mut &mut Silent, Orders::default(), Ready::BOTH, now).unwrap();
    assert_eq!(wants, nothing);
}

struct Silent;

impl Wire for &mut Silent {
    fn recv(&mut self, _: &mut [u8]) -> Result<Option<usize>, Broken> {
        Ok(None)
    }
    fn send(&mut self, _: &[u8]) -> Result<Option<usize>, Broken> {
        Ok(None)
    }
    fn end(&mut self) -> Result<(), Broken> {
        Ok(())
    }
    fn reset(&mut self) {}
}
