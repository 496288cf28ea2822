//! Async functions that talk, each in a task of tokio.

use std::time::{Duration, Instant};

use sockeye_socket::protocol::Echo;
use sockeye_socket::server::{Limits, Report};
use sockeye_socket::{
    Address, Drained, How, Result, Shutdown, Socket, aio, create_connection, create_server, errno,
    socketpair,
};

use super::{PATIENCE, ended, read_all, read_exactly, read_to_failure};
use crate::aio::run;
use crate::spawn;

struct Serving {
    addr: Address,
    shutdown: Shutdown,
    thread: std::thread::JoinHandle<Result<Report>>,
}

fn serve<H, T, E>(limits: Limits, handler: H) -> Serving
where
    H: Fn(aio::Socket, Address) -> T + Send + Sync + 'static,
    T: Future<Output = std::result::Result<(), E>> + Send + 'static,
    E: Into<std::io::Error> + Send + 'static,
{
    let server = aio::Server::new(create_server("127.0.0.1:0").bind().unwrap()).unwrap();
    let addr = server.addresses().remove(0);
    let shutdown = Shutdown::new().unwrap();
    let stop = shutdown.clone();
    let thread = spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(server.limits(limits).serve_with(&stop, handler))
    });
    Serving { addr, shutdown, thread }
}

impl Serving {
    fn connect(&self) -> Socket {
        let client = create_connection(&self.addr).open().unwrap();
        client.settimeout(PATIENCE).unwrap();
        client
    }

    fn stop(self, grace: Duration) -> [u64; 6] {
        self.shutdown.start(grace);
        ended(self.thread.join().unwrap().unwrap())
    }
}

#[test]
fn a_client_that_is_still_sending_reads_the_answer() {
    let server = serve(Limits::default(), |socket, peer| async move {
        socket.recv(1).await?;
        socket.sendall(format!("no thanks, {peer}").as_bytes()).await
    });
    let client = server.connect();
    client.sendall(&vec![0; 10 << 20]).unwrap();
    let expected = format!("no thanks, {}", client.getsockname().unwrap());
    assert_eq!(read_all(&client), expected.as_bytes());
    drop(client);
    assert_eq!(server.stop(PATIENCE), [1, 1, 0, 0, 0, 0]);
}

#[test]
fn failures_and_panics_reset_one_client_each() {
    let limits = Limits { connections_max: 1, ..Limits::default() };
    let server = serve(limits, |socket, _| async move {
        let word = socket.recv(100).await?;
        match &word[..] {
            b"file" => std::fs::File::open("/no/such/file").map(|_| ()),
            b"boom" => panic!("as the client wished"),
            // The peer is gone: nobody's fault here.
            b"gone" => loop {
                socket.sendall(&word).await?;
            },
            _ => Ok(socket.sendall(&word).await?),
        }
    });
    for word in [b"file", b"boom"] {
        let client = server.connect();
        client.sendall(word).unwrap();
        assert_eq!(read_to_failure(&client), (0, Some(errno::ECONNRESET)));
    }
    let client = server.connect();
    client.sendall(b"gone").unwrap();
    read_exactly(&client, 4);
    drop(client);
    let client = server.connect();
    client.sendall(b"fine").unwrap();
    assert_eq!(read_all(&client), b"fine");
    drop(client);
    assert_eq!(server.stop(PATIENCE), [4, 1, 1, 2, 0, 0]);
}

#[test]
fn the_start_of_the_end_is_the_end_of_the_stream() {
    let server = serve(Limits::default(), |socket, _| async move {
        socket.sendall(b"?").await?;
        let mut heard = b"so you said ".to_vec();
        loop {
            match socket.recv(100).await? {
                more if more.is_empty() => break,
                more => heard.extend(more),
            }
        }
        socket.sendall(&heard).await
    });
    let (idle, talking) = (server.connect(), server.connect());
    for client in [&idle, &talking] {
        read_exactly(client, 1);
    }
    talking.sendall(b"something").unwrap();
    let start = Instant::now();
    server.shutdown.start(PATIENCE * 10);
    assert_eq!(read_all(&idle), b"so you said ");
    assert_eq!(read_all(&talking), b"so you said something");
    let report = ended(server.thread.join().unwrap().unwrap());
    assert!(start.elapsed() < PATIENCE);
    assert_eq!(report, [2, 2, 0, 0, 0, 0]);
}

#[test]
fn the_end_of_the_grace_drops_functions_where_they_wait() {
    let server = serve(Limits::default(), |socket, _| async move {
        socket.sendall(b"?").await?;
        match &socket.recv(1).await?[..] {
            // For ever, and not for its socket.
            b"w" => std::future::pending().await,
            _ => socket.sendall(&vec![0; 64 << 20]).await,
        }
    });
    let (waiting, deaf) = (server.connect(), server.connect());
    waiting.sendall(b"w").unwrap();
    deaf.sendall(b"d").unwrap();
    read_exactly(&waiting, 1);
    read_exactly(&deaf, 2);
    let start = Instant::now();
    assert_eq!(server.stop(Duration::from_millis(50)), [2, 0, 0, 0, 2, 0]);
    assert!(start.elapsed() < PATIENCE);
    assert_eq!(read_to_failure(&waiting), (0, Some(errno::ECONNRESET)));
    assert_eq!(read_to_failure(&deaf).1, Some(errno::ECONNRESET));
}

#[test]
fn a_server_that_is_dropped_drops_its_connections() {
    run(async {
        for functions in [false, true] {
            let server = aio::Server::new(create_server("127.0.0.1:0").bind().unwrap()).unwrap();
            let addr = server.addresses().remove(0);
            let stop = Shutdown::new().unwrap();
            let serving = tokio::spawn(async move {
                if !functions {
                    return server.serve(&stop, |_| Echo::new()).await;
                }
                let echo = |socket: aio::Socket, _| async move {
                    loop {
                        socket.sendall(&socket.recv(1).await?).await?;
                    }
                };
                server.serve_with::<_, _, sockeye_socket::Error>(&stop, echo).await
            });
            let client = aio::Socket::new(Socket::tcp4().unwrap()).unwrap();
            client.connect(&addr).await.unwrap();
            client.sendall(b"x").await.unwrap();
            assert_eq!(client.recv(1).await.unwrap(), b"x");
            serving.abort();
            let end = client.recv(1).await;
            match end {
                Ok(data) => assert!(data.is_empty() && !functions),
                Err(error) => assert_eq!(error.errno(), Some(errno::ECONNRESET)),
            }
            assert!(serving.await.unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn a_graceful_close_ends_by_the_peer_by_bytes_or_by_time() {
    run(async {
        let soon = || Instant::now() + Duration::from_millis(30);
        let pair = || {
            let (a, b) = socketpair().unwrap();
            (aio::Socket::new(a).unwrap(), b)
        };
        let (a, b) = pair();
        b.sendall(&[0; 1000]).unwrap();
        b.shutdown(How::Write).unwrap();
        let late = Instant::now() + PATIENCE;
        assert_eq!(a.close_gracefully(late, 1000).await.unwrap(), Drained::Ended);
        let (a, b) = pair();
        b.sendall(&[0; 1001]).unwrap();
        assert_eq!(a.close_gracefully(late, 1000).await.unwrap(), Drained::Bytes);
        let (a, b) = pair();
        let start = Instant::now();
        assert_eq!(a.close_gracefully(soon(), 1000).await.unwrap(), Drained::Deadline);
        assert!(start.elapsed() >= Duration::from_millis(30));
        assert_eq!(b.recv(1).unwrap(), b"");
        let (a, b) = pair();
        a.sendall(b"x").await.unwrap();
        a.shutdown(How::Write).unwrap();
        assert_eq!(b.recv(9).unwrap(), b"x");
        assert_eq!(b.recv(9).unwrap(), b"");
    });
}
