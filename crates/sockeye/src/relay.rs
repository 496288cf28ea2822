//! Carries bytes between the terminal (stdin and stdout) and a socket, as netcat-openbsd does:
//! `connect` and `listen` differ only in how they come by the socket. One thread, one poll; each
//! direction has one buffer that is filled when it is empty, so a slow side slows its other side.

mod hex;
mod net;
mod newline;
mod terminal;

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sockeye_socket::{How, Shutdown};

use hex::HexDump;
use newline::CrLf;

pub(crate) use net::Net;
pub(crate) use terminal::Terminal;

/// How much is carried at a time; also the longest datagram that stdin makes.
const BUFFER_BYTES: usize = 16 * 1024;

/// How to carry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// End our direction once stdin has ended.
    pub(crate) half_close: bool,
    /// End after so long without a byte either way.
    pub(crate) idle: Option<Duration>,
    /// Send LF as CR LF.
    pub(crate) crlf: bool,
    /// Show both directions as a hex dump in place of the bytes.
    pub(crate) hex: bool,
    /// Nothing more to do once the peer has ended, although stdin goes on.
    pub(crate) end_with_peer: bool,
}

/// Why it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Both sides are done.
    Done,
    /// Nothing came or went for the time that was set.
    Idle,
    /// Nobody reads stdout any more.
    StdoutClosed,
    /// A signal.
    Stopped,
}

/// Bytes on their way to one side.
#[derive(Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    taken: usize,
}

impl Buffer {
    fn is_empty(&self) -> bool {
        self.taken == self.bytes.len()
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    fn fill(&mut self, bytes: &[u8]) {
        if self.is_empty() {
            self.bytes.clear();
            self.taken = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    fn take(&mut self, n: usize) {
        self.taken += n;
    }
}

/// One conversation.
pub(crate) struct Relay<'a> {
    net: &'a mut Net,
    terminal: &'a mut Terminal,
    options: Options,
    /// From stdin to the peer.
    up: Buffer,
    /// From the peer to stdout.
    down: Buffer,
    /// The peer may still send.
    receives: bool,
    /// The peer still takes what is sent.
    sends: bool,
    /// Our direction was ended.
    half_closed: bool,
    crlf: CrLf,
    sent_dump: HexDump,
    received_dump: HexDump,
    sent_bytes: u64,
    received_bytes: u64,
    /// Why a send failed: reported once everything that came has been shown.
    failed: Option<sockeye_socket::Error>,
}

/// Which sides are ready.
#[derive(Default)]
struct Ready {
    stdin: bool,
    stdout: bool,
    net_in: bool,
    net_out: bool,
}

impl<'a> Relay<'a> {
    /// A conversation over `net`, which becomes nonblocking.
    pub(crate) fn new(
        net: &'a mut Net,
        terminal: &'a mut Terminal,
        options: Options,
    ) -> anyhow::Result<Relay<'a>> {
        net.socket().setblocking(false)?;
        Ok(Relay {
            net,
            terminal,
            options,
            up: Buffer::default(),
            down: Buffer::default(),
            receives: true,
            sends: true,
            half_closed: false,
            crlf: CrLf::default(),
            sent_dump: HexDump::new('>'),
            received_dump: HexDump::new('<'),
            sent_bytes: 0,
            received_bytes: 0,
            failed: None,
        })
    }

    /// Takes bytes that came before the relay was there (a first datagram).
    pub(crate) fn received(&mut self, bytes: &[u8]) {
        self.received_bytes += u64::try_from(bytes.len()).unwrap_or(0);
        if self.options.hex {
            self.down.fill(self.received_dump.lines(bytes).as_bytes());
        } else {
            self.down.fill(bytes);
        }
    }

    /// Bytes sent and received so far.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.sent_bytes, self.received_bytes)
    }

    /// Carries until it is over.
    ///
    /// # Errors
    /// The connection broke, or stdin or stdout cannot be used.
    pub(crate) fn run(&mut self, shutdown: &Shutdown) -> anyhow::Result<Ended> {
        loop {
            if self.is_over() {
                return match self.failed.take() {
                    Some(error) => Err(error.into()),
                    None => Ok(Ended::Done),
                };
            }
            let ready = match self.wait(shutdown)? {
                Ok(ready) => ready,
                Err(ended) => return Ok(ended),
            };
            if ready.net_out {
                self.send();
            }
            if ready.stdout && !self.show()? {
                return Ok(Ended::StdoutClosed);
            }
            if ready.net_in {
                self.receive()?;
            }
            if ready.stdin {
                self.read()?;
            }
        }
    }

    fn is_over(&self) -> bool {
        let received = !self.receives && self.down.is_empty();
        let sent = self.up.is_empty() && (!self.terminal.is_open() || self.options.end_with_peer);
        received && (sent || !self.sends)
    }

    /// Waits until a side is ready, or says why there is nothing more to wait for.
    fn wait(&mut self, shutdown: &Shutdown) -> anyhow::Result<Result<Ready, Ended>> {
        let room = self.up.is_empty() && (!self.options.hex || self.down.is_empty());
        let want_stdin = self.terminal.is_open() && room && self.sends && self.net.has_peer();
        let (stdin_events, stdout_events, net_events) =
            (want(want_stdin, PollFlags::IN), self.stdout_events(), self.net_events());
        let mut fds = vec![
            PollFd::new(shutdown, PollFlags::IN),
            // Without events a closed reader still shows.
            PollFd::from_borrowed_fd(self.terminal.stdout(), stdout_events),
        ];
        let stdin_at = fds.len();
        if want_stdin {
            fds.push(PollFd::from_borrowed_fd(self.terminal.stdin(), stdin_events));
        }
        let net_at = fds.len();
        if let Some(events) = net_events {
            fds.push(PollFd::from_borrowed_fd(self.net.socket().as_fd(), events));
        }
        let timeout = self.options.idle.and_then(|idle| Timespec::try_from(idle).ok());
        let count = match poll(&mut fds, timeout.as_ref()) {
            Err(rustix::io::Errno::INTR) => return Ok(Ok(Ready::default())),
            other => other.map_err(io::Error::from)?,
        };
        let happened = |at: usize| fds.get(at).map_or(PollFlags::empty(), PollFd::revents);
        let broken = PollFlags::ERR | PollFlags::HUP;
        let (stdout, net) = (happened(1), happened(net_at));
        let stdin = want_stdin && !happened(stdin_at).is_empty();
        if !happened(0).is_empty() {
            return Ok(Err(Ended::Stopped));
        }
        if count == 0 {
            return Ok(Err(Ended::Idle));
        }
        if stdout.contains(PollFlags::ERR) {
            return Ok(Err(Ended::StdoutClosed));
        }
        if !self.receives && net.intersects(broken) {
            // Both directions are gone.
            self.sends = false;
        }
        Ok(Ok(Ready {
            stdin,
            stdout: !self.down.is_empty() && stdout.intersects(PollFlags::OUT | broken),
            net_in: self.receives && self.down.is_empty() && net.intersects(PollFlags::IN | broken),
            net_out: !self.up.is_empty() && net.intersects(PollFlags::OUT | broken),
        }))
    }

    fn stdout_events(&self) -> PollFlags {
        want(!self.down.is_empty(), PollFlags::OUT)
    }

    /// What to ask of the socket. With nothing to receive or send only its end is of interest;
    /// once that is known it is left out, or poll would never wait again.
    fn net_events(&self) -> Option<PollFlags> {
        let receive = want(self.receives && self.down.is_empty(), PollFlags::IN);
        let send = want(self.sends && !self.up.is_empty(), PollFlags::OUT);
        let events = receive | send;
        let ending = !self.receives && self.sends;
        (!events.is_empty() || ending).then_some(events)
    }

    /// Reads stdin; at its end the half-close that was asked for is made.
    fn read(&mut self) -> anyhow::Result<()> {
        let mut buffer = [0; BUFFER_BYTES];
        match self.terminal.read(&mut buffer)? {
            Some(0) if self.options.half_close && !self.half_closed => {
                self.half_closed = true;
                // A peer that is gone already shows when we receive.
                let _ = self.net.socket().shutdown(How::Write);
            }
            Some(n) if self.options.crlf => self.up.fill(&self.crlf.convert(&buffer[..n])),
            Some(n) => self.up.fill(&buffer[..n]),
            None => {}
        }
        Ok(())
    }

    /// Sends what stdin gave. A peer that takes no more may still have sent something.
    fn send(&mut self) {
        match self.net.send(self.up.rest()) {
            Ok(n) => {
                self.sent_bytes += u64::try_from(n).unwrap_or(0);
                if self.options.hex {
                    let lines = self.sent_dump.lines(&self.up.rest()[..n]);
                    self.down.fill(lines.as_bytes());
                }
                self.up.take(n);
            }
            Err(error) if error.would_block() => {}
            Err(error) => {
                self.sends = false;
                self.failed = Some(error);
                self.up = Buffer::default();
            }
        }
    }

    /// Shows what came; `false` where nobody reads it.
    fn show(&mut self) -> anyhow::Result<bool> {
        match self.terminal.write(self.down.rest()) {
            Ok(n) => self.down.take(n),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(anyhow::Error::new(error).context("cannot write to stdout")),
        }
        Ok(true)
    }

    fn receive(&mut self) -> anyhow::Result<()> {
        // The longest datagram there is.
        let mut buffer = [0; 4 * BUFFER_BYTES];
        match self.net.receive(&mut buffer) {
            Ok(Some(n)) => self.received(&buffer[..n]),
            Ok(None) => self.receives = false,
            Err(error) if error.would_block() => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

fn want(wanted: bool, events: PollFlags) -> PollFlags {
    if wanted { events } else { PollFlags::empty() }
}
