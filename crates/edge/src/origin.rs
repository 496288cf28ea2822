//! Which page asks, and by which name it has reached the server.
//!
//! Rule: a page is the server's own where its origin is the host that was asked for. Without TLS
//! that host has to be an address or a name that the server goes by, since any name can be made to
//! point anywhere (DNS rebinding).

use std::net::IpAddr;

/// Whether `host` (with its port, if any) is an address, `localhost`, or one of these names.
pub fn goes_by<'a>(host: &str, names: impl IntoIterator<Item = &'a str>) -> bool {
    let name = without_port(host);
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    if bare.parse::<IpAddr>().is_ok() {
        return true;
    }
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || names.into_iter().any(|known| known.eq_ignore_ascii_case(&name))
}

/// Whether the authority of a URL with `scheme` (lowercase) is `host`: with the same port, or with
/// that of the scheme where it is left out.
#[must_use]
pub fn is_same_host(scheme: &str, authority: &str, host: &str) -> bool {
    let default = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let plain = |text: &str| text.strip_suffix(default).unwrap_or(text).to_ascii_lowercase();
    plain(authority) == plain(host)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:9000",
            "[::1]:9000",
            "[::1]",
            "LocalHost:80",
            "x.localhost",
            "Hub.local",
            "hub.local.:9000",
        ] {
            assert!(goes_by(host, ["hub.LOCAL"]), "{host}");
        }
        for host in
            ["", "evil.example", "hub.local.evil.example", "127.0.0.1.example", "localhost.x"]
        {
            assert!(!goes_by(host, ["hub.local"]), "{host}");
        }
    }

    #[test]
    fn origins() {
        assert!(is_same_host("http", "a:9000", "A:9000"));
        assert!(is_same_host("http", "a", "a:80") && is_same_host("https", "a:443", "a"));
        assert!(!is_same_host("http", "a", "a:443") && !is_same_host("https", "a", "a:80"));
        assert!(!is_same_host("file", "a", "a") && !is_same_host("http", "a:9000", "a"));
    }
}
