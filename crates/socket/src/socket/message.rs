//! Messages: bytes in several buffers, what goes beside them, flags and an address; descriptors
//! from process to process.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::PollFlags;

use super::view::{room, shrink};
use super::{Socket, View, address_of};
use crate::addr::Address;
use crate::cmsg::{self, Control, Outgoing};
use crate::error::{Cause, Error, Result};
use crate::flags::{MSG_CTRUNC, MSG_NOSIGNAL, MsgFlags};
use crate::{errno, sys};

/// Control buffers of up to so many bytes are not taken from the allocator.
const CONTROL_INLINE_BYTES: usize = 256;
/// Room in recv_fds for what else may come beside the descriptors: credentials, a time.
const OTHER_CONTROL_BYTES: usize = 128;
/// The kernel's length of a control buffer is a C int.
const CONTROL_BYTES_MAX: usize = 0x7fff_ffff;

/// What [`Socket::recvmsg`] gives.
#[derive(Debug)]
#[non_exhaustive]
pub struct Message {
    /// The bytes; empty at the end of a stream.
    pub data: Vec<u8>,
    /// What came beside them, in order.
    pub control: Vec<Control>,
    /// `MSG_TRUNC`: the rest of a datagram is lost. `MSG_CTRUNC`: control messages are lost.
    /// `MSG_EOR`: a record ended.
    pub flags: MsgFlags,
    /// Where it is from; `None` where the system does not say: a stream, a unix socket without a
    /// name.
    pub address: Option<Address>,
}

/// What [`Socket::recvmsg_into`] gives; the bytes are in the buffers.
#[derive(Debug)]
#[non_exhaustive]
pub struct Received {
    /// How many bytes came, 0 at the end of a stream; if received with `MSG_TRUNC`, the true
    /// length of a datagram, which may be more than there is room for.
    pub len: usize,
    /// What came beside them, in order.
    pub control: Vec<Control>,
    /// As [`Message::flags`].
    pub flags: MsgFlags,
    /// As [`Message::address`].
    pub address: Option<Address>,
}

impl Socket {
    /// Sends the buffers, one after another, as one message, with control messages beside them, to
    /// `addr` or to the peer; gives how many bytes the system took.
    ///
    /// ```
    /// use sockeye_socket::cmsg::{self, Control, Outgoing};
    /// use sockeye_socket::{Socket, opt};
    /// use std::io::IoSlice;
    ///
    /// let server = Socket::udp4()?;
    /// server.bind(("127.0.0.1", 0))?;
    /// server.setsockopt(opt::IP_RECVTTL, true)?;
    /// let client = Socket::udp4()?;
    /// let parts = [IoSlice::new(b"head,"), IoSlice::new(b"body")];
    /// client.sendmsg(&parts, &[Outgoing::Ttl(7)], Some(&server.getsockname()?))?;
    ///
    /// let message = server.recvmsg(100, cmsg::space(4))?;
    /// assert_eq!(message.data, b"head,body");
    /// assert!(matches!(message.control[..], [Control::Ttl(7)]));
    /// # Ok::<(), sockeye_socket::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`sendto`](Self::sendto); the system does not know the control message, or refuses it
    /// (`EINVAL`); more than 1024 buffers (`EMSGSIZE`).
    pub fn sendmsg(
        &self,
        data: &[IoSlice<'_>],
        control: &[Outgoing<'_>],
        addr: Option<&Address>,
    ) -> Result<usize> {
        self.view().sendmsg(data, control, addr)
    }

    /// Receives a message of at most `n` bytes, and at most `control_bytes` of what comes beside
    /// it: [`cmsg::space`] of each control message.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn recvmsg(&self, n: usize, control_bytes: usize) -> Result<Message> {
        self.view().recvmsg(n, control_bytes)
    }

    /// Receives a message into several buffers, one after another.
    ///
    /// ```
    /// use sockeye_socket::socketpair;
    /// use std::io::IoSliceMut;
    ///
    /// let (a, b) = socketpair()?;
    /// a.sendall(b"headbody")?;
    /// let (mut head, mut body) = ([0; 4], [0; 9]);
    /// let mut parts = [IoSliceMut::new(&mut head), IoSliceMut::new(&mut body)];
    /// assert_eq!(b.recvmsg_into(&mut parts, 0)?.len, 8);
    /// assert_eq!((&head, &body[..4]), (b"head", &b"body"[..]));
    /// # Ok::<(), sockeye_socket::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`recv`](Self::recv); more than 1024 buffers (`EMSGSIZE`).
    pub fn recvmsg_into(
        &self,
        data: &mut [IoSliceMut<'_>],
        control_bytes: usize,
    ) -> Result<Received> {
        self.view().recvmsg_into(data, control_bytes)
    }

    /// Sends some of `data` over a unix socket, and with its first byte copies of `fds` (at most
    /// 253); gives how many bytes the system took.
    ///
    /// ```
    /// use sockeye_socket::socketpair;
    /// use std::io::Read;
    ///
    /// let (a, b) = socketpair()?;
    /// a.send_fds(b"here", &[std::fs::File::open("Cargo.toml")?])?;
    /// let (data, mut fds) = b.recv_fds(16, 1)?;
    /// let mut file = std::fs::File::from(fds.remove(0));
    /// let mut text = String::new();
    /// file.read_to_string(&mut text)?;
    /// assert!(data == b"here" && text.contains("sockeye-socket"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send); no byte of a stream to go with the descriptors; too many of them
    /// (`EINVAL`), or too many under way (`ETOOMANYREFS`).
    pub fn send_fds(&self, data: &[u8], fds: &[impl AsFd]) -> Result<usize> {
        self.view().send_fds(data, fds)
    }

    /// Receives at most `n` bytes and at most `fds_max` descriptors, close-on-exec. No descriptor
    /// is ever lost silently.
    ///
    /// # Errors
    /// As [`recv`](Self::recv). More descriptors came, or more than the process may have: those
    /// that did come are closed, the bytes are lost, and it is `InvalidData`.
    pub fn recv_fds(&self, n: usize, fds_max: usize) -> Result<(Vec<u8>, Vec<OwnedFd>)> {
        self.view().recv_fds(n, fds_max)
    }
}

impl View<'_> {
    /// As [`Socket::sendmsg`].
    ///
    /// # Errors
    /// As [`Socket::sendmsg`].
    pub fn sendmsg(
        &self,
        data: &[IoSlice<'_>],
        control: &[Outgoing<'_>],
        addr: Option<&Address>,
    ) -> Result<usize> {
        let about = |error: Error| match addr {
            Some(addr) => error.at(addr),
            None => error,
        };
        let sys_addr = addr.map(Address::to_sys).transpose();
        let sys_addr = sys_addr.map_err(|error| about(Error::io("sendmsg", &error)))?;
        let control = cmsg::encode(control);
        let mut message = socket2::MsgHdr::new().with_buffers(data).with_control(&control);
        if let Some(sys_addr) = &sys_addr {
            message = message.with_addr(sys_addr);
        }
        let flags = self.c_flags(MSG_NOSIGNAL);
        let call = || self.socket().inner().sendmsg(&message, flags);
        self.retry("sendmsg", PollFlags::OUT, call).map_err(about)
    }

    /// As [`Socket::recvmsg`].
    ///
    /// # Errors
    /// As [`Socket::recvmsg`].
    pub fn recvmsg(&self, n: usize, control_bytes: usize) -> Result<Message> {
        let mut data = room("recvmsg", n)?;
        let parts = &mut [IoSliceMut::new(&mut data)];
        let Received { len, control, flags, address } =
            self.recvmsg_by("recvmsg", parts, control_bytes)?;
        data.truncate(len);
        shrink(&mut data);
        Ok(Message { data, control, flags, address })
    }

    /// As [`Socket::recvmsg_into`].
    ///
    /// # Errors
    /// As [`Socket::recvmsg_into`].
    pub fn recvmsg_into(
        &self,
        data: &mut [IoSliceMut<'_>],
        control_bytes: usize,
    ) -> Result<Received> {
        self.recvmsg_by("recvmsg_into", data, control_bytes)
    }

    fn recvmsg_by(
        &self,
        op: &'static str,
        data: &mut [IoSliceMut<'_>],
        control_bytes: usize,
    ) -> Result<Received> {
        if control_bytes > CONTROL_BYTES_MAX {
            return Err(Error::os(op, errno::ENOBUFS));
        }
        let mut few = [0; CONTROL_INLINE_BYTES];
        let mut many;
        let control = if let Some(few) = few.get_mut(..control_bytes) {
            few
        } else {
            many = room(op, control_bytes)?;
            &mut many[..]
        };
        let flags = self.c_flags(self.close_on_exec());
        let call = || sys::recvmsg(self.as_fd(), data, control, flags);
        let raw = self.retry(op, PollFlags::IN, call)?;
        // Owned before anything can refuse the message.
        let control = cmsg::received(&control[..raw.control_bytes], raw.fds);
        // The kernel says our own flag after us.
        let ours = self.close_on_exec().bits() & !self.bits(MsgFlags::NONE);
        let flags = MsgFlags::from_bits(raw.flags & !ours);
        let address = if raw.addr.len() == 0 { None } else { Some(address_of(op, &raw.addr)?) };
        Ok(Received { len: raw.len, control, flags, address })
    }

    /// That descriptors which come are close-on-exec; packet sockets, which get none, refuse it.
    #[cfg(target_os = "linux")]
    pub(super) fn close_on_exec(&self) -> MsgFlags {
        if self.socket().family() == crate::AF_PACKET {
            MsgFlags::NONE
        } else {
            crate::MSG_CMSG_CLOEXEC
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn close_on_exec(&self) -> MsgFlags {
        MsgFlags::NONE
    }

    /// As [`Socket::send_fds`].
    ///
    /// # Errors
    /// As [`Socket::send_fds`].
    pub fn send_fds(&self, data: &[u8], fds: &[impl AsFd]) -> Result<usize> {
        if data.is_empty() && !fds.is_empty() && self.socket().kind().is_stream() {
            let why = "descriptors go with a byte of the stream, and there is none";
            return Err(Error::new("send_fds", Cause::Invalid(why)));
        }
        let fds: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
        let sent = self.sendmsg(&[IoSlice::new(data)], &[Outgoing::Rights(&fds)], None);
        sent.map_err(|error| error.renamed("send_fds"))
    }

    /// As [`Socket::recv_fds`].
    ///
    /// # Errors
    /// As [`Socket::recv_fds`].
    pub fn recv_fds(&self, n: usize, fds_max: usize) -> Result<(Vec<u8>, Vec<OwnedFd>)> {
        let room = cmsg::space(fds_max.saturating_mul(4)).saturating_add(OTHER_CONTROL_BYTES);
        let message = self.recvmsg(n, room).map_err(|error| error.renamed("recv_fds"))?;
        let mut fds = Vec::new();
        for control in message.control {
            if let Control::Rights(more) = control {
                fds.extend(more);
            }
        }
        let lost = message.flags.contains(MSG_CTRUNC);
        match fds.len() {
            len if len > fds_max || lost && len == fds_max => {
                Err(lost_fds("more descriptors came than were asked for, and all are closed"))
            }
            _ if lost => Err(lost_fds(
                "descriptors are lost: this process may have no more of them; all are closed",
            )),
            _ => Ok((message.data, fds)),
        }
    }
}

fn lost_fds(why: &'static str) -> Error {
    Error::new("recv_fds", Cause::Lost(why))
}

/// [`Socket::send_fds`], as the function that Python has.
///
/// # Errors
/// As [`Socket::send_fds`].
pub fn send_fds(socket: &Socket, data: &[u8], fds: &[impl AsFd]) -> Result<usize> {
    socket.send_fds(data, fds)
}

/// [`Socket::recv_fds`], as the function that Python has.
///
/// # Errors
/// As [`Socket::recv_fds`].
pub fn recv_fds(socket: &Socket, n: usize, fds_max: usize) -> Result<(Vec<u8>, Vec<OwnedFd>)> {
    socket.recv_fds(n, fds_max)
}
