//! Messages and what comes beside their bytes: every kind of control message through the kernel,
//! descriptors from process to process, flags and timeouts.

use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use sockeye_socket::cmsg::{self, Control, Origin, Outgoing, Raw};
use sockeye_socket::{
    AF_INET, AF_INET6, AF_UNIX, Address, Family, MSG_CMSG_CLOEXEC, MSG_CTRUNC, MSG_DONTWAIT,
    MSG_ERRQUEUE, MSG_PEEK, MSG_TRUNC, Message, MsgFlags, SOCK_DGRAM, SOCK_SEQPACKET, Socket,
    errno, opt, recv_fds, send_fds, socketpair, socketpair_of,
};
use sockeye_testkit::{Need, need, replay};

#[path = "../../../../fuzz/bodies/control.rs"]
mod bodies;

const LONG: Duration = Duration::from_secs(60);
/// Room for whatever comes.
const ROOM: usize = 512;

#[test]
fn the_corpus_replays() {
    replay("control", bodies::control);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_a_control_buffer(bytes: Vec<u8>) {
        bodies::control(&bytes);
    }

    #[test]
    fn any_change_of_a_real_one_too(
        which in 1_u8..=20,
        changes in prop::collection::vec((0_usize..80, any::<u8>()), 0..4),
        len in 0_usize..120,
    ) {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/control/seed-");
        let mut bytes = std::fs::read(format!("{root}{which:02}")).unwrap();
        for (at, value) in changes {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        bytes.truncate(len);
        bodies::control(&bytes);
    }
}

/// Two sockets of UDP, the second bound and with a timeout; and its address.
fn udp(family: Family) -> (Socket, Socket, Address) {
    let ip: IpAddr = match family {
        AF_INET => Ipv4Addr::LOCALHOST.into(),
        _ => Ipv6Addr::LOCALHOST.into(),
    };
    let socket = || Socket::new(family, SOCK_DGRAM, 0).unwrap();
    let (a, b) = (socket(), socket());
    b.bind((ip, 0)).unwrap();
    b.settimeout(LONG).unwrap();
    let addr = b.getsockname().unwrap();
    (a, b, addr)
}

fn pair() -> (Socket, Socket) {
    let (a, b) = socketpair_of(AF_UNIX, SOCK_DGRAM, 0).unwrap();
    b.settimeout(LONG).unwrap();
    (a, b)
}

/// Sends `control` with a byte and gives what comes beside it.
fn through(a: &Socket, b: &Socket, control: &[Outgoing<'_>], addr: Option<&Address>) -> Message {
    assert_eq!(a.sendmsg(&[IoSlice::new(b"x")], control, addr).unwrap(), 1);
    let message = b.recvmsg(10, ROOM).unwrap();
    assert_eq!((&message.data[..], message.flags), (&b"x"[..], MsgFlags::NONE));
    message
}

#[test]
fn the_address_is_there_where_the_system_says_one() {
    let (a, b, addr) = udp(AF_INET);
    let message = through(&a, &b, &[], Some(&addr));
    assert_eq!(message.address.unwrap().port(), a.getsockname().unwrap().port());
    assert!(message.control.is_empty());
    let (a, b) = socketpair().unwrap();
    assert_eq!(through(&a, &b, &[], None).address, None);
    let (a, b) = pair();
    assert_eq!(through(&a, &b, &[], None).address, None);
    let named: Address = format!("unix:@sockeye-message-{}", std::process::id()).parse().unwrap();
    let c = Socket::unix_dgram().unwrap();
    c.bind(&named).unwrap();
    a.connect(&named).unwrap();
    c.settimeout(LONG).unwrap();
    c.connect(&named).unwrap();
    assert_eq!(through(&c, &c, &[], None).address, Some(named));
}

#[test]
fn parts_are_gathered_and_scattered() {
    let (a, b) = pair();
    let parts = [IoSlice::new(b"one"), IoSlice::new(b""), IoSlice::new(b"three")];
    assert_eq!(a.sendmsg(&parts, &[], None).unwrap(), 8);
    let (mut head, mut rest) = ([0; 5], [0; 9]);
    let mut parts = [IoSliceMut::new(&mut head), IoSliceMut::new(&mut rest)];
    let received = b.recvmsg_into(&mut parts, 0).unwrap();
    assert_eq!((received.len, received.flags), (8, MsgFlags::NONE));
    assert_eq!((&head, &rest[..4]), (b"oneth", &b"ree\0"[..]));
    let parts = vec![IoSlice::new(b"x"); 1025];
    assert_eq!(a.sendmsg(&parts, &[], None).unwrap_err().errno(), Some(errno::EMSGSIZE));
    let error = b.recvmsg(1, usize::MAX).unwrap_err();
    assert_eq!(error.errno(), Some(errno::ENOBUFS));
}

#[test]
fn credentials_say_who_sent() {
    let (a, b) = pair();
    b.setsockopt(opt::SO_PASSCRED, true).unwrap();
    let message = through(&a, &b, &[], None);
    let [Control::Credentials(who)] = message.control[..] else { panic!("{message:?}") };
    assert_eq!(who.pid, std::process::id());
    assert_eq!(who.uid, rustix::process::getuid().as_raw());
    assert_eq!(who.gid, rustix::process::getgid().as_raw());
    let message = through(&a, &b, &[Outgoing::Credentials(who)], None);
    assert!(matches!(message.control[..], [Control::Credentials(again)] if again == who));
    if !need(Need::Root) {
        return;
    }
    let other = opt::Credentials { uid: 65_534, gid: 65_533, ..who };
    let message = through(&a, &b, &[Outgoing::Credentials(other)], None);
    assert!(matches!(message.control[..], [Control::Credentials(who)] if who == other));
}

#[test]
fn a_process_comes_as_a_descriptor() {
    let (a, b) = pair();
    let (sol_socket, so_passpidfd) = (1, 76);
    match b.setsockopt(opt::raw(sol_socket, so_passpidfd), true) {
        // Before Linux 6.5.
        Err(error) => assert_eq!(error.errno(), Some(errno::ENOPROTOOPT)),
        Ok(()) => {
            let message = through(&a, &b, &[], None);
            let [Control::PidFd(fd)] = &message.control[..] else { panic!("{message:?}") };
            let flags = rustix::io::fcntl_getfd(fd).unwrap();
            assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
            let pid = rustix::process::getpid().as_raw_nonzero();
            let same = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", raw_of(fd)));
            assert!(same.unwrap().contains(&format!("Pid:\t{pid}\n")));
        }
    }
}

fn raw_of(fd: &OwnedFd) -> i32 {
    std::os::fd::AsRawFd::as_raw_fd(fd)
}

#[test]
fn times_are_the_kernels() {
    for nanos in [false, true] {
        let (a, b, addr) = udp(AF_INET);
        let option = if nanos { opt::SO_TIMESTAMPNS } else { opt::SO_TIMESTAMP };
        b.setsockopt(option, true).unwrap();
        let since_1970 = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let before = since_1970();
        let message = through(&a, &b, &[], Some(&addr));
        let time = match message.control[..] {
            [Control::Timestamp(time)] if !nanos => time + Duration::from_micros(1),
            [Control::TimestampNs(time)] if nanos => time,
            _ => panic!("{message:?}"),
        };
        assert!(before <= time && time <= since_1970() + Duration::from_micros(1), "{time:?}");
    }
}

#[test]
fn a_datagram_says_where_it_came_in_and_may_say_where_it_goes_out() {
    let (a, b, addr) = udp(AF_INET);
    b.setsockopt(opt::IP_PKTINFO, true).unwrap();
    let source = Ipv4Addr::new(127, 0, 0, 2).into();
    let from = [Outgoing::PacketInfo { interface: 0, source }];
    let message = through(&a, &b, &from, Some(&addr));
    let [Control::PacketInfo(info)] = message.control[..] else { panic!("{message:?}") };
    assert!(info.interface > 0);
    assert_eq!((info.local, info.destination), (addr.ip(), addr.ip().unwrap()));
    assert_eq!(message.address.unwrap().ip(), Some(source));
    if !need(Need::Ipv6) {
        return;
    }
    let (a, b, addr) = udp(AF_INET6);
    b.setsockopt(opt::IPV6_RECVPKTINFO, true).unwrap();
    let from = [Outgoing::PacketInfo { interface: info.interface, source: addr.ip().unwrap() }];
    let message = through(&a, &b, &from, Some(&addr));
    let [Control::PacketInfo(six)] = message.control[..] else { panic!("{message:?}") };
    assert_eq!((six.interface, six.destination), (info.interface, addr.ip().unwrap()));
}

#[test]
fn hops_and_service_go_with_a_datagram() {
    let (a, b, addr) = udp(AF_INET);
    for option in [opt::IP_RECVTTL, opt::IP_RECVTOS] {
        b.setsockopt(option, true).unwrap();
    }
    let control = [Outgoing::Ttl(7), Outgoing::Tos(0x10)];
    let message = through(&a, &b, &control, Some(&addr));
    assert!(matches!(message.control[..], [Control::Ttl(7), Control::Tos(0x10)]), "{message:?}");
    let error = a.sendmsg(&[IoSlice::new(b"x")], &[Outgoing::Ttl(0)], Some(&addr)).unwrap_err();
    assert_eq!(error.to_string(), format!("sendmsg {addr}: invalid argument (EINVAL)"));
    if !need(Need::Ipv6) {
        return;
    }
    let (a, b, addr) = udp(AF_INET6);
    for option in [opt::IPV6_RECVHOPLIMIT, opt::IPV6_RECVTCLASS] {
        b.setsockopt(option, true).unwrap();
    }
    let control = [Outgoing::HopLimit(7), Outgoing::TrafficClass(0x10)];
    let message = through(&a, &b, &control, Some(&addr));
    let expected = [Control::HopLimit(7), Control::TrafficClass(0x10)];
    assert_eq!(format!("{:?}", message.control), format!("{expected:?}"));
}

#[test]
fn a_refused_datagram_comes_back_by_the_error_queue() {
    let mut families = vec![(AF_INET, opt::IP_RECVERR, Origin::Icmp, (3, 3))];
    let six = (AF_INET6, opt::IPV6_RECVERR, Origin::Icmp6, (1, 4));
    families.extend(need(Need::Ipv6).then_some(six));
    for (family, option, origin, icmp) in families {
        let (a, b, addr) = udp(family);
        a.setsockopt(option, true).unwrap();
        a.settimeout(LONG).unwrap();
        drop(b);
        a.sendto(b"to nobody", &addr).unwrap();
        // Waits for the error as for data.
        let message = a.flags(MSG_ERRQUEUE).recvmsg(100, ROOM).unwrap();
        assert!(message.flags.contains(MSG_ERRQUEUE));
        assert_eq!((&message.data[..], message.address), (&b"to nobody"[..], Some(addr.clone())));
        let [Control::Error(error)] = message.control[..] else { panic!("{:?}", message.control) };
        assert_eq!((error.family, error.errno), (family, errno::ECONNREFUSED));
        assert_eq!((error.origin, (error.kind, error.code)), (origin, icmp));
        assert_eq!(error.offender.unwrap().ip(), addr.ip().unwrap());
        // Nothing more there: data that waits does not count, and the timeout does.
        a.sendto(b"to myself", Address::from((addr.ip().unwrap(), port(&a)))).unwrap();
        let start = Instant::now();
        let view = a.deadline(start + Duration::from_millis(30)).flags(MSG_ERRQUEUE);
        assert!(view.recvmsg(100, ROOM).unwrap_err().is_timeout());
        assert!(start.elapsed() >= Duration::from_millis(30));
        assert_eq!(a.recv(100).unwrap(), b"to myself");
    }
}

fn port(socket: &Socket) -> u16 {
    socket.getsockname().unwrap().port().unwrap()
}

#[test]
fn an_error_that_is_not_in_the_queue_does_not_spin() {
    let (a, b, addr) = udp(AF_INET);
    a.connect(&addr).unwrap();
    drop(b);
    a.send(b"to nobody").unwrap();
    // Without IP_RECVERR the refusal waits on the socket itself, and shows for ever.
    assert!(a.flags(MSG_ERRQUEUE).recvmsg(100, ROOM).unwrap_err().would_block());
    assert_eq!(a.recv(1).unwrap_err().errno(), Some(errno::ECONNREFUSED));
}

#[test]
fn many_datagrams_go_and_come_as_one() {
    let (a, b, addr) = udp(AF_INET);
    let data = [b'x'; 250];
    let send = |size| {
        let control = [Outgoing::SegmentSize(size)];
        assert_eq!(a.sendmsg(&[IoSlice::new(&data)], &control, Some(&addr)).unwrap(), 250);
    };
    send(100);
    let lengths = [(); 3].map(|()| b.recv(500).unwrap().len());
    assert_eq!(lengths, [100, 100, 50]);
    b.setsockopt(opt::UDP_GRO, true).unwrap();
    send(100);
    let message = b.recvmsg(500, ROOM).unwrap();
    assert_eq!(message.data.len(), 250);
    assert!(matches!(message.control[..], [Control::SegmentSize(100)]), "{message:?}");
}

#[test]
fn what_was_dropped_is_counted() {
    let (a, b, addr) = udp(AF_INET);
    b.setsockopt(opt::SO_RXQ_OVFL, true).unwrap();
    b.setsockopt(opt::SO_RCVBUF, 4096).unwrap();
    for _ in 0..100 {
        a.sendto(&[0; 500], &addr).unwrap();
    }
    // Those that fitted were queued before any was dropped.
    let mut fitted = 0;
    while b.flags(MSG_DONTWAIT).recvmsg(1, ROOM).is_ok() {
        fitted += 1;
    }
    let message = through(&a, &b, &[], Some(&addr));
    let [Control::Dropped(count)] = message.control[..] else { panic!("{message:?}") };
    assert_eq!(count, 100 - fitted);
}

#[test]
fn what_has_no_type_comes_and_goes_as_bytes() {
    let (a, b, addr) = udp(AF_INET);
    b.setsockopt(opt::IP_RECVORIGDSTADDR, true).unwrap();
    let raw = Raw { level: 0, kind: 2, data: 9_i32.to_ne_bytes().to_vec() };
    b.setsockopt(opt::IP_RECVTTL, true).unwrap();
    let mut message = through(&a, &b, &[Outgoing::from(&raw)], Some(&addr));
    let Some(Control::Other(other)) = message.control.pop() else { panic!("{message:?}") };
    assert_eq!((other.level, other.kind, other.data.len()), (0, 20, 16));
    assert_eq!(other.data[2..4], addr.port().unwrap().to_be_bytes());
    assert_eq!(message.control.pop().unwrap().into_raw(), raw);
    let nonsense = Outgoing::Raw { level: 0, kind: 9999, data: b"" };
    let error = a.sendmsg(&[IoSlice::new(b"x")], &[nonsense], Some(&addr)).unwrap_err();
    assert_eq!(error.errno(), Some(errno::EINVAL));
}

#[test]
fn what_is_cut_off_is_flagged() {
    let (a, b) = pair();
    b.setsockopt(opt::SO_PASSCRED, true).unwrap();
    for _ in 0..3 {
        a.send(b"0123456789").unwrap();
    }
    let message = b.recvmsg(4, 20).unwrap();
    assert_eq!(message.data, b"0123");
    assert_eq!(message.flags, MSG_TRUNC | MSG_CTRUNC);
    let [Control::Other(cut)] = &message.control[..] else { panic!("{message:?}") };
    assert_eq!((cut.level, cut.kind, cut.data.len()), (1, 2, 4));
    let mut buffer = [0; 4];
    let view = b.flags(MSG_TRUNC);
    let received = view.recvmsg_into(&mut [IoSliceMut::new(&mut buffer)], 100).unwrap();
    assert_eq!((received.len, received.flags), (10, MSG_TRUNC));
    assert_eq!(view.recvmsg(4, 100).unwrap().data, b"0123");
    // Our own flag is not shown, the caller's is.
    a.send(b"x").unwrap();
    let message = b.flags(MSG_PEEK | MSG_CMSG_CLOEXEC).recvmsg(1, 100).unwrap();
    assert_eq!(message.flags, MSG_CMSG_CLOEXEC);
    assert_eq!(b.recvmsg(1, 100).unwrap().flags, MsgFlags::NONE);
}

#[test]
fn timeouts_are_kept() {
    let (a, b) = socketpair().unwrap();
    let short = Duration::from_millis(20);
    b.settimeout(short).unwrap();
    let start = Instant::now();
    assert!(b.recvmsg(1, 0).unwrap_err().is_timeout());
    assert!(start.elapsed() >= short);
    assert!(b.recv_fds(1, 1).unwrap_err().is_timeout());
    b.settimeout(None).unwrap();
    let view = b.deadline(Instant::now() + short);
    assert!(view.recvmsg_into(&mut [IoSliceMut::new(&mut [0])], 0).unwrap_err().is_timeout());
    assert!(b.flags(MSG_DONTWAIT).recvmsg(1, 0).unwrap_err().would_block());
    a.settimeout(short).unwrap();
    let data = vec![0; 64 << 20];
    let sent = a.sendmsg(&[IoSlice::new(&data)], &[], None).unwrap();
    assert!(sent > 0 && sent < data.len());
    assert!(a.sendmsg(&[IoSlice::new(&data)], &[], None).unwrap_err().is_timeout());
    a.setblocking(false).unwrap();
    assert!(a.send_fds(b"x", &[&a]).unwrap_err().would_block());
    assert_eq!(view.recvmsg(1, 0).unwrap().data, [0], "what is there is given");
}

#[test]
fn an_end_is_an_empty_message() {
    let (a, b) = socketpair().unwrap();
    drop(a);
    let message = b.recvmsg(10, ROOM).unwrap();
    assert!(message.data.is_empty() && message.control.is_empty());
    assert_eq!(b.recv_fds(10, 1).unwrap().0, b"");
    let error = b.sendmsg(&[IoSlice::new(b"x")], &[], None).unwrap_err();
    assert_eq!(error.errno(), Some(errno::EPIPE));
}

/// Whether all copies of the pipe's writing end are closed within so many seconds: a process that
/// another test starts has copies until it runs its program.
fn ends_within(reader: &impl AsFd, seconds: i64) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut fds = [PollFd::from_borrowed_fd(reader.as_fd(), PollFlags::empty())];
    poll(&mut fds, Some(&Timespec { tv_sec: seconds, tv_nsec: 0 })).unwrap();
    fds[0].revents().contains(PollFlags::HUP)
}

#[test]
fn descriptors_work_at_the_other_end_and_do_not_survive_an_exec() {
    for (a, b) in
        [socketpair(), Ok(pair()), socketpair_of(AF_UNIX, SOCK_SEQPACKET, 0)].map(Result::unwrap)
    {
        let (mut reader, writer) = std::io::pipe().unwrap();
        assert_eq!(send_fds(&a, b"two", &[&writer, &writer]).unwrap(), 3);
        drop(writer);
        let (data, mut fds) = recv_fds(&b, 10, 2).unwrap();
        assert_eq!((&data[..], fds.len()), (&b"two"[..], 2));
        for fd in &fds {
            let flags = rustix::io::fcntl_getfd(fd).unwrap();
            assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        }
        std::fs::File::from(fds.pop().unwrap()).write_all(b"hello").unwrap();
        assert!(!ends_within(&reader, 0), "the other copy is open");
        drop(fds);
        let mut said = String::new();
        reader.read_to_string(&mut said).unwrap();
        assert_eq!(said, "hello");
    }
}

#[test]
fn a_lost_descriptor_is_an_error_and_none_stays_open() {
    let (a, b) = pair();
    b.setsockopt(opt::SO_PASSCRED, true).unwrap();
    for (sent, fds_max, lost) in
        [(1, 0, true), (2, 1, true), (253, 1, true), (3, 3, false), (2, 8, false), (0, 0, false)]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        a.send_fds(b"data", &vec![&writer; sent]).unwrap();
        drop(writer);
        match b.recv_fds(10, fds_max) {
            Ok((data, fds)) => {
                assert!(!lost);
                assert_eq!((&data[..], fds.len()), (&b"data"[..], sent));
            }
            Err(error) => {
                assert!(lost, "{error}");
                assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
                let text =
                    "recv_fds: more descriptors came than were asked for, and all are closed";
                assert_eq!(error.to_string(), text);
            }
        }
        assert!(ends_within(&reader, 60), "{sent} sent, {fds_max} asked for");
    }
    let error = a.send_fds(b"x", &vec![&a; 254]).unwrap_err();
    assert_eq!(error.to_string(), "send_fds: invalid argument (EINVAL)");
}

#[test]
fn descriptors_need_a_byte_of_a_stream() {
    let (a, b) = socketpair().unwrap();
    let error = a.send_fds(b"", &[&a]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("byte of the stream"), "{error}");
    let none: [&Socket; 0] = [];
    assert_eq!(a.send_fds(b"", &none).unwrap(), 0);
    let (c, d) = pair();
    c.send_fds(b"", &[&b]).unwrap();
    let (data, fds) = d.recv_fds(10, 1).unwrap();
    assert!(data.is_empty() && fds.len() == 1);
}

#[test]
fn descriptors_come_with_whatever_else_was_asked_for() {
    let (a, b) = pair();
    b.setsockopt(opt::SO_PASSCRED, true).unwrap();
    b.setsockopt(opt::SO_TIMESTAMPNS, true).unwrap();
    a.send_fds(b"x", &[&a]).unwrap();
    assert_eq!(b.recv_fds(1, 1).unwrap().1.len(), 1);
    a.send_fds(b"x", &[&a, &a]).unwrap();
    let message = b.recvmsg(1, ROOM).unwrap();
    let (mut fds, mut other) = (0, 0);
    for control in &message.control {
        match control {
            Control::Rights(rights) => fds += rights.len(),
            Control::Credentials(_) | Control::TimestampNs(_) => other += 1,
            _ => panic!("{control:?}"),
        }
    }
    assert_eq!((fds, other), (2, 2));
}

#[test]
fn a_look_at_descriptors_makes_copies_of_its_own() {
    let (a, b) = pair();
    let (reader, writer) = std::io::pipe().unwrap();
    a.send_fds(b"x", &[writer]).unwrap();
    let looked = b.flags(MSG_PEEK).recv_fds(1, 1).unwrap();
    let took = b.recv_fds(1, 1).unwrap();
    drop(looked);
    assert!(!ends_within(&reader, 0));
    drop(took);
    assert!(ends_within(&reader, 60));
}

#[test]
fn descriptors_that_nobody_asks_for_are_closed() {
    let (a, b) = pair();
    let (reader, writer) = std::io::pipe().unwrap();
    for _ in 0..4 {
        a.send_fds(b"x", &[&writer]).unwrap();
    }
    drop(writer);
    b.recv(1).unwrap();
    assert_eq!(b.recvmsg(1, 0).unwrap().flags, MSG_CTRUNC);
    let message = b.recvmsg(1, cmsg::len(3)).unwrap();
    assert_eq!(message.flags, MSG_CTRUNC);
    drop(b.recvmsg(1, cmsg::len(4)).unwrap());
    assert!(ends_within(&reader, 60));
}
