//! The flags of one send or receive, with Python's names.

use crate::flag_set::flag_set;

flag_set! {
    /// A set of `MSG_…` flags, for [`Socket::flags`](crate::Socket::flags).
    ///
    /// ```
    /// use sockeye_socket::{MSG_DONTWAIT, MSG_PEEK, socketpair};
    ///
    /// let (a, b) = socketpair()?;
    /// a.sendall(b"hello")?;
    /// assert_eq!(b.flags(MSG_PEEK | MSG_DONTWAIT).recv(16)?, b"hello");
    /// assert_eq!(b.recv(16)?, b"hello");
    /// # Ok::<(), sockeye_socket::Error>(())
    /// ```
    ///
    /// # Source
    /// send(2), recv(2)
    MsgFlags:
    /// Receive: leave what is received where it is.
    MSG_PEEK
    /// Send, receive: do not wait, whatever the timeout; it is `WouldBlock` then.
    MSG_DONTWAIT
    /// Receive: wait until the buffer is full (or the stream ends).
    MSG_WAITALL
    /// Send, receive: TCP's urgent byte.
    MSG_OOB
    /// Send: to hosts of the own link only.
    MSG_DONTROUTE
    /// Send: ends a record (seqpacket). Received: the record ended.
    MSG_EOR
    /// Receive: give the true length of a datagram that is longer than the buffer. Received: it was
    /// cut off.
    MSG_TRUNC
    /// Received: control messages were cut off; descriptors among them are lost.
    MSG_CTRUNC
    /// Send: no `SIGPIPE`. Every send of this crate has it.
    MSG_NOSIGNAL;

    Linux:
    /// Send: more follows at once, so that a small head is no packet of its own.
    MSG_MORE
    /// Send: the neighbour is known to be there.
    MSG_CONFIRM
    /// Receive: from the socket's error queue.
    MSG_ERRQUEUE
    /// Send: connect and send in one go (TCP fast open).
    MSG_FASTOPEN
    /// Receive: descriptors that come are close-on-exec. Every receive of this crate has it.
    MSG_CMSG_CLOEXEC
    /// Receive many: do not wait for more once one is there.
    MSG_WAITFORONE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_show_their_names_and_what_has_none() {
        assert_eq!(format!("{:?}", MsgFlags::NONE), "{}");
        assert!(MsgFlags::NONE.is_empty() && !MSG_PEEK.is_empty());
        let mut flags = MSG_TRUNC | MsgFlags::from_bits(1 << 31);
        flags |= MSG_PEEK;
        assert_eq!(format!("{flags:?}"), "{MSG_PEEK, MSG_TRUNC, 0x80000000}");
        assert_eq!(flags & (MSG_TRUNC | MSG_OOB), MSG_TRUNC);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_only_linux_has_comes_last() {
        assert_eq!(format!("{:?}", MSG_MORE | MSG_DONTWAIT), "{MSG_DONTWAIT, MSG_MORE}");
    }
}
