//! What the kernel tells in structures: about a TCP connection, a unix peer, a packet socket
//! (Linux).

use std::time::Duration;

use super::value::GetValue;
use crate::sys;

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

impl GetValue for TcpInfo {
    const LEN: usize = sys::TCP_INFO_LEN;

    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(sys::tcp_info(bytes))
    }
}

/// Who made the other end of a unix socket.
///
/// # Source
/// unix(7), `struct ucred`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The process; 0 where it cannot be seen from here.
    pub pid: u32,
    /// The user; `u32::MAX` where nobody is at the other end.
    pub uid: u32,
    /// The group; `u32::MAX` where nobody is at the other end.
    pub gid: u32,
}

impl GetValue for Credentials {
    const LEN: usize = 12;

    fn decode(bytes: &[u8]) -> Option<Self> {
        let [pid, uid, gid] = words(bytes)?;
        Some(Self { pid, uid, gid })
    }
}

/// How much a packet socket had, since the last time that it was asked.
///
/// # Source
/// packet(7), `struct tpacket_stats`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PacketStatistics {
    /// Packets that passed the filter, those that were dropped included.
    pub packets: u32,
    /// Packets that were dropped because the receive buffer was full.
    pub drops: u32,
}

impl GetValue for PacketStatistics {
    const LEN: usize = 8;

    fn decode(bytes: &[u8]) -> Option<Self> {
        let [packets, drops] = words(bytes)?;
        Some(Self { packets, drops })
    }
}

/// The first `N` words of four bytes.
fn words<const N: usize>(bytes: &[u8]) -> Option<[u32; N]> {
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(bytes.get(..N * 4)?.chunks_exact(4)) {
        *word = u32::from_ne_bytes(bytes.try_into().ok()?);
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_tcp_info_is_zero_filled() {
        let info = TcpInfo::decode(&[1]).unwrap();
        assert_eq!((info.state, info.snd_cwnd), (1, 0));
        assert_eq!(info.state_name(), "established");
    }

    #[test]
    fn a_short_structure_is_none() {
        assert_eq!(Credentials::decode(&[0; 11]), None);
        assert_eq!(PacketStatistics::decode(&[0; 8]), Some(PacketStatistics::default()));
    }
}
