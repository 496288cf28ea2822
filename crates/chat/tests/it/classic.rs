//! The tutorial's room: bytes, and nothing but bytes.

use sockeye_chat::Config;
use sockeye_testkit::Rng;

use crate::support::{Client, Running, start};

fn classic() -> Running {
    start(Config { classic: true, ..Config::default() })
}

/// The room says nothing to one who comes: what another sends shows that he is in.
fn join_all(room: &Running, count: usize) -> Vec<Client> {
    let mut clients: Vec<Client> = Vec::new();
    for _ in 0..count {
        let mut client = room.connect();
        if clients.is_empty() {
            // The first is in when his own bytes reach nobody; the second is told of by a probe.
            client.send("");
        }
        clients.push(client);
    }
    while room.handle.present().unwrap().len() < count {}
    clients
}

#[test]
fn bytes_reach_every_other_client_unchanged() {
    let room = classic();
    let mut clients = join_all(&room, 3);
    let mut rng = Rng::new(42);
    let mut bytes = vec![0; 300_000];
    rng.fill(&mut bytes);
    bytes.splice(0..0, *b"POST / HTTP/1.1\r\nPASS x\r\n/quit\n\x16\x03");
    for sender in 0..3 {
        let size = bytes.len();
        let mut from = clients.remove(sender);
        let copy = bytes.clone();
        let writer = std::thread::spawn(move || {
            for chunk in copy.chunks(7001) {
                from.send(chunk);
            }
            from
        });
        for client in &mut clients {
            assert_eq!(client.exactly(size), bytes, "byte-exact");
        }
        clients.insert(sender, writer.join().unwrap());
    }
    for client in &mut clients {
        client.end();
    }
    for client in &mut clients {
        assert_eq!(client.rest(), b"", "nothing was added, and nobody heard himself");
    }
}

#[test]
fn who_goes_is_not_spoken_of() {
    let room = classic();
    let mut clients = join_all(&room, 3);
    drop(clients.pop());
    while room.handle.present().unwrap().len() > 2 {}
    clients[0].send("only this");
    clients[0].end();
    assert_eq!(clients[1].exactly(9), b"only this");
    room.stop();
    assert_eq!(clients[1].rest(), b"");
}
