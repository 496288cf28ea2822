//! Packet sockets on loopback, where this process may have them, and the corpus of the parser.

use std::time::Duration;

use proptest::prelude::*;
use sockeye_socket::packet::{Direction, Filter, Flags, Segment, TcpOption};
use sockeye_socket::{Address, Family, Socket, create_server, errno};
use sockeye_testkit::privilege::without_capabilities;
use sockeye_testkit::{Need, need, replay};

#[path = "../../../../fuzz/bodies/socket.rs"]
mod bodies;

const LONG: Duration = Duration::from_secs(20);

#[test]
fn the_corpus_replays() {
    replay("segment", bodies::segment);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_a_segment_or_are_not(bytes: Vec<u8>) {
        bodies::segment(&bytes);
    }

    #[test]
    fn any_change_of_a_real_packet_too(
        which in 1_u8..=19,
        changes in prop::collection::vec((0_usize..100, any::<u8>()), 0..4),
        len in 0_usize..120,
    ) {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/segment/seed-");
        let mut bytes = std::fs::read(format!("{root}{which}")).unwrap();
        for (at, value) in changes {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        bytes.truncate(len);
        bodies::segment(&bytes);
    }
}

/// The handshake of one connection to a listener of `place`, as a tap sees it.
fn handshake(place: &str) -> Vec<Segment> {
    let server = create_server(place).bind().unwrap();
    let addr = server.getsockname().unwrap();
    let client = Socket::new(addr.family(), sockeye_socket::SOCK_STREAM, 0).unwrap();
    client.bind(Address::from((addr.ip().unwrap(), 0))).unwrap();
    let port = client.getsockname().unwrap().port().unwrap();
    let tap = Socket::packet(&Filter::tcp(port, addr.socket_addr().unwrap())).unwrap();
    assert_eq!(tap.family(), Family::Packet);
    tap.settimeout(LONG).unwrap();
    // Another connection to the same listener, which the filter must keep away.
    let other = Socket::new(addr.family(), sockeye_socket::SOCK_STREAM, 0).unwrap();
    other.connect(&addr).unwrap();
    client.connect(&addr).unwrap();
    let mut times = Vec::new();
    let mut segments = Vec::new();
    let mut buffer = [0; 256];
    while segments.len() < 3 {
        let packet = tap.recv_packet(&mut buffer).unwrap();
        assert!(packet.loopback && packet.interface > 0);
        if packet.direction == Direction::Outgoing {
            continue;
        }
        times.push(packet.time.expect("the kernel's time"));
        segments.push(Segment::parse(&buffer[..packet.len]).unwrap());
    }
    assert!(times.is_sorted(), "{times:?}");
    assert!(times[2] - times[0] < LONG);
    for segment in &segments {
        let ports = [segment.source.port(), segment.destination.port()];
        assert!(ports.contains(&port) && ports.contains(&addr.port().unwrap()));
    }
    segments
}

#[test]
fn the_three_way_handshake_is_seen() {
    if !need(Need::Root) {
        return;
    }
    let mut places = vec!["127.0.0.1:0"];
    places.extend(need(Need::Ipv6).then_some("[::1]:0"));
    for place in places {
        let [syn, syn_ack, ack] = handshake(place).try_into().unwrap();
        let syn_and_ack = Flags(Flags::SYN.0 | Flags::ACK.0);
        assert_eq!([syn.flags, syn_ack.flags, ack.flags], [Flags::SYN, syn_and_ack, Flags::ACK]);
        assert_eq!(syn_ack.acknowledgement, syn.sequence.wrapping_add(1));
        assert_eq!(ack.sequence, syn_ack.acknowledgement);
        assert_eq!(ack.acknowledgement, syn_ack.sequence.wrapping_add(1));
        assert_eq!((syn.source, syn.destination), (syn_ack.destination, syn_ack.source));
        let mss = |option: &TcpOption| matches!(option, TcpOption::Mss(536..));
        assert!(syn.options.iter().any(mss) && syn_ack.options.iter().any(mss));
    }
}

#[test]
fn without_the_privilege_it_is_eperm() {
    let filter = Filter::tcp(1, "127.0.0.1:1".parse().unwrap());
    let error = without_capabilities(|| Socket::packet(&filter)).unwrap_err();
    assert_eq!(error.errno(), Some(errno::EPERM));
    assert_eq!(error.to_string(), "packet: operation not permitted (EPERM)");
}
