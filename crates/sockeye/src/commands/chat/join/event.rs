//! What wakes the thread that decides, and the threads that tell it.

use std::io;
use std::sync::mpsc::SyncSender;

use sockeye_socket::Shutdown;

use super::net::{Dial, Line};

/// So much may wait: a terminal that is held up holds the room up.
pub(super) const WAITING_MAX: usize = 16;

/// Something that has happened.
pub(super) enum Happened {
    /// On the terminal.
    Typed(crossterm::event::Event),
    /// A line of stdin, or its end; the next one is read once this one is done with.
    Said(Option<String>),
    /// A connection that was asked for is there, or not.
    Dialled(u64, anyhow::Result<Box<Line>>),
    /// Bytes of the connection of this number.
    Came(u64, Vec<u8>),
    /// It is over.
    Ended(u64, String),
    /// A signal.
    Stopped,
}

/// Tells of keys.
///
/// # Errors
/// The system gives no thread.
pub(super) fn listen_to_keys(sender: SyncSender<Happened>) -> io::Result<()> {
    let thread = std::thread::Builder::new().name("keys".into());
    thread.spawn(move || {
        while let Ok(event) = crossterm::event::read() {
            if sender.send(Happened::Typed(event)).is_err() {
                break;
            }
        }
    })?;
    Ok(())
}

/// Tells of a signal.
///
/// # Errors
/// The system gives no thread.
pub(super) fn listen_to_signals(
    shutdown: &Shutdown,
    sender: SyncSender<Happened>,
) -> io::Result<()> {
    let shutdown = shutdown.clone();
    let thread = std::thread::Builder::new().name("stop".into());
    thread.spawn(move || {
        if shutdown.wait(None) {
            // Whoever listened may be gone.
            let _ = sender.send(Happened::Stopped);
        }
    })?;
    Ok(())
}

/// Connects on a thread of its own.
///
/// # Errors
/// The system gives no thread.
pub(super) fn dial(dial: &Dial, number: u64, sender: SyncSender<Happened>) -> io::Result<()> {
    let dial = dial.clone();
    let thread = std::thread::Builder::new().name("dial".into());
    thread.spawn(move || {
        // Whoever listened may be gone.
        let _ = sender.send(Happened::Dialled(number, dial.connect().map(Box::new)));
    })?;
    Ok(())
}
