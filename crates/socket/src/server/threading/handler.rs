//! Functions that talk to one peer and may block, each in a thread of its own.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Parts;
use super::attendant::CUT_WAIT;
use crate::addr::Address;
use crate::error::Result;
use crate::protocol::Outcome;
use crate::selectors::Selector;
use crate::server::door::{self, Door, Token};
use crate::server::mailbox::Mailbox;
use crate::server::places::Places;
use crate::server::{Expiry, Limits, Report, wire};
use crate::shutdown::Shutdown;
use crate::socket::{How, Socket};

/// See [`super::ThreadingServer::serve_with`].
pub(super) fn serve<H>(parts: Parts, shutdown: &Shutdown, handler: H) -> Result<Report>
where
    H: Fn(&Socket, &Address) -> io::Result<()> + Send + Sync + 'static,
{
    let Parts { door, mut selector, limits, stack_bytes } = parts;
    let expiry = door::watch_end(shutdown, &mut selector)?;
    let ended = Mailbox::new(selector.waker());
    let work = Arc::new(Work { handler, limits, ended, report: Mutex::default() });
    let members = Places::new();
    let reception = Reception { door, selector, stack_bytes, members, work, patience: None };
    reception.run(shutdown, &expiry)
}

/// What the threads share.
struct Work<H> {
    handler: H,
    limits: Limits,
    ended: Mailbox<u64>,
    report: Mutex<Tally>,
}

#[derive(Default)]
struct Tally {
    report: Report,
    /// The grace is over: whoever has not returned is cut off.
    cut: bool,
}

struct Member {
    socket: Arc<Socket>,
    thread: JoinHandle<()>,
}

struct Reception<H> {
    door: Door,
    selector: Selector<Token>,
    stack_bytes: usize,
    members: Places<Member>,
    work: Arc<Work<H>>,
    patience: Option<Instant>,
}

impl<H> Reception<H>
where
    H: Fn(&Socket, &Address) -> io::Result<()> + Send + Sync + 'static,
{
    fn run(mut self, shutdown: &Shutdown, expiry: &Expiry) -> Result<Report> {
        let mut ready = Vec::new();
        while !self.is_over() {
            let now = Instant::now();
            let room = self.room() > 0;
            self.door.watch(room, now, &mut self.selector)?;
            let timeout = self.timeout(now);
            self.selector.select_into(timeout, &mut ready)?;
            self.work.ended.wake_up();
            for (token, _) in &ready {
                match *token {
                    Token::Listener(place) => self.let_in(place),
                    Token::Stop => {
                        self.selector.unregister(shutdown)?;
                        self.stop();
                    }
                    Token::Expiry => {
                        self.selector.unregister(expiry)?;
                        self.cut();
                    }
                    // None is registered.
                    Token::Connection(_) => {}
                }
            }
            for key in self.work.ended.take() {
                if let Some(member) = self.members.take(key) {
                    // It has said that it is done.
                    let _ = member.thread.join();
                }
            }
        }
        let mut report = self.work.tally().report;
        report.cut += u64::try_from(self.members.len()).unwrap_or(u64::MAX);
        self.door.into_result().map(|()| report)
    }

    fn is_over(&self) -> bool {
        let given_up = self.patience.is_some_and(|patience| patience <= Instant::now());
        given_up || (self.door.is_closed() && self.members.len() == 0)
    }

    fn room(&self) -> usize {
        self.work.limits.room(self.members.len())
    }

    fn timeout(&self, now: Instant) -> Option<Duration> {
        if !self.work.ended.fall_asleep() {
            return Some(Duration::ZERO);
        }
        let due = [self.door.poll_timeout(), self.patience].into_iter().flatten().min();
        due.map(|until| until.saturating_duration_since(now))
    }

    fn let_in(&mut self, listener: usize) {
        let room = self.room();
        let now = Instant::now();
        for (socket, peer, _) in self.door.accept(listener, room, now, &mut self.selector) {
            let key = self.members.next_key();
            let (work, socket) = (Arc::clone(&self.work), Arc::new(socket));
            let theirs = Arc::clone(&socket);
            let builder = std::thread::Builder::new().name("connection".to_owned());
            let started = builder.stack_size(self.stack_bytes).spawn(move || {
                let _end = End(&work, key);
                work.serve(&theirs, &peer);
            });
            let mut tally = self.work.tally();
            match started {
                Ok(thread) => {
                    tally.report.accepted += 1;
                    self.members.put(Member { socket, thread });
                }
                Err(_) => {
                    wire::reset(&socket);
                    tally.report.refused += 1;
                }
            }
        }
    }

    /// Nobody comes in any more, and who waits to receive reads the end of the stream.
    fn stop(&mut self) {
        self.door.close(&mut self.selector);
        for key in self.members.keys() {
            if let Some(member) = self.members.find(key) {
                // One that is not connected any more needs no end.
                let _ = member.socket.shutdown(How::Read);
            }
        }
    }

    fn cut(&mut self) {
        self.door.close(&mut self.selector);
        self.work.tally().cut = true;
        self.patience = Some(Instant::now() + CUT_WAIT);
        for key in self.members.keys() {
            if let Some(member) = self.members.find(key) {
                wire::reset(&member.socket);
            }
        }
    }
}

impl<H> Work<H>
where
    H: Fn(&Socket, &Address) -> io::Result<()>,
{
    /// Has the handler talk, closes, and counts how that went.
    fn serve(&self, socket: &Socket, peer: &Address) {
        let talked = catch_unwind(AssertUnwindSafe(|| (self.handler)(socket, peer)));
        let outcome = match talked {
            Ok(Ok(())) => {
                let now = Instant::now();
                let deadline = now.checked_add(self.limits.drain_timeout).unwrap_or(now);
                // Whatever the peer does now, it was sent everything.
                let _ = socket.end_gracefully(deadline, self.limits.drain_bytes_max);
                Outcome::Finished
            }
            failed => {
                wire::reset(socket);
                match failed {
                    _ if self.tally().cut => Outcome::Cut,
                    Ok(Err(error)) if wire::is_gone(&error) => Outcome::Reset,
                    _ => Outcome::Aborted,
                }
            }
        };
        self.tally().report.count(outcome);
    }
}

impl<H> Work<H> {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that the thread is done, however it ends.
struct End<'a, H>(&'a Work<H>, u64);

impl<H> Drop for End<'_, H> {
    fn drop(&mut self) {
        self.0.ended.post(self.1);
    }
}
