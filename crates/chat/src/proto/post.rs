//! The post: carries shared frames into the outboxes, and keeps the budgets.
//!
//! Rules, with `sendq` the limit of one client and `queues` that of all together:
//! 1. Above half of `sendq` nothing more is read from that client.
//! 2. What would pass `sendq` is left out and told later, or the client is closed ([`Slow`]).
//! 3. Above half of `queues` nobody's new line is taken until the queues have drained; where they
//!    do not drain in time, and at once above `queues`, the fattest queue goes first.
//! 4. In one turn no more is queued than `turn`; then what waits is sent before the next line is
//!    taken.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{ClientId, Frames, Kind, Line, Outbox, Pushed, Reply, Words};

/// What happens to a client for which too much is waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Slow {
    /// It is told, and closed.
    #[default]
    Close,
    /// Lines are left out, and it is told how many. In the classic room it is closed all the same.
    Drop,
}

/// The budgets of the queues.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For one client, in bytes; each frame counts with its place in the queue.
    pub sendq_bytes_max: usize,
    /// For all clients together, in bytes.
    pub queues_bytes_max: usize,
    /// For what one turn may queue, in bytes.
    pub turn_bytes_max: usize,
    /// What happens to a client that reads too slowly.
    pub slow: Slow,
    /// So long the queues may be above half of their budget before the fattest goes.
    pub pressure: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            sendq_bytes_max: 1 << 20,
            queues_bytes_max: 256 << 20,
            turn_bytes_max: 8 << 20,
            slow: Slow::Close,
            pressure: Duration::from_secs(1),
        }
    }
}

/// Whether lines can be left out for a client: it is told. What IRC leaves out cannot be told.
fn may_miss(kind: Kind) -> bool {
    !matches!(kind, Kind::Classic | Kind::Irc(..))
}

/// One client's side of the post.
#[derive(Debug)]
pub(super) struct Mailbox {
    pub(super) outbox: Outbox,
    pub(super) kind: Kind,
    skipped: u64,
    touched: bool,
}

impl Mailbox {
    pub(super) fn new(kind: Kind) -> Mailbox {
        Mailbox { outbox: Outbox::default(), kind, skipped: 0, touched: false }
    }
}

/// What all mailboxes have in common.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) limits: Limits,
    pub(super) words: Words,
    total: usize,
    turn: usize,
    pressed_until: Option<Instant>,
    touched: VecDeque<ClientId>,
    overflowed: Vec<ClientId>,
}

impl Post {
    pub(super) fn new(limits: Limits, words: Words) -> Post {
        Post {
            limits,
            words,
            total: 0,
            turn: 0,
            pressed_until: None,
            touched: VecDeque::new(),
            overflowed: Vec::new(),
        }
    }

    pub(super) fn total(&self) -> usize {
        self.total
    }

    pub(super) fn begin_turn(&mut self) {
        self.turn = 0;
    }

    /// Whether this turn has queued its share.
    pub(super) fn turn_is_over(&self) -> bool {
        self.turn >= self.limits.turn_bytes_max
    }

    /// Whether the queues together are above half of their budget. Remembers since when.
    pub(super) fn is_pressed(&mut self, now: Instant) -> bool {
        if self.total <= self.limits.queues_bytes_max / 2 {
            self.pressed_until = None;
            return false;
        }
        self.pressed_until.get_or_insert(now + self.limits.pressure);
        true
    }

    /// When the fattest queue has to go, if the pressure lasts.
    pub(super) fn pressed_until(&self) -> Option<Instant> {
        self.pressed_until
    }

    /// Whether the fattest queue has to go now.
    pub(super) fn has_to_shed(&mut self, now: Instant) -> bool {
        let lasting = self.is_pressed(now) && self.pressed_until.is_some_and(|until| until <= now);
        lasting || self.total > self.limits.queues_bytes_max
    }

    /// Whether so much waits for this client that nothing more is taken from it.
    pub(super) fn is_backed_up(&self, mail: &Mailbox) -> bool {
        mail.outbox.cost() > self.limits.sendq_bytes_max / 2
    }

    /// Has the driver look at a client: to send, or to change what it waits for.
    pub(super) fn touch(&mut self, id: ClientId, mail: &mut Mailbox) {
        if !mail.touched {
            mail.touched = true;
            self.touched.push_back(id);
        }
    }

    pub(super) fn poll_touched(&mut self) -> Option<ClientId> {
        self.touched.pop_front()
    }

    pub(super) fn untouch(mail: &mut Mailbox) {
        mail.touched = false;
    }

    /// The clients that passed their limit since this was last asked.
    pub(super) fn take_overflowed(&mut self) -> Vec<ClientId> {
        std::mem::take(&mut self.overflowed)
    }

    /// Puts a line into a client's outbox.
    pub(super) fn push(&mut self, id: ClientId, mail: &mut Mailbox, frames: &mut Frames) {
        let Some(frame) = frames.frame(mail.kind) else { return };
        if mail.skipped > 0 {
            mail.skipped += 1;
            return;
        }
        let before = mail.outbox.cost();
        match mail.outbox.push(frame, self.limits.sendq_bytes_max) {
            Pushed::Waits => self.count(id, mail, before),
            Pushed::Full if self.limits.slow == Slow::Drop && may_miss(mail.kind) => {
                mail.skipped = 1;
            }
            Pushed::Full => self.overflowed.push(id),
        }
    }

    /// Puts a frame that is made for this client alone into its outbox.
    pub(super) fn push_own(&mut self, id: ClientId, mail: &mut Mailbox, frame: Arc<[u8]>) {
        let before = mail.outbox.cost();
        match mail.outbox.push(frame, self.limits.sendq_bytes_max) {
            Pushed::Waits => self.count(id, mail, before),
            Pushed::Full => self.overflowed.push(id),
        }
    }

    /// Puts bytes before everything else, into an outbox in which nothing waits yet.
    pub(super) fn greet(&mut self, id: ClientId, mail: &mut Mailbox, greeting: Arc<[u8]>) {
        let before = mail.outbox.cost();
        mail.outbox.push(greeting, usize::MAX);
        self.count(id, mail, before);
    }

    /// Replaces what waits by a last line, which goes whatever the limit.
    pub(super) fn push_last(&mut self, id: ClientId, mail: &mut Mailbox, line: Line) {
        self.total -= mail.outbox.cost();
        mail.outbox.drop_whole();
        mail.skipped = 0;
        self.total += mail.outbox.cost();
        let before = mail.outbox.cost();
        if let Some(frame) = Frames::new(line, &self.words).frame(mail.kind) {
            mail.outbox.push(frame, usize::MAX);
        }
        self.count(id, mail, before);
    }

    fn count(&mut self, id: ClientId, mail: &mut Mailbox, before: usize) {
        let more = mail.outbox.cost() - before;
        self.total += more;
        self.turn += more;
        self.touch(id, mail);
    }

    /// So much was sent. Tells a client that reads again how many lines it missed.
    pub(super) fn sent(&mut self, id: ClientId, mail: &mut Mailbox, count: usize) {
        self.total -= mail.outbox.cost();
        mail.outbox.advance(count);
        self.total += mail.outbox.cost();
        if mail.skipped > 0 && !self.is_backed_up(mail) {
            let line = Line::Reply(Reply::Skipped(std::mem::take(&mut mail.skipped)));
            self.push(id, mail, &mut Frames::new(line, &self.words));
        }
    }

    /// A client is gone, and so is what waited for it.
    pub(super) fn forget(&mut self, mail: &Mailbox) {
        self.total -= mail.outbox.cost();
    }
}
