//! Addresses out of text.
//!
//! ```text
//! address = ipv4 ":" port / "[" ipv6 [ "%" zone ] "]" ":" port / "unix:" name
//! zone    = interface name / interface number
//! name    = "" / "@" abstract / path        ; "\\" is a backslash, "\xHH" a byte
//! ```
//!
//! What Linux alone has is in `linux`.

use std::ffi::OsString;
use std::net::{Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::str::FromStr;

use super::{Address, UnixName};
use crate::error::{Cause, Error};

/// The text is no address, and why.
pub(crate) fn bad_address(text: &str, why: &'static str) -> Error {
    Error::new("address", Cause::BadAddress { text: text.into(), why })
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(name) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(unix_name(name)));
        }
        #[cfg(target_os = "linux")]
        if let Some(parsed) = of_linux(text) {
            return parsed.map_err(|why| bad_address(text, why));
        }
        if let Some(rest) = text.strip_prefix('[') {
            return inet6(rest).map(Self::Inet6).map_err(|why| bad_address(text, why));
        }
        text.parse::<SocketAddrV4>()
            .map(Self::Inet)
            .map_err(|_| bad_address(text, "not an address such as 127.0.0.1:80 or [::1]:80"))
    }
}

#[cfg(target_os = "linux")]
fn of_linux(text: &str) -> Option<Result<Address, &'static str>> {
    use super::linux;
    let (family, rest) = text.split_once(':')?;
    match family {
        "packet" => Some(linux::packet(rest).map(Address::Packet)),
        "netlink" => Some(linux::netlink(rest).map(Address::Netlink)),
        "vsock" => Some(linux::vsock(rest).map(Address::Vsock)),
        _ => None,
    }
}

/// What follows the opening bracket.
fn inet6(rest: &str) -> Result<SocketAddrV6, &'static str> {
    let (inside, port) = rest.split_once("]:").ok_or("no \"]:PORT\" at the end")?;
    let port = port_number(port).ok_or("the port is not a number of 0..=65535")?;
    let (ip, zone) = match inside.split_once('%') {
        Some((ip, zone)) => (ip, zone_index(zone).ok_or("no such network interface")?),
        None => (inside, 0),
    };
    let ip: Ipv6Addr = ip.parse().map_err(|_| "not an IPv6 address between the brackets")?;
    Ok(SocketAddrV6::new(ip, port, 0, zone))
}

/// Digits only: `u16::from_str` takes a plus sign.
pub(crate) fn port_number(text: &str) -> Option<u16> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// A zone by number or by the name of an interface of this machine.
pub(crate) fn zone_index(zone: &str) -> Option<u32> {
    if !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_digit()) {
        return zone.parse().ok();
    }
    crate::resolve::if_nametoindex(zone).ok()
}

fn unix_name(name: &str) -> UnixName {
    match name.strip_prefix('@') {
        Some(name) => UnixName::Abstract(unescaped(name)),
        None if name.is_empty() => UnixName::Unnamed,
        None => UnixName::Path(PathBuf::from(OsString::from_vec(unescaped(name)))),
    }
}

/// Undoes Display's escapes; any other backslash stands for itself.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let (byte, tail) = match (first, tail) {
            (b'\\', [b'\\', tail @ ..]) => (b'\\', tail),
            (b'\\', [b'x', high, low, tail @ ..]) => match hex_byte(*high, *low) {
                Some(byte) => (byte, tail),
                None => (b'\\', &rest[1..]),
            },
            (byte, tail) => (*byte, tail),
        };
        bytes.push(byte);
        rest = tail;
    }
    bytes
}

fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|n| u8::try_from(n).ok());
    Some(digit(high)? * 16 + digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_parses_and_shows_itself() {
        for text in [
            "1.2.3.4:80",
            "0.0.0.0:0",
            "[::1]:65535",
            "[::]:0",
            "[fe80::1%7]:80",
            "[::ffff:1.2.3.4]:9",
            "unix:",
            "unix:/run/x.sock",
            "unix:relative",
            "unix:@",
            "unix:@abstract",
            r"unix:/a\\b\x00\xff",
            "packet:2:0x0800:0:1:0102030405ff",
            "packet:0:0x0003:4:772:",
            "netlink:0:0x1",
            "netlink:4294967295:0xffffffff",
            "vsock:2:1234",
            "vsock:-1:-1",
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn the_short_forms_of_linux_parse() {
        let packet: Address = "packet:lo:2048".parse().unwrap();
        assert_eq!(packet.to_string(), "packet:1:0x0800:0:0:");
        let netlink: Address = "netlink:0:16".parse().unwrap();
        assert_eq!(netlink.to_string(), "netlink:0:0x10");
    }

    #[test]
    fn a_path_that_looks_abstract_stays_a_path() {
        let address = Address::Unix(UnixName::Path("@x".into()));
        assert_eq!(address.to_string(), "unix:./@x");
        let stray: Address = r"unix:/a\b\xzz".parse().unwrap();
        assert_eq!(stray.path().unwrap().to_str(), Some(r"/a\b\xzz"));
    }

    #[test]
    fn a_zone_is_a_name_or_a_number() {
        let Address::Inet6(addr) = "[fe80::1%lo]:80".parse().unwrap() else { panic!("not IPv6") };
        assert_eq!(addr.scope_id(), 1);
        let error = "[fe80::1%no-such-if]:80".parse::<Address>().unwrap_err();
        assert!(error.to_string().contains("no such network interface"), "{error}");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            ":",
            ":80",
            "80",
            "localhost:80",
            "1.2.3.4",
            "1.2.3.4:",
            "1.2.3.4:+1",
            "::1:80",
            "[::1]",
            "[::1]:",
            "[::1]:+1",
            "[::1]:65536",
            "[::1]:80x",
            "[1.2.3.4]:80",
            "[::1%]:80",
            "1.2.3.4:65536",
            "[::1:80",
            "[]:80",
            "packet:",
            "packet:1",
            "packet:no-such-if:1",
            "packet:1:65536",
            "packet:1:+1",
            "packet:1:1:0",
            "packet:1:1:0:1:0",
            "packet:1:1:0:1:001122334455667788",
            "packet:1:1:0:1:00:",
            "netlink:1",
            "netlink:-1:0",
            "vsock:1",
            "vsock:1:-2",
            "vsock:-1",
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{text}: {error}");
        }
    }

    mod properties {
        use super::*;
        use crate::addr::{NetlinkAddr, PacketAddr, VsockAddr};
        use proptest::prelude::*;

        fn any_address() -> impl Strategy<Value = Address> {
            prop_oneof![
                (any::<[u8; 4]>(), any::<u16>())
                    .prop_map(|(ip, port)| Address::Inet(SocketAddrV4::new(ip.into(), port))),
                (any::<[u8; 16]>(), any::<u16>(), any::<u32>()).prop_map(|(ip, port, zone)| {
                    Address::Inet6(SocketAddrV6::new(ip.into(), port, 0, zone))
                }),
                Just(Address::Unix(UnixName::Unnamed)),
                (
                    any::<u16>(),
                    any::<u16>(),
                    any::<u8>(),
                    prop::collection::vec(any::<u8>(), 0..=8)
                )
                    .prop_map(|(interface, protocol, kind, address)| {
                        let packet = PacketAddr::new(interface.into(), protocol);
                        Address::Packet(PacketAddr { kind, hardware: 1, address, ..packet })
                    }),
                (any::<u32>(), any::<u32>())
                    .prop_map(|(pid, groups)| Address::Netlink(NetlinkAddr { pid, groups })),
                (any::<u32>(), any::<u32>())
                    .prop_map(|(cid, port)| Address::Vsock(VsockAddr { cid, port })),
                prop::collection::vec(any::<u8>(), 0..107)
                    .prop_map(|name| Address::Unix(UnixName::Abstract(name))),
                prop::collection::vec(1..=255u8, 1..107).prop_map(|mut name| {
                    // "@x" as a path shows as "./@x", which is another path to the same file.
                    if name[0] == b'@' {
                        name[0] = b'/';
                    }
                    Address::Unix(UnixName::Path(PathBuf::from(OsString::from_vec(name))))
                }),
            ]
        }

        proptest! {
            #[test]
            fn what_is_shown_parses_to_the_same(address in any_address()) {
                let text = address.to_string();
                prop_assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
                prop_assert_eq!(text.parse::<Address>().unwrap(), address);
            }

            #[test]
            fn any_text_parses_or_is_refused(text in ".{0,40}") {
                if let Ok(address) = text.parse::<Address>() {
                    prop_assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
                }
            }

            #[test]
            fn the_system_gives_unix_names_back(address in any_address()) {
                if let Ok(sys) = address.to_sys() {
                    prop_assert_eq!(Address::from_sys(&sys).unwrap(), address);
                }
            }
        }
    }
}
