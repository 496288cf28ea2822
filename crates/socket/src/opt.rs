//! Socket options: typed constants with Python's names, and [`raw`] for all the others.

use std::marker::PhantomData;
use std::time::Duration;

use crate::sys;

/// A socket option whose value is a `T`.
#[derive(Debug)]
pub struct Opt<T> {
    level: i32,
    name: i32,
    label: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for Opt<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Opt<T> {}

impl<T> Opt<T> {
    const fn new(level: i32, name: i32, label: &'static str) -> Self {
        Self { level, name, label, value: PhantomData }
    }

    pub(crate) fn level(self) -> i32 {
        self.level
    }

    pub(crate) fn name(self) -> i32 {
        self.name
    }

    /// The option's name, such as `SO_REUSEADDR`; `option` for a raw one.
    #[must_use]
    pub fn label(self) -> &'static str {
        self.label
    }
}

/// Any option by the system's numbers. `T` says how its value is read: `bool`, `i32`, `u32`,
/// `usize` (a C int), or `Vec<u8>`.
///
/// ```
/// use sockeye_socket::{Socket, opt};
///
/// let (sol_socket, so_keepalive) = (1, 9);
/// let socket = Socket::tcp4()?;
/// socket.setsockopt(opt::raw(sol_socket, so_keepalive), true)?;
/// assert!(socket.getsockopt(opt::SO_KEEPALIVE)?);
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
#[must_use]
pub const fn raw<T>(level: i32, name: i32) -> Opt<T> {
    Opt::new(level, name, "option")
}

macro_rules! options {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $level:ident;)*) => {$(
        $(#[$doc])*
        pub const $name: Opt<$type> = Opt::new(libc::$level, libc::$name, stringify!($name));
    )*};
}

options! {
    /// Listeners: bind although old connections of the port linger.
    SO_REUSEADDR: bool = SOL_SOCKET;
    /// Several sockets on one port share its connections. Never set unasked.
    SO_REUSEPORT: bool = SOL_SOCKET;
    /// Ask silent peers whether they live.
    SO_KEEPALIVE: bool = SOL_SOCKET;
    /// Datagrams may go to broadcast addresses.
    SO_BROADCAST: bool = SOL_SOCKET;
    /// What close does with unsent bytes: `None` sends them behind the scenes, `Some(ZERO)` resets
    /// the connection, `Some(t)` blocks for up to t. Whole seconds; a fraction counts as a whole.
    SO_LINGER: Option<Duration> = SOL_SOCKET;
    /// The size of the send buffer in bytes; the kernel doubles what it is given.
    SO_SNDBUF: usize = SOL_SOCKET;
    /// The size of the receive buffer in bytes; the kernel doubles what it is given.
    SO_RCVBUF: usize = SOL_SOCKET;
    /// The pending error (an errno, 0 for none), which reading clears.
    SO_ERROR: i32 = SOL_SOCKET;
    /// The kind of socket, by the system's number. Read-only.
    SO_TYPE: i32 = SOL_SOCKET;
    /// The family, by the system's number. Read-only.
    SO_DOMAIN: i32 = SOL_SOCKET;
    /// The protocol, by its number. Read-only.
    SO_PROTOCOL: i32 = SOL_SOCKET;
    /// The kernel notes when it received what is received.
    SO_TIMESTAMPNS: bool = SOL_SOCKET;
    /// Whether it listens. Read-only.
    SO_ACCEPTCONN: bool = SOL_SOCKET;
    /// Send small segments at once.
    TCP_NODELAY: bool = IPPROTO_TCP;
    /// Hold back partial segments (at most 200 ms) until it is cleared.
    TCP_CORK: bool = IPPROTO_TCP;
    /// Seconds of silence before the first keepalive probe.
    TCP_KEEPIDLE: u32 = IPPROTO_TCP;
    /// Seconds between keepalive probes.
    TCP_KEEPINTVL: u32 = IPPROTO_TCP;
    /// How many unanswered keepalive probes end the connection.
    TCP_KEEPCNT: u32 = IPPROTO_TCP;
    /// Milliseconds that sent data may stay unacknowledged; 0 is the system's default.
    TCP_USER_TIMEOUT: u32 = IPPROTO_TCP;
    /// Bytes not yet sent above which a socket does not count as writable.
    TCP_NOTSENT_LOWAT: u32 = IPPROTO_TCP;
    /// The state of a TCP connection. Read-only.
    TCP_INFO: TcpInfo = IPPROTO_TCP;
    /// An IPv6 socket takes no IPv4 peers.
    IPV6_V6ONLY: bool = IPPROTO_IPV6;
    /// The time to live of what is sent over IPv4, `1..=255`.
    IP_TTL: u32 = IPPROTO_IP;
}

/// What the kernel knows about a TCP connection.
///
/// # Source
/// `struct tcp_info` in linux/tcp.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TcpInfo {
    /// The state by its number: 1 established, 7 closed, 8 close-wait, 10 listening …
    pub state: u8,
    /// Retransmissions of the segment that waits for its acknowledgement now.
    pub retransmits: u8,
    /// The retransmission timeout.
    pub rto: Duration,
    /// The largest segment that is sent, in bytes.
    pub snd_mss: u32,
    /// The largest segment that came, in bytes.
    pub rcv_mss: u32,
    /// Segments sent and not yet acknowledged.
    pub unacked: u32,
    /// Segments taken for lost.
    pub lost: u32,
    /// The path's MTU in bytes.
    pub pmtu: u32,
    /// The smoothed round-trip time.
    pub rtt: Duration,
    /// How much the round-trip time varies.
    pub rttvar: Duration,
    /// The congestion window in segments.
    pub snd_cwnd: u32,
    /// The receive window's space in bytes.
    pub rcv_space: u32,
    /// Segments retransmitted since the connection was made.
    pub total_retrans: u32,
}

impl TcpInfo {
    /// The state's name as ss(8) writes it.
    #[must_use]
    pub fn state_name(&self) -> &'static str {
        const NAMES: [&str; 13] = [
            "unknown",
            "established",
            "syn-sent",
            "syn-recv",
            "fin-wait-1",
            "fin-wait-2",
            "time-wait",
            "closed",
            "close-wait",
            "last-ack",
            "listen",
            "closing",
            "new-syn-recv",
        ];
        NAMES.get(usize::from(self.state)).copied().unwrap_or("unknown")
    }
}

/// A value that can be read from an option.
pub trait GetValue: Sized {
    /// The most bytes that the value takes.
    #[doc(hidden)]
    const LEN: usize;
    /// The value of the bytes that the kernel gave.
    #[doc(hidden)]
    fn decode(bytes: &[u8]) -> Option<Self>;
}

/// A value that an option can be set to.
pub trait SetValue {
    /// The bytes for the kernel; `None` where it does not fit.
    #[doc(hidden)]
    fn encode(&self) -> Option<Vec<u8>>;
}

fn c_int(bytes: &[u8]) -> Option<i32> {
    match bytes {
        // IP_TTL and its kin may come as one byte.
        [byte] => Some(i32::from(*byte)),
        _ => Some(i32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?)),
    }
}

impl GetValue for i32 {
    const LEN: usize = 4;

    fn decode(bytes: &[u8]) -> Option<Self> {
        c_int(bytes)
    }
}

impl SetValue for i32 {
    fn encode(&self) -> Option<Vec<u8>> {
        Some(self.to_ne_bytes().to_vec())
    }
}

impl GetValue for bool {
    const LEN: usize = 4;

    fn decode(bytes: &[u8]) -> Option<Self> {
        c_int(bytes).map(|value| value != 0)
    }
}

impl SetValue for bool {
    fn encode(&self) -> Option<Vec<u8>> {
        i32::from(*self).encode()
    }
}

impl GetValue for u32 {
    const LEN: usize = 4;

    fn decode(bytes: &[u8]) -> Option<Self> {
        u32::try_from(c_int(bytes)?).ok()
    }
}

impl SetValue for u32 {
    fn encode(&self) -> Option<Vec<u8>> {
        i32::try_from(*self).ok()?.encode()
    }
}

impl GetValue for usize {
    const LEN: usize = 4;

    fn decode(bytes: &[u8]) -> Option<Self> {
        usize::try_from(c_int(bytes)?).ok()
    }
}

impl SetValue for usize {
    fn encode(&self) -> Option<Vec<u8>> {
        i32::try_from(*self).ok()?.encode()
    }
}

impl GetValue for Option<Duration> {
    const LEN: usize = 8;

    fn decode(bytes: &[u8]) -> Option<Self> {
        let on = c_int(bytes.get(..4)?)?;
        let seconds = u64::try_from(c_int(bytes.get(4..8)?)?).ok()?;
        Some((on != 0).then_some(Duration::from_secs(seconds)))
    }
}

impl SetValue for Option<Duration> {
    fn encode(&self) -> Option<Vec<u8>> {
        let (on, seconds) = match self {
            None => (0, 0),
            Some(time) => (1, time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))),
        };
        let mut bytes = i32::encode(&on)?;
        bytes.extend(i32::try_from(seconds).ok()?.to_ne_bytes());
        Some(bytes)
    }
}

impl GetValue for Vec<u8> {
    const LEN: usize = 1024;

    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(bytes.to_vec())
    }
}

impl SetValue for Vec<u8> {
    fn encode(&self) -> Option<Vec<u8>> {
        Some(self.clone())
    }
}

impl GetValue for TcpInfo {
    const LEN: usize = sys::TCP_INFO_LEN;

    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(sys::tcp_info(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linger_rounds_up_and_round_trips() {
        for (set, got) in [
            (None, None),
            (Some(Duration::ZERO), Some(Duration::ZERO)),
            (Some(Duration::from_millis(1)), Some(Duration::from_secs(1))),
            (Some(Duration::from_secs(3)), Some(Duration::from_secs(3))),
        ] {
            let bytes = set.encode().unwrap();
            assert_eq!(Option::<Duration>::decode(&bytes).unwrap(), got);
        }
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        assert_eq!(usize::MAX.encode(), None);
        assert_eq!(u32::MAX.encode(), None);
        assert_eq!(Some(Duration::MAX).encode(), None);
        assert_eq!(i32::decode(&[7]), Some(7));
        assert_eq!(i32::decode(&[7, 0]), None);
    }

    #[test]
    fn a_short_tcp_info_is_zero_filled() {
        let info = TcpInfo::decode(&[1]).unwrap();
        assert_eq!((info.state, info.snd_cwnd), (1, 0));
        assert_eq!(info.state_name(), "established");
    }
}
