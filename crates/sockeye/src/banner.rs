//! What a person sees when a server is up: the URLs under which others reach it, the most useful
//! one as a QR code, and a hint where a firewall may be in the way.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use sockeye_socket::{Address, Socket};

/// An address of the documentation range: connecting a datagram socket to it sends nothing, and
/// shows which of our addresses the default route uses.
const BEYOND: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);

/// Lists the addresses under which others reach a listener, the default route's first.
///
/// For the wildcard these are the addresses of every interface that is up, without link-local
/// ones (they need a zone); loopback only where there is nothing else.
pub(crate) fn reachable(listener: &Address) -> Vec<IpAddr> {
    match listener.canonical_ip() {
        None => Vec::new(),
        Some(ip) if !ip.is_unspecified() => vec![ip],
        Some(ip) => {
            let v4_only = ip.is_ipv4();
            let all = if_addrs::get_if_addrs().unwrap_or_default();
            let ips = all.iter().map(if_addrs::Interface::ip);
            sorted(ips.filter(|ip| !v4_only || ip.is_ipv4()).collect(), default_route())
        }
    }
}

/// Lists the addresses of this machine, but for link-local ones, which need a zone.
pub(crate) fn addresses() -> Vec<IpAddr> {
    let all = if_addrs::get_if_addrs().unwrap_or_default();
    let has_zone = |ip: &IpAddr| matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    all.iter().map(if_addrs::Interface::ip).filter(|ip| !has_zone(ip)).collect()
}

/// Lists the networks that this machine is on, but for loopback: an address and its prefix's
/// length.
pub(crate) fn networks() -> Vec<(IpAddr, u8)> {
    let all = if_addrs::get_if_addrs().unwrap_or_default();
    let own = all.iter().filter(|interface| !interface.is_loopback());
    own.map(|interface| match &interface.addr {
        if_addrs::IfAddr::V4(v4) => (v4.ip.into(), v4.prefixlen),
        if_addrs::IfAddr::V6(v6) => (v6.ip.into(), v6.prefixlen),
    })
    .collect()
}

fn sorted(mut ips: Vec<IpAddr>, default: Option<IpAddr>) -> Vec<IpAddr> {
    ips.retain(|ip| match ip {
        IpAddr::V4(ip) => !ip.is_link_local(),
        IpAddr::V6(ip) => !ip.is_unicast_link_local(),
    });
    if ips.iter().any(|ip| !ip.is_loopback()) {
        ips.retain(|ip| !ip.is_loopback());
    }
    if ips.is_empty() {
        ips.push(Ipv4Addr::LOCALHOST.into());
    }
    ips.sort_by_key(|ip| (Some(*ip) != default, ip.is_ipv6(), *ip));
    ips.dedup();
    ips
}

fn default_route() -> Option<IpAddr> {
    let probe = Socket::udp4().ok()?;
    probe.connect(BEYOND).ok()?;
    probe.getsockname().ok()?.ip()
}

/// Writes an address as the host of a URL.
pub(crate) fn host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// Draws a QR code for a terminal, two modules a character. With `color` it is black on white
/// whatever the terminal's colours are; without, its light modules are drawn, as a terminal with a
/// dark background needs it.
pub(crate) fn qr(text: &str, color: bool) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let (dark, light) = match color {
        true => (Dense1x2::Dark, Dense1x2::Light),
        false => (Dense1x2::Light, Dense1x2::Dark),
    };
    let image =
        code.render::<Dense1x2>().dark_color(dark).light_color(light).quiet_zone(true).build();
    let (on, off) = if color { ("\x1b[30;107m", "\x1b[0m") } else { ("", "") };
    let mut lines = String::new();
    for line in image.lines() {
        let _ = writeln!(lines, "  {on}{line}{off}");
    }
    Some(lines)
}

/// Names the firewall that seems to be active, so that a person who cannot connect knows where to
/// look.
pub(crate) fn firewall() -> Option<&'static str> {
    let says = |path: &str, word: &str| {
        std::fs::read_to_string(path).is_ok_and(|text| text.lines().any(|line| line == word))
    };
    if says("/etc/ufw/ufw.conf", "ENABLED=yes") {
        return Some("ufw");
    }
    let firewalld = ["/run/firewalld.pid", "/run/firewalld"];
    firewalld.iter().any(|path| Path::new(path).exists()).then_some("firewalld")
}

/// The machine's name.
pub(crate) fn machine() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "sockeye".to_owned() } else { name.to_owned() }
}

/// The names by which others on the network may call a machine that is called `name`.
pub(crate) fn own_hosts(name: &str) -> [String; 2] {
    [name.to_owned(), format!("{name}.local")]
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_default_route_comes_first_then_ipv4_and_loopback_only_alone() {
        let all = ips(&["127.0.0.1", "10.0.0.2", "fe80::1", "2001:db8::2", "192.168.1.9", "::1"]);
        let default = Some("192.168.1.9".parse().unwrap());
        assert_eq!(sorted(all, default), ips(&["192.168.1.9", "10.0.0.2", "2001:db8::2"]));
        assert_eq!(sorted(ips(&["127.0.0.1"]), None), ips(&["127.0.0.1"]));
        assert_eq!(sorted(Vec::new(), None), ips(&["127.0.0.1"]));
        assert_eq!(host(Ipv6Addr::LOCALHOST.into()), "[::1]");
    }

    #[test]
    fn a_qr_code_is_a_square_of_blocks() {
        for color in [true, false] {
            let code = qr("http://192.168.1.9:8080/", color).unwrap();
            let widths: Vec<usize> = code.lines().map(|line| line.chars().count()).collect();
            assert!(widths.len() > 10 && widths.windows(2).all(|pair| pair[0] == pair[1]));
            assert_eq!(code.contains('\x1b'), color);
        }
    }
}
