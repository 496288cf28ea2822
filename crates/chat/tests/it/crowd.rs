//! A thousand clients at once.

use std::collections::BTreeMap;
use std::time::Duration;

use sockeye_chat::Config;
use sockeye_socket::{Events, Selector, Socket, create_connection};

use crate::support::{DEADLINE, calm, start};

const CLIENTS: usize = 1000;
const LINES: usize = 10;

struct Peer {
    socket: Socket,
    pending: Vec<u8>,
    /// The next number that is expected of each sender.
    next: Vec<u8>,
    heard: usize,
}

impl Peer {
    /// Counts what came: each sender's lines in his own order, none twice, none missing.
    fn take_in(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        let Some(end) = self.pending.iter().rposition(|byte| *byte == b'\n') else { return };
        let rest = self.pending.split_off(end + 1);
        let lines = std::mem::replace(&mut self.pending, rest);
        for line in lines.split(|byte| *byte == b'\n') {
            if line.first() != Some(&b'<') {
                continue;
            }
            let text = std::str::from_utf8(line).unwrap();
            let (_, said) = text.split_once("> ").unwrap();
            let (sender, number) = said.split_once(' ').unwrap();
            let sender: usize = sender.parse().unwrap();
            let number: u8 = number.parse().unwrap();
            assert_eq!(self.next[sender], number, "the order of {sender}");
            self.next[sender] += 1;
            self.heard += 1;
        }
    }
}

/// Two descriptors for each client are needed in this process.
fn raise_descriptors() -> bool {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let enough = 2 * u64::try_from(CLIENTS).unwrap() + 500;
    if limit.current.is_none_or(|now| now >= enough) {
        return true;
    }
    let wanted = limit.maximum.map_or(enough, |most| most.min(enough));
    let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).is_ok() && wanted >= enough
}

#[test]
fn a_thousand_clients_each_hear_all_others_in_order() {
    assert!(raise_descriptors(), "the hard limit of descriptors is too low for this test");
    let room = start(Config { history_lines: 0, ..calm() });
    let mut selector = Selector::new().unwrap();
    let mut peers = BTreeMap::new();
    for number in 0..CLIENTS {
        let socket = create_connection(room.address).timeout(DEADLINE).open().unwrap();
        socket.setblocking(false).unwrap();
        selector.register(&socket, Events::READ, number).unwrap();
        let next = vec![0; CLIENTS];
        peers.insert(number, Peer { socket, pending: Vec::new(), next, heard: 0 });
    }
    // Everyone is in before anyone speaks: who has said nothing is let in after a silence.
    while room.handle.present().unwrap().len() < CLIENTS {}
    for (number, peer) in &peers {
        let lines: String = (0..LINES).map(|line| format!("{number} {line}\n")).collect();
        peer.socket.sendall(lines.as_bytes()).unwrap();
    }
    let all = (CLIENTS - 1) * LINES;
    let mut done = 0;
    let mut buffer = vec![0; 256 << 10];
    let mut ready = Vec::new();
    while done < CLIENTS {
        selector.select_into(Some(Duration::from_secs(30)), &mut ready).unwrap();
        assert!(!ready.is_empty(), "nothing came for 30 s: {done} of {CLIENTS} have heard all");
        for (number, _) in &ready {
            let peer = peers.get_mut(number).unwrap();
            let count = match peer.socket.recv_into(&mut buffer) {
                Ok(count) => count,
                Err(error) if error.would_block() => continue,
                Err(error) => panic!("{number}: {error}"),
            };
            assert!(count > 0, "{number} was closed: {:?}", String::from_utf8_lossy(&peer.pending));
            peer.take_in(&buffer[..count]);
            if peer.heard == all {
                done += 1;
                selector.unregister(&peer.socket).unwrap();
            }
        }
    }
    for (number, peer) in &peers {
        let expected = |sender: usize| if sender == *number { 0 } else { LINES };
        assert!((0..CLIENTS).all(|sender| usize::from(peer.next[sender]) == expected(sender)));
    }
}
