//! `sockeye scan` from outside: what it prints, its exit codes, nmap as an oracle.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::Command;

use serde_json::Value;
use sockeye_testkit::privilege::with_network;
use sockeye_testkit::{Finished, Need, Process, need};

fn sockeye(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.arg("scan").args(args);
    command
}

fn scan(args: &[&str]) -> Finished {
    Process::run(&mut sockeye(args), b"")
}

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A port that is bound and does not listen: closed, and nobody else can open it.
fn closed() -> (sockeye_socket::Socket, u16) {
    let socket = sockeye_socket::Socket::tcp4().unwrap();
    socket.bind("127.0.0.1:0").unwrap();
    let port = socket.getsockname().unwrap().port().unwrap();
    (socket, port)
}

fn lines(finished: &Finished) -> Vec<Value> {
    finished.out().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn open_ports(lines: &[Value]) -> BTreeSet<u64> {
    let open = lines.iter().filter(|line| line["state"] == "open");
    open.map(|line| line["port"].as_u64().unwrap()).collect()
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_table_shows_what_is_open_and_counts_the_rest() {
    let ((_open, open), (_closed, closed)) = (listener(), closed());
    let list = format!("{open},{closed}");
    let finished = scan(&["127.0.0.1", "-p", &list]);
    assert_eq!(finished.code(), Some(0), "{}", finished.err());
    assert_eq!(finished.err(), "connect scan of 127.0.0.1, 2 ports\n");
    let out = finished.out();
    let shown: Vec<&str> = out.lines().collect();
    assert_eq!(shown[0], "127.0.0.1");
    assert_eq!(shown[1], "  PORT       STATE  SERVICE");
    assert!(shown[2].starts_with(&format!("  {open}/tcp")) && shown[2].contains("open"), "{out}");
    assert_eq!(shown[3..5], ["  and 1 closed", ""]);
    assert!(shown[5].starts_with("1 open, 1 closed, 0 filtered in "), "{out}");
    assert!(!out.contains('\x1b'), "no colour where no terminal is");
    let reasons = scan(&["-q", "localhost", "-4", "-p", &list, "--reason", "--color=always"]);
    assert_eq!(reasons.err(), "");
    let out = reasons.out();
    assert!(out.contains("localhost (127.0.0.1)") && out.contains("syn-ack"), "{out}");
    assert!(out.contains("\x1b[32mopen"), "{out}");
}

#[test]
fn json_lines_are_as_documented() {
    let ((_open, open), (_closed, closed)) = (listener(), closed());
    let list = format!("{open},{closed}");
    let finished = scan(&["127.0.0.1", "-p", &list, "--json"]);
    assert_eq!(finished.code(), Some(0), "{}", finished.err());
    let lines = lines(&finished);
    assert_eq!(lines.len(), 3);
    let expected =
        ["address", "attempts", "port", "protocol", "reason", "rtt_ms", "service", "state"];
    for line in &lines[..2] {
        let mut keys = keys(line);
        keys.sort_unstable();
        assert_eq!(keys, expected);
        assert_eq!((&line["address"], &line["protocol"]), (&"127.0.0.1".into(), &"tcp".into()));
        assert!(line["rtt_ms"].as_f64().unwrap() < 1000.0);
        let open = line["port"] == open;
        assert_eq!(line["state"], if open { "open" } else { "closed" });
        assert_eq!(line["reason"], if open { "syn-ack" } else { "reset" });
    }
    let summary = &lines[2]["summary"];
    for (key, value) in [
        ("targets", 1),
        ("ports", 2),
        ("open", 1),
        ("closed", 1),
        ("filtered", 0),
        ("unresolved", 0),
        ("rounds", 1),
    ] {
        assert_eq!(summary[key], value, "{key}");
    }
    assert!(summary["seconds"].is_f64() && summary["loss"] == 0.0);
    assert_eq!(summary["recall"], Value::Null, "two answers say nothing about recall");
    let only = self::lines(&scan(&["127.0.0.1", "-p", &list, "--json", "--open"]));
    assert_eq!((only.len(), open_ports(&only)), (2, BTreeSet::from([u64::from(open)])));
}

#[test]
fn exit_codes_tell_what_happened() {
    let (_closed, closed) = closed();
    let closed = closed.to_string();
    assert_eq!(scan(&["127.0.0.1", "-p", &closed]).code(), Some(1));
    let wrong: [(&[&str], &str); 13] = [
        (&[], "<TARGET>"),
        (&["10.0.0.300"], "10.0.0.300 is no address"),
        (&["127.0.0.1", "-p", "70000"], "70000 is no port"),
        (&["127.0.0.1", "-p", "nope"], "no TCP service is called nope"),
        (&["10.0.0.0/8"], "--authorised"),
        (&["8.8.8.0/23"], "--authorised"),
        (&["224.0.0.1"], "never scanned"),
        (&["127.0.0.1", "--exclude", "127.0.0.0/8"], "no target is left"),
        (&["-6", "127.0.0.1"], "no IPv6 address"),
        (&["-n", "localhost"], "not to be resolved"),
        (&["-sS", "127.0.0.1"], "-sS is not built yet"),
        (&["-oX", "out.xml", "127.0.0.1"], "-oX is not built yet"),
        (&["-iL", "/nowhere/list"], "/nowhere/list"),
    ];
    for (args, says) in wrong {
        let finished = scan(args);
        let code = if says.starts_with("/nowhere") { 3 } else { 2 };
        assert_eq!(finished.code(), Some(code), "{args:?}: {}", finished.err());
        assert!(finished.err().contains(says), "{args:?}: {}", finished.err());
        assert_eq!(finished.out(), "", "{args:?}");
    }
    for (targets, code) in [(&["127.0.0.1"][..], 1), (&[], 3)] {
        let args = [&["no-such-host.invalid", "-p", &closed], targets].concat();
        let finished = scan(&args);
        assert_eq!(finished.code(), Some(code), "{args:?}: {}", finished.err());
        assert!(finished.err().contains("no-such-host.invalid"), "{}", finished.err());
    }
}

#[test]
fn a_dry_run_prints_every_probe_once_and_shards_divide_them() {
    let dry = |more: &[&str]| {
        let mut args = vec!["-q", "--dry-run", "--seed", "7", "-p", "1-50", "10.0.0.0/29"];
        args.extend(more);
        let finished = scan(&args);
        assert_eq!(finished.code(), Some(0), "{}", finished.err());
        finished.out().lines().map(str::to_owned).collect::<Vec<String>>()
    };
    let whole = dry(&[]);
    let different: BTreeSet<&String> = whole.iter().collect();
    assert_eq!((whole.len(), different.len()), (400, 400));
    assert!(different.contains(&"10.0.0.7:50".to_owned()));
    assert_eq!(whole, dry(&[]), "the same seed gives the same order");
    let shards: Vec<String> =
        ["1/3", "2/3", "3/3"].iter().flat_map(|s| dry(&["--shard", s])).collect();
    assert_eq!(shards.len(), 400);
    assert_eq!(shards.iter().collect::<BTreeSet<_>>(), different);
    let one = dry(&["--json", "--exclude", "10.0.0.0-6"]);
    assert_eq!(one.len(), 50);
    let fifth = r#"{"address":"10.0.0.7","port":5,"protocol":"tcp"}"#;
    assert!(one.iter().any(|line| line == fifth), "{one:?}");
}

#[test]
fn targets_come_from_files_and_stdin_too() {
    let folder = tempfile::tempdir().unwrap();
    let [list, out] = ["list", "out"].map(|name| folder.path().join(name));
    std::fs::write(&list, "10.0.0.1 10.0.0.2 # two\n10.0.0.4-5\n").unwrap();
    std::fs::write(&out, "10.0.0.2\n").unwrap();
    let (list, out) = (list.to_str().unwrap(), out.to_str().unwrap());
    let mut command = sockeye(&["-q", "--dry-run", "-p80", "-iL", list, "--exclude-file", out]);
    let finished = Process::run(&mut command, b"");
    let found: BTreeSet<String> = finished.out().lines().map(str::to_owned).collect();
    assert!(found.iter().eq(["10.0.0.1:80", "10.0.0.4:80", "10.0.0.5:80"]), "{found:?}");
    let mut command = sockeye(&["-q", "--dry-run", "-p", "80", "-iL", "-"]);
    assert_eq!(Process::run(&mut command, b"::1\n").out(), "[::1]:80\n");
    std::fs::write(list, "10.0.0.1\n10.0.0.999\n").unwrap();
    let finished = scan(&["-iL", list]);
    assert_eq!(finished.code(), Some(2));
    assert!(finished.err().contains("list, line 2: 10.0.0.999"), "{}", finished.err());
}

#[test]
fn an_interrupted_scan_shows_what_it_has_and_ends_with_130() {
    let (_open, open) = listener();
    let list = format!("{open},1-65535");
    let args = ["127.0.0.1", "-p", &list, "--max-rate", "100", "--json"];
    let mut process = Process::spawn(&mut sockeye(&args));
    process.wait_for("{\"address\"");
    let finished = process.stop(rustix::process::Signal::INT);
    assert_eq!(finished.code(), Some(130), "{}", finished.err());
    let lines = lines(&finished);
    let summary = &lines.last().unwrap()["summary"];
    assert!(summary["unresolved"].as_u64().unwrap() > 60_000, "{summary}");
    let mut process = Process::spawn(&mut sockeye(&args));
    process.wait_for("{\"address\"");
    assert_eq!(process.stop(rustix::process::Signal::TERM).code(), Some(143));
}

#[test]
fn a_reader_that_goes_away_ends_the_scan() {
    let mut command = sockeye(&["-q", "127.0.0.1", "-p-", "--json", "--max-rate", "2000"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), vec![]));
}

#[test]
fn few_descriptors_give_the_same_result() {
    if !need(Need::NetNamespace) || !need(Need::Program("ip")) || !need(Need::Program("nft")) {
        return;
    }
    with_network(|| {
        let rules = "table inet t {\nchain c {\ntype filter hook input priority 0\n\
                     tcp dport 2000-2099 drop\n}\n}\n";
        assert!(
            Process::run(Command::new("nft").args(["-f", "-"]), rules.as_bytes()).status.success()
        );
        let listeners: Vec<_> = (0..10).map(|_| listener()).collect();
        let expected: BTreeSet<u64> = listeners.iter().map(|(_, port)| u64::from(*port)).collect();
        // The dropped range is below the local ports: no listener has one of it.
        let list: Vec<String> = expected.iter().map(u64::to_string).collect();
        let list = format!("1900-2199,{}", list.join(","));
        for limit in [64, 24] {
            let script = format!("ulimit -n {limit}; exec \"$0\" \"$@\"");
            let mut command = Command::new("sh");
            command.args(["-c", &script, env!("CARGO_BIN_EXE_sockeye"), "scan", "127.0.0.1"]);
            command.args(["-p", &list, "--json", "--timeout", "100ms", "--retries", "1"]);
            let finished = Process::run(&mut command, b"");
            assert_eq!(finished.code(), Some(0), "{}", finished.err());
            let lines = lines(&finished);
            assert_eq!(open_ports(&lines), expected, "limit {limit}");
            let summary = &lines.last().unwrap()["summary"];
            let counts = ["open", "closed", "filtered", "unresolved"].map(|key| &summary[key]);
            assert_eq!(counts, [10, 200, 100, 0].map(Value::from).each_ref(), "{limit}");
        }
    });
}

#[test]
fn nmap_finds_the_same() {
    if !need(Need::Program("nmap")) || !need(Need::NetNamespace) || !need(Need::Program("ip")) {
        return;
    }
    with_network(|| {
        let listeners: Vec<_> = (0..20).map(|_| listener()).collect();
        let truth: BTreeSet<u64> = listeners.iter().map(|(_, port)| u64::from(*port)).collect();
        let ours = scan(&["-Pn", "-n", "-sT", "-T4", "-p-", "127.0.0.1", "--json", "--open"]);
        assert_eq!(open_ports(&lines(&ours)), truth);
        let mut nmap = Command::new("nmap");
        nmap.args(["-Pn", "-n", "-sT", "-T4", "-p-", "127.0.0.1", "-oG", "-"]);
        let theirs = Process::run(&mut nmap, b"").out();
        let field = theirs.split_whitespace().filter_map(|word| word.split_once("/open/tcp"));
        let theirs: BTreeSet<u64> = field.map(|(port, _)| port.parse().unwrap()).collect();
        assert_eq!(theirs, truth);
    });
}
