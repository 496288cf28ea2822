//! What a receiver keeps, refuses and ignores.

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown as Side;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sockeye_transfer::receive::{Report, Server};
use sockeye_transfer::{
    Ask, BLOCK_BYTES, Error, Event, ExitClass, Ignored, Output, Overwrite, PeerError, Question,
};

use crate::support::{
    PATIENCE, Receiver, config_in, md5_hex, names, pattern, recorder, reset_on_close, saved,
    stream_of, wait_for,
};

fn class(result: Result<Report, Error>) -> ExitClass {
    result.unwrap_err().exit_class()
}

#[test]
fn files_of_every_kind_of_size_arrive_whole() {
    for size in [0, 1, 31, 32, 33, BLOCK_BYTES - 1, BLOCK_BYTES, 9 * BLOCK_BYTES + 5] {
        let data = pattern(size);
        let receiver = Receiver::start(|_| {});
        assert!(receiver.give(&stream_of(&data)), "{size}: kept means closed, not reset");
        let (result, dir) = receiver.end();
        let report = result.unwrap();
        assert_eq!((report.files, report.bytes), (1, u64::try_from(size).unwrap()));
        assert!(saved(&dir) == data, "{size} bytes differ");
        assert_eq!(names(&dir), ["received_file"]);
    }
}

#[test]
fn bytes_may_come_one_by_one_and_digits_in_upper_case() {
    let receiver = Receiver::start(|_| {});
    let mut peer = receiver.connect();
    peer.set_nodelay(true).unwrap();
    for byte in md5_hex(b"hello").to_uppercase().bytes().chain(*b"hello") {
        peer.write_all(&[byte]).unwrap();
    }
    peer.shutdown(Side::Write).unwrap();
    assert_eq!(peer.read(&mut [0; 1]).unwrap(), 0);
    let (result, dir) = receiver.end();
    assert_eq!(result.unwrap().files, 1);
    assert_eq!(saved(&dir), b"hello");
}

#[test]
fn a_flip_of_any_byte_is_refused_and_leaves_nothing() {
    let stream = stream_of(b"some bytes");
    for index in 0..stream.len() {
        let mut damaged = stream.clone();
        damaged[index] ^= 1;
        let receiver = Receiver::start(|_| {});
        assert!(!receiver.give(&damaged), "byte {index}: a refusal is a reset");
        let (result, dir) = receiver.end();
        assert_eq!(class(result), ExitClass::Corrupt, "byte {index}");
        assert_eq!(names(&dir), [""; 0], "byte {index}");
    }
}

#[test]
fn an_end_at_any_byte_is_found() {
    let stream = stream_of(b"some bytes");
    for length in 1..stream.len() {
        let receiver = Receiver::start(|_| {});
        receiver.give(&stream[..length]);
        let (result, dir) = receiver.end();
        let expected = if length < 32 { ExitClass::Lost } else { ExitClass::Corrupt };
        assert_eq!(class(result), expected, "{length} bytes");
        assert_eq!(names(&dir), [""; 0], "{length} bytes");
    }
}

#[test]
fn a_reset_on_the_way_is_a_lost_connection() {
    let receiver = Receiver::start(|_| {});
    let mut peer = receiver.connect();
    peer.write_all(&stream_of(&pattern(100))[..90]).unwrap();
    wait_for(&receiver.events, |event| matches!(event, Event::Progress { .. }).then_some(()));
    reset_on_close(&peer);
    drop(peer);
    let (result, dir) = receiver.end();
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Peer(PeerError::Lost { bytes: 58, .. })), "{error:?}");
    assert_eq!(error.exit_class(), ExitClass::Lost);
    assert_eq!(names(&dir), [""; 0]);
}

#[test]
fn a_peer_that_stalls_is_cut() {
    for (sent, bytes) in [(10, 0), (40, 8)] {
        let receiver = Receiver::start(|config| {
            config.header_timeout = Duration::from_millis(300);
            config.idle_timeout = Duration::from_millis(300);
        });
        let mut peer = receiver.connect();
        peer.write_all(&stream_of(&pattern(100))[..sent]).unwrap();
        assert!(peer.read(&mut [0; 1]).is_err(), "cut by a reset");
        let (result, dir) = receiver.end();
        let error = result.unwrap_err();
        let stalled =
            matches!(error, Error::Peer(PeerError::Stalled { bytes: b, .. }) if b == bytes);
        assert!(stalled, "{error:?}");
        assert_eq!(names(&dir), [""; 0]);
    }
}

#[test]
fn a_file_over_the_limit_is_refused_and_one_at_the_limit_is_not() {
    for (size, fits) in [(1000, true), (1001, false)] {
        let receiver = Receiver::start(|config| config.size_bytes_max = Some(1000));
        assert_eq!(receiver.give(&stream_of(&pattern(size))), fits);
        let (result, dir) = receiver.end();
        match result {
            Ok(report) => assert!(fits && report.bytes == 1000),
            Err(error) => assert!(!fits && error.exit_class() == ExitClass::Refused),
        }
        assert_eq!(names(&dir).len(), usize::from(fits));
    }
}

#[test]
fn connections_that_say_nothing_do_not_end_the_run() {
    let receiver = Receiver::start(|config| config.header_timeout = Duration::from_millis(300));
    drop(receiver.connect());
    let reset = receiver.connect();
    reset_on_close(&reset);
    drop(reset);
    let idle = receiver.connect();
    let ignored = || {
        wait_for(&receiver.events, |event| match event {
            Event::Ignored { reason, .. } => Some(*reason),
            _ => None,
        })
    };
    assert_eq!([ignored(), ignored()], [Ignored::Silent; 2]);
    assert_eq!(ignored(), Ignored::TimedOut);
    drop(idle);
    assert!(receiver.give(&stream_of(b"at last")));
    let (result, dir) = receiver.end();
    let report = result.unwrap();
    assert_eq!((report.files, report.ignored), (1, 3));
    assert_eq!(saved(&dir), b"at last");
}

#[test]
fn a_run_for_one_transfer_takes_no_other_meanwhile_and_cuts_silent_ones_at_its_end() {
    let receiver = Receiver::start(|_| {});
    let mut silent = receiver.connect();
    let mut first = receiver.connect();
    first.write_all(&stream_of(b"first")[..33]).unwrap();
    wait_for(&receiver.events, |event| matches!(event, Event::Started { .. }).then_some(()));
    receiver.give(&stream_of(b"second"));
    let reason = wait_for(&receiver.events, |event| match event {
        Event::Ignored { reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(reason, Ignored::Busy);
    first.write_all(b"irst").unwrap();
    first.shutdown(Side::Write).unwrap();
    assert_eq!(silent.read(&mut [0; 1]).unwrap(), 0);
    let (result, dir) = receiver.end();
    assert_eq!(result.unwrap().files, 1);
    assert_eq!(saved(&dir), b"first");
}

#[test]
fn a_run_that_keeps_on_takes_many_at_once_under_names_of_their_own() {
    let receiver = Receiver::start(|config| {
        config.keep = true;
        config.overwrite = Overwrite::Rename;
    });
    let mut peers: Vec<_> = (0..6).map(|_| receiver.connect()).collect();
    for (number, peer) in peers.iter_mut().enumerate() {
        peer.write_all(&stream_of(&pattern(number * 1000))).unwrap();
    }
    for peer in &mut peers {
        peer.shutdown(Side::Write).unwrap();
        assert_eq!(peer.read(&mut [0; 1]).unwrap(), 0);
    }
    receiver.give(b"GET / HTTP/1.1\r\n\r\n");
    let failure = wait_for(&receiver.events, |event| match event {
        Event::Failed { error, .. } => Some(error.to_string()),
        _ => None,
    });
    assert!(failure.ends_with("byte 1 is 'G'"), "{failure}");
    let (result, dir) = receiver.stop();
    let report = result.unwrap();
    assert_eq!((report.files, report.bytes, report.failed), (6, 15_000, 1));
    let mut sizes: Vec<u64> =
        names(&dir).iter().map(|name| fs::metadata(dir.path().join(name)).unwrap().len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [0, 1000, 2000, 3000, 4000, 5000]);
}

#[test]
fn more_connections_than_allowed_are_closed() {
    let receiver = Receiver::start(|config| {
        config.keep = true;
        config.connections_max = 2;
    });
    let held = [receiver.connect(), receiver.connect()];
    let mut third = receiver.connect();
    assert!(matches!(third.read(&mut [0; 1]), Ok(0) | Err(_)));
    let reason = wait_for(&receiver.events, |event| match event {
        Event::Ignored { reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(reason, Ignored::Full);
    drop(held);
    assert_eq!(receiver.stop().0.unwrap().files, 0);
}

#[test]
fn a_taken_name_is_refused_before_anything_is_received() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("received_file"), "mine").unwrap();
    let (sink, _events) = recorder();
    let error = Server::bind(config_in(dir.path().into()), sink).map(drop).unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error:?}");
    assert_eq!(error.exit_class(), ExitClass::LocalFile);
    assert_eq!(saved(&dir), b"mine");
}

#[test]
fn a_name_that_is_taken_meanwhile_is_not_replaced() {
    let receiver = Receiver::start(|_| {});
    let mut peer = receiver.connect();
    peer.write_all(&stream_of(b"theirs")[..33]).unwrap();
    wait_for(&receiver.events, |event| matches!(event, Event::Started { .. }).then_some(()));
    fs::write(receiver.dir.path().join("received_file"), "mine").unwrap();
    peer.write_all(b"heirs").unwrap();
    peer.shutdown(Side::Write).unwrap();
    let (result, dir) = receiver.end();
    assert!(matches!(result, Err(Error::Exists { .. })), "{result:?}");
    assert_eq!(saved(&dir), b"mine");
    assert_eq!(names(&dir), ["received_file"]);
}

#[test]
fn a_file_may_be_replaced_but_only_by_a_whole_one() {
    let receiver = Receiver::start(|config| {
        config.keep = true;
        config.overwrite = Overwrite::Always;
    });
    assert!(receiver.give(&stream_of(b"old")));
    assert!(!receiver.give(&stream_of(b"damaged")[..35]));
    assert_eq!(saved(&receiver.dir), b"old");
    assert!(receiver.give(&stream_of(b"new")));
    let (result, dir) = receiver.stop();
    assert_eq!(result.unwrap().files, 2);
    assert_eq!(saved(&dir), b"new");
}

#[test]
fn the_person_decides() {
    let receiver = Receiver::start(|config| {
        config.ask = Some(Ask::new(|question| {
            let Question::Accept { peer, name, replaces, .. } = question else { return true };
            assert!(peer.to_string().starts_with("127.0.0.1:"));
            assert_eq!((*name, *replaces), (Some("received_file"), false));
            false
        }));
    });
    assert!(!receiver.give(&stream_of(b"unwanted")));
    let (result, dir) = receiver.end();
    assert_eq!(class(result), ExitClass::Refused);
    assert_eq!(names(&dir), [""; 0]);
}

#[test]
fn a_stream_gets_the_bytes_as_they_come_and_the_error_in_the_end() {
    let out = Arc::new(Mutex::new(Vec::new()));
    let receiver = Receiver::start(|config| config.output = Output::Stream(out.clone()));
    assert!(receiver.give(&stream_of(b"streamed")));
    assert_eq!(receiver.end().0.unwrap().bytes, 8);
    assert_eq!(*out.lock().unwrap(), b"streamed");

    let receiver = Receiver::start(|config| config.output = Output::Stream(out.clone()));
    receiver.give(&stream_of(b"streamed")[..36]);
    assert_eq!(class(receiver.end().0), ExitClass::Corrupt);
}

#[test]
fn names_that_are_none_and_folders_that_are_not_there_are_refused() {
    for name in ["", ".", "..", "a/b", "/a", "a\0b", "a\nb"] {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config_in(dir.path().into());
        config.output = Output::File { dir: dir.path().into(), name: name.into() };
        let (sink, _events) = recorder();
        let error = Server::bind(config, sink).map(drop).unwrap_err();
        assert!(matches!(error, Error::Name { .. }), "{name:?}: {error:?}");
    }
    let (sink, _events) = recorder();
    let error = Server::bind(config_in("/does/not/exist".into()), sink).map(drop).unwrap_err();
    assert_eq!(error.exit_class(), ExitClass::LocalFile, "{error}");
}

#[test]
fn a_stop_without_grace_leaves_nothing_and_does_not_wait() {
    let receiver = Receiver::start(|_| {});
    let mut peer = receiver.connect();
    peer.write_all(&stream_of(&pattern(100))[..90]).unwrap();
    wait_for(&receiver.events, |event| matches!(event, Event::Progress { .. }).then_some(()));
    receiver.shutdown.now();
    let (result, dir) = receiver.end();
    assert_eq!(class(result), ExitClass::Interrupted);
    assert_eq!(names(&dir), [""; 0]);
}

#[test]
fn a_stop_with_grace_lets_a_transfer_finish_and_cuts_silent_connections() {
    let receiver = Receiver::start(|config| config.keep = true);
    let mut silent = receiver.connect();
    let mut peer = receiver.connect();
    peer.write_all(&stream_of(b"graceful")[..33]).unwrap();
    wait_for(&receiver.events, |event| matches!(event, Event::Started { .. }).then_some(()));
    receiver.shutdown.start(PATIENCE);
    assert_eq!(silent.read(&mut [0; 1]).unwrap(), 0);
    peer.write_all(b"raceful").unwrap();
    peer.shutdown(Side::Write).unwrap();
    assert_eq!(peer.read(&mut [0; 1]).unwrap(), 0);
    let (result, dir) = receiver.end();
    assert_eq!(result.unwrap().files, 1);
    assert_eq!(saved(&dir), b"graceful");
}
