//! Datagrams: UDP and unix.

use std::time::{Duration, Instant};

use sockeye_socket::{
    AF_INET, AF_UNIX, Address, Family, How, Kind, SOCK_DGRAM, Socket, UnixName, errno,
    socketpair_of,
};

#[test]
fn datagrams_keep_their_borders_and_name_their_sender() {
    let server = Socket::udp4().unwrap();
    server.bind("127.0.0.1:0").unwrap();
    let client = Socket::udp4().unwrap();
    let addr = server.getsockname().unwrap();
    assert_eq!(client.sendto(b"one", &addr).unwrap(), 3);
    assert_eq!(client.sendto(b"", &addr).unwrap(), 0);
    assert_eq!(client.sendto(b"three", ("127.0.0.1", addr.port().unwrap())).unwrap(), 5);
    let (data, from) = server.recvfrom(100).unwrap();
    assert_eq!(data, b"one");
    assert_eq!(from.port(), client.getsockname().unwrap().port());
    assert_eq!(server.recvfrom(100).unwrap().0, b"");
    let mut buf = [0; 2];
    assert_eq!(server.recvfrom_into(&mut buf).unwrap(), (2, from.clone()));
    assert_eq!(&buf, b"th");
    assert_eq!(server.sendto(b"back", from).unwrap(), 4);
    assert_eq!(client.recv(10).unwrap(), b"back");
}

#[test]
fn a_connected_datagram_socket_hears_of_refusal_and_of_its_peer_only() {
    let peer = Socket::udp4().unwrap();
    peer.bind("127.0.0.1:0").unwrap();
    let stranger = Socket::udp4().unwrap();
    let socket = Socket::udp4().unwrap();
    socket.connect(peer.getsockname().unwrap()).unwrap();
    let me = socket.getsockname().unwrap();
    stranger.sendto(b"no", &me).unwrap();
    peer.sendto(b"yes", &me).unwrap();
    assert_eq!(socket.recv(10).unwrap(), b"yes");
    drop(peer);
    socket.settimeout(Duration::from_secs(60)).unwrap();
    socket.send(b"anyone?").unwrap();
    assert_eq!(socket.recv(10).unwrap_err().errno(), Some(errno::ECONNREFUSED));
}

#[test]
fn a_timeout_ends_a_wait_for_what_counts_as_ready_and_is_not() {
    // poll(2) says that it can be read from, recv(2) that there is nothing to read.
    let (a, _b) = socketpair_of(Family::Unix, Kind::Dgram, 0).unwrap();
    a.shutdown(How::Both).unwrap();
    a.settimeout(Duration::from_millis(20)).unwrap();
    assert!(a.recv(1).unwrap_err().is_timeout());
}

#[test]
fn what_is_too_long_is_refused_and_names_the_peer() {
    let socket = Socket::udp4().unwrap();
    let to: Address = "127.0.0.1:9".parse().unwrap();
    let error = socket.sendto(&vec![0; 70_000], &to).unwrap_err();
    assert_eq!(error.errno(), Some(errno::EMSGSIZE));
    assert!(error.to_string().starts_with("sendto 127.0.0.1:9: "), "{error}");
}

#[test]
fn unix_datagrams_have_abstract_names() {
    let server = Socket::unix_dgram().unwrap();
    server.bind("unix:").unwrap();
    let addr = server.getsockname().unwrap();
    assert!(matches!(&addr, Address::Unix(UnixName::Abstract(name)) if !name.is_empty()));
    let client = Socket::unix_dgram().unwrap();
    client.sendto(b"hi", &addr).unwrap();
    let (data, from) = server.recvfrom(10).unwrap();
    assert_eq!((data.as_slice(), from), (&b"hi"[..], Address::Unix(UnixName::Unnamed)));
    assert_eq!(client.family(), Family::Unix);
}

#[test]
fn a_unix_name_that_is_too_long_is_refused_by_name() {
    let long = format!("unix:/{}", "x".repeat(200));
    let error = Socket::unix().unwrap().bind(long.as_str()).unwrap_err();
    assert_eq!(error.errno(), Some(errno::ENAMETOOLONG));
    assert_eq!(error.address().unwrap().to_string(), long);
}

/// The processor time of this thread.
fn processor() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap()
}

#[test]
fn a_socket_that_was_shut_down_rests_until_its_deadline() {
    for socket in [Socket::udp4().unwrap(), socketpair_of(AF_UNIX, SOCK_DGRAM, 0).unwrap().0] {
        if socket.family() == AF_INET {
            socket.bind("127.0.0.1:0").unwrap();
        }
        // Of a socket without a peer it is an error too, and done all the same.
        let _ = socket.shutdown(How::Both);
        socket.settimeout(Duration::from_millis(300)).unwrap();
        let before = processor();
        assert!(socket.recv(10).unwrap_err().is_timeout());
        assert!(socket.recvfrom(10).unwrap_err().is_timeout());
        assert!(processor() - before < Duration::from_millis(100), "it does not rest");
        // Where the deadline is over already, that is said at once.
        assert!(socket.deadline(Instant::now()).recv(10).unwrap_err().is_timeout());
        // Without a deadline there is nothing to wait for, whatever the descriptor's mode.
        socket.settimeout(None).unwrap();
        assert_eq!(socket.recv(10).unwrap(), b"");
        rustix::io::ioctl_fionbio(&socket, true).unwrap();
        assert_eq!(socket.recv(10).unwrap(), b"");
        assert_eq!(socket.recvfrom(10).unwrap().0, b"");
    }
}
