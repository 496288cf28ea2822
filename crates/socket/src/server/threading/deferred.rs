//! Wakes inside of a protocol's call, carried out when the call is over and no lock is held.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;

/// So many connections are taken care of after one turn; the attendant gets the rest, so that a
/// thread comes back to its own connection.
const DEFERRED_MAX: usize = 1024;

/// A connection that was woken.
pub(super) trait Deferred: Send + Sync {
    /// Takes its turn.
    fn take_turn(self: Arc<Self>);
    /// Leaves its turn to the attendant.
    fn hand_over(self: Arc<Self>);
}

thread_local! {
    static DRIVING: Cell<bool> = const { Cell::new(false) };
    static WOKEN: RefCell<VecDeque<Arc<dyn Deferred>>> = const { RefCell::new(VecDeque::new()) };
}

/// Has `conn` take its turn: later, if this thread drives protocols, else by the attendant.
pub(super) fn wake(conn: Arc<dyn Deferred>) {
    if DRIVING.get() {
        WOKEN.with_borrow_mut(|woken| woken.push_back(conn));
    } else {
        conn.hand_over();
    }
}

/// Runs `work`, which drives a protocol, and then gives those that it woke their turns.
pub(super) fn driving<T>(work: impl FnOnce() -> T) -> T {
    DRIVING.set(true);
    let end = End;
    let result = work();
    for _ in 0..DEFERRED_MAX {
        let Some(conn) = pop() else { break };
        conn.take_turn();
    }
    drop(end);
    result
}

fn pop() -> Option<Arc<dyn Deferred>> {
    WOKEN.with_borrow_mut(VecDeque::pop_front)
}

/// Nobody who was woken is forgotten, whatever happens.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        DRIVING.set(false);
        while let Some(conn) = pop() {
            conn.hand_over();
        }
    }
}
