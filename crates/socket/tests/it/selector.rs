//! The selector: level-triggered, told of errors, woken, exact in time.

use std::time::{Duration, Instant};

use sockeye_socket::{Events, Selector, Socket, errno, socketpair};

use crate::{spawn, tcp_pair};

const LONG: Option<Duration> = Some(Duration::from_secs(60));
const NOW: Option<Duration> = Some(Duration::ZERO);

#[test]
fn readiness_is_reported_until_it_is_used_up() {
    let (a, b) = socketpair().unwrap();
    let mut selector = Selector::new().unwrap();
    selector.register(&a, Events::READ, 7).unwrap();
    let mut out = vec![(0, Events::NONE)];
    selector.select_into(NOW, &mut out).unwrap();
    assert!(out.is_empty());
    b.sendall(b"xy").unwrap();
    for _ in 0..2 {
        selector.select_into(LONG, &mut out).unwrap();
        assert_eq!(out, [(7, Events::READ)]);
        a.recv(1).unwrap();
    }
    selector.select_into(NOW, &mut out).unwrap();
    assert!(out.is_empty());
    selector.modify(&a, Events::READ | Events::WRITE).unwrap();
    selector.select_into(LONG, &mut out).unwrap();
    assert_eq!(out, [(7, Events::WRITE)]);
    selector.modify(&a, Events::NONE).unwrap();
    b.sendall(b"z").unwrap();
    selector.select_into(NOW, &mut out).unwrap();
    assert!(out.is_empty());
    assert_eq!((selector.len(), selector.unregister(&a).unwrap()), (1, 7));
    assert!(selector.is_empty());
}

#[test]
fn a_hang_up_is_reported_always_and_counts_as_what_was_asked_for() {
    let (a, b) = tcp_pair();
    let mut selector = Selector::new().unwrap();
    selector.register(&a, Events::WRITE, ()).unwrap();
    b.setsockopt(sockeye_socket::opt::SO_LINGER, Some(Duration::ZERO)).unwrap();
    drop(b);
    loop {
        let (_, events) = selector.select(LONG).unwrap().next().unwrap();
        if events.is_closed() {
            assert!(events.is_writable() && !events.contains(Events::NONE | Events::READ));
            break;
        }
    }
    selector.modify(&a, Events::NONE).unwrap();
    let (_, events) = selector.select(LONG).unwrap().next().unwrap();
    assert!(events.is_closed() && !events.is_writable());
}

#[test]
fn a_wake_ends_a_select_without_an_event() {
    let mut selector = Selector::<()>::new().unwrap();
    let waker = selector.waker();
    let thread = spawn(move || waker.wake());
    assert_eq!(selector.select(None).unwrap().count(), 0);
    thread.join().unwrap();
    // Many wakes count as one, and one that comes before counts.
    for _ in 0..3 {
        selector.waker().wake();
    }
    assert_eq!(selector.select(None).unwrap().count(), 0);
    let start = Instant::now();
    assert_eq!(selector.select(Some(Duration::from_millis(15))).unwrap().count(), 0);
    assert!(start.elapsed() >= Duration::from_millis(15));
}

#[test]
fn fractions_of_a_millisecond_count() {
    let mut selector = Selector::<()>::new().unwrap();
    let times: Vec<Duration> = (0..50)
        .map(|_| {
            let start = Instant::now();
            assert_eq!(selector.select(Some(Duration::from_micros(200))).unwrap().count(), 0);
            start.elapsed()
        })
        .collect();
    assert!(times.iter().all(|time| *time >= Duration::from_micros(200)));
    // epoll alone would make each of them a whole millisecond.
    assert!(times.iter().any(|time| *time < Duration::from_micros(900)), "{times:?}");
}

#[test]
fn registrations_are_checked() {
    let (a, b) = socketpair().unwrap();
    let mut selector = Selector::new().unwrap();
    selector.register(&a, Events::READ, 1).unwrap();
    let error = selector.register(&a, Events::READ, 2).unwrap_err();
    assert_eq!(error.errno(), Some(errno::EEXIST));
    assert_eq!(selector.get_mut(&a), Some(&mut 1));
    assert_eq!(selector.modify(&b, Events::READ).unwrap_err().errno(), Some(errno::ENOENT));
    assert_eq!(selector.unregister(&b).unwrap_err().errno(), Some(errno::ENOENT));
    let file = std::fs::File::open("/proc/self/exe").unwrap();
    let error = selector.register(&file, Events::READ, 3).unwrap_err();
    assert_eq!(error.errno(), Some(errno::EPERM));
}

#[test]
fn a_descriptor_that_was_closed_behind_its_back_does_not_speak_for_its_successor() {
    use std::os::fd::AsRawFd;
    let (a, b) = socketpair().unwrap();
    // The description lives on in the duplicate, so the kernel still reports it.
    let copy = a.dup().unwrap();
    let mut selector = Selector::new().unwrap();
    selector.register(&a, Events::READ, "old").unwrap();
    let number = a.as_raw_fd();
    drop(a);
    b.sendall(b"x").unwrap();
    let mut others = Vec::new();
    let fresh = loop {
        let socket = Socket::udp4().unwrap();
        if socket.as_raw_fd() == number {
            break socket;
        }
        // Other tests take numbers too: give up where one of them took this one.
        if others.len() > 64 {
            return;
        }
        others.push(socket);
    };
    selector.register(&fresh, Events::READ, "new").unwrap();
    assert_eq!(selector.select(NOW).unwrap().count(), 0);
    drop(copy);
}

#[test]
fn more_events_than_one_select_takes_all_come() {
    let pairs: Vec<_> = (0..1500).map_while(|_| socketpair().ok()).take(450).collect();
    let mut selector = Selector::new().unwrap();
    for (index, (a, b)) in pairs.iter().enumerate() {
        selector.register(a, Events::READ, index).unwrap();
        b.sendall(b"x").unwrap();
    }
    let mut seen = vec![false; pairs.len()];
    while seen.contains(&false) {
        let mut out = Vec::new();
        selector.select_into(LONG, &mut out).unwrap();
        for (index, _) in out {
            pairs[index].0.recv(1).unwrap();
            seen[index] = true;
        }
    }
}
