//! `sockeye chat` from outside, with the system's own `nc` as the other side.

use std::io::Write;
use std::process::Command;

use rustix::process::Signal;
use sockeye_testkit::{Need, Process, Rng, need};

fn sockeye(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).args(args);
    // What is kept on disk is looked at by `history`.
    command.env("SOCKEYE_CHAT_SERVE_HISTORY", "memory");
    command
}

/// Starts a room on a free port; gives the port.
fn serve(args: &[&str]) -> (Process, String) {
    let all = [&["chat", "serve", "-b", "127.0.0.1:0"], args].concat();
    let mut server = Process::spawn(&mut sockeye(&all));
    let port = server.wait_for("listening chat 127.0.0.1:");
    (server, port)
}

fn nc(port: &str) -> Process {
    Process::spawn(Command::new("nc").args(["127.0.0.1", port]))
}

fn say(process: &mut Process, bytes: impl AsRef<[u8]>) {
    process.stdin.as_mut().unwrap().write_all(bytes.as_ref()).unwrap();
}

#[test]
fn three_ncs_talk_and_a_signal_ends_the_room_in_good_order() {
    if !need(Need::Program("nc")) {
        return;
    }
    let (server, port) = serve(&["--flood", "off"]);
    let mut clients: Vec<Process> = Vec::new();
    for number in 1..=3 {
        let mut client = nc(&port);
        client.wait_for(&format!("* you are plain-{number} in #lobby; "));
        clients.push(client);
    }
    clients[0].wait_for("* plain-3 joined");
    clients[1].wait_for("* plain-3 joined");
    say(&mut clients[0], "hello\n");
    clients[1].wait_for("<plain-1> hello");
    clients[2].wait_for("<plain-1> hello");
    say(&mut clients[1], "/nick anna\nhi all\n/who\n");
    clients[0].wait_for("* plain-2 is now anna");
    clients[2].wait_for("<anna> hi all");
    clients[1].wait_for("* in #lobby (3): anna plain-1 plain-3");
    let third = clients.remove(2);
    let _ = third.stop(Signal::KILL);
    clients[0].wait_for("* plain-3 left");
    say(&mut clients[0], "/quit\n");
    clients[0].wait_for("* bye");
    clients[1].wait_for("* plain-1 left");
    let ended = server.stop(Signal::TERM);
    assert_eq!(ended.code(), Some(0), "{}", ended.err());
    clients[1].wait_for("* the server is stopping");
}

#[test]
fn the_classic_room_is_byte_exact() {
    if !need(Need::Program("nc")) {
        return;
    }
    let (server, port) = serve(&["--classic"]);
    // The room itself says nothing: who is connected first is let in first.
    let mut clients: Vec<Process> = Vec::new();
    for _ in 0..3 {
        let mut client = Process::spawn(Command::new("nc").args(["-v", "127.0.0.1", &port]));
        client.wait_for("Connection to 127.0.0.1");
        clients.push(client);
    }
    let mut bytes = vec![0; 200_000];
    Rng::new(7).fill(&mut bytes);
    bytes.extend_from_slice(b"\nthe end\n");
    let mut sender = clients.pop().unwrap();
    say(&mut sender, &bytes);
    for mut client in clients {
        client.wait_for("the end");
        assert!(client.stop(Signal::TERM).stdout == bytes, "byte-exact");
    }
    assert_eq!(sender.stop(Signal::TERM).out(), "", "nobody hears himself");
    assert_eq!(server.stop(Signal::INT).code(), Some(0));
}

#[test]
fn join_copies_lines_between_pipes_and_the_room() {
    let (server, port) = serve(&["--flood", "off"]);
    let place = format!("127.0.0.1:{port}");
    let mut listener = Process::spawn(&mut sockeye(&["chat", "join", &place]));
    listener.wait_for("* you are plain-1 in #lobby");
    let join = ["chat", "join", "--plain", "--nick", "Anna", &place];
    let talker = Process::run(&mut sockeye(&join), "one\nzwei ü\n".as_bytes());
    assert_eq!(talker.code(), Some(0), "{}", talker.err());
    assert!(talker.out().contains("* you are now Anna\n"), "{}", talker.out());
    listener.wait_for("* plain-2 is now Anna");
    listener.wait_for("<Anna> one");
    listener.wait_for("<Anna> zwei ü");
    listener.wait_for("* Anna left");
    assert_eq!(server.stop(Signal::TERM).code(), Some(0));
    let heard = listener.finish();
    assert_eq!(heard.code(), Some(0), "{}", heard.err());
    assert!(heard.out().ends_with("* the server is stopping\n"), "{}", heard.out());
}

#[test]
fn join_says_where_no_room_answers() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = free.local_addr().unwrap().to_string();
    drop(free);
    let ended = Process::run(&mut sockeye(&["chat", "join", &place]), b"");
    assert_eq!(ended.code(), Some(3));
    assert!(ended.err().contains(&format!("no room answers at {place}")), "{}", ended.err());
}

#[test]
fn join_ends_with_the_code_of_its_signal() {
    let (_server, port) = serve(&[]);
    let mut client = Process::spawn(&mut sockeye(&["chat", "join", &port]));
    client.wait_for("* you are plain-1");
    // Its end would be a reason to leave as well.
    let stdin = client.stdin.take();
    assert_eq!(client.stop(Signal::INT).code(), Some(130));
    drop(stdin);
}

#[test]
fn wrong_flags_end_with_2_and_say_what_is_right() {
    let cases: [(&[&str], &str); 10] = [
        (&["--flood", "fast"], "5:2/s"),
        (&["--charset", "utf-16le"], "no charset"),
        (&["--room", "lobby"], "the name of a room is #"),
        (&["--slow", "maybe"], "close, drop"),
        (&["--sendq", "lots"], "1GiB"),
        (&["-b", "nonsense:x"], "is not an address"),
        (&["--sendq", "1"], "at least 16384"),
        (&["--max-clients", "many"], "--max-clients"),
        (&["--max-clients", "0"], "a number from 1"),
        (&["--grace", "200000000000000d"], "100 years"),
    ];
    for (args, expected) in cases {
        let all = [&["chat", "serve"], args].concat();
        let ended = Process::run(&mut sockeye(&all), b"");
        assert_eq!(ended.code(), Some(2), "{args:?}: {}", ended.err());
        assert!(ended.err().contains(expected), "{args:?}: {}", ended.err());
    }
    let ended = Process::run(&mut sockeye(&["chat", "join", "--nick", "plain-3"]), b"");
    assert_eq!(ended.code(), Some(2));
    assert!(ended.err().contains("given by the server"), "{}", ended.err());
}

#[test]
fn a_port_in_use_is_an_error_that_names_it() {
    let (server, port) = serve(&[]);
    let place = format!("127.0.0.1:{port}");
    let ended = Process::run(&mut sockeye(&["chat", "serve", "-b", &place]), b"");
    assert_eq!(ended.code(), Some(3));
    assert!(ended.err().contains(&place), "{}", ended.err());
    assert_eq!(server.stop(Signal::TERM).code(), Some(0));
    let mut again = Process::spawn(&mut sockeye(&["chat", "serve", "-b", &place]));
    again.wait_for("listening chat ");
}

#[test]
fn without_descriptors_clients_wait_and_are_served_when_there_are_some() {
    if !need(Need::Program("nc")) {
        return;
    }
    let binary = env!("CARGO_BIN_EXE_sockeye");
    let script = format!("ulimit -n 24; exec {binary} chat serve --history memory -b 127.0.0.1:0");
    let mut server = Process::spawn(Command::new("sh").args(["-c", &script]));
    let port = server.wait_for("listening chat 127.0.0.1:");
    let mut clients: Vec<Process> = Vec::new();
    for _ in 0..24 {
        clients.push(nc(&port));
    }
    clients[0].wait_for("* you are plain-");
    let mut last = clients.pop().unwrap();
    clients.truncate(1);
    last.wait_for("* you are plain-");
    say(&mut last, "made it\n");
    clients[0].wait_for("<plain-");
    let ended = server.stop(Signal::TERM);
    assert_eq!(ended.code(), Some(0), "{}", ended.err());
    assert!(ended.err().contains("no descriptors left"), "{}", ended.err());
}
