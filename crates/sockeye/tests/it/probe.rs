//! `connect -u --probe` against `listen -u --echo`, through a proxy of the test's own that loses,
//! delays, doubles and reorders by seed, and that counts by itself what it did.

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use sockeye_testkit::{Finished, Link, LinkConfig, Need, Process, need};

fn sockeye(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.args(args);
    command
}

/// An echo that is ready, and where.
fn echo() -> (Process, String) {
    echo_at("0")
}

fn echo_at(place: &str) -> (Process, String) {
    let mut process = Process::spawn(&mut sockeye(&["listen", "-v", "-u", "--echo", place]));
    let place = process.wait_for("listening udp ");
    (process, place)
}

fn probe(place: &str, flags: &[&str]) -> Command {
    let mut command = sockeye(&["connect", "-u", "--probe"]);
    command.args(flags).arg(place);
    command
}

/// The lines of `--json` before the last one, and the summary.
fn parsed(done: &Finished) -> (Vec<Value>, Value) {
    let mut lines: Vec<Value> =
        done.out().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut last = lines.pop().expect("a summary");
    (lines, last["summary"].take())
}

/// What a proxy has seen.
#[derive(Default)]
struct Seen {
    /// Sequence numbers of questions, as they came in and as they went on to the echo.
    asked: Vec<u64>,
    there: Vec<u64>,
    /// Sequence numbers and `arrived` of replies that went on to the prober.
    back: Vec<(u64, u64)>,
}

/// A wire between a prober and an echo, in a thread.
struct Proxy {
    place: String,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

impl Proxy {
    fn new(echo: &str, seed: u64, config: &LinkConfig) -> Proxy {
        let front = UdpSocket::bind("127.0.0.1:0").unwrap();
        let back = UdpSocket::bind("127.0.0.1:0").unwrap();
        back.connect(echo).unwrap();
        let place = front.local_addr().unwrap().to_string();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let links = [Link::new(seed, config.clone()), Link::new(!seed, config.clone())];
        let thread = std::thread::spawn(move || carry(&front, &back, links, &stopped));
        Proxy { place, stop, thread }
    }

    fn finish(self) -> Seen {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

/// A number at a place that docs/probe.md names.
fn word(datagram: &[u8], at: usize) -> u64 {
    u32::from_be_bytes(datagram[at..at + 4].try_into().unwrap()).into()
}

fn carry(
    front: &UdpSocket,
    back: &UdpSocket,
    [mut there, mut home]: [Link<Vec<u8>>; 2],
    stop: &AtomicBool,
) -> Seen {
    // Each direction has a thread that receives, so that the one that carries can wait for both.
    let (sender, inbox) = mpsc::channel();
    let mut seen = Seen::default();
    let mut prober = None;
    std::thread::scope(|scope| {
        for (socket, from_front) in [(front, true), (back, false)] {
            let sender = sender.clone();
            socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            scope.spawn(move || {
                let mut buffer = [0; 2048];
                while !stop.load(Ordering::SeqCst) {
                    if let Ok((len, from)) = socket.recv_from(&mut buffer) {
                        sender.send((from_front, buffer[..len].to_vec(), from)).unwrap();
                    }
                }
            });
        }
        drop(sender);
        loop {
            let next = [there.next_arrival(), home.next_arrival()].into_iter().flatten().min();
            let wait = next.map_or(Duration::from_millis(50), |at| {
                at.saturating_duration_since(Instant::now())
            });
            match inbox.recv_timeout(wait) {
                Ok((true, bytes, from)) => {
                    prober = Some(from);
                    if bytes[5] == 1 {
                        seen.asked.push(word(&bytes, 16));
                    }
                    there.send(Instant::now(), bytes);
                }
                Ok((false, bytes, _)) => home.send(Instant::now(), bytes),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
            let now = Instant::now();
            while let Some(bytes) = there.poll_receive(now) {
                if bytes[5] == 1 {
                    seen.there.push(word(&bytes, 16));
                }
                back.send(&bytes).unwrap();
            }
            while let Some(bytes) = home.poll_receive(now) {
                if bytes[5] == 2 {
                    seen.back.push((word(&bytes, 16), word(&bytes, 20)));
                }
                front.send_to(&bytes, prober.unwrap()).unwrap();
            }
        }
    });
    seen
}

/// Different ones, duplicates, and reordered ones by RFC 4737, counted by a set.
fn by_sets(arrived: impl Iterator<Item = u64>) -> (usize, usize, usize) {
    let (mut seen, mut all, mut reordered) = (BTreeSet::new(), 0, 0);
    for number in arrived {
        all += 1;
        let overtaken = seen.last().is_some_and(|highest| *highest > number);
        reordered += usize::from(seen.insert(number) && overtaken);
    }
    (seen.len(), all - seen.len(), reordered)
}

#[test]
fn what_a_bad_wire_does_is_counted_exactly() {
    let (echo, echo_place) = echo();
    let bad = LinkConfig {
        loss_permille: 100,
        duplicate_permille: 80,
        delay_min: Duration::from_millis(1),
        delay_max: Duration::from_millis(25),
        ..LinkConfig::default()
    };
    let flags = ["--count", "250", "--interval", "3ms", "-w", "4s", "--json"];
    let runs: Vec<_> = (1..=4)
        .map(|seed| {
            let proxy = Proxy::new(&echo_place, seed, &bad);
            let process = Process::spawn(&mut probe(&proxy.place, &flags));
            (seed, proxy, process)
        })
        .collect();
    for (seed, proxy, process) in runs {
        let done = process.finish();
        let seen = proxy.finish();
        assert_eq!((done.code(), done.err().as_str()), (Some(0), ""), "seed {seed}");
        let (lines, summary) = parsed(&done);
        assert_eq!(seen.asked, Vec::from_iter(0..250), "each number is sent once, in order");
        let (came, doubled_there, reordered_there) = by_sets(seen.there.iter().copied());
        let (answered, doubled, reordered) = by_sets(seen.back.iter().map(|(number, _)| *number));
        let (_, doubled_back, reordered_back) = by_sets(seen.back.iter().map(|(_, n)| *n));
        let expected = json!({
            "sent": 250, "answered": answered, "late": 0, "lost": 250 - answered,
            "lost_there": 250 - came, "lost_back": came - answered, "held_back": 0,
            "unfinished": 0, "duplicates": doubled, "duplicates_there": doubled_there,
            "duplicates_back": doubled_back, "reordered": reordered,
            "reordered_there": reordered_there, "reordered_back": reordered_back, "refused": 0,
        });
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&summary[name], value, "seed {seed}: {name}");
        }
        // The wire did what it was made for, and its delays bound the round trips from below.
        assert!(came < 250 && answered < came && doubled_there > 0 && doubled_back > 0);
        assert!(reordered_there > 10 && reordered_back > 10);
        let times = &summary["rtt_ms"];
        let time = |name: &str| times[name].as_f64().unwrap();
        assert!(time("min") >= 2.0 && time("min") < time("median"), "{times}");
        assert!(time("median") < time("p99") && time("p99") <= time("max"), "{times}");
        let count = |outcome: &str| lines.iter().filter(|l| l["outcome"] == outcome).count();
        assert_eq!(
            [count("reply"), count("lost"), count("duplicate")],
            [answered, 250 - answered, doubled]
        );
        let overtaken = lines.iter().filter(|line| line["reordered"] == true).count();
        assert_eq!(overtaken, reordered);
    }
    let done = echo.stop(Signal::INT);
    assert_eq!(done.code(), Some(0));
    assert!(done.err().contains("held 0 back because too many came, ignored 0"), "{}", done.err());
}

#[test]
fn people_get_lines_and_a_summary() {
    let (_echo, place) = echo();
    let done = Process::run(&mut probe(&place, &["--count", "3", "--interval", "5ms"]), b"");
    assert_eq!((done.code(), done.err().as_str()), (Some(0), ""));
    let out = done.out();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 6, "{out}");
    assert!(lines[0].starts_with("     0  ") && lines[2].starts_with("     2  "), "{out}");
    assert!(lines[..3].iter().all(|line| line.ends_with(" ms")), "{out}");
    let expected = format!("{place}: 3 sent, 3 answered in time, 0 lost (0.0 %), in ");
    assert!(lines[3].starts_with(&expected) && lines[3].ends_with(" s"), "{out}");
    assert!(lines[4].starts_with("round trips: min "), "{out}");
    let rest = "reordered: 0 (0 there, 0 back); duplicates: 0 (0 there, 0 back)";
    assert_eq!(lines[5], rest);
    let quiet = Process::run(&mut probe(&place, &["-q", "--count", "2", "--interval", "1ms"]), b"");
    assert_eq!((quiet.code(), quiet.out().lines().count()), (Some(0), 3));
}

#[test]
fn over_ipv6_and_to_every_interface() {
    if !need(Need::Ipv6) {
        return;
    }
    for (listening, hosts) in [("[::1]:0", &["[::1]"][..]), (":0", &["[::1]", "127.0.0.1"])] {
        let (_echo, place) = echo_at(listening);
        let port = place.rsplit(':').next().unwrap();
        for host in hosts {
            let place = format!("{host}:{port}");
            let flags = ["--count", "3", "--interval", "1ms", "--json"];
            let done = Process::run(&mut probe(&place, &flags), b"");
            let (_, summary) = parsed(&done);
            assert_eq!((done.code(), &summary["answered"]), (Some(0), &json!(3)), "{place}");
            assert_eq!(summary["lost_there"], 0, "{place}");
        }
    }
}

#[test]
fn large_datagrams_are_echoed_whole_and_not_one_byte_more() {
    let (echo, place) = echo();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    client.connect(&place).unwrap();
    let mut datagram = vec![0x9e, b'S', b'k', b'p', 1, 1, 0, 0];
    datagram.extend([7; 8]);
    datagram.resize(36, 0);
    // What is no question is not answered: the next answer is to the next question.
    for stranger in [&b"hello"[..], &datagram[..35], &[0; 64], b""] {
        client.send(stranger).unwrap();
    }
    for size in [36, 37, 1400, 65_507] {
        datagram.resize(size, 0xcd);
        client.send(&datagram).unwrap();
        let mut answer = vec![0; 65_536];
        let len = client.recv(&mut answer).unwrap();
        assert_eq!(len, size);
        assert_eq!((answer[5], &answer[8..16]), (2, &[7; 8][..]));
        assert!(answer[36..len].iter().all(|byte| *byte == 0xcd));
    }
    let done = echo.stop(Signal::TERM);
    assert_eq!(done.code(), Some(0));
    assert!(done.err().contains("answered 4 datagrams"), "{}", done.err());
    assert!(done.err().contains("ignored 4 that"), "{}", done.err());
    let (_echo, place) = self::echo();
    let flags = ["--size", "65507", "--count", "2", "--interval", "1ms", "--json"];
    let done = Process::run(&mut probe(&place, &flags), b"");
    assert_eq!((done.code(), &parsed(&done).1["answered"]), (Some(0), &json!(2)));
}

#[test]
fn where_nothing_comes_back_the_exit_code_is_1() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let place = silent.local_addr().unwrap().to_string();
    let flags = ["--count", "3", "--interval", "5ms", "-w", "100ms"];
    let done = Process::run(&mut probe(&place, &flags), b"");
    assert_eq!(done.code(), Some(1));
    assert!(done.out().ends_with("nothing came back\n"), "{}", done.out());
    assert_eq!(done.out().lines().filter(|line| line.ends_with("  lost")).count(), 3);
    // A port where nobody listens says so.
    drop(silent);
    let done = Process::run(&mut probe(&place, &flags), b"");
    assert_eq!(done.code(), Some(1));
    assert_eq!(done.err().matches("connection refused (ECONNREFUSED)").count(), 1);
    let done = Process::run(probe(&place, &flags).arg("--json"), b"");
    let (lines, summary) = parsed(&done);
    assert_eq!((done.code(), done.err().as_str()), (Some(1), ""));
    assert!(lines.iter().any(|line| line["outcome"] == "refused"));
    assert_eq!((&summary["lost"], &summary["lost_there"]), (&json!(3), &Value::Null));
}

#[test]
fn an_interrupt_ends_an_endless_run_with_the_summary() {
    let (_echo, place) = echo();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let flags = ["--count", "0", "--interval", "10ms", "--json"];
        let mut process = Process::spawn(&mut probe(&place, &flags));
        process.wait_for(r#"{"seq":3,"outcome":"reply""#);
        let done = process.stop(signal);
        assert_eq!(done.code(), Some(code));
        let (lines, summary) = parsed(&done);
        let sent = summary["sent"].as_u64().unwrap();
        assert!(sent >= 4 && summary["lost"] == 0, "{summary}");
        assert_eq!(summary["answered"].as_u64().unwrap(), sent, "{summary}");
        assert_eq!(
            (lines.len(), &summary["lost_there"]),
            (usize::try_from(sent).unwrap(), &json!(0))
        );
    }
}

#[test]
fn late_replies_are_told_from_lost_ones() {
    let (_echo, place) = echo();
    let slow = Duration::from_millis(150);
    let config = LinkConfig { delay_min: slow, delay_max: slow, ..LinkConfig::default() };
    let proxy = Proxy::new(&place, 1, &config);
    // Those that are sent later keep the run open for the first ones.
    let flags = ["--count", "8", "--interval", "100ms", "-w", "200ms", "--json"];
    let done = Process::run(&mut probe(&proxy.place, &flags), b"");
    proxy.finish();
    let (lines, summary) = parsed(&done);
    assert_eq!(done.code(), Some(0), "late is not nothing");
    let count = |outcome: &str| lines.iter().filter(|line| line["outcome"] == outcome).count();
    assert_eq!(count("lost"), 8, "each is given up first");
    assert!(count("late") >= 5, "{summary}");
    assert_eq!((&summary["answered"], &summary["rtt_ms"]), (&json!(0), &Value::Null));
    let late = summary["late"].as_u64().unwrap();
    assert_eq!(summary["lost"].as_u64().unwrap() + late, 8);
}

#[test]
fn flags_that_do_not_go_together_are_refused() {
    for (args, message) in [
        (&["connect", "--probe", "9"][..], "--udp"),
        (&["connect", "-u", "--probe", "-z", "9"], "cannot be used with"),
        (&["connect", "-u", "--count", "3", "9"], "--probe"),
        (&["connect", "-u", "--json", "9"], "--probe"),
        (&["connect", "-u", "--probe", "--size", "35", "9"], "36 to 65507"),
        (&["connect", "-u", "--probe", "--interval", "0.5ms", "9"], "1ms at least"),
        (&["connect", "-u", "--probe", "--interval", "1ms", "-w", "17s", "9"], "too long for"),
        (&["connect", "-u", "--probe", "unix:/x"], "for IP addresses"),
        (&["connect", "-u", "--packet-trace", "9"], "cannot be used with"),
        (&["connect", "--packet-trace", "unix:/x"], "for IP addresses"),
        (&["listen", "--echo", "0"], "--udp"),
        (&["listen", "-u", "--echo", "unix:/x"], "for IP addresses"),
    ] {
        let done = Process::run(&mut sockeye(args), b"");
        assert_eq!(done.code(), Some(2), "{args:?}: {}", done.err());
        assert!(done.err().contains(message), "{args:?}: {}", done.err());
    }
}
