//! Databases that the test writes itself, in a mount namespace of its own: every answer is known,
//! and no name server is there.

use std::fs;
use std::path::Path;

#[cfg(feature = "idna")]
use sockeye_socket::resolve;
use sockeye_socket::resolve::{AI_ADDRCONFIG, AI_ALL, AI_CANONNAME, AI_V4MAPPED, Hints, Service};
use sockeye_socket::{
    Family, errno, getaddrinfo, getfqdn, gethostbyaddr, gethostbyname, gethostbyname_ex,
    getservbyname, getservbyport,
};
use sockeye_testkit::privilege::with_tmpfs;
use sockeye_testkit::{Need, Rng, need};

use super::oracle::Questions;

const HOSTS: &str = "\
127.0.0.1 localhost
::1 localhost ip6-localhost
192.0.2.7 seven seven.example VII
192.0.2.8 seven.example other
2001:db8::7 seven.example
192.0.2.9 plain
2001:db8::9 six.example six
";

/// `bücher.example` and `日本。jp`, as DNS has them.
#[cfg(feature = "idna")]
const FOREIGN_HOSTS: &str = "\
192.0.2.20 xn--bcher-kva.example
192.0.2.21 xn--wgv71a.jp
";

const SERVICES: &str = "\
http 80/tcp www
domain 53/tcp
domain 53/udp
syslog 514/udp
shell 514/tcp cmd
odd 77/sctp
only 78/udp
only 79/tcp
";

const PROTOCOLS: &str = "ip 0 IP\nicmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\nmine 253 MINE\n";

/// Runs `work` in a thread whose `/etc` has nothing but these databases, and the machine's
/// host.conf: a process reads that one once.
fn with_databases<T: Send>(hosts: &str, services: &str, work: impl FnOnce() -> T + Send) -> T {
    let host_conf = fs::read_to_string("/etc/host.conf").unwrap_or_default();
    with_tmpfs(Path::new("/etc"), 16 << 20, || {
        let order = "hosts: files\nservices: files\nprotocols: files\n";
        for (name, text) in [
            ("nsswitch.conf", order),
            ("host.conf", &host_conf),
            ("hosts", hosts),
            ("services", services),
            ("protocols", PROTOCOLS),
        ] {
            fs::write(Path::new("/etc").join(name), text).unwrap();
        }
        work()
    })
}

#[test]
fn every_name_is_answered_as_in_python() {
    if !need(Need::MountNamespace) || !need(Need::Program("python3")) {
        return;
    }
    with_databases(HOSTS, SERVICES, || {
        let names = [
            "localhost",
            "ip6-localhost",
            "seven",
            "seven.example",
            "SEVEN",
            "VII",
            "other",
            "plain",
            "six",
            "six.example",
            "nosuch",
            "seven.example.",
            "192.0.2.7",
            "192.0.2.77",
            "2001:db8::7",
            "2001:db8::8",
            "::1",
            "-",
        ];
        // getfqdn raises for the last two in Python: its own codec refuses them.
        let hosts: Vec<Option<&str>> = names.into_iter().chain(["a..b", ""]).map(Some).collect();
        let mut rng = Rng::new(6724);
        let mut questions = Questions::default();
        names.iter().for_each(|name| questions.host(name));
        questions.random_addresses(&mut rng, &hosts, 3000);
        let addresses = [
            "127.0.0.1:0",
            "192.0.2.7:0",
            "192.0.2.9:0",
            "192.0.2.10:0",
            "[2001:db8::9]:0",
            "[2001:db8::10]:0",
            "[::1]:0",
        ];
        for address in addresses {
            for bits in 0..32 {
                for port in [53, 80, 514, 77, 78, 1] {
                    let mut address: std::net::SocketAddr = address.parse().unwrap();
                    address.set_port(port);
                    questions.names(address, sockeye_socket::resolve::NiFlags::from_bits(bits));
                }
            }
        }
        for protocol in [None, Some("tcp"), Some("udp"), Some("sctp"), Some("mine"), Some("")] {
            for name in ["http", "www", "domain", "cmd", "odd", "only", "nosuch"] {
                questions.service(name, protocol);
            }
            (0..600).for_each(|port| questions.port(port, protocol));
        }
        for name in ["tcp", "TCP", "Tcp", "mine", "icmp", "nosuch", "sctp"] {
            questions.protocol(name);
        }
        questions.assert_python_says_the_same();
    });
}

#[cfg(feature = "idna")]
#[test]
fn names_of_other_scripts_are_found_as_in_python() {
    if !need(Need::MountNamespace) || !need(Need::Program("python3")) {
        return;
    }
    with_databases(FOREIGN_HOSTS, SERVICES, || {
        assert_eq!(gethostbyname("b\u{fc}cher.example").unwrap().to_string(), "192.0.2.20");
        let found = resolve::lookup("\u{65e5}\u{672c}\u{3002}jp", 80).unwrap();
        assert_eq!(found, ["192.0.2.21:80".parse().unwrap()]);
        let mut questions = Questions::default();
        for host in [
            "b\u{fc}cher.example",
            "BU\u{308}CHER.Example",
            "\u{65e5}\u{672c}\u{3002}jp",
            "\u{2603}.example",
            "\u{fc}",
        ] {
            questions.foreign_host(host);
        }
        questions.assert_python_says_the_same();
    });
}

#[test]
fn names_and_aliases_are_what_the_files_say() {
    if !need(Need::MountNamespace) {
        return;
    }
    with_databases(HOSTS, SERVICES, || {
        let host = gethostbyaddr("192.0.2.7").unwrap();
        assert_eq!(host.name, "seven");
        assert_eq!(host.aliases, ["seven.example", "VII"]);
        assert_eq!(host.addresses, ["192.0.2.7".parse::<std::net::IpAddr>().unwrap()]);
        assert_eq!(getfqdn("seven"), "seven.example");
        assert_eq!(getfqdn(" plain "), "plain");
        let error = gethostbyaddr("192.0.2.99").unwrap_err();
        assert_eq!(error.to_string(), "gethostbyaddr 192.0.2.99: no such host (HOST_NOT_FOUND)");
        assert_eq!((error.lookup_code(), error.errno()), (Some(1), None));
        let mapped = Hints {
            family: Family::Inet6,
            flags: AI_V4MAPPED | AI_ALL | AI_CANONNAME,
            ..Hints::default()
        };
        let found = getaddrinfo("plain", "only", mapped).unwrap();
        assert_eq!(found[0].canonname.as_deref(), Some("plain"));
        let shown: Vec<String> = found.iter().map(|info| info.address.to_string()).collect();
        assert_eq!(shown, ["[::ffff:192.0.2.9]:79", "[::ffff:192.0.2.9]:78"]);
        assert_eq!(getservbyport(514, "tcp").unwrap(), "shell");
        assert_eq!(getservbyport(514, "udp").unwrap(), "syslog");
        assert_eq!(getservbyname("only", None).unwrap(), 78);
    });
}

#[test]
fn an_entry_may_be_long_and_not_endless() {
    if !need(Need::MountNamespace) {
        return;
    }
    let aliases = |count: usize| -> Vec<String> {
        (0..count).map(|number| format!("alias-{number}-{}", "x".repeat(40))).collect()
    };
    let line = |start: &str, count: usize| format!("{start} {}\n", aliases(count).join(" "));
    // Half a megabyte fits, two do not.
    let hosts = line("192.0.2.1 long", 8000) + &line("192.0.2.2 endless", 40_000);
    let services = line("long 1/tcp", 8000) + &line("endless 2/tcp", 40_000);
    with_databases(&hosts, &services, || {
        assert!(gethostbyname_ex("long").unwrap().aliases == aliases(8000));
        assert_eq!(gethostbyaddr("192.0.2.1").unwrap().aliases.len(), 8000);
        assert_eq!(getservbyname(&aliases(8000)[7999], "tcp").unwrap(), 1);
        assert_eq!(getservbyport(1, None).unwrap(), "long");
        assert_eq!(gethostbyname("endless").unwrap().to_string(), "192.0.2.2");
        for error in
            [gethostbyname_ex("endless").unwrap_err(), gethostbyaddr("192.0.2.2").unwrap_err()]
        {
            assert_eq!(error.errno(), Some(errno::ERANGE), "{error}");
            assert_eq!(error.lookup_name(), Some("EAI_SYSTEM"));
        }
        assert_eq!(getservbyname("endless", "tcp").unwrap_err().errno(), Some(errno::ERANGE));
        assert_eq!(getservbyport(2, "tcp").unwrap_err().errno(), Some(errno::ERANGE));
    });
}

#[test]
fn without_any_database_nothing_is_found_and_nothing_breaks() {
    if !need(Need::MountNamespace) {
        return;
    }
    with_tmpfs(Path::new("/etc"), 1 << 20, || {
        fs::write("/etc/nsswitch.conf", "hosts: files\nservices: files\nprotocols: files\n")
            .unwrap();
        let any = Hints { flags: AI_ADDRCONFIG, ..Hints::default() };
        assert_eq!(getaddrinfo("nosuch", 1, any).unwrap_err().lookup_name(), Some("EAI_NONAME"));
        assert!(getaddrinfo("127.0.0.1", Service::None, Hints::default()).is_ok());
        assert!(gethostbyaddr("127.0.0.1").unwrap_err().is_lookup());
        for error in [
            getservbyname("http", "tcp").unwrap_err(),
            getservbyport(80, None).map(|_| ()).unwrap_err(),
            sockeye_socket::getprotobyname("tcp").unwrap_err(),
        ] {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}");
        }
    });
}
