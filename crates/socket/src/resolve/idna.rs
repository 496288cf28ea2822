//! Hosts as the system takes them: ASCII, where the feature `idna` is there to make it so.

use std::borrow::Cow;
use std::ffi::CString;

use super::fault::{EAI_NONAME, Fault};

/// The host as a C string.
pub(super) fn to_sys(host: &str) -> Result<CString, Fault> {
    let no_such_host = || Fault::Gai(EAI_NONAME);
    // What has a colon is an address; its zone may have any letters.
    let host = if host.is_ascii() || host.contains(':') {
        Cow::Borrowed(host)
    } else {
        ascii(host).ok_or_else(no_such_host)?
    };
    CString::new(&*host).map_err(|_| no_such_host())
}

/// None for what no name in DNS can be.
#[cfg(feature = "idna")]
fn ascii(host: &str) -> Option<Cow<'_, str>> {
    idna::domain_to_ascii_cow(host.as_bytes(), idna::AsciiDenyList::EMPTY).ok()
}

#[cfg(not(feature = "idna"))]
fn ascii(host: &str) -> Option<Cow<'_, str>> {
    Some(Cow::Borrowed(host))
}

#[cfg(all(test, feature = "idna"))]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_dns_has_them() {
        for (host, expected) in [
            ("b\u{fc}cher.example", "xn--bcher-kva.example"),
            ("B\u{dc}CHER.Example.", "xn--bcher-kva.example."),
            ("bu\u{308}cher.example", "xn--bcher-kva.example"),
            ("\u{65e5}\u{672c}\u{3002}jp", "xn--wgv71a.jp"),
            ("fa\u{df}.example", "xn--fa-hia.example"),
            ("Plain.Example", "Plain.Example"),
            ("a..b", "a..b"),
            ("fe80::1%\u{fc}", "fe80::1%\u{fc}"),
            ("\u{ff11}27.1", "127.1"),
        ] {
            assert_eq!(to_sys(host).unwrap().to_str(), Ok(expected), "{host}");
        }
        // A joiner between letters that do not join, and a letter of no script.
        for host in ["a\u{200d}b.example", "\u{fc}\0", "\u{e000}.example"] {
            assert_eq!(to_sys(host), Err(Fault::Gai(EAI_NONAME)), "{host:?}");
        }
    }
}
