//! Headers as HAProxy, curl and others write them, whole and at every cut.

use proptest::prelude::*;

use super::*;

/// Before its last byte a header is unfinished, never wrong; behind it nothing counts.
fn settled(header: &[u8]) -> Header {
    for cut in 0..header.len() {
        assert_eq!(parse(&header[..cut]), Ok(None), "at {cut}");
        assert!(may_be(&header[..cut]));
    }
    let parsed = parse(header).unwrap().unwrap();
    assert_eq!(parsed.bytes, header.len());
    for tail in [&b"NICK a\r\n"[..], b"\r\n", b"PROXY ", &[0x16, 3, 1], header] {
        assert_eq!(parse(&[header, tail].concat()), Ok(Some(parsed)));
    }
    parsed
}

fn client(header: &[u8]) -> Option<String> {
    settled(header).client.map(|client| client.to_string())
}

fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length, rest].concat()
}

const V4: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 1, 0xdd, 0x40, 0, 80];

#[test]
fn lines_name_the_client() {
    let cases: [(&[u8], Option<&str>); 8] = [
        (b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", Some("192.0.2.1:56324")),
        (
            b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
            Some("255.255.255.255:65535"),
        ),
        (b"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", Some("0.0.0.0:0")),
        (b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n", Some("[2001:db8::1]:1")),
        (b"PROXY TCP6 ::ffff:192.0.2.9 ::1 1 2\r\n", Some("192.0.2.9:1")),
        (b"PROXY UNKNOWN\r\n", None),
        (b"PROXY UNKNOWN what ever\r stands here\r\n", None),
        (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
    ];
    for (line, expected) in cases {
        assert_eq!(client(line).as_deref(), expected, "{}", String::from_utf8_lossy(line));
    }
}

#[test]
fn binary_headers_name_the_client() {
    assert_eq!(client(&v2(0x21, 0x11, &V4)).as_deref(), Some("192.0.2.1:56640"));
    let mut v6 = [0; 36];
    v6[..16].copy_from_slice(&"2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
    v6[33] = 7;
    assert_eq!(client(&v2(0x21, 0x21, &v6)).as_deref(), Some("[2001:db8::1]:7"));
    for (command, family, rest) in [
        (0x20, 0x00, &[][..]),
        (0x20, 0x11, &V4),
        (0x20, 0x77, b"anything"),
        (0x21, 0x00, b"\x04\0\x01x"),
        (0x21, 0x12, &V4),
        (0x21, 0x31, &[0; 216]),
    ] {
        assert_eq!(client(&v2(command, family, rest)), None, "{command:x} {family:x}");
    }
}

#[test]
fn what_the_proxy_says_of_tls_is_heard() {
    let with = |tlvs: &[u8]| settled(&v2(0x21, 0x11, &[&V4, tlvs].concat())).encrypted;
    assert!(!with(b""));
    assert!(!with(b"\x01\0\x02h2"));
    assert!(with(b"\x01\0\x02h2\x20\0\x05\x01\0\0\0\0"));
    assert!(!with(b"\x20\0\x05\x06\0\0\0\0"), "not the client's own");
    assert!(!with(b"\x20\0\0"));
}

#[test]
fn what_is_no_header_is_refused_and_stays_so() {
    let long = [b"PROXY UNKNOWN ".as_slice(), &[b'x'; 92], b"\r\n"].concat();
    assert_eq!(long.len(), 108);
    let large = v2(0x21, 0x11, &[&V4[..], b"\x04\x0f\xf2", &[0; 4082]].concat());
    let bad: [Vec<u8>; 24] = [
        b"NICK anna\r\n".to_vec(),
        b"PROXYTCP4 1.2.3.4 1.2.3.4 1 1\r\n".to_vec(),
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n\r\n".to_vec(),
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n".to_vec(),
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 01\r\n".to_vec(),
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 +1\r\n".to_vec(),
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n".to_vec(),
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n".to_vec(),
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 1 \r\n".to_vec(),
        b"PROXY TCP4  1.2.3.4 1.2.3.4 1 1\r\n".to_vec(),
        b"PROXY TCP4 1.2.3.04 1.2.3.4 1 1\r\n".to_vec(),
        b"PROXY TCP4 ::1 ::1 1 1\r\n".to_vec(),
        b"PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n".to_vec(),
        b"PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n".to_vec(),
        b"PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n".to_vec(),
        b"PROXY UNKNOWNS\r\n".to_vec(),
        b"PROXY TCP4 \xff\r\n".to_vec(),
        long,
        v2(0x11, 0x11, &V4),
        v2(0x22, 0x11, &V4),
        v2(0x21, 0x41, &V4),
        v2(0x21, 0x11, &V4[..11]),
        v2(0x21, 0x11, &[&V4[..], b"\x01\0\x02h"].concat()),
        large,
    ];
    for header in bad {
        let shown = String::from_utf8_lossy(&header).into_owned();
        assert!(parse(&header).is_err(), "{shown}");
        assert!(parse(&[&header[..], b"\r\n\r\n"].concat()).is_err(), "{shown}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_address_comes_through_both_versions(from: SocketAddr, to: std::net::Ipv4Addr) {
        let from = SocketAddr::new(from.ip(), from.port());
        let same = SocketAddr::new(from.ip().to_canonical(), from.port());
        let (line, binary) = match from.ip() {
            IpAddr::V4(ip) => {
                let port = from.port().to_be_bytes();
                let rest = [&ip.octets()[..], &to.octets(), &port, &[0, 1]].concat();
                (format!("PROXY TCP4 {ip} {to} {} 1\r\n", from.port()), v2(0x21, 0x11, &rest))
            }
            IpAddr::V6(ip) => {
                let port = from.port().to_be_bytes();
                let to = to.to_ipv6_mapped();
                let rest = [&ip.octets()[..], &to.octets(), &port, &[0, 1]].concat();
                (format!("PROXY TCP6 {ip} {to} {} 1\r\n", from.port()), v2(0x21, 0x21, &rest))
            }
        };
        prop_assert_eq!(settled(line.as_bytes()).client, Some(same));
        prop_assert_eq!(settled(&binary).client, Some(same));
    }

    #[test]
    fn a_prefix_never_says_more_than_the_whole(bytes: Vec<u8>, kind in 0..3_u8) {
        let mark = [&b""[..], LINE, SIGNATURE][usize::from(kind)];
        let input = [mark, &bytes].concat();
        let whole = parse(&input);
        for cut in 0..input.len() {
            match parse(&input[..cut]) {
                Ok(None) => {}
                early => prop_assert_eq!(early, whole),
            }
        }
    }
}
