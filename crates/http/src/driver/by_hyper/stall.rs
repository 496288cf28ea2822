//! One stream of HTTP/2 that its peer does not take on with, while others of its connection move.
//! Nothing of hyper's asks for more of its answer then, so it is its task that is watched: where it
//! has waited for too long the task is dropped, which resets the stream and leaves the connection.
//! Where nothing moves, it is the connection that ends ([`super::connection`]).

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::task::futures::TaskLocalFuture;
use tokio::time::{Sleep, sleep_until};

tokio::task_local! {
    static TURN: Rc<Turn>;
}

/// Whose turn it is in one exchange.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// Since when it is the peer's.
    since: Cell<Option<Instant>>,
    is_over: Cell<bool>,
}

impl Turn {
    /// That of the exchange whose task this is; one that nobody watches in HTTP/1, where a
    /// connection has one exchange at a time.
    pub(super) fn here() -> Rc<Turn> {
        TURN.try_with(Rc::clone).unwrap_or_default()
    }

    /// The peer has to take something.
    pub(super) fn is_peers(&self) {
        self.since.set(Some(Instant::now()));
    }

    /// It is waited for something else.
    pub(super) fn is_ours(&self) {
        self.since.set(None);
    }

    /// Whether the peer took too long.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.get()
    }
}

/// A task of hyper's that ends early where the peer lets its exchange wait.
pub(super) struct Bounded<F> {
    task: Pin<Box<TaskLocalFuture<Rc<Turn>, F>>>,
    turn: Rc<Turn>,
    /// When anything of the connection moved last.
    last: Rc<Cell<Instant>>,
    timeout: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<F: Future<Output = ()>> Bounded<F> {
    /// Bounds each wait for the peer by `timeout`.
    pub(super) fn new(task: F, last: Rc<Cell<Instant>>, timeout: Duration) -> Bounded<F> {
        let turn = Rc::new(Turn::default());
        let task = Box::pin(TURN.scope(Rc::clone(&turn), task));
        Bounded { task, turn, last, timeout, timer: None }
    }
}

impl<F: Future<Output = ()>> Future for Bounded<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.task.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        loop {
            let Some(since) = self.turn.since.get() else { return Poll::Pending };
            let deadline = since + self.timeout;
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline.into())));
            // It may ring early, for a deadline that has moved away since: that costs less than to
            // move it with every piece.
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let now = Instant::now();
            let next = if now < deadline { deadline } else { now + self.timeout };
            if now >= deadline && self.last.get() > since {
                self.turn.is_over.set(true);
                return Poll::Ready(());
            }
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(next.into())));
            timer.as_mut().reset(next.into());
        }
    }
}
