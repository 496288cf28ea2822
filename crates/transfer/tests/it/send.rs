//! What a sender gives to a receiver written from the protocol, and how it fails.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sockeye_socket::Shutdown;
use sockeye_transfer::{Error, Event, ExitClass, PeerError, Phase, SendConfig, Sink, Source, send};
use tempfile::TempDir;

use crate::support::{PATIENCE, pattern, recorder, reset_on_close, stream_of};

/// A listener that treats its one connection in its own way.
fn listener<T: Send + 'static>(
    treat: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (String, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (address, thread::spawn(move || treat(listener.accept().unwrap().0)))
}

fn take_all(mut peer: TcpStream) -> Vec<u8> {
    let mut taken = Vec::new();
    peer.read_to_end(&mut taken).unwrap();
    taken
}

fn config(to: &str, source: Source) -> SendConfig {
    SendConfig { source, to: to.into(), idle_timeout: PATIENCE, ..SendConfig::default() }
}

fn file_of(data: &[u8]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, data).unwrap();
    (dir, path)
}

fn quiet() -> Sink {
    Arc::new(|_| {})
}

#[test]
fn the_stream_is_the_sum_then_the_bytes() {
    for size in [0, 1, 2, 4095, (4 << 20) + 1, 9_000_001] {
        let data = pattern(size);
        let (_dir, path) = file_of(&data);
        let (to, taken) = listener(take_all);
        let (sink, events) = recorder();
        let sent = send(config(&to, Source::File(path)), &sink, &Shutdown::new().unwrap()).unwrap();
        assert!(sent.closed && sent.bytes == u64::try_from(size).unwrap());
        assert!(taken.join().unwrap() == stream_of(&data), "{size} bytes");
        let ends: Vec<(Phase, u64)> = events
            .try_iter()
            .filter_map(|event| match event {
                Event::Progress { phase, done, total, .. } if Some(done) == total => {
                    Some((phase, done))
                }
                _ => None,
            })
            .collect();
        assert!(ends.contains(&(Phase::Hashing, sent.bytes)), "{ends:?}");
        assert_eq!(ends.last(), Some(&(Phase::Sending, sent.bytes)));
    }
}

#[test]
fn a_pipe_is_spooled_and_sent() {
    let data = pattern(3_000_000);
    let (reader, mut writer) = std::io::pipe().unwrap();
    let fed = thread::spawn({
        let data = data.clone();
        move || writer.write_all(&data).unwrap()
    });
    let (to, taken) = listener(take_all);
    let spool = tempfile::tempdir().unwrap();
    let mut config = config(&to, Source::Stream(OwnedFd::from(reader)));
    config.spool_dir = spool.path().into();
    let sent = send(config, &quiet(), &Shutdown::new().unwrap()).unwrap();
    fed.join().unwrap();
    assert_eq!(sent.bytes, 3_000_000);
    assert!(taken.join().unwrap() == stream_of(&data));
    assert_eq!(fs::read_dir(spool.path()).unwrap().count(), 0, "the spool has no name");
}

/// Sends while `change` is done to the file once its sum is known.
fn send_changed(change: fn(&Path)) -> (Error, std::io::Result<usize>) {
    let (_dir, path) = file_of(&pattern(100_000));
    let (to, taken) = listener(|mut peer| peer.read_to_end(&mut Vec::new()));
    let sink: Sink = Arc::new({
        let path = path.clone();
        move |event: &Event| {
            if matches!(event, Event::Connected { .. }) {
                change(&path);
            }
        }
    });
    let error =
        send(config(&to, Source::File(path)), &sink, &Shutdown::new().unwrap()).unwrap_err();
    (error, taken.join().unwrap())
}

#[test]
fn a_file_that_changes_after_its_sum_was_made_is_never_ended() {
    let changes: [fn(&Path); 4] = [
        |path| fs::write(path, pattern(100_001)).unwrap(),
        |path| fs::write(path, pattern(50)).unwrap(),
        |path| File::create(path).map(drop).unwrap(),
        |path| {
            let mut file = OpenOptions::new().write(true).open(path).unwrap();
            let modified = file.metadata().unwrap().modified().unwrap();
            file.write_all(b"same size, same time").unwrap();
            file.set_modified(modified).unwrap();
        },
    ];
    for change in changes {
        let (error, taken) = send_changed(change);
        assert!(matches!(error, Error::Changed { .. }), "{error:?}");
        assert_eq!(error.exit_class(), ExitClass::Partial);
        assert_eq!(taken.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    }
}

#[test]
fn only_regular_files_are_sent() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let missing = dir.path().join("missing");
    for (path, expected) in [
        (dir.path().to_path_buf(), "is not a regular file"),
        (fifo, "is not a regular file"),
        (missing, "cannot open"),
    ] {
        let config = config("127.0.0.1:1", Source::File(path));
        let error = send(config, &quiet(), &Shutdown::new().unwrap()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.exit_class(), ExitClass::LocalFile);
    }
}

#[test]
fn nobody_there_is_said() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (_dir, path) = file_of(b"x");
    let config = config(&free, Source::File(path));
    let error = send(config, &quiet(), &Shutdown::new().unwrap()).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot connect to {free}"));
    assert_eq!(error.exit_class(), ExitClass::NotFound);
}

#[test]
fn a_reset_after_everything_means_that_it_was_not_kept() {
    let (_dir, path) = file_of(b"unloved");
    let (to, taken) = listener(|mut peer| {
        peer.read_to_end(&mut Vec::new()).unwrap();
        reset_on_close(&peer);
    });
    let config = config(&to, Source::File(path));
    let error = send(config, &quiet(), &Shutdown::new().unwrap()).unwrap_err();
    taken.join().unwrap();
    assert!(matches!(error, Error::Peer(PeerError::Rejected { bytes: 7, .. })), "{error:?}");
    assert_eq!(error.exit_class(), ExitClass::Lost);
}

#[test]
fn a_receiver_that_never_closes_is_not_waited_for_for_ever() {
    let (_dir, path) = file_of(b"kept?");
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let (to, taken) = listener(move |peer| {
        let _ = held.recv();
        drop(peer);
    });
    let mut config = config(&to, Source::File(path));
    config.idle_timeout = Duration::from_millis(300);
    let sent = send(config, &quiet(), &Shutdown::new().unwrap()).unwrap();
    assert!(!sent.closed);
    drop(hold);
    taken.join().unwrap();
}

#[test]
fn a_receiver_that_does_not_read_is_cut_and_one_that_resets_is_lost() {
    let (_dir, path) = file_of(&pattern(50_000_000));
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let (to, taken) = listener(move |peer| {
        let _ = held.recv();
        drop(peer);
    });
    let mut stalling = config(&to, Source::File(path.clone()));
    stalling.idle_timeout = Duration::from_millis(300);
    let error = send(stalling, &quiet(), &Shutdown::new().unwrap()).unwrap_err();
    assert!(matches!(error, Error::Peer(PeerError::Stalled { .. })), "{error:?}");
    drop(hold);
    taken.join().unwrap();

    let (to, taken) = listener(|mut peer| {
        peer.read_exact(&mut [0; 1000]).unwrap();
        reset_on_close(&peer);
    });
    let config = config(&to, Source::File(path));
    let error = send(config, &quiet(), &Shutdown::new().unwrap()).unwrap_err();
    taken.join().unwrap();
    assert!(matches!(error, Error::Peer(PeerError::Lost { .. })), "{error:?}");
}

#[test]
fn a_stop_ends_the_wait_for_input_and_the_transfer() {
    let (reader, writer) = std::io::pipe().unwrap();
    let shutdown = Shutdown::new().unwrap();
    let waiting = thread::spawn({
        let shutdown = shutdown.clone();
        let config = config("127.0.0.1:1", Source::Stream(OwnedFd::from(reader)));
        move || send(config, &quiet(), &shutdown).map(drop)
    });
    shutdown.now();
    assert!(matches!(waiting.join().unwrap(), Err(Error::Interrupted)));
    drop(writer);

    let (_dir, path) = file_of(b"x");
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let (to, taken) = listener(move |peer| {
        let _ = held.recv();
        drop(peer);
    });
    let shutdown = Shutdown::new().unwrap();
    let stop = shutdown.clone();
    let sink: Sink = Arc::new(move |event: &Event| {
        if matches!(event, Event::AwaitingPeer { .. }) {
            stop.now();
        }
    });
    let error = send(config(&to, Source::File(path)), &sink, &shutdown).unwrap_err();
    assert_eq!(error.exit_class(), ExitClass::Interrupted, "{error:?}");
    drop(hold);
    taken.join().unwrap();
}
