//! Sending: the sum first, which takes a pass of its own, then the bytes by `sendfile`.
//!
//! A file that is not what its sum was made of any more is found before its last byte goes out, and
//! the connection is reset: the receiver can never take a blend for the file.

mod peer;
mod source;

use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use sockeye_socket::{Address, How, Registration, Shutdown, Socket, opt};

use crate::config::SendConfig;
use crate::error::{Error, PeerError};
use crate::event::{Event, Meter, Phase, Sent, Sink, TransferId};
use crate::proto::plain_md5::Digest;

use source::Ready;

/// Bytes that one `sendfile` is asked for: often enough for a smooth progress bar.
const SENDFILE_BYTES: u64 = 4 << 20;

/// What a peer that should say nothing may say before it is taken for something else.
const ANSWER_BYTES_MAX: usize = 64 << 10;

const ID: TransferId = TransferId(1);

/// Sends one file or stream and waits until the receiver has closed its side.
///
/// # Errors
///
/// Where the source cannot be read or changes, nobody takes the connection, or it breaks.
/// [`Error::Interrupted`] at once while the sum is made, and at the shutdown's deadline after that.
pub fn send(config: SendConfig, sink: &Sink, shutdown: &Shutdown) -> Result<Sent, Error> {
    let place = peer::Place::parse(&config.to)?;
    let mut meter = Meter::new(sink, ID, Phase::Hashing, None);
    let limits = Limits { connect: config.connect_timeout, idle: config.idle_timeout };
    let ready = source::prepare(config, &mut meter, shutdown)?;
    meter.finish();
    let (socket, peer, registration) = place.connect(limits.connect, shutdown)?;
    let job = Job { sink, shutdown, idle: limits.idle, socket, peer, _registration: registration };
    let sent = job.run(&ready);
    match &sent {
        Ok(sent) => sink(&Event::Sent(sent.clone())),
        // So that the receiver cannot take an early end for the end.
        Err(_) => drop(job.socket.setsockopt(opt::SO_LINGER, Some(Duration::ZERO))),
    }
    sent
}

struct Limits {
    connect: Duration,
    idle: Duration,
}

struct Job<'a> {
    sink: &'a Sink,
    shutdown: &'a Shutdown,
    idle: Duration,
    socket: Socket,
    peer: Address,
    _registration: Registration,
}

impl Job<'_> {
    fn run(&self, ready: &Ready) -> Result<Sent, Error> {
        let started = Instant::now();
        let (digest, bytes) = (ready.digest, ready.size);
        (self.sink)(&Event::Connected { id: ID, peer: self.peer.clone() });
        (self.sink)(&Event::Started {
            id: ID,
            peer: self.peer.clone(),
            digest,
            total: Some(bytes),
        });
        self.socket.settimeout(self.idle).map_err(|error| self.broken(error, 0))?;
        self.opening(digest, bytes)?;
        self.body(ready)?;
        let closed = self.end(bytes)?;
        let peer = self.peer.clone();
        Ok(Sent { id: ID, peer, bytes, digest, closed, took: started.elapsed() })
    }

    fn opening(&self, digest: Digest, bytes: u64) -> Result<(), Error> {
        let header = digest.header();
        let mut rest = &header[..];
        while !rest.is_empty() {
            let sent = if bytes > 0 { self.socket.send_more(rest) } else { self.socket.send(rest) };
            rest = &rest[sent.map_err(|error| self.broken(error, 0))?..];
        }
        Ok(())
    }

    fn body(&self, ready: &Ready) -> Result<(), Error> {
        let mut meter = Meter::new(self.sink, ID, Phase::Sending, Some(ready.size));
        let mut last = [0; 1];
        let held_back = ready.size.min(1);
        while meter.done() < ready.size - held_back {
            let offset = meter.done();
            let wanted = (ready.size - held_back - offset).min(SENDFILE_BYTES);
            let wanted = usize::try_from(wanted).expect("4 MiB");
            let sent = self.socket.sendfile_some(&ready.file, offset, wanted);
            match sent.map_err(|error| self.broken(error, offset))? {
                0 => return Err(ready.changed()),
                sent => meter.add(u64::try_from(sent).expect("4 MiB")),
            }
        }
        if held_back > 0 {
            ready.file.read_exact_at(&mut last, meter.done()).map_err(|_| ready.changed())?;
        }
        ready.check_unchanged()?;
        if held_back > 0 {
            self.socket.sendall(&last).map_err(|error| self.broken(error, meter.done()))?;
            meter.add(held_back);
        }
        meter.finish();
        Ok(())
    }

    /// Ends the stream; tells whether the receiver closed its side too.
    fn end(&self, bytes: u64) -> Result<bool, Error> {
        self.socket.shutdown(How::Write).map_err(|error| self.rejected(error, bytes))?;
        (self.sink)(&Event::AwaitingPeer { id: ID });
        let mut space = [0; 4096];
        let mut heard = 0;
        while heard < ANSWER_BYTES_MAX {
            match self.socket.recv_into(&mut space) {
                Ok(0) if self.shutdown.is_expired() => return Err(Error::Interrupted),
                Ok(0) => return Ok(true),
                Ok(count) => heard += count,
                Err(error) if error.is_timeout() && !self.shutdown.is_expired() => {
                    return Ok(false);
                }
                Err(error) => return Err(self.rejected(error, bytes)),
            }
        }
        Ok(false)
    }

    fn rejected(&self, source: sockeye_socket::Error, bytes: u64) -> Error {
        match source.kind() {
            std::io::ErrorKind::ConnectionReset if !self.shutdown.is_expired() => {
                PeerError::Rejected { peer: self.peer.clone(), bytes }.into()
            }
            _ => self.broken(source, bytes),
        }
    }

    fn broken(&self, source: sockeye_socket::Error, bytes: u64) -> Error {
        let (peer, idle) = (self.peer.clone(), self.idle);
        if self.shutdown.is_expired() {
            Error::Interrupted
        } else if source.is_timeout() {
            PeerError::Stalled { peer, bytes, idle }.into()
        } else {
            PeerError::Lost { peer, bytes, source: Box::new(source) }.into()
        }
    }
}
