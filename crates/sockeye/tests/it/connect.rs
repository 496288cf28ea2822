//! `sockeye connect` against servers of the test's own, and against netcat-openbsd, which must
//! behave the same where both are asked.

use std::io::{Read, Write};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use sockeye_socket::{How, Socket, create_server, opt};
use sockeye_testkit::{Finished, Need, Process, need};

const LONG: Duration = Duration::from_secs(60);

fn sockeye(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.args(args);
    command
}

/// A listener of the test's and its port.
fn server() -> (Socket, String) {
    let server = create_server("127.0.0.1:0").bind().unwrap();
    server.settimeout(LONG).unwrap();
    let port = server.getsockname().unwrap().port().unwrap().to_string();
    (server, port)
}

fn accept(server: &Socket) -> Socket {
    let (conn, _) = server.accept().unwrap();
    conn.settimeout(LONG).unwrap();
    conn
}

/// The client under test, and nc where the machine has it: both with the same flags.
fn clients(flags: &[&str], port: &str) -> Vec<Command> {
    let mut ours = sockeye(&["connect"]);
    ours.args(flags).args(["127.0.0.1", port]);
    let mut all = vec![ours];
    if need(Need::Program("nc")) {
        let mut nc = Command::new("nc");
        nc.args(flags).args(["127.0.0.1", port]);
        all.push(nc);
    }
    all
}

#[test]
fn with_n_the_server_sees_the_end_of_stdin_and_its_answer_is_shown() {
    let (server, port) = server();
    for mut client in clients(&["-N"], &port) {
        let mut process = Process::spawn(&mut client);
        process.stdin.take().unwrap().write_all(b"question").unwrap();
        let mut conn = accept(&server);
        let mut question = String::new();
        conn.read_to_string(&mut question).unwrap();
        assert_eq!(question, "question");
        conn.sendall(b"answer").unwrap();
        drop(conn);
        let done = process.finish();
        assert_eq!((done.code(), done.out().as_str()), (Some(0), "answer"), "{client:?}");
    }
}

#[test]
fn without_n_the_connection_stays_open_after_stdin_and_ends_with_the_server() {
    let (server, port) = server();
    for mut client in clients(&[], &port) {
        let mut process = Process::spawn(&mut client);
        process.stdin.take().unwrap().write_all(b"x").unwrap();
        let conn = accept(&server);
        assert_eq!(conn.recv(10).unwrap(), b"x");
        conn.settimeout(Duration::from_millis(200)).unwrap();
        assert!(conn.recv(1).unwrap_err().is_timeout(), "{client:?} ended its direction");
        conn.sendall(b"late").unwrap();
        drop(conn);
        let done = process.finish();
        assert_eq!((done.code(), done.out().as_str()), (Some(0), "late"), "{client:?}");
    }
}

#[test]
fn a_server_that_ends_first_is_noticed_with_the_next_line() {
    let (server, port) = server();
    for mut client in clients(&[], &port) {
        let mut process = Process::spawn(&mut client);
        let conn = accept(&server);
        conn.sendall(b"bye\n").unwrap();
        drop(conn);
        process.wait_for("bye");
        // Its own direction is still open: only sending shows that nobody is there.
        let mut stdin = process.stdin.take().unwrap();
        stdin.write_all(b"hello?\n").unwrap();
        let done = process.finish();
        drop(stdin);
        assert_eq!((done.code(), done.err().as_str()), (Some(0), ""), "{client:?}");
    }
}

#[test]
fn much_goes_both_ways_at_once_and_arrives_whole() {
    let (server, port) = server();
    let data: Vec<u8> = (0..=250).cycle().take(9 << 20).collect();
    for mut client in clients(&["-N"], &port) {
        let echo = std::thread::spawn({
            let server = server.dup().unwrap();
            move || {
                let conn = accept(&server);
                loop {
                    let chunk = conn.recv(100_000).unwrap();
                    if chunk.is_empty() {
                        return;
                    }
                    conn.sendall(&chunk).unwrap();
                }
            }
        });
        let done = Process::run(&mut client, &data);
        echo.join().unwrap();
        assert_eq!(done.code(), Some(0), "{client:?}");
        assert!(done.stdout == data, "{client:?} changed what it carried");
    }
}

#[test]
fn crlf_converts_what_is_sent_and_only_what_needs_it() {
    let (server, port) = server();
    for mut client in clients(&["-N", "-C"], &port) {
        let mut process = Process::spawn(&mut client);
        process.stdin.take().unwrap().write_all(b"a\nb\r\n\nc").unwrap();
        let mut conn = accept(&server);
        let mut got = Vec::new();
        conn.read_to_end(&mut got).unwrap();
        assert_eq!(got, b"a\r\nb\r\n\r\nc", "{client:?}");
        conn.sendall(b"x\ny").unwrap();
        drop(conn);
        assert_eq!(process.finish().stdout, b"x\ny", "{client:?}");
    }
}

#[test]
fn hex_shows_both_directions() {
    let (server, port) = server();
    let mut process = Process::spawn(&mut sockeye(&["connect", "-N", "--hex", &port]));
    process.stdin.take().unwrap().write_all(b"hi\n").unwrap();
    let mut conn = accept(&server);
    let mut got = Vec::new();
    conn.read_to_end(&mut got).unwrap();
    conn.sendall(b"\x1b[2J").unwrap();
    drop(conn);
    let done = process.finish();
    let shown = "> 00000000  68 69 0a                                          |hi.|\n\
                 < 00000000  1b 5b 32 4a                                       |.[2J|\n";
    assert_eq!((got.as_slice(), done.out().as_str()), (&b"hi\n"[..], shown));
}

fn closed_port() -> String {
    server().1
}

fn fails(args: &[&str], code: i32, message: &str) -> Finished {
    let done = Process::run(&mut sockeye(args), b"");
    assert_eq!(done.code(), Some(code), "{args:?}: {}", done.err());
    assert!(done.err().contains(message), "{args:?}: {}", done.err());
    assert!(done.stdout.is_empty());
    done
}

#[test]
fn exit_codes_and_messages_say_what_happened() {
    let port = closed_port();
    let refused = format!("connect 127.0.0.1:{port}: connection refused");
    fails(&["connect", &port], 3, &refused);
    fails(&["connect", "-z", &port], 1, &refused);
    fails(&["connect", "-z", "-u", &port], 1, "connection refused");
    fails(&["connect", "name.invalid:80"], 3, "resolve name.invalid");
    fails(&["connect", "-z", "name.invalid:80"], 3, "resolve name.invalid");
    fails(&["connect", "localhost"], 2, "write localhost:PORT");
    fails(&["connect", "-U", "/nowhere/x.sock"], 3, "connect unix:/nowhere/x.sock: no such file");
    fails(&["connect", "-s", "nonsense", &port], 2, "nonsense");
    fails(&["connect", "-z", "-N", &port], 2, "cannot be used with");
    fails(&["connect", "-s", "192.0.2.1", &port], 3, "bind 192.0.2.1:0");
    fails(&["connect"], 2, "ADDR");
}

#[test]
fn a_probe_of_an_open_port_sends_nothing_and_ends_with_0() {
    let (server, port) = server();
    let done = Process::run(&mut sockeye(&["connect", "-z", &port]), b"not sent");
    assert_eq!((done.code(), done.out().as_str(), done.err().as_str()), (Some(0), "", ""));
    assert_eq!(accept(&server).recv(1).unwrap(), b"");
}

#[test]
fn v_tells_the_handshake_and_what_the_kernel_knows() {
    let (server, port) = server();
    let process = Process::spawn(&mut sockeye(&["connect", "-v", "-N", "-s", "127.0.0.7", &port]));
    let (conn, peer) = server.accept().unwrap();
    assert_eq!(peer.ip().unwrap().to_string(), "127.0.0.7");
    conn.sendall(b"12345").unwrap();
    drop(conn);
    let done = process.finish();
    let said = done.err();
    let connected = format!("connected tcp to 127.0.0.1:{port} from {peer} in ");
    assert!(said.starts_with(&connected) && said.contains(" ms\n"), "{said}");
    assert!(said.contains(": rtt 0."), "{said}");
    assert!(said.contains("sent 0 bytes, received 5 bytes in "), "{said}");
}

#[test]
fn w_ends_a_connect_that_nobody_answers_and_a_silent_conversation() {
    let server = create_server("127.0.0.1:0").backlog(0).bind().unwrap();
    let addr = server.getsockname().unwrap();
    let mut queue = Vec::new();
    loop {
        let client = Socket::tcp4().unwrap();
        client.settimeout(Duration::from_millis(150)).unwrap();
        match client.connect(&addr) {
            Ok(()) => queue.push(client),
            Err(_) => break,
        }
    }
    let port = addr.port().unwrap().to_string();
    let start = Instant::now();
    fails(&["connect", "-w", "200ms", &port], 3, "timed out");
    fails(&["connect", "-z", "-w", "200ms", &port], 1, "timed out");
    assert!(start.elapsed() >= Duration::from_millis(400));
    let (server, port) = self::server();
    let mut process = Process::spawn(&mut sockeye(&["connect", "-v", "-w", "200ms", &port]));
    let _conn = accept(&server);
    process.wait_for("the conversation was silent");
    assert_eq!(process.finish().code(), Some(0));
}

#[test]
fn a_reset_is_a_failure_with_its_name() {
    let (server, port) = server();
    let mut process = Process::spawn(&mut sockeye(&["connect", &port]));
    let conn = accept(&server);
    conn.sendall(b"half of i\n").unwrap();
    process.wait_for("half of i");
    conn.setsockopt(opt::SO_LINGER, Some(Duration::ZERO)).unwrap();
    drop(conn);
    let done = process.finish();
    assert_eq!(done.code(), Some(3));
    assert!(done.err().contains("connection reset by peer (ECONNRESET)"), "{}", done.err());
}

#[test]
fn a_reader_of_stdout_that_goes_away_is_success() {
    let (server, port) = server();
    let mut child = sockeye(&["connect", &port])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let conn = accept(&server);
    drop(child.stdout.take());
    // Noticed even while nothing comes.
    assert_eq!(conn.recv(1).unwrap(), b"");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn signals_end_it_with_their_code_while_it_talks_and_while_it_connects() {
    let (server, port) = server();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let process = Process::spawn(&mut sockeye(&["connect", &port]));
        let conn = accept(&server);
        process.signal(signal);
        let done = process.finish();
        assert_eq!((done.code(), done.err().as_str()), (Some(code), ""));
        assert_eq!(conn.recv(1).unwrap(), b"");
    }
}

#[test]
fn udp_carries_datagrams_both_ways_and_hears_of_refusal() {
    let server = Socket::udp4().unwrap();
    server.bind("127.0.0.1:0").unwrap();
    server.settimeout(LONG).unwrap();
    let port = server.getsockname().unwrap().port().unwrap().to_string();
    for mut client in clients(&["-u"], &port) {
        let mut process = Process::spawn(&mut client);
        process.stdin.as_mut().unwrap().write_all(b"ping\n").unwrap();
        let (data, from) = server.recvfrom(100).unwrap();
        assert_eq!(data, b"ping\n");
        // nc takes an empty datagram for the end; ours does not.
        if client.get_program() != "nc" {
            server.sendto(b"", &from).unwrap();
        }
        server.sendto(b"pong\n", &from).unwrap();
        process.wait_for("pong");
        let done = process.stop(Signal::KILL);
        assert_eq!(done.out(), "pong\n", "{client:?}");
    }
    drop(server);
    let mut process = Process::spawn(&mut sockeye(&["connect", "-u", &port]));
    process.stdin.as_mut().unwrap().write_all(b"ping\n").unwrap();
    let done = process.finish();
    assert_eq!(done.code(), Some(3));
    assert!(done.err().contains("connection refused"), "{}", done.err());
}

#[test]
fn unix_sockets_work_by_path_and_by_abstract_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s").to_str().unwrap().to_owned();
    let name = format!("@sockeye-test-{}", std::process::id());
    for (place, args) in [
        (format!("unix:{path}"), vec!["connect", "-N", "-U", &path]),
        (format!("unix:{name}"), vec!["connect", "-N", "-U", &name]),
    ] {
        let server = create_server(&place).bind().unwrap();
        let mut process = Process::spawn(&mut sockeye(&args));
        process.stdin.take().unwrap().write_all(b"hi").unwrap();
        let mut conn = accept(&server);
        let mut got = String::new();
        conn.read_to_string(&mut got).unwrap();
        conn.sendall(got.to_uppercase().as_bytes()).unwrap();
        conn.shutdown(How::Both).unwrap();
        assert_eq!(process.finish().out(), "HI");
    }
}

#[test]
fn it_talks_to_a_server_of_pythons() {
    if !need(Need::Program("python3")) {
        return;
    }
    let script = "import socket\n\
        s = socket.create_server(('127.0.0.1', 0)); print('port', s.getsockname()[1], flush=True)\n\
        c, _ = s.accept(); f = c.makefile('rb'); c.sendall(f.read()[::-1]); c.close()";
    let mut python = Process::spawn(Command::new("python3").args(["-c", script]));
    let port = python.wait_for("port ");
    let done = Process::run(&mut sockeye(&["connect", "-N", "localhost", &port]), b"abc");
    assert_eq!((done.code(), done.out().as_str()), (Some(0), "cba"));
    assert_eq!(python.finish().code(), Some(0));
}
