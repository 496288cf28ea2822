//! A body of unknown length on its way from a producer that may block to the socket. Both sides
//! are bounded: the producer waits where the peer is slow, the peer is cut where it stalls.
//!
//! Rules:
//! 1. The end of a body is said only where its producer has ended well. A producer that fails, or
//!    panics, has its connection cut: in HTTP/1.0, where any close is an end, by a reset.
//! 2. A producer whose peer has gone fails at its next write, and its place is free when it has
//!    come back: a thread counts as long as it runs.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use sockeye_edge::caps::{Caps, Permit};
use sockeye_socket::Address;
use tokio::sync::mpsc;

use super::watched::{Failure, Watched};
use crate::mount::Produce;
use crate::proto::plan::{Ending, Plan};
use crate::proto::status::Status;

/// The longest piece in bytes.
pub(super) const PIECE_BYTES: usize = 64 * 1024;
/// How many pieces may wait for the peer.
const PIECES_MAX: usize = 4;

/// Why there is nothing to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPieces {
    /// Too many producers are at work.
    Full,
    /// It failed before its first piece.
    Failed,
}

impl NoPieces {
    /// What to answer.
    pub(super) fn plan(self) -> Plan {
        match self {
            NoPieces::Full => {
                let why = "too many answers of this kind are under way; try again soon";
                Plan::text(Status::SERVICE_UNAVAILABLE, why).with_header("Retry-After", "5")
            }
            NoPieces::Failed => Plan::text(Status::INTERNAL_SERVER_ERROR, "the server failed"),
        }
    }
}

/// A producer at work, from the side of the socket. Dropping it ends the producer.
pub(super) struct Pieces {
    pieces: mpsc::Receiver<Vec<u8>>,
    first: Option<Vec<u8>>,
    has_ended_well: Arc<AtomicBool>,
}

impl Pieces {
    /// Starts `produce` where there is a place for it and its peer, and waits for its first piece.
    ///
    /// # Errors
    /// What to answer in place of what the producer was to make.
    pub(super) async fn start(
        places: &Caps,
        peer: &Address,
        produce: Produce,
    ) -> Result<Pieces, NoPieces> {
        let place = places.take(peer.canonical_ip()).map_err(|_| NoPieces::Full)?;
        let (sender, pieces) = mpsc::channel(PIECES_MAX);
        let has_ended_well = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&has_ended_well);
        tokio::task::spawn_blocking(move || run(produce, sender, &ended, place));
        let mut started = Pieces { pieces, first: None, has_ended_well };
        let (first, _) = started.next().await.map_err(|_| NoPieces::Failed)?;
        started.first = first;
        Ok(started)
    }

    /// The next piece, none of them empty; `None` at the end. Says with it whether it was there
    /// already, so that no time went by that is the producer's.
    ///
    /// # Errors
    /// [`Failure::Cut`] where the producer has failed.
    pub(super) async fn next(&mut self) -> Result<(Option<Vec<u8>>, bool), Failure> {
        if let Some(piece) = self.first.take().or_else(|| self.pieces.try_recv().ok()) {
            return Ok((Some(piece), true));
        }
        match self.pieces.recv().await {
            None if !self.has_ended_well.load(Ordering::Acquire) => Err(Failure::Cut),
            piece => Ok((piece, false)),
        }
    }
}

impl Pieces {
    /// As [`Pieces::next`], for who polls; an error where the producer has failed.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Vec<u8>>>> {
        if let Some(piece) = self.first.take() {
            return Poll::Ready(Some(Ok(piece)));
        }
        self.pieces.poll_recv(cx).map(|piece| match piece {
            None if !self.has_ended_well.load(Ordering::Acquire) => {
                Some(Err(io::Error::other("the producer has failed")))
            }
            piece => piece.map(Ok),
        })
    }
}

/// The life of a producer.
fn run(
    produce: Produce,
    pieces: mpsc::Sender<Vec<u8>>,
    has_ended_well: &AtomicBool,
    place: Permit,
) {
    let mut writer = PieceWriter { pieces, piece: Vec::new() };
    // Why it failed is the producer's to say; the peer sees that it did.
    let made = produce(&mut writer).and_then(|()| writer.flush());
    has_ended_well.store(made.is_ok(), Ordering::Release);
    // Before the peer sees the end: its next request may need the place.
    drop(place);
    drop(writer);
}

/// The side of the producer.
struct PieceWriter {
    pieces: mpsc::Sender<Vec<u8>>,
    piece: Vec<u8>,
}

impl Write for PieceWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.pieces.is_closed() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let taken = bytes.len().min(PIECE_BYTES - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        if self.piece.len() == PIECE_BYTES {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.piece) {
            piece if piece.is_empty() => Ok(()),
            piece => {
                let gone = |_| io::ErrorKind::BrokenPipe.into();
                self.pieces.blocking_send(piece).map_err(gone)
            }
        }
    }
}

/// Sends what `out` has, a head, and then the pieces. Counts in `bytes` what went of the body.
pub(super) async fn send(
    stream: &mut Watched,
    out: &mut Vec<u8>,
    mut pieces: Pieces,
    ending: Ending,
    bytes: &mut u64,
) -> Result<(), Failure> {
    stream.start_pace();
    loop {
        let next = pieces.next().await;
        if matches!(next, Err(Failure::Cut)) && ending == Ending::Close {
            stream.reset_on_close();
        }
        let (piece, at_once) = next?;
        if !at_once {
            // The time that the producer took is not the peer's.
            stream.start_pace();
        }
        let Some(piece) = piece else { break };
        append(&piece, ending, out);
        stream.send_all(out, false).await?;
        out.clear();
        *bytes += u64::try_from(piece.len()).unwrap_or(u64::MAX);
    }
    if ending == Ending::LastChunk {
        out.extend_from_slice(b"0\r\n\r\n");
    }
    stream.send_all(out, false).await
}

/// Appends `piece`, which is not empty, as a chunk where it has to be one.
fn append(piece: &[u8], ending: Ending, out: &mut Vec<u8>) {
    match ending {
        Ending::LastChunk => {
            out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            out.extend_from_slice(piece);
            out.extend_from_slice(b"\r\n");
        }
        Ending::Close => out.extend_from_slice(piece),
    }
}
