//! Sending an answer: a head with a small body in one send, a large one by sendfile in pieces.

use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::io::Errno;

use super::watched::{Failure, Watched};
use crate::cache::Ready;
use crate::files::Open;
use crate::proto::plan::{Body, Plan};

/// Up to here a body is read and sent together with its head.
const ONE_SEND_BYTES_MAX: u64 = 32 * 1024;
/// One call of sendfile where the file is in memory; other connections get their turn after it.
const PIECE_BYTES: u64 = 1024 * 1024;
/// One call of sendfile where the file has to come from the disk first.
const COLD_PIECE_BYTES: u64 = 256 * 1024;

/// What is needed beside what is sent.
pub(super) struct Sending<'a> {
    /// The head, where it is not elsewhere; room for a small body.
    pub(super) out: &'a mut Vec<u8>,
    /// The file that the plan is about.
    pub(super) file: Option<&'a Arc<Open>>,
    /// Whether the body is only announced (HEAD).
    pub(super) head_only: bool,
}

/// Sends what `sending.out` has and the body of `plan`. Says how many bytes of the body went.
pub(super) async fn send(
    stream: &mut Watched,
    plan: &Plan,
    sending: Sending<'_>,
) -> Result<u64, Failure> {
    stream.start_pace();
    let Sending { out, file, head_only } = sending;
    let bytes = if head_only || plan.status.is_without_content() { 0 } else { plan.body.len() };
    match (&plan.body, file) {
        _ if bytes == 0 => stream.send_all(out, false).await?,
        (Body::Bytes(content), _) if bytes <= ONE_SEND_BYTES_MAX => {
            out.extend_from_slice(content);
            stream.send_all(out, false).await?;
        }
        (Body::Bytes(content), _) => {
            stream.send_all(out, true).await?;
            stream.send_all(content, false).await?;
        }
        (Body::File(range), Some(open)) if bytes <= ONE_SEND_BYTES_MAX => {
            append(open, range, out).await?;
            stream.send_all(out, false).await?;
        }
        (Body::File(range), Some(open)) => {
            stream.send_all(out, true).await?;
            send_range(stream, open, range).await?;
        }
        (Body::Parts(parts, after), Some(open)) => {
            stream.send_all(out, true).await?;
            for part in parts {
                stream.send_all(&part.before, true).await?;
                send_range(stream, open, &part.range).await?;
            }
            stream.send_all(after, false).await?;
        }
        // A stream is sent by its own driver.
        (Body::Empty | Body::Stream(_), _) | (_, None) => return Err(Failure::Cut),
    }
    Ok(bytes)
}

/// Appends a small range of the file to `out`.
async fn append(open: &Arc<Open>, range: &Range<u64>, out: &mut Vec<u8>) -> Result<(), Failure> {
    let start = out.len();
    let length = usize::try_from(range.end - range.start).map_err(|_| Failure::Cut)?;
    out.resize(start + length, 0);
    let mut filled = 0;
    while filled < length {
        let offset = range.start + u64::try_from(filled).unwrap_or(0);
        let buffer = &mut out[start + filled..];
        let count = match open.read_now(buffer, offset) {
            Err(Errno::AGAIN) => {
                let read = read_elsewhere(open, length - filled, offset).await;
                let bytes = read.map_err(|_| Failure::Cut)?;
                buffer[..bytes.len()].copy_from_slice(&bytes);
                bytes.len()
            }
            result => result.map_err(|_| Failure::Cut)?,
        };
        if count == 0 {
            return Err(Failure::Cut);
        }
        filled += count;
    }
    Ok(())
}

/// Reads on a thread that may wait for the disk.
async fn read_elsewhere(open: &Arc<Open>, length: usize, offset: u64) -> io::Result<Vec<u8>> {
    let open = Arc::clone(open);
    let read = move || {
        let mut bytes = vec![0; length];
        let count = open.file.read_at(&mut bytes, offset)?;
        bytes.truncate(count);
        Ok(bytes)
    };
    tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
}

/// Sends what is written already, with a `connection` field where there is to be one, and `file`
/// where the body is not in it. Says how many bytes of the body went.
pub(super) async fn send_ready(
    stream: &mut Watched,
    (ready, file): (&Ready, Option<&Arc<Open>>),
    connection: Option<&str>,
    sending: Sending<'_>,
) -> Result<u64, Failure> {
    stream.start_pace();
    let Sending { out, head_only, .. } = sending;
    let file = file.filter(|_| !head_only);
    match connection {
        None if head_only => stream.send_all(ready.head(), false).await?,
        None => stream.send_all(ready.bytes(), file.is_some()).await?,
        Some(connection) => {
            let bytes = ready.write_with(connection, out);
            let bytes = if head_only { bytes } else { out.len() };
            stream.send_all(&out[..bytes], file.is_some()).await?;
        }
    }
    if let Some(open) = file {
        send_range(stream, open, &(0..open.facts.size)).await?;
    }
    Ok(if head_only { 0 } else { ready.body_bytes() })
}

async fn send_range(
    stream: &mut Watched,
    open: &Arc<Open>,
    range: &Range<u64>,
) -> Result<(), Failure> {
    let mut offset = range.start;
    while offset < range.end {
        let warm = warm(open, offset, range.end - offset).await;
        let piece = warm.map_err(|_| Failure::Cut)?;
        let end = offset + piece;
        while offset < end {
            if offset > range.start && open.is_rewritten() {
                return Err(Failure::Cut);
            }
            let count = usize::try_from(end - offset).map_err(|_| Failure::Cut)?;
            let sent = stream.send_file(&open.file, offset, count).await?;
            if sent == 0 {
                return Err(Failure::Cut);
            }
            offset += u64::try_from(sent).map_err(|_| Failure::Cut)?;
        }
        if offset < range.end {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

/// The bytes of the next piece, which are in memory then: sendfile would make every connection of
/// this thread wait for the disk.
async fn warm(open: &Arc<Open>, offset: u64, left: u64) -> io::Result<u64> {
    let piece = left.min(PIECE_BYTES);
    // What is kept is looked at once: it is not kept for long.
    if open.is_warm.load(Ordering::Relaxed) {
        return Ok(piece);
    }
    match open.read_now(&mut [0], offset + piece - 1) {
        Err(Errno::AGAIN) => {}
        _ => {
            open.is_warm.store(piece == open.facts.size, Ordering::Relaxed);
            return Ok(piece);
        }
    }
    let piece = left.min(COLD_PIECE_BYTES);
    let length = usize::try_from(piece).map_err(io::Error::other)?;
    read_elsewhere(open, length, offset).await?;
    Ok(piece)
}
