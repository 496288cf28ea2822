//! The flags of one send or receive, with Python's names.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign};

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
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MsgFlags(u32);

impl MsgFlags {
    /// No flag.
    pub const NONE: Self = Self(0);

    /// Flags by the system's numbers, known here or not.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The system's numbers.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` is in it.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for MsgFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for MsgFlags {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOrAssign for MsgFlags {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

macro_rules! flags {
    ($names:ident: $($(#[$doc:meta])* $name:ident)*) => {
        $(
            $(#[$doc])*
            pub const $name: MsgFlags = MsgFlags(libc::$name.unsigned_abs());
        )*

        pub(crate) const $names: &[(MsgFlags, &str)] = &[$(($name, stringify!($name)),)*];
    };
}

flags! { NAMES:
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
    MSG_NOSIGNAL
}

/// What other systems do not have.
#[cfg(target_os = "linux")]
mod linux {
    use super::MsgFlags;

    flags! { NAMES:
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
}

#[cfg(target_os = "linux")]
pub use linux::{
    MSG_CMSG_CLOEXEC, MSG_CONFIRM, MSG_ERRQUEUE, MSG_FASTOPEN, MSG_MORE, MSG_WAITFORONE,
};

impl fmt::Debug for MsgFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut set = f.debug_set();
        #[cfg(target_os = "linux")]
        let names = NAMES.iter().chain(linux::NAMES);
        #[cfg(not(target_os = "linux"))]
        let names = NAMES.iter();
        for (flag, name) in names {
            if rest & flag.0 != 0 {
                set.entry(&format_args!("{name}"));
                rest &= !flag.0;
            }
        }
        if rest != 0 {
            set.entry(&format_args!("{rest:#x}"));
        }
        set.finish()
    }
}
