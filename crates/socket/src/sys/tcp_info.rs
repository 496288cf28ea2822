//! The kernel's `tcp_info` (Linux), which grows with every kernel.

use std::mem::{offset_of, size_of};
use std::time::Duration;

use crate::opt::TcpInfo;

/// The fields of the kernel's `tcp_info` that [`TcpInfo`] shows, out of its bytes. An
/// older kernel gives fewer bytes: the rest is 0.
pub(crate) fn tcp_info(bytes: &[u8]) -> TcpInfo {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let word = |at: usize| {
        bytes
            .get(at..at + size_of::<u32>())
            .and_then(|bytes| bytes.try_into().ok())
            .map_or(0, u32::from_ne_bytes)
    };
    macro_rules! field {
        ($name:ident) => {
            word(offset_of!(libc::tcp_info, $name))
        };
    }
    let micros = |value: u32| Duration::from_micros(u64::from(value));
    TcpInfo {
        state: byte(offset_of!(libc::tcp_info, tcpi_state)),
        retransmits: byte(offset_of!(libc::tcp_info, tcpi_retransmits)),
        rto: micros(field!(tcpi_rto)),
        snd_mss: field!(tcpi_snd_mss),
        rcv_mss: field!(tcpi_rcv_mss),
        unacked: field!(tcpi_unacked),
        lost: field!(tcpi_lost),
        pmtu: field!(tcpi_pmtu),
        rtt: micros(field!(tcpi_rtt)),
        rttvar: micros(field!(tcpi_rttvar)),
        snd_cwnd: field!(tcpi_snd_cwnd),
        rcv_space: field!(tcpi_rcv_space),
        total_retrans: field!(tcpi_total_retrans),
    }
}

/// How many bytes to ask for when reading TCP_INFO.
pub(crate) const TCP_INFO_LEN: usize = size_of::<libc::tcp_info>();
