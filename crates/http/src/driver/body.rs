//! A request's body on its way from the socket to a handler that may block: bounded both in the
//! bytes that wait and in the bytes altogether.

use std::io::{self, Read};

use tokio::sync::mpsc::{self, error::TrySendError};

use super::watched::{Failure, Watched};
use crate::mount::Receive;
use crate::proto::connection::{BodyTurn, Connection};
use crate::proto::head::Framing;
use crate::proto::plan::Plan;
use crate::proto::status::{PeerError, Status};

/// How many pieces of at most 64 KiB may wait for the handler.
const PIECES_MAX: usize = 4;

/// What the reader gets.
pub(super) enum Item {
    Content(Vec<u8>),
    End,
    Failed(io::ErrorKind, &'static str),
}

/// The body, for a handler.
pub(super) struct BodyReader {
    items: mpsc::Receiver<Item>,
    piece: Vec<u8>,
    taken: usize,
    at_end: bool,
}

impl Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.piece.len() && !self.at_end && !buffer.is_empty() {
            match self.items.blocking_recv() {
                Some(Item::Content(piece)) => (self.piece, self.taken) = (piece, 0),
                Some(Item::End) => self.at_end = true,
                Some(Item::Failed(kind, why)) => return Err(io::Error::new(kind, why)),
                // The connection has gone without a word: this is never the end of a body.
                None => return Err(io::ErrorKind::ConnectionAborted.into()),
            }
        }
        let count = buffer.len().min(self.piece.len() - self.taken);
        buffer[..count].copy_from_slice(&self.piece[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }
}

/// The body is larger than its handler takes.
pub(super) const TOO_LARGE: PeerError =
    PeerError::new(Status::CONTENT_TOO_LARGE, "the body is larger than what is taken here");
/// The body did not keep its pace.
pub(super) const TOO_SLOW: PeerError =
    PeerError::new(Status::REQUEST_TIMEOUT, "the body came too slowly");

/// The way of a body to its handler.
pub(super) fn channel() -> (mpsc::Sender<Item>, BodyReader) {
    let (sender, items) = mpsc::channel(PIECES_MAX);
    (sender, BodyReader { items, piece: Vec::new(), taken: 0, at_end: false })
}

/// Gives the body, framed so and at most `bytes_max` long, to `receive`; says what to answer.
pub(super) async fn receive(
    stream: &mut Watched,
    machine: &mut Connection,
    framing: Framing,
    (bytes_max, receive): (u64, Receive),
) -> Result<Plan, Failure> {
    if matches!(framing, Framing::Length(bytes) if bytes > bytes_max) {
        return Ok(Plan::text(TOO_LARGE.status, TOO_LARGE.why));
    }
    if machine.take_continue() {
        stream.start_pace();
        stream.send_all(b"HTTP/1.1 100 Continue\r\n\r\n", false).await?;
    }
    let (sender, mut reader) = channel();
    let job = tokio::task::spawn_blocking(move || receive(&mut reader));
    let refused = pump(stream, machine, bytes_max, &sender).await;
    drop(sender);
    let plan = job.await;
    if let Some(error) = refused? {
        return Ok(Plan::text(error.status, error.why));
    }
    Ok(plan.unwrap_or_else(|_| Plan::text(Status::INTERNAL_SERVER_ERROR, "the handler failed")))
}

/// Moves the body until its end or until the handler wants no more. `Some` where the peer is to
/// blame for the end.
async fn pump(
    stream: &mut Watched,
    machine: &mut Connection,
    bytes_max: u64,
    sender: &mpsc::Sender<Item>,
) -> Result<Option<PeerError>, Failure> {
    stream.start_pace();
    let mut left = bytes_max;
    loop {
        match machine.poll_body() {
            BodyTurn::End => {
                // A handler that has gone has read enough.
                let _ = sender.send(Item::End).await;
                return Ok(None);
            }
            BodyTurn::Content(content) => {
                let count = content.len();
                let Some(rest) = left.checked_sub(u64::try_from(count).unwrap_or(u64::MAX)) else {
                    let item = Item::Failed(io::ErrorKind::FileTooLarge, TOO_LARGE.why);
                    let _ = sender.send(item).await;
                    return Ok(Some(TOO_LARGE));
                };
                left = rest;
                match sender.try_send(Item::Content(content.to_vec())) {
                    Ok(()) => {}
                    Err(TrySendError::Closed(_)) => return Ok(None),
                    Err(TrySendError::Full(item)) => {
                        if sender.send(item).await.is_err() {
                            return Ok(None);
                        }
                        // The time that the handler took is not the peer's.
                        stream.start_pace();
                    }
                }
                machine.take_body(count);
            }
            BodyTurn::Failed(error) => {
                let _ = sender.send(Item::Failed(io::ErrorKind::InvalidData, error.why)).await;
                return Ok(Some(error));
            }
            BodyTurn::Read => match stream.recv_paced(machine.recv_buffer()).await {
                Ok(0) => machine.handle_eof(),
                Ok(count) => machine.handle_received(count, std::time::Instant::now()),
                Err(Failure::TimedOut) => {
                    let _ = sender.send(Item::Failed(io::ErrorKind::TimedOut, TOO_SLOW.why)).await;
                    machine.handle_timeout();
                    return Ok(Some(TOO_SLOW));
                }
                Err(failure) => return Err(failure),
            },
        }
    }
}
