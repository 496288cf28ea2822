//! One connection, from its first byte to a durable name or a reason why not.
//!
//! A sender learns the outcome by the way the connection ends: closed means kept, reset means not.

use std::time::{Duration, Instant};

use sockeye_socket::{Address, Socket, opt};

use crate::config::Question;
use crate::error::{Error, PeerError};
use crate::event::{Event, Ignored, Meter, Phase, Received, TransferId};
use crate::pipeline::{self, Stopped};
use crate::proto::plain_md5::{DIGITS, Digest, HeaderError, HeaderReader};

use super::Run;
use super::destination::{Destination, Folder};

pub(super) struct Session<'a> {
    run: &'a Run<'a>,
    pub(super) id: TransferId,
    socket: Socket,
    pub(super) peer: Address,
}

/// Why a connection ended without a file.
pub(super) enum Early {
    Ignored(Ignored),
    Failed(Error),
}

impl From<Error> for Early {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(run: &'a Run<'a>, id: TransferId, socket: Socket, peer: Address) -> Self {
        Self { run, id, socket, peer }
    }

    pub(super) fn serve(self) -> Result<Received, Early> {
        let outcome = self.receive();
        if matches!(outcome, Err(Early::Failed(_))) {
            // A reset tells the sender; where it cannot be had, the close has to do.
            let _ = self.socket.setsockopt(opt::SO_LINGER, Some(Duration::ZERO));
        }
        outcome
    }

    fn receive(&self) -> Result<Received, Early> {
        let full = |_| Early::Ignored(Ignored::Full);
        let _registration = self.run.shutdown.register(&self.socket).map_err(full)?;
        let digest = self.header()?;
        self.ask()?;
        let started = Instant::now();
        let destination = Destination::open(self.run.config, self.run.folder)?;
        let (id, peer) = (self.id, self.peer.clone());
        (self.run.sink)(&Event::Started { id, peer, digest, total: None });
        let (name, bytes) = self.body(digest, destination)?;
        let (peer, took) = (self.peer.clone(), started.elapsed());
        Ok(Received { id, peer, name, bytes, digest, took })
    }

    /// Reads the digits, and claims the run with the first of them.
    fn header(&self) -> Result<Digest, Early> {
        let limit = self.run.config.header_timeout;
        let deadline = Instant::now() + limit;
        let mut reader = HeaderReader::new();
        let mut space = [0; DIGITS];
        let mut count = self.first(deadline, &mut space).map_err(Early::Ignored)?;
        if !self.run.claim.take() {
            return Err(Early::Ignored(Ignored::Busy));
        }
        (self.run.sink)(&Event::Connected { id: self.id, peer: self.peer.clone() });
        loop {
            reader.handle_received(&space[..count]).map_err(|fault| self.header_error(fault))?;
            if let Some(digest) = reader.poll_digest() {
                return Ok(digest);
            }
            let received = self.receive_until(deadline, &mut space[..reader.want_read()]);
            count = received.map_err(|error| self.broken(error, 0, limit))?;
            if count == 0 {
                self.check_interrupted()?;
                reader.handle_eof().map_err(|fault| self.header_error(fault))?;
            }
        }
    }

    /// Waits for the first bytes; until they come, the connection may be cut at any time.
    fn first(&self, deadline: Instant, space: &mut [u8]) -> Result<usize, Ignored> {
        let _registration = self.run.cut.register(&self.socket).map_err(|_| Ignored::Full)?;
        match self.receive_until(deadline, space) {
            Ok(0) | Err(_) if self.run.cut.is_started() => Err(Ignored::Stopping),
            Ok(0) => Err(Ignored::Silent),
            Ok(count) => Ok(count),
            Err(error) if error.is_timeout() => Err(Ignored::TimedOut),
            Err(_) => Err(Ignored::Silent),
        }
    }

    fn receive_until(
        &self,
        deadline: Instant,
        space: &mut [u8],
    ) -> Result<usize, sockeye_socket::Error> {
        // Zero would mean not to wait at all, which is another kind of error than a timeout.
        let left = deadline.saturating_duration_since(Instant::now());
        self.socket.settimeout(left.max(Duration::from_millis(1)))?;
        self.socket.recv_into(space)
    }

    fn ask(&self) -> Result<(), Error> {
        let Some(ask) = &self.run.config.ask else {
            return Ok(());
        };
        let name = self.run.folder.map(Folder::name);
        let replaces = self.run.folder.is_some_and(Folder::is_taken);
        let answer = ask.ask(&Question::Accept { peer: &self.peer, name, replaces });
        if answer {
            return Ok(());
        }
        if self.run.shutdown.is_started() {
            return Err(Error::Interrupted);
        }
        Err(PeerError::Declined { peer: self.peer.clone() }.into())
    }

    fn body(
        &self,
        announced: Digest,
        mut destination: Destination<'_>,
    ) -> Result<(Option<String>, u64), Error> {
        let idle = self.run.config.idle_timeout;
        self.socket.settimeout(idle).map_err(|error| self.broken(error, 0, idle))?;
        let mut meter = Meter::new(self.run.sink, self.id, Phase::Receiving, None);
        let read = |space: &mut [u8]| self.read(space, &mut meter);
        let write = |block: &[u8]| destination.write(block);
        let summary =
            pipeline::run(read, write, self.run.config.buffers).map_err(
                |stopped| match stopped {
                    Stopped::Read(error) | Stopped::Write(error) => error,
                    Stopped::Thread(source) => {
                        Error::System { action: "starting a thread", source }
                    }
                },
            )?;
        meter.finish();
        let (bytes, found) = (summary.bytes, summary.digest);
        if found != announced {
            let peer = self.peer.clone();
            return Err(PeerError::Corrupt { peer, bytes, announced, found }.into());
        }
        Ok((destination.commit(self.run.config.overwrite)?, bytes))
    }

    fn read(&self, space: &mut [u8], meter: &mut Meter<'_>) -> Result<usize, Error> {
        let idle = self.run.config.idle_timeout;
        let received = self.socket.recv_into(space);
        let count = received.map_err(|error| self.broken(error, meter.done(), idle))?;
        if count == 0 {
            // Our own cut looks like the peer's end.
            self.check_interrupted()?;
            return Ok(0);
        }
        meter.add(u64::try_from(count).expect("a block is 1 MiB"));
        match self.run.config.size_bytes_max {
            Some(bytes_max) if meter.done() > bytes_max => {
                Err(PeerError::TooLarge { peer: self.peer.clone(), bytes_max }.into())
            }
            _ => Ok(count),
        }
    }

    fn check_interrupted(&self) -> Result<(), Error> {
        if self.run.shutdown.is_expired() { Err(Error::Interrupted) } else { Ok(()) }
    }

    fn header_error(&self, fault: HeaderError) -> Error {
        PeerError::Header { peer: self.peer.clone(), fault }.into()
    }

    fn broken(&self, source: sockeye_socket::Error, bytes: u64, idle: Duration) -> Error {
        let peer = self.peer.clone();
        if self.run.shutdown.is_expired() {
            Error::Interrupted
        } else if source.is_timeout() {
            PeerError::Stalled { peer, bytes, idle }.into()
        } else {
            PeerError::Lost { peer, bytes, source: Box::new(source) }.into()
        }
    }
}
