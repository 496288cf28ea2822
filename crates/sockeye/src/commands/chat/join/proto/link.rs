//! The connection as the client knows it: how far it is, what the server can do, what waits to be
//! sent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::limits::{LINE_BYTES_MAX, OUT_BYTES_MAX, RETRY_MAX, RETRY_MIN};
use super::line_buffer::LineBuffer;
use super::message::Message;
use super::scram::Scram;
use super::support::Support;

/// How far the connection is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It is being made.
    #[default]
    Connecting,
    /// The server has not let one in yet.
    Login,
    /// One is in.
    Ready,
    /// It is lost; it will be tried again then, or not at all.
    Lost(Option<Instant>),
    /// One has said goodbye.
    Leaving,
}

/// A batch that is open.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// What it holds.
    pub(crate) kind: String,
    /// The room it is about.
    pub(crate) target: String,
    /// What has come of it.
    pub(crate) messages: Vec<Message>,
}

/// All that is known of a connection and ends with it, and what joins it to the next one.
#[derive(Debug)]
pub(crate) struct Link {
    /// How far it is.
    pub(crate) phase: Phase,
    /// How many connections there were.
    pub(crate) epoch: u32,
    /// How often it was tried in vain since the last one that was good.
    pub(crate) tries: u32,
    /// One's own name there.
    pub(crate) nick: String,
    /// `user@host` as others see it.
    pub(crate) mask: Option<String>,
    /// What the server offers, with its values.
    pub(crate) offered: BTreeMap<String, String>,
    /// What was agreed upon.
    pub(crate) caps: BTreeSet<String>,
    /// What the server has.
    pub(crate) support: Support,
    /// Batches that are open.
    pub(crate) batches: BTreeMap<String, Batch>,
    /// A login by SCRAM that has begun.
    pub(crate) scram: Option<Scram>,
    /// What came of an AUTHENTICATE that goes on.
    pub(crate) challenge: String,
    /// The server is asked for the login; it has not answered.
    pub(crate) logging_in: bool,
    /// The server has said something that only IRC has.
    pub(crate) is_irc: bool,
    /// How long the last answer took.
    pub(crate) lag: Option<Duration>,
    /// When the question that is not answered yet was sent.
    pub(crate) asked: Option<Instant>,
    /// When the next thing is due: a question, or the end of one's patience.
    pub(crate) due: Option<Instant>,
    /// Lines as they come.
    pub(crate) lines: LineBuffer,
    out: Vec<u8>,
    next_label: u64,
}

impl Default for Link {
    fn default() -> Link {
        Link {
            phase: Phase::default(),
            epoch: 0,
            tries: 0,
            nick: String::new(),
            mask: None,
            offered: BTreeMap::new(),
            caps: BTreeSet::new(),
            support: Support::default(),
            batches: BTreeMap::new(),
            scram: None,
            challenge: String::new(),
            logging_in: false,
            is_irc: false,
            lag: None,
            asked: None,
            due: None,
            lines: LineBuffer::new(LINE_BYTES_MAX),
            out: Vec::new(),
            next_label: 1,
        }
    }
}

impl Link {
    /// A new connection in place of this one.
    pub(crate) fn renew(&mut self, phase: Phase) {
        *self = Link {
            phase,
            epoch: self.epoch,
            tries: self.tries,
            nick: std::mem::take(&mut self.nick),
            next_label: self.next_label,
            ..Link::default()
        };
    }

    /// Puts a line among those to be sent.
    pub(crate) fn send(&mut self, line: &str) {
        if self.out.len() < 2 * OUT_BYTES_MAX {
            let one_line = line.split(['\r', '\n', '\0']).next().unwrap_or_default();
            self.out.extend_from_slice(one_line.as_bytes());
            self.out.extend_from_slice(b"\r\n");
        }
    }

    /// Whether so much waits that nothing more is to be said.
    pub(crate) fn is_held_up(&self) -> bool {
        self.out.len() >= OUT_BYTES_MAX
    }

    /// What waits to be sent.
    pub(crate) fn out(&self) -> &[u8] {
        &self.out
    }

    /// So many bytes of it have been taken.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.out.drain(..bytes);
    }

    /// Whether something was agreed upon.
    pub(crate) fn has(&self, cap: &str) -> bool {
        self.caps.contains(cap)
    }

    /// Whether the server can be asked for history.
    pub(crate) fn has_history(&self) -> bool {
        (self.has("draft/chathistory") || self.has("chathistory")) && self.has("batch")
    }

    /// Whether one's own lines come back.
    pub(crate) fn echoes(&self) -> bool {
        self.has("echo-message")
    }

    /// A number that no line had before.
    pub(crate) fn label(&mut self) -> u64 {
        let label = self.next_label;
        self.next_label += 1;
        label
    }

    /// How long to wait before it is tried again; `jitter` of 256 parts of it may be left out.
    pub(crate) fn retry_after(&self, jitter: u8) -> Duration {
        let doubled = RETRY_MIN.saturating_mul(1 << self.tries.min(10));
        let wait = doubled.min(RETRY_MAX);
        wait - wait.mul_f64(f64::from(jitter) / 1024.0)
    }

    /// The bytes of text that fit into a message of so many bytes around it, as others receive it.
    pub(crate) fn text_bytes_max(&self, around: usize) -> usize {
        // Without knowing better: a user's 12, an @ and a host's 64.
        let mask = self.mask.as_ref().map_or(77, String::len);
        let prefix = 1 + self.nick.len() + 1 + mask + 1;
        self.support.line_bytes().saturating_sub(prefix + around + 2).max(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_a_minute() {
        let mut link = Link::default();
        let waits: Vec<u64> = (0..9)
            .map(|tries| {
                link.tries = tries;
                link.retry_after(0).as_secs()
            })
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert!(link.retry_after(255) >= Duration::from_secs(45));
    }

    #[test]
    fn a_line_is_one_line_and_what_waits_is_limited() {
        let mut link = Link::default();
        link.send("PRIVMSG #r :a\r\nQUIT");
        assert_eq!(link.out(), b"PRIVMSG #r :a\r\n");
        link.sent(3);
        assert_eq!(link.out(), b"VMSG #r :a\r\n");
        while !link.is_held_up() {
            link.send(&"x".repeat(1000));
        }
        (0..1000).for_each(|_| link.send(&"x".repeat(1000)));
        assert!(link.out().len() < 2 * OUT_BYTES_MAX + 1100);
    }

    #[test]
    fn the_server_s_part_of_a_line_is_left_free() {
        let mut link = Link { nick: "anna".into(), ..Link::default() };
        assert_eq!(link.text_bytes_max(12), 512 - (1 + 4 + 1 + 77 + 1) - 12 - 2);
        link.mask = Some("~a@here".into());
        assert_eq!(link.text_bytes_max(12), 512 - (1 + 4 + 1 + 7 + 1) - 12 - 2);
    }
}
