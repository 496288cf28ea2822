//! Wakes from everywhere at once: none is lost, nobody waits for anybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::Instant;

use sockeye_socket::protocol::{Buffer, Close, Protocol, Room, Wake};

use super::protocols::Teller;
use super::{ended, eventually, read_all, read_exactly, same};
use crate::spawn;

#[test]
fn the_last_of_many_wakes_is_heard() {
    const CLIENTS: usize = 8;
    const THREADS: u64 = 4;
    const WAKES: u64 = 5000;
    let report = same(|model| {
        let number = Arc::new(AtomicU64::new(0));
        let theirs = Arc::clone(&number);
        let (sender, wakes) = channel();
        let server = model.start(move |arrival| {
            sender.send(arrival.wake).unwrap();
            Teller::new(&theirs)
        });
        let clients: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
        let wakes: Vec<Wake> = (0..CLIENTS).map(|_| wakes.recv().unwrap()).collect();
        let wakers: Vec<_> = (0..THREADS)
            .map(|_| {
                let (number, wakes) = (Arc::clone(&number), wakes.clone());
                spawn(move || {
                    for _ in 0..WAKES {
                        number.fetch_add(1, Ordering::SeqCst);
                        wakes.iter().for_each(Wake::wake);
                    }
                })
            })
            .collect();
        for client in &clients {
            let mut last = 0;
            while last < THREADS * WAKES {
                let told = u64::from_be_bytes(read_exactly(client, 8).try_into().unwrap());
                assert!(told > last, "{model:?}: {told} after {last}");
                last = told;
            }
        }
        wakers.into_iter().for_each(|waker| waker.join().unwrap());
        drop(clients);
        let report = ended(server.stop());
        // Nobody is there any more: nothing happens.
        wakes.iter().for_each(Wake::wake);
        report
    });
    assert_eq!(report, [8, 8, 0, 0, 0, 0]);
}

#[test]
fn everybody_talks_to_everybody_at_once() {
    const CLIENTS: usize = 8;
    const LINES: usize = 500;
    let heard = same(|model| {
        let room = Room::new(100, 16 << 20);
        let seats = room.clone();
        let server = model.start(move |arrival| seats.join(arrival.wake));
        let clients: Vec<_> = (0..CLIENTS).map(|_| Arc::new(server.connect())).collect();
        eventually("all are here", || room.len() == CLIENTS);
        let talking: Vec<_> = clients
            .iter()
            .enumerate()
            .map(|(place, client)| {
                let client = Arc::clone(client);
                spawn(move || {
                    for line in 0..LINES {
                        client.sendall(format!("{place} {line:04}\n").as_bytes()).unwrap();
                    }
                })
            })
            .collect();
        let mut heard = Vec::new();
        for (place, client) in clients.iter().enumerate() {
            let bytes = read_exactly(client, (CLIENTS - 1) * LINES * 7);
            let mut next = [0; CLIENTS];
            for line in bytes.chunks(7) {
                let line = std::str::from_utf8(line).unwrap();
                let (author, number) = line.trim_end().split_once(' ').unwrap();
                let author: usize = author.parse().unwrap();
                // Each author's lines come in their order, and all of them.
                assert_eq!(number.parse::<usize>().unwrap(), next[author], "{model:?}");
                assert_ne!(author, place);
                next[author] += 1;
            }
            heard.push(next.iter().sum::<usize>());
        }
        talking.into_iter().for_each(|thread| thread.join().unwrap());
        drop(clients);
        assert_eq!(ended(server.stop()), [8, 8, 0, 0, 0, 0]);
        heard
    });
    assert_eq!(heard, [(CLIENTS - 1) * LINES; CLIENTS]);
}

/// Wakes the next one whenever it is woken: a ring of these never rests by itself.
struct Ring {
    next: Arc<std::sync::Mutex<Option<Wake>>>,
    rounds: u32,
    ready: Buffer,
    scratch: [u8; 1],
    ended: bool,
}

impl Protocol for Ring {
    fn recv_buffer(&mut self) -> &mut [u8] {
        &mut self.scratch
    }

    fn handle_received(&mut self, _bytes: usize, _now: Instant) {
        self.ready.push(&self.scratch);
    }

    fn handle_eof(&mut self, _now: Instant) {
        self.ended = true;
    }

    fn poll_transmit(&self) -> &[u8] {
        self.ready.as_slice()
    }

    fn handle_transmitted(&mut self, bytes: usize, _now: Instant) {
        self.ready.consume(bytes);
    }

    fn poll_close(&self) -> Option<Close> {
        self.ended.then_some(Close::Finish)
    }

    fn handle_wake(&mut self, _now: Instant) {
        self.rounds += 1;
        if self.rounds % 10_000 == 0 {
            self.ready.push(b"!");
        }
        if let Some(next) = &*self.next.lock().unwrap() {
            next.wake();
        }
    }
}

#[test]
fn a_ring_of_wakes_starves_nobody() {
    let heard = same(|model| {
        // Each wakes the one that came before it, and the first the last.
        let ends: Arc<std::sync::Mutex<Option<Wake>>> = Arc::default();
        let (theirs, mut before) = (Arc::clone(&ends), None);
        let server = model.start(move |arrival| {
            let next = match before.replace(arrival.wake) {
                None => Arc::clone(&theirs),
                Some(wake) => Arc::new(std::sync::Mutex::new(Some(wake))),
            };
            *theirs.lock().unwrap() = before.clone();
            let (ready, scratch) = (Buffer::new(), [0; 1]);
            Ring { next, rounds: 0, ready, scratch, ended: false }
        });
        let ring = [server.connect(), server.connect(), server.connect()];
        for client in &ring {
            client.sendall(b"1").unwrap();
            assert_eq!(read_exactly(client, 1), b"1");
        }
        ends.lock().unwrap().as_ref().unwrap().wake();
        // They turn and turn, and yet each is heard, and so is a newcomer.
        for client in &ring {
            assert_eq!(read_exactly(client, 2), b"!!");
        }
        let newcomer = server.connect();
        newcomer.sendall(b"x").unwrap();
        let heard = read_exactly(&newcomer, 1);
        *ends.lock().unwrap() = None;
        newcomer.shutdown(sockeye_socket::How::Write).unwrap();
        assert_eq!(read_all(&newcomer), b"");
        drop((ring, newcomer));
        assert_eq!(ended(server.stop()), [4, 4, 0, 0, 0, 0]);
        heard
    });
    assert_eq!(heard, b"x");
}
