//! Streams: the thirteen methods, timeouts, partial sends.

use std::io::ErrorKind;
use std::thread;
use std::time::{Duration, Instant};

use sockeye_socket::{
    AF_INET, AF_INET6, AF_UNIX, Address, How, MSG_PEEK, MSG_TRUNC, SOCK_DGRAM, SOCK_STREAM, Socket,
    create_connection, create_server, errno, opt, socketpair, socketpair_of,
};
use sockeye_testkit::{Need, need};

#[test]
fn the_tutorials_methods_work_in_every_family() {
    let ipv6 = need(Need::Ipv6);
    let dir = tempdir();
    let unix = format!("unix:{dir}/s");
    for (family, at) in [
        (AF_INET, "127.0.0.1:0"),
        (AF_INET6, "[::1]:0"),
        (AF_UNIX, unix.as_str()),
        (AF_UNIX, "unix:"),
    ] {
        if family == AF_INET6 && !ipv6 {
            continue;
        }
        let server = Socket::new(family, SOCK_STREAM, 0).unwrap();
        server.bind(at).unwrap();
        server.listen(5).unwrap();
        let client = Socket::new(family, SOCK_STREAM, 0).unwrap();
        client.connect(server.getsockname().unwrap()).unwrap();
        let (conn, peer) = server.accept().unwrap();
        assert_eq!(peer, client.getsockname().unwrap());
        assert_eq!(client.getpeername().unwrap(), server.getsockname().unwrap());
        client.sendall(b"hello").unwrap();
        assert_eq!(conn.recv(2).unwrap(), b"he");
        let mut buf = [0; 8];
        assert_eq!(conn.peek(&mut buf).unwrap(), 3);
        assert_eq!(conn.recv_into(&mut buf).unwrap(), 3);
        client.shutdown(How::Write).unwrap();
        assert_eq!(conn.recv(1).unwrap(), b"");
        assert_eq!(conn.send(b"bye").unwrap(), 3);
        assert_eq!(client.recv(10).unwrap(), b"bye");
        conn.close().unwrap();
    }
    std::fs::remove_dir_all(dir).unwrap();
}

fn tempdir() -> String {
    let dir = std::env::temp_dir().join(format!("sockeye-it-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    dir.to_str().unwrap().to_owned()
}

#[test]
fn a_timeout_is_timed_out_and_nonblocking_would_block() {
    let (a, _b) = socketpair().unwrap();
    let server = create_server("127.0.0.1:0").bind().unwrap();
    a.settimeout(Duration::from_millis(20)).unwrap();
    server.settimeout(Duration::from_millis(20)).unwrap();
    let start = Instant::now();
    for error in [a.recv(1).unwrap_err(), server.accept().unwrap_err()] {
        assert_eq!((error.kind(), error.errno()), (ErrorKind::TimedOut, None));
    }
    assert!(start.elapsed() >= Duration::from_millis(40));
    a.setblocking(false).unwrap();
    let error = a.recv(1).unwrap_err();
    assert_eq!((error.kind(), error.errno()), (ErrorKind::WouldBlock, Some(errno::EAGAIN)));
    assert_eq!(a.gettimeout(), Some(Duration::ZERO));
    a.settimeout(None).unwrap();
    assert_eq!(a.gettimeout(), None);
}

#[test]
fn connection_to_a_closed_port_is_refused_whatever_the_timeout() {
    let gone = create_server("127.0.0.1:0").bind().unwrap();
    let addr = gone.getsockname().unwrap();
    drop(gone);
    for timeout in [None, Some(Duration::from_secs(5))] {
        let socket = Socket::tcp4().unwrap();
        socket.settimeout(timeout).unwrap();
        let error = socket.connect(&addr).unwrap_err();
        assert_eq!(error.errno(), Some(errno::ECONNREFUSED), "{error}");
        assert_eq!(error.address(), Some(&addr));
        assert_eq!(Socket::tcp4().unwrap().connect_ex(&addr), errno::ECONNREFUSED);
    }
    let error = create_connection(&addr).timeout(Duration::from_secs(5)).open().unwrap_err();
    assert_eq!(error.errno(), Some(errno::ECONNREFUSED));
}

#[test]
fn options_are_typed_and_raw() {
    if !need(Need::Ipv6) {
        return;
    }
    let socket = Socket::tcp6().unwrap();
    socket.setsockopt(opt::IPV6_V6ONLY, true).unwrap();
    assert!(socket.getsockopt(opt::IPV6_V6ONLY).unwrap());
    socket.setsockopt(opt::SO_LINGER, Some(Duration::from_secs(3))).unwrap();
    assert_eq!(socket.getsockopt(opt::SO_LINGER).unwrap(), Some(Duration::from_secs(3)));
    socket.setsockopt(opt::SO_RCVBUF, 65_536).unwrap();
    assert!(socket.getsockopt(opt::SO_RCVBUF).unwrap() >= 65_536);
    socket.setsockopt(opt::TCP_NODELAY, true).unwrap();
    assert_eq!(socket.getsockopt(opt::raw::<i32>(6, 1)).unwrap(), 1);
    assert_eq!(socket.getsockopt_bytes(6, 1, 4).unwrap(), 1_i32.to_ne_bytes());
    assert_eq!(socket.getsockopt_bytes(1, 13, 100).unwrap().len(), 8);
    assert_eq!(socket.getsockopt(opt::SO_ERROR).unwrap(), 0);
    let error = socket.setsockopt(opt::raw::<i32>(6, 9999), 1).unwrap_err();
    assert_eq!(error.errno(), Some(errno::ENOPROTOOPT));
    let server = create_server("127.0.0.1:0").bind().unwrap();
    let client = create_connection(server.getsockname().unwrap()).open().unwrap();
    let info = client.getsockopt(opt::TCP_INFO).unwrap();
    assert_eq!(info.state_name(), "established");
    assert!(info.snd_cwnd > 0 && info.rtt > Duration::ZERO);
}

#[test]
fn sendall_has_one_deadline_and_says_how_much_was_sent() {
    let (a, b) = socketpair().unwrap();
    a.settimeout(Duration::from_millis(150)).unwrap();
    // Every 20 ms the peer takes what is there, a three-hundredth of all: each send makes progress,
    // well within the timeout, and yet the whole must end.
    let reader = thread::spawn(move || {
        let clock = Socket::udp4().unwrap();
        clock.settimeout(Duration::from_millis(20)).unwrap();
        let mut got = 0;
        loop {
            assert!(clock.recv(1).unwrap_err().is_timeout());
            match b.recv(1 << 20).unwrap().len() {
                0 => return got,
                n => got += n,
            }
        }
    });
    let start = Instant::now();
    let error = a.sendall(&vec![7; 64 << 20]).unwrap_err();
    let took = start.elapsed();
    assert!(error.is_timeout() && error.sent() > 0, "{error}");
    assert!(took >= Duration::from_millis(150) && took < Duration::from_secs(2), "{took:?}");
    a.shutdown(How::Write).unwrap();
    assert_eq!(reader.join().unwrap(), error.sent());
}

#[test]
fn addresses_come_back_as_they_were_given() {
    if !need(Need::Ipv6) {
        return;
    }
    let server = create_server("[::]:0").dualstack(true).bind().unwrap();
    let port = server.getsockname().unwrap().port().unwrap();
    let client = create_connection(("127.0.0.1", port)).open().unwrap();
    let (_conn, peer) = server.accept().unwrap();
    assert_eq!(peer.canonical_ip(), client.getsockname().unwrap().ip());
    assert!(matches!(peer, Address::Inet6(_)));
    let error = create_server(("127.0.0.1", port)).bind().unwrap_err();
    assert_eq!(error.errno(), Some(errno::EADDRINUSE));
    assert_eq!(
        error.to_string(),
        format!("bind 127.0.0.1:{port}: address already in use (EADDRINUSE)")
    );
}

#[test]
fn vectored_and_corked_sends_arrive_as_one_stream() {
    use std::io::IoSlice;
    let (a, b) = crate::tcp_pair();
    assert_eq!(a.send_more(b"HTTP/1.1 200 OK\r\n").unwrap(), 17);
    let parts = [IoSlice::new(b"a: b\r\n"), IoSlice::new(b""), IoSlice::new(b"\r\nbody")];
    assert_eq!(a.send_vectored(&parts).unwrap(), 12);
    let mut got = [0; 29];
    b.recv_exact(&mut got).unwrap();
    assert_eq!(&got, b"HTTP/1.1 200 OK\r\na: b\r\n\r\nbody");
}

#[test]
fn sendfile_sends_a_range_of_a_file() {
    let (a, b) = crate::tcp_pair();
    let file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
    let mut expected = vec![0; 100_000];
    std::os::unix::fs::FileExt::read_exact_at(&file, &mut expected, 5000).unwrap();
    let reader = thread::spawn(move || {
        let mut got = vec![0; 100_000];
        b.recv_exact(&mut got).unwrap();
        got
    });
    let mut sent = 0;
    while sent < 100_000 {
        let offset = u64::try_from(5000 + sent).unwrap();
        sent += a.sendfile_some(&file, offset, 100_000 - sent).unwrap();
    }
    assert!(reader.join().unwrap() == expected);
    assert_eq!(a.sendfile_some(&file, 1 << 40, 10).unwrap(), 0);
    let end = file.metadata().unwrap().len();
    assert_eq!(a.sendfile_some(&file, end - 10, usize::MAX).unwrap(), 10);
}

#[test]
fn sending_nothing_is_a_call_and_receiving_nothing_is_none() {
    let (a, b) = socketpair_of(AF_UNIX, SOCK_DGRAM, 0).unwrap();
    // Nothing is there, and nothing is waited for.
    assert_eq!((b.recv(0).unwrap(), b.recv_into(&mut []).unwrap()), (vec![], 0));
    a.sendall(b"").unwrap();
    a.sendall(b"next").unwrap();
    assert_eq!(b.recv(0).unwrap(), b"");
    assert_eq!(b.flags(MSG_TRUNC | MSG_PEEK).recv_into(&mut []).unwrap(), 0);
    assert_eq!(b.recv(9).unwrap(), b"");
    assert_eq!(b.flags(MSG_TRUNC | MSG_PEEK).recv_into(&mut []).unwrap(), 4);
    assert_eq!(b.recvfrom(0).unwrap().0, b"");
    b.setblocking(false).unwrap();
    assert!(b.recvfrom(0).unwrap_err().would_block());
    drop(b);
    assert_eq!(a.sendall(b"").unwrap_err().errno(), Some(errno::ECONNREFUSED));
}

#[test]
fn a_broken_pipe_is_an_error_and_no_signal() {
    let (a, b) = socketpair().unwrap();
    drop(b);
    for result in [a.send(b"x"), a.send_more(b"x"), a.send_vectored(&[std::io::IoSlice::new(b"x")])]
    {
        assert_eq!(result.unwrap_err().errno(), Some(errno::EPIPE));
    }
    let io: std::io::Error = a.sendall(b"x").unwrap_err().into();
    assert_eq!((io.kind(), io.raw_os_error()), (ErrorKind::BrokenPipe, Some(errno::EPIPE)));
}

#[test]
fn descriptors_come_and_go_with_their_mode() {
    use std::os::fd::OwnedFd;
    let (a, b) = socketpair().unwrap();
    a.settimeout(Duration::from_secs(1)).unwrap();
    let a = Socket::try_from(a.detach()).unwrap();
    assert_eq!((a.family(), a.kind()), (AF_UNIX, SOCK_STREAM));
    assert_eq!(a.gettimeout(), Some(Duration::ZERO));
    let twin = b.dup().unwrap();
    drop(b);
    twin.sendall(b"x").unwrap();
    assert_eq!(a.recv(1).unwrap(), b"x");
    let error = Socket::try_from(OwnedFd::from(std::fs::File::open("/").unwrap())).unwrap_err();
    assert_eq!(error.errno(), Some(errno::ENOTSOCK), "{error}");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let listener = Socket::from(listener);
    assert_eq!(listener.getsockname().unwrap(), addr.into());
    let stream = Socket::from(std::net::TcpStream::connect(addr).unwrap());
    assert_eq!(listener.accept().unwrap().1, stream.getsockname().unwrap());
}

#[test]
fn threads_share_a_socket() {
    let (a, b) = socketpair().unwrap();
    let shared = std::sync::Arc::new(a);
    let receiver = {
        let shared = std::sync::Arc::clone(&shared);
        thread::spawn(move || shared.recv(10).unwrap())
    };
    shared.sendall(b"ping").unwrap();
    assert_eq!(b.recv(10).unwrap(), b"ping");
    b.sendall(b"pong").unwrap();
    assert_eq!(receiver.join().unwrap(), b"pong");
}

#[test]
fn reuse_port_is_asked_for_and_shared() {
    let first = create_server("127.0.0.1:0").reuse_port(true).bind().unwrap();
    let addr = first.getsockname().unwrap();
    create_server(&addr).reuse_port(true).bind().unwrap();
    assert!(!create_server("127.0.0.1:0").bind().unwrap().getsockopt(opt::SO_REUSEPORT).unwrap());
    assert!(create_server(&addr).bind().is_err());
}
