//! The system's error numbers by name, so that nobody above this crate needs libc.

use std::fmt;
use std::io;

macro_rules! numbers {
    ($($(#[$cfg:meta])? $name:ident)*) => {
        $(
            $(#[$cfg])?
            #[doc = concat!("The system's `", stringify!($name), "`.")]
            pub const $name: i32 = libc::$name;
        )*

        /// The symbolic name of an error number, such as `ECONNREFUSED`.
        #[must_use]
        pub fn name(errno: i32) -> Option<&'static str> {
            match errno {
                $($(#[$cfg])? libc::$name => Some(stringify!($name)),)*
                _ => None,
            }
        }
    };
}

numbers! {
    EPERM ENOENT EINTR EIO ENXIO EBADF EAGAIN ENOMEM EACCES EFAULT EBUSY EEXIST ENODEV ENOTDIR
    EISDIR EINVAL ENFILE EMFILE EFBIG ENOSPC ESPIPE EROFS EPIPE ERANGE ENAMETOOLONG ENOSYS ELOOP
    EPROTO EOVERFLOW ENOTSOCK EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT
    ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN
    ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETIMEDOUT
    ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS
    #[cfg(target_os = "linux")] ENONET
}

/// Writes "permission denied (EACCES)".
pub(crate) fn describe(errno: i32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = io::Error::from_raw_os_error(errno).to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    let first = letters.next();
    // "Permission denied" becomes a fragment, "RPC struct is bad" stays.
    match first {
        Some(first) if !letters.as_str().starts_with(char::is_uppercase) => {
            write!(f, "{}{}", first.to_lowercase(), letters.as_str())?;
        }
        _ => f.write_str(text)?,
    }
    match name(errno) {
        Some(name) => write!(f, " ({name})"),
        None => write!(f, " (errno {errno})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_systems() {
        assert_eq!(name(EMFILE), Some("EMFILE"));
        assert_eq!(name(0), None);
        assert_eq!(name(EAGAIN), Some("EAGAIN"));
    }
}
