//! What must hold for every input: listen addresses, addresses, printable text, path segments,
//! PROXY headers.

use sockeye_edge::listen::ListenAddr;
use sockeye_edge::printable::{Printable, is_hidden};
use sockeye_edge::proxy;
use sockeye_edge::tree::Segments;
use sockeye_socket::Address;

/// An address that parses shows itself as text that parses to what shows the same.
pub(crate) fn address(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(address) = text.parse::<Address>() else { return };
    let shown = address.to_string();
    let again: Address = shown.parse().expect("what an address shows parses");
    assert_eq!(again.to_string(), shown);
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
}

/// The same for a listen address; host names are left out, since they are looked up.
pub(crate) fn listen_addr(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let host = text.rsplit_once(':').map_or("", |(host, _)| host);
    let literal = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let bracket = text.starts_with('[') || text.starts_with("unix:");
    // Numbers that are no dotted quad (`127.1`) are names to the system.
    let quad = host.is_empty() || host.parse::<std::net::Ipv4Addr>().is_ok();
    if !(bracket || literal && quad || host == "localhost") {
        return;
    }
    let Ok(address) = text.parse::<ListenAddr>() else { return };
    let shown = address.to_string();
    let again: ListenAddr = shown.parse().expect("what a listen address shows parses");
    assert_eq!(again.to_string(), shown);
    assert_eq!(again.is_loopback(), address.is_loopback());
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
}

/// Nothing that hides or acts gets through, and plain text stays as it is.
pub(crate) fn printable(input: &[u8]) {
    let shown = Printable::new(input).to_string();
    assert!(!shown.chars().any(is_hidden), "{shown:?}");
    assert_eq!(Printable::new(&shown).to_string(), shown, "it is at rest");
    if input.iter().all(|byte| (0x20..0x7f).contains(byte)) {
        assert_eq!(shown.as_bytes(), input);
    }
}

/// Segments that pass are relative, clean and joined again what they were.
pub(crate) fn segments(input: &[u8]) {
    let Ok(segments) = Segments::from_relative(input) else { return };
    assert_eq!(segments.iter().collect::<Vec<_>>().join(&b'/'), input);
    assert_eq!(segments.iter().count(), segments.len());
    let normal = |part| matches!(part, std::path::Component::Normal(_));
    assert!(segments.is_empty() || segments.as_path().components().all(normal));
    assert!(input.iter().all(|byte| !byte.is_ascii_control() && *byte != b'\\'));
    if let Some(parent) = segments.parent() {
        let name = segments.name().expect("what has a parent has a name");
        let joined = parent.join(name.as_encoded_bytes()).expect("it was there before");
        assert_eq!(joined, segments);
    }
}

/// A PROXY header says the same whatever comes behind it, nothing before it is whole, and it keeps
/// its limits.
pub(crate) fn proxy_header(input: &[u8]) {
    let whole = proxy::parse(input);
    for cut in 0..input.len() {
        let early = proxy::parse(&input[..cut]);
        assert!(early == Ok(None) || early == whole, "{early:?} at {cut}, then {whole:?}");
    }
    match whole {
        Ok(Some(header)) => {
            assert!(header.bytes <= input.len().min(proxy::HEADER_BYTES_MAX));
            assert!(proxy::may_be(input));
            assert_eq!(proxy::parse(&input[..header.bytes]), whole);
            assert!(header.client.is_none_or(|client| client.ip() == client.ip().to_canonical()));
        }
        Ok(None) => assert!(proxy::may_be(input) && input.len() < proxy::HEADER_BYTES_MAX),
        Err(_) => assert!(!input.is_empty()),
    }
}
