//! getaddrinfo and getnameinfo.

use std::ffi::{CStr, c_char};
use std::io;
use std::ptr;

use socket2::SockAddr;

use crate::resolve::fault::Fault;

/// getaddrinfo's codes; libc lacks one.
pub(crate) mod gai {
    pub(crate) use libc::{
        EAI_AGAIN, EAI_BADFLAGS, EAI_FAIL, EAI_FAMILY, EAI_MEMORY, EAI_NONAME, EAI_OVERFLOW,
        EAI_SERVICE, EAI_SOCKTYPE, EAI_SYSTEM,
    };

    /// FreeBSD's libc has none in its list; its netdb.h says 7.
    #[cfg(target_os = "freebsd")]
    pub(crate) const EAI_NODATA: i32 = 7;
    #[cfg(not(target_os = "freebsd"))]
    pub(crate) use libc::EAI_NODATA;

    /// As in netdb.h of glibc, and of the BSDs and macOS.
    pub(crate) const EAI_ADDRFAMILY: i32 = if cfg!(target_os = "linux") { -9 } else { 1 };
}

/// What to ask getaddrinfo for, in the system's numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) family: i32,
    pub(crate) kind: i32,
    pub(crate) protocol: i32,
    pub(crate) flags: u32,
}

/// One of getaddrinfo's answers.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) kind: i32,
    pub(crate) protocol: i32,
    pub(crate) canonname: Option<String>,
    pub(crate) addr: SockAddr,
}

/// Frees the list, whatever happens between.
struct List(*mut libc::addrinfo);

impl Drop for List {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: the pointer came from getaddrinfo and is freed once.
            unsafe { libc::freeaddrinfo(self.0) };
        }
    }
}

/// The addresses of `host` and `service`, in getaddrinfo's order.
pub(crate) fn getaddrinfo(
    host: Option<&CStr>,
    service: Option<&CStr>,
    asked: Asked,
) -> Result<Vec<Found>, Fault> {
    // SAFETY: addrinfo is plain data for which all zeroes is a valid value.
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_family = asked.family;
    hints.ai_socktype = asked.kind;
    hints.ai_protocol = asked.protocol;
    hints.ai_flags = asked.flags as i32;
    let (host, service) = (pointer(host), pointer(service));
    let mut list = List(ptr::null_mut());
    // SAFETY: the strings and the hints live through the call, and list receives the result.
    let code = unsafe { libc::getaddrinfo(host, service, &raw const hints, &raw mut list.0) };
    check(code)?;
    let mut found = Vec::new();
    let mut entry = list.0;
    while !entry.is_null() {
        // SAFETY: getaddrinfo gave a list that ends with null; it lives until `list` is dropped.
        let info = unsafe { &*entry };
        found.extend(copied(info));
        entry = info.ai_next;
    }
    Ok(found)
}

fn copied(info: &libc::addrinfo) -> Option<Found> {
    if info.ai_addr.is_null() {
        return None;
    }
    // SAFETY: ai_addr has ai_addrlen bytes of a socket address; no more of them are copied than
    // the storage has, and its length is set to what was copied.
    let addr = unsafe {
        SockAddr::try_init(|storage, len| {
            let n = (info.ai_addrlen as usize).min((*len) as usize);
            ptr::copy_nonoverlapping(info.ai_addr.cast::<u8>(), storage.cast::<u8>(), n);
            *len = n as libc::socklen_t;
            Ok(())
        })
    };
    // SAFETY: ai_canonname is null or a C string that lives as long as the list.
    let canonname = unsafe { text(info.ai_canonname) };
    let ((), addr) = addr.ok()?;
    Some(Found { kind: info.ai_socktype, protocol: info.ai_protocol, canonname, addr })
}

/// The host and the service of an address.
pub(crate) fn getnameinfo(addr: &SockAddr, flags: u32) -> Result<(String, String), Fault> {
    // NI_MAXHOST; a name in DNS has at most 255 bytes.
    const BYTES: usize = 1025;
    let (mut host, mut service) = ([0_u8; BYTES], [0_u8; BYTES]);
    // SAFETY: the pointers and the lengths describe `addr` and the two buffers, which live through
    // the call.
    let code = unsafe {
        libc::getnameinfo(
            addr.as_ptr().cast(),
            addr.len(),
            host.as_mut_ptr().cast(),
            BYTES as _,
            service.as_mut_ptr().cast(),
            BYTES as _,
            flags as _,
        )
    };
    check(code)?;
    let text = |bytes: &[u8]| {
        let text = CStr::from_bytes_until_nul(bytes).map_err(|_| Fault::Gai(gai::EAI_OVERFLOW))?;
        Ok(text.to_string_lossy().into_owned())
    };
    Ok((text(&host)?, text(&service)?))
}

/// To be called at once: `EAI_SYSTEM` leaves its reason in errno.
fn check(code: i32) -> Result<(), Fault> {
    match code {
        0 => Ok(()),
        gai::EAI_SYSTEM => {
            Err(Fault::System(io::Error::last_os_error().raw_os_error().unwrap_or_default()))
        }
        code => Err(Fault::Gai(code)),
    }
}

pub(super) fn pointer(text: Option<&CStr>) -> *const c_char {
    text.map_or(ptr::null(), CStr::as_ptr)
}

/// A copy of a C string, bytes that are not UTF-8 replaced; None for null.
///
/// # Safety
/// `text` is null or a C string.
pub(super) unsafe fn text(text: *const c_char) -> Option<String> {
    // SAFETY: the caller promises a C string where it is not null.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}
