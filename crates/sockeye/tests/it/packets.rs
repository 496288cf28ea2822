//! `connect --packet-trace` on loopback.

use std::process::Command;

use sockeye_socket::{Socket, create_server};
use sockeye_testkit::privilege::{with_network, without_capabilities};
use sockeye_testkit::{Finished, Need, Process, need};

fn trace(flags: &[&str], place: &str) -> Finished {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.args(["connect", "--packet-trace"]).args(flags).arg(place);
    Process::run(&mut command, b"")
}

/// The number behind `word` in a line.
fn number(line: &str, word: &str) -> u32 {
    let (_, rest) = line.split_once(&format!(" {word} ")).unwrap_or_else(|| panic!("{line}"));
    rest.split([' ', ',']).next().unwrap().parse().unwrap()
}

#[test]
fn the_handshake_is_shown_with_its_numbers() {
    if !need(Need::Root) {
        return;
    }
    let mut places = vec!["127.0.0.1:0"];
    places.extend(need(Need::Ipv6).then_some("[::1]:0"));
    for place in places {
        let server = create_server(place).bind().unwrap();
        let addr = server.getsockname().unwrap().to_string();
        let done = trace(&["-z"], &addr);
        let said = done.err();
        assert_eq!((done.code(), done.out().as_str()), (Some(0), ""), "{said}");
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines[0].starts_with("packets between ") && lines[0].ends_with(&addr), "{said}");
        let [syn, syn_ack, ack] = lines[1..] else { panic!("{said}") };
        assert!(syn.trim_start().starts_with("0.000 ms  >  SYN  "), "{said}");
        assert!(syn_ack.contains(" ms  <  SYN-ACK  "), "{said}");
        assert!(ack.contains(" ms  >  ACK  "), "{said}");
        assert_eq!(number(syn_ack, "ack"), number(syn, "seq").wrapping_add(1));
        assert_eq!(number(ack, "seq"), number(syn_ack, "ack"));
        assert_eq!(number(ack, "ack"), number(syn_ack, "seq").wrapping_add(1));
        assert!(syn_ack.contains("(our seq + 1)") && ack.contains("(their seq + 1)"), "{said}");
        assert!(!syn.contains(" ack "), "{said}");
        for word in ["window", "mss", "window scale", "sack permitted", "timestamps"] {
            assert!(syn.contains(word), "{word}: {said}");
        }
        let first: Vec<f64> = lines[1..]
            .iter()
            .map(|line| line.trim_start().split(' ').next().unwrap().parse().unwrap())
            .collect();
        assert!(first.is_sorted() && first[0] == 0.0, "{said}");
        assert!(server.accept().is_ok());
    }
}

#[test]
fn a_refusal_is_a_reset_and_the_conversation_goes_on_after_a_handshake() {
    if !need(Need::Root) {
        return;
    }
    let closed = create_server("127.0.0.1:0").bind().unwrap();
    let addr = closed.getsockname().unwrap().to_string();
    drop(closed);
    let done = trace(&[], &addr);
    let said = done.err();
    assert_eq!(done.code(), Some(3), "{said}");
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[1].contains(">  SYN ") && lines[2].contains("<  RST-ACK "), "{said}");
    assert!(lines[3].ends_with("connection refused (ECONNREFUSED)"), "{said}");
    let server = create_server("127.0.0.1:0").bind().unwrap();
    let addr = server.getsockname().unwrap().to_string();
    let peer = std::thread::spawn(move || {
        let (connection, _): (Socket, _) = server.accept().unwrap();
        connection.sendall(b"after the handshake").unwrap();
    });
    let done = trace(&["-N", "-s", "127.0.0.9"], &addr);
    peer.join().unwrap();
    assert_eq!((done.code(), done.out().as_str()), (Some(0), "after the handshake"));
    assert!(done.err().starts_with("packets between 127.0.0.9:"), "{}", done.err());
}

#[test]
fn without_the_privilege_it_says_what_to_do() {
    let server = create_server("127.0.0.1:0").bind().unwrap();
    let addr = server.getsockname().unwrap().to_string();
    // A program that is run has the capabilities of its bounding set where root runs it.
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-net_raw", "--inh-caps=-net_raw"]);
    command.args([env!("CARGO_BIN_EXE_sockeye"), "connect", "--packet-trace", &addr]);
    let done = if rustix::process::geteuid().is_root() {
        if !need(Need::Program("setpriv")) {
            return;
        }
        Process::run(&mut command, b"")
    } else {
        without_capabilities(|| trace(&[], &addr))
    };
    assert_eq!((done.code(), done.out().as_str()), (Some(3), ""));
    for word in ["CAP_NET_RAW", "sudo setcap cap_net_raw+ep"] {
        assert!(done.err().contains(word), "{}", done.err());
    }
}

/// A network namespace of another process, at the other end of a cable from this thread's.
fn cable() -> Process {
    let mut far = Process::spawn(Command::new("unshare").args([
        "-n",
        "sh",
        "-c",
        "ip link set lo up; echo far; read x",
    ]));
    far.wait_for("far");
    let pid = far.id().to_string();
    let here = |line: &str| {
        let mut words = line.split(' ');
        let mut command = Command::new(words.next().unwrap());
        let done = Process::run(command.args(words), b"");
        assert_eq!(done.code(), Some(0), "{line}: {}", done.err());
    };
    here(&format!("ip link add near0 type veth peer name far0 netns {pid}"));
    here("ip addr add 10.77.0.1/24 dev near0");
    here("ip -6 addr add fd77::1/64 dev near0 nodad");
    here("ip link set near0 up");
    let there = format!("nsenter -t {pid} -n ip");
    here(&format!("{there} addr add 10.77.0.2/24 dev far0"));
    here(&format!("{there} -6 addr add fd77::2/64 dev far0 nodad"));
    here(&format!("{there} link set far0 up"));
    far
}

#[test]
fn over_ethernet_both_directions_are_seen_once() {
    let needs = [Need::Root, Need::NetNamespace, Need::Program("ip"), Need::Program("nsenter")];
    if !needs.into_iter().all(need) {
        return;
    }
    with_network(|| {
        let far = cable();
        let pid = far.id().to_string();
        for place in ["10.77.0.2:0", "[fd77::2]:0"] {
            let mut listener = Process::spawn(Command::new("nsenter").args([
                "-t",
                &pid,
                "-n",
                env!("CARGO_BIN_EXE_sockeye"),
                "listen",
                place,
            ]));
            let addr = listener.wait_for("listening tcp ");
            let done = trace(&["-z", "-w", "20"], &addr);
            let said = done.err();
            assert_eq!(done.code(), Some(0), "{said}");
            let flags: Vec<[&str; 2]> = said
                .lines()
                .skip(1)
                .map(|line| {
                    let words: Vec<&str> = line.split_whitespace().collect();
                    [words[2], words[3]]
                })
                .collect();
            assert_eq!(flags, [[">", "SYN"], ["<", "SYN-ACK"], [">", "ACK"]], "{said}");
            assert!(said.contains("mss 14"), "an ethernet's: {said}");
        }
    });
}
