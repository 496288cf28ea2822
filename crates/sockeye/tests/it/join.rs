//! `sockeye chat join` by IRC between pipes, with a server that is played.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::Signal;
use sockeye_testkit::{Need, Process, need};

fn sockeye(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).args(args);
    command
}

/// A server that answers each line with what `answer` makes of it, until the client ends or one of
/// the answers is `None`. Gives its port, and in the end what it heard.
fn play(
    answer: impl Fn(&str) -> Option<String> + Send + 'static,
) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let played = std::thread::spawn(move || {
        let (mut stream, _): (TcpStream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut heard = Vec::new();
        for line in BufReader::new(stream.try_clone().unwrap()).lines() {
            let line = line.unwrap();
            let answer = answer(&line);
            heard.push(line);
            let Some(answer) = answer else { break };
            stream.write_all(answer.as_bytes()).unwrap();
        }
        heard
    });
    (port, played)
}

/// What a small server says.
fn usual(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split(' ').collect();
    Some(match words.as_slice() {
        ["CAP", "LS", ..] => ":s NOTICE * :wait\r\n:s CAP * LS :sasl=PLAIN\r\n".to_owned(),
        ["CAP", "REQ", ..] => {
            let caps = line.trim_start_matches("CAP REQ :");
            format!(":s CAP * ACK :{caps}\r\n")
        }
        ["AUTHENTICATE", "PLAIN"] => "AUTHENTICATE +\r\n".to_owned(),
        ["AUTHENTICATE", "AGFubmEAc2VjcmV0"] => ":s 903 anna :you are in\r\n".to_owned(),
        ["AUTHENTICATE", _] => ":s 904 anna :wrong password\r\n".to_owned(),
        ["CAP", "END"] => ":s 001 anna :Welcome\r\n:s 372 anna :the news of the day\r\n".to_owned(),
        ["PING", token] => format!(":s PONG s {token}\r\n"),
        ["JOIN", room] => format!(
            ":anna!a@h JOIN {room}\r\n:s 353 anna = {room} :anna bob\r\n:s 366 anna {room} :.\r\n\
             :bob!b@h PRIVMSG {room} :hello \x1b[2Janna\r\n:bob!b@h PRIVMSG anna :psst\r\n"
        ),
        ["QUIT", ..] => return None,
        _ => String::new(),
    })
}

#[test]
fn lines_of_stdin_are_said_and_what_happens_is_told() {
    let (port, played) = play(usual);
    let url = format!("irc://127.0.0.1:{port}/lobby");
    let join = ["chat", "join", "--plain", "--nick", "anna", &url];
    let ended = Process::run(&mut sockeye(&join), "one\n\n/me waves\n/nick Anne\n".as_bytes());
    assert_eq!(ended.code(), Some(0), "{}", ended.err());
    let expected = "* you joined\n* 2 people are here\n<bob> hello \\x1b[2Janna\nbob <bob> psst\n";
    assert_eq!(ended.out(), expected);
    let heard = played.join().unwrap();
    let said = [
        "JOIN #lobby",
        "PRIVMSG #lobby :one",
        "PRIVMSG #lobby :\x01ACTION waves\x01",
        "NICK Anne",
        "QUIT :bye",
    ];
    assert!(heard.ends_with(&said.map(str::to_owned)), "{heard:?}");
}

#[test]
fn an_account_s_password_comes_from_a_file_or_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    fs::write(&file, "secret\n").unwrap();
    let (port, played) = play(usual);
    let (port, file) = (port.to_string(), file.to_str().unwrap());
    let join = ["chat", "join", "--plain", "--account", "anna", "--password-file", file, &port];
    let ended = Process::run(&mut sockeye(&join), b"hi\n");
    assert_eq!(ended.code(), Some(0), "{}", ended.err());
    assert!(played.join().unwrap().contains(&"PRIVMSG #lobby :hi".to_owned()));
    let (port, _played) = play(usual);
    let port = port.to_string();
    let mut join = sockeye(&["chat", "join", "--plain", "--account", "anna", &port]);
    let ended = Process::run(join.env("SOCKEYE_PASSWORD", "wrong"), b"hi\n");
    assert_eq!(ended.code(), Some(3));
    assert!(ended.err().contains("the login to the account failed: wrong password"));
    assert!(!ended.err().contains("secret"));
}

#[test]
fn a_server_that_goes_is_an_error_and_a_signal_has_its_code() {
    let (port, played) = play(|line| if line.starts_with("JOIN") { None } else { usual(line) });
    let url = format!("irc://127.0.0.1:{port}/lobby");
    let ended = Process::run(&mut sockeye(&["chat", "join", "--nick", "anna", &url]), b"one\n");
    assert_eq!(ended.code(), Some(3));
    assert!(ended.err().contains("the connection to the room is lost"), "{}", ended.err());
    played.join().unwrap();
    let (port, played) = play(usual);
    let url = format!("irc://127.0.0.1:{port}/lobby");
    let mut client = Process::spawn(&mut sockeye(&["chat", "join", "--nick", "anna", &url]));
    client.wait_for("<bob> hello");
    // Its end would be a reason to leave as well.
    let stdin = client.stdin.take();
    assert_eq!(client.stop(Signal::TERM).code(), Some(143));
    drop(stdin);
    assert!(played.join().unwrap().contains(&"QUIT :bye".to_owned()), "it says goodbye");
}

#[test]
fn flags_that_cannot_be_are_refused() {
    for (args, expected) in [
        (&["http://pi/"][..], "is no place to talk"),
        (&["irc://me:secret@pi/"], "--nick and --account"),
        (&["--insecure", "pi"], "about TLS"),
        (&["--fingerprint", "ab", "ircs://pi"], "64 digits"),
        (&["--room", "a b", "pi"], "the name of a room"),
        (&["--scrollback", "1", "pi"], "from 100 to 1000000"),
        (&["--account", "a", "--password-file", "/no/such/file", "pi"], "/no/such/file"),
    ] {
        let ended = Process::run(&mut sockeye(&[&["chat", "join"], args].concat()), b"");
        assert_ne!(ended.code(), Some(0), "{args:?}");
        assert!(ended.err().contains(expected), "{args:?}: {}", ended.err());
    }
}

#[test]
fn on_a_terminal_keys_are_typed_and_the_screen_is_left_as_it_was() {
    if !need(Need::Program("script")) {
        return;
    }
    let (told, heard) = channel();
    let (port, played) = play(move |line| {
        // Whoever listened may have heard enough.
        let _ = told.send(line.to_owned());
        usual(line)
    });
    let wait = |wanted: &str| loop {
        let line = heard.recv_timeout(Duration::from_secs(60)).expect(wanted);
        if line == wanted {
            break;
        }
    };
    let binary = env!("CARGO_BIN_EXE_sockeye");
    let join = format!("exec {binary} chat join --nick anna irc://127.0.0.1:{port}/lobby");
    let shell = format!("stty rows 24 cols 80; {join}");
    let mut script = Command::new("script");
    script.args(["-qec", &shell, "/dev/null"]).env("TERM", "xterm-256color");
    let mut client = Process::spawn(&mut script);
    let mut keys = client.stdin.take().unwrap();
    let mut press = |bytes: &[u8]| keys.write_all(bytes).unwrap();
    wait("JOIN #lobby");
    // The room is looked at once its list of names has come: a command needs none.
    press(b"/msg bob first\r");
    wait("PRIVMSG bob :first");
    press(b"ab\x1b[D\x1b[D\x1b[3~\r");
    wait("PRIVMSG #lobby :b");
    press(b"\x1b[200~one\r/quit\r\x1b[201~");
    press(b"y");
    wait("PRIVMSG #lobby :one");
    wait("PRIVMSG #lobby :/quit");
    press(b"\x03");
    wait("QUIT :bye");
    let ended = client.finish();
    assert_eq!(ended.code(), Some(0), "{}", ended.out());
    let out = ended.out();
    assert!(out.contains("\x1b[?1049h") && out.contains("\x1b[?1049l"), "{out:?}");
    assert!(out.contains("psst") || out.contains("hello"), "{out:?}");
    assert!(!out.contains("\x1b[2Janna"), "{out:?}");
    played.join().unwrap();
}
