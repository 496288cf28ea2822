//! What a room keeps: over restarts, kills and a disk that takes no more.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};
use sockeye_testkit::{DEADLINE, Process};

fn sockeye(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).args(args);
    command
}

fn serve(data: &Path, args: &[&str]) -> (Process, String) {
    let data = data.to_str().unwrap();
    let base = ["chat", "serve", "-b", "127.0.0.1:0", "--flood", "off", "--data", data];
    let mut server = Process::spawn(&mut sockeye(&[&base, args].concat()));
    let place = server.wait_for("listening chat ");
    (server, place)
}

/// Somebody who types lines.
struct Client {
    stream: TcpStream,
    lines: BufReader<TcpStream>,
}

impl Client {
    fn join(place: &str) -> Client {
        let stream = TcpStream::connect(place).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap());
        let mut client = Client { stream, lines };
        client.until("* you are ");
        client
    }

    fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    /// The next line; empty at the end of the stream.
    fn line(&mut self) -> String {
        let mut line = String::new();
        // A server that was killed may reset what it had not read.
        let _ = self.lines.read_line(&mut line);
        line
    }

    /// All lines up to the one that has this in it.
    fn until(&mut self, text: &str) -> Vec<String> {
        let mut seen: Vec<String> = Vec::new();
        loop {
            seen.push(self.line());
            let last = seen.last().unwrap();
            assert!(!last.is_empty(), "ended without {text:?}: {seen:?}");
            if last.contains(text) {
                return seen;
            }
        }
    }
}

fn read(data: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let data = data.to_str().unwrap();
    let ended = Process::run(&mut sockeye(&[&["chat"], args, &["--data", data]].concat()), b"");
    (ended.code(), ended.out(), ended.err())
}

fn export(data: &Path) -> Vec<String> {
    let (code, out, err) = read(data, &["export", "#lobby"]);
    assert_eq!(code, Some(0), "{err}");
    let said = |line: &str| line.split_once("> ").map(|(_, text)| text.to_owned());
    out.lines().filter_map(said).collect()
}

#[test]
fn what_was_said_is_there_after_a_restart_for_people_and_programs() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (server, place) = serve(&data, &[]);
    let mut client = Client::join(&place);
    client.say("/nick anna\n/me waves\nlunch on Friday? \x1b[31m\u{202e}x\nno\n/who\n");
    client.until("* in #lobby (1): anna");
    let (code, out, _) = read(&data, &["search", "friday"]);
    assert_eq!(code, Some(0), "while the server runs");
    assert!(out.ends_with(" <anna> lunch on Friday? \\x1b[31m\\u{202e}x\n"), "{out:?}");
    assert_eq!(server.stop(Signal::TERM).code(), Some(0));

    let (server, place) = serve(&data, &[]);
    let mut client = Client { ..Client::join(&place) };
    client.say("yes, lunch\n/who\n");
    client.until("* in #lobby");
    let mut other = TcpStream::connect(&place).unwrap();
    other.write_all(b"/quit\n").unwrap();
    let shown: Vec<String> = BufReader::new(other).lines().map(Result::unwrap).take(5).collect();
    let expected = ["* earlier in #lobby:", "* anna waves", "<anna> lunch on Friday? [31mx"];
    assert_eq!(shown[..3], expected);
    assert_eq!(shown[3..], ["<anna> no", "<plain-1> yes, lunch"]);
    assert_eq!(server.stop(Signal::TERM).code(), Some(0));

    let (code, out, _) = read(&data, &["search", "LUNCH"]);
    let said: Vec<&str> =
        out.lines().filter_map(|line| line.split_once(" <")).map(|p| p.1).collect();
    assert_eq!(code, Some(0));
    assert_eq!(said, ["plain-1> yes, lunch", "anna> lunch on Friday? \\x1b[31m\\u{202e}x"]);
    let nothing = read(&data, &["search", "--room", "#games", "lunch"]);
    assert_eq!((nothing.0, nothing.1.as_str()), (Some(1), ""));
    let (_, out, _) = read(&data, &["export", "#Lobby", "--format", "jsonl"]);
    let events: Vec<serde_json::Value> =
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said = events.iter().filter(|object| object["event"]["kind"] == "said");
    assert_eq!(said.count(), 4);
    let text = "lunch on Friday? \u{1b}[31m\u{202e}x";
    assert!(events.iter().any(|object| object["event"]["text"] == text), "as it was said: {out}");
    assert!(!out.contains(['\u{1b}', '\u{202e}']), "{out:?}");
    let unique: std::collections::BTreeSet<_> =
        events.iter().map(|object| object["id"].to_string()).collect();
    assert_eq!(unique.len(), events.len());
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (server, _) = serve(&data, &[]);
    let place = data.to_str().unwrap();
    let second = ["chat", "serve", "-b", "127.0.0.1:0", "--data", place];
    let ended = Process::run(&mut sockeye(&second), b"");
    assert_eq!(ended.code(), Some(3));
    assert!(ended.err().contains("is in use by another sockeye (process "), "{}", ended.err());
    assert_eq!(server.stop(Signal::TERM).code(), Some(0));
    let ended = Process::run(&mut sockeye(&["chat", "serve", "-b", "127.0.0.1:0"]), b"");
    assert_eq!(ended.code(), Some(2));
    assert!(ended.err().contains("--data DIR"), "{}", ended.err());
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let inside = file.join("data");
    let args = ["chat", "serve", "-b", "127.0.0.1:0", "--data", inside.to_str().unwrap()];
    let ended = Process::run(&mut sockeye(&args), b"");
    assert_eq!(ended.code(), Some(3));
    assert!(ended.err().contains("cannot be used"), "{}", ended.err());
    let cases: [(&[&str], i32, &str); 5] = [
        (&["export", "#nowhere"], 1, "there is something of"),
        (&["search", "?!"], 2, "no word"),
        (&["search", "no", "such", "thing"], 1, ""),
        (&["export", "#lobby", "--format", "xml"], 2, "jsonl"),
        (&["serve", "--retention", "0s"], 2, "--history off"),
    ];
    for (args, code, expected) in cases {
        let (ended, _, err) = read(&data, args);
        assert_eq!(ended, Some(code), "{args:?}: {err}");
        assert!(err.contains(expected), "{args:?}: {err}");
    }
    let none = folder.path().join("none");
    assert!(read(&none, &["search", "x"]).2.contains("there is no history in"));
    assert!(!none.exists(), "a look makes nothing");
}

/// The acceptance line with a smaller number; conformance/durability has the whole.
#[test]
fn a_killed_server_has_kept_what_anyone_has_seen_once_and_in_order() {
    for durability in ["normal", "full"] {
        let folder = tempfile::tempdir().unwrap();
        let (server, place) = serve(folder.path(), &["--durability", durability]);
        let mut listener = Client::join(&place);
        let mut speaker = Client::join(&place);
        let lines: String = (1..=3000).map(|number| format!("{number}\n")).collect();
        speaker.say(&lines);
        listener.until("<plain-2> 300\n");
        drop(server.stop(Signal::KILL));
        let mut seen = 300;
        loop {
            let line = listener.line();
            // The last line may have been cut.
            let Some(text) = line.strip_suffix('\n') else { break };
            seen += 1;
            assert_eq!(text, format!("<plain-2> {seen}"));
        }
        let kept = export(folder.path());
        let expected: Vec<String> = (1..=kept.len()).map(|number| number.to_string()).collect();
        assert_eq!(kept, expected, "once, and in order");
        assert!(kept.len() >= seen, "{seen} were seen, {} kept", kept.len());
        let (server, place) = serve(folder.path(), &["--durability", durability]);
        let mut client = Client::join(&place);
        client.say("on and on\n/who\n");
        client.until("* in #lobby");
        assert_eq!(server.stop(Signal::TERM).code(), Some(0));
        assert_eq!(export(folder.path()).last().map(String::as_str), Some("on and on"));
    }
}

#[test]
fn a_full_disk_makes_the_room_read_only_until_there_is_space() {
    let folder = tempfile::tempdir().unwrap();
    let binary = env!("CARGO_BIN_EXE_sockeye");
    let data = folder.path().to_str().unwrap();
    // In units of 512 bytes. What cannot grow is the disk, for whoever writes.
    let script = format!(
        "trap '' XFSZ; ulimit -S -f 800; \
         exec {binary} chat serve -b 127.0.0.1:0 --flood off --data {data}"
    );
    let mut server = Process::spawn(Command::new("sh").args(["-c", &script]));
    let place = server.wait_for("listening chat ");
    let mut listener = Client::join(&place);
    let mut speaker = Client::join(&place);
    let padding = "x".repeat(1000);
    let mut said = 0;
    let heard = loop {
        said += 1;
        speaker.say(&format!("{said} {padding}\n/who\n"));
        let answer = speaker.until("* in #lobby");
        if answer.iter().any(|line| line.starts_with("* that was not said")) {
            break said - 1;
        }
        assert!(said < 2000, "the limit does not hold");
    };
    let told =
        listener.until("* nothing can be said for now, only read: the disk does not take it");
    assert_eq!(told.iter().filter(|line| line.starts_with("<plain-2> ")).count(), heard);
    // Who comes in is let in, and reads.
    let mut third = Client::join(&place);
    third.say("hello?\n");
    third.until("* that was not said");
    let unlimited = Rlimit { current: None, maximum: None };
    let pid = Pid::from_raw(i32::try_from(server.id()).unwrap());
    prlimit(pid, Resource::Fsize, unlimited).unwrap();
    listener.until("* messages are kept again: go on");
    speaker.until("* messages are kept again: go on");
    speaker.say("again\n");
    listener.until("<plain-2> again");
    let ended = server.stop(Signal::TERM);
    assert_eq!(ended.code(), Some(0), "{}", ended.err());
    assert!(ended.err().contains("messages cannot be kept"), "{}", ended.err());
    let kept = export(folder.path());
    let numbers: Vec<&str> = kept.iter().filter_map(|text| text.split(' ').next()).collect();
    let mut expected: Vec<String> = (1..=heard).map(|number| number.to_string()).collect();
    expected.push("again".to_owned());
    assert_eq!(numbers, expected, "all that was heard, and nothing that was refused");
}
