//! glibc's reentrant calls.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::{MaybeUninit, size_of};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ptr;

use libc::{hostent, protoent, servent, size_t, socklen_t};

use super::super::lookup::{pointer, text};
use super::{port_of, raw_port};
use crate::resolve::HostEntry;
use crate::resolve::fault::Fault;

// Not in libc: gethostbyname(3), getservbyname_r(3), getprotoent_r(3).
unsafe extern "C" {
    fn gethostbyname_r(
        name: *const c_char,
        entry: *mut hostent,
        buf: *mut c_char,
        len: size_t,
        result: *mut *mut hostent,
        h_errno: *mut c_int,
    ) -> c_int;
    fn gethostbyaddr_r(
        addr: *const c_void,
        addr_len: socklen_t,
        family: c_int,
        entry: *mut hostent,
        buf: *mut c_char,
        len: size_t,
        result: *mut *mut hostent,
        h_errno: *mut c_int,
    ) -> c_int;
    fn getservbyname_r(
        name: *const c_char,
        proto: *const c_char,
        entry: *mut servent,
        buf: *mut c_char,
        len: size_t,
        result: *mut *mut servent,
    ) -> c_int;
    fn getservbyport_r(
        port: c_int,
        proto: *const c_char,
        entry: *mut servent,
        buf: *mut c_char,
        len: size_t,
        result: *mut *mut servent,
    ) -> c_int;
    fn getprotobyname_r(
        name: *const c_char,
        entry: *mut protoent,
        buf: *mut c_char,
        len: size_t,
        result: *mut *mut protoent,
    ) -> c_int;
}

/// The first buffer; most entries are far smaller.
const ENTRY_BYTES: usize = 1024;
/// The largest one: an answer of DNS has at most 64 KiB, and pointers are added to it.
pub(crate) const ENTRY_BYTES_MAX: usize = 1 << 20;
/// What the calls give for "not found" where they do not give 0.
const NOT_FOUND: c_int = libc::ENOENT;
/// `h_errno`: the reason is an errno.
const NETDB_INTERNAL: c_int = -1;

/// Where a call puts its answer: an entry, and what the entry points to.
struct Room<E> {
    entry: MaybeUninit<E>,
    buf: Vec<u8>,
    found: *mut E,
}

impl<E> Room<E> {
    /// Makes the buffer larger until `call` has enough of it. Some(entry) was filled by it and
    /// points into the room.
    fn ask(&mut self, mut call: impl FnMut(&mut Self) -> c_int) -> Result<Option<&E>, i32> {
        loop {
            match call(self) {
                libc::ERANGE if self.buf.len() < ENTRY_BYTES_MAX => {
                    let len = self.buf.len() * 2;
                    self.buf.resize(len, 0);
                }
                0 if self.found.is_null() => return Ok(None),
                // SAFETY: the call says that it has filled the entry, which `found` points to.
                0 => return Ok(Some(unsafe { self.entry.assume_init_ref() })),
                NOT_FOUND => return Ok(None),
                errno => return Err(errno),
            }
        }
    }

    fn new() -> Self {
        let found = ptr::null_mut();
        Self { entry: MaybeUninit::uninit(), buf: vec![0; ENTRY_BYTES], found }
    }

    fn buffer(&mut self) -> *mut c_char {
        self.buf.as_mut_ptr().cast()
    }
}

/// The entry of a host by name, with its IPv4 addresses.
pub(crate) fn gethostbyname(name: &CStr) -> Result<HostEntry, Fault> {
    host(|room, h_errno| {
        let (buf, len) = (room.buffer(), room.buf.len());
        let (entry, found) = (room.entry.as_mut_ptr(), &raw mut room.found);
        // SAFETY: the name is a C string; entry, buffer (with its length) and result are the
        // room's, which lives longer than the call.
        unsafe { gethostbyname_r(name.as_ptr(), entry, buf, len, found, h_errno) }
    })
}

/// The entry of a host by address.
pub(crate) fn gethostbyaddr(ip: IpAddr) -> Result<HostEntry, Fault> {
    let (v4, v6);
    let (bytes, family): (&[u8], c_int) = match ip {
        IpAddr::V4(ip) => {
            v4 = ip.octets();
            (&v4, libc::AF_INET)
        }
        IpAddr::V6(ip) => {
            v6 = ip.octets();
            (&v6, libc::AF_INET6)
        }
    };
    let (addr, addr_len) = (bytes.as_ptr().cast(), bytes.len() as socklen_t);
    host(|room, h_errno| {
        let (buf, len) = (room.buffer(), room.buf.len());
        let (entry, found) = (room.entry.as_mut_ptr(), &raw mut room.found);
        // SAFETY: the address has the length that its family has; the rest as for gethostbyname.
        unsafe { gethostbyaddr_r(addr, addr_len, family, entry, buf, len, found, h_errno) }
    })
}

fn host(mut call: impl FnMut(&mut Room<hostent>, *mut c_int) -> c_int) -> Result<HostEntry, Fault> {
    let mut h_errno = 0;
    let mut room = Room::new();
    match room.ask(|room| call(room, &raw mut h_errno)) {
        // SAFETY: the call has filled the entry, and the room it points into is still there.
        Ok(Some(entry)) => Ok(unsafe { host_entry(entry) }),
        Err(errno) if h_errno == NETDB_INTERNAL => Err(Fault::System(errno)),
        // HOST_NOT_FOUND where nothing was said.
        Ok(None) | Err(_) => Err(Fault::Netdb(if h_errno > 0 { h_errno } else { 1 })),
    }
}

/// # Safety
/// `entry` was filled by one of the calls, and its buffer lives.
unsafe fn host_entry(entry: &hostent) -> HostEntry {
    // SAFETY: h_name is a C string.
    let name = unsafe { text(entry.h_name) }.unwrap_or_default();
    // SAFETY: both lists are null or end with null.
    let (aliases, addresses) = unsafe { (pointers(entry.h_aliases), pointers(entry.h_addr_list)) };
    // SAFETY: each alias is a C string.
    let aliases = aliases.filter_map(|alias| unsafe { text(alias) }).collect();
    let family = entry.h_addrtype;
    // SAFETY: each address has the length of the entry's family.
    let addresses = addresses.filter_map(|addr| unsafe { ip(family, addr) }).collect();
    HostEntry { name, aliases, addresses }
}

/// # Safety
/// `addr` points to an address of `family`.
unsafe fn ip(family: c_int, addr: *const c_char) -> Option<IpAddr> {
    match family {
        libc::AF_INET => {
            // SAFETY: four bytes; an array of bytes has no alignment.
            let octets = unsafe { addr.cast::<[u8; size_of::<Ipv4Addr>()]>().read() };
            Some(IpAddr::from(octets))
        }
        libc::AF_INET6 => {
            // SAFETY: sixteen bytes.
            let octets = unsafe { addr.cast::<[u8; size_of::<Ipv6Addr>()]>().read() };
            Some(IpAddr::from(octets))
        }
        _ => None,
    }
}

/// # Safety
/// `list` is null or ends with null, and lives as long as the iterator.
unsafe fn pointers(list: *mut *mut c_char) -> impl Iterator<Item = *mut c_char> {
    (0..).map_while(move |at: usize| {
        if list.is_null() {
            return None;
        }
        // SAFETY: no pointer up to this one was null, so that it is in the list.
        let pointer = unsafe { *list.add(at) };
        (!pointer.is_null()).then_some(pointer)
    })
}

/// The port of a service; None is not found.
pub(crate) fn getservbyname(name: &CStr, protocol: Option<&CStr>) -> Result<Option<u16>, i32> {
    let protocol = pointer(protocol);
    let mut room = Room::new();
    let found = room.ask(|room| {
        let (buf, len) = (room.buffer(), room.buf.len());
        let (entry, found) = (room.entry.as_mut_ptr(), &raw mut room.found);
        // SAFETY: the names are C strings (the protocol may be null); entry, buffer (with its
        // length) and result are the room's, which lives longer than the call.
        unsafe { getservbyname_r(name.as_ptr(), protocol, entry, buf, len, found) }
    })?;
    Ok(found.map(|entry| port_of(entry.s_port)))
}

/// The name of a service; None is not found.
pub(crate) fn getservbyport(port: u16, protocol: Option<&CStr>) -> Result<Option<String>, i32> {
    let protocol = pointer(protocol);
    let mut room = Room::new();
    let found = room.ask(|room| {
        let (buf, len) = (room.buffer(), room.buf.len());
        let (entry, found) = (room.entry.as_mut_ptr(), &raw mut room.found);
        // SAFETY: as for getservbyname.
        unsafe { getservbyport_r(raw_port(port), protocol, entry, buf, len, found) }
    })?;
    // SAFETY: s_name is a C string in the room's buffer.
    Ok(found.and_then(|entry| unsafe { text(entry.s_name) }))
}

/// The number of a protocol; None is not found.
pub(crate) fn getprotobyname(name: &CStr) -> Result<Option<i32>, i32> {
    let mut room = Room::new();
    let found = room.ask(|room| {
        let (buf, len) = (room.buffer(), room.buf.len());
        let (entry, found) = (room.entry.as_mut_ptr(), &raw mut room.found);
        // SAFETY: as for getservbyname.
        unsafe { getprotobyname_r(name.as_ptr(), entry, buf, len, found) }
    })?;
    Ok(found.map(|entry| entry.p_proto))
}
