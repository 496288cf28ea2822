//! Peers that drip: each call makes progress, and yet its one deadline ends it; nothing is lost.

use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sockeye_socket::frame::{BE, Framed, FramedError, LengthPrefix};
use sockeye_socket::{Socket, errno, socketpair};
use sockeye_testkit::Clock;

use crate::{Ticks, spawn};

/// Sends `data` a byte every 5 ms until it is told to stop, then the rest at once.
fn drip(to: Socket, data: Vec<u8>, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<Socket> {
    spawn(move || {
        let ticks = Ticks::every(Duration::from_millis(5));
        let mut sent = 0;
        while sent < data.len() && !stop.load(Ordering::Relaxed) {
            ticks.tick();
            sent += to.send(&data[sent..=sent]).unwrap();
        }
        to.sendall(&data[sent..]).unwrap();
        to
    })
}

#[test]
fn recv_exact_ends_at_its_deadline_and_goes_on_where_it_stopped() {
    let (a, b) = socketpair().unwrap();
    let data: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let peer = drip(a, data.clone(), Arc::clone(&stop));
    let mut buf = vec![0; data.len()];
    b.settimeout(Duration::from_millis(100)).unwrap();
    let start = Instant::now();
    let error = b.recv_exact(&mut buf).unwrap_err();
    let took = start.elapsed();
    assert!(error.is_timeout(), "{error}");
    assert!(took >= Duration::from_millis(100) && took < Duration::from_secs(5), "{took:?}");
    let have = error.received();
    assert!(have > 0 && have < data.len());
    stop.store(true, Ordering::Relaxed);
    b.settimeout(None).unwrap();
    b.recv_exact(&mut buf[have..]).unwrap();
    assert!(buf == data, "a byte was lost");
    drop(peer.join().unwrap());
    let error = b.recv_exact(&mut buf).unwrap_err();
    assert_eq!((error.kind(), error.received()), (ErrorKind::UnexpectedEof, 0));
}

#[test]
fn a_framed_reader_resumes_after_a_timeout() {
    let (a, b) = socketpair().unwrap();
    let mut wire = Vec::new();
    for frame in [&b"first"[..], b"", b"second frame"] {
        wire.extend_from_slice(&u32::try_from(frame.len()).unwrap().to_be_bytes());
        wire.extend_from_slice(frame);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let peer = drip(a, wire, Arc::clone(&stop));
    b.settimeout(Duration::from_millis(3)).unwrap();
    let mut framed = Framed::new(b, LengthPrefix::<u32, BE>::new(100));
    let (mut timeouts, mut got) = (0, Vec::new());
    while got.len() < 3 {
        match framed.recv() {
            Ok(frame) => got.push(frame.unwrap().to_vec()),
            Err(FramedError::Io(error)) if error.kind() == ErrorKind::TimedOut => timeouts += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(got, [&b"first"[..], b"", b"second frame"]);
    assert!(timeouts > 0, "the peer never let it wait");
    drop(peer.join().unwrap());
    framed.get_ref().settimeout(None).unwrap();
    assert!(framed.recv().unwrap().is_none());
}

#[test]
fn a_nonblocking_sendall_says_how_much_went() {
    let (a, b) = socketpair().unwrap();
    a.setblocking(false).unwrap();
    let data = vec![1; 8 << 20];
    let error = a.sendall(&data).unwrap_err();
    assert_eq!(error.errno(), Some(errno::EAGAIN));
    let sent = error.sent();
    assert!(sent > 0 && sent < data.len());
    let reader = spawn(move || {
        let mut got = 0;
        loop {
            match b.recv(1 << 20).unwrap().len() {
                0 => return got,
                n => got += n,
            }
        }
    });
    a.setblocking(true).unwrap();
    a.sendall(&data[sent..]).unwrap();
    drop(a);
    assert_eq!(reader.join().unwrap(), data.len());
}

/// A byte every 100 ms, and reads of at most a second, by a clock that only they move.
struct SlowPeer {
    clock: Clock,
    data: std::vec::IntoIter<u8>,
    deadline: Instant,
}

impl Read for SlowPeer {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.clock.advance(Duration::from_millis(100));
        if self.clock.now() > self.deadline {
            return Err(ErrorKind::TimedOut.into());
        }
        let Some(byte) = self.data.next() else { return Ok(0) };
        buf[0] = byte;
        Ok(1)
    }
}

#[test]
fn a_framed_reader_resumes_at_every_deadline_of_a_virtual_clock() {
    let second = Duration::from_secs(1);
    let clock = Clock::new();
    let frame: Vec<u8> = (0..=255).cycle().take(1000).collect();
    let mut wire = 1000_u32.to_be_bytes().to_vec();
    wire.extend(&frame);
    let deadline = clock.now() + second;
    let peer = SlowPeer { clock, data: wire.into_iter(), deadline };
    let mut framed = Framed::new(peer, LengthPrefix::<u32, BE>::new(1000));
    let mut timeouts = 0;
    let got = loop {
        match framed.recv() {
            Ok(got) => break got.unwrap().to_vec(),
            Err(FramedError::Io(error)) => assert_eq!(error.kind(), ErrorKind::TimedOut),
            Err(error) => panic!("{error}"),
        }
        let peer = framed.get_mut();
        let late = peer.clock.now() - peer.deadline;
        assert!(late <= Duration::from_millis(100), "it ends at the deadline");
        timeouts += 1;
        peer.deadline = peer.clock.now() + second;
    };
    assert!(got == frame, "a byte was lost");
    assert_eq!(timeouts, 1004 / 10);
}

#[test]
fn a_frame_that_timed_out_in_the_middle_is_finished_before_another_goes() {
    let (a, b) = socketpair().unwrap();
    a.settimeout(Duration::from_millis(30)).unwrap();
    let mut a = Framed::new(a, LengthPrefix::<u32, BE>::new(8 << 20));
    let large = vec![7; 4 << 20];
    let FramedError::Io(error) = a.send(&large).unwrap_err() else { panic!("not of the stream") };
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(matches!(a.send(b"next"), Err(FramedError::Cut)));
    a.get_ref().settimeout(None).unwrap();
    let reader = spawn(move || {
        let mut b = Framed::new(b, LengthPrefix::<u32, BE>::new(8 << 20));
        let first = b.recv().unwrap().unwrap().to_vec();
        (first, b.recv().unwrap().unwrap().to_vec())
    });
    a.flush().unwrap();
    a.send(b"next").unwrap();
    assert!(reader.join().unwrap() == (large, b"next".to_vec()));
}
