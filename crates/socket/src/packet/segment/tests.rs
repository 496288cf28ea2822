//! A SYN of Linux byte by byte, every cut of it, and what strangers may make of it.

use super::*;

/// What Linux 6 sent from 127.0.0.1:40000 to 127.0.0.1:80.
const SYN: [u8; 60] = [
    0x45, 0x00, 0x00, 0x3c, 0x1c, 0x46, 0x40, 0x00, 0x40, 0x06, 0x20, 0x74, 127, 0, 0, 1, 127, 0,
    0, 1, 0x9c, 0x40, 0x00, 0x50, 0x01, 0x02, 0x03, 0x04, 0, 0, 0, 0, 0xa0, 0x02, 0xff, 0xd7, 0xfe,
    0x30, 0x00, 0x00, 0x02, 0x04, 0xff, 0xd7, 0x04, 0x02, 0x08, 0x0a, 0xaa, 0xbb, 0xcc, 0xdd, 0, 0,
    0, 0, 0x01, 0x03, 0x03, 0x07,
];

fn ipv6(segment: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend(u16::try_from(segment.len()).unwrap().to_be_bytes());
    packet.extend([6, 64]);
    packet.extend(Ipv6Addr::LOCALHOST.octets());
    packet.extend("2001:db8::2".parse::<Ipv6Addr>().unwrap().octets());
    packet.extend(segment);
    packet
}

#[test]
fn a_syn_of_linux() {
    let segment = Segment::parse(&SYN).unwrap();
    assert_eq!(segment.source, "127.0.0.1:40000".parse().unwrap());
    assert_eq!(segment.destination, "127.0.0.1:80".parse().unwrap());
    assert_eq!((segment.sequence, segment.acknowledgement), (0x0102_0304, 0));
    assert_eq!((segment.flags, segment.window), (Flags::SYN, 65_495));
    assert_eq!((segment.payload_len, segment.sequence_len()), (0, 1));
    let options: Vec<String> = segment.options.iter().map(ToString::to_string).collect();
    assert_eq!(
        options,
        ["mss 65495", "sack permitted", "timestamps 2864434397 0", "window scale 7"]
    );
    let over_ipv6 = Segment::parse(&ipv6(&SYN[20..])).unwrap();
    assert_eq!(over_ipv6.source, "[::1]:40000".parse().unwrap());
    assert_eq!(over_ipv6.destination, "[2001:db8::2]:80".parse().unwrap());
    assert_eq!(over_ipv6.options, segment.options);
}

#[test]
fn every_cut_inside_of_the_headers_is_truncated() {
    for packet in [SYN.to_vec(), ipv6(&SYN[20..])] {
        for len in 0..packet.len() {
            assert_eq!(Segment::parse(&packet[..len]), Err(Malformed::Truncated), "{len}");
        }
        // What is behind the headers may be missing, and ethernet's padding may be there.
        let mut padded = packet.clone();
        padded.extend([0; 6]);
        assert_eq!(Segment::parse(&padded), Segment::parse(&packet));
    }
}

#[test]
fn a_payload_counts_by_the_headers_even_where_it_is_cut_off() {
    let mut packet = SYN;
    packet[2..4].copy_from_slice(&1500_u16.to_be_bytes());
    packet[33] = 0x19;
    let segment = Segment::parse(&packet).unwrap();
    assert_eq!((segment.payload_len, segment.sequence_len()), (1440, 1441));
    assert_eq!(segment.flags.to_string(), "FIN-PSH-ACK");
}

#[test]
fn lengths_that_lie_are_refused() {
    for (at, value, error) in [
        (0, 0x44, Malformed::BadLength),
        (0, 0x4f, Malformed::BadLength),
        (0, 0x55, Malformed::NotIp),
        (9, 17, Malformed::NotTcp),
        (7, 1, Malformed::Fragment),
        (3, 39, Malformed::BadLength),
        (3, 59, Malformed::BadLength),
        (32, 0x40, Malformed::BadLength),
        (32, 0xb0, Malformed::BadLength),
    ] {
        let mut packet = SYN;
        packet[at] = value;
        assert_eq!(Segment::parse(&packet), Err(error), "byte {at} is {value:#x}");
    }
    let mut fragmented = ipv6(&SYN[20..]);
    fragmented[6] = 44;
    assert_eq!(Segment::parse(&fragmented), Err(Malformed::NotTcp));
}

#[test]
fn options_end_where_they_cannot_be() {
    use TcpOption::{Broken, FastOpen, Mss, Other, Sack, WindowScale};
    for (bytes, expected) in [
        (&[1, 1, 0, 2, 4, 5, 180][..], vec![]),
        (&[2, 4, 5, 180, 3, 3, 2], vec![Mss(1460), WindowScale(2)]),
        (&[2, 3, 5, 3, 4, 1, 1], vec![Other(2, 1), Other(3, 2)]),
        (&[2], vec![Broken]),
        (&[2, 0, 5, 180], vec![Broken]),
        (&[2, 1, 5, 180], vec![Broken]),
        (&[3, 3, 7, 2, 5, 5, 180], vec![WindowScale(7), Broken]),
        (&[5, 10, 0, 0, 0, 1, 0, 0, 0, 9], vec![Sack(vec![(1, 9)])]),
        (&[34, 2, 34, 6, 1, 2, 3, 4], vec![FastOpen(0), FastOpen(4)]),
        (&[254, 4, 1, 2], vec![Other(254, 2)]),
    ] {
        assert_eq!(options(bytes), expected, "{bytes:?}");
    }
    assert_eq!(Sack(vec![(1, 9), (20, 30)]).to_string(), "sack 1..9 20..30");
}

#[test]
fn flags_by_name() {
    for (bits, name) in [(2, "SYN"), (0x12, "SYN-ACK"), (0x10, "ACK"), (0x14, "RST-ACK")] {
        assert_eq!(Flags(bits).to_string(), name);
    }
    assert_eq!(Flags(0).to_string(), "none");
    assert_eq!(Flags(0xff).to_string(), "SYN-FIN-RST-PSH-ACK-URG-ECE-CWR");
}
