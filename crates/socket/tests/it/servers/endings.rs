//! How connections end that do not end well, and how a server does.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use sockeye_socket::protocol::Echo;
use sockeye_socket::server::Limits;
use sockeye_socket::{Socket, create_connection, create_server, errno, opt};

use super::protocols::{Answer, Seen, Watched, Words};
use super::{
    MODELS, PATIENCE, Running, ended, eventually, read_all, read_exactly, read_to_failure, same,
};
use crate::spawn;

fn words(_: sockeye_socket::protocol::Arrival) -> Words {
    Words::new(Duration::ZERO, &Arc::default())
}

fn reset(socket: Socket) {
    socket.setsockopt(opt::SO_LINGER, Some(Duration::ZERO)).unwrap();
    socket.close().unwrap();
}

#[test]
fn a_reset_ends_one_connection_and_drops_its_protocol() {
    let report = same(|model| {
        let seen = Arc::new(Seen::default());
        let theirs = Arc::clone(&seen);
        let server =
            model.start(move |_| Watched { inner: Echo::new(), seen: Arc::clone(&theirs) });
        let (idle, talking, other) = (server.connect(), server.connect(), server.connect());
        other.sendall(b"before").unwrap();
        assert_eq!(read_exactly(&other, 6), b"before");
        talking.sendall(&[0; 1000]).unwrap();
        read_exactly(&talking, 10);
        reset(idle);
        reset(talking);
        eventually("two protocols dropped", || seen.dropped.load(Ordering::Relaxed) == 2);
        other.sendall(b"after").unwrap();
        assert_eq!(read_exactly(&other, 5), b"after");
        drop(other);
        ended(server.stop())
    });
    assert_eq!(report, [3, 1, 2, 0, 0, 0]);
}

#[test]
fn an_abort_and_a_panic_reset_one_connection_and_no_other() {
    let transcript = same(|model| {
        let server = model.start(words);
        let (aborting, panicking, other) = (server.connect(), server.connect(), server.connect());
        let mut heard = Vec::new();
        for (client, word) in [(&aborting, &b"abort\n"[..]), (&panicking, b"boom\n")] {
            client.sendall(b"hello\n").unwrap();
            assert_eq!(read_exactly(client, 6), b"hello\n");
            client.sendall(word).unwrap();
            // Its echo may have come before the reset, or not.
            heard.push(read_to_failure(client).1);
        }
        other.sendall(b"bye\n").unwrap();
        assert_eq!(read_all(&other), b"bye\n");
        drop(other);
        (heard, ended(server.stop()))
    });
    assert_eq!(transcript.0, [Some(errno::ECONNRESET); 2]);
    assert_eq!(transcript.1, [3, 1, 0, 2, 0, 0]);
}

#[test]
fn a_factory_that_panics_loses_that_client_only() {
    let transcript = same(|model| {
        let mut first = true;
        let server = model.start(move |_| {
            assert!(!std::mem::take(&mut first), "as the test wished");
            Echo::new()
        });
        let lost = server.connect();
        let failure = read_to_failure(&lost);
        let client = server.connect();
        client.sendall(b"x").unwrap();
        assert_eq!(read_exactly(&client, 1), b"x");
        drop(client);
        (failure, ended(server.stop()))
    });
    assert_eq!(transcript, ((0, Some(errno::ECONNRESET)), [2, 1, 0, 1, 0, 0]));
}

const BIG: usize = 24 << 20;

#[test]
fn a_shutdown_lets_a_big_answer_finish() {
    let transcript = same(|model| {
        // An address of its own: the port comes free below, and may be another test's then.
        let listener = create_server("127.0.0.3:0").bind().unwrap();
        let server = model.start_on(listener, Limits::default(), |_| Answer::of(BIG));
        let client = server.connect();
        client.sendall(b"?").unwrap();
        let first = read_exactly(&client, 1).len();
        let addr = server.addr.clone();
        server.shutdown.start(PATIENCE);
        eventually("the listener is closed", || create_connection(&addr).open().is_err());
        let rest = read_all(&client).len();
        drop(client);
        let report = server.report();
        // The last look at the listener may have been let in before the end began.
        assert_eq!((report.finished + report.reset, report.cut), (report.accepted, 0));
        first + rest
    });
    assert_eq!(transcript, BIG);
}

#[test]
fn the_end_of_the_grace_cuts_what_is_left() {
    let transcript = same(|model| {
        let server = model.start(|_| Answer::of(BIG));
        let (slow, silent, done) = (server.connect(), server.connect(), server.connect());
        slow.sendall(b"?").unwrap();
        read_exactly(&slow, 1);
        done.sendall(b"?").unwrap();
        assert_eq!(read_all(&done).len(), BIG);
        let (start, grace) = (Instant::now(), Duration::from_millis(80));
        // Is in its graceful close at the end, which is nobody's loss.
        let report = ended(server.stop_within(grace));
        let took = start.elapsed();
        assert!(took >= grace && took < PATIENCE, "{model:?}: {took:?}");
        let (count, failure) = read_to_failure(&slow);
        assert!(count < BIG, "{model:?}");
        (failure, read_to_failure(&silent), read_to_failure(&done), report)
    });
    let reset = Some(errno::ECONNRESET);
    assert_eq!(transcript, (reset, (0, reset), (0, None), [3, 1, 0, 0, 2, 0]));
}

#[test]
fn a_shutdown_now_ends_at_once() {
    let report = same(|model| {
        let server = model.start(|_| Echo::new());
        let client = server.connect();
        client.sendall(b"x").unwrap();
        read_exactly(&client, 1);
        server.shutdown.start(Duration::from_secs(3600));
        server.shutdown.now();
        let report = ended(server.report());
        assert!(client.recv(1).is_err());
        report
    });
    assert_eq!(report, [1, 0, 0, 0, 1, 0]);
}

#[test]
fn a_shutdown_before_the_first_client_is_an_end_too() {
    for model in MODELS {
        let server = model.start(|_| Echo::new());
        assert_eq!(ended(server.stop()), [0; 6], "{model:?}");
    }
}

/// As simple clients do: any error while sending, and the reply is not read.
fn upload(client: &Socket, bytes: usize) -> sockeye_socket::Result<Vec<u8>> {
    client.sendall(b"bye\n")?;
    client.sendall(&vec![0; bytes])?;
    Ok(read_all(client))
}

#[test]
fn an_early_reply_reaches_clients_that_are_still_sending() {
    const CLIENTS: usize = 50;
    const UPLOAD_BYTES: usize = 10 << 20;
    let report = same(|model| {
        let server = model.start(words);
        for round in 0..CLIENTS / 5 {
            let uploads: Vec<_> = (0..5)
                .map(|_| {
                    let client = server.connect();
                    spawn(move || upload(&client, UPLOAD_BYTES))
                })
                .collect();
            for upload in uploads {
                let reply = upload.join().unwrap();
                assert_eq!(reply.unwrap(), b"bye\n", "{model:?}, round {round}");
            }
        }
        ended(server.stop())
    });
    let clients = u64::try_from(CLIENTS).unwrap();
    assert_eq!(report, [clients, clients, 0, 0, 0, 0]);
}

#[test]
fn a_reply_larger_than_all_buffers_reaches_a_client_that_sends_first() {
    // Neither would ever read if the server sent before it discards.
    let report = same(|model| {
        let limits = Limits { drain_bytes_max: 64 << 20, ..Limits::default() };
        let server = model.start_with(limits, |_| Answer::of(BIG));
        let client = server.connect();
        client.sendall(&vec![0; 32 << 20]).unwrap();
        assert_eq!(read_all(&client).len(), BIG);
        drop(client);
        ended(server.stop())
    });
    assert_eq!(report, [1, 1, 0, 0, 0, 0]);
}

#[test]
fn the_drain_has_a_limit_in_bytes_and_one_in_time() {
    let report = same(|model| {
        let time = Duration::from_millis(60);
        let limits = Limits { drain_timeout: time, drain_bytes_max: 1000, ..Limits::default() };
        let server = model.start_with(limits, words);
        let (flooding, lingering) = (server.connect(), server.connect());
        let failure = upload(&flooding, 64 << 20).unwrap_err();
        assert!(matches!(failure.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe));
        let start = Instant::now();
        lingering.sendall(b"bye\n").unwrap();
        assert_eq!(read_all(&lingering), b"bye\n");
        // It never closes: the server does.
        let report = ended(server.stop());
        assert!(start.elapsed() >= time, "{model:?}");
        report
    });
    assert_eq!(report, [2, 2, 0, 0, 0, 0]);
}

/// A peer that is gone while nothing is wanted of it is reported by the system again and again.
#[test]
fn a_peer_that_hangs_up_in_a_pause_keeps_nobody_busy() {
    let pause = Duration::from_millis(300);
    let looks = |model: super::Model, server: Running, client: Socket, seen: &Seen| {
        client.settimeout(PATIENCE).unwrap();
        client.sendall(b"pause\nlast words\n").unwrap();
        assert_eq!(read_exactly(&client, 6), b"pause\n");
        drop(client);
        let before = seen.looks.load(Ordering::Relaxed);
        eventually("the end", || seen.dropped.load(Ordering::Relaxed) == 1);
        let looks = seen.looks.load(Ordering::Relaxed) - before;
        assert!(looks < 60, "{model:?} looked {looks} times at a connection that pauses");
        server.stop();
    };
    for model in MODELS {
        let start = |listener: Socket, seen: &Arc<Seen>| {
            let theirs = Arc::clone(seen);
            model.start_on(listener, Limits::default(), move |_| Watched {
                inner: Words::new(pause, &Arc::default()),
                seen: Arc::clone(&theirs),
            })
        };
        let seen = Arc::new(Seen::default());
        let server = start(create_server("127.0.0.1:0").bind().unwrap(), &seen);
        let client = server.connect();
        looks(*model, server, client, &seen);
        let path =
            std::env::temp_dir().join(format!("sockeye-pause-{}-{model:?}", std::process::id()));
        let unix = format!("unix:{}", path.display());
        let seen = Arc::new(Seen::default());
        let server = start(create_server(&*unix).bind().unwrap(), &seen);
        let client = create_connection(&*unix).open().unwrap();
        looks(*model, server, client, &seen);
        std::fs::remove_file(path).unwrap();
    }
}

/// A protocol whose timeout stays in the past would otherwise take the whole processor.
#[test]
fn a_timeout_that_stays_in_the_past_comes_once_a_millisecond() {
    use sockeye_socket::protocol::{Close, Protocol};
    struct Stuck(Instant, u32, [u8; 1]);
    impl Protocol for Stuck {
        fn recv_buffer(&mut self) -> &mut [u8] {
            &mut self.2
        }
        fn handle_received(&mut self, _: usize, _: Instant) {}
        fn handle_eof(&mut self, _: Instant) {}
        fn poll_transmit(&self) -> &[u8] {
            &[]
        }
        fn handle_transmitted(&mut self, _: usize, _: Instant) {}
        fn poll_close(&self) -> Option<Close> {
            (self.1 == 20).then_some(Close::Finish)
        }
        fn poll_timeout(&self) -> Option<Instant> {
            Some(self.0)
        }
        fn handle_timeout(&mut self, _: Instant) {
            self.1 += 1;
        }
    }
    for model in MODELS {
        let server = model.start(|arrival| Stuck(arrival.now, 0, [0]));
        let start = Instant::now();
        let client = server.connect();
        assert_eq!(read_all(&client), b"");
        assert!(start.elapsed() >= Duration::from_millis(19), "{model:?}: {:?}", start.elapsed());
        drop(client);
        server.stop();
    }
}
