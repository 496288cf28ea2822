//! WebSockets: Python's client as the second implementation, behind a minimal upgrade.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::thread::JoinHandle;

use sockeye_chat::proto::websocket::{Upgrade, accept};
use sockeye_chat::{Config, Handle, PostError};
use sockeye_socket::Socket;
use sockeye_testkit::{Need, Process, need};

use crate::support::{DEADLINE, calm, start};

/// Answers `count` upgrades on a free port and hands the connections to the room.
fn upgrading(handle: Handle, count: usize) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move || {
        for _ in 0..count {
            let (stream, _) = listener.accept().unwrap();
            upgrade(&handle, stream);
        }
    };
    (port, std::thread::spawn(serve))
}

fn upgrade(handle: &Handle, mut stream: TcpStream) {
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let text = String::from_utf8(head).unwrap();
    let fields: Vec<(&str, &[u8])> = text
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name, value.trim().as_bytes()))
        .collect();
    let upgrade =
        Upgrade { method: "GET", http_1_1: true, fields: &fields, protocols: &["sockeye.1"] };
    let accepted = accept(&upgrade).unwrap();
    let socket = Socket::try_from(OwnedFd::from(stream)).unwrap();
    handle.attach_websocket(socket, accepted.response(), Vec::new()).unwrap();
}

const TALK: &str = r#"
import json, sys
from websockets.sync.client import connect
from websockets.exceptions import ConnectionClosed
uri = "ws://127.0.0.1:%s/~chat" % sys.argv[1]
with connect(uri, subprotocols=["sockeye.1"], compression="deflate") as ws:
    assert ws.subprotocol == "sockeye.1" and not ws.protocol.extensions
    welcome = json.loads(ws.recv(10))
    assert welcome["type"] == "welcome" and welcome["members"] == ["plain-1", "plain-2"], welcome
    ws.send("/nick anna")
    assert json.loads(ws.recv(10))["to"] == "anna"
    ws.send(["gr", "ün ", "\u804a\u5929"])
    assert json.loads(ws.recv(10))["text"] == "grün \u804a\u5929"
    assert ws.ping(b"are you there").wait(10)
    print("ready", flush=True)
    heard = json.loads(ws.recv(30))
    assert (heard["type"], heard["nick"], heard["text"]) == ("message", "plain-1", "x" * 4000)
    ws.send("/me hears it")
    json.loads(ws.recv(10))
with connect(uri, subprotocols=["sockeye.1"]) as ws:
    ws.recv(10)
    ws.send(b"bytes")
    try:
        while True: ws.recv(10)
    except ConnectionClosed as closed:
        assert closed.rcvd.code == 1003, closed
print("done", flush=True)
"#;

#[test]
fn python_s_client_talks_with_a_plain_one() {
    if !need(Need::PythonModule("websockets")) {
        return;
    }
    let room = start(calm());
    let mut plain = room.join();
    let (port, upgrading) = upgrading(room.handle.clone(), 2);
    let mut python = Process::spawn(Command::new("python3").args(["-c", TALK, &port.to_string()]));
    python.wait_for("ready");
    assert_eq!(plain.line(), "* plain-2 joined");
    assert_eq!(plain.line(), "* plain-2 is now anna");
    assert_eq!(plain.line(), "<anna> grün 聊天");
    plain.send(format!("{}\n", "x".repeat(4000)));
    assert_eq!(plain.line(), "* anna hears it");
    assert_eq!(plain.line(), "* anna left");
    python.wait_for("done");
    upgrading.join().unwrap();
    let report = room.stop();
    assert_eq!((report.connections, report.lines), (3, 3));
}

#[test]
fn where_the_room_is_full_the_upgrade_is_answered_with_503() {
    let room = start(Config { max_clients: 1, ..calm() });
    let _plain = room.join();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.write_all(b"early").unwrap();
    let (stream, _) = listener.accept().unwrap();
    let socket = Socket::try_from(OwnedFd::from(stream)).unwrap();
    room.handle.attach_websocket(socket, b"HTTP/1.1 101 x\r\n\r\n".to_vec(), Vec::new()).unwrap();
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 503");
}

#[test]
fn other_threads_post_and_read_back() {
    let room = start(calm());
    let mut plain = room.join();
    room.handle.post("guest", "by a form").unwrap();
    assert_eq!(plain.line(), "<guest> by a form");
    plain.send("/nick anna\ntwo\n/me waves\n/who\n");
    plain.until("* in #lobby (1): anna\n");
    let taken = room.handle.post("anna", "x").unwrap_err();
    assert_eq!(taken.to_string(), "anna is the name of somebody else");
    let recent = room.handle.recent(2).unwrap();
    let texts: Vec<&str> = recent.iter().map(|said| said.text.as_str()).collect();
    assert_eq!(texts, ["two", "waves"]);
    assert_eq!(room.handle.recent(100).unwrap()[0].nick, "guest");
    let handle = room.handle.clone();
    room.stop();
    assert_eq!(handle.post("guest", "late"), Err(PostError::Over));
    assert_eq!(handle.recent(1), None);
}
