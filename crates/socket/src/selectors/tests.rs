//! Both backends give the same answers to the same questions.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::{Events, epoll, poll};
use crate::{How, errno, socketpair};

macro_rules! backend {
    ($name:ident) => {
        #[test]
        fn $name() {
            let mut backend = $name::Backend::new().unwrap();
            let (a, b) = socketpair().unwrap();
            backend.add(a.as_fd(), 7, Events::READ).unwrap();
            let again = backend.add(a.as_fd(), 8, Events::READ).unwrap_err();
            assert_eq!(again.errno(), Some(errno::EEXIST));
            let happened = |backend: &mut $name::Backend, millis| {
                let mut out = Vec::new();
                backend
                    .wait("select".into(), Some(Duration::from_millis(millis)), &mut out)
                    .unwrap();
                out
            };
            let start = Instant::now();
            assert_eq!(happened(&mut backend, 15), []);
            assert!(start.elapsed() >= Duration::from_millis(15));
            b.sendall(b"x").unwrap();
            // Level-triggered: it is said again until it is received.
            assert_eq!(happened(&mut backend, 5_000), [(7, Events::READ)]);
            assert_eq!(happened(&mut backend, 5_000), [(7, Events::READ)]);
            a.recv(1).unwrap();
            assert_eq!(happened(&mut backend, 0), []);
            backend.modify(a.as_fd(), 9, Events::WRITE).unwrap();
            assert_eq!(happened(&mut backend, 5_000), [(9, Events::WRITE)]);
            backend.modify(a.as_fd(), 9, Events::NONE).unwrap();
            assert_eq!(happened(&mut backend, 0), []);
            b.shutdown(How::Both).unwrap();
            assert_eq!(happened(&mut backend, 5_000), [(9, Events::CLOSED)]);
            backend.delete(a.as_fd()).unwrap();
            assert_eq!(happened(&mut backend, 0), []);
            let gone = backend.modify(a.as_fd(), 9, Events::READ).unwrap_err();
            assert_eq!(gone.errno(), Some(errno::ENOENT));
        }
    };
}

backend!(epoll);
backend!(poll);
