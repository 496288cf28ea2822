//! Many messages in one call: addresses, lengths and flags of each, memory that is used again.

use std::io::Write;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use sockeye_socket::cmsg::{self, Control};
use sockeye_socket::{
    AF_UNIX, Address, MSG_CTRUNC, MSG_DONTWAIT, MSG_TRUNC, MsgFlags, RecvBatch, SOCK_DGRAM,
    SendBatch, Socket, errno, opt, socketpair, socketpair_of,
};
use sockeye_testkit::{Need, need};

use crate::{spawn, tcp_pair};

const LONG: Duration = Duration::from_secs(60);

fn bound() -> (Socket, Address) {
    let socket = Socket::udp4().unwrap();
    socket.bind(("127.0.0.1", 0)).unwrap();
    socket.settimeout(LONG).unwrap();
    let addr = socket.getsockname().unwrap();
    (socket, addr)
}

fn pair() -> (Socket, Socket) {
    let (a, b) = socketpair_of(AF_UNIX, SOCK_DGRAM, 0).unwrap();
    b.settimeout(LONG).unwrap();
    (a, b)
}

fn texts(batch: &RecvBatch) -> Vec<&[u8]> {
    batch.iter().map(|datagram| datagram.data).collect()
}

#[test]
fn each_message_has_its_own_address() {
    let receivers = [bound(), bound(), bound()];
    let (sender, from) = bound();
    let mut out = SendBatch::new(6, 10);
    for at in 0..6 {
        out.push(format!("message {at}").as_bytes(), Some(&receivers[at % 3].1)).unwrap();
    }
    assert!(out.is_full());
    assert_eq!(out.push(b"", None).unwrap_err().errno(), Some(errno::ENOBUFS));
    while out.waiting() > 0 {
        sender.sendmmsg(&mut out).unwrap();
    }
    assert_eq!(sender.sendmmsg(&mut out).unwrap(), 0);
    assert_eq!(out.sent().collect::<Vec<_>>(), [Some(9); 6]);
    for (at, (receiver, _)) in receivers.iter().enumerate() {
        let mut batch = RecvBatch::new(64, 10);
        assert_eq!(receiver.recvmmsg(&mut batch).unwrap(), 2);
        let expected = [at, at + 3].map(|at| format!("message {at}"));
        assert_eq!(texts(&batch), expected.each_ref().map(String::as_bytes));
        for datagram in batch.iter() {
            assert_eq!((datagram.len, datagram.flags), (9, MsgFlags::NONE));
            assert_eq!(datagram.address().unwrap().unwrap(), from);
            assert_eq!(datagram.socket_addr(), from.socket_addr());
        }
    }
}

#[test]
fn the_memory_is_used_again_and_remembers_nothing() {
    let ((a, _), (b, to)) = (bound(), bound());
    let mut out = SendBatch::new(4, 8);
    let mut batch = RecvBatch::new(4, 8);
    for (round, texts_sent) in
        [&[&b"11111111"[..], b"22", b""][..], &[b"3"], &[b"", b"44444444", b"5", b"6"]]
            .into_iter()
            .enumerate()
    {
        out.clear();
        assert!(out.is_empty() && out.waiting() == 0);
        for text in texts_sent {
            out.push(text, Some(&to)).unwrap();
        }
        assert_eq!((out.len(), out.waiting()), (texts_sent.len(), texts_sent.len()));
        assert_eq!(a.sendmmsg(&mut out).unwrap(), texts_sent.len(), "round {round}");
        assert_eq!(b.recvmmsg(&mut batch).unwrap(), texts_sent.len());
        assert_eq!(texts(&batch), texts_sent);
    }
    // An address of an earlier message does not stand in for one that is not there.
    let (c, d) = pair();
    c.send(b"nameless").unwrap();
    d.recvmmsg(&mut batch).unwrap();
    let datagram = batch.iter().next().unwrap();
    assert_eq!((datagram.address().unwrap(), datagram.socket_addr()), (None, None));
    assert_eq!(datagram.data, b"nameless");
}

#[test]
fn what_is_cut_off_is_flagged_and_its_length_told() {
    let (a, b) = pair();
    for data in [&b"0123456789"[..], b"0123", b"01234"] {
        a.send(data).unwrap();
    }
    let mut batch = RecvBatch::new(2, 4);
    assert_eq!(b.recvmmsg(&mut batch).unwrap(), 2);
    let seen: Vec<_> = batch.iter().map(|one| (one.data, one.len, one.flags)).collect();
    let none = MsgFlags::NONE;
    assert_eq!(seen, [(&b"0123"[..], 4, MSG_TRUNC), (&b"0123"[..], 4, none)]);
    a.send(b"0123456789").unwrap();
    assert_eq!(b.flags(MSG_TRUNC).recvmmsg(&mut batch).unwrap(), 2);
    let seen: Vec<_> = batch.iter().map(|one| (one.data, one.len)).collect();
    assert_eq!(seen, [(&b"0123"[..], 5), (b"0123", 10)]);
    let error = SendBatch::new(1, 3).push(b"four", None).unwrap_err();
    assert_eq!(error.to_string(), "push: message too long (EMSGSIZE)");
}

#[test]
fn control_messages_belong_to_their_datagrams() {
    let ((a, _), (b, to)) = (bound(), bound());
    b.setsockopt(opt::SO_TIMESTAMPNS, true).unwrap();
    b.setsockopt(opt::IP_RECVTTL, true).unwrap();
    for ttl in [3_u32, 4, 5] {
        a.setsockopt(opt::IP_TTL, ttl).unwrap();
        a.sendto(b"x", &to).unwrap();
    }
    let mut batch = RecvBatch::new(3, 8).control_bytes(cmsg::space(16) + cmsg::space(4));
    assert_eq!(b.recvmmsg(&mut batch).unwrap(), 3);
    let mut times = Vec::new();
    for (datagram, expected) in batch.iter().zip([3, 4, 5]) {
        let control: Vec<Control> = datagram.control().collect();
        let [Control::TimestampNs(time), Control::Ttl(ttl)] = control[..] else {
            panic!("{control:?}");
        };
        assert_eq!((ttl, datagram.flags), (expected, MsgFlags::NONE));
        times.push(time);
    }
    assert!(times.is_sorted());
    // With room for less, what does not fit is flagged.
    a.sendto(b"x", &to).unwrap();
    let mut batch = RecvBatch::new(3, 8).control_bytes(cmsg::space(16));
    assert_eq!(b.recvmmsg(&mut batch).unwrap(), 1);
    let datagram = batch.iter().next().unwrap();
    assert_eq!((datagram.flags, datagram.control().count()), (MSG_CTRUNC, 1));
}

#[test]
fn descriptors_are_closed() {
    let (a, b) = pair();
    let (reader, mut writer) = std::io::pipe().unwrap();
    for _ in 0..3 {
        a.send_fds(b"x", &[&writer, &writer]).unwrap();
    }
    writer.write_all(b"x").unwrap();
    drop(writer);
    let mut batch = RecvBatch::new(4, 8).control_bytes(64);
    assert_eq!(b.recvmmsg(&mut batch).unwrap(), 3);
    assert!(batch.iter().all(|datagram| datagram.control().next().is_none()));
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut fds = [PollFd::from_borrowed_fd(reader.as_fd(), PollFlags::empty())];
    poll(&mut fds, Some(&Timespec { tv_sec: 20, tv_nsec: 0 })).unwrap();
    assert!(fds[0].revents().contains(PollFlags::HUP), "a copy of the writer is open");
}

#[test]
fn a_receive_waits_for_the_first_only_and_not_for_ever() {
    let (a, b) = pair();
    let mut batch = RecvBatch::new(8, 8);
    a.send(b"x").unwrap();
    b.recvmmsg(&mut batch).unwrap();
    let short = Duration::from_millis(20);
    b.settimeout(short).unwrap();
    let start = Instant::now();
    assert!(b.recvmmsg(&mut batch).unwrap_err().is_timeout());
    assert!(start.elapsed() >= short);
    assert!(batch.is_empty() && batch.iter().next().is_none(), "nothing of before is left");
    assert!(b.flags(MSG_DONTWAIT).recvmmsg(&mut batch).unwrap_err().would_block());
    b.settimeout(None).unwrap();
    assert!(b.deadline(Instant::now() + short).recvmmsg(&mut batch).unwrap_err().is_timeout());
    // Blocking, it does not wait until the batch is full.
    let sender = spawn(move || {
        crate::Ticks::every(short).tick();
        a.send(b"late").unwrap();
        a
    });
    assert_eq!(b.recvmmsg(&mut batch).unwrap(), 1);
    assert_eq!(texts(&batch), [b"late"]);
    drop(sender.join().unwrap());
}

#[test]
fn a_send_stops_where_there_is_no_room_and_goes_on_there() {
    let (a, b) = pair();
    let short = Duration::from_millis(20);
    a.settimeout(short).unwrap();
    let mut out = SendBatch::new(1024, 8);
    while !out.is_full() {
        out.push(&out.len().to_ne_bytes(), None).unwrap();
    }
    let (mut got, mut batch) = (Vec::new(), RecvBatch::new(1024, 8));
    while out.waiting() > 0 {
        // The queue of a unix socket holds few datagrams.
        while out.waiting() > 0 && a.sendmmsg(&mut out).is_ok() {}
        b.recvmmsg(&mut batch).unwrap();
        got.extend(batch.iter().map(|one| one.data.to_vec()));
    }
    while got.len() < 1024 {
        b.recvmmsg(&mut batch).unwrap();
        got.extend(batch.iter().map(|one| one.data.to_vec()));
    }
    let expected: Vec<Vec<u8>> = (0..1024_usize).map(|at| at.to_ne_bytes().to_vec()).collect();
    assert_eq!(got, expected);
    out.clear();
    let start = Instant::now();
    let error = loop {
        if out.waiting() == 0 {
            out.clear();
            out.push(b"x", None).unwrap();
        }
        if let Err(error) = a.sendmmsg(&mut out) {
            break error;
        }
    };
    assert!(error.is_timeout() && start.elapsed() >= short, "{error}");
}

#[test]
fn a_refused_message_is_named_and_may_be_skipped() {
    let ((a, _), (b, to)) = (bound(), bound());
    let forbidden: Address = "255.255.255.255:9".parse().unwrap();
    let mut out = SendBatch::new(3, 8);
    for (data, addr) in [(b"one", &to), (b"two", &forbidden), (b"six", &to)] {
        out.push(data, Some(addr)).unwrap();
    }
    assert_eq!(a.sendmmsg(&mut out).unwrap(), 1);
    for _ in 0..2 {
        let error = a.sendmmsg(&mut out).unwrap_err();
        assert_eq!(error.errno(), Some(errno::EACCES), "no broadcast unasked");
        assert_eq!((error.op(), error.address()), ("sendmmsg", Some(&forbidden)));
    }
    out.skip();
    assert_eq!(a.sendmmsg(&mut out).unwrap(), 1);
    out.skip();
    assert_eq!(out.sent().collect::<Vec<_>>(), [Some(3), None, Some(3)]);
    let mut batch = RecvBatch::new(3, 8);
    assert_eq!(b.recvmmsg(&mut batch).unwrap(), 2);
    assert_eq!(texts(&batch), [b"one", b"six"]);
    let long = Address::Unix(sockeye_socket::UnixName::Path("x".repeat(200).into()));
    let error = SendBatch::new(1, 1).push(b"", Some(&long)).unwrap_err();
    assert_eq!(error.errno(), Some(errno::ENAMETOOLONG));
}

#[test]
fn a_part_of_a_stream_is_told_by_its_length() {
    let (a, b) = tcp_pair();
    a.setblocking(false).unwrap();
    let mut out = SendBatch::new(64, 1 << 20);
    while !out.is_full() {
        out.push(&vec![7; 1 << 20], None).unwrap();
    }
    while a.sendmmsg(&mut out).is_ok() {}
    let sent: usize = out.sent().map(Option::unwrap).sum();
    assert!(out.waiting() > 0 && sent > 0);
    a.shutdown(sockeye_socket::SHUT_WR).unwrap();
    let mut got = 0;
    loop {
        match b.recv(1 << 20).unwrap().len() {
            0 => break,
            n => got += n,
        }
    }
    assert_eq!(got, sent);
    let (a, b) = socketpair().unwrap();
    drop(a);
    out.clear();
    out.push(b"x", None).unwrap();
    assert_eq!(b.sendmmsg(&mut out).unwrap_err().errno(), Some(errno::EPIPE));
}

#[test]
fn numbers_of_messages_are_clipped() {
    let (a, b) = pair();
    for (asked, room) in [(0, 1), (1, 1), (1024, 1024), (5000, 1024)] {
        let mut out = SendBatch::new(asked, 1);
        while !out.is_full() {
            out.push(b"x", None).unwrap();
        }
        assert_eq!(out.len(), room, "{asked}");
    }
    a.send(b"x").unwrap();
    assert_eq!(b.recvmmsg(&mut RecvBatch::new(0, 0)).unwrap(), 1);
    fn movable<T: Send + Sync>() {}
    movable::<RecvBatch>();
    movable::<SendBatch>();
}

#[test]
fn unix_and_ipv6_addresses_come_whole() {
    let (dir, (a, b)) = (tempfile::tempdir().unwrap(), pair());
    let path = dir.path().join("socket");
    let named = Socket::unix_dgram().unwrap();
    named.bind(path.to_str().map(|path| format!("unix:{path}")).unwrap().as_str()).unwrap();
    let abstract_name = format!("unix:@sockeye-batch-{}", std::process::id());
    let receiver = Socket::unix_dgram().unwrap();
    receiver.bind(abstract_name.as_str()).unwrap();
    receiver.settimeout(LONG).unwrap();
    named.sendto(b"x", abstract_name.as_str()).unwrap();
    let mut batch = RecvBatch::new(2, 2);
    receiver.recvmmsg(&mut batch).unwrap();
    let from = batch.iter().next().unwrap().address().unwrap().unwrap();
    assert_eq!(from.path(), Some(path.as_path()));
    drop((a, b));
    if !need(Need::Ipv6) {
        return;
    }
    let socket = Socket::udp6().unwrap();
    socket.bind(("::1", 0)).unwrap();
    socket.settimeout(LONG).unwrap();
    let own = socket.getsockname().unwrap();
    let mut out = SendBatch::new(1, 1);
    out.push(b"6", Some(&own)).unwrap();
    socket.sendmmsg(&mut out).unwrap();
    socket.recvmmsg(&mut batch).unwrap();
    assert_eq!(batch.iter().next().unwrap().address().unwrap(), Some(own));
}
