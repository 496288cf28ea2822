//! Watching packets: a socket that sees what passes the interfaces, a filter that the kernel runs
//! over them, and a parser of what is in them. Needs `CAP_NET_RAW`.

mod filter;
mod segment;

use std::io::IoSliceMut;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::PollFlags;
use socket2::{SockAddr, SockFilter};

use crate::addr::{Family, PacketAddr};
use crate::cmsg::{self, Control};
use crate::error::{Cause, Error, Result};
use crate::flags::MsgFlags;
use crate::ipproto::ETH_P_ALL;
use crate::socket::{Datagram, Kind, Socket, View};
use crate::{errno, opt, sys};

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
/// Every protocol, as an address has it: in two bytes.
const EVERY_PROTOCOL: u16 = {
    let [low, high, ..] = ETH_P_ALL.to_le_bytes();
    u16::from_le_bytes([low, high])
};
/// Room for the time of a packet, and for one more message that was asked for.
const CONTROL_BYTES: usize = 64;

impl Socket {
    /// A socket that sees the packets of every interface that pass `filter`, in both directions,
    /// from the moment that it is made. Read them with [`recv_packet`](Self::recv_packet), or many
    /// at a time with [`recvmmsg`](Self::recvmmsg) and [`Datagram::packet`].
    ///
    /// # Errors
    /// `EPERM` without `CAP_NET_RAW`.
    ///
    /// # Source
    /// packet(7)
    pub fn packet(filter: &Filter) -> Result<Self> {
        Self::tap(filter).map_err(|error| error.renamed("packet"))
    }

    fn tap(filter: &Filter) -> Result<Self> {
        // Without a protocol it sees nothing until it is bound, so nothing gets past the filter.
        let socket = Self::new(Family::Packet, Kind::Dgram, 0)?;
        socket.attach_filter(filter)?;
        socket.setsockopt(opt::SO_TIMESTAMPNS, true)?;
        socket.bind(PacketAddr::new(0, EVERY_PROTOCOL))?;
        Ok(socket)
    }

    /// Lets the kernel drop everything that `filter` refuses before it is received, from now on,
    /// in place of an earlier filter. What the filter sees begins behind the headers that the
    /// socket hides: a UDP socket's at the UDP header, a packet socket's at what it receives.
    ///
    /// ```
    /// use sockeye_socket::Socket;
    /// use sockeye_socket::packet::{Filter, Instruction};
    ///
    /// let step = |code, if_true, if_false, value| Instruction { code, if_true, if_false, value };
    /// let begins_with_a = Filter::new(vec![
    ///     step(0x30, 0, 0, 8), // load the byte behind the UDP header
    ///     step(0x15, 0, 1, u32::from(b'a')), // if it is another, skip one
    ///     step(0x06, 0, 0, u32::MAX), // take all of it
    ///     step(0x06, 0, 0, 0), // take nothing of it
    /// ]);
    /// let server = Socket::udp4()?;
    /// server.attach_filter(&begins_with_a)?;
    /// server.bind(("127.0.0.1", 0))?;
    /// let client = Socket::udp4()?;
    /// for data in [b"bear", b"ants"] {
    ///     client.sendto(data, server.getsockname()?)?;
    /// }
    /// assert_eq!(server.recv(100)?, b"ants");
    /// # Ok::<(), sockeye_socket::Error>(())
    /// ```
    ///
    /// # Errors
    /// The program is none, or too long (`EINVAL`); too little memory for options (`ENOMEM`).
    ///
    /// # Source
    /// socket(7), `SO_ATTACH_FILTER`
    pub fn attach_filter(&self, filter: &Filter) -> Result<()> {
        if filter.instructions().len() > usize::from(u16::MAX) {
            return Err(Error::os("attach_filter", errno::EINVAL));
        }
        let program: Vec<SockFilter> = filter
            .instructions()
            .iter()
            .map(|step| SockFilter::new(step.code, step.if_true, step.if_false, step.value))
            .collect();
        let attached = self.inner().attach_filter(&program);
        attached.map_err(|error| Error::io("attach_filter", &error))
    }

    /// Takes the filter away.
    ///
    /// # Errors
    /// There is none (`ENOENT`).
    pub fn detach_filter(&self) -> Result<()> {
        self.inner().detach_filter().map_err(|error| Error::io("detach_filter", &error))
    }

    /// Receives a packet into `buf`, from its IP header on; the rest of a longer one is lost.
    ///
    /// # Errors
    /// As [`recv`](Self::recv), or an interface went down (`ENETDOWN`). Meant for sockets of
    /// [`packet`](Self::packet) only: what another one gives is no packet.
    pub fn recv_packet(&self, buf: &mut [u8]) -> Result<Packet> {
        self.view().recv_packet(buf)
    }
}

impl View<'_> {
    /// As [`Socket::recv_packet`].
    ///
    /// # Errors
    /// As [`Socket::recv_packet`].
    pub fn recv_packet(&self, buf: &mut [u8]) -> Result<Packet> {
        let room = buf.len();
        let (mut control, parts) = ([0; CONTROL_BYTES], &mut [IoSliceMut::new(buf)]);
        let flags = self.c_flags(MsgFlags::NONE);
        let raw = self.retry("recv_packet", PollFlags::IN, || {
            sys::recvmsg(self.as_fd(), parts, &mut control, flags)
        })?;
        packet(raw.len.min(room), &raw.addr, &control[..raw.control_bytes]).ok_or_else(|| {
            Error::new("recv_packet", Cause::Invalid("what came is no packet of an interface"))
        })
    }
}

impl Datagram<'_> {
    /// What is known about it beside its bytes, if it came from a packet socket. The time needs
    /// room for control messages: [`cmsg::space`]`(16)`.
    #[must_use]
    pub fn packet(&self) -> Option<Packet> {
        packet(self.data.len(), &self.sys_addr(), self.raw_control())
    }
}

fn packet(len: usize, addr: &SockAddr, control: &[u8]) -> Option<Packet> {
    let link = sys::link_from_sys(addr)?;
    let time = cmsg::messages(control).find_map(|(level, kind, data)| {
        match Control::from_bytes(level, kind, data) {
            Control::TimestampNs(time) => Some(time),
            _ => None,
        }
    });
    let outgoing = link.sll_pkttype == PACKET_OUTGOING;
    Some(Packet {
        len,
        interface: link.sll_ifindex.unsigned_abs(),
        loopback: link.sll_hatype == ARPHRD_LOOPBACK,
        direction: if outgoing { Direction::Outgoing } else { Direction::Incoming },
        time,
    })
}
