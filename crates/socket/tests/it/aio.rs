//! The socket on tokio.

use std::io::Seek;
use std::io::Write as _;
use std::time::Duration;

use sockeye_socket::{
    Acceptor, How, Shutdown, Socket, aio, create_connection, create_server, errno, socketpair,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::tcp_pair;

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(60), future).await.expect("it hangs")
    })
}

fn wrap(socket: Socket) -> aio::Socket {
    aio::Socket::new(socket).unwrap()
}

#[test]
fn bytes_go_through_in_order_whatever_the_buffers_hold() {
    let (a, b) = tcp_pair();
    run(async {
        let (mut a, mut b) = (wrap(a), wrap(b));
        let data: Vec<u8> = (0..=250).cycle().take(3 << 20).collect();
        let sent = data.clone();
        let writer = tokio::spawn(async move {
            a.write_all(&sent).await.unwrap();
            AsyncWriteExt::shutdown(&mut a).await.unwrap();
            let mut reply = String::new();
            a.read_to_string(&mut reply).await.unwrap();
            reply
        });
        let mut got = Vec::new();
        b.read_to_end(&mut got).await.unwrap();
        assert!(got == data, "bytes were lost or moved");
        b.sendall(b"thanks").await.unwrap();
        drop(b);
        assert_eq!(writer.await.unwrap(), "thanks");
    });
}

#[test]
fn methods_by_pythons_names_are_awaited() {
    run(async {
        let (a, b) = socketpair().unwrap();
        let (a, b) = (wrap(a), wrap(b));
        assert_eq!(a.send_more(b"he").await.unwrap(), 2);
        assert_eq!(a.send_vectored(&[std::io::IoSlice::new(b"llo")]).await.unwrap(), 3);
        let mut two = [0; 2];
        assert_eq!(b.peek(&mut two).await.unwrap(), 2);
        b.recv_exact(&mut two).await.unwrap();
        assert_eq!(&two, b"he");
        b.readable().await.unwrap();
        a.writable().await.unwrap();
        assert_eq!(b.recv(10).await.unwrap(), b"llo");
        let late = tokio::spawn(async move { b.recv_into(&mut [0; 4]).await.unwrap() });
        tokio::task::yield_now().await;
        a.sendall(b"xyz").await.unwrap();
        assert_eq!(late.await.unwrap(), 3);
        let a = a.into_inner().unwrap();
        assert!(a.getblocking());
    });
}

#[test]
fn sendfile_takes_a_range() {
    run(async {
        let (a, b) = tcp_pair();
        let (a, b) = (wrap(a), wrap(b));
        let mut file = tempfile();
        file.write_all(b"0123456789").unwrap();
        file.rewind().unwrap();
        assert_eq!(a.sendfile_some(&file, 3, 4).await.unwrap(), 4);
        assert_eq!(a.sendfile_some(&file, 10, 4).await.unwrap(), 0);
        assert_eq!(b.recv(10).await.unwrap(), b"3456");
    });
}

/// A file without a name.
fn tempfile() -> std::fs::File {
    let path = std::env::temp_dir().join(format!("sockeye-aio-{}", std::process::id()));
    let file = std::fs::OpenOptions::new().read(true).write(true).create_new(true).open(&path);
    std::fs::remove_file(path).unwrap();
    file.unwrap()
}

#[test]
fn connecting_succeeds_or_says_why_not() {
    run(async {
        let server = create_server("127.0.0.1:0").bind().unwrap();
        let addr = server.getsockname().unwrap();
        let client = wrap(Socket::tcp4().unwrap());
        client.connect(&addr).await.unwrap();
        assert_eq!(client.get_ref().getpeername().unwrap(), addr);
        drop((server, client));
        let error = wrap(Socket::tcp4().unwrap()).connect(&addr).await.unwrap_err();
        assert_eq!(error.errno(), Some(errno::ECONNREFUSED), "{error}");
    });
}

#[test]
fn datagrams_are_not_mistaken_for_a_drained_stream() {
    run(async {
        let server = Socket::udp4().unwrap();
        server.bind("127.0.0.1:0").unwrap();
        let addr = server.getsockname().unwrap();
        let mut server = wrap(server);
        let client = wrap(Socket::udp4().unwrap());
        for word in [&b"a"[..], b"b", b"c"] {
            client.sendto(word, &addr).await.unwrap();
        }
        assert_eq!(server.recvfrom(10).await.unwrap().0, b"a");
        let mut buf = [0; 10];
        assert_eq!(server.read(&mut buf).await.unwrap(), 1);
        assert_eq!(server.read(&mut buf).await.unwrap(), 1);
    });
}

#[test]
fn an_acceptor_serves_a_task_until_the_shutdown() {
    run(async {
        let mut acceptor = Acceptor::new(create_server("127.0.0.1:0").bind().unwrap()).unwrap();
        let addr = acceptor.listener().getsockname().unwrap();
        let shutdown = Shutdown::new().unwrap();
        let stop = shutdown.clone();
        let accepting = tokio::spawn(async move {
            let mut peers = Vec::new();
            while let Some((socket, peer)) = acceptor.accept_async(&stop).await.unwrap() {
                socket.sendall(b"hi").unwrap();
                peers.push(peer);
            }
            peers
        });
        let mut clients = Vec::new();
        for _ in 0..3 {
            let client = wrap(Socket::tcp4().unwrap());
            client.connect(&addr).await.unwrap();
            assert_eq!(client.recv(10).await.unwrap(), b"hi");
            clients.push(client.get_ref().getsockname().unwrap());
        }
        let starter = shutdown.clone();
        let thread = std::thread::spawn(move || starter.start(Duration::from_secs(1)));
        assert_eq!(accepting.await.unwrap(), clients);
        shutdown.wait_async().await;
        thread.join().unwrap();
    });
}

#[test]
fn the_end_of_the_stream_is_seen_after_a_short_read() {
    run(async {
        let (a, b) = tcp_pair();
        let mut b = wrap(b);
        a.sendall(b"bye").unwrap();
        a.shutdown(How::Write).unwrap();
        let mut got = Vec::new();
        b.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"bye");
        let plain = create_connection("127.0.0.1:0").open();
        assert!(plain.is_err());
    });
}

#[test]
fn a_frame_that_is_waited_for_in_vain_is_whole_later() {
    use sockeye_socket::frame::{BE, LengthPrefix};
    let (a, b) = tcp_pair();
    run(async {
        let a = wrap(a);
        let mut frames = aio::Framed::new(wrap(b), LengthPrefix::<u16, BE>::new(100));
        let mut cancelled = 0;
        for byte in b"\0\x05hello" {
            a.sendall(&[*byte]).await.unwrap();
            tokio::select! {
                biased;
                frame = frames.recv() => {
                    assert_eq!(frame.unwrap(), Some(&b"hello"[..]));
                    break;
                }
                () = tokio::time::sleep(Duration::from_millis(2)) => cancelled += 1,
            }
        }
        assert_eq!(cancelled, 6);
        frames.send(b"thanks").await.unwrap();
        assert_eq!(a.recv(100).await.unwrap(), b"\0\x06thanks");
        a.sendall(b"\0").await.unwrap();
        drop(a);
        assert!(frames.recv().await.unwrap_err().to_string().contains("ended after 1 bytes"));
    });
}

#[test]
fn files_clients_and_datagrams_are_awaited() {
    run(async {
        let listener = wrap(create_server("127.0.0.1:0").bind().unwrap());
        let client = wrap(Socket::tcp4().unwrap());
        let port = listener.get_ref().getsockname().unwrap().port().unwrap();
        client.connect(("localhost", port)).await.unwrap();
        let (conn, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, client.get_ref().getsockname().unwrap());
        let mut file = tempfile::tempfile().unwrap();
        let content: Vec<u8> = (0..=255).cycle().take(5 << 20).collect();
        file.write_all(&content).unwrap();
        let reader = tokio::spawn(async move {
            let mut client = client;
            let mut got = Vec::new();
            client.read_to_end(&mut got).await.unwrap();
            got
        });
        let whole = conn.sendfile(&file, 1, None).await.unwrap();
        assert_eq!(whole, (5 << 20) - 1);
        assert_eq!(conn.sendfile(&file, 0, Some(1)).await.unwrap(), 1);
        drop(conn);
        assert!(reader.await.unwrap() == [&content[1..], &content[..1]].concat());
        let (a, b) = (wrap(Socket::udp4().unwrap()), wrap(Socket::udp4().unwrap()));
        b.get_ref().bind("127.0.0.1:0").unwrap();
        a.sendto(b"datagram", b.get_ref().getsockname().unwrap()).await.unwrap();
        let mut buf = [0; 20];
        let (n, _) = b.recvfrom_into(&mut buf).await.unwrap();
        assert_eq!(&buf[..n], b"datagram");
    });
}

#[test]
fn a_datagram_socket_that_was_shut_down_gives_nothing_at_once() {
    run(async {
        let socket = Socket::udp4().unwrap();
        socket.bind("127.0.0.1:0").unwrap();
        let socket = wrap(socket);
        let _ = socket.get_ref().shutdown(How::Both);
        assert_eq!(socket.recv(10).await.unwrap(), b"");
        assert_eq!(socket.recv_into(&mut [0; 10]).await.unwrap(), 0);
        let error = socket.recvfrom(10).await.unwrap_err();
        assert_eq!(error.errno(), Some(errno::ESHUTDOWN));
    });
}

#[test]
fn a_frame_that_was_cancelled_is_finished_before_another_goes() {
    use sockeye_socket::frame::{BE, FramedError, LengthPrefix};
    let (a, b) = socketpair().unwrap();
    run(async {
        let mut a = aio::Framed::new(wrap(a), LengthPrefix::<u32, BE>::new(8 << 20));
        let mut b = aio::Framed::new(wrap(b), LengthPrefix::<u32, BE>::new(8 << 20));
        let large = vec![7; 4 << 20];
        let wait = Duration::from_millis(30);
        assert!(tokio::time::timeout(wait, a.send(&large)).await.is_err());
        assert!(matches!(a.send(b"next").await, Err(FramedError::Cut)));
        let sender = tokio::spawn(async move {
            a.flush().await.unwrap();
            a.send(b"next").await.unwrap();
        });
        assert!(b.recv().await.unwrap() == Some(&large[..]));
        assert_eq!(b.recv().await.unwrap(), Some(&b"next"[..]));
        sender.await.unwrap();
    });
}
