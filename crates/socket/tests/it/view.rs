//! Deadlines over many calls, flags, whole files, and the kinds and families beside TCP and UDP.

use std::io::{BufRead, Read, Seek, Write};
use std::time::{Duration, Instant};

use sockeye_socket::{
    AF_INET, AF_NETLINK, AF_PACKET, AF_UNIX, Address, How, MSG_DONTWAIT, MSG_OOB, MSG_PEEK,
    MSG_TRUNC, MSG_WAITALL, NetlinkAddr, PacketAddr, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, Socket,
    errno, socketpair, socketpair_of,
};
use sockeye_testkit::{Need, need};

use crate::{spawn, tcp_pair};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn past() -> Instant {
    Instant::now() + Duration::from_millis(20)
}

#[test]
fn one_deadline_ends_calls_of_every_kind() {
    let (a, b) = tcp_pair();
    let deadline = past();
    let view = b.deadline(deadline);
    assert!(view.recv(1).unwrap_err().is_timeout());
    assert!(Instant::now() >= deadline);
    assert!(view.recv_into(&mut [0]).unwrap_err().is_timeout());
    assert!(view.recv_exact(&mut [0]).unwrap_err().is_timeout());
    assert!(view.recvfrom(1).unwrap_err().is_timeout());
    let error = view.sendall(&vec![0; 64 << 20]).unwrap_err();
    assert!(error.is_timeout() && error.sent() > 0, "{error}");
    // What is there is given all the same: only waiting is over.
    assert_eq!(a.deadline(deadline).recv(1).unwrap(), [0]);
    let listener = sockeye_socket::create_server("127.0.0.1:0").bind().unwrap();
    assert!(listener.deadline(deadline).accept().unwrap_err().is_timeout());
    assert_eq!(listener.gettimeout(), None);
}

#[test]
fn after_a_deadline_the_socket_blocks_as_before() {
    let listener = sockeye_socket::create_server("127.0.0.1:0").bind().unwrap();
    assert!(listener.deadline(past()).accept().unwrap_err().is_timeout());
    let addr = listener.getsockname().unwrap();
    let client = spawn(move || {
        let client = Socket::tcp4().unwrap();
        client.deadline(soon()).connect(addr).unwrap();
        client.recv(5).unwrap()
    });
    let (conn, _) = listener.accept().unwrap();
    conn.sendall(b"hello").unwrap();
    assert_eq!(client.join().unwrap(), b"hello");
    // The descriptor is given up in the mode that the timeout says.
    let listener = std::net::TcpListener::from(listener.detach());
    let flags = rustix::fs::fcntl_getfl(&listener).unwrap();
    assert!(!flags.contains(rustix::fs::OFlags::NONBLOCK));
}

#[test]
fn a_deadline_makes_a_nonblocking_socket_wait() {
    let (a, b) = socketpair().unwrap();
    b.setblocking(false).unwrap();
    let sender = spawn(move || {
        crate::Ticks::every(Duration::from_millis(20)).tick();
        a.sendall(b"x").unwrap();
        a
    });
    assert_eq!(b.deadline(soon()).recv(1).unwrap(), b"x");
    assert!(b.recv(1).unwrap_err().would_block());
    drop(sender.join().unwrap());
}

#[test]
fn flags_are_for_one_call() {
    let (a, b) = socketpair().unwrap();
    assert!(b.flags(MSG_DONTWAIT).recv(1).unwrap_err().would_block());
    a.sendall(b"hello").unwrap();
    assert_eq!(b.flags(MSG_PEEK).recv(9).unwrap(), b"hello");
    let waiting = spawn(move || b.flags(MSG_WAITALL).recv(10).unwrap());
    a.sendall(b"world").unwrap();
    assert_eq!(waiting.join().unwrap(), b"helloworld");
}

#[test]
fn the_true_length_of_a_datagram_is_told() {
    let (a, b) = socketpair_of(AF_UNIX, SOCK_DGRAM, 0).unwrap();
    for _ in 0..2 {
        a.send(b"0123456789").unwrap();
    }
    let mut buf = [0; 4];
    assert_eq!(b.flags(MSG_TRUNC).recv_into(&mut buf).unwrap(), 10);
    assert_eq!(&buf, b"0123");
    assert_eq!(b.flags(MSG_TRUNC).recv(4).unwrap(), b"0123");
}

#[test]
fn an_urgent_byte_comes_out_of_band() {
    let (a, b) = tcp_pair();
    a.sendall(b"normal").unwrap();
    a.flags(MSG_OOB).send(b"!").unwrap();
    assert_eq!(b.flags(MSG_WAITALL).recv(6).unwrap(), b"normal");
    // It may come a moment later than what was sent before it.
    let urgent = loop {
        match b.flags(MSG_OOB).recv(1) {
            Ok(byte) => break byte,
            Err(error) => assert_eq!(error.errno(), Some(errno::EAGAIN), "{error}"),
        }
    };
    assert_eq!(urgent, b"!");
}

#[test]
fn messages_in_order_keep_their_borders() {
    let (a, b) = socketpair_of(AF_UNIX, SOCK_SEQPACKET, 0).unwrap();
    assert_eq!((a.family(), a.kind()), (AF_UNIX, SOCK_SEQPACKET));
    a.send(b"one").unwrap();
    a.send(b"two").unwrap();
    a.shutdown(How::Write).unwrap();
    assert_eq!(b.recv(100).unwrap(), b"one");
    assert_eq!(b.recv(100).unwrap(), b"two");
    assert_eq!(b.recv(100).unwrap(), b"");
    let error = socketpair_of(AF_INET, SOCK_DGRAM, 0).unwrap_err();
    assert_eq!(error.errno(), Some(errno::EOPNOTSUPP));
}

#[test]
fn the_kernel_answers_over_netlink() {
    let socket = Socket::netlink(0).unwrap();
    assert_eq!((socket.family(), socket.kind()), (AF_NETLINK, SOCK_RAW));
    socket.bind(NetlinkAddr::default()).unwrap();
    let Address::Netlink(own) = socket.getsockname().unwrap() else { panic!("not netlink") };
    assert_ne!(own.pid, 0);
    // RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, for every interface.
    let mut ask = Vec::new();
    ask.extend(32_u32.to_ne_bytes());
    ask.extend(18_u16.to_ne_bytes());
    ask.extend(0x301_u16.to_ne_bytes());
    ask.extend([0; 24]);
    socket.sendto(&ask, NetlinkAddr::default()).unwrap();
    socket.settimeout(Duration::from_secs(60)).unwrap();
    let (answer, from) = socket.recvfrom(65_536).unwrap();
    assert_eq!(from, Address::Netlink(NetlinkAddr::default()));
    assert_eq!(answer[4..6], 16_u16.to_ne_bytes(), "RTM_NEWLINK");
    assert!(answer.windows(3).any(|window| window == b"lo\0"));
}

#[test]
fn a_packet_socket_sends_and_sees_frames() {
    if !need(Need::Root) {
        return;
    }
    // A protocol that nobody speaks, so that nothing else is seen.
    let protocol = 0x88b5;
    let lo = Address::from(PacketAddr::new(1, protocol));
    let sender = Socket::new(AF_PACKET, SOCK_DGRAM, 0).unwrap();
    let watcher = Socket::new(AF_PACKET, SOCK_DGRAM, i32::from(protocol.to_be())).unwrap();
    watcher.bind(&lo).unwrap();
    watcher.settimeout(Duration::from_secs(60)).unwrap();
    let to = PacketAddr { address: vec![0; 6], ..PacketAddr::new(1, protocol) };
    let text = format!("a frame of {}", std::process::id()).into_bytes();
    assert_eq!(sender.sendto(&text, Address::from(to)).unwrap(), text.len());
    // Another run of these tests may speak at the same time.
    let from = loop {
        let (frame, from) = watcher.recvfrom(100).unwrap();
        if frame == text {
            break from;
        }
    };
    let Address::Packet(from) = from else { panic!("not a packet address") };
    assert_eq!((from.interface, from.protocol, from.hardware), (1, protocol, 772));
    let Address::Packet(own) = watcher.getsockname().unwrap() else { panic!("not packet") };
    assert_eq!((own.interface, own.protocol), (1, protocol));
}

#[test]
fn a_raw_socket_hears_an_echo() {
    if !need(Need::Root) {
        return;
    }
    let socket = Socket::raw(AF_INET, 1).unwrap();
    assert_eq!((socket.kind(), socket.proto().unwrap()), (SOCK_RAW, 1));
    socket.settimeout(Duration::from_secs(60)).unwrap();
    // Echo request, checksum, identifier 0x5353.
    let request = [8, 0, 0xa4, 0xab, 0x53, 0x53, 0, 1];
    socket.sendto(&request, ("127.0.0.1", 0)).unwrap();
    loop {
        let (packet, from) = socket.recvfrom(200).unwrap();
        assert_eq!(from.ip().unwrap().to_string(), "127.0.0.1");
        let icmp = &packet[usize::from(packet[0] & 15) * 4..];
        if icmp[0] == 0 && icmp[4..6] == [0x53, 0x53] {
            break;
        }
    }
}

fn scratch(content: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    file.rewind().unwrap();
    file
}

/// Everything that `send` sends.
fn received_of<T>(send: impl FnOnce(&Socket) -> T) -> (T, Vec<u8>) {
    let (a, mut b) = tcp_pair();
    let reader = spawn(move || {
        let mut got = Vec::new();
        b.read_to_end(&mut got).unwrap();
        got
    });
    let done = send(&a);
    drop(a);
    (done, reader.join().unwrap())
}

#[test]
fn a_file_is_sent_whole_or_in_part() {
    let content: Vec<u8> = (0..750_000_u32).flat_map(u32::to_ne_bytes).collect();
    let file = scratch(&content);
    let (sent, got) = received_of(|to| to.sendfile(&file, 0, None).unwrap());
    assert!(sent == 3_000_000 && got == content);
    let (sent, got) = received_of(|to| to.sendfile(&file, 2_999_990, Some(100)).unwrap());
    assert!(sent == 10 && got == content[2_999_990..]);
    let (sent, got) = received_of(|to| to.sendfile(&file, 5, Some(7)).unwrap());
    assert!(sent == 7 && got == content[5..12]);
}

#[test]
fn what_is_no_regular_file_is_read_and_sent() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let content = vec![7; 300_000];
    let filler = content.clone();
    let filling = spawn(move || writer.write_all(&filler).unwrap());
    let (sent, got) = received_of(|to| to.sendfile(&reader, 0, None).unwrap());
    filling.join().unwrap();
    assert!(sent == 300_000 && got == content);
    let zeros = std::fs::File::open("/dev/zero").unwrap();
    let (sent, got) = received_of(|to| to.sendfile(&zeros, 0, Some(100_000)).unwrap());
    assert!(sent == 100_000 && got == vec![0; 100_000]);
}

#[test]
fn a_file_stops_at_the_deadline_and_says_how_much_went() {
    let (a, b) = tcp_pair();
    let zeros = std::fs::File::open("/dev/zero").unwrap();
    let file = scratch(&vec![1; 32 << 20]);
    a.settimeout(Duration::from_millis(30)).unwrap();
    let error = a.sendfile(&file, 0, None).unwrap_err();
    assert!(error.is_timeout() && error.sent() > 0, "{error}");
    let error = a.sendfile(&zeros, 0, None).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    a.setblocking(false).unwrap();
    assert!(a.sendfile(&file, 0, None).unwrap_err().to_string().contains("sendfile_some"));
    drop(b);
    let (datagrams, _other) = socketpair_of(AF_UNIX, SOCK_DGRAM, 0).unwrap();
    assert!(datagrams.sendfile(&file, 0, None).unwrap_err().to_string().contains("streams"));
}

#[test]
fn a_socket_is_read_and_written_as_a_file() {
    let (a, b) = tcp_pair();
    let (_, mut writer) = a.makefile().unwrap();
    let (mut reader, _) = b.makefile().unwrap();
    writer.write_all(b"first\nsecond\n").unwrap();
    writer.flush().unwrap();
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "first\n");
    drop((a, writer));
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "second\n");
}

#[test]
fn a_descriptor_outlives_an_exec_only_where_asked() {
    let (a, _b) = socketpair().unwrap();
    assert!(!a.get_inheritable().unwrap());
    a.set_inheritable(true).unwrap();
    assert!(a.get_inheritable().unwrap());
    assert!(!a.dup().unwrap().get_inheritable().unwrap());
    a.set_inheritable(false).unwrap();
    assert!(!a.get_inheritable().unwrap());
}

#[test]
fn a_socket_is_made_from_a_descriptor_that_stays() {
    let (a, b) = socketpair_of(AF_UNIX, SOCK_SEQPACKET, 0).unwrap();
    b.setblocking(false).unwrap();
    let same = sockeye_socket::fromfd(&b).unwrap();
    assert_eq!((same.family(), same.kind(), same.getblocking()), (AF_UNIX, SOCK_SEQPACKET, false));
    drop(b);
    a.send(b"still here").unwrap();
    assert_eq!(same.recv(100).unwrap(), b"still here");
    let file = std::fs::File::open("/dev/null").unwrap();
    assert_eq!(sockeye_socket::fromfd(&file).unwrap_err().errno(), Some(errno::ENOTSOCK));
}

#[test]
fn exactly_so_many_bytes_are_not_peeked() {
    let (a, b) = tcp_pair();
    a.sendall(b"abc").unwrap();
    // It would be "abcab".
    let error = b.deadline(soon()).flags(MSG_PEEK).recv_exact(&mut [0; 5]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{error}");
    assert!(error.to_string().contains("MSG_PEEK"), "{error}");
    assert_eq!(b.flags(MSG_PEEK | MSG_WAITALL).recv(3).unwrap(), b"abc");
    a.sendall(b"de").unwrap();
    let mut all = [0; 5];
    b.deadline(soon()).recv_exact(&mut all).unwrap();
    assert_eq!(&all, b"abcde");
}

#[test]
fn room_that_the_system_does_not_have_is_an_error() {
    let (a, b) = socketpair().unwrap();
    a.sendall(b"abc").unwrap();
    for n in [usize::MAX, isize::MAX.unsigned_abs(), 1 << 60] {
        let failed = [
            b.recv(n).map(drop),
            b.recvfrom(n).map(drop),
            b.recvmsg(n, 0).map(drop),
            b.recv_fds(n, 1).map(drop),
        ];
        for error in failed.map(Result::unwrap_err) {
            assert_eq!(error.errno(), Some(errno::ENOMEM), "{n}: {error}");
        }
    }
    // What it has is given, however little comes.
    assert_eq!(b.recv(64 << 20).unwrap(), b"abc");
}
