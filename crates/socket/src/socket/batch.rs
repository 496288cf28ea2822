//! Many messages in one system call (Linux): batches whose memory is made once and used again.

use std::fmt;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use rustix::event::PollFlags;
use socket2::SockAddr;

use super::{Socket, View, address_of};
use crate::addr::Address;
use crate::cmsg::{self, Control};
use crate::error::{Error, Result};
use crate::flags::{MSG_CMSG_CLOEXEC, MSG_NOSIGNAL, MSG_WAITFORONE, MsgFlags};
use crate::{errno, sys};

/// The kernel takes no more messages in one call.
const MESSAGES_MAX: usize = 1024;

/// Messages to receive with [`Socket::recvmmsg`], in memory that is made once.
pub struct RecvBatch {
    headers: sys::Headers,
    data: Vec<u8>,
    control: Vec<u8>,
    /// How many messages there is room for.
    room: usize,
    /// How many came.
    len: usize,
}

impl RecvBatch {
    /// Room for so many messages (`1..=1024`; other numbers are clipped) of so many bytes each.
    ///
    /// # Panics
    /// Memory for all of that cannot even be counted.
    #[must_use]
    pub fn new(messages: usize, bytes_each: usize) -> Self {
        let room = messages.clamp(1, MESSAGES_MAX);
        let headers = sys::Headers::new(room);
        let data = vec![0; room.checked_mul(bytes_each).expect("a size that can be counted")];
        Self { headers, data, control: Vec::new(), room, len: 0 }
    }

    /// Room for so many bytes of control messages with each message
    /// ([`cmsg::space`] of each). Descriptors that come are closed:
    /// use [`recvmsg`](Socket::recvmsg) for them.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    #[must_use]
    pub fn control_bytes(mut self, bytes_each: usize) -> Self {
        let bytes = self.room.checked_mul(bytes_each).expect("a size that can be counted");
        self.control = vec![0; bytes];
        self.len = 0;
        self
    }

    /// How many messages came with the last call.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none came.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The messages that came with the last call, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Datagram<'_>> {
        (0..self.len).map(|at| self.datagram(at))
    }

    fn datagram(&self, at: usize) -> Datagram<'_> {
        let (bytes, control_bytes) = (self.data.len() / self.room, self.control.len() / self.room);
        let (data, control) =
            (&self.data[at * bytes..][..bytes], &self.control[at * control_bytes..]);
        let len = self.headers.len(at);
        let control_bytes = self.headers.control_bytes(at).min(control_bytes);
        Datagram {
            data: &data[..len.min(bytes)],
            len,
            flags: MsgFlags::from_bits(self.headers.flags(at) & !MSG_CMSG_CLOEXEC.bits()),
            control: &control[..control_bytes],
            batch: self,
            at,
        }
    }
}

impl fmt::Debug for RecvBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvBatch").field("room", &self.room).field("len", &self.len).finish()
    }
}

/// One message of a [`RecvBatch`].
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Datagram<'b> {
    /// The bytes.
    pub data: &'b [u8],
    /// How many bytes it had; if received with `MSG_TRUNC`, the true length, which may be more
    /// than there was room for.
    pub len: usize,
    /// As [`Message::flags`](crate::Message::flags).
    pub flags: MsgFlags,
    control: &'b [u8],
    batch: &'b RecvBatch,
    at: usize,
}

impl Datagram<'_> {
    /// Where it is from; `None` where the system does not say.
    ///
    /// # Errors
    /// The address has a family that this crate does not have.
    pub fn address(&self) -> Result<Option<Address>> {
        let addr = self.sys_addr();
        if addr.len() == 0 { Ok(None) } else { address_of("recvmmsg", &addr).map(Some) }
    }

    /// Where it is from, if that is an address of IPv4 or IPv6.
    #[must_use]
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        self.sys_addr().as_socket()
    }

    /// What came beside it, in order, but descriptors.
    pub fn control(&self) -> impl Iterator<Item = Control> {
        cmsg::messages(self.control)
            .filter(|(level, kind, data)| cmsg::descriptors(*level, *kind, data).next().is_none())
            .map(|(level, kind, data)| Control::from_bytes(level, kind, data))
    }

    pub(crate) fn sys_addr(&self) -> SockAddr {
        self.batch.headers.addr(self.at)
    }

    pub(crate) fn raw_control(&self) -> &[u8] {
        self.control
    }
}

impl fmt::Debug for Datagram<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Datagram");
        out.field("len", &self.len).field("flags", &self.flags);
        if let Ok(Some(addr)) = self.address() {
            out.field("address", &format_args!("{addr}"));
        }
        out.finish_non_exhaustive()
    }
}

/// Messages to send with [`Socket::sendmmsg`], in memory that is made once.
pub struct SendBatch {
    headers: sys::Headers,
    /// The bytes of all messages, one after another.
    data: Vec<u8>,
    entries: Vec<Entry>,
    room: usize,
    bytes_each: usize,
    /// How many of the entries are dealt with, and where in the data the next one begins.
    done: (usize, usize),
}

/// A message to send.
struct Entry {
    bytes: usize,
    addr: Option<SockAddr>,
    /// How many bytes the system took; None if it has not or it was skipped.
    sent: Option<usize>,
}

impl SendBatch {
    /// Room for so many messages (`1..=1024`; other numbers are clipped) of at most so many bytes
    /// each.
    ///
    /// # Panics
    /// Memory for all of that cannot even be counted.
    #[must_use]
    pub fn new(messages: usize, bytes_each: usize) -> Self {
        let room = messages.clamp(1, MESSAGES_MAX);
        let bytes = room.checked_mul(bytes_each).expect("a size that can be counted");
        Self {
            headers: sys::Headers::new(room),
            data: Vec::with_capacity(bytes),
            entries: Vec::with_capacity(room),
            room,
            bytes_each,
            done: (0, 0),
        }
    }

    /// Adds a message to `addr`, or to the peer of a socket that is connected.
    ///
    /// # Errors
    /// The batch is full (`ENOBUFS`), the message too long for it (`EMSGSIZE`), or the address is
    /// none that the system has a form of.
    pub fn push(&mut self, data: &[u8], addr: Option<&Address>) -> Result<()> {
        if self.is_full() {
            return Err(Error::os("push", errno::ENOBUFS));
        }
        if data.len() > self.bytes_each {
            return Err(Error::os("push", errno::EMSGSIZE));
        }
        let to_sys =
            |addr: &Address| addr.to_sys().map_err(|error| Error::io("push", &error).at(addr));
        let addr = addr.map(to_sys).transpose()?;
        self.data.extend_from_slice(data);
        self.entries.push(Entry { bytes: data.len(), addr, sent: None });
        Ok(())
    }

    /// Forgets all messages, sent or not; the memory stays.
    pub fn clear(&mut self) {
        self.data.clear();
        self.entries.clear();
        self.done = (0, 0);
    }

    /// Whether there is no room for another message.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.entries.len() == self.room
    }

    /// How many messages are there, sent or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no messages are there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many messages wait to be sent.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.entries.len() - self.done.0
    }

    /// Gives up the next message that waits: after it was refused.
    pub fn skip(&mut self) {
        if let Some(entry) = self.entries.get(self.done.0) {
            self.done = (self.done.0 + 1, self.done.1 + entry.bytes);
        }
    }

    /// For each message that was dealt with, in order: how many bytes the system took, `None` for
    /// one that was skipped. A datagram goes whole; of the last message for a stream it may be a
    /// part, and then the rest of it has to be sent before the next.
    pub fn sent(&self) -> impl ExactSizeIterator<Item = Option<usize>> {
        self.entries[..self.done.0].iter().map(|entry| entry.sent)
    }

    fn send(&mut self, fd: std::os::fd::BorrowedFd<'_>, flags: i32) -> std::io::Result<usize> {
        let (first, mut rest) = (self.done.0, &self.data[self.done.1..]);
        let messages = self.entries[first..].iter().map(|entry| {
            let (data, behind) = rest.split_at(entry.bytes);
            rest = behind;
            (data, entry.addr.as_ref())
        });
        let count = self.headers.send(fd, messages, flags)?;
        for at in 0..count {
            self.entries[first + at].sent = Some(self.headers.len(at));
            self.done.1 += self.entries[first + at].bytes;
        }
        self.done.0 += count;
        Ok(count)
    }

    fn next_address(&self) -> Option<Address> {
        self.entries.get(self.done.0)?.addr.as_ref().and_then(Address::from_sys)
    }
}

impl fmt::Debug for SendBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendBatch")
            .field("room", &self.room)
            .field("len", &self.len())
            .field("waiting", &self.waiting())
            .finish()
    }
}

impl Socket {
    /// Receives as many messages as are there and fit into `batch`, in one system call; waits only
    /// for the first. Gives how many came, 1 at least (Linux).
    ///
    /// ```
    /// use sockeye_socket::{RecvBatch, SendBatch, Socket};
    ///
    /// let server = Socket::udp4()?;
    /// server.bind(("127.0.0.1", 0))?;
    /// let client = Socket::udp4()?;
    /// client.connect(server.getsockname()?)?;
    /// let mut out = SendBatch::new(64, 1500);
    /// for data in [&b"one"[..], b"two"] {
    ///     out.push(data, None)?;
    /// }
    /// while out.waiting() > 0 {
    ///     client.sendmmsg(&mut out)?;
    /// }
    /// let mut batch = RecvBatch::new(64, 1500);
    /// let mut got = Vec::new();
    /// while got.len() < 2 {
    ///     server.recvmmsg(&mut batch)?;
    ///     for datagram in batch.iter() {
    ///         assert_eq!(datagram.address()?, Some(client.getsockname()?));
    ///         got.push(datagram.data.to_vec());
    ///     }
    /// }
    /// assert_eq!(got, [b"one", b"two"]);
    /// # Ok::<(), sockeye_socket::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`recv`](Self::recv); the batch is empty then.
    ///
    /// # Source
    /// recvmmsg(2). Its own timeout, which looks at the clock between messages only, is not used.
    pub fn recvmmsg(&self, batch: &mut RecvBatch) -> Result<usize> {
        self.view().recvmmsg(batch)
    }

    /// Sends as many of the messages that wait in `batch` as the system takes, in one system call;
    /// waits only for the first. Gives how many; call it again while some are
    /// [`waiting`](SendBatch::waiting) (Linux).
    ///
    /// # Errors
    /// The first message that waits was refused, as by [`sendto`](Self::sendto); the error names
    /// its address. [`skip`](SendBatch::skip) it, or try again.
    ///
    /// # Source
    /// sendmmsg(2)
    pub fn sendmmsg(&self, batch: &mut SendBatch) -> Result<usize> {
        self.view().sendmmsg(batch)
    }
}

impl View<'_> {
    /// As [`Socket::recvmmsg`].
    ///
    /// # Errors
    /// As [`Socket::recvmmsg`].
    pub fn recvmmsg(&self, batch: &mut RecvBatch) -> Result<usize> {
        batch.len = 0;
        let flags = self.c_flags(self.close_on_exec() | MSG_WAITFORONE);
        let RecvBatch { headers, data, control, len, .. } = batch;
        *len = self.retry("recvmmsg", PollFlags::IN, || {
            headers.recv(self.as_fd(), data, control, flags)
        })?;
        Ok(*len)
    }

    /// As [`Socket::sendmmsg`].
    ///
    /// # Errors
    /// As [`Socket::sendmmsg`].
    pub fn sendmmsg(&self, batch: &mut SendBatch) -> Result<usize> {
        if batch.waiting() == 0 {
            return Ok(0);
        }
        let flags = self.c_flags(MSG_NOSIGNAL);
        let sent = self.retry("sendmmsg", PollFlags::OUT, || batch.send(self.as_fd(), flags));
        sent.map_err(|error| match batch.next_address() {
            Some(addr) => error.at(&addr),
            None => error,
        })
    }
}
