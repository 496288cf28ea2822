//! Who may ask: the peer by its address, the page by its origin, the name by which it was reached.
//!
//! Rules:
//! 1. Only peers on private or on-link networks, unless the server is public.
//! 2. `Host` must be a name of this server or an address, so that no name that a stranger points
//!    here (DNS rebinding) makes its pages ours.
//! 3. What changes something, or speaks in the room, comes from our own page or from
//!    no page at all.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sockeye_edge::origin;

use super::status::Status;

/// Why a request is refused, with what to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The peer is on no network of ours: 403.
    #[error("this server answers its own network only (--public opens it)")]
    Peer,
    /// The server does not go by this name: 421.
    #[error("this server does not go by that name (--allow-host NAME adds one)")]
    Host,
    /// Another site's page asks for a change: 403.
    #[error("another site's page asked for this, and only this server's own page may")]
    Origin,
}

impl Refusal {
    /// The status to answer.
    pub fn status(self) -> Status {
        match self {
            Refusal::Peer | Refusal::Origin => Status::FORBIDDEN,
            Refusal::Host => Status::MISDIRECTED_REQUEST,
        }
    }
}

/// A network: an address and the number of leading bits that count.
pub type Network = (IpAddr, u8);

/// What is allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guard {
    /// Peers may come from anywhere.
    pub public: bool,
    /// The page has TLS, so that pages without are another site's.
    pub https: bool,
    /// The networks that this machine is on.
    pub on_link: Vec<Network>,
    /// The names that the server goes by, besides addresses and `localhost`.
    pub hosts: Vec<String>,
}

/// What a request says of where it comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The peer's address; `None` for a unix socket, whose peers passed the file's permissions.
    pub peer: Option<IpAddr>,
    /// `Host`, with its port.
    pub host: Option<&'a str>,
    /// `Origin`.
    pub origin: Option<&'a [u8]>,
    /// `Sec-Fetch-Site`.
    pub fetch_site: Option<&'a [u8]>,
    /// Whether the request changes something: any method but GET, HEAD and OPTIONS, and the
    /// beginning of a WebSocket.
    pub acts: bool,
    /// Whether it came with the right password of somebody.
    pub is_known: bool,
}

impl Guard {
    /// Judges a request.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn judge(&self, asked: &Asked<'_>) -> Result<(), Refusal> {
        if !self.admits(asked.peer) {
            return Err(Refusal::Peer);
        }
        if !asked.host.is_none_or(|host| self.goes_by(host)) {
            return Err(Refusal::Host);
        }
        if asked.acts && !self.is_own_page(asked) {
            return Err(Refusal::Origin);
        }
        Ok(())
    }

    /// Judges a request that changes something, where only pages have to be kept out: a program
    /// that is no browser may come from anywhere and call the server as it likes.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn judge_page(&self, asked: &Asked<'_>) -> Result<(), Refusal> {
        if asked.origin.is_none() && asked.fetch_site.is_none() {
            return Ok(());
        }
        // A page by a stranger's name has nobody's password.
        if !asked.is_known && !asked.host.is_none_or(|host| self.goes_by(host)) {
            return Err(Refusal::Host);
        }
        if self.is_own_page(asked) { Ok(()) } else { Err(Refusal::Origin) }
    }

    /// Whether a peer may ask at all.
    pub fn admits(&self, peer: Option<IpAddr>) -> bool {
        let Some(peer) = peer else { return true };
        let peer = peer.to_canonical();
        self.public || is_private(peer) || self.on_link.iter().any(|network| is_in(peer, *network))
    }

    fn goes_by(&self, host: &str) -> bool {
        origin::goes_by(host, self.hosts.iter().map(String::as_str))
    }

    /// Whether the request comes from a page of this server, or from a program that is no browser.
    fn is_own_page(&self, asked: &Asked<'_>) -> bool {
        if !asked.fetch_site.is_none_or(|site| matches!(site, b"same-origin" | b"none")) {
            return false;
        }
        let Some(origin) = asked.origin else { return true };
        let Ok(origin) = std::str::from_utf8(origin) else { return false };
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        if self.https && scheme == "http" {
            return false;
        }
        asked.host.is_some_and(|host| origin::is_same_host(scheme, authority, host))
    }
}

/// Loopback, private, link-local and shared (RFC 6598) addresses.
fn is_private(peer: IpAddr) -> bool {
    match peer {
        IpAddr::V4(v4) => {
            let shared = (Ipv4Addr::new(100, 64, 0, 0).into(), 10);
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || is_in(peer, shared)
        }
        IpAddr::V6(v6) => {
            let first = v6.segments()[0];
            v6 == Ipv6Addr::LOCALHOST || first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80
        }
    }
}

fn is_in(address: IpAddr, (network, bits): Network) -> bool {
    let (left, right, width) = match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
        _ => return false,
    };
    let host_bits = width - u32::from(bits).min(width);
    bits > 0 && (left ^ right).checked_shr(host_bits).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard {
            public: false,
            https: false,
            on_link: vec![
                ("203.0.113.9".parse().unwrap(), 24),
                ("2001:db8::1".parse().unwrap(), 64),
            ],
            hosts: vec!["Anna-Laptop".into(), "hub.local".into()],
        }
    }

    fn admits(peer: &str) -> bool {
        guard().admits(Some(peer.parse().unwrap()))
    }

    #[test]
    fn strangers_are_told_from_neighbours() {
        for near in [
            "127.0.0.1",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "169.254.9.9",
            "100.64.0.1",
            "100.127.255.255",
            "203.0.113.77",
            "::1",
            "fe80::1",
            "fd00::1",
            "2001:db8::77",
            "::ffff:192.168.1.1",
        ] {
            assert!(admits(near), "{near}");
        }
        for far in [
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "203.0.114.1",
            "2001:db8:0:1::1",
            "2606::1",
            "::ffff:8.8.8.8",
            "::",
            "0.0.0.0",
        ] {
            assert!(!admits(far), "{far}");
        }
        let public = Guard { public: true, ..guard() };
        assert!(public.admits(Some("8.8.8.8".parse().unwrap())));
        assert!(guard().admits(None));
        let all = Guard { on_link: vec![("0.0.0.0".parse().unwrap(), 0)], ..guard() };
        assert!(!all.admits(Some("8.8.8.8".parse().unwrap())), "a network of no bits is none");
    }

    fn host(host: &str) -> Result<(), Refusal> {
        guard().judge(&Asked { host: Some(host), ..Asked::default() })
    }

    #[test]
    fn names_that_strangers_point_here_are_refused() {
        for own in [
            "127.0.0.1:8080",
            "[::1]:8080",
            "[fe80::1]",
            "192.168.7.7",
            "localhost:8080",
            "LOCALHOST",
            "x.localhost",
            "anna-laptop:8080",
            "hub.local.",
            "HUB.local:80",
        ] {
            assert_eq!(host(own), Ok(()), "{own}");
        }
        for foreign in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "hub.local.evil",
            "127.0.0.1.evil.example",
            "hub",
            "",
        ] {
            assert_eq!(host(foreign), Err(Refusal::Host), "{foreign}");
        }
        assert_eq!(guard().judge(&Asked::default()), Ok(()));
    }

    fn acts(host: &str, origin: Option<&str>, site: Option<&str>) -> bool {
        let asked = Asked {
            peer: None,
            host: Some(host),
            origin: origin.map(str::as_bytes),
            fetch_site: site.map(str::as_bytes),
            acts: true,
            is_known: false,
        };
        guard().judge(&asked).is_ok()
    }

    #[test]
    fn only_our_own_page_acts() {
        assert!(acts("localhost:8080", Some("http://localhost:8080"), Some("same-origin")));
        assert!(acts("localhost:8080", Some("http://localhost:8080"), None));
        assert!(acts("hub.local", Some("http://hub.local:80"), None));
        assert!(acts("hub.local:443", Some("https://hub.local"), None));
        assert!(acts("localhost:8080", None, None), "curl has no origin");
        assert!(acts("localhost:8080", None, Some("none")));
        assert!(!acts("localhost:8080", Some("null"), None), "a sandboxed file");
        assert!(!acts("localhost:8080", Some("http://localhost:8081"), None));
        assert!(!acts("localhost:8080", Some("http://localhost"), None));
        assert!(!acts("localhost:8080", Some("https://evil.example"), None));
        assert!(!acts("localhost:8080", Some("file://localhost:8080"), None));
        assert!(!acts("localhost:8080", Some(""), None));
        for site in ["cross-site", "same-site", ""] {
            assert!(!acts("localhost:8080", None, Some(site)), "{site}");
            assert!(!acts("localhost:8080", Some("http://localhost:8080"), Some(site)), "{site}");
        }
        let page = |origin: &'static str, host| Asked {
            origin: Some(origin.as_bytes()),
            host: Some(host),
            peer: Some("8.8.8.8".parse().unwrap()),
            ..Asked::default()
        };
        let judge = |asked: &Asked<'_>| guard().judge_page(asked);
        assert_eq!(judge(&page("http://hub.local", "hub.local")), Ok(()));
        assert_eq!(judge(&page("http://x.example", "x.example")), Err(Refusal::Host), "rebound");
        assert_eq!(judge(&page("http://x.example", "hub.local")), Err(Refusal::Origin));
        let known = |asked: Asked<'static>| Asked { is_known: true, ..asked };
        assert_eq!(judge(&known(page("http://x.example", "x.example"))), Ok(()));
        assert_eq!(judge(&known(page("http://x.example", "y"))), Err(Refusal::Origin));
        let program = Asked { host: Some("x.example"), ..Asked::default() };
        assert_eq!(judge(&program), Ok(()), "no page, any name");
        let fetched = Asked { fetch_site: Some(b"cross-site"), host: Some("::1"), ..program };
        assert!(judge(&fetched).is_err());
        let secure = Guard { https: true, ..guard() };
        for (origin, may) in [("https://hub.local:8080", true), ("http://hub.local:8080", false)] {
            let asked = Asked {
                host: Some("hub.local:8080"),
                origin: Some(origin.as_bytes()),
                acts: true,
                ..Asked::default()
            };
            assert_eq!(secure.judge(&asked).is_ok(), may, "{origin}");
        }
        let read = Asked { origin: Some(b"https://evil.example"), ..Asked::default() };
        assert_eq!(guard().judge(&read), Ok(()), "reading is open to all who are near");
    }
}
