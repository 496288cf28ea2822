//! `sockeye up`: three ports, their ready lines, what it refuses, one stop.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;

use rustix::process::Signal;
use sockeye_testkit::Process;
use tempfile::TempDir;

/// The MD5 of `hello`, from RFC 1321's reference program.
const MD5_OF_HELLO: &str = "5d41402abc4b2a76b9719d911017c592";
const FREE_PORTS: [&str; 6] = [
    "--bind=127.0.0.1:0",
    "--chat-listen=127.0.0.1:0",
    "--receive-listen=127.0.0.1:0",
    "--no-qr",
    "--grace",
    "10s",
];

/// A home, and in it the shared folder.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("share")).unwrap();
    fs::write(home.path().join("share/a.txt"), "a file").unwrap();
    home
}

fn up(home: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", home.path()).current_dir(home.path()).arg("up").args(args);
    command
}

fn ask(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

#[test]
fn one_command_serves_files_a_room_and_an_inbox_until_a_signal() {
    let home = home();
    let mut hub = Process::spawn(up(&home, &["share"]).args(FREE_PORTS));
    let files = hub.wait_for("listening http http://127.0.0.1:");
    let room = hub.wait_for("listening chat 127.0.0.1:");
    let inbox = hub.wait_for("listening receive 127.0.0.1:");
    let files = files.trim_end_matches('/');

    let get = b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert!(ask(&format!("127.0.0.1:{files}"), get).ends_with("a file"));
    let said = ask(&format!("127.0.0.1:{room}"), b"hello\n/quit\n");
    assert!(said.contains("you are plain-1"), "{said}");
    ask(&format!("127.0.0.1:{inbox}"), format!("{MD5_OF_HELLO}hello").as_bytes());
    let received = home.path().join(".local/share/sockeye/inbox/received_file");
    assert_eq!(fs::read(received).unwrap(), b"hello");

    let finished = hub.stop(Signal::TERM);
    assert_eq!(finished.code(), Some(0), "{}", finished.err());
}

#[test]
fn only_runs_what_it_names() {
    let home = home();
    let args = ["share", "--only", "chat", "--chat-listen", "127.0.0.1:0"];
    let mut hub = Process::spawn(&mut up(&home, &args));
    hub.wait_for("listening chat ");
    let finished = hub.stop(Signal::INT);
    assert_eq!(finished.code(), Some(0), "{}", finished.err());
    assert_eq!(finished.out().lines().count(), 1, "{}", finished.out());
    let kept = home.path().join(".local/share/sockeye");
    assert!(kept.join("chat/history.db").exists(), "what the room keeps");
    assert!(!kept.join("inbox").exists(), "no inbox was asked for");
}

#[test]
fn a_second_hub_finds_its_place_beside_the_first() {
    let home = home();
    let chat = ["share", "--only=chat", "--chat-listen=127.0.0.1:0"];
    let mut first = Process::spawn(&mut up(&home, &chat));
    first.wait_for("listening chat ");
    let mut second = Process::spawn(&mut up(&home, &chat));
    let address = second.wait_for("listening chat ");
    let said = second.stop(Signal::TERM);
    assert!(!address.is_empty());
    assert!(said.err().contains("is in use by another sockeye"), "{}", said.err());
    assert_eq!(said.code(), Some(0), "{}", said.err());
    let kept = first.stop(Signal::TERM);
    assert!(!kept.err().contains("in use"), "{}", kept.err());
}

#[test]
fn a_port_in_use_moves_to_the_next_free_one_and_says_so() {
    let home = home();
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port();
    let bind = format!("--bind=127.0.0.1:{port}");
    let mut hub = Process::spawn(&mut up(&home, &["share", "--only=files", &bind]));
    let got = hub.wait_for("listening http http://127.0.0.1:");
    let finished = hub.stop(Signal::TERM);
    assert_ne!(got.trim_end_matches('/'), port.to_string());
    let said = finished.err();
    assert!(said.contains(&format!("127.0.0.1:{port} is in use by ")), "{said}");
    assert!(said.contains("files takes 127.0.0.1:"), "{said}");
}

#[test]
fn what_would_share_too_much_is_refused_with_a_way_out() {
    let home = home();
    let inside = home.path().join("share/inbox");
    let inbox = format!("--inbox={}", inside.display());
    for (args, says) in [
        (vec!["."], "share a smaller folder, or say --yes"),
        (vec!["/"], "share a smaller folder, or say --yes"),
        (vec!["share", &inbox], "lies inside the shared folder"),
        (vec!["share/a.txt"], "`sockeye serve FILE` shares one file"),
        (vec!["share", "--only=chat,drop"], "--only files,drop"),
    ] {
        let finished = Process::run(up(&home, &args).args(FREE_PORTS), b"");
        assert_eq!(finished.code(), Some(2), "{args:?}: {}", finished.err());
        assert!(finished.err().contains(says), "{args:?}: {}", finished.err());
    }
    let finished = Process::run(up(&home, &["nowhere"]).args(FREE_PORTS), b"");
    assert_eq!(finished.code(), Some(3));
    assert!(finished.err().contains("cannot open the folder nowhere"), "{}", finished.err());
}

#[test]
fn flags_of_a_part_stand_in_its_table() {
    let home = home();
    let file = home.path().join("hub.toml");
    fs::write(&file, "[serve]\nhidden = true\n[chat.serve]\nroom = ['#lab']\n").unwrap();
    fs::write(home.path().join("share/.dot"), "seen").unwrap();
    let config = format!("--config={}", file.display());
    let mut hub = Process::spawn(up(&home, &["share", &config]).args(FREE_PORTS));
    let files = hub.wait_for("listening http http://127.0.0.1:");
    let room = hub.wait_for("listening chat 127.0.0.1:");
    let get = b"GET /.dot HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let address = format!("127.0.0.1:{}", files.trim_end_matches('/'));
    assert!(ask(&address, get).ends_with("seen"));
    assert!(ask(&format!("127.0.0.1:{room}"), b"/quit\n").contains("#lab"));
    assert_eq!(hub.stop(Signal::TERM).code(), Some(0));
}

#[test]
fn the_page_takes_drops_where_asked_to_and_is_locked_where_asked_to() {
    let home = home();
    let args = ["share", "--name", "workshop", "--only", "files,chat,drop"];
    let mut hub = Process::spawn(up(&home, &args).args(FREE_PORTS));
    let files = hub.wait_for("listening http http://127.0.0.1:");
    let at = format!("127.0.0.1:{}", files.trim_end_matches('/'));
    let request = |line: &str, rest: &str| {
        format!("{line} HTTP/1.1\r\nHost: workshop.local\r\nConnection: close\r\n{rest}")
    };
    let page = ask(&at, request("GET /", "\r\n").as_bytes());
    assert!(page.contains("<title>workshop</title>") && page.contains("/~drop"), "{page}");
    let put = request("PUT /~drop/b.txt", "Content-Length: 5\r\n\r\nhello");
    assert!(ask(&at, put.as_bytes()).starts_with("HTTP/1.1 201 "));
    let dropped = home.path().join(".local/share/sockeye/inbox/b.txt");
    assert_eq!(fs::read(dropped).unwrap(), b"hello");
    let foreign = b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert!(ask(&at, foreign).starts_with("HTTP/1.1 421 "));
    assert_eq!(hub.stop(Signal::TERM).code(), Some(0));

    fs::write(home.path().join("password"), "secret\n").unwrap();
    let args = ["share", "--password-file", "password", "--only", "files,chat"];
    let mut hub = Process::spawn(up(&home, &args).args(FREE_PORTS));
    let files = hub.wait_for("listening http http://127.0.0.1:");
    let at = format!("127.0.0.1:{}", files.trim_end_matches('/'));
    let get = |field: &str| {
        format!("GET /a.txt HTTP/1.1\r\nHost: localhost\r\n{field}Connection: close\r\n\r\n")
    };
    assert!(ask(&at, get("").as_bytes()).starts_with("HTTP/1.1 401 "));
    let right = get("Authorization: Basic OnNlY3JldA==\r\n");
    assert!(ask(&at, right.as_bytes()).ends_with("a file"));
    assert_eq!(hub.stop(Signal::TERM).code(), Some(0));
}

#[test]
fn a_password_needs_a_place_to_come_from() {
    let home = home();
    fs::write(home.path().join("empty"), "\n").unwrap();
    for (args, says) in [
        (["share", "--password", "--yes"], "no terminal to ask for the password"),
        (["share", "--password-file", "empty"], "the first line of empty is empty"),
        (["share", "--share-inbox", "--yes"], "--drop"),
        (["share", "--name", "a b"], "expected letters, digits and hyphens"),
    ] {
        let finished = Process::run(up(&home, &args).args(FREE_PORTS), b"");
        assert_eq!(finished.code(), Some(2), "{args:?}: {}", finished.err());
        assert!(finished.err().contains(says), "{args:?}: {}", finished.err());
    }
}
