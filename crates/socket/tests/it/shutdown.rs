//! Stopping: waiters wake, blocked threads come back at the deadline.

use std::time::{Duration, Instant};

use sockeye_socket::{Acceptor, Events, Selector, Shutdown, create_server, socketpair};

use crate::spawn;

#[test]
fn blocked_threads_come_back_at_the_deadline_and_not_before() {
    let shutdown = Shutdown::new().unwrap();
    let (a, b) = socketpair().unwrap();
    let registration = shutdown.register(&a).unwrap();
    let blocked = spawn(move || (a.recv(1).unwrap(), Instant::now(), registration));
    let start = Instant::now();
    shutdown.start(Duration::from_millis(80));
    assert!(shutdown.is_started() && !shutdown.is_expired());
    let (got, ended, _registration) = blocked.join().unwrap();
    assert!(got.is_empty() && ended - start >= Duration::from_millis(80));
    assert!(shutdown.is_expired() && b.recv(1).unwrap().is_empty());
}

#[test]
fn now_brings_a_far_deadline_here() {
    let shutdown = Shutdown::new().unwrap();
    let (a, _b) = socketpair().unwrap();
    let registration = shutdown.register(&a).unwrap();
    shutdown.start(Duration::from_secs(3600));
    let stopper = shutdown.clone();
    let thread = spawn(move || stopper.now());
    assert!(a.recv(1).unwrap().is_empty());
    thread.join().unwrap();
    drop(registration);
}

#[test]
fn a_selector_sees_it_again_and_again() {
    let shutdown = Shutdown::new().unwrap();
    let mut selector = Selector::new().unwrap();
    selector.register(&shutdown, Events::READ, ()).unwrap();
    assert_eq!(selector.select(Some(Duration::ZERO)).unwrap().count(), 0);
    shutdown.start(Duration::MAX);
    for _ in 0..3 {
        assert_eq!(selector.select(None).unwrap().count(), 1);
    }
    assert!(shutdown.wait(None));
}

#[test]
fn an_acceptor_ends_with_it() {
    let shutdown = Shutdown::new().unwrap();
    let mut acceptor = Acceptor::new(create_server("127.0.0.1:0").bind().unwrap()).unwrap();
    let stopper = shutdown.clone();
    let thread = spawn(move || stopper.start(Duration::from_secs(1)));
    assert!(acceptor.accept(&shutdown).unwrap().is_none());
    thread.join().unwrap();
}
