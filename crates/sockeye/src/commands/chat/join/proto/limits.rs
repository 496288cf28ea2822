//! Every limit that a server can drive; docs/limits.md has a row for each.

use std::time::Duration;

/// A line of the server has at most so many bytes, tags included; the rest is left out.
pub(crate) const LINE_BYTES_MAX: usize = 16 << 10;
/// Rooms that are shown at once, that of the server included; others are shown there.
pub(crate) const ROOMS_MAX: usize = 100;
/// Members that are known of a room.
pub(crate) const MEMBERS_MAX: usize = 10_000;
/// Lines that a room keeps, unless `--scrollback` says otherwise.
pub(crate) const SCROLLBACK_LINES: usize = 10_000;
/// Bytes that the lines of all rooms have together; the room that has most loses its oldest.
pub(crate) const SCROLLBACK_BYTES_MAX: usize = 64 << 20;
/// Batches that are open at once.
pub(crate) const BATCHES_MAX: usize = 16;
/// Pages of history that are asked for after a connection was lost, for each room.
pub(crate) const CATCH_UP_PAGES_MAX: u32 = 50;
/// Lines of a page of history, where the server does not give fewer.
pub(crate) const HISTORY_PAGE_LINES: usize = 100;
/// Names and values that a server tells about itself.
pub(crate) const SUPPORT_MAX: usize = 200;
/// Bytes that wait to be sent; above it nothing more is said.
pub(crate) const OUT_BYTES_MAX: usize = 256 << 10;
/// Rounds of SCRAM that a server may ask for.
pub(crate) const SCRAM_ROUNDS_MAX: u32 = 1_000_000;
/// Rounds of SCRAM below which a password is not given.
pub(crate) const SCRAM_ROUNDS_MIN: u32 = 4096;
/// People who are shown as typing in a room.
pub(crate) const TYPING_MAX: usize = 20;
/// So long a server may be silent before it is asked.
pub(crate) const SILENCE: Duration = Duration::from_secs(30);
/// So long it may take to answer before it counts as gone.
pub(crate) const ANSWER: Duration = Duration::from_secs(60);
/// So long it may take to let one in.
pub(crate) const LOGIN: Duration = Duration::from_secs(30);
/// The first wait before a connection is tried again; it doubles.
pub(crate) const RETRY_MIN: Duration = Duration::from_secs(1);
/// The longest wait before a connection is tried again.
pub(crate) const RETRY_MAX: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use sockeye_testkit::documented_limits;

    #[test]
    fn the_limits_are_those_of_the_document() {
        let numbers = [
            ("SCROLLBACK_LINES", SCROLLBACK_LINES),
            ("SCROLLBACK_BYTES_MAX", SCROLLBACK_BYTES_MAX),
            ("LINE_BYTES_MAX", LINE_BYTES_MAX),
            ("ROOMS_MAX", ROOMS_MAX),
            ("MEMBERS_MAX", MEMBERS_MAX),
            ("TYPING_MAX", TYPING_MAX),
            ("BATCHES_MAX", BATCHES_MAX),
            ("SUPPORT_MAX", SUPPORT_MAX),
            ("HISTORY_PAGE_LINES", HISTORY_PAGE_LINES),
            ("CATCH_UP_PAGES_MAX", usize::try_from(CATCH_UP_PAGES_MAX).unwrap()),
            ("OUT_BYTES_MAX", OUT_BYTES_MAX),
            ("SCRAM_ROUNDS_MIN", usize::try_from(SCRAM_ROUNDS_MIN).unwrap()),
            ("SCRAM_ROUNDS_MAX", usize::try_from(SCRAM_ROUNDS_MAX).unwrap()),
        ];
        let times = [
            ("LOGIN", LOGIN),
            ("SILENCE", SILENCE),
            ("ANSWER", ANSWER),
            ("RETRY_MIN", RETRY_MIN),
            ("RETRY_MAX", RETRY_MAX),
        ];
        let numbers = numbers.map(|(name, value)| (format!("join::{name}"), value.to_string()));
        let times = times.map(|(name, time)| (format!("join::{name}"), time.as_secs().to_string()));
        let expected: Vec<(String, String)> = numbers.into_iter().chain(times).collect();
        let markdown = include_str!("../../../../../../../docs/limits.md");
        assert_eq!(documented_limits(markdown, "chat join"), expected);
    }
}
