//! The prober on a socket: sends what is due, hands over what comes, waits for the next of both.

use std::time::Instant;

use anyhow::Context as _;
use sockeye_socket::{Error, Events, Selector, Shutdown, Socket, errno};

use super::proto::prober::{Config, Event, Prober};
use super::proto::summary::Summary;
use super::proto::wire::Kind;
use super::{json, text};
use crate::output;

/// How often the system may report an error of an earlier datagram in place of sending.
const REPORTS_MAX: u32 = 4;
/// Datagrams that are taken before time is looked at again.
const BATCH_MAX: u32 = 256;

/// What to ask, and how to show it.
#[derive(Debug)]
pub(crate) struct Ask {
    /// What to ask.
    pub(crate) config: Config,
    /// The bytes of each datagram, the header included.
    pub(crate) size: usize,
    /// One JSON object a line.
    pub(crate) json: bool,
    /// Only the summary.
    pub(crate) quiet: bool,
}

/// Probes the peer of a connected socket until it is over or stopped, and shows what happens.
///
/// # Errors
/// The datagrams are too large or cannot be sent, or stdout cannot be written.
pub(crate) fn ask(socket: &Socket, ask: Ask, stop: &Shutdown) -> anyhow::Result<Summary> {
    let start = Instant::now();
    let peer = socket.getpeername()?;
    let mut run = Run {
        socket,
        prober: Prober::new(ask.config.clone(), start),
        datagram: vec![0; ask.size],
        ask,
        was_refused: false,
    };
    run.drive(stop)?;
    let summary = run.prober.summary();
    let took = start.elapsed();
    if run.ask.json {
        output::line(json::summary(&summary, took)?)?;
    } else {
        text::summary(&peer, &summary, took).iter().try_for_each(output::line)?;
    }
    Ok(summary)
}

struct Run<'a> {
    socket: &'a Socket,
    prober: Prober,
    datagram: Vec<u8>,
    ask: Ask,
    was_refused: bool,
}

#[derive(Clone, Copy)]
enum Ready {
    Socket,
    Stop,
}

impl Run<'_> {
    fn drive(&mut self, stop: &Shutdown) -> anyhow::Result<()> {
        let mut selector = Selector::new()?;
        selector.register(self.socket, Events::READ, Ready::Socket)?;
        selector.register(stop, Events::READ, Ready::Stop)?;
        self.socket.setblocking(false)?;
        let mut happened = Vec::new();
        while !self.prober.is_done() {
            let full = self.transmit()?;
            let events = if full { Events::READ | Events::WRITE } else { Events::READ };
            selector.modify(self.socket, events)?;
            let next = self.prober.poll_timeout();
            // What is due and does not fit waits for room.
            let wait = next.filter(|_| !full);
            let wait = wait.map(|at| at.saturating_duration_since(Instant::now()));
            selector.select_into(wait, &mut happened)?;
            for (ready, _) in &happened {
                match ready {
                    Ready::Socket => self.receive()?,
                    Ready::Stop => {
                        selector.unregister(stop)?;
                        self.prober.handle_stop(Instant::now());
                    }
                }
            }
            self.prober.handle_timeout(Instant::now());
            self.show()?;
        }
        Ok(())
    }

    /// Sends what is due; true where the system has no room.
    fn transmit(&mut self) -> anyhow::Result<bool> {
        let mut reports = 0;
        loop {
            let now = Instant::now();
            let Some(header) = self.prober.poll_transmit(now) else { return Ok(false) };
            let head = header.encode();
            self.datagram[..head.len()].copy_from_slice(&head);
            let len = if header.kind == Kind::Ask { head.len() } else { self.datagram.len() };
            match self.socket.send(&self.datagram[..len]) {
                Ok(_) => self.prober.handle_transmitted(now),
                Err(error) if error.would_block() => return Ok(true),
                Err(error) if is_report(&error) && reports < REPORTS_MAX => {
                    reports += 1;
                    self.refused(&error);
                }
                Err(error) => return Err(explain(error, len)),
            }
        }
    }

    fn receive(&mut self) -> anyhow::Result<()> {
        let mut buffer = [0; 2048];
        for _ in 0..BATCH_MAX {
            match self.socket.recv_into(&mut buffer) {
                Ok(len) => self.prober.handle_received(&buffer[..len], Instant::now()),
                Err(error) if error.would_block() => break,
                Err(error) if is_report(&error) => self.refused(&error),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn refused(&mut self, error: &Error) {
        self.prober.handle_refused();
        if !self.was_refused && !self.ask.json {
            output::note(format_args!("{error}; going on"));
        }
        self.was_refused = true;
    }

    fn show(&mut self) -> anyhow::Result<()> {
        while let Some(event) = self.prober.poll_event() {
            if self.ask.json {
                output::line(json::event(&event)?)?;
            } else if !self.ask.quiet && event != Event::Refused {
                output::line(text::event(&event))?;
            }
        }
        Ok(())
    }
}

/// Tells whether it is about an earlier datagram: somebody on the way said no.
fn is_report(error: &Error) -> bool {
    let reports = [errno::ECONNREFUSED, errno::EHOSTUNREACH, errno::ENETUNREACH];
    error.errno().is_some_and(|errno| reports.contains(&errno))
}

fn explain(error: Error, len: usize) -> anyhow::Error {
    let too_long = error.errno() == Some(errno::EMSGSIZE);
    let failed = Err::<(), _>(error);
    let what = if too_long {
        format!("a datagram of {len} bytes is too long for the way; make --size smaller")
    } else {
        "cannot send".to_owned()
    };
    failed.context(what).expect_err("it was an error")
}
