//! Messages, descriptors and batches for tasks of tokio, by the names that they have elsewhere.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, OwnedFd};

use tokio::io::Interest;

use super::Socket;
use crate::addr::Address;
use crate::cmsg::Outgoing;
use crate::error::Result;
use crate::socket::{Message, Received};
#[cfg(target_os = "linux")]
use crate::socket::{RecvBatch, SendBatch};

impl Socket {
    /// Sends the buffers as one message, with control messages beside them.
    ///
    /// # Errors
    /// As [`crate::Socket::sendmsg`].
    pub async fn sendmsg(
        &self,
        data: &[IoSlice<'_>],
        control: &[Outgoing<'_>],
        addr: Option<&Address>,
    ) -> Result<usize> {
        let call = |socket: &crate::Socket| socket.sendmsg(data, control, addr);
        self.run("sendmsg", Interest::WRITABLE, call).await
    }

    /// Receives a message of at most `n` bytes, and at most `control_bytes` beside it.
    ///
    /// # Errors
    /// As [`crate::Socket::recvmsg`].
    pub async fn recvmsg(&self, n: usize, control_bytes: usize) -> Result<Message> {
        let call = |socket: &crate::Socket| socket.recvmsg(n, control_bytes);
        self.run("recvmsg", Interest::READABLE, call).await
    }

    /// Receives a message into several buffers, one after another.
    ///
    /// # Errors
    /// As [`crate::Socket::recvmsg_into`].
    pub async fn recvmsg_into(
        &self,
        data: &mut [IoSliceMut<'_>],
        control_bytes: usize,
    ) -> Result<Received> {
        let call = |socket: &crate::Socket| socket.recvmsg_into(data, control_bytes);
        self.run("recvmsg_into", Interest::READABLE, call).await
    }

    /// Sends some of `data` over a unix socket, and copies of `fds` with its first byte.
    ///
    /// ```
    /// # let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
    /// # tokio.unwrap().block_on(async {
    /// use sockeye_socket::{aio, socketpair};
    ///
    /// let (a, b) = socketpair()?;
    /// let (a, b) = (aio::Socket::new(a)?, aio::Socket::new(b)?);
    /// a.send_fds(b"in and out", &[std::io::stdin(), std::io::stdin()]).await?;
    /// let (data, fds) = b.recv_fds(100, 2).await?;
    /// assert_eq!((&data[..], fds.len()), (&b"in and out"[..], 2));
    /// # Ok::<(), sockeye_socket::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// As [`crate::Socket::send_fds`].
    pub async fn send_fds(&self, data: &[u8], fds: &[impl AsFd]) -> Result<usize> {
        self.run("send_fds", Interest::WRITABLE, |socket| socket.send_fds(data, fds)).await
    }

    /// Receives at most `n` bytes and at most `fds_max` descriptors.
    ///
    /// # Errors
    /// As [`crate::Socket::recv_fds`].
    pub async fn recv_fds(&self, n: usize, fds_max: usize) -> Result<(Vec<u8>, Vec<OwnedFd>)> {
        self.run("recv_fds", Interest::READABLE, |socket| socket.recv_fds(n, fds_max)).await
    }

    /// Receives as many messages as are there and fit into `batch` (Linux).
    ///
    /// # Errors
    /// As [`crate::Socket::recvmmsg`].
    #[cfg(target_os = "linux")]
    pub async fn recvmmsg(&self, batch: &mut RecvBatch) -> Result<usize> {
        self.run("recvmmsg", Interest::READABLE, |socket| socket.recvmmsg(batch)).await
    }

    /// Sends as many of the messages that wait in `batch` as the system takes (Linux).
    ///
    /// # Errors
    /// As [`crate::Socket::sendmmsg`].
    #[cfg(target_os = "linux")]
    pub async fn sendmmsg(&self, batch: &mut SendBatch) -> Result<usize> {
        self.run("sendmmsg", Interest::WRITABLE, |socket| socket.sendmmsg(batch)).await
    }
}
