//! Watching packets: a socket that sees what passes the interfaces, a filter that the kernel runs
//! over them, and a parser of what is in them. Needs `CAP_NET_RAW`.

mod filter;
mod segment;

use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::PollFlags;
use socket2::{Domain, SockFilter, Type};

use crate::addr::Family;
use crate::error::{Error, Result};
use crate::opt;
use crate::socket::{Kind, Socket};
use crate::sys;

pub use filter::{Filter, Instruction};
pub use segment::{Flags, Malformed, Segment, TcpOption};

/// Which way a packet went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// It came to this machine, or passed by.
    Incoming,
    /// This machine sent it.
    Outgoing,
}

/// What is known about a packet beside its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Packet {
    /// How many of its bytes are in the buffer, from the network header on.
    pub len: usize,
    /// The number of the interface that it passed.
    pub interface: u32,
    /// Whether that is a loopback interface. What passes one is seen twice, going out and coming
    /// in; both times its source and destination are on this machine.
    pub loopback: bool,
    /// Which way it went.
    pub direction: Direction,
    /// When the kernel had it, since 1970.
    pub time: Option<Duration>,
}

/// Hardware number of loopback interfaces.
const ARPHRD_LOOPBACK: u16 = libc::ARPHRD_LOOPBACK;
/// The kind of a packet that this machine sends.
const PACKET_OUTGOING: u8 = libc::PACKET_OUTGOING;

impl Socket {
    /// A socket that sees the packets of every interface that pass `filter`, in both directions,
    /// from the moment that it is made. Read them with [`recv_packet`](Self::recv_packet).
    ///
    /// # Errors
    /// `EPERM` without `CAP_NET_RAW`.
    ///
    /// # Source
    /// packet(7)
    pub fn packet(filter: &Filter) -> Result<Self> {
        let fail = |error| Error::io("packet", &error);
        // Without a protocol it sees nothing until it is bound, so nothing gets past the filter.
        let inner = socket2::Socket::new(Domain::PACKET, Type::DGRAM, None).map_err(fail)?;
        let program: Vec<SockFilter> = filter
            .instructions()
            .iter()
            .map(|step| SockFilter::new(step.code, step.if_true, step.if_false, step.value))
            .collect();
        inner.attach_filter(&program).map_err(fail)?;
        let socket = Self::wrap(inner, Family::Packet, Kind::Dgram);
        socket.setsockopt(opt::SO_TIMESTAMPNS, true)?;
        sys::bind_packet(socket.as_fd()).map_err(fail)?;
        Ok(socket)
    }

    /// Receives a packet into `buf`, from its IP header on; the rest of a longer one is lost.
    ///
    /// # Errors
    /// As [`recv`](Self::recv), or an interface went down (`ENETDOWN`). Meant for sockets of
    /// [`packet`](Self::packet) only: what another one gives is no packet.
    pub fn recv_packet(&self, buf: &mut [u8]) -> Result<Packet> {
        let raw = self
            .view()
            .retry("recv_packet", PollFlags::IN, || sys::recv_packet(self.as_fd(), buf))?;
        let outgoing = raw.kind == PACKET_OUTGOING;
        Ok(Packet {
            len: raw.len,
            interface: raw.interface.unsigned_abs(),
            loopback: raw.hardware == ARPHRD_LOOPBACK,
            direction: if outgoing { Direction::Outgoing } else { Direction::Incoming },
            time: raw.time,
        })
    }
}
