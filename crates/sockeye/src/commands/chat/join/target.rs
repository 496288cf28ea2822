//! Where a room is: `HOST`, `HOST:PORT`, a port, `unix:PATH`, or a URL such as `irc://host/room`.

use std::fmt;
use std::str::FromStr;

use sockeye_socket::Address;

use super::proto::Speak;

/// The port of rooms.
const PORT: u16 = 9000;
/// The ports of IRC, and of IRC within TLS.
const IRC_PORT: u16 = 6667;
const IRCS_PORT: u16 = 6697;

/// A host and its port, or a socket of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Named(String, u16),
    Unix(Address),
}

/// Where a room is, and what the address says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Where to connect.
    pub(super) host: Host,
    /// It is reached by TLS.
    pub(super) tls: bool,
    /// What is spoken there.
    pub(super) speak: Speak,
    /// The rooms that a URL names.
    pub(super) rooms: Vec<String>,
    /// It was given as a URL.
    pub(super) is_url: bool,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Target, String> {
        let lower = text.to_ascii_lowercase();
        let scheme = ["irc://", "ircs://"].iter().find(|scheme| lower.starts_with(**scheme));
        if let Some(scheme) = scheme {
            return url(&text[scheme.len()..], scheme.starts_with("ircs"));
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(format!("'{scheme}://' is no place to talk; irc:// and ircs:// are"));
        }
        let host = host(text, PORT)?;
        let speak = match &host {
            Host::Named(_, IRC_PORT | IRCS_PORT) => Speak::Irc,
            _ => Speak::Auto,
        };
        let tls = matches!(host, Host::Named(_, IRCS_PORT));
        Ok(Target { host, tls, speak, rooms: Vec::new(), is_url: false })
    }
}

/// `host[:port][/room[,room]]`; a room without a sign gets `#`.
fn url(rest: &str, tls: bool) -> Result<Target, String> {
    let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
    if place.contains('@') {
        return Err("a URL has no name and no password here; use --nick and --account".to_owned());
    }
    let path = path.split('?').next().unwrap_or_default();
    let names = path.split(',').filter(|name| !name.is_empty());
    let rooms = names.map(room).collect::<Result<Vec<String>, String>>()?;
    let host = host(place, if tls { IRCS_PORT } else { IRC_PORT })?;
    Ok(Target { host, tls, speak: Speak::Irc, rooms, is_url: true })
}

/// A room of a URL, where `%23` is `#`.
fn room(name: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut rest = name.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        match (byte, escaped) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    let name = String::from_utf8(bytes).map_err(|_| format!("'{name}' is not UTF-8"))?;
    let signed = name.starts_with(['#', '&', '+', '!']);
    checked_room(&if signed { name } else { format!("#{name}") })
}

/// The name of a room that can be sent.
pub(super) fn checked_room(name: &str) -> Result<String, String> {
    let bad = |c: char| c.is_whitespace() || c.is_control() || c == ',';
    if name.len() < 2 || name.len() > 200 || name.contains(bad) {
        return Err(format!("the name of a room is # and more without spaces, not {name:?}"));
    }
    Ok(name.to_owned())
}

fn host(text: &str, default_port: u16) -> Result<Host, String> {
    if text.starts_with("unix:") {
        return text.parse().map(Host::Unix).map_err(|error| format!("{error}"));
    }
    if let Ok(port) = text.parse() {
        return Ok(Host::Named("localhost".to_owned(), port));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            let port = port.parse().map_err(|_| format!("'{port}' is not a port"))?;
            (host, port)
        }
        _ => (text, default_port),
    };
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    if host.contains(char::is_whitespace) {
        return Err("a host has no spaces".to_owned());
    }
    let host = if host.is_empty() { "localhost" } else { host };
    Ok(Host::Named(host.to_owned(), port))
}

impl Host {
    /// Whether nobody but this machine sees what is sent.
    pub(super) fn is_here(&self) -> bool {
        match self {
            Host::Unix(_) => true,
            Host::Named(name, _) => {
                let address: Option<std::net::IpAddr> = name.parse().ok();
                name == "localhost" || address.is_some_and(|address| address.is_loopback())
            }
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Named(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Host::Named(host, port) => write!(f, "{host}:{port}"),
            Host::Unix(address) => write!(f, "{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_a_port_or_both() {
        let host = |text: &str| text.parse::<Target>().map(|target| target.host);
        let named = |host: &str, port| Ok(Host::Named(host.to_owned(), port));
        assert_eq!(host("9001"), named("localhost", 9001));
        assert_eq!(host("pi"), named("pi", PORT));
        assert_eq!(host("pi:7"), named("pi", 7));
        assert_eq!(host("[::1]:7"), named("::1", 7));
        assert_eq!(host("[::1]"), named("::1", PORT));
        assert_eq!(host("fe80::1"), named("fe80::1", PORT));
        assert_eq!(host(":7"), named("localhost", 7));
        assert!(host("pi:x").is_err());
        assert!(host("a b").is_err());
        assert_eq!(Host::Named("::1".into(), 7).to_string(), "[::1]:7");
    }

    #[test]
    fn urls_name_the_protocol_and_rooms() {
        let target: Target = "irc://pi/lobby,%26local,%23%23x?key=1".parse().unwrap();
        assert_eq!(target.host, Host::Named("pi".into(), 6667));
        assert_eq!(target.rooms, ["#lobby", "&local", "##x"]);
        assert!(!target.tls && target.speak == Speak::Irc);
        let target: Target = "IRCS://[::1]:7000".parse().unwrap();
        assert_eq!(target.host, Host::Named("::1".into(), 7000));
        assert!(target.tls && target.rooms.is_empty());
        for bad in ["http://pi/", "irc://me:secret@pi/", "irc://pi/a%20b", "irc://pi/%ff"] {
            assert!(bad.parse::<Target>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_ports_of_irc_speak_irc() {
        let parse = |text: &str| text.parse::<Target>().unwrap();
        assert_eq!((parse("pi:6667").speak, parse("pi:6667").tls), (Speak::Irc, false));
        assert_eq!((parse("pi:6697").speak, parse("pi:6697").tls), (Speak::Irc, true));
        assert_eq!(parse("pi").speak, Speak::Auto);
        assert!(parse("127.0.0.1").host.is_here() && !parse("pi").host.is_here());
    }
}
