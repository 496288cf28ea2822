//! getsockopt and setsockopt over bytes.

use std::io;
use std::mem::{offset_of, size_of};
use std::os::fd::{AsRawFd, BorrowedFd};

/// Reads an option into `buf`; gives how many bytes the kernel wrote.
pub(crate) fn get_option(
    fd: BorrowedFd<'_>,
    level: i32,
    name: i32,
    buf: &mut [u8],
) -> io::Result<usize> {
    let mut len = libc::socklen_t::try_from(buf.len())
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: the pointer and the length describe `buf`, which lives through the call.
    let rc =
        unsafe { libc::getsockopt(fd.as_raw_fd(), level, name, buf.as_mut_ptr().cast(), &mut len) };
    if rc == 0 { Ok((len as usize).min(buf.len())) } else { Err(io::Error::last_os_error()) }
}

/// Sets an option to the bytes of `value`.
pub(crate) fn set_option(
    fd: BorrowedFd<'_>,
    level: i32,
    name: i32,
    value: &[u8],
) -> io::Result<()> {
    let len = libc::socklen_t::try_from(value.len())
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: the pointer and the length describe `value`, which lives through the call.
    let rc = unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, value.as_ptr().cast(), len) };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The fields of the kernel's `tcp_info` that [`crate::opt::TcpInfo`] shows, out of its bytes. An
/// older kernel gives fewer bytes: the rest is 0.
pub(crate) fn tcp_info(bytes: &[u8]) -> crate::opt::TcpInfo {
    use crate::opt::TcpInfo;
    use std::time::Duration;
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
