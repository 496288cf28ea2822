//! `sockeye listen` with clients of the test's own, and with netcat-openbsd.

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use sockeye_socket::{Address, How, Socket, create_connection, create_server, errno, opt};
use sockeye_testkit::{Need, Process, need};

const LONG: Duration = Duration::from_secs(60);

/// A listener that is ready, and where.
fn listen(args: &[&str]) -> (Process, Address) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.arg("listen").args(args);
    let mut process = Process::spawn(&mut command);
    let line = process.wait_for("listening ");
    let (_, place) = line.split_once(' ').unwrap();
    (process, place.parse().unwrap())
}

fn connect(addr: &Address) -> Socket {
    let socket = create_connection(addr).timeout(LONG).open().unwrap();
    socket.settimeout(LONG).unwrap();
    socket
}

#[test]
fn one_peer_is_carried_both_ways_and_then_it_is_over() {
    let (mut process, addr) = listen(&["0"]);
    assert!(addr.is_local());
    let client = connect(&addr);
    process.stdin.as_mut().unwrap().write_all(b"from stdin\n").unwrap();
    assert_eq!(client.recv(100).unwrap(), b"from stdin\n");
    // Whoever comes second is refused, not kept waiting.
    let error = create_connection(&addr).open().unwrap_err();
    assert_eq!(error.errno(), Some(errno::ECONNREFUSED));
    client.sendall(b"from the peer\n").unwrap();
    client.shutdown(How::Write).unwrap();
    // As with nc -l: over when the peer has ended, although stdin has not.
    let stdin = process.stdin.take();
    let done = process.finish();
    drop(stdin);
    assert_eq!((done.code(), done.out().as_str()), (Some(0), "from the peer\n"));
    assert_eq!(client.recv(1).unwrap(), b"");
}

#[test]
fn nc_and_listen_understand_each_other() {
    if !need(Need::Program("nc")) {
        return;
    }
    let data: Vec<u8> = (0..=250).cycle().take(5 << 20).collect();
    let (mut process, addr) = listen(&["-N", "0"]);
    let (host, port) = (addr.ip().unwrap().to_string(), addr.port().unwrap().to_string());
    let mut stdin = process.stdin.take().unwrap();
    let (up, sent) = (data.clone(), data.clone());
    let writer = std::thread::spawn(move || stdin.write_all(&up).unwrap());
    let nc = Process::run(Command::new("nc").args(["-N", &host, &port]), &sent);
    let done = process.finish();
    writer.join().unwrap();
    assert_eq!((nc.code(), done.code()), (Some(0), Some(0)));
    assert!(nc.stdout == data && done.stdout == data, "something was lost");
}

#[test]
fn a_colon_is_every_interface_and_a_bare_port_is_loopback() {
    let (process, addr) = listen(&["-k", ":0"]);
    assert!(addr.ip().unwrap().is_unspecified());
    drop(connect(&(std::net::Ipv4Addr::LOCALHOST, addr.port().unwrap()).into()));
    if need(Need::Ipv6) {
        drop(connect(&(std::net::Ipv6Addr::LOCALHOST, addr.port().unwrap()).into()));
    }
    assert_eq!(process.stop(Signal::TERM).code(), Some(0));
}

#[test]
fn with_k_peers_come_one_after_another_and_a_reset_is_their_own_affair() {
    let (mut process, addr) = listen(&["-k", "-v", "0"]);
    let first = connect(&addr);
    process.wait_for("127.0.0.1:");
    process.stdin.as_mut().unwrap().write_all(b"to the first\n").unwrap();
    assert_eq!(first.recv(100).unwrap(), b"to the first\n");
    first.sendall(b"one\n").unwrap();
    process.wait_for("one");
    first.setsockopt(opt::SO_LINGER, Some(Duration::ZERO)).unwrap();
    drop(first);
    let second = connect(&addr);
    process.stdin.as_mut().unwrap().write_all(b"to the second\n").unwrap();
    assert_eq!(second.recv(100).unwrap(), b"to the second\n");
    second.sendall(b"two\n").unwrap();
    drop(second);
    process.wait_for("two");
    let stopped = process.stop(Signal::INT);
    assert_eq!((stopped.code(), stopped.out().as_str()), (Some(0), "one\ntwo\n"));
    assert!(stopped.err().contains("connection reset by peer"), "{}", stopped.err());
}

#[test]
fn a_signal_ends_the_wait_for_a_peer() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let (process, addr) = listen(&["0"]);
        assert_eq!(process.stop(signal).code(), Some(code));
        assert!(create_connection(&addr).open().is_err());
    }
}

#[test]
fn w_ends_a_silent_conversation_but_not_the_wait_for_it() {
    let (process, addr) = listen(&["-w", "150ms", "0"]);
    let clock = Socket::udp4().unwrap();
    clock.settimeout(Duration::from_millis(300)).unwrap();
    assert!(clock.recv(1).unwrap_err().is_timeout());
    let client = connect(&addr);
    assert_eq!(client.recv(1).unwrap(), b"");
    assert_eq!(process.finish().code(), Some(0));
}

#[test]
fn udp_takes_the_first_sender_for_its_peer() {
    let (mut process, addr) = listen(&["-u", "0"]);
    let [peer, stranger] = [(); 2].map(|()| Socket::udp4().unwrap());
    peer.settimeout(LONG).unwrap();
    peer.sendto(b"hello\n", &addr).unwrap();
    process.wait_for("hello");
    stranger.sendto(b"not for you\n", &addr).unwrap();
    process.stdin.as_mut().unwrap().write_all(b"welcome\n").unwrap();
    let (data, from) = peer.recvfrom(100).unwrap();
    assert_eq!((data.as_slice(), &from), (&b"welcome\n"[..], &addr));
    peer.sendto(b"bye\n", &addr).unwrap();
    process.wait_for("bye");
    assert_eq!(process.stop(Signal::INT).out(), "hello\nbye\n");
}

#[test]
fn udp_with_k_takes_everybody_and_answers_the_last() {
    let (mut process, addr) = listen(&["-u", "-k", "0"]);
    let senders = [(); 2].map(|()| Socket::udp4().unwrap());
    for (sender, word) in senders.iter().zip(["one", "two"]) {
        sender.settimeout(LONG).unwrap();
        sender.sendto(format!("{word}\n").as_bytes(), &addr).unwrap();
        process.wait_for(word);
        process.stdin.as_mut().unwrap().write_all(word.as_bytes()).unwrap();
        assert_eq!(sender.recv(10).unwrap(), word.as_bytes());
    }
    assert_eq!(process.stop(Signal::TERM).code(), Some(0));
}

#[test]
fn unix_sockets_are_made_and_cleared_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let text = path.to_str().unwrap();
    // A file that a killed listener left behind is no obstacle.
    drop(create_server(format!("unix:{text}")).bind().unwrap());
    assert!(path.exists());
    let (process, addr) = listen(&["-U", text]);
    assert_eq!(addr.to_string(), format!("unix:{text}"));
    let client = connect(&addr);
    client.sendall(b"hi").unwrap();
    drop(client);
    assert_eq!(process.finish().out(), "hi");
    assert!(!path.exists());
    let (mut process, addr) = listen(&["-u", "-U", text]);
    let client = Socket::unix_dgram().unwrap();
    client.sendto(b"datagram\n", &addr).unwrap();
    process.wait_for("datagram");
    assert_eq!(process.stop(Signal::INT).code(), Some(130));
    assert!(!path.exists());
}

#[test]
fn a_port_in_use_is_named() {
    let holder = create_server("127.0.0.1:0").bind().unwrap();
    let port = holder.getsockname().unwrap().port().unwrap().to_string();
    for flags in [&["listen"][..], &["listen", "-k"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
        let done = Process::run(command.args(flags).arg(&port), b"");
        assert_eq!(done.code(), Some(3));
        assert!(done.err().contains(&format!("127.0.0.1:{port} is in use")), "{}", done.err());
    }
    let udp = Socket::udp4().unwrap();
    udp.bind("127.0.0.1:0").unwrap();
    let port = udp.getsockname().unwrap().port().unwrap().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    let done = Process::run(command.args(["listen", "-u", &port]), b"");
    assert_eq!(done.code(), Some(3));
    assert!(done.err().contains("address already in use"), "{}", done.err());
}

#[test]
fn what_is_no_address_is_wrong_usage() {
    for args in [&["listen", "nonsense"][..], &["listen"], &["listen", "::1:80"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
        assert_eq!(Process::run(command.args(args), b"").code(), Some(2), "{args:?}");
    }
}

#[test]
fn both_ends_can_be_sockeye() {
    let (process, addr) = listen(&["0"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.args(["connect", "-N", &addr.to_string()]);
    let sent = vec![b'x'; 300_000];
    let client = Process::run(&mut command, &sent);
    assert_eq!((client.code(), client.err().as_str()), (Some(0), ""));
    let done = process.finish();
    assert!(done.stdout == sent);
    assert_eq!(done.code(), Some(0));
}
