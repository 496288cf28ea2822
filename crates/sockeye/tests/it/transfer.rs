//! `send` and `receive` as processes: against `nc`, `md5sum` and Python, signals, full disks.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown as Side, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use sockeye_testkit::privilege::{with_read_only, with_tmpfs};
use sockeye_testkit::{Need, Process, need};
use tempfile::TempDir;

/// The most memory that a transfer may take, in KiB.
const MEMORY_KIB_MAX: u64 = 40 << 10;

/// The tutorial's receiver: 32 digits, then the bytes, then the end of the stream.
const PYTHON_RECEIVER: &str = r#"
import hashlib, socket, sys
server = socket.create_server(("127.0.0.1", 0))
print("port", server.getsockname()[1], flush=True)
client, _ = server.accept()
digest = b""
while len(digest) < 32:
    part = client.recv(32 - len(digest))
    if not part:
        sys.exit("no digest")
    digest += part
md5 = hashlib.md5()
with open(sys.argv[1], "wb") as file:
    while True:
        data = client.recv(4096)
        if not data:
            break
        file.write(data)
        md5.update(data)
sys.exit(0 if md5.hexdigest() == digest.decode() else "corrupted")
"#;

fn sockeye(args: &[&str], dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("TMPDIR", dir).current_dir(dir).args(args);
    command
}

/// Starts a receiver on a free port; gives it with its address.
fn receiver(dir: &Path, args: &[&str]) -> (Process, String) {
    let all = [&["receive", "--plain-md5", "-b", "127.0.0.1:0"], args].concat();
    let mut process = Process::spawn(&mut sockeye(&all, dir));
    let address = process.wait_for("listening receive ");
    (process, address)
}

fn port(address: &str) -> &str {
    address.rsplit_once(':').unwrap().1
}

fn folder_with(name: &str, data: &[u8]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(name), data).unwrap();
    dir
}

fn pattern(size: usize) -> Vec<u8> {
    (0..=250).cycle().take(size).collect()
}

fn md5sum(dir: &Path, name: &str) -> String {
    let output = Command::new("md5sum").arg(dir.join(name)).output().unwrap();
    String::from_utf8(output.stdout[..32].to_vec()).unwrap()
}

/// The whole stream of a file that lies in the folder.
fn stream_of(dir: &Path, name: &str) -> Vec<u8> {
    [md5sum(dir, name).into_bytes(), fs::read(dir.join(name)).unwrap()].concat()
}

fn give(address: &str, stream: &[u8]) {
    let mut peer = TcpStream::connect(address).unwrap();
    // A receiver that refuses early resets.
    let sent = peer.write_all(stream).and_then(|()| peer.shutdown(Side::Write));
    drop(sent.and_then(|()| peer.read(&mut [0; 1])));
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn nc_and_md5sum_are_a_sender() {
    if !need(Need::Program("nc")) {
        return;
    }
    let data = pattern(3_000_000);
    let dir = folder_with("f", &data);
    let (process, address) = receiver(dir.path(), &[]);
    let script = "(md5sum <f | cut -c1-32 | tr -d '\\n'; cat f) | nc -N 127.0.0.1 \"$0\"";
    let mut nc = Command::new("sh");
    let nc = nc.current_dir(dir.path()).args(["-c", script, port(&address)]).output().unwrap();
    assert!(nc.status.success(), "{nc:?}");
    let finished = process.finish();
    assert_eq!(finished.code(), Some(0), "{}", finished.err());
    assert!(finished.out().contains("received received_file 3000000 bytes MD5 "));
    assert!(fs::read(dir.path().join("received_file")).unwrap() == data);
    assert_eq!(names(dir.path()), ["f", "received_file"]);
}

#[test]
fn a_file_gets_the_permissions_that_the_umask_leaves() {
    let dir = folder_with("f", b"x");
    let stream = stream_of(dir.path(), "f");
    for (umask, mode) in [("022", 0o644), ("027", 0o640), ("077", 0o600)] {
        let script = "umask \"$1\"; exec \"$0\" receive --plain-md5 --overwrite always \
                      -b 127.0.0.1:0";
        let mut shell = Command::new("sh");
        let shell = shell.args(["-c", script, env!("CARGO_BIN_EXE_sockeye"), umask]);
        let mut process = Process::spawn(shell.current_dir(dir.path()));
        give(&process.wait_for("listening receive "), &stream);
        assert_eq!(process.finish().code(), Some(0));
        let found = fs::metadata(dir.path().join("received_file")).unwrap().permissions().mode();
        assert_eq!(found & 0o7777, mode, "umask {umask}");
    }
}

#[test]
fn nc_is_a_receiver() {
    if !need(Need::Program("nc")) {
        return;
    }
    let dir = folder_with("f", &pattern(3_000_000));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (number, out) = (free.port().to_string(), dir.path().join("taken"));
    let mut nc = Command::new("nc");
    nc.args(["-v", "-n", "-l", "127.0.0.1", &number]).stdin(std::process::Stdio::null());
    let mut nc = Process::spawn(&mut nc);
    nc.wait_for("Listening on ");
    let to = free.to_string();
    let sent =
        Process::run(&mut sockeye(&["send", "--plain-md5", "--to", &to, "f"], dir.path()), b"");
    assert_eq!(sent.code(), Some(0), "{}", sent.err());
    fs::write(&out, nc.finish().stdout).unwrap();
    assert!(fs::read(&out).unwrap() == stream_of(dir.path(), "f"));
}

#[test]
fn a_receiver_written_from_the_protocol_takes_what_is_sent() {
    if !need(Need::Program("python3")) {
        return;
    }
    for size in [0, 1, 2_000_001] {
        let data = pattern(size);
        let dir = folder_with("f", &data);
        let mut python = Command::new("python3");
        let mut python =
            Process::spawn(python.args(["-c", PYTHON_RECEIVER, "taken"]).current_dir(dir.path()));
        let to = format!("127.0.0.1:{}", python.wait_for("port "));
        let sent =
            Process::run(&mut sockeye(&["send", "--plain-md5", "--to", &to, "f"], dir.path()), b"");
        assert_eq!(sent.code(), Some(0), "{}", sent.err());
        assert!(sent.out().starts_with(&format!("sent {size} bytes MD5 ")), "{}", sent.out());
        let python = python.finish();
        assert_eq!(python.code(), Some(0), "{}", python.err());
        assert!(fs::read(dir.path().join("taken")).unwrap() == data);
    }
}

#[test]
fn a_pipe_goes_through_both() {
    let dir = tempfile::tempdir().unwrap();
    let (process, address) = receiver(dir.path(), &["--name", "from pipe"]);
    let data = pattern(2_500_000);
    let sent = Process::run(
        &mut sockeye(&["send", "--plain-md5", "-", "--to", &address], dir.path()),
        &data,
    );
    assert_eq!(sent.code(), Some(0), "{}", sent.err());
    assert_eq!(process.finish().code(), Some(0));
    assert!(fs::read(dir.path().join("from pipe")).unwrap() == data);
    assert_eq!(names(dir.path()), ["from pipe"], "nothing else is left, the spool neither");
}

#[test]
fn a_flipped_byte_is_corruption_and_leaves_nothing() {
    let dir = folder_with("f", &pattern(100_000));
    let stream = stream_of(dir.path(), "f");
    for index in [0, 31, 32, 50_000, stream.len() - 1] {
        let mut damaged = stream.clone();
        damaged[index] ^= 0x20;
        let (process, address) = receiver(dir.path(), &[]);
        give(&address, &damaged);
        let finished = process.finish();
        // In bit 5 of a letter there is only its case.
        let same = index < 32 && stream[index].is_ascii_alphabetic();
        assert_eq!(finished.code(), Some(if same { 0 } else { 6 }), "byte {index}");
        if index >= 32 {
            assert!(finished.err().contains("corrupted"), "{}", finished.err());
        }
        let expected: &[&str] = if same { &["f", "received_file"] } else { &["f"] };
        assert_eq!(names(dir.path()), expected, "byte {index}");
        drop(fs::remove_file(dir.path().join("received_file")));
    }
}

#[test]
fn a_full_disk_is_said_and_leaves_nothing() {
    if !need(Need::MountNamespace) {
        return;
    }
    let small = tempfile::tempdir().unwrap();
    let source = folder_with("f", &pattern(3 << 20));
    let stream = stream_of(source.path(), "f");
    with_tmpfs(small.path(), 1 << 20, || {
        let (process, address) = receiver(small.path(), &[]);
        give(&address, &stream);
        let finished = process.finish();
        assert_eq!(finished.code(), Some(4), "{}", finished.err());
        assert!(finished.err().contains("no space left for received_file"), "{}", finished.err());
        assert_eq!(names(small.path()), [""; 0]);
    });
}

#[test]
fn a_folder_that_cannot_be_written_is_said_before_anybody_waits() {
    if !need(Need::MountNamespace) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    with_read_only(dir.path(), || {
        let args = ["receive", "--plain-md5", "-b", "127.0.0.1:0"];
        let finished = Process::run(&mut sockeye(&args, dir.path()), b"");
        assert_eq!(finished.code(), Some(4), "{}", finished.err());
        assert!(finished.err().to_lowercase().contains("read-only"), "{}", finished.err());
        assert_eq!(finished.out(), "");
    });
}

#[test]
fn a_port_in_use_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let args = ["receive", "--plain-md5", "-b", &address];
    let finished = Process::run(&mut sockeye(&args, dir.path()), b"");
    assert_eq!(finished.code(), Some(3));
    assert!(finished.err().contains("in use"), "{}", finished.err());
    assert!(finished.err().contains(&address), "{}", finished.err());
}

#[test]
fn after_kill_9_nothing_has_the_name_and_the_port_is_free() {
    let dir = folder_with("f", &pattern(5 << 20));
    let stream = stream_of(dir.path(), "f");
    let (mut process, address) = receiver(dir.path(), &["--json"]);
    let mut peer = TcpStream::connect(&address).unwrap();
    peer.write_all(&stream[..4 << 20]).unwrap();
    process.wait_for("{\"done\":");
    process.signal(Signal::KILL);
    assert_eq!(process.finish().code(), None);
    assert!(!dir.path().join("received_file").exists());
    drop(peer);
    let args = ["receive", "--plain-md5", "-b", &address];
    let mut again = Process::spawn(&mut sockeye(&args, dir.path()));
    again.wait_for("listening receive ");
    give(&address, &stream);
    assert_eq!(again.finish().code(), Some(0));
    assert!(fs::read(dir.path().join("received_file")).unwrap() == stream[32..]);
}

#[test]
fn signals_stop_both_with_their_codes() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let dir = folder_with("f", &pattern(1 << 20));
        let (process, _) = receiver(dir.path(), &[]);
        assert_eq!(process.stop(signal).code(), Some(code), "while waiting");

        let (mut process, address) = receiver(dir.path(), &["--json"]);
        let mut peer = TcpStream::connect(&address).unwrap();
        peer.write_all(&stream_of(dir.path(), "f")[..1 << 20]).unwrap();
        process.wait_for("{\"done\":");
        assert_eq!(process.stop(signal).code(), Some(code), "in a transfer");
        assert_eq!(names(dir.path()), ["f"]);

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap().to_string();
        let args = ["send", "--plain-md5", "--json", "--to", &to, "f"];
        let mut sender = Process::spawn(&mut sockeye(&args, dir.path()));
        let (mut peer, _) = listener.accept().unwrap();
        peer.read_exact(&mut vec![0; (1 << 20) + 32]).unwrap();
        sender.wait_for("{\"event\":\"awaiting_peer\"");
        assert_eq!(sender.stop(signal).code(), Some(code), "while sending");
    }
}

#[test]
fn a_receiver_that_keeps_on_ends_well_by_a_signal() {
    let dir = folder_with("f", b"twice");
    let stream = stream_of(dir.path(), "f");
    let (mut process, address) = receiver(dir.path(), &["--keep", "--overwrite", "always"]);
    for _ in 0..2 {
        give(&address, &stream);
        process.wait_for("received received_file 5 bytes");
    }
    assert_eq!(process.stop(Signal::TERM).code(), Some(0));
    assert_eq!(fs::read(dir.path().join("received_file")).unwrap(), b"twice");
}

#[test]
fn stdout_carries_the_bytes_and_nothing_else() {
    let dir = folder_with("f", &pattern(2_000_000));
    let stream = stream_of(dir.path(), "f");
    for (length, code) in [(stream.len(), 0), (stream.len() - 1, 6)] {
        let (process, address) = receiver(dir.path(), &["--stdout"]);
        give(&address, &stream[..length]);
        let finished = process.finish();
        assert_eq!(finished.code(), Some(code), "{}", finished.err());
        assert!(finished.stdout == stream[32..length]);
        assert_eq!(names(dir.path()), ["f"]);
    }
}

#[test]
fn a_reader_of_stdout_that_has_had_enough_ends_it_well() {
    let dir = folder_with("f", &pattern(2_000_000));
    let binary = env!("CARGO_BIN_EXE_sockeye");
    let script = "\"$0\" receive --plain-md5 --stdout -b 127.0.0.1:0; echo \"exit $?\" >&2";
    let mut shell = Command::new("sh");
    let pipe = format!("({script}) | head -c 10 >/dev/null");
    let mut shell = Process::spawn(shell.args(["-c", &pipe, binary]));
    let address = shell.wait_for("listening receive ");
    give(&address, &stream_of(dir.path(), "f"));
    assert_eq!(shell.wait_for("exit "), "0");
}

#[test]
fn json_lines_tell_the_story() {
    let dir = folder_with("f", b"story");
    let (process, address) = receiver(dir.path(), &["--json"]);
    let args = ["send", "--plain-md5", "--json", "--to", &address, "f"];
    let sent = Process::run(&mut sockeye(&args, dir.path()), b"");
    let events = |text: String| -> Vec<serde_json::Value> {
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (sent, received) = (events(sent.out()), events(process.finish().out()));
    for (story, last) in [(&sent, "sent"), (&received, "received")] {
        let end = story.last().unwrap();
        assert_eq!((&end["event"], &end["bytes"]), (&last.into(), &5.into()), "{story:?}");
        assert_eq!(end["md5"], md5sum(dir.path(), "f"));
        assert!(story.iter().any(|event| event["event"] == "started"));
    }
    assert_eq!(sent.last().unwrap()["closed"], true);
    assert_eq!(received.last().unwrap()["name"], "received_file");
}

#[test]
fn what_cannot_be_done_is_said_with_its_code() {
    let dir = folder_with("f", b"x");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for (args, code, says) in [
        (&["send", "f"][..], 2, "--plain-md5"),
        (&["receive"], 2, "--plain-md5"),
        (&["send", "--plain-md5", "f", "f"], 2, "one file"),
        (&["send", "--plain-md5", "--to", "host:0", "f"], 2, "no place"),
        (&["receive", "--plain-md5", "--overwrite", "newer"], 2, "carries no times"),
        (&["receive", "--plain-md5", "--overwrite", "ask"], 2, "terminal"),
        (&["receive", "--plain-md5", "--name", "a/b"], 2, "a slash in a name"),
        (&["receive", "--plain-md5", "missing"], 4, "missing"),
        (&["receive", "--plain-md5", "--name", "f"], 4, "exists already"),
        (&["send", "--plain-md5", "--to", &free, "missing"], 4, "missing"),
        (&["send", "--plain-md5", "--to", &free, "."], 4, "not a regular file"),
        (&["send", "--plain-md5", "--to", &free, "f"], 9, "connection refused"),
    ] {
        let finished = Process::run(&mut sockeye(args, dir.path()), b"");
        assert_eq!(finished.code(), Some(code), "{args:?}: {}", finished.err());
        assert!(finished.err().contains(says), "{args:?}: {}", finished.err());
        assert_eq!(finished.out(), "", "{args:?}");
    }
}

fn memory_kib(process: &Process) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn memory_does_not_grow_with_the_file() {
    const SIZE: u64 = 256 << 20;
    let dir = folder_with("f", b"");
    fs::File::options().write(true).open(dir.path().join("f")).unwrap().set_len(SIZE).unwrap();
    let (mut process, address) = receiver(dir.path(), &["--keep"]);

    // A relay between the two, so that the sender is still there when everything was received.
    let relay = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = relay.local_addr().unwrap().to_string();
    let args = ["send", "--plain-md5", "--to", &to, "f"];
    let sender = Process::spawn(&mut sockeye(&args, dir.path()));
    let (mut from, _) = relay.accept().unwrap();
    let mut into = TcpStream::connect(&address).unwrap();
    let passed = std::io::copy(&mut from, &mut into).unwrap();
    assert_eq!(passed, SIZE + 32);
    into.shutdown(Side::Write).unwrap();
    process.wait_for(&format!("received received_file {SIZE} bytes"));
    for (who, used) in [("receive", memory_kib(&process)), ("send", memory_kib(&sender))] {
        assert!(used < MEMORY_KIB_MAX, "{who} took {used} KiB");
    }
    drop((from, into));
    assert_eq!(sender.finish().code(), Some(0));
    assert_eq!(process.stop(Signal::INT).code(), Some(0));
}
