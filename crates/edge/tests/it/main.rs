//! The crate from outside: fuzz corpora replayed, and properties of the same bodies.

#[path = "../../../../fuzz/bodies/edge.rs"]
mod bodies;
mod unicode;

use proptest::prelude::*;
use sockeye_testkit::replay;

#[test]
fn corpora_replay() {
    replay("address", bodies::address);
    replay("listen_addr", bodies::listen_addr);
    replay("proxy_header", bodies::proxy_header);
    replay("printable", bodies::printable);
    replay("segments", bodies::segments);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_listen_address_comes_back(
        host in "(\\[[0-9a-f:.%]{0,20}\\]|unix:@?|localhost|[0-9.]{0,9})?",
        rest in ":?\\PC{0,8}",
    ) {
        let text = host + &rest;
        bodies::listen_addr(text.as_bytes());
        bodies::address(text.as_bytes());
    }

    #[test]
    fn every_port_and_ip_comes_back(ip: std::net::IpAddr, port: u16) {
        let text = std::net::SocketAddr::new(ip, port).to_string();
        let address: sockeye_edge::listen::ListenAddr = text.parse().unwrap();
        prop_assert_eq!(address.address().ip(), Some(ip));
        prop_assert_eq!(address.address().port(), Some(port));
        prop_assert_eq!(address.to_string(), text);
        prop_assert_eq!(address.is_loopback(), ip.to_canonical().is_loopback());
    }

    #[test]
    fn any_text_and_any_bytes_print_safely(text in "\\PC*|.*", bytes: Vec<u8>) {
        bodies::printable(text.as_bytes());
        bodies::printable(&bytes);
    }
}
