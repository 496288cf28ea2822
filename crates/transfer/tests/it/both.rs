//! Sockeye's sender and Sockeye's receiver together.

use std::fs;

use sockeye_socket::Shutdown;
use sockeye_transfer::{Error, ExitClass, PeerError, SendConfig, Source, send};

use crate::support::{PATIENCE, Receiver, names, pattern, recorder, saved};

fn send_to(receiver: &Receiver, data: &[u8]) -> Result<sockeye_transfer::Sent, Error> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, data).unwrap();
    let config = SendConfig {
        source: Source::File(path),
        to: receiver.address.to_string(),
        idle_timeout: PATIENCE,
        ..SendConfig::default()
    };
    let (sink, _events) = recorder();
    send(config, &sink, &Shutdown::new().unwrap())
}

#[test]
fn a_file_goes_from_one_to_the_other() {
    let data = pattern(20_000_003);
    let receiver = Receiver::start(|_| {});
    let sent = send_to(&receiver, &data).unwrap();
    assert!(sent.closed, "closed means checked, durable and named");
    assert!(saved(&receiver.dir) == data);
    let (result, dir) = receiver.end();
    assert_eq!(result.unwrap().bytes, sent.bytes);
    assert_eq!(names(&dir), ["received_file"]);
}

#[test]
fn the_sender_learns_of_a_refusal() {
    let receiver = Receiver::start(|config| config.size_bytes_max = Some(10));
    let error = send_to(&receiver, b"eleven bytes").unwrap_err();
    let told = matches!(error, Error::Peer(PeerError::Rejected { .. } | PeerError::Lost { .. }));
    assert!(told, "{error:?}");
    assert_eq!(error.exit_class(), ExitClass::Lost);
    let (result, _dir) = receiver.end();
    assert_eq!(result.unwrap_err().exit_class(), ExitClass::Refused);
}
