//! getaddrinfo.

use std::ffi::{CStr, CString};
use std::net::SocketAddr;
use std::ptr;

/// What to ask getaddrinfo for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hints {
    /// `AF_INET`, `AF_INET6`, or `AF_UNSPEC` for both.
    pub(crate) family: i32,
    /// The addresses are to be bound: the empty host is every interface.
    pub(crate) passive: bool,
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

/// The addresses of `host`, in getaddrinfo's order, or its error code (`EAI_SYSTEM` included).
pub(crate) fn lookup(host: &str, port: u16, hints: Hints) -> Result<Vec<SocketAddr>, i32> {
    let name = CString::new(host).map_err(|_| libc::EAI_NONAME)?;
    // SAFETY: addrinfo is plain data for which all zeroes is a valid value.
    let mut ask: libc::addrinfo = unsafe { std::mem::zeroed() };
    ask.ai_family = hints.family;
    ask.ai_socktype = libc::SOCK_STREAM;
    ask.ai_flags = if hints.passive { libc::AI_PASSIVE } else { 0 };
    // getaddrinfo wants a service where there is no host.
    let service = c"0";
    let node = if host.is_empty() { ptr::null() } else { name.as_ptr() };
    let mut list = List(ptr::null_mut());
    // SAFETY: the strings and the hints live through the call, and list receives the result.
    let code = unsafe { libc::getaddrinfo(node, service.as_ptr(), &ask, &mut list.0) };
    if code != 0 {
        return Err(code);
    }
    let mut found = Vec::new();
    let mut entry = list.0;
    while !entry.is_null() {
        // SAFETY: getaddrinfo gave a list that ends with null; it lives until `list` is dropped.
        let info = unsafe { &*entry };
        // SAFETY: the closure fills storage with ai_addrlen bytes of a socket address, and
        // ai_addrlen never exceeds sockaddr_storage, which the min makes sure of.
        let copied = unsafe {
            socket2::SockAddr::try_init(|storage, len| {
                let n = (info.ai_addrlen as usize).min((*len) as usize);
                ptr::copy_nonoverlapping(info.ai_addr.cast::<u8>(), storage.cast::<u8>(), n);
                *len = n as libc::socklen_t;
                Ok(())
            })
        };
        if let Some(mut addr) = copied.ok().and_then(|((), addr)| addr.as_socket()) {
            addr.set_port(port);
            found.push(addr);
        }
        entry = info.ai_next;
    }
    Ok(found)
}

/// getaddrinfo's text for a code, as a fragment with the code's name.
pub(crate) fn lookup_text(code: i32) -> String {
    let name = match code {
        libc::EAI_NONAME => return "no such host (EAI_NONAME)".to_owned(),
        libc::EAI_AGAIN => "EAI_AGAIN",
        libc::EAI_FAIL => "EAI_FAIL",
        libc::EAI_FAMILY => "EAI_FAMILY",
        libc::EAI_MEMORY => "EAI_MEMORY",
        libc::EAI_SERVICE => "EAI_SERVICE",
        libc::EAI_SYSTEM => "EAI_SYSTEM",
        libc::EAI_NODATA => "EAI_NODATA",
        _ => "EAI",
    };
    // SAFETY: gai_strerror gives a static C string for every code.
    let text = unsafe { CStr::from_ptr(libc::gai_strerror(code)) }.to_string_lossy();
    format!("{} ({name})", text.to_lowercase())
}
