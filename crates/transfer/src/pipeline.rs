//! Bytes from a source through MD5 to a sink: three stages on three threads, a few recycled buffers
//! between them.
//!
//! Memory is `buffers * BLOCK_BYTES` whatever the size; a slow stage holds the others back. A block
//! goes on when it is full or a second old, so that a slow peer's bytes do not wait for 1 MiB of
//! company.

use std::io;
use std::panic;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle, scope};
use std::time::{Duration, Instant};

use md5::{Digest as _, Md5};

use crate::proto::plain_md5::Digest;

/// Bytes of one buffer.
pub const BLOCK_BYTES: usize = 1 << 20;

const BLOCK_AGE_MAX: Duration = Duration::from_secs(1);

/// What went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) bytes: u64,
    pub(crate) digest: Digest,
}

/// Which stage stopped the flow.
#[derive(Debug)]
pub(crate) enum Stopped<R, W> {
    Read(R),
    Write(W),
    Thread(io::Error),
}

struct Block {
    bytes: Box<[u8]>,
    filled: usize,
}

/// Runs `read` on this thread until it answers 0, MD5 and `write` on two others.
///
/// Where both ends fail the sink's error is given: the source's is often its consequence.
pub(crate) fn run<R, W, RE, WE>(
    read: R,
    write: W,
    buffers: usize,
) -> Result<Summary, Stopped<RE, WE>>
where
    R: FnMut(&mut [u8]) -> Result<usize, RE>,
    W: FnMut(&[u8]) -> Result<(), WE> + Send,
    WE: Send,
{
    let (to_hash, filled) = sync_channel(buffers);
    let (to_write, hashed) = sync_channel(buffers);
    let (recycle, empty) = sync_channel(buffers);
    scope(|threads| {
        let hasher = spawn(threads, "md5", move || hash(&filled, &to_write));
        let writer = spawn(threads, "write", move || drain(write, &hashed, &recycle));
        let (hasher, writer) = match (hasher, writer) {
            (Ok(hasher), Ok(writer)) => (hasher, writer),
            (Err(error), _) | (_, Err(error)) => return Err(Stopped::Thread(error)),
        };
        let read = fill(read, &to_hash, &empty, buffers);
        drop(to_hash);
        let digest = join(hasher);
        join(writer).map_err(Stopped::Write)?;
        Ok(Summary { bytes: read.map_err(Stopped::Read)?, digest })
    })
}

fn spawn<'scope, T: Send + 'scope>(
    threads: &'scope Scope<'scope, '_>,
    name: &str,
    stage: impl FnOnce() -> T + Send + 'scope,
) -> io::Result<ScopedJoinHandle<'scope, T>> {
    Builder::new().name(format!("transfer-{name}")).spawn_scoped(threads, stage)
}

fn join<T>(stage: ScopedJoinHandle<'_, T>) -> T {
    stage.join().unwrap_or_else(|cause| panic::resume_unwind(cause))
}

fn fill<RE>(
    mut read: impl FnMut(&mut [u8]) -> Result<usize, RE>,
    to_hash: &SyncSender<Block>,
    empty: &Receiver<Block>,
    buffers: usize,
) -> Result<u64, RE> {
    let mut made = 0;
    let mut bytes = 0;
    loop {
        let mut block = match empty.try_recv() {
            Ok(block) => block,
            Err(TryRecvError::Empty) if made < buffers => {
                made += 1;
                Block { bytes: vec![0; BLOCK_BYTES].into(), filled: 0 }
            }
            Err(_) => match empty.recv() {
                Ok(block) => block,
                Err(_) => return Ok(bytes),
            },
        };
        let ended = fill_block(&mut read, &mut block)?;
        bytes += u64::try_from(block.filled).expect("a block is 1 MiB");
        let sent = block.filled == 0 || to_hash.send(block).is_ok();
        if ended || !sent {
            return Ok(bytes);
        }
    }
}

/// Fills a block and tells whether the source ended.
fn fill_block<RE>(
    read: &mut impl FnMut(&mut [u8]) -> Result<usize, RE>,
    block: &mut Block,
) -> Result<bool, RE> {
    let started = Instant::now();
    block.filled = 0;
    while block.filled < block.bytes.len() {
        let count = read(&mut block.bytes[block.filled..])?;
        if count == 0 {
            return Ok(true);
        }
        block.filled += count;
        if started.elapsed() >= BLOCK_AGE_MAX {
            break;
        }
    }
    Ok(false)
}

fn hash(filled: &Receiver<Block>, to_write: &SyncSender<Block>) -> Digest {
    let mut md5 = Md5::new();
    for block in filled {
        md5.update(&block.bytes[..block.filled]);
        if to_write.send(block).is_err() {
            break;
        }
    }
    Digest::new(md5.finalize().into())
}

fn drain<WE>(
    mut write: impl FnMut(&[u8]) -> Result<(), WE>,
    hashed: &Receiver<Block>,
    recycle: &SyncSender<Block>,
) -> Result<(), WE> {
    for block in hashed {
        write(&block.bytes[..block.filled])?;
        // The source has ended where nobody takes it back.
        let _ = recycle.try_send(block);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn through(data: &[u8], step: usize, buffers: usize) -> (Summary, Vec<u8>) {
        let mut left = data;
        let mut out = Vec::new();
        let summary = run(
            |space| {
                let count = space.len().min(step);
                left.read(&mut space[..count])
            },
            |bytes| {
                out.extend_from_slice(bytes);
                Ok::<_, io::Error>(())
            },
            buffers,
        );
        (summary.unwrap(), out)
    }

    #[test]
    fn bytes_come_out_as_they_went_in_with_their_sum() {
        for size in [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 5 * BLOCK_BYTES + 7] {
            let data: Vec<u8> = (0..=250).cycle().take(size).collect();
            for (step, buffers) in [(usize::MAX, 1), (usize::MAX, 4), (65_537, 3)] {
                let (summary, out) = through(&data, step, buffers);
                assert!(out == data, "{size} bytes by {step}, {buffers} buffers");
                assert_eq!(summary.bytes, u64::try_from(size).unwrap());
                assert_eq!(summary.digest, Digest::new(Md5::digest(&data).into()));
            }
        }
    }

    #[test]
    fn a_failing_sink_stops_an_endless_source() {
        let mut blocks = 0;
        let stopped = run(
            |space| Ok::<_, io::Error>(space.len()),
            |_| {
                blocks += 1;
                if blocks == 3 { Err("full") } else { Ok(()) }
            },
            2,
        );
        assert!(matches!(stopped, Err(Stopped::Write("full"))), "{stopped:?}");
    }

    #[test]
    fn a_failing_source_is_told() {
        let mut left = 3;
        let stopped = run(
            |space| {
                left -= 1;
                if left == 0 { Err("reset") } else { Ok(space.len()) }
            },
            |_| Ok::<_, io::Error>(()),
            2,
        );
        assert!(matches!(stopped, Err(Stopped::Read("reset"))), "{stopped:?}");
    }
}
