//! Python answers the same questions, hand-picked and random, with the same words. A question is
//! one line; texts in it are in hexadecimal. What only we refuse is not asked: numbers of services
//! above 65535, and what follows an address after a space.

use std::fmt::{Display, Write as _};
use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::process::{Command, Stdio};

use sockeye_socket::resolve::{AiFlags, Hints, HostEntry, NiFlags, Service};
use sockeye_socket::{
    Address, Error, Family, Kind, getaddrinfo, getfqdn, gethostbyaddr, gethostbyname,
    gethostbyname_ex, gethostname, getnameinfo, getprotobyname, getservbyname, getservbyport,
    has_dualstack_ipv6, has_ipv6, if_indextoname, if_nameindex, if_nametoindex, inet_aton,
};
use sockeye_testkit::{Need, Rng, need};

const SCRIPT: &str = r#"
import socket, sys
EAI = {getattr(socket, n): n for n in dir(socket) if n.startswith("EAI_")}
NETDB = {1: "HOST_NOT_FOUND", 2: "TRY_AGAIN", 3: "NO_RECOVERY", 4: "NO_DATA"}
def raw(word): return None if word == "-" else bytes.fromhex(word[1:])
def text(word): return None if word == "-" else raw(word).decode()
def optional(word): return () if word == "-" else (text(word),)
def gai(host, service, family, kind, proto, flags):
    service = int(service[1:]) if service[0] == "@" else text(service)
    found = socket.getaddrinfo(raw(host), service, int(family), int(kind), int(proto), int(flags))
    # Kinds that ours does not have are left out, and it is an error if there is no other.
    found = [f for f in found if f[1] in (1, 2, 3, 5)]
    if not found: return "EAI_SOCKTYPE"
    return " ".join(f"{int(f)}/{int(t)}/{p}/{c or '-'}/{packed(f, *a)}" for f, t, p, c, a in found)
def packed(family, ip, *rest):
    return ",".join([socket.inet_pton(family, ip).hex(), *map(str, rest)])
def gni(host, port, scope, flags):
    host = text(host)
    sockaddr = (host, int(port), 0, int(scope)) if ":" in host else (host, int(port))
    return "|".join(socket.getnameinfo(sockaddr, int(flags)))
def entry(found): return f"{found[0]} {','.join(found[1])} {','.join(found[2])}"
def joined(found): return " ".join(f"{index}={name}" for index, name in found)
Q = {
    "gai": gai,
    "gni": gni,
    "byname": lambda host: socket.gethostbyname(raw(host)),
    "byname_ex": lambda host: entry(socket.gethostbyname_ex(raw(host))),
    "byaddr": lambda host: entry(socket.gethostbyaddr(raw(host))),
    "foreign": lambda host: entry(socket.gethostbyname_ex(text(host))),
    "fqdn": lambda host: socket.getfqdn(text(host)),
    "hostname": socket.gethostname,
    "service": lambda name, proto: socket.getservbyname(text(name), *optional(proto)),
    "port": lambda port, proto: socket.getservbyport(int(port), *optional(proto)),
    "protocol": lambda name: socket.getprotobyname(text(name)),
    "interfaces": lambda: joined(socket.if_nameindex()),
    "index": lambda name: socket.if_nametoindex(text(name)),
    "interface": lambda index: socket.if_indextoname(int(index)),
    "aton": lambda ip: socket.inet_ntoa(socket.inet_aton(text(ip))),
    "pton4": lambda ip: socket.inet_pton(socket.AF_INET, text(ip)).hex(),
    "pton6": lambda ip: socket.inet_pton(socket.AF_INET6, text(ip)).hex(),
    "ntop6": lambda ip: socket.inet_ntop(socket.AF_INET6, raw(ip)),
    "ipv6": lambda: socket.has_ipv6,
    "dualstack": socket.has_dualstack_ipv6,
}
for line in sys.stdin:
    name, *words = line.split()
    try: print(Q[name](*words))
    except socket.gaierror as e: print(EAI[e.errno])
    except socket.herror as e: print(NETDB[e.errno])
    except OSError as e: print("refused")
"#;

/// What Python answers to `questions`, a line each.
fn python(questions: &str) -> Vec<String> {
    let mut child = Command::new("python3")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(questions.as_bytes()).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success());
    let answers = String::from_utf8(output.stdout).unwrap();
    answers.lines().map(str::to_owned).collect()
}

/// Questions with our answers to them.
#[derive(Default)]
pub(super) struct Questions {
    lines: String,
    asked: Vec<String>,
    ours: Vec<String>,
}

/// A text as a word of a line.
fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().fold("x".to_owned(), |mut word, byte| {
        write!(word, "{byte:02x}").unwrap();
        word
    })
}

/// An address as Python's inet_pton gives it.
fn packed(octets: impl AsRef<[u8]>) -> String {
    hex(octets)[1..].to_owned()
}

fn optional(text: Option<&str>) -> String {
    text.map_or_else(|| "-".to_owned(), hex)
}

fn entry(host: HostEntry) -> String {
    let addresses: Vec<String> = host.addresses.iter().map(ToString::to_string).collect();
    format!("{} {} {}", host.name, host.aliases.join(","), addresses.join(","))
}

impl Questions {
    fn add(&mut self, line: String, about: String, ours: Result<impl Display, Error>) {
        self.lines.push_str(&line);
        self.lines.push('\n');
        self.asked.push(about);
        self.ours.push(match ours {
            Ok(answer) => answer.to_string(),
            Err(error) => error.lookup_name().unwrap_or("refused").to_owned(),
        });
    }

    /// `word` is the question's name, `texts` what is asked for.
    fn text(&mut self, word: &str, text: &str, ours: Result<impl Display, Error>) {
        self.add(format!("{word} {}", hex(text)), format!("{word} {text:?}"), ours);
    }

    pub(super) fn addresses(&mut self, host: Option<&str>, service: Service<'_>, hints: Hints) {
        let service_word = match service {
            Service::None => "-".to_owned(),
            Service::Port(port) => format!("@{port}"),
            Service::Name(name) => hex(name),
        };
        let Hints { family, kind, protocol, flags } = hints;
        let (family, kind) = (family.raw(), kind.map_or(0, Kind::raw));
        let numbers = format!("{family} {kind} {protocol} {}", flags.bits());
        let line = format!("gai {} {service_word} {numbers}", optional(host));
        let ours = getaddrinfo(host, service, hints).map(|found| {
            let shown: Vec<String> = found
                .iter()
                .map(|info| {
                    let (family, kind) = (info.family.raw(), info.kind.raw());
                    let canonname = info.canonname.as_deref().unwrap_or("-");
                    let address = match info.address.socket_addr().unwrap() {
                        SocketAddr::V4(addr) => {
                            format!("{},{}", packed(addr.ip().octets()), addr.port())
                        }
                        SocketAddr::V6(addr) => {
                            format!(
                                "{},{},0,{}",
                                packed(addr.ip().octets()),
                                addr.port(),
                                addr.scope_id()
                            )
                        }
                    };
                    format!("{family}/{kind}/{}/{canonname}/{address}", info.protocol)
                })
                .collect();
            shown.join(" ")
        });
        self.add(line, format!("getaddrinfo({host:?}, {service:?}, {hints:?})"), ours);
    }

    pub(super) fn names(&mut self, address: SocketAddr, flags: NiFlags) {
        let scope = if let SocketAddr::V6(addr) = address { addr.scope_id() } else { 0 };
        let host = hex(address.ip().to_string());
        let line = format!("gni {host} {} {scope} {}", address.port(), flags.bits());
        let ours = getnameinfo(&Address::from(address), flags)
            .map(|(host, service)| format!("{host}|{service}"));
        self.add(line, format!("getnameinfo({address}, {flags:?})"), ours);
    }

    pub(super) fn host(&mut self, host: &str) {
        self.text("byname", host, gethostbyname(host));
        self.text("byname_ex", host, gethostbyname_ex(host).map(entry));
        if !host.is_empty() {
            self.text("byaddr", host, gethostbyaddr(host).map(entry));
        }
        self.text("fqdn", host, Ok(getfqdn(host)));
    }

    /// A name that Python writes as DNS has it before it asks.
    #[cfg(feature = "idna")]
    pub(super) fn foreign_host(&mut self, host: &str) {
        self.text("foreign", host, gethostbyname_ex(host).map(entry));
    }

    pub(super) fn service(&mut self, name: &str, protocol: Option<&str>) {
        let line = format!("service {} {}", hex(name), optional(protocol));
        let about = format!("getservbyname({name:?}, {protocol:?})");
        self.add(line, about, getservbyname(name, protocol));
    }

    pub(super) fn port(&mut self, port: u16, protocol: Option<&str>) {
        let line = format!("port {port} {}", optional(protocol));
        let about = format!("getservbyport({port}, {protocol:?})");
        self.add(line, about, getservbyport(port, protocol));
    }

    pub(super) fn protocol(&mut self, name: &str) {
        self.text("protocol", name, getprotobyname(name));
    }

    pub(super) fn assert_python_says_the_same(&self) {
        let theirs = python(&self.lines);
        assert_eq!(theirs.len(), self.ours.len());
        for ((asked, ours), theirs) in self.asked.iter().zip(&self.ours).zip(&theirs) {
            assert_eq!(ours, theirs, "{asked}: ours, and Python's");
        }
    }
}

pub(super) fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    let at = rng.below(u64::try_from(from.len()).unwrap());
    from[usize::try_from(at).unwrap()]
}

/// Any of the flags, each with an even chance; rarely one that does not exist.
fn random_flags(rng: &mut Rng, flags: &[u32]) -> u32 {
    let known = flags.iter().filter(|_| rng.chance(400)).fold(0, |all, flag| all | flag);
    if rng.chance(30) { known | 1 << 20 } else { known }
}

const FAMILIES: &[Family] = &[Family::Unspec, Family::Inet, Family::Inet6];
const KINDS: &[Option<Kind>] =
    &[None, Some(Kind::Stream), Some(Kind::Dgram), Some(Kind::Raw), Some(Kind::SeqPacket)];
const PROTOCOLS: &[i32] = &[0, 1, 6, 17, 33, 58, 132, 136, 255, 256, -1];
const SERVICES: &[Service<'static>] = &[
    Service::None,
    Service::Port(0),
    Service::Port(80),
    Service::Port(65_535),
    Service::Name("http"),
    Service::Name("domain"),
    Service::Name("syslog"),
    Service::Name("shell"),
    Service::Name("nosuch"),
    Service::Name("443"),
    Service::Name(" 7"),
    Service::Name("+7"),
    Service::Name("7x"),
    Service::Name(""),
];

impl Questions {
    /// Questions in every combination of hints and flags; `hosts` are not looked up by name.
    pub(super) fn random_addresses(&mut self, rng: &mut Rng, hosts: &[Option<&str>], count: u32) {
        use sockeye_socket::resolve as r;
        let flags = [
            r::AI_PASSIVE,
            r::AI_CANONNAME,
            r::AI_NUMERICHOST,
            r::AI_NUMERICSERV,
            r::AI_ADDRCONFIG,
            r::AI_V4MAPPED,
            r::AI_ALL,
        ]
        .map(AiFlags::bits);
        for _ in 0..count {
            let family = if rng.chance(20) { Family::Unix } else { pick(rng, FAMILIES) };
            let protocol = if rng.chance(500) { 0 } else { pick(rng, PROTOCOLS) };
            let flags = AiFlags::from_bits(random_flags(rng, &flags));
            let hints = Hints { family, kind: pick(rng, KINDS), protocol, flags };
            self.addresses(pick(rng, hosts), pick(rng, SERVICES), hints);
        }
    }

    /// Addresses, named with every combination of flags but those that ask a name server.
    pub(super) fn random_names(&mut self, rng: &mut Rng, addresses: &[&str], count: u32) {
        use sockeye_socket::resolve as r;
        let flags =
            [r::NI_NUMERICSERV, r::NI_NAMEREQD, r::NI_DGRAM, r::NI_NOFQDN, r::NI_NUMERICHOST];
        let flags = flags.map(NiFlags::bits);
        let ports = [0, 1, 7, 22, 53, 80, 443, 512, 513, 514, 8080, 65_535];
        for _ in 0..count {
            let mut address: SocketAddr = pick(rng, addresses).parse().unwrap();
            address.set_port(pick(rng, &ports));
            let bits = random_flags(rng, &flags);
            let named = address.ip() == Ipv4Addr::LOCALHOST;
            let numeric = if named { 0 } else { r::NI_NUMERICHOST.bits() };
            self.names(address, NiFlags::from_bits(bits | numeric));
        }
    }
}

const NUMERIC_HOSTS: &[Option<&str>] = &[
    None,
    Some("127.0.0.1"),
    Some("0.0.0.0"),
    Some("255.255.255.255"),
    Some("127.1"),
    Some("0x7f.1"),
    Some("017700000001"),
    Some("2130706433"),
    Some("::"),
    Some("::1"),
    Some("::ffff:1.2.3.4"),
    Some("::1.2.3.4"),
    Some("fe80::1"),
    Some("fe80::1%lo"),
    Some("fe80::1%1"),
    Some("fe80::1%99"),
    Some("ff02::1%lo"),
    Some("2001:db8::1"),
];

#[test]
fn getaddrinfo_answers_as_in_python() {
    if !need(Need::Program("python3")) {
        return;
    }
    let mut rng = Rng::new(3493);
    let mut questions = Questions::default();
    let any = Hints::default();
    for &host in NUMERIC_HOSTS {
        for &service in SERVICES {
            questions.addresses(host, service, any);
        }
        for &family in FAMILIES {
            for &kind in KINDS {
                questions.addresses(host, Service::Port(9), Hints { family, kind, ..any });
            }
        }
    }
    // No name server is asked for these.
    let numeric = Hints { flags: sockeye_socket::resolve::AI_NUMERICHOST, ..any };
    for host in [
        "",
        " ",
        "localhost",
        "name.invalid",
        "256.1.1.1",
        "1.2.3.4.5",
        "::1%lo",
        ":::",
        "fe80::1%",
        "fe80::1%nosuch",
        "1.2.3.4%lo",
        "[::1]",
        "a..b",
        "-",
        "::1 ",
        "\u{e4}",
    ] {
        questions.addresses(Some(host), Service::Port(1), numeric);
    }
    questions.addresses(Some("name.invalid"), Service::Port(1), any);
    let own = gethostname();
    questions.addresses(Some("localhost"), Service::Port(1), any);
    questions.addresses(Some(&own), Service::Name("http"), any);
    questions.random_addresses(&mut rng, NUMERIC_HOSTS, 3000);
    questions.assert_python_says_the_same();
}

#[test]
fn getnameinfo_answers_as_in_python() {
    if !need(Need::Program("python3")) {
        return;
    }
    let mut rng = Rng::new(3494);
    let mut questions = Questions::default();
    let addresses = [
        "127.0.0.1:0",
        "0.0.0.0:0",
        "192.0.2.1:0",
        "[::]:0",
        "[::1]:0",
        "[::ffff:1.2.3.4]:0",
        "[::1.2.3.4]:0",
        "[fe80::1]:0",
        "[fe80::1%1]:0",
        "[fe80::1%99]:0",
        "[ff02::1%1]:0",
        "[2001:db8::1]:0",
    ];
    questions.random_names(&mut rng, &addresses, 2000);
    for _ in 0..200 {
        let mut octets = [0; 16];
        rng.fill(&mut octets);
        let address = SocketAddrV6::new(octets.into(), 1, 0, 0);
        questions.names(address.into(), sockeye_socket::resolve::NI_NUMERICHOST);
    }
    questions.assert_python_says_the_same();
}

#[test]
fn hosts_services_and_protocols_are_pythons() {
    if !need(Need::Program("python3")) {
        return;
    }
    let mut questions = Questions::default();
    let own = gethostname();
    for host in ["127.0.0.1", "localhost", " localhost ", "127.1", "", "<broadcast>", &own] {
        questions.host(host);
    }
    // Each of these asks a name server, where there is one.
    questions.text("byname", "name.invalid", gethostbyname("name.invalid"));
    questions.text("byname_ex", "name.invalid", gethostbyname_ex("name.invalid").map(entry));
    questions.text("byaddr", "name.invalid", gethostbyaddr("name.invalid").map(entry));
    questions.text("byaddr", "192.0.2.1", gethostbyaddr("192.0.2.1").map(entry));
    questions.text("byaddr", "2001:db8::1", gethostbyaddr("2001:db8::1").map(entry));
    questions.text("fqdn", "name.invalid", Ok(getfqdn("name.invalid")));
    questions.add("hostname".to_owned(), "gethostname()".to_owned(), Ok(gethostname()));

    let protocols = [None, Some("tcp"), Some("udp"), Some("sctp"), Some("TCP"), Some("")];
    let mut names: Vec<String> =
        super::entries("/etc/services").into_iter().map(|(name, _)| name).collect();
    names.extend(["http", "HTTP", "nosuch", "", "80", "\u{e4}"].map(str::to_owned));
    for protocol in protocols {
        names.iter().for_each(|name| questions.service(name, protocol));
        (0..1100).chain([5432, 8080, 65_535]).for_each(|port| questions.port(port, protocol));
    }
    let mut names: Vec<String> =
        super::entries("/etc/protocols").into_iter().map(|(name, _)| name).collect();
    names.extend(["tcp", "TCP", "nosuch", "", "6"].map(str::to_owned));
    names.iter().for_each(|name| questions.protocol(name));
    questions.assert_python_says_the_same();
}

#[test]
fn interfaces_and_ipv6_are_pythons() {
    if !need(Need::Program("python3")) {
        return;
    }
    let mut questions = Questions::default();
    let all = if_nameindex().unwrap();
    let shown: Vec<String> = all.iter().map(|(index, name)| format!("{index}={name}")).collect();
    questions.add("interfaces".to_owned(), "if_nameindex()".to_owned(), Ok(shown.join(" ")));
    let names = all.iter().map(|(_, name)| name.as_str());
    for name in names.chain(["", "nosuch", "an-interface-name-that-is-long", "l o", "\u{e4}"]) {
        questions.text("index", name, if_nametoindex(name));
    }
    for index in all.iter().map(|(index, _)| *index).chain([0, 1, 99_999]) {
        let line = format!("interface {index}");
        questions.add(line.clone(), line, if_indextoname(index));
    }
    let python_bool = |value| if value { "True" } else { "False" };
    let dualstack = python_bool(has_dualstack_ipv6());
    questions.add("dualstack".to_owned(), "has_dualstack_ipv6()".to_owned(), Ok(dualstack));
    if has_ipv6() {
        // Python's is a fact about its build: it may say so where the machine has none.
        questions.add("ipv6".to_owned(), "has_ipv6".to_owned(), Ok("True"));
    }
    questions.assert_python_says_the_same();
}

/// The text with none, one or two of its characters replaced or taken out.
fn spoiled(rng: &mut Rng, text: &str, letters: &str) -> String {
    let letters: Vec<char> = letters.chars().collect();
    let mut text: Vec<char> = text.chars().collect();
    for _ in 0..rng.below(3) {
        let at = usize::try_from(rng.below(u64::try_from(text.len()).unwrap())).unwrap();
        if rng.chance(500) {
            text[at] = pick(rng, &letters);
        } else if text.len() > 1 {
            text.remove(at);
        }
    }
    text.into_iter().collect()
}

/// A text that looks like an address, and may be one.
fn address_text(rng: &mut Rng, letters: &str, longest: u64) -> String {
    let letters: Vec<char> = letters.chars().collect();
    (0..rng.below(longest)).map(|_| pick(rng, &letters)).collect()
}

#[test]
fn numeric_addresses_are_pythons() {
    if !need(Need::Program("python3")) {
        return;
    }
    let mut rng = Rng::new(3495);
    let mut questions = Questions::default();
    for _ in 0..3000 {
        let parts: Vec<String> = (0..1 + rng.below(5))
            .map(|_| {
                let bits = pick(&mut rng, &[1, 3, 8, 9, 16, 17, 24, 25, 32, 33]);
                let value = rng.next_u64() >> (64 - bits);
                match rng.below(8) {
                    0 => format!("0{value:o}"),
                    1 => format!("0x{value:x}"),
                    2 => format!("0X0{value:X}"),
                    3 => format!("0{value}"),
                    _ => value.to_string(),
                }
            })
            .collect();
        let text = parts.join(".");
        questions.text("aton", &text, inet_aton(&text));
        let text = address_text(&mut rng, "0123456789xX.aF-+", 14);
        questions.text("aton", &text, inet_aton(&text));
    }
    questions.assert_python_says_the_same();
}

/// Why there is no `inet_pton` and no `inet_ntop` here: the standard library reads the same texts
/// and writes them, but for the addresses that RFC 4291 gave up (`::1.2.3.4` is `::102:304`).
#[test]
fn the_standard_library_reads_and_writes_as_inet_pton_and_inet_ntop() {
    if !need(Need::Program("python3")) {
        return;
    }
    let refused = || "x".parse::<Address>().unwrap_err();
    let mut rng = Rng::new(3496);
    let mut questions = Questions::default();
    for _ in 0..3000 {
        let parts: Vec<String> = (0..4).map(|_| rng.below(300).to_string()).collect();
        let text = spoiled(&mut rng, &parts.join("."), "0123456789..% x");
        let ours = text.parse::<Ipv4Addr>().map_err(|_| refused());
        questions.text("pton4", &text, ours.map(|ip| packed(ip.octets())));
        let separators = ["::", ":", ":", ":", ":", ":", ":", "."];
        let text: String = (0..7 + rng.below(2))
            .map(|_| format!("{:x}{}", rng.below(1 << 16), pick(&mut rng, &separators)))
            .collect();
        let text = spoiled(&mut rng, text.trim_end_matches(':'), "0123456789abcdefABCDEF::::.%");
        let ours = text.parse::<Ipv6Addr>().map_err(|_| refused());
        questions.text("pton6", &text, ours.map(|ip| packed(ip.octets())));
        let mut octets = [0; 16];
        for octet in &mut octets {
            *octet = if rng.chance(600) { 0 } else { pick(&mut rng, &[1, 15, 16, 255]) };
        }
        let given_up = octets[..12] == [0; 12] && octets[12..14] != [0; 2];
        if !given_up {
            let line = format!("ntop6 {}", hex(octets));
            questions.add(line.clone(), line, Ok(Ipv6Addr::from(octets)));
        }
    }
    questions.assert_python_says_the_same();
}
