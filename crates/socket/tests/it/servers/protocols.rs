//! Protocols that the tests need.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sockeye_socket::protocol::{Buffer, Close, Echo, Protocol, Wake};

/// Another protocol, and how often it was looked at and how much it kept at most.
pub(crate) struct Watched<P> {
    pub(crate) inner: P,
    pub(crate) seen: Arc<Seen>,
}

#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) looks: AtomicUsize,
    /// How often room was asked for.
    pub(crate) rooms: AtomicUsize,
    pub(crate) kept_bytes_max: AtomicUsize,
    pub(crate) dropped: AtomicUsize,
}

impl<P: Protocol> Protocol for Watched<P> {
    fn recv_buffer(&mut self) -> &mut [u8] {
        self.seen.rooms.fetch_add(1, Ordering::Relaxed);
        self.inner.recv_buffer()
    }

    fn handle_received(&mut self, bytes: usize, now: Instant) {
        self.inner.handle_received(bytes, now);
        self.seen.kept_bytes_max.fetch_max(self.inner.poll_transmit().len(), Ordering::Relaxed);
    }

    fn handle_eof(&mut self, now: Instant) {
        self.inner.handle_eof(now);
    }

    fn poll_transmit(&self) -> &[u8] {
        self.seen.looks.fetch_add(1, Ordering::Relaxed);
        self.inner.poll_transmit()
    }

    fn handle_transmitted(&mut self, bytes: usize, now: Instant) {
        self.inner.handle_transmitted(bytes, now);
    }

    fn poll_close(&self) -> Option<Close> {
        self.inner.poll_close()
    }

    fn want_read(&self) -> bool {
        self.inner.want_read()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.inner.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.inner.handle_timeout(now);
    }

    fn handle_wake(&mut self, now: Instant) {
        self.inner.handle_wake(now);
    }

    fn handle_shutdown(&mut self, now: Instant) {
        self.inner.handle_shutdown(now);
    }
}

impl<P> Drop for Watched<P> {
    fn drop(&mut self) {
        self.seen.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// An echo of a few words that have a meaning: what each does stands beside it.
#[derive(Default)]
pub(crate) struct Words {
    input: Buffer,
    out: Buffer,
    /// `pause`: nothing is read for so long.
    resume: Option<Instant>,
    pause: Duration,
    /// `gate`: nothing is read before this is set and the connection woken.
    gate: Arc<AtomicBool>,
    gated: bool,
    close: Option<Close>,
}

impl Words {
    pub(crate) fn new(pause: Duration, gate: &Arc<AtomicBool>) -> Self {
        Self { pause, gate: Arc::clone(gate), ..Self::default() }
    }

    fn obey(&mut self, now: Instant) {
        while self.want_read() && self.close.is_none() {
            let Some(end) = self.input.as_slice().iter().position(|byte| *byte == b'\n') else {
                return;
            };
            let word = self.input.as_slice()[..=end].to_vec();
            self.input.consume(end + 1);
            self.out.push(&word);
            match &word[..] {
                b"bye\n" => self.close = Some(Close::Finish),
                b"abort\n" => self.close = Some(Close::Abort),
                b"boom\n" => panic!("as the client wished"),
                b"pause\n" => self.resume = Some(now + self.pause),
                b"gate\n" => self.gated = !self.gate.load(Ordering::SeqCst),
                _ => {}
            }
        }
    }
}

impl Protocol for Words {
    fn recv_buffer(&mut self) -> &mut [u8] {
        self.input.space(16)
    }

    fn handle_received(&mut self, bytes: usize, now: Instant) {
        self.input.commit(bytes);
        self.obey(now);
    }

    fn handle_eof(&mut self, _now: Instant) {
        self.close = Some(Close::Finish);
    }

    fn poll_transmit(&self) -> &[u8] {
        self.out.as_slice()
    }

    fn handle_transmitted(&mut self, bytes: usize, _now: Instant) {
        self.out.consume(bytes);
    }

    fn poll_close(&self) -> Option<Close> {
        self.close
    }

    fn want_read(&self) -> bool {
        self.resume.is_none() && !self.gated
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.resume
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.resume = self.resume.filter(|resume| *resume > now);
        self.obey(now);
    }

    fn handle_wake(&mut self, now: Instant) {
        self.gated &= !self.gate.load(Ordering::SeqCst);
        self.obey(now);
    }
}

/// Tells a number whenever it is woken and the number has changed, eight bytes each time.
pub(crate) struct Teller {
    number: Arc<AtomicU64>,
    told: u64,
    out: Buffer,
    echo: Echo,
    ended: bool,
}

impl Teller {
    pub(crate) fn new(number: &Arc<AtomicU64>) -> Self {
        let (number, out, echo) = (Arc::clone(number), Buffer::new(), Echo::new());
        Self { number, told: 0, out, echo, ended: false }
    }
}

impl Protocol for Teller {
    fn recv_buffer(&mut self) -> &mut [u8] {
        self.echo.recv_buffer()
    }

    fn handle_received(&mut self, _bytes: usize, _now: Instant) {}

    fn handle_eof(&mut self, _now: Instant) {
        self.ended = true;
    }

    fn poll_transmit(&self) -> &[u8] {
        self.out.as_slice()
    }

    fn handle_transmitted(&mut self, bytes: usize, _now: Instant) {
        self.out.consume(bytes);
    }

    fn poll_close(&self) -> Option<Close> {
        self.ended.then_some(Close::Finish)
    }

    fn handle_wake(&mut self, _now: Instant) {
        let number = self.number.load(Ordering::SeqCst);
        if number != self.told {
            self.told = number;
            self.out.push(&number.to_be_bytes());
        }
    }
}

/// Answers the first byte with so many bytes, in pieces made as they are sent, and closes.
pub(crate) struct Answer {
    left: usize,
    asked: bool,
    scratch: [u8; 64],
}

/// What an [`Answer`] sends at a time.
static PIECE: [u8; 32 * 1024] = [b'a'; 32 * 1024];

impl Answer {
    pub(crate) fn of(bytes: usize) -> Self {
        Self { left: bytes, asked: false, scratch: [0; 64] }
    }
}

impl Protocol for Answer {
    fn recv_buffer(&mut self) -> &mut [u8] {
        &mut self.scratch
    }

    fn handle_received(&mut self, _bytes: usize, _now: Instant) {
        self.asked = true;
    }

    fn handle_eof(&mut self, _now: Instant) {
        self.asked = true;
    }

    fn poll_transmit(&self) -> &[u8] {
        if self.asked { &PIECE[..self.left.min(PIECE.len())] } else { &[] }
    }

    fn handle_transmitted(&mut self, bytes: usize, _now: Instant) {
        self.left -= bytes;
    }

    fn poll_close(&self) -> Option<Close> {
        self.asked.then_some(Close::Finish)
    }
}

/// Does when it is woken what the test wants; nothing else.
#[derive(Default)]
pub(crate) struct Puppet {
    hand: Arc<Hand>,
    /// Woken whenever something is heard.
    other: Option<Wake>,
    out: Buffer,
    until: Option<Instant>,
    deaf: bool,
    scratch: Vec<u8>,
    ended: bool,
}

/// What the test holds.
#[derive(Default)]
pub(crate) struct Hand {
    pub(crate) strings: Mutex<Strings>,
    pub(crate) heard_bytes: AtomicUsize,
}

/// What the test wants; done once.
#[derive(Default, Clone, Copy)]
pub(crate) struct Strings {
    /// So many bytes are said.
    pub(crate) say: usize,
    /// `tick` is said after so long.
    pub(crate) tick: Option<Duration>,
    /// Nothing is read.
    pub(crate) deaf: bool,
}

impl Puppet {
    pub(crate) fn new(hand: &Arc<Hand>, other: Option<Wake>) -> Self {
        Self { hand: Arc::clone(hand), other, scratch: vec![0; 8], ..Self::default() }
    }
}

impl Protocol for Puppet {
    fn recv_buffer(&mut self) -> &mut [u8] {
        &mut self.scratch
    }

    fn handle_received(&mut self, bytes: usize, _now: Instant) {
        self.out.push(&b"heard"[..bytes.min(5)]);
        self.hand.heard_bytes.fetch_add(bytes, Ordering::SeqCst);
        if let Some(other) = &self.other {
            other.wake();
        }
    }

    fn handle_eof(&mut self, _now: Instant) {
        self.ended = true;
    }

    fn poll_transmit(&self) -> &[u8] {
        self.out.as_slice()
    }

    fn handle_transmitted(&mut self, bytes: usize, _now: Instant) {
        self.out.consume(bytes);
    }

    fn poll_close(&self) -> Option<Close> {
        self.ended.then_some(Close::Finish)
    }

    fn want_read(&self) -> bool {
        !self.deaf
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.until
    }

    fn handle_timeout(&mut self, _now: Instant) {
        self.until = None;
        self.out.push(b"tick");
    }

    fn handle_wake(&mut self, now: Instant) {
        let Strings { say, tick, deaf } = std::mem::take(&mut *self.hand.strings.lock().unwrap());
        self.out.push(&vec![b's'; say]);
        self.until = tick.map(|tick| now + tick).or(self.until);
        self.deaf = deaf;
    }
}
