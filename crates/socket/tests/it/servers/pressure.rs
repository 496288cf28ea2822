//! Peers that do not read.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sockeye_socket::protocol::{Echo, Room};
use sockeye_socket::{Socket, errno};

use super::protocols::{Seen, Watched};
use super::{PATIENCE, ended, eventually, read_exactly, read_lines, read_to_failure, same};

/// Sends until nothing has gone for a while; gives how many bytes went.
fn send_until_it_stalls(socket: &Socket) -> usize {
    socket.settimeout(Duration::from_millis(200)).unwrap();
    let chunk: Vec<u8> = (0..=250).cycle().take(251 * 256).collect();
    let mut sent = 0;
    loop {
        match socket.send(&chunk[sent % 251..]) {
            Ok(count) => sent += count,
            Err(error) => {
                assert!(error.is_timeout(), "{error}");
                socket.settimeout(PATIENCE).unwrap();
                return sent;
            }
        }
    }
}

#[test]
fn a_slow_reader_has_to_wait_and_takes_bounded_memory() {
    let report = same(|model| {
        let seen = Arc::new(Seen::default());
        let theirs = Arc::clone(&seen);
        let server =
            model.start(move |_| Watched { inner: Echo::new(), seen: Arc::clone(&theirs) });
        let (slow, other) = (server.connect(), server.connect());
        let sent = send_until_it_stalls(&slow);
        let kept = seen.kept_bytes_max.load(Ordering::Relaxed);
        assert!(sent > 1 << 20 && kept <= 128 * 1024, "{model:?}: {sent} sent, {kept} kept");
        // Nobody else waits.
        for word in [&b"hello"[..], b"again"] {
            other.sendall(word).unwrap();
            assert_eq!(read_exactly(&other, 5), word);
        }
        // And in the end nothing is lost.
        let back = read_exactly(&slow, sent);
        assert!(back.iter().zip((0..=250).cycle()).all(|(byte, model)| *byte == model));
        drop((slow, other));
        ended(server.stop())
    });
    assert_eq!(report, [2, 2, 0, 0, 0, 0]);
}

#[test]
fn a_room_throws_out_who_does_not_read() {
    const LINES: usize = 30_000;
    const BURST: usize = 100;
    let transcript = same(|model| {
        let room = Room::new(1000, 256 * 1024);
        let seats = room.clone();
        let server = model.start(move |arrival| seats.join(arrival.wake));
        let (talking, listening, deaf) = (server.connect(), server.connect(), server.connect());
        eventually("three members", || room.len() == 3);
        let line = format!("{}\n", "x".repeat(999));
        let heard = std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut heard = 0;
                while heard < LINES {
                    let lines = read_exactly(&listening, BURST * 1000);
                    heard += lines.chunks(1000).filter(|line| line.ends_with(b"x\n")).count();
                    listening.sendall(b"go on\n").unwrap();
                }
                heard
            });
            for _ in 0..LINES / BURST {
                talking.sendall(line.repeat(BURST).as_bytes()).unwrap();
                // As fast as the listener reads, or it would be thrown out as well.
                assert_eq!(read_lines(&talking, 1), ["go on\n"]);
            }
            reader.join().unwrap()
        });
        eventually("two members", || room.len() == 2);
        let (count, failure) = read_to_failure(&deaf);
        assert!(count < LINES * 1000, "{model:?}");
        drop((talking, listening));
        (heard, failure, ended(server.stop()))
    });
    assert_eq!(transcript, (LINES, Some(errno::ECONNRESET), [3, 2, 0, 1, 0, 0]));
}

#[test]
fn no_room_is_made_for_what_does_not_come() {
    let rooms = same(|model| {
        let seen = Arc::new(Seen::default());
        let theirs = Arc::clone(&seen);
        let server =
            model.start(move |_| Watched { inner: Echo::new(), seen: Arc::clone(&theirs) });
        let (silent, talking) = (server.connect(), server.connect());
        for _ in 0..10 {
            talking.sendall(b"x").unwrap();
            read_exactly(&talking, 1);
        }
        let rooms = seen.rooms.load(Ordering::Relaxed);
        drop((silent, talking));
        server.stop();
        rooms
    });
    assert_eq!(rooms, 10);
}
