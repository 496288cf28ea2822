//! Closing gracefully: the peer that is still sending gets the reply all the same.

use std::time::{Duration, Instant};

use sockeye_socket::{Drained, How, opt};

use crate::{spawn, tcp_pair};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

#[test]
fn a_client_in_the_middle_of_an_upload_reads_the_reply() {
    let (client, conn) = tcp_pair();
    let uploader = spawn(move || {
        // As simple clients do: any error while sending, and the reply is not read.
        client.sendall(&vec![0; 8 << 20])?;
        client.recv(100)
    });
    conn.recv(1).unwrap();
    conn.sendall(b"413 no thanks").unwrap();
    assert_eq!(conn.close_gracefully(soon(), 16 << 20).unwrap(), Drained::Ended);
    assert_eq!(uploader.join().unwrap().unwrap(), b"413 no thanks");
}

#[test]
fn the_drain_has_a_limit_in_bytes_and_one_in_time() {
    let (client, conn) = tcp_pair();
    client.sendall(&[0; 1000]).unwrap();
    client.shutdown(How::Write).unwrap();
    assert_eq!(conn.close_gracefully(soon(), 999).unwrap(), Drained::Bytes);
    let (client, conn) = tcp_pair();
    client.sendall(&[0; 1000]).unwrap();
    let start = Instant::now();
    let deadline = start + Duration::from_millis(60);
    assert_eq!(conn.close_gracefully(deadline, 1 << 20).unwrap(), Drained::Deadline);
    assert!(Instant::now() >= deadline);
    let (client, conn) = tcp_pair();
    client.setsockopt(opt::SO_LINGER, Some(Duration::ZERO)).unwrap();
    client.close().unwrap();
    assert_eq!(conn.close_gracefully(soon(), 1 << 20).unwrap(), Drained::Reset);
    let (client, conn) = tcp_pair();
    drop(client);
    assert_eq!(conn.close_gracefully(soon(), 0).unwrap(), Drained::Ended);
}
