//! Messages, descriptors and batches on tokio.

use std::io::{IoSlice, IoSliceMut};
use std::time::Duration;

use sockeye_socket::cmsg::{Control, Outgoing};
use sockeye_socket::{RecvBatch, SendBatch, Socket, aio, opt, socketpair};

/// Runs a task that may move between threads.
fn run<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let task = tokio::spawn(future);
        tokio::time::timeout(Duration::from_secs(60), task).await.expect("it hangs").unwrap()
    })
}

fn udp_pair() -> (aio::Socket, aio::Socket, sockeye_socket::Address) {
    let (a, b) = (Socket::udp4().unwrap(), Socket::udp4().unwrap());
    b.bind(("127.0.0.1", 0)).unwrap();
    let addr = b.getsockname().unwrap();
    (aio::Socket::new(a).unwrap(), aio::Socket::new(b).unwrap(), addr)
}

#[test]
fn messages_are_awaited() {
    run(async {
        let (a, b, addr) = udp_pair();
        b.get_ref().setsockopt(opt::IP_RECVTTL, true).unwrap();
        let receiver = tokio::spawn(async move {
            let message = b.recvmsg(100, 100).await.unwrap();
            assert_eq!(message.data, b"onetwo");
            assert!(matches!(message.control[..], [Control::Ttl(3)]), "{message:?}");
            let (mut head, mut rest) = ([0; 2], [0; 9]);
            let parts = &mut [IoSliceMut::new(&mut head), IoSliceMut::new(&mut rest)];
            let received = b.recvmsg_into(parts, 0).await.unwrap();
            assert_eq!((received.len, &head, &rest[..3]), (5, b"th", &b"ree"[..]));
        });
        tokio::task::yield_now().await;
        let parts = [IoSlice::new(b"one"), IoSlice::new(b"two")];
        assert_eq!(a.sendmsg(&parts, &[Outgoing::Ttl(3)], Some(&addr)).await.unwrap(), 6);
        a.sendmsg(&[IoSlice::new(b"three")], &[], Some(&addr)).await.unwrap();
        receiver.await.unwrap();
    });
}

#[test]
fn descriptors_are_awaited() {
    run(async {
        let (a, b) = socketpair().unwrap();
        let (a, b) = (aio::Socket::new(a).unwrap(), aio::Socket::new(b).unwrap());
        let receiver = tokio::spawn(async move { b.recv_fds(10, 1).await.unwrap() });
        tokio::task::yield_now().await;
        let (c, d) = socketpair().unwrap();
        a.send_fds(b"here", &[&c]).await.unwrap();
        let (data, mut fds) = receiver.await.unwrap();
        assert_eq!(data, b"here");
        let copy = aio::Socket::new(Socket::try_from(fds.remove(0)).unwrap()).unwrap();
        copy.sendall(b"hello").await.unwrap();
        assert_eq!(d.recv(10).unwrap(), b"hello");
    });
}

#[test]
fn batches_are_awaited() {
    run(async {
        let (a, b, addr) = udp_pair();
        let receiver = tokio::spawn(async move {
            let mut batch = RecvBatch::new(8, 8);
            let mut got = Vec::new();
            while got.len() < 20 {
                b.recvmmsg(&mut batch).await.unwrap();
                got.extend(batch.iter().map(|one| one.data.to_vec()));
            }
            got
        });
        tokio::task::yield_now().await;
        let mut out = SendBatch::new(20, 8);
        for at in 0..20_u8 {
            out.push(&[at], Some(&addr)).unwrap();
        }
        while out.waiting() > 0 {
            a.sendmmsg(&mut out).await.unwrap();
        }
        let got = receiver.await.unwrap();
        assert_eq!(got, (0..20).map(|at| vec![at]).collect::<Vec<_>>());
    });
}
