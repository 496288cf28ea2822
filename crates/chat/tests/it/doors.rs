//! Listeners for everyone, and such as take less.

use std::net::SocketAddr;

use sockeye_chat::Entrance;

use crate::support::{Running, calm, start};

/// The address of the first listener of this kind.
fn at(room: &Running, entrance: Entrance) -> SocketAddr {
    let found = room.listening.iter().find(|(kind, _)| *kind == entrance);
    found.and_then(|(_, address)| address.socket_addr()).unwrap()
}

#[test]
fn a_listener_for_irc_takes_nothing_else() {
    let any = vec!["127.0.0.1:0".parse().unwrap()];
    let room = start(sockeye_chat::Config { irc: any, ..calm() });
    assert_eq!(room.listening.len(), 2);
    let mut anna = room.join();
    let mut client = room.connect_to(at(&room, Entrance::Irc));
    client.send("hello\r\n");
    assert!(String::from_utf8(client.rest()).unwrap().starts_with("ERROR :"));
    anna.send("/who\n");
    assert_eq!(anna.line(), "* in #lobby (1): plain-1");
}
