//! Listeners for everyone, and such as take less; proxies, browsers, monitors and crowds.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use sockeye_chat::{Config, Entrance, Event, Limit, Purpose, Rate};
use sockeye_testkit::{Need, Process, need};

use crate::support::{Client, DEADLINE, Running, at, calm, start};

#[test]
fn a_listener_for_irc_takes_nothing_else() {
    let any = vec!["127.0.0.1:0".parse().unwrap()];
    let room = start(Config { irc: any, ..calm() });
    assert_eq!(room.listening.len(), 2);
    let mut anna = room.join();
    let mut client = room.connect_to(at(&room, Purpose::Guests(Entrance::Irc)));
    client.send("hello\r\n");
    assert!(String::from_utf8(client.rest()).unwrap().starts_with("ERROR :"));
    anna.send("/who\n");
    assert_eq!(anna.line(), "* in #lobby (1): plain-1");
}

/// A room that believes the headers of this machine.
fn proxied(config: Config) -> Running {
    start(Config { proxy_from: vec!["127.0.0.0/8".parse().unwrap()], ..config })
}

const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x01\xdc\x04\0\x50";

#[test]
fn a_proxy_speaks_for_its_client() {
    let room = proxied(Config { max_per_ip: Some(1), ..calm() });
    let mut line = room.connect();
    line.send("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\nhello\n");
    line.until("/help lists the commands\n");
    // The same address by the other version is one too many.
    let mut binary = room.connect();
    binary.send([V2, b"hello\n"].concat());
    let told = String::from_utf8(binary.rest()).unwrap();
    assert_eq!(told, "* there are too many connections from your address\n");
    let mut other = room.connect();
    other.send("PROXY TCP6 2001:db8::1 ::1 56324 443\r\n");
    other.until("/help lists the commands\n");
    // Without a header it is this machine's own.
    let mut own = room.connect();
    own.until("/help lists the commands\n");
    for broken in ["PROXY TCP4 x\r\n", "PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\nPROXY UNKNOWN\r\n"] {
        let mut client = room.connect();
        client.send(broken);
        assert_eq!(client.rest(), b"");
    }
    let events = room.events.lock().unwrap();
    let peers: Vec<String> = events
        .iter()
        .filter_map(|event| match event {
            Event::Joined { peer: Some(peer), .. } => Some(peer.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(peers[..2], ["192.0.2.1:56324", "[2001:db8::1]:56324"]);
    assert!(peers[2].starts_with("127.0.0.1:"));
}

#[test]
fn the_guard_sees_the_client_behind_a_proxy() {
    let guard =
        |peer: &sockeye_socket::Address| peer.canonical_ip().is_some_and(|ip| ip.is_loopback());
    let admit = Some(sockeye_chat::Admit(std::sync::Arc::new(guard)));
    let room = proxied(Config { admit, ..calm() });
    let mut client = room.connect();
    client.send("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\nhello\n");
    assert_eq!(client.rest(), b"");
    let mut client = room.connect();
    client.send("PROXY TCP4 127.0.0.9 198.51.100.1 56324 443\r\nhello\n");
    client.until("/help lists the commands\n");
}

#[test]
fn curl_goes_through_a_proxy_header_and_is_shown_the_page() {
    if !need(Need::Program("curl")) {
        return;
    }
    let room = proxied(calm());
    let url = format!("http://{}/", room.address);
    let args = ["-sS", "-i", "--haproxy-protocol", "--max-time", "30", &url];
    let done = Process::run(Command::new("curl").args(args), b"");
    assert!(done.out().starts_with("HTTP/1.1 200 OK\r\n"), "{} {}", done.out(), done.err());
    let head = ["-sS", "-I", "--max-time", "30", &url];
    let done = Process::run(Command::new("curl").args(head), b"");
    assert!(done.out().contains("Content-Security-Policy: default-src 'none'"), "{}", done.out());
    // Who is not trusted gets what everyone gets who is no client here.
    let room = start(calm());
    let url = format!("http://{}/", room.address);
    let args = ["-sS", "--haproxy-protocol", "--max-time", "30", &url];
    assert_ne!(Process::run(Command::new("curl").args(args), b"").code(), Some(0));
}

const TALK: &str = r#"
import json, sys
from websockets.sync.client import connect
from websockets.exceptions import InvalidStatus
uri = "ws://127.0.0.1:%s/" % sys.argv[1]
own = "http://127.0.0.1:%s" % sys.argv[1]
with connect(uri, subprotocols=["other", "sockeye.1"], origin=own) as ws:
    assert ws.subprotocol == "sockeye.1"
    assert json.loads(ws.recv(10))["type"] == "welcome"
    ws.send("hello")
    print("said", flush=True)
    assert json.loads(ws.recv(10))["id"]
for origin in ("http://evil.example", "http://127.0.0.1:1", "null"):
    try: connect(uri, subprotocols=["sockeye.1"], origin=origin)
    except InvalidStatus as refused: assert refused.response.status_code == 403
    else: raise AssertionError(origin)
with connect(uri, subprotocols=["sockeye.1"], origin="https://ours.example") as ws: ws.recv(10)
with connect(uri, subprotocols=["sockeye.1"]) as ws: ws.recv(10)
try: connect(uri, subprotocols=["other"])
except InvalidStatus as refused: assert refused.response.status_code == 400
print("done", flush=True)
"#;

#[test]
fn python_s_client_opens_a_websocket_at_the_rooms_own_port() {
    if !need(Need::PythonModule("websockets")) {
        return;
    }
    let room = start(Config { origins: vec!["https://ours.example".to_owned()], ..calm() });
    let mut plain = room.join();
    let port = room.address.port().to_string();
    let mut python = Process::spawn(Command::new("python3").args(["-c", TALK, &port]));
    python.wait_for("said");
    assert_eq!(plain.line(), "* plain-2 joined");
    assert_eq!(plain.line(), "<plain-2> hello");
    python.wait_for("done");
    let without = start(Config { web: false, ..calm() });
    let mut browser = without.connect();
    browser.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(String::from_utf8(browser.rest()).unwrap().starts_with("HTTP/1.1 404 "));
}

/// Asks a monitor's port.
fn ask(room: &Running, path: &str) -> String {
    let mut client = room.connect_to(at(room, Purpose::Monitor));
    client.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
    String::from_utf8(client.rest()).unwrap()
}

#[test]
fn a_monitor_sees_numbers_and_health() {
    let metrics = vec!["127.0.0.1:0".parse().unwrap()];
    let room = start(Config { metrics: metrics.clone(), max_clients: 1, ..calm() });
    let mut anna = room.join();
    let mut refused = room.connect();
    assert!(refused.rest().starts_with(b"* the room is full"));
    anna.send("one\ntwo\n/who\n");
    anna.until("* in #lobby");
    let text = ask(&room, "/metrics");
    assert!(text.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4;"));
    for number in [
        "sockeye_chat_clients_open 1\n",
        "sockeye_chat_clients_total 1\n",
        "sockeye_chat_entering_open 1\n",
        "sockeye_chat_lines_total 2\n",
        "sockeye_chat_received_bytes_total 13\n",
        "sockeye_chat_refused_total{reason=\"clients\"} 1\n",
        "sockeye_chat_tls_handshakes_total{result=\"done\"} 0\n",
    ] {
        assert!(text.contains(number), "{number} in {text}");
    }
    assert!(ask(&room, "/health").ends_with("\r\n\r\nok\n"));
    assert!(ask(&room, "/").starts_with("HTTP/1.1 404 "));
    if need(Need::Program("promtool")) {
        let body = text.split_once("\r\n\r\n").unwrap().1;
        let lint =
            Process::run(Command::new("promtool").args(["check", "metrics"]), body.as_bytes());
        assert_eq!((lint.code(), lint.out().as_str()), (Some(0), ""), "{}", lint.err());
    }
    let classic = start(Config { classic: true, metrics, ..calm() });
    assert!(ask(&classic, "/health").ends_with("ok\n"));
}

#[test]
fn a_crowd_that_says_nothing_whole_keeps_nobody_out() {
    let config =
        Config { entering_max: 20, metrics: vec!["127.0.0.1:0".parse().unwrap()], ..calm() };
    let room = start(config);
    let crowd: Vec<Client> = (0..100)
        .map(|_| {
            let mut client = room.connect();
            client.send("GET /");
            client
        })
        .collect();
    let mut anna = room.join();
    anna.send("/who\n");
    assert_eq!(anna.line(), "* in #lobby (1): plain-1");
    let evicted = |event: &&Event| matches!(event, Event::Refused { limit: Limit::Entering, .. });
    let count = room.events.lock().unwrap().iter().filter(evicted).count();
    assert!(count >= 80, "{count}");
    drop(crowd);
}

#[test]
fn one_address_connects_only_so_fast() {
    let connect_rate = Some(Rate { burst: 2, per_second: 1 });
    let room = start(Config { connect_rate, ..calm() });
    let (_first, _second) = (room.join(), room.join());
    let mut third = room.connect();
    let told = String::from_utf8(third.rest()).unwrap();
    assert_eq!(told, "* your address connects too often, try again in a moment\n");
    let limits: Vec<Event> = room.events.lock().unwrap().clone();
    let refused = |event: &Event| matches!(event, Event::Refused { limit: Limit::Rate, .. });
    assert_eq!(limits.iter().filter(|event| refused(event)).count(), 1);
}

#[test]
fn who_goes_on_the_way_in_leaves_nothing_behind() {
    let config = Config {
        max_clients: 3,
        silence: Duration::from_secs(60),
        metrics: vec!["127.0.0.1:0".parse().unwrap()],
        ..calm()
    };
    let room = start(config);
    for half in ["", "GET /", "hel", "PROXY "] {
        for _ in 0..3 {
            let mut client = room.connect();
            client.send(half);
            drop(client);
        }
    }
    // A place is free again as soon as the loop has seen that they are gone.
    let started = Instant::now();
    while !is_let_in(&room) {
        assert!(started.elapsed() < DEADLINE, "the places stay taken");
    }
}

/// Whether somebody who talks comes in; who is told that the room is full may be cut off by that.
fn is_let_in(room: &Running) -> bool {
    let mut stream = TcpStream::connect(room.address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let said = stream.write_all(b"hello\n/quit\n");
    let mut heard = Vec::new();
    let read = stream.read_to_end(&mut heard);
    let heard = String::from_utf8_lossy(&heard);
    said.is_ok() && read.is_ok() && heard.contains("* you are ")
}
