//! The kernel's form of the addresses that socket2 has no words for.

use std::io;
use std::mem::{size_of, zeroed};

use socket2::SockAddr;

use crate::addr::{NetlinkAddr, PacketAddr};

/// A kernel address that is plain data: any bytes are one.
///
/// # Safety
/// All zeroes must be a valid value, and the first field a `sa_family_t`.
unsafe trait Plain: Copy {}

// SAFETY: integers and arrays of integers, the family first.
unsafe impl Plain for libc::sockaddr_ll {}
// SAFETY: as above.
unsafe impl Plain for libc::sockaddr_nl {}

/// Copies `value` into an address as long as its type.
fn put<T: Plain>(value: T) -> io::Result<SockAddr> {
    // SAFETY: the closure writes a whole T, which is no longer than sockaddr_storage, and says so.
    let made = unsafe {
        SockAddr::try_init(|storage, len| {
            assert!(size_of::<T>() <= *len as usize, "an address fits into its storage");
            storage.cast::<T>().write(value);
            *len = size_of::<T>() as libc::socklen_t;
            Ok(())
        })
    };
    made.map(|((), addr)| addr)
}

/// Copies a `T` out of an address of `family`; what the kernel left out is 0.
fn get<T: Plain>(addr: &SockAddr, family: i32) -> Option<T> {
    if i32::from(addr.family()) != family {
        return None;
    }
    // SAFETY: all zeroes is a valid T.
    let mut value: T = unsafe { zeroed() };
    let len = (addr.len() as usize).min(size_of::<T>());
    // SAFETY: the source has addr.len() bytes, the target size_of::<T>(), and len is the lesser.
    unsafe {
        std::ptr::copy_nonoverlapping(
            addr.as_ptr().cast::<u8>(),
            (&raw mut value).cast::<u8>(),
            len,
        );
    }
    Some(value)
}

/// `EINVAL` where the hardware address is longer than 8 bytes.
pub(crate) fn packet_to_sys(addr: &PacketAddr) -> io::Result<SockAddr> {
    // SAFETY: sockaddr_ll is plain data for which all zeroes is a valid value.
    let mut value: libc::sockaddr_ll = unsafe { zeroed() };
    let room = value.sll_addr.get_mut(..addr.address.len());
    let room = room.ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
    room.copy_from_slice(&addr.address);
    value.sll_family = libc::AF_PACKET as libc::c_ushort;
    value.sll_ifindex =
        i32::try_from(addr.interface).map_err(|_| io::Error::from_raw_os_error(libc::ENODEV))?;
    value.sll_protocol = addr.protocol.to_be();
    value.sll_pkttype = addr.kind;
    value.sll_hatype = addr.hardware;
    value.sll_halen = addr.address.len() as u8;
    put(value)
}

/// The kernel's own fields; None where it is of another family.
pub(crate) fn link_from_sys(addr: &SockAddr) -> Option<libc::sockaddr_ll> {
    get(addr, libc::AF_PACKET)
}

/// None where it is of another family.
pub(crate) fn packet_from_sys(addr: &SockAddr) -> Option<PacketAddr> {
    let value = link_from_sys(addr)?;
    let len = usize::from(value.sll_halen).min(value.sll_addr.len());
    Some(PacketAddr {
        interface: value.sll_ifindex.unsigned_abs(),
        protocol: u16::from_be(value.sll_protocol),
        kind: value.sll_pkttype,
        hardware: value.sll_hatype,
        address: value.sll_addr[..len].to_vec(),
    })
}

pub(crate) fn netlink_to_sys(addr: NetlinkAddr) -> io::Result<SockAddr> {
    // SAFETY: sockaddr_nl is plain data for which all zeroes is a valid value.
    let mut value: libc::sockaddr_nl = unsafe { zeroed() };
    value.nl_family = libc::AF_NETLINK as libc::sa_family_t;
    value.nl_pid = addr.pid;
    value.nl_groups = addr.groups;
    put(value)
}

/// None where it is of another family.
pub(crate) fn netlink_from_sys(addr: &SockAddr) -> Option<NetlinkAddr> {
    let value: libc::sockaddr_nl = get(addr, libc::AF_NETLINK)?;
    Some(NetlinkAddr { pid: value.nl_pid, groups: value.nl_groups })
}
