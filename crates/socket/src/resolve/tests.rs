//! The core ring: what needs no resolver. The answers that need one are compared with Python's in
//! tests/it/resolve.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::addr::{Address, UnixName};
use crate::{SOCK_DGRAM, Socket, errno};

#[test]
fn numeric_hosts_need_no_resolver() {
    assert_eq!(lookup("::1", 9).unwrap(), ["[::1]:9".parse().unwrap()]);
    assert!(lookup_family("::1", 9, Family::Inet).unwrap_err().is_lookup());
}

#[test]
fn a_zone_comes_along() {
    let found = lookup("fe80::1%lo", 9).unwrap();
    assert_eq!(found, ["[fe80::1%1]:9".parse().unwrap()]);
}

#[test]
fn what_does_not_resolve_says_so() {
    for host in ["", "a\0b", "name.invalid"] {
        let error = lookup(host, 1).unwrap_err();
        assert!(error.is_lookup(), "{error}");
        assert_eq!(error.errno(), None);
    }
    let error = lookup("", 1).unwrap_err();
    assert_eq!(error.to_string(), "resolve : no such host (EAI_NONAME)");
}

#[test]
fn hints_choose_among_the_answers() {
    let every = getaddrinfo("127.0.0.1", 80, Hints::default()).unwrap();
    assert!(every.len() >= 2, "{every:?}");
    assert!(every.iter().all(|info| info.address.to_string() == "127.0.0.1:80"));
    let udp = Hints { kind: Some(SOCK_DGRAM), ..Hints::default() };
    let udp = getaddrinfo("127.0.0.1", 80, udp).unwrap();
    assert_eq!(every.iter().filter(|info| info.kind == SOCK_DGRAM).count(), udp.len());
    assert_eq!((udp[0].family, udp[0].kind, udp[0].protocol), (Family::Inet, SOCK_DGRAM, 17));
    assert_eq!(udp[0].canonname, None);
    let named = Hints { flags: AI_CANONNAME | AI_NUMERICHOST, ..Hints::default() };
    let named = getaddrinfo("127.0.0.1", None, named).unwrap();
    assert_eq!(named[0].canonname.as_deref(), Some("127.0.0.1"));
    assert_eq!(named[0].address.port(), Some(0));
}

#[test]
fn without_a_host_it_is_loopback_or_every_interface() {
    let inet = Hints { family: Family::Inet, ..Hints::default() };
    let found = |flags| getaddrinfo(None, 7, Hints { flags, ..inet }).unwrap()[0].address.clone();
    assert_eq!(found(AiFlags::NONE).to_string(), "127.0.0.1:7");
    assert_eq!(found(AI_PASSIVE).to_string(), "0.0.0.0:7");
}

#[test]
fn services_by_number_are_ports() {
    let port = |service: &str| {
        let found = getaddrinfo("127.0.0.1", service, Hints::default());
        found.map(|found| found[0].address.port().unwrap())
    };
    for (service, expected) in [("0", 0), ("80", 80), ("65535", 65_535), (" 80", 80)] {
        assert_eq!(port(service).unwrap(), expected, "{service:?}");
    }
    // The system would take the first for port 4464.
    for service in
        ["70000", "\x0b\t70000", "65536", "-2", " -1", "99999999999999999999", "80\0", "a\0b"]
    {
        let error = port(service).unwrap_err();
        assert_eq!(error.lookup_name(), Some("EAI_SERVICE"), "{service:?}: {error}");
    }
}

#[test]
fn errors_of_getaddrinfo_name_what_was_asked() {
    let text = |host: Option<&str>, service: Service<'_>, hints| {
        getaddrinfo(host, service, hints).unwrap_err().to_string()
    };
    let any = Hints::default();
    let numeric = Hints { flags: AI_NUMERICHOST | AI_NUMERICSERV, ..any };
    let shown = text(Some("a\u{1b}b"), Service::None, numeric);
    assert_eq!(shown, r"getaddrinfo a\u{1b}b: no such host or service (EAI_NONAME)");
    let shown = text(Some("a\0b"), Service::Port(1), any);
    assert_eq!(shown, r"getaddrinfo a\0b: no such host or service (EAI_NONAME)");
    let shown = text(None, Service::Name("no such"), any);
    assert!(shown.starts_with("getaddrinfo service no such: no such service"), "{shown}");
    let shown = text(Some("::1"), Service::Name("x"), numeric);
    assert!(shown.starts_with("getaddrinfo ::1 service x: "), "{shown}");
    let shown = text(None, Service::None, any);
    assert!(shown.starts_with("getaddrinfo neither host nor service: no such host"), "{shown}");
    let shown = text(None, Service::Port(1), Hints { flags: AI_CANONNAME, ..any });
    assert_eq!(shown, "getaddrinfo port 1: these flags do not go together (EAI_BADFLAGS)");
    // DCCP alone: a kind of socket that is none here.
    let shown = text(Some("::1"), Service::None, Hints { protocol: 33, ..any });
    assert!(shown.ends_with("(EAI_SOCKTYPE)"), "{shown}");
}

#[test]
fn codes_are_to_be_compared_with() {
    let unix = Hints { family: Family::Unix, ..Hints::default() };
    let error = getaddrinfo("::1", 1, unix).unwrap_err();
    assert_eq!(error.lookup_code(), Some(EAI_FAMILY));
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    let error = lookup("", 1).unwrap_err();
    assert_eq!(error.lookup_code(), Some(EAI_NONAME));
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    let error = "nonsense".parse::<Address>().unwrap_err();
    assert_eq!((error.lookup_code(), error.lookup_name()), (None, None));
}

#[test]
fn the_systems_errno_survives() {
    let fault = Fault::System(errno::EMFILE);
    let error = Error::new("resolve", Cause::Lookup { fault, asked: "x".into() });
    assert!(error.is_lookup());
    assert_eq!(error.errno(), Some(errno::EMFILE));
    assert_eq!((error.lookup_code(), error.lookup_name()), (Some(EAI_SYSTEM), Some("EAI_SYSTEM")));
    assert_eq!(error.to_string(), "resolve x: too many open files (EMFILE)");
    assert_eq!(std::io::Error::from(error).raw_os_error(), Some(errno::EMFILE));
}

#[test]
fn only_ip_addresses_have_names() {
    let unix = Address::Unix(UnixName::Abstract(b"x".to_vec()));
    let error = getnameinfo(&unix, NiFlags::NONE).unwrap_err();
    assert_eq!(error.lookup_code(), Some(EAI_FAMILY));
    assert_eq!(error.to_string(), "getnameinfo unix:@x: this family is not looked up (EAI_FAMILY)");
    let numeric = NI_NUMERICHOST | NI_NUMERICSERV;
    let address = "[fe80::1%1]:65535".parse().unwrap();
    let (host, service) = getnameinfo(&address, numeric).unwrap();
    assert_eq!((&*host, &*service), ("fe80::1%lo", "65535"));
}

#[test]
fn what_is_not_in_the_databases_says_what_it_was() {
    let texts = [
        getservbyname("no such", "tcp").unwrap_err().to_string(),
        getservbyname("a\0b", None).unwrap_err().to_string(),
        getservbyname("http", "t\0cp").unwrap_err().to_string(),
        getservbyport(1, "nosuch").unwrap_err().to_string(),
        getservbyport(1, "t\0cp").unwrap_err().to_string(),
        getprotobyname("a\nb").unwrap_err().to_string(),
        getprotobyname("a\0b").unwrap_err().to_string(),
    ];
    assert_eq!(
        texts,
        [
            "getservbyname no such/tcp: no such service",
            r"getservbyname a\0b: no such service",
            r"getservbyname http/t\0cp: no such service",
            "getservbyport 1/nosuch: no service has this port",
            r"getservbyport 1/t\0cp: no service has this port",
            r"getprotobyname a\nb: no such protocol",
            r"getprotobyname a\0b: no such protocol",
        ]
    );
    let error = getprotobyname("nosuch").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    assert!(!error.is_lookup());
}

#[test]
fn interfaces_go_both_ways() {
    let all = if_nameindex().unwrap();
    assert!(all.iter().any(|(_, name)| if_nametoindex(name).unwrap() == 1), "{all:?}");
    for (index, name) in all {
        assert_eq!(if_indextoname(index).unwrap(), name);
    }
    for name in ["", "no-such-if", "an-interface-name-that-is-long", "l\0o"] {
        let error = if_nametoindex(name).unwrap_err();
        assert_eq!(error.errno(), Some(errno::ENODEV), "{name:?}: {error}");
    }
    let error = if_nametoindex("no-such-if").unwrap_err();
    assert_eq!(error.to_string(), "if_nametoindex no-such-if: no such device (ENODEV)");
    for index in [0, u32::MAX] {
        assert_eq!(if_indextoname(index).unwrap_err().errno(), Some(errno::ENXIO), "{index}");
    }
}

#[test]
fn what_this_machine_can_agrees_with_what_it_does() {
    let bound = Socket::tcp6().is_ok_and(|socket| socket.bind("[::]:0").is_ok());
    assert!(!bound || has_ipv6());
    assert!(!has_dualstack_ipv6() || has_ipv6());
}

#[test]
fn hosts_without_a_resolver() {
    assert_eq!(gethostbyname("").unwrap(), Ipv4Addr::UNSPECIFIED);
    assert_eq!(gethostbyname("<broadcast>").unwrap(), Ipv4Addr::BROADCAST);
    assert_eq!(gethostbyname("127.1").unwrap(), Ipv4Addr::LOCALHOST);
    for host in ["a\0b", "::1"] {
        for error in [gethostbyname(host).unwrap_err(), gethostbyname_ex(host).unwrap_err()] {
            assert!(error.is_lookup(), "{error}");
        }
    }
    for host in ["a\0b", "", "fe80::1%no-such-if"] {
        let error = gethostbyaddr(host).unwrap_err();
        assert_eq!(error.lookup_code(), Some(EAI_NONAME), "{error}");
    }
    assert_eq!(getfqdn("a\0b"), "a\0b");
}

#[test]
fn classic_forms_of_ipv4() {
    for (text, octets) in [
        ("127.0.0.1", [127, 0, 0, 1]),
        ("127.1", [127, 0, 0, 1]),
        ("127.0.1", [127, 0, 0, 1]),
        ("1.2.772", [1, 2, 3, 4]),
        ("1.131844", [1, 2, 3, 4]),
        ("16909060", [1, 2, 3, 4]),
        ("0x7f.1", [127, 0, 0, 1]),
        ("0X7F.0xFf", [127, 0, 0, 255]),
        ("0177.0.0.01", [127, 0, 0, 1]),
        ("0", [0, 0, 0, 0]),
        ("00.0.0.0", [0, 0, 0, 0]),
        ("4294967295", [255; 4]),
        ("255.0xffffff", [255; 4]),
    ] {
        assert_eq!(inet_aton(text).unwrap(), Ipv4Addr::from(octets), "{text}");
    }
    for text in [
        "",
        ".",
        "1.",
        ".1",
        "1..2",
        "1.2.3.4.",
        "1.2.3.4.5",
        "1.2.3.4.0",
        "0.0.0.0.0.0.0",
        "256.0.0.0",
        "1.256.1",
        "1.2.3.256",
        "1.2.65536",
        "1.16777216",
        "4294967296",
        "08",
        "0x",
        "0xg",
        "x",
        "-1",
        "+1",
        "1.+2",
        " 1",
        "1 ",
        "127.0.0.1 x",
        "127.0.0.1\n",
        "1.2.3.4\0",
        "1,2",
        "１.1",
    ] {
        let error = inet_aton(text).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{text:?}");
    }
    let error = inet_aton("1.2.3").map(|_| inet_aton("x y").unwrap_err()).unwrap();
    assert!(error.to_string().starts_with("inet_aton \"x y\": not an IPv4 address"), "{error}");
}

proptest! {
    #[test]
    fn any_text_is_an_address_or_is_not(text in "[0-9a-fA-FxX. +-]{0,20}|.{0,10}") {
        let ours = inet_aton(&text);
        if let Ok(strict) = text.parse::<Ipv4Addr>() {
            prop_assert_eq!(ours.unwrap(), strict);
        }
    }

    #[test]
    fn every_form_of_an_address_is_read(octets: [u8; 4], forms: [u8; 4], parts in 1_usize..=4) {
        let mut numbers: Vec<u32> = octets.iter().map(|&octet| octet.into()).collect();
        let last = numbers.split_off(parts - 1).into_iter().fold(0, |all, octet| all * 256 + octet);
        numbers.push(last);
        let write = |(number, form): (&u32, &u8)| match form % 4 {
            0 => format!("{number}"),
            1 => format!("0{number:o}"),
            2 => format!("0x{number:x}"),
            _ => format!("0X{number:X}"),
        };
        let text: Vec<String> = numbers.iter().zip(&forms).map(write).collect();
        prop_assert_eq!(inet_aton(&text.join(".")).unwrap(), Ipv4Addr::from(octets));
    }

    #[test]
    fn any_question_is_answered_or_refused(
        service in "[0-9a-z +\\-\0]{0,8}",
        family in 0_usize..3,
        protocol in -1_i32..300,
        flags: u32,
    ) {
        let family = [Family::Unspec, Family::Inet, Family::Unix][family];
        // Nothing that asks a name server.
        let flags = AiFlags::from_bits(flags) | AI_NUMERICHOST;
        let hints = Hints { family, protocol, flags, ..Hints::default() };
        match getaddrinfo("127.0.0.1", &*service, hints) {
            Ok(found) => prop_assert!(!found.is_empty()),
            Err(error) => prop_assert!(error.lookup_name().is_some(), "{}", error),
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn the_documented_limit_is_the_limit() {
    let markdown = include_str!("../../../../docs/limits.md");
    let rows = sockeye_testkit::documented_limits(markdown, "socket");
    let row = ("netdb::ENTRY_BYTES_MAX".to_owned(), crate::sys::ENTRY_BYTES_MAX.to_string());
    assert!(rows.contains(&row), "{rows:?}");
}
