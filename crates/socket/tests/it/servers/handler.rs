//! Functions that talk and may block: the simple form, with threads only.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use sockeye_socket::server::{Limits, Report, ThreadingServer};
use sockeye_socket::{Address, Result, Shutdown, Socket, create_connection, create_server, errno};

use super::{PATIENCE, ended, read_all, read_exactly, read_to_failure};
use crate::spawn;

/// A server that runs a function for each client.
struct Serving {
    addr: Address,
    shutdown: Shutdown,
    thread: std::thread::JoinHandle<Result<Report>>,
}

fn serve<H, E>(limits: Limits, handler: H) -> Serving
where
    H: Fn(&Socket, &Address) -> std::result::Result<(), E> + Send + Sync + 'static,
    E: Into<std::io::Error>,
{
    let server = ThreadingServer::new(create_server("127.0.0.1:0").bind().unwrap()).unwrap();
    let addr = server.addresses().remove(0);
    let shutdown = Shutdown::new().unwrap();
    let stop = shutdown.clone();
    let thread = spawn(move || server.limits(limits).serve_with(&stop, handler));
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
fn each_client_has_a_function_that_may_wait() {
    let server = serve(Limits::default(), |socket, peer| {
        let name = socket.recv(100)?;
        socket.sendall(format!("{peer} is ").as_bytes())?;
        socket.sendall(&name)
    });
    let clients = [server.connect(), server.connect()];
    for client in clients.iter().rev() {
        client.sendall(b"somebody").unwrap();
        let expected = format!("{} is somebody", client.getsockname().unwrap());
        assert_eq!(read_all(client), expected.as_bytes());
    }
    drop(clients);
    assert_eq!(server.stop(PATIENCE), [2, 2, 0, 0, 0, 0]);
}

#[test]
fn a_client_that_is_still_sending_reads_the_answer() {
    let server = serve(Limits::default(), |socket, _| {
        socket.recv(1)?;
        socket.sendall(b"no thanks")
    });
    let client = server.connect();
    client.sendall(&vec![0; 10 << 20]).unwrap();
    assert_eq!(read_all(&client), b"no thanks");
    drop(client);
    assert_eq!(server.stop(PATIENCE), [1, 1, 0, 0, 0, 0]);
}

#[test]
fn failures_and_panics_reset_one_client_each() {
    let server = serve(Limits::default(), |socket, _| {
        let word = socket.recv(100)?;
        socket.settimeout(Duration::from_millis(1))?;
        match &word[..] {
            b"wait" => socket.recv(1).map(|_| ()),
            b"boom" => panic!("as the client wished"),
            // The peer is gone: nobody's fault here.
            b"gone" => loop {
                socket.settimeout(None)?;
                socket.sendall(&word)?;
            },
            _ => socket.sendall(&word),
        }
    });
    for word in [b"wait", b"boom"] {
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
fn more_clients_than_may_be_here_wait() {
    let limits = Limits { connections_max: 1, ..Limits::default() };
    let server = serve(limits, |socket, _| socket.sendall(&socket.recv(1)?));
    let (first, second) = (server.connect(), server.connect());
    second.sendall(b"2").unwrap();
    second.settimeout(Duration::from_millis(30)).unwrap();
    assert!(second.recv(1).unwrap_err().is_timeout());
    first.sendall(b"1").unwrap();
    assert_eq!(read_all(&first), b"1");
    drop(first);
    second.settimeout(PATIENCE).unwrap();
    assert_eq!(read_all(&second), b"2");
    drop(second);
    assert_eq!(server.stop(PATIENCE), [2, 2, 0, 0, 0, 0]);
}

#[test]
fn the_end_of_the_grace_brings_waiting_functions_back() {
    let (sender, started) = channel();
    let server = serve(Limits::default(), move |socket, _| {
        sender.send(()).unwrap();
        // Both wait to send.
        socket.recv_exact(&mut [0])?;
        socket.sendall(&vec![0; 64 << 20])
    });
    let (silent, deaf) = (server.connect(), server.connect());
    for client in [&silent, &deaf] {
        client.sendall(b"s").unwrap();
        read_exactly(client, 1);
    }
    started.recv().unwrap();
    started.recv().unwrap();
    let start = Instant::now();
    let report = server.stop(Duration::from_millis(50));
    assert!(start.elapsed() < PATIENCE);
    assert_eq!(report, [2, 0, 0, 0, 2, 0]);
    // A cut answer does not look like a whole one.
    assert_eq!(read_to_failure(&deaf).1, Some(errno::ECONNRESET));
    read_to_failure(&silent);
}

#[test]
fn the_start_of_the_end_is_the_end_of_the_stream() {
    let (sender, started) = channel();
    let server = serve(Limits::default(), move |socket, _| -> std::io::Result<()> {
        sender.send(()).unwrap();
        let mut heard = socket.recv(100)?;
        loop {
            match socket.recv(100)? {
                more if more.is_empty() => break,
                more => heard.extend(more),
            }
        }
        socket.sendall(&[b"so you said ", &heard[..]].concat())?;
        Ok(())
    });
    let (idle, talking) = (server.connect(), server.connect());
    started.recv().unwrap();
    started.recv().unwrap();
    talking.sendall(b"something").unwrap();
    let start = Instant::now();
    server.shutdown.start(PATIENCE * 10);
    // Nobody costs the grace, and what the functions say at the end arrives.
    assert_eq!(read_all(&idle), b"so you said ");
    assert_eq!(read_all(&talking), b"so you said something");
    let report = ended(server.thread.join().unwrap().unwrap());
    assert!(start.elapsed() < PATIENCE);
    assert_eq!(report, [2, 2, 0, 0, 0, 0]);
}

#[test]
fn an_error_of_any_kind_resets_and_is_counted() {
    let server = serve(Limits::default(), |socket, _| -> std::io::Result<()> {
        socket.recv(1)?;
        std::fs::File::open("/no/such/file")?;
        Ok(())
    });
    let client = server.connect();
    client.sendall(b"x").unwrap();
    assert_eq!(read_to_failure(&client), (0, Some(errno::ECONNRESET)));
    drop(client);
    assert_eq!(server.stop(PATIENCE), [1, 0, 0, 1, 0, 0]);
}

#[test]
fn a_function_that_does_not_come_back_is_left_behind() {
    let (sender, never) = channel::<()>();
    let never = std::sync::Mutex::new(never);
    let server = serve(Limits::default(), move |socket, _| -> Result<()> {
        socket.sendall(b"x")?;
        let _ = never.lock().unwrap().recv();
        Ok(())
    });
    let client = server.connect();
    read_exactly(&client, 1);
    assert_eq!(server.stop(Duration::ZERO), [1, 0, 0, 0, 1, 0]);
    drop(sender);
}
