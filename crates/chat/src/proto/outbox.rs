//! What waits to be sent to one client: shared frames, bounded in bytes.
//!
//! Rules: a frame goes whole or not at all, and in the order in which it was pushed; a frame of
//! which a part was sent is never dropped; peek, then acknowledge.

use std::collections::VecDeque;
use std::mem::size_of;
use std::sync::Arc;

/// What a waiting frame costs beside its bytes, which it shares.
const ENTRY_BYTES: usize = size_of::<Arc<[u8]>>();
/// A queue that is empty gives back what is larger than this.
const KEPT_ENTRIES: usize = 16;

/// Whether a frame was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It waits now.
    Waits,
    /// It would pass the limit, and was not taken.
    Full,
}

/// The queue of one client.
#[derive(Debug, Default)]
pub struct Outbox {
    frames: VecDeque<Arc<[u8]>>,
    /// So much of the first frame is sent.
    sent: usize,
    bytes: usize,
}

impl Outbox {
    /// How much waits, in bytes, each frame with its place in the queue.
    pub fn cost(&self) -> usize {
        self.bytes + self.frames.len() * ENTRY_BYTES
    }

    /// How many bytes wait to be sent.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Takes a frame, unless the queue would cost more than `cost_max`.
    pub fn push(&mut self, frame: Arc<[u8]>, cost_max: usize) -> Pushed {
        if frame.is_empty() {
            return Pushed::Waits;
        }
        if self.cost() + frame.len() + ENTRY_BYTES > cost_max {
            return Pushed::Full;
        }
        self.bytes += frame.len();
        self.frames.push_back(frame);
        Pushed::Waits
    }

    /// Drops what waits, save the rest of a frame of which a part is sent.
    pub fn drop_whole(&mut self) {
        let kept = usize::from(self.sent > 0);
        self.frames.truncate(kept);
        self.bytes = self.frames.front().map_or(0, |first| first.len() - self.sent);
    }

    /// Shows what to send next: one frame as it is, or several copied into `scratch` (at most its
    /// capacity), since one call with copied bytes costs a fraction of many.
    pub fn peek<'a>(&'a self, scratch: &'a mut Vec<u8>) -> &'a [u8] {
        scratch.clear();
        let Some(first) = self.frames.front() else { return &[] };
        let first = &first[self.sent..];
        let second = self.frames.get(1).map_or(usize::MAX, |frame| frame.len());
        if second > scratch.capacity().saturating_sub(first.len()) {
            return first;
        }
        scratch.extend_from_slice(first);
        for frame in self.frames.iter().skip(1) {
            if frame.len() > scratch.capacity() - scratch.len() {
                break;
            }
            scratch.extend_from_slice(frame);
        }
        scratch
    }

    /// So many bytes of what `peek` showed were sent.
    pub fn advance(&mut self, mut count: usize) {
        assert!(count <= self.bytes, "more was sent than waited");
        self.bytes -= count;
        while count > 0 {
            let rest = self.frames.front().map_or(0, |frame| frame.len()) - self.sent;
            if count < rest {
                self.sent += count;
                return;
            }
            count -= rest;
            self.sent = 0;
            self.frames.pop_front();
        }
        if self.frames.is_empty() && self.frames.capacity() > KEPT_ENTRIES {
            self.frames = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &str) -> Arc<[u8]> {
        text.as_bytes().into()
    }

    #[test]
    fn bytes_come_out_in_order_however_little_is_sent() {
        let expected = b"one\ntwo\nthree three three\nfour\n";
        for step in 1..expected.len() {
            for capacity in [0, 4, 9, 64] {
                let mut outbox = Outbox::default();
                for line in ["one\n", "two\n", "", "three three three\n", "four\n"] {
                    assert_eq!(outbox.push(frame(line), 1000), Pushed::Waits);
                }
                let mut scratch = Vec::with_capacity(capacity);
                let mut got = Vec::new();
                while !outbox.is_empty() {
                    let seen = outbox.peek(&mut scratch);
                    let count = seen.len().min(step);
                    got.extend_from_slice(&seen[..count]);
                    outbox.advance(count);
                }
                assert_eq!(got, expected);
                assert_eq!((outbox.cost(), outbox.bytes()), (0, 0));
                assert!(outbox.peek(&mut scratch).is_empty());
            }
        }
    }

    #[test]
    fn the_limit_holds_and_a_started_frame_stays() {
        let mut outbox = Outbox::default();
        let max = 2 * (ENTRY_BYTES + 6);
        assert_eq!(outbox.push(frame("first\n"), max), Pushed::Waits);
        assert_eq!(outbox.push(frame("other\n"), max), Pushed::Waits);
        assert_eq!(outbox.push(frame("\n"), max), Pushed::Full);
        assert!(outbox.cost() <= max);
        outbox.advance(2);
        outbox.drop_whole();
        assert_eq!(outbox.push(frame("end\n"), max), Pushed::Waits);
        assert_eq!(outbox.peek(&mut Vec::with_capacity(64)), b"rst\nend\n");
    }
}
