//! Bytes that came or that wait to be sent: in at the end, out at the front.

use std::fmt;

/// Empty, it keeps no more memory than this.
const KEPT_BYTES: usize = 512;
/// So many bytes may have been consumed before what follows them is moved to the front.
const CONSUMED_BYTES: usize = 4096;

/// A queue of bytes: [`push`](Self::push) or [`space`](Self::space) and [`commit`](Self::commit)
/// at the end, [`as_slice`](Self::as_slice) and [`consume`](Self::consume) at the front. It has no
/// limit of its own; look at [`len`](Self::len).
///
/// ```
/// use sockeye_socket::protocol::Buffer;
///
/// let mut buffer = Buffer::new();
/// buffer.push(b"hello");
/// buffer.consume(2);
/// buffer.space(16)[..2].copy_from_slice(b"!!");
/// buffer.commit(2);
/// assert_eq!(buffer.as_slice(), b"llo!!");
/// ```
#[derive(Default, Clone)]
pub struct Buffer {
    bytes: Vec<u8>,
    /// What waits is `start..end`; what is behind `end` is space.
    start: usize,
    end: usize,
}

impl Buffer {
    /// An empty one, without memory.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), start: 0, end: 0 }
    }

    /// Appends `data`.
    pub fn push(&mut self, data: &[u8]) {
        self.push_with(|bytes| bytes.extend_from_slice(data));
    }

    /// Appends whatever `write` appends to the vector that it is given, and does nothing else to.
    pub(super) fn push_with<T>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        self.make_room();
        self.bytes.truncate(self.end);
        let result = write(&mut self.bytes);
        self.end = self.bytes.len();
        result
    }

    /// At least `bytes` bytes of space behind the end, to be filled and then
    /// [committed](Self::commit).
    pub fn space(&mut self, bytes: usize) -> &mut [u8] {
        self.make_room();
        if self.bytes.len() - self.end < bytes {
            self.bytes.resize(self.end + bytes, 0);
        }
        &mut self.bytes[self.end..]
    }

    /// The first `bytes` bytes of the space were filled.
    ///
    /// # Panics
    /// Where the space is not that long.
    pub fn commit(&mut self, bytes: usize) {
        assert!(bytes <= self.bytes.len() - self.end, "more than the space was filled");
        self.end += bytes;
    }

    /// All bytes that wait.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// How many bytes wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Drops the first `bytes` bytes.
    ///
    /// # Panics
    /// Where there are not so many.
    pub fn consume(&mut self, bytes: usize) {
        assert!(bytes <= self.len(), "more than waits is consumed");
        self.start += bytes;
        if self.is_empty() {
            self.clear();
        }
    }

    /// Drops everything, and the memory where it is more than a little.
    pub fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
        if self.bytes.capacity() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
    }

    /// Moves what waits to the front where that is worth it: each byte is moved a bounded number
    /// of times, since at least as many were consumed.
    fn make_room(&mut self) {
        if self.start >= CONSUMED_BYTES && self.start >= self.len() {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[derive(Debug, Clone)]
    enum Step {
        Push(Vec<u8>),
        Fill(usize, usize),
        Consume(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..6000).prop_map(Step::Push),
            (1usize..5000, 0usize..5000).prop_map(|(space, fill)| Step::Fill(space, fill)),
            (0usize..9000).prop_map(Step::Consume),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_is_a_queue(steps in proptest::collection::vec(step(), 0..60)) {
            let (mut buffer, mut model) = (Buffer::new(), VecDeque::new());
            for step in steps {
                match step {
                    Step::Push(data) => {
                        buffer.push(&data);
                        model.extend(data);
                    }
                    Step::Fill(space, fill) => {
                        let room = buffer.space(space);
                        prop_assert!(room.len() >= space);
                        let fill = fill.min(space);
                        room[..fill].fill(7);
                        buffer.commit(fill);
                        model.extend(std::iter::repeat_n(7, fill));
                    }
                    Step::Consume(bytes) => {
                        let bytes = bytes.min(buffer.len());
                        buffer.consume(bytes);
                        model.drain(..bytes);
                    }
                }
                prop_assert_eq!(buffer.as_slice(), &*model.make_contiguous());
                prop_assert_eq!(buffer.len(), model.len());
            }
        }
    }

    #[test]
    fn memory_is_given_back_and_does_not_creep() {
        let mut buffer = Buffer::new();
        buffer.push(&[1; 100_000]);
        buffer.consume(100_000);
        assert_eq!(buffer.bytes.capacity(), 0);
        for _ in 0..10_000 {
            buffer.push(&[1; 100]);
            if buffer.len() > 300 {
                buffer.consume(100);
            }
        }
        assert!(buffer.bytes.capacity() <= 4 * CONSUMED_BYTES, "{}", buffer.bytes.capacity());
    }
}
