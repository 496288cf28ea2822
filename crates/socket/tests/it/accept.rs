//! Accepting: what an accepted socket is like (descriptors.rs has what happens when they run out).

use std::os::fd::AsFd;
use std::time::Instant;

use rustix::fs::OFlags;
use rustix::io::{FdFlags, fcntl_getfd};
use sockeye_socket::{
    Accept, Acceptor, How, Selector, Shutdown, Socket, create_connection, create_server, socketpair,
};

fn is_cloexec(fd: impl AsFd) -> bool {
    fcntl_getfd(fd).unwrap().contains(FdFlags::CLOEXEC)
}

#[test]
fn no_descriptor_outlives_an_exec() {
    let server = create_server("127.0.0.1:0").bind().unwrap();
    let client = create_connection(server.getsockname().unwrap()).open().unwrap();
    let (conn, _) = server.accept().unwrap();
    let (a, b) = socketpair().unwrap();
    for socket in [&server, &client, &conn, &a, &b, &conn.dup().unwrap()] {
        assert!(is_cloexec(socket), "{socket:?}");
    }
    assert!(is_cloexec(Selector::<()>::new().unwrap()) && is_cloexec(Shutdown::new().unwrap()));
    let mut acceptor = Acceptor::new(server).unwrap();
    let _client = create_connection(acceptor.listener().getsockname().unwrap()).open().unwrap();
    let (conn, _) = acceptor.accept(&Shutdown::new().unwrap()).unwrap().unwrap();
    assert!(is_cloexec(conn));
}

#[test]
fn accepted_sockets_block_whatever_the_listener_does() {
    let mut acceptor = Acceptor::new(create_server("127.0.0.1:0").bind().unwrap()).unwrap();
    assert!(matches!(acceptor.try_accept(Instant::now()).unwrap(), Accept::Empty));
    let client = create_connection(acceptor.listener().getsockname().unwrap()).open().unwrap();
    let Accept::Connection(conn, peer) = acceptor.try_accept(Instant::now()).unwrap() else {
        panic!("a client waits")
    };
    assert_eq!(peer, client.getsockname().unwrap());
    assert!(conn.getblocking() && !acceptor.listener().getblocking());
    let mode = |fd: &Socket| rustix::fs::fcntl_getfl(fd).unwrap();
    assert!(!mode(&conn).contains(OFlags::NONBLOCK));
    assert!(mode(acceptor.listener()).contains(OFlags::NONBLOCK));
    client.sendall(b"x").unwrap();
    assert_eq!(conn.recv(1).unwrap(), b"x");
}

#[test]
fn a_broken_listener_is_an_error_and_no_endless_loop() {
    let mut acceptor = Acceptor::new(Socket::tcp4().unwrap()).unwrap();
    assert!(acceptor.try_accept(Instant::now()).is_err());
    let listener = create_server("127.0.0.1:0").bind().unwrap();
    listener.shutdown(How::Both).unwrap();
    let mut acceptor = Acceptor::new(listener).unwrap();
    assert!(acceptor.accept(&Shutdown::new().unwrap()).is_err());
    // Of a unix listener the system says only that nobody waits, and that for ever.
    for how in [How::Read, How::Both] {
        let name = format!("unix:@sockeye-shut-{how:?}-{}", std::process::id());
        let listener = create_server(&name).bind().unwrap();
        let client = create_connection(&name).open().unwrap();
        listener.shutdown(how).unwrap();
        let mut acceptor = Acceptor::new(listener).unwrap();
        // Who waits already is let in.
        let first = acceptor.try_accept(Instant::now()).unwrap();
        assert!(matches!(first, Accept::Connection(..)), "{first:?}");
        let error = acceptor.try_accept(Instant::now()).unwrap_err();
        assert_eq!(error.to_string(), "accept: invalid argument (EINVAL)");
        drop(client);
    }
}
