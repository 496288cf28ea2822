//! The seam: others answer for parts of the name space, or take a connection over.
//!
//! Mounts are asked in their order; the first that does not pass counts. A mount at the root that
//! passes all that is right is a gate: it checks `Host`, `Origin` or the peer for what comes after.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use sockeye_socket::Address;

use crate::proto::head::{Framing, Head, Method};
use crate::proto::plan::{Headers, Plan};
use crate::proto::target::Target;

/// A part of the name space.
#[derive(Clone)]
pub struct Mount {
    /// The path below which it answers, without slashes at its ends (`~chat`); empty for all.
    pub prefix: String,
    /// Who answers.
    pub handler: Arc<dyn Handler>,
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mount").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// Answers requests. It is called on a worker thread and must not block: what takes time belongs
/// into [`Answer::Receive`], which runs where blocking is allowed.
pub trait Handler: Send + Sync {
    /// Says what to do with a request.
    fn handle(&self, request: &Request<'_>) -> Answer;
}

impl<F: Fn(&Request<'_>) -> Answer + Send + Sync> Handler for F {
    fn handle(&self, request: &Request<'_>) -> Answer {
        self(request)
    }
}

/// Takes a connection over: the plaintext socket, what was received after the request, the peer.
pub type Takeover = Box<dyn FnOnce(OwnedFd, Vec<u8>, Address) + Send>;

/// Reads a request's body, to its end or not, and says what to answer. Runs on a thread where it
/// may block. Reading fails where the body is malformed, cut, too slow (`TimedOut`) or too large
/// (`FileTooLarge`).
pub type Receive = Box<dyn FnOnce(&mut dyn io::Read) -> Plan + Send>;

/// Writes an answer's body, of any length, while it is sent. Runs on a thread where it may block.
/// Writing waits for a peer that is slow and fails where it has gone: give up then. A producer that
/// fails has its connection cut, so that nobody takes what was sent for the whole. What is written
/// goes out in pieces of 64 KiB, and earlier with `flush`.
pub type Produce = Box<dyn FnOnce(&mut dyn io::Write) -> io::Result<()> + Send>;

/// What a handler says.
pub enum Answer {
    /// This.
    Plan(Plan),
    /// This, with the body that comes out in place of its own. Where too many are under way
    /// already, or the method is HEAD, nothing is produced.
    Stream(Plan, Produce),
    /// This file, with ranges and conditions as for any file, its type, and these fields besides.
    File(File, String, Headers),
    /// What comes out when the body has been read, which may have at most so many bytes.
    Receive(u64, Receive),
    /// The connection is taken over; nothing has been answered. Only for requests without a body.
    Takeover(Takeover),
    /// Somebody else answers.
    Pass,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Answer::Plan(_) => "Plan",
            Answer::Stream(..) => "Stream",
            Answer::File(..) => "File",
            Answer::Receive(..) => "Receive",
            Answer::Takeover(_) => "Takeover",
            Answer::Pass => "Pass",
        })
    }
}

/// A request, for a handler.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    head: &'a Head,
    target: &'a Target,
    prefix: &'a str,
    peer: &'a Address,
}

impl<'a> Request<'a> {
    pub(crate) fn new(head: &'a Head, target: &'a Target, peer: &'a Address) -> Self {
        Self { head, target, prefix: "", peer }
    }

    pub(crate) fn below(mut self, prefix: &'a str) -> Self {
        self.prefix = prefix;
        self
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.head.method()
    }

    /// The method's name, also where [`Method`] does not know it.
    pub fn method_name(&self) -> &'a str {
        self.head.method_name()
    }

    /// The decoded path without slashes at its ends; no `..`, no NUL in it.
    pub fn path(&self) -> &'a [u8] {
        self.target.path()
    }

    /// The decoded path below the mount's prefix, without slashes at its ends.
    pub fn rest(&self) -> &'a [u8] {
        let rest = self.target.path().get(self.prefix.len()..).unwrap_or_default();
        rest.strip_prefix(b"/").unwrap_or(rest)
    }

    /// Whether the path ended with a slash.
    pub fn is_folder(&self) -> bool {
        self.target.is_folder()
    }

    /// What stood after the `?`, undecoded.
    pub fn query(&self) -> Option<&'a str> {
        self.target.query()
    }

    /// The value of the first header field called `name` (any case).
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        self.head.field(name)
    }

    /// Whether a header field has `member` in its comma-separated list (any case).
    pub fn has(&self, name: &str, member: &str) -> bool {
        self.head.list(name).any(|found| found.eq_ignore_ascii_case(member.as_bytes()))
    }

    /// The checked host that was asked for, with its port where it has one: of the target where it
    /// names one, else of `Host`.
    pub fn host(&self) -> Option<&'a str> {
        self.target.host().or(self.head.host())
    }

    /// Who asks.
    pub fn peer(&self) -> &'a Address {
        self.peer
    }

    /// The body's length in bytes: 0 where there is none, nothing where it comes in chunks.
    pub fn content_length(&self) -> Option<u64> {
        match self.head.framing() {
            Framing::None => Some(0),
            Framing::Length(bytes) => Some(bytes),
            Framing::Chunked => None,
        }
    }
}
