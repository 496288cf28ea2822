//! An answer's body on its way to hyper: bytes, ranges of a file read piece by piece, or what a
//! producer makes. When it ends, however it ends, the exchange is counted and logged.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body as HyperBody, Bytes, Frame, SizeHint};
use rustix::io::Errno;
use tokio::task::JoinHandle;

use super::super::stream::Pieces;
use super::exchange::Account;
use crate::files::Open;
use crate::proto::plan::Body;

/// So much of a file is read at once: two frames of the usual size.
const PIECE_BYTES: u64 = 32 * 1024;

enum Segment {
    Bytes(Bytes),
    File(Range<u64>),
}

/// The body of one answer.
pub(super) struct Outgoing {
    segments: VecDeque<Segment>,
    open: Option<Arc<Open>>,
    /// Whether some of the file has gone already.
    has_begun: bool,
    reading: Option<JoinHandle<io::Result<Vec<u8>>>>,
    produced: Option<Pieces>,
    /// What is known to be left.
    left: u64,
    account: Account,
}

impl Outgoing {
    /// No body.
    pub(super) fn empty(account: Account) -> Outgoing {
        Outgoing::of(VecDeque::new(), None, account)
    }

    /// These bytes.
    pub(super) fn bytes(bytes: Bytes, account: Account) -> Outgoing {
        Outgoing::of([Segment::Bytes(bytes)].into(), None, account)
    }

    /// All of a file.
    pub(super) fn file(open: Arc<Open>, account: Account) -> Outgoing {
        let all = 0..open.facts.size;
        Outgoing::of([Segment::File(all)].into(), Some(open), account)
    }

    /// The body of a plan, and the file that it is about.
    pub(super) fn plan(body: Body, open: Option<Arc<Open>>, account: Account) -> Outgoing {
        let mut segments = VecDeque::new();
        match body {
            Body::Empty | Body::Stream(_) => {}
            Body::Bytes(bytes) => segments.push_back(Segment::Bytes(bytes.into_owned().into())),
            Body::File(range) => segments.push_back(Segment::File(range)),
            Body::Parts(parts, after) => {
                for part in parts {
                    segments.push_back(Segment::Bytes(part.before.into()));
                    segments.push_back(Segment::File(part.range));
                }
                segments.push_back(Segment::Bytes(after.into()));
            }
        }
        Outgoing::of(segments, open, account)
    }

    /// What a producer makes instead.
    pub(super) fn with_pieces(mut self, pieces: Pieces) -> Outgoing {
        self.produced = Some(pieces);
        self
    }

    fn of(segments: VecDeque<Segment>, open: Option<Arc<Open>>, account: Account) -> Outgoing {
        let length = |segment: &Segment| match segment {
            Segment::Bytes(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Segment::File(range) => range.end - range.start,
        };
        let left = segments.iter().map(length).sum();
        Outgoing { segments, open, has_begun: false, reading: None, produced: None, left, account }
    }

    /// The next piece, none of them empty.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if let Some(pieces) = &mut self.produced {
            return pieces.poll_next(cx).map(|piece| piece.map(|piece| piece.map(Bytes::from)));
        }
        loop {
            if let Some(reading) = &mut self.reading {
                let read = std::task::ready!(Pin::new(reading).poll(cx));
                self.reading = None;
                let piece = read.map_err(io::Error::other).flatten();
                return Poll::Ready(Some(piece.and_then(|piece| self.took(piece))));
            }
            match self.segments.front() {
                None => return Poll::Ready(None),
                Some(Segment::Bytes(bytes)) if bytes.is_empty() => drop(self.segments.pop_front()),
                Some(Segment::File(range)) if range.is_empty() => drop(self.segments.pop_front()),
                Some(Segment::Bytes(_)) => {
                    let Some(Segment::Bytes(bytes)) = self.segments.pop_front() else { continue };
                    return Poll::Ready(Some(Ok(bytes)));
                }
                Some(Segment::File(range)) => {
                    let range = range.start..range.end.min(range.start + PIECE_BYTES);
                    if let Some(piece) = self.read(range).transpose() {
                        return Poll::Ready(Some(piece.and_then(|piece| self.took(piece))));
                    }
                }
            }
        }
    }

    /// Reads what is in memory; else has it read where waiting is allowed, and gives `None`.
    fn read(&mut self, range: Range<u64>) -> io::Result<Option<Vec<u8>>> {
        let Some(open) = &self.open else { return Err(io::ErrorKind::NotFound.into()) };
        if std::mem::replace(&mut self.has_begun, true) && open.is_rewritten() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let length = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
        let mut piece = vec![0; length];
        match open.read_now(&mut piece, range.start) {
            Ok(count) => {
                piece.truncate(count);
                Ok(Some(piece))
            }
            Err(Errno::AGAIN) => {
                let open = Arc::clone(open);
                let read = move || {
                    use std::os::unix::fs::FileExt;
                    let count = open.file.read_at(&mut piece, range.start)?;
                    piece.truncate(count);
                    Ok(piece)
                };
                self.reading = Some(tokio::task::spawn_blocking(read));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// So much of the file in front is done. A file that ended early has changed.
    fn took(&mut self, piece: Vec<u8>) -> io::Result<Bytes> {
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(Segment::File(range)) = self.segments.front_mut() {
            range.start += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        }
        Ok(piece.into())
    }
}

impl HyperBody for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let polled = self.poll_piece(cx);
        match &polled {
            // The disk or a producer is waited for.
            Poll::Pending => self.account.our_turn(),
            Poll::Ready(Some(Ok(piece))) => {
                let bytes = u64::try_from(piece.len()).unwrap_or(u64::MAX);
                self.left = self.left.saturating_sub(bytes);
                self.account.gave(bytes);
            }
            Poll::Ready(Some(Err(_))) => self.account.cut(),
            Poll::Ready(None) => {}
        }
        polled.map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.produced.is_none() && self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        match self.produced {
            Some(_) => SizeHint::default(),
            None => SizeHint::with_exact(self.left),
        }
    }
}
