//! Networks as people write them: `10.0.0.0/8`, `2001:db8::/32`, one address, or `unix` for whoever
//! comes by a unix socket.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use sockeye_socket::Address;

/// A network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    /// Addresses that begin alike.
    Ip(IpNet),
    /// All peers of unix sockets.
    Unix,
}

/// The text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no network; write it like 10.0.0.0/8, 2001:db8::/32, 127.0.0.1 or unix")]
pub struct BadNetwork {
    text: String,
}

impl Network {
    /// Whether `address` is in it; an IPv4 address also where it is mapped into IPv6.
    #[must_use]
    pub fn contains(&self, address: &Address) -> bool {
        match (self, address.canonical_ip()) {
            (Network::Ip(network), Some(ip)) => network.contains(&ip),
            (Network::Unix, None) => true,
            (Network::Ip(_), None) | (Network::Unix, Some(_)) => false,
        }
    }
}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Network, BadNetwork> {
        if text == "unix" {
            return Ok(Network::Unix);
        }
        let network = match text.parse::<IpAddr>() {
            Ok(ip) => Some(IpNet::from(ip.to_canonical())),
            Err(_) => text.parse::<IpNet>().ok(),
        };
        network.map(Network::Ip).ok_or_else(|| BadNetwork { text: text.to_owned() })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Network::Ip(network) => network.fmt(f),
            Network::Unix => f.write_str("unix"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(network: &str, address: &str) -> bool {
        network.parse::<Network>().unwrap().contains(&address.parse().unwrap())
    }

    #[test]
    fn who_is_in_and_who_is_not() {
        assert!(has("10.0.0.0/8", "10.255.0.1:80"));
        assert!(has("10.1.2.3/8", "10.255.0.1:80"), "bits that do not count");
        assert!(has("127.0.0.1", "[::ffff:127.0.0.1]:80"));
        assert!(has("::ffff:127.0.0.1", "127.0.0.1:80"));
        assert!(has("2001:db8::/32", "[2001:db8:ffff::1]:80"));
        assert!(has("0.0.0.0/0", "192.0.2.1:80"));
        assert!(has("unix", "unix:/run/x.sock"));
        assert!(!has("10.0.0.0/8", "11.0.0.1:80"));
        assert!(!has("0.0.0.0/0", "[2001:db8::1]:80"));
        assert!(!has("0.0.0.0/0", "unix:/run/x.sock"));
        assert!(!has("unix", "127.0.0.1:80"));
    }

    #[test]
    fn what_is_no_network_is_told() {
        for text in ["", "10.0.0.0/33", "10.0.0/8", "example.org", "10.0.0.1:80", "/8", "10.0.0.0/"]
        {
            let error = text.parse::<Network>().unwrap_err().to_string();
            assert!(error.contains("10.0.0.0/8"), "{error}");
        }
        for text in ["10.0.0.0/8", "127.0.0.1/32", "2001:db8::/32", "unix"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
    }
}
