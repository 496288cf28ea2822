//! A request's body on its way from hyper to a handler that may block, bounded as any other
//! ([`super::super::body`]); and what is done with a body that nobody wants.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body as _, Bytes, Incoming};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use super::super::body::{BodyReader, Item, TOO_LARGE, TOO_SLOW, channel};
use super::super::worker::Worker;
use super::exchange::Shared;
use crate::mount::Receive;
use crate::proto::head::Framing;
use crate::proto::plan::Plan;
use crate::proto::status::{PeerError, Status};

/// Gives the body, framed so and at most `bytes_max` long, to `receive`; says what to answer.
pub(super) async fn receive(
    shared: &Shared,
    body: &mut Incoming,
    framing: Framing,
    (bytes_max, receive): (u64, Receive),
) -> Plan {
    if matches!(framing, Framing::Length(bytes) if bytes > bytes_max) {
        return Plan::text(TOO_LARGE.status, TOO_LARGE.why);
    }
    let place = Arc::clone(&shared.jobs).acquire_owned().await;
    let (sender, mut reader): (_, BodyReader) = channel();
    let job = tokio::task::spawn_blocking(move || {
        let plan = receive(&mut reader);
        drop(place);
        plan
    });
    let refused = pump(shared, body, bytes_max, &sender).await;
    drop(sender);
    let plan = job.await;
    if let Some(error) = refused {
        return Plan::text(error.status, error.why);
    }
    plan.unwrap_or_else(|_| Plan::text(Status::INTERNAL_SERVER_ERROR, "the handler failed"))
}

/// Moves the body until its end or until the handler wants no more. `Some` where the peer is to
/// blame for the end.
async fn pump(
    shared: &Shared,
    body: &mut Incoming,
    bytes_max: u64,
    sender: &mpsc::Sender<Item>,
) -> Option<PeerError> {
    let limits = &shared.worker.service.limits;
    let mut pace = Pace::new(limits.write_timeout, limits.progress_bytes_min);
    let mut left = bytes_max;
    loop {
        let (item, error) = match timeout_at(pace.deadline, next(body)).await {
            Err(_) => (Item::Failed(io::ErrorKind::TimedOut, TOO_SLOW.why), Some(TOO_SLOW)),
            Ok(None) => (Item::End, None),
            Ok(Some(Err(_))) => {
                let error = PeerError::bad("the body is cut or malformed");
                (Item::Failed(io::ErrorKind::InvalidData, error.why), Some(error))
            }
            Ok(Some(Ok(data))) => {
                let bytes = u64::try_from(data.len()).unwrap_or(u64::MAX);
                pace.moved(bytes);
                match left.checked_sub(bytes) {
                    Some(rest) => {
                        left = rest;
                        (Item::Content(data.into()), None)
                    }
                    None => {
                        let kind = io::ErrorKind::FileTooLarge;
                        (Item::Failed(kind, TOO_LARGE.why), Some(TOO_LARGE))
                    }
                }
            }
        };
        let is_last = !matches!(item, Item::Content(_));
        let waits = sender.capacity() == 0;
        let is_gone = sender.send(item).await.is_err();
        if is_last || is_gone {
            // A handler that has gone has read enough.
            return error;
        }
        if waits {
            // The time that the handler took is not the peer's.
            pace.start();
        }
    }
}

/// The next bytes of the body; trailers are nobody's business.
async fn next(body: &mut Incoming) -> Option<hyper::Result<Bytes>> {
    loop {
        let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
        match frame.map(|frame| frame.into_data().ok()) {
            Ok(Some(data)) => return Some(Ok(data)),
            Ok(None) => {}
            Err(error) => return Some(Err(error)),
        }
    }
}

/// Reads what nobody wants of a body, within limits, so that the peer can read the answer while it
/// still sends.
pub(super) async fn drain(mut body: Incoming, worker: Rc<Worker>) {
    let limits = &worker.service.limits;
    let mut left = limits.drain_bytes_max;
    let read = async {
        while let Some(Ok(data)) = next(&mut body).await {
            let bytes = u64::try_from(data.len()).unwrap_or(u64::MAX);
            let Some(rest) = left.checked_sub(bytes) else { return };
            left = rest;
        }
    };
    // What is left after that is refused with the stream.
    let _ = timeout(limits.drain_timeout, read).await;
}

/// How fast a body has to come.
struct Pace {
    timeout: Duration,
    bytes_min: u64,
    bytes: u64,
    deadline: Instant,
}

impl Pace {
    fn new(timeout: Duration, bytes_min: u64) -> Pace {
        Pace { timeout, bytes_min, bytes: 0, deadline: Instant::now() + timeout }
    }

    fn start(&mut self) {
        (self.bytes, self.deadline) = (0, Instant::now() + self.timeout);
    }

    fn moved(&mut self, bytes: u64) {
        self.bytes += bytes;
        if self.bytes >= self.bytes_min {
            self.start();
        }
    }
}
