//! Whom an address stands for, where addresses are counted.

use std::net::{IpAddr, Ipv6Addr};

/// The address that stands for whoever uses `ip`: itself in IPv4 (also where it is mapped into
/// IPv6), its /64 in IPv6, which is what one subscriber gets.
#[must_use]
pub fn subscriber(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_subscriber_has_one_address() {
        for (ip, expected) in [
            ("10.0.0.1", "10.0.0.1"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::"),
            ("::1", "::"),
        ] {
            assert_eq!(subscriber(ip.parse().unwrap()), expected.parse::<IpAddr>().unwrap());
        }
    }
}
