//! Packet sockets on loopback, where this process may have them, and the corpus of the parser.

use std::time::Duration;

use proptest::prelude::*;
use sockeye_socket::packet::{Direction, Filter, Flags, Instruction, Segment, TcpOption};
use sockeye_socket::{
    AF_PACKET, AF_UNIX, Address, Family, MSG_DONTWAIT, PacketAddr, RecvBatch, SOCK_DGRAM,
    SendBatch, Socket, cmsg, create_server, errno, opt, socketpair_of,
};
use sockeye_testkit::privilege::without_capabilities;
use sockeye_testkit::{Need, need, replay};

#[path = "../../../../fuzz/bodies/socket.rs"]
mod bodies;

const LONG: Duration = Duration::from_secs(60);

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

/// Sends frames of a protocol that nobody speaks over loopback, and gives the watcher of them.
fn watched(protocol: u16, filter: Option<&Filter>, frames: &[&[u8]]) -> Socket {
    let watcher = Socket::new(AF_PACKET, SOCK_DGRAM, 0).unwrap();
    filter.inspect(|filter| watcher.attach_filter(filter).unwrap());
    watcher.setsockopt(opt::SO_TIMESTAMPNS, true).unwrap();
    watcher.bind(PacketAddr::new(1, protocol)).unwrap();
    watcher.settimeout(LONG).unwrap();
    let sender = Socket::new(AF_PACKET, SOCK_DGRAM, 0).unwrap();
    let to = Address::from(PacketAddr { address: vec![0; 6], ..PacketAddr::new(1, protocol) });
    let mut out = SendBatch::new(frames.len(), 100);
    for frame in frames {
        out.push(frame, Some(&to)).unwrap();
    }
    while out.waiting() > 0 {
        sender.sendmmsg(&mut out).unwrap();
    }
    watcher
}

#[test]
fn packets_come_in_batches() {
    if !need(Need::Root) {
        return;
    }
    let watcher = watched(0x88b6, None, &[b"first", b"second"]);
    let mut batch = RecvBatch::new(8, 100).control_bytes(cmsg::space(16));
    assert_eq!(watcher.recvmmsg(&mut batch).unwrap(), 2);
    let datagrams: Vec<_> = batch.iter().collect();
    let mut times = Vec::new();
    for (datagram, data) in datagrams.iter().zip([&b"first"[..], b"second"]) {
        assert_eq!(datagram.data, data);
        let packet = datagram.packet().unwrap();
        assert_eq!((packet.len, packet.interface, packet.loopback), (data.len(), 1, true));
        assert_eq!(packet.direction, Direction::Incoming);
        times.push(packet.time.unwrap());
        let Ok(Some(Address::Packet(from))) = datagram.address() else { panic!("{datagram:?}") };
        assert_eq!((from.protocol, from.hardware), (0x88b6, 772));
    }
    assert!(times.is_sorted());
    // Without room for the time it is not known.
    let watcher = watched(0x88b7, None, &[b"x"]);
    let mut batch = RecvBatch::new(8, 100);
    watcher.recvmmsg(&mut batch).unwrap();
    assert_eq!(batch.iter().next().unwrap().packet().unwrap().time, None);
}

#[test]
fn a_datagram_of_another_socket_is_no_packet() {
    let socket = Socket::udp4().unwrap();
    socket.bind(("127.0.0.1", 0)).unwrap();
    let mut batch = RecvBatch::new(1, 10);
    for _ in 0..2 {
        socket.sendto(b"x", socket.getsockname().unwrap()).unwrap();
    }
    socket.recvmmsg(&mut batch).unwrap();
    assert_eq!(batch.iter().next().unwrap().packet(), None);
    let error = socket.recv_packet(&mut [0; 10]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}

/// What begins with `first` at `at`.
fn beginning_with(at: u32, first: u8) -> Filter {
    let step = |code, if_true, if_false, value| Instruction { code, if_true, if_false, value };
    Filter::new(vec![
        step(0x30, 0, 0, at),
        step(0x15, 0, 1, u32::from(first)),
        step(0x06, 0, 0, u32::MAX),
        step(0x06, 0, 0, 0),
    ])
}

#[test]
fn a_filter_drops_what_it_refuses_on_any_socket() {
    let (a, b) = socketpair_of(AF_UNIX, SOCK_DGRAM, 0).unwrap();
    b.attach_filter(&beginning_with(0, b'a')).unwrap();
    for data in [b"bear", b"ants", b"cats"] {
        // A unix socket tells its sender that nobody took it.
        let _ = a.send(data);
    }
    assert_eq!(b.recv(10).unwrap(), b"ants");
    assert!(b.flags(MSG_DONTWAIT).recv(10).unwrap_err().would_block());
    // Another one in its place, then none.
    b.attach_filter(&beginning_with(0, b'c')).unwrap();
    a.send(b"cats").unwrap();
    b.detach_filter().unwrap();
    a.send(b"bear").unwrap();
    assert_eq!([b.recv(10).unwrap(), b.recv(10).unwrap()], [b"cats", b"bear"]);
    assert_eq!(b.detach_filter().unwrap_err().errno(), Some(errno::ENOENT));
    if need(Need::Root) {
        let watcher = watched(0x88b8, Some(&beginning_with(0, b'a')), &[b"bear", b"ants"]);
        assert_eq!(watcher.recv(10).unwrap(), b"ants");
        assert!(watcher.flags(MSG_DONTWAIT).recv(10).unwrap_err().would_block());
    }
}

#[test]
fn what_is_no_program_is_refused() {
    let socket = Socket::udp4().unwrap();
    let step = |code, value| Instruction { code, if_true: 0, if_false: 0, value };
    let (accept, jump_behind) = (step(0x06, u32::MAX), step(0x05, 7));
    let programs = [
        vec![],
        vec![step(0xffff, 0), accept],
        vec![jump_behind, accept],
        vec![step(0x30, 0)],
        vec![accept; 4097],
        vec![accept; 65_537],
    ];
    for program in programs {
        let error = socket.attach_filter(&Filter::new(program)).unwrap_err();
        assert_eq!(error.to_string(), "attach_filter: invalid argument (EINVAL)");
    }
    let filter = Filter::new(vec![accept]);
    assert_eq!(filter.instructions(), [accept]);
    socket.attach_filter(&filter).unwrap();
}

#[test]
fn without_the_privilege_it_is_eperm() {
    let filter = Filter::tcp(1, "127.0.0.1:1".parse().unwrap());
    let error = without_capabilities(|| Socket::packet(&filter)).unwrap_err();
    assert_eq!(error.errno(), Some(errno::EPERM));
    assert_eq!(error.to_string(), "packet: operation not permitted (EPERM)");
}
