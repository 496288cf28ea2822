//! The datagrams, as docs/probe.md has them: one header for both sides, then padding.

/// The bytes of the header, and so of the smallest datagram.
pub(crate) const HEADER_BYTES: usize = 36;
/// The largest that UDP over IPv4 carries.
pub(crate) const SIZE_BYTES_MAX: usize = 65_507;

/// What every datagram starts with.
const MAGIC: [u8; 4] = [0x9e, b'S', b'k', b'p'];
const VERSION: u8 = 1;

/// What a datagram is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Counted and answered.
    Question,
    /// What a question is answered with.
    Reply,
    /// Asks for the tally, and is not counted.
    Ask,
    /// What `Ask` is answered with.
    Tally,
}

/// What the echo has seen of a session. All zero: it does not count this session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Questions that arrived, duplicates included; in a reply, this one is the last of them.
    pub(crate) arrived: u32,
    /// Different questions among them.
    pub(crate) distinct: u32,
    /// Reordered ones among the different.
    pub(crate) reordered: u32,
    /// Questions that were not answered, because too many came.
    pub(crate) unanswered: u32,
}

/// The head of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    /// Drawn by the prober, the same for one run.
    pub(crate) session: u64,
    /// Of a question or its reply: counts from 0.
    pub(crate) number: u32,
    /// Zero in what the prober sends.
    pub(crate) tally: Tally,
}

impl Header {
    /// Reads the head of a datagram; `None` where it is none of ours.
    pub(crate) fn decode(datagram: &[u8]) -> Option<Header> {
        let header = datagram.first_chunk::<HEADER_BYTES>()?;
        let kind = match header[5] {
            1 => Kind::Question,
            2 => Kind::Reply,
            3 => Kind::Ask,
            4 => Kind::Tally,
            _ => return None,
        };
        if header[..4] != MAGIC || header[4] != VERSION || header[6..8] != [0, 0] {
            return None;
        }
        let word = |at: usize| header[at..].first_chunk().map_or(0, |b| u32::from_be_bytes(*b));
        Some(Header {
            kind,
            session: header[8..].first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes)),
            number: word(16),
            tally: Tally {
                arrived: word(20),
                distinct: word(24),
                reordered: word(28),
                unanswered: word(32),
            },
        })
    }

    /// The head of a datagram.
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[..4].copy_from_slice(&MAGIC);
        header[4] = VERSION;
        header[5] = match self.kind {
            Kind::Question => 1,
            Kind::Reply => 2,
            Kind::Ask => 3,
            Kind::Tally => 4,
        };
        header[8..16].copy_from_slice(&self.session.to_be_bytes());
        let Tally { arrived, distinct, reordered, unanswered } = self.tally;
        let words = [self.number, arrived, distinct, reordered, unanswered];
        for (place, word) in header[16..].chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(kind: Kind) -> Header {
        let tally = Tally { arrived: 7, distinct: 6, reordered: 2, unanswered: 1 };
        Header { kind, session: 0x0102_0304_0506_0708, number: 5, tally }
    }

    #[test]
    fn the_bytes_are_those_of_the_table() {
        let expected = [
            0x9e, 0x53, 0x6b, 0x70, 1, 2, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 5, 0, 0, 0, 7, 0,
            0, 0, 6, 0, 0, 0, 2, 0, 0, 0, 1,
        ];
        assert_eq!(header(Kind::Reply).encode(), expected);
    }

    #[test]
    fn every_kind_comes_back_with_and_without_padding() {
        for kind in [Kind::Question, Kind::Reply, Kind::Ask, Kind::Tally] {
            let mut bytes = header(kind).encode().to_vec();
            assert_eq!(Header::decode(&bytes), Some(header(kind)));
            bytes.extend([0xff; 100]);
            assert_eq!(Header::decode(&bytes), Some(header(kind)));
        }
    }

    #[test]
    fn what_is_not_ours_is_none() {
        let good = header(Kind::Question).encode();
        for len in 0..good.len() {
            assert_eq!(Header::decode(&good[..len]), None, "{len} bytes");
        }
        for at in 0..8 {
            for bit in 0..8 {
                let mut bytes = good;
                bytes[at] ^= 1 << bit;
                let other_kind = at == 5 && (1..=4).contains(&bytes[5]);
                assert_eq!(Header::decode(&bytes).is_some(), other_kind, "byte {at} bit {bit}");
            }
        }
    }
}
