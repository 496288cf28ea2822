//! Why a lookup failed: getaddrinfo's codes and those of netdb's older calls, by name.

use std::fmt;
use std::io;

use crate::{errno, sys};

macro_rules! codes {
    ($($name:ident $text:literal)*) => {
        $(
            #[doc = concat!("The system's `", stringify!($name), "`: ", $text, ".")]
            pub const $name: i32 = sys::gai::$name;
        )*

        /// Some systems have one number for two names: the first one counts.
        const CODES: &[(i32, &str, &str)] = &[$(($name, stringify!($name), $text)),*];
    };
}

codes! {
    EAI_NONAME "no such host or service"
    EAI_AGAIN "no answer for now, try again later"
    EAI_FAIL "the name server refuses for good"
    EAI_NODATA "the host has no address"
    EAI_ADDRFAMILY "the host has no address of this family"
    EAI_FAMILY "this family is not looked up"
    EAI_SERVICE "no such service for this kind of socket"
    EAI_SOCKTYPE "this kind of socket is not looked up"
    EAI_BADFLAGS "these flags do not go together"
    EAI_MEMORY "out of memory"
    EAI_OVERFLOW "the name is too long"
    EAI_SYSTEM "the system refuses"
}

/// What gethostbyname and its like leave in `h_errno`.
const NETDB: &[(i32, &str, &str)] = &[
    (1, "HOST_NOT_FOUND", "no such host"),
    (2, "TRY_AGAIN", "no answer for now, try again later"),
    (3, "NO_RECOVERY", "the name server refuses for good"),
    (4, "NO_DATA", "the host has no address"),
];

/// Who says that a lookup failed, and with which code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// getaddrinfo or getnameinfo, by an `EAI_…` other than `EAI_SYSTEM`.
    Gai(i32),
    /// The system, by an errno: `EAI_SYSTEM`.
    System(i32),
    /// gethostbyname and its like, by their `h_errno`.
    #[cfg_attr(
        not(all(target_os = "linux", target_env = "gnu")),
        allow(dead_code, reason = "getaddrinfo answers in their place")
    )]
    Netdb(i32),
}

impl Fault {
    pub(crate) fn code(self) -> i32 {
        match self {
            Self::Gai(code) | Self::Netdb(code) => code,
            Self::System(_) => EAI_SYSTEM,
        }
    }

    pub(crate) fn errno(self) -> Option<i32> {
        match self {
            Self::System(errno) => Some(errno),
            Self::Gai(_) | Self::Netdb(_) => None,
        }
    }

    fn row(self) -> Option<&'static (i32, &'static str, &'static str)> {
        let table = if matches!(self, Self::Netdb(_)) { NETDB } else { CODES };
        table.iter().find(|row| row.0 == self.code())
    }

    pub(crate) fn name(self) -> Option<&'static str> {
        self.row().map(|row| row.1)
    }

    pub(crate) fn kind(self) -> io::ErrorKind {
        match self {
            Self::System(errno) => io::Error::from_raw_os_error(errno).kind(),
            Self::Gai(EAI_BADFLAGS | EAI_FAMILY | EAI_SOCKTYPE) => io::ErrorKind::InvalidInput,
            Self::Gai(EAI_MEMORY) => io::ErrorKind::OutOfMemory,
            Self::Gai(_) | Self::Netdb(_) => io::ErrorKind::NotFound,
        }
    }

    /// Writes "no such host (EAI_NONAME)" after what `op` asked for.
    pub(crate) fn describe(self, op: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::System(errno) = self {
            return errno::describe(errno, f);
        }
        match (self.row(), op) {
            (Some((EAI_NONAME, name, _)), "getnameinfo") => {
                write!(f, "the address has no name ({name})")
            }
            (Some((EAI_NONAME, name, text)), "getaddrinfo") => write!(f, "{text} ({name})"),
            (Some((EAI_NONAME, name, _)), _) => write!(f, "no such host ({name})"),
            (Some((_, name, text)), _) => write!(f, "{text} ({name})"),
            (None, _) => write!(f, "lookup failed (code {})", self.code()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Shown(&'static str, Fault);

    impl fmt::Display for Shown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.1.describe(self.0, f)
        }
    }

    #[test]
    fn every_code_has_its_own_number_and_name() {
        for (code, name, _) in CODES {
            assert_eq!(Fault::Gai(*code).name(), Some(*name));
        }
        for (code, name, _) in NETDB {
            assert_eq!(Fault::Netdb(*code).name(), Some(*name));
        }
        assert_eq!(Fault::Gai(12_345).name(), None);
        assert_eq!(Shown("resolve", Fault::Gai(12_345)).to_string(), "lookup failed (code 12345)");
    }

    #[test]
    fn the_same_code_reads_as_what_was_asked() {
        for (op, text) in [
            ("resolve", "no such host (EAI_NONAME)"),
            ("getaddrinfo", "no such host or service (EAI_NONAME)"),
            ("getnameinfo", "the address has no name (EAI_NONAME)"),
        ] {
            assert_eq!(Shown(op, Fault::Gai(EAI_NONAME)).to_string(), text);
        }
        let text = Shown("gethostbyaddr", Fault::Netdb(1)).to_string();
        assert_eq!(text, "no such host (HOST_NOT_FOUND)");
    }

    #[test]
    fn the_systems_own_error_keeps_its_number() {
        let fault = Fault::System(errno::EMFILE);
        assert_eq!((fault.code(), fault.name()), (EAI_SYSTEM, Some("EAI_SYSTEM")));
        assert_eq!(fault.errno(), Some(errno::EMFILE));
        assert!(Shown("resolve", fault).to_string().ends_with("(EMFILE)"));
    }
}
