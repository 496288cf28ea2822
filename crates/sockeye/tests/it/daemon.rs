//! What service managers ask of a server: sockets handed over, readiness told, privileges dropped.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use sockeye_testkit::{Need, Process, need};

/// `sockeye` with a clean environment.
fn sockeye() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("SOCKEYE_CHAT_SERVE_HISTORY", "memory");
    command
}

/// Starts `sockeye ARGS` by a shell that puts `listener` where a service manager would: at
/// descriptor 3.
fn activated(listener: TcpListener, args: &str) -> Child {
    let script = format!("exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" {args}");
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(env!("CARGO_BIN_EXE_sockeye"));
    command.stdin(Stdio::from(OwnedFd::from(listener))).stdout(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_server_takes_the_socket_that_it_was_handed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), "a file").unwrap();
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap();
    let args = format!("serve --bind 127.0.0.1:1 {}", folder.path().display());
    let mut server = activated(held, &args);
    let mut ready = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert_eq!(ready, format!("listening http http://{address}/\n"));
    let mut browser = TcpStream::connect(address).unwrap();
    browser.write_all(b"GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    browser.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("a file"), "{answer}");
    kill_process(Pid::from_child(&server), Signal::TERM).unwrap();
    assert_eq!(server.wait().unwrap().code(), Some(0));
}

#[test]
fn what_the_service_manager_promises_has_to_be_there() {
    let mut command = Command::new("sh");
    command.arg("-c").arg("exec 3</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" chat serve");
    let finished = Process::run(command.arg(env!("CARGO_BIN_EXE_sockeye")), b"");
    assert_eq!(finished.code(), Some(3));
    assert!(finished.err().contains("descriptor 3"), "{}", finished.err());
}

#[test]
fn a_server_that_lacks_descriptors_for_its_workers_says_so_and_ends() {
    let mut command = Command::new("sh");
    command.arg("-c").arg("ulimit -n 12; exec \"$0\" serve -b 127.0.0.1:0 --threads 4");
    let finished = Process::run(command.arg(env!("CARGO_BIN_EXE_sockeye")), b"");
    assert_eq!(finished.code(), Some(3), "{}", finished.err());
    assert!(finished.err().contains("Too many open files"), "{}", finished.err());
}

#[test]
fn readiness_is_told_to_the_service_manager() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(sockeye_testkit::DEADLINE)).unwrap();
    let mut command = sockeye();
    command.args(["chat", "serve", "-b", "127.0.0.1:0"]).env("NOTIFY_SOCKET", &path);
    let server = Process::spawn(&mut command);
    let mut said = [0; 64];
    let len = manager.recv(&mut said).unwrap();
    assert_eq!(&said[..len], b"READY=1");
    assert_eq!(server.stop(Signal::TERM).code(), Some(0));
}

#[test]
fn a_log_line_in_json_has_the_documented_fields() {
    let mut command = sockeye();
    command.args(["chat", "serve", "-b", "127.0.0.1:0", "-v", "--log-format", "json"]);
    let mut server = Process::spawn(&mut command);
    let address = server.wait_for("listening chat ");
    drop(TcpStream::connect(address).unwrap());
    let finished = server.stop(Signal::TERM);
    let log = finished.err();
    assert!(log.lines().count() > 1, "{log}");
    for line in log.lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        for field in ["timestamp", "level", "target", "message"] {
            assert!(object[field].is_string(), "{field}: {line}");
        }
        let timestamp = object["timestamp"].as_str().unwrap();
        assert!(timestamp.len() == 27 && timestamp.ends_with('Z'), "{timestamp}");
        assert!(["WARN", "INFO"].contains(&object["level"].as_str().unwrap()), "{line}");
        assert!(object["target"].as_str().unwrap().starts_with("sockeye"), "{line}");
    }
}

#[test]
fn every_thread_of_a_server_becomes_the_user() {
    if !need(Need::Root) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let share = folder.path().to_str().unwrap();
    for (args, ready) in [
        (vec!["serve", "-b", "127.0.0.1:0", share], "listening http "),
        (vec!["chat", "serve", "-b", "127.0.0.1:0"], "listening chat "),
        (vec!["receive", "--plain-md5", "--keep", "-y", "-b", "127.0.0.1:0"], "listening receive "),
    ] {
        let mut command = sockeye();
        command.current_dir(folder.path()).args(&args).args(["--user", "nobody"]);
        let mut server = Process::spawn(&mut command);
        server.wait_for(ready);
        let tasks = fs::read_dir(format!("/proc/{}/task", server.id())).unwrap();
        for task in tasks {
            let path = task.unwrap().path().join("status");
            let Ok(status) = fs::read_to_string(&path) else { continue };
            let uids = status.lines().find(|line| line.starts_with("Uid:")).unwrap();
            assert!(!uids.split_whitespace().any(|uid| uid == "0"), "{args:?}: {uids}");
            let caps = status.lines().find(|line| line.starts_with("CapPrm:")).unwrap();
            assert!(caps.ends_with("0000000000000000"), "{args:?}: {caps}");
        }
        assert_eq!(server.stop(Signal::TERM).code(), Some(0), "{args:?}");
    }
}

#[test]
fn an_unknown_user_is_a_usage_error() {
    let finished = Process::run(sockeye().args(["serve", "--user", "no-such-user"]), b"");
    assert_eq!(finished.code(), Some(2));
    assert!(finished.err().contains("no-such-user"), "{}", finished.err());
}

#[test]
fn the_access_log_is_opened_anew_after_sighup_and_the_server_goes_on() {
    if !need(Need::Program("setsid")) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [log, old] = ["log", "log.1"].map(|name| folder.path().join(name));
    let mut command = Command::new("setsid");
    command.arg(env!("CARGO_BIN_EXE_sockeye")).args(["serve", "-b", "127.0.0.1:0"]);
    command.arg("--access-log-file").arg(&log).arg(folder.path());
    let mut server = Process::spawn(&mut command);
    let address = server.wait_for("listening http http://").trim_end_matches('/').to_owned();
    let get = || {
        let mut browser = TcpStream::connect(&address).unwrap();
        browser.write_all(b"GET /log.1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        browser.read_to_string(&mut answer).unwrap();
    };
    get();
    fs::rename(&log, &old).unwrap();
    server.signal(Signal::HUP);
    // The signal is handled some time after it was sent: each request writes a line, and one of
    // them opens the file anew.
    let found = (0..100_000).any(|_| {
        get();
        log.exists()
    });
    assert!(found, "the log was not opened anew");
    assert_eq!(server.stop(Signal::TERM).code(), Some(0));
    assert!(fs::read_to_string(&log).unwrap().contains("GET /log.1"));
}

#[test]
fn what_is_served_is_all_that_can_be_opened_unless_told_otherwise() {
    if !need(Need::Program("setsid")) || !need(Need::Landlock) {
        return;
    }
    for (flags, word) in [(&[][..], "cannot open the access log again"), (&["--no-sandbox"], "")] {
        let [folder, outside] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let [log, elsewhere] = [folder.path().join("log"), outside.path().join("log")];
        let mut command = Command::new("setsid");
        command.arg(env!("CARGO_BIN_EXE_sockeye")).args(["serve", "-v", "-b", "127.0.0.1:0"]);
        command.args(flags).arg("--access-log-file").arg(&log).arg(folder.path());
        let mut server = Process::spawn(&mut command);
        let address = server.wait_for("listening http http://").trim_end_matches('/').to_owned();
        fs::remove_file(&log).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &log).unwrap();
        server.signal(Signal::HUP);
        server.wait_for_text("SIGHUP");
        let mut browser = TcpStream::connect(&address).unwrap();
        browser.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        browser.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let ended = server.stop(Signal::TERM);
        assert_eq!(ended.code(), Some(0), "{}", ended.err());
        assert!(ended.err().contains(word), "{}", ended.err());
        assert_eq!(elsewhere.exists(), !flags.is_empty(), "{flags:?}");
    }
}
