//! The plain room: who hears what, and how people come and go.

use std::time::Duration;

use sockeye_chat::{Config, Event, Rate, Slow, Why};
use sockeye_socket::{Socket, create_connection, opt};

use crate::support::{calm, start};

#[test]
fn three_clients_talk() {
    let room = start(calm());
    let (mut a, mut b, mut c) = (room.join(), room.join(), room.join());
    assert_eq!((a.nick.as_str(), c.nick.as_str()), ("plain-1", "plain-3"));
    assert_eq!((a.line(), a.line()), ("* plain-2 joined".into(), "* plain-3 joined".into()));
    assert_eq!(b.line(), "* plain-3 joined");
    a.send("hello\r\n");
    assert_eq!(b.line(), "<plain-1> hello");
    assert_eq!(c.line(), "<plain-1> hello");
    b.send("/nick 小明\n你好\n/me waves\n");
    for client in [&mut a, &mut c] {
        assert_eq!(client.line(), "* plain-2 is now 小明");
        assert_eq!(client.line(), "<小明> 你好");
        assert_eq!(client.line(), "* 小明 waves");
    }
    assert_eq!(b.line(), "* you are now 小明");
    c.send("/who\n/foo\n");
    assert_eq!(c.line(), "* in #lobby (3): 小明 plain-1 plain-3");
    assert!(c.line().starts_with("* unknown command /foo; /help lists"));
    c.send("/quit\n");
    assert_eq!(String::from_utf8(c.rest()).unwrap(), "* bye\n");
    assert_eq!(a.line(), "* plain-3 left");
    let report = room.stop();
    assert_eq!((report.connections, report.lines, report.cut_off), (3, 3, 0));
}

#[test]
fn a_silent_client_hears_the_room() {
    let room = start(calm());
    let mut a = room.join();
    let mut silent = room.connect();
    assert_eq!(a.line(), "* plain-2 joined");
    a.send("are you there?\n");
    silent.until("<plain-1> are you there?\n");
}

#[test]
fn a_reset_is_a_leave() {
    let room = start(calm());
    let mut a = room.join();
    let b: Socket = create_connection(room.address).open().unwrap();
    b.sendall(b"about to go\n").unwrap();
    assert_eq!(a.line(), "* plain-2 joined");
    assert_eq!(a.line(), "<plain-2> about to go");
    b.setsockopt(opt::SO_LINGER, Some(Duration::ZERO)).unwrap();
    drop(b);
    assert_eq!(a.line(), "* plain-2 left");
    a.send("still fine\n/who\n");
    assert_eq!(a.line(), "* in #lobby (1): plain-1");
    let events = room.events.lock().unwrap();
    let left = |event: &Event| matches!(event, Event::Left { why: Why::Gone, .. });
    assert_eq!(events.iter().filter(|event| left(event)).count(), 1);
}

#[test]
fn the_last_words_of_one_who_ends_his_side_count() {
    let room = start(calm());
    let mut a = room.join();
    let mut b = room.connect();
    b.send("one\ntwo");
    b.end();
    a.until("* plain-2 joined\n<plain-2> one\n<plain-2> two\n* plain-2 left\n");
    assert!(String::from_utf8(b.rest()).unwrap().starts_with("* you are plain-2"));
}

#[test]
fn one_who_stops_reading_disturbs_nobody_and_is_told() {
    let room = start(Config { sendq_bytes_max: 64 << 10, ..calm() });
    let (mut a, mut b) = (room.join(), room.join());
    let stuck = room.join();
    a.until("* plain-3 joined\n");
    b.until("* plain-3 joined\n");
    let text = "x".repeat(1000);
    let mut rounds = 0;
    loop {
        a.send(format!("{text}\n"));
        assert_eq!(b.until("\n").len(), text.len() + "<plain-1> \n".len());
        rounds += 1;
        let gone = room.handle.present().unwrap().len() == 2;
        if gone {
            break;
        }
        assert!(rounds < 100_000, "the one that does not read is still there");
    }
    assert_eq!(a.line(), "* plain-3 left (read too slowly)");
    assert_eq!(b.line(), "* plain-3 left (read too slowly)");
    let mut stuck = stuck;
    let heard = String::from_utf8(stuck.rest()).unwrap();
    assert!(heard.starts_with(&format!("<plain-1> {text}\n<plain-1> x")));
    assert!(heard.contains("\n* closing: you read too slowly, and "), "it was told");
}

#[test]
fn lines_can_be_left_out_instead() {
    let room = start(Config { sendq_bytes_max: 64 << 10, slow: Slow::Drop, ..calm() });
    let (mut a, mut b) = (room.join(), room.join());
    a.until("* plain-2 joined\n");
    let text = "y".repeat(4000);
    for _ in 0..3000 {
        a.send(format!("{text}\n"));
    }
    a.send("/who\n");
    a.until("* in #lobby (2): plain-1 plain-2\n");
    let mut whole = 0;
    let missing = loop {
        let line = b.line();
        if let Some(rest) = line.strip_prefix("* ") {
            break rest.split(' ').next().unwrap().parse::<usize>().unwrap();
        }
        assert_eq!(line.len(), text.len() + "<plain-1> ".len(), "never cut");
        whole += 1;
    };
    assert_eq!(whole + missing, 3000);
}

#[test]
fn floods_are_told_and_nothing_is_lost() {
    let flood = Some(Rate { burst: 3, per_second: 20 });
    let room = start(Config { flood, ..Config::default() });
    let (mut a, mut b) = (room.join(), room.join());
    a.until("* plain-2 joined\n");
    let lines: String = (0..10).map(|number| format!("{number}\n")).collect();
    a.send(lines);
    assert!(a.line().starts_with("* slow down: after 3 lines, 20 a second"));
    for number in 0..10 {
        assert_eq!(b.line(), format!("<plain-1> {number}"));
    }
}

#[test]
fn a_line_that_is_too_long_is_told_and_not_cut() {
    let room = start(calm());
    let (mut a, mut b) = (room.join(), room.join());
    a.until("* plain-2 joined\n");
    a.send(format!("{}\n{}\nok\n", "z".repeat(5000), "z".repeat(4096)));
    assert_eq!(a.line(), "* that line was not sent: it is over 4096 bytes");
    assert_eq!(b.line(), format!("<plain-1> {}", "z".repeat(4096)));
    assert_eq!(b.line(), "<plain-1> ok");
}

#[test]
fn a_browser_cannot_talk_and_a_password_is_not_shown() {
    let room = start(calm());
    let mut a = room.join();
    let mut web = room.connect();
    web.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\nhello\r\n");
    let answer = String::from_utf8(web.rest()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    let mut web = room.connect();
    web.send("GET /room HTTP/1.1\r\nHost: x\r\n\r\nhello\r\n");
    assert!(String::from_utf8(web.rest()).unwrap().starts_with("HTTP/1.1 404 "));
    let mut irc = room.connect();
    irc.send("PASS secret\r\nNICK a\r\nUSER a 0 * :a\r\nQUIT\r\n");
    let answer = String::from_utf8(irc.rest()).unwrap();
    assert!(answer.starts_with(":sockeye.local 001 a :Welcome"), "{answer}");
    assert!(answer.ends_with("ERROR :Closing Link: 127.0.0.1 (Quit)\r\n"), "{answer}");
    for opening in [&b"\x16\x03\x01\x00\xff"[..], b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\nhi\r\n"] {
        let mut other = room.connect();
        other.send(opening);
        assert_eq!(other.rest(), b"");
    }
    a.send("/who\n");
    assert_eq!(a.line(), "* in #lobby (1): plain-1", "nobody else was ever here");
}

#[test]
fn who_comes_later_is_shown_the_last_lines() {
    let room = start(Config { history_lines: 2, ..calm() });
    let mut a = room.join();
    a.send("one\ntwo\nthree\n/who\n");
    a.until("* in #lobby (1): plain-1\n");
    let mut b = room.connect();
    let heard = b.until("/help lists the commands\n");
    assert!(heard.starts_with("* earlier in #lobby:\n<plain-1> two\n<plain-1> three\n* you are"));
}

#[test]
fn the_limit_of_clients_is_told() {
    let room = start(Config { max_clients: 1, ..calm() });
    let mut a = room.join();
    let mut b = room.connect();
    assert_eq!(String::from_utf8(b.rest()).unwrap(), "* the room is full, try again later\n");
    a.send("/quit\n");
    a.rest();
    drop(a);
    let mut c = loop {
        let mut c = room.connect();
        c.send("/who\n");
        if !c.line().contains("full") {
            break c;
        }
    };
    c.until("* in #lobby (1): ");
}

#[test]
fn one_address_does_not_take_all_places() {
    let room = start(Config { max_per_ip: Some(2), ..calm() });
    let (_a, _b) = (room.join(), room.join());
    let told = "* there are too many connections from your address\n";
    assert_eq!(String::from_utf8(room.connect().rest()).unwrap(), told);
}

#[test]
fn other_threads_reach_the_room() {
    let room = start(calm());
    let mut a = room.join();
    assert!(room.handle.announce("anna has dropped x.pdf\nand more"));
    assert_eq!(a.line(), "* anna has dropped x.pdfand more");
    let (ours, theirs) = sockeye_socket::socketpair().unwrap();
    room.handle.attach(theirs, b"hi from a pair\n".to_vec()).unwrap();
    assert_eq!(a.line(), "* plain-2 joined");
    assert_eq!(a.line(), "<plain-2> hi from a pair");
    let present = room.handle.present().unwrap();
    let nicks: Vec<&str> = present.iter().map(|present| present.nick.as_str()).collect();
    assert_eq!(nicks, ["plain-1", "plain-2"]);
    drop(ours);
    assert_eq!(a.line(), "* plain-2 left");
    let handle = room.handle.clone();
    room.stop();
    assert!(!handle.announce("too late"));
    assert_eq!(handle.present(), None);
}

#[test]
fn a_stop_says_so_and_loses_nothing() {
    let room = start(calm());
    let (mut a, mut b) = (room.join(), room.join());
    a.until("* plain-2 joined\n");
    let lines: String = (0..1000).map(|number| format!("line {number}\n")).collect();
    a.send(&lines);
    a.send("/who\n");
    a.until("* in #lobby (2): plain-1 plain-2\n");
    let stopper = std::thread::spawn(move || room.stop());
    let heard = String::from_utf8(b.rest()).unwrap();
    let expected: String = (0..1000).map(|number| format!("<plain-1> line {number}\n")).collect();
    assert_eq!(heard, expected + "* the server is stopping\n");
    assert_eq!(String::from_utf8(a.rest()).unwrap(), "* the server is stopping\n");
    assert_eq!(stopper.join().unwrap().cut_off, 0);
}

#[test]
fn a_stop_does_not_wait_for_ever_for_one_who_does_not_read() {
    let config = Config { sendq_bytes_max: 32 << 20, queues_bytes_max: 128 << 20, ..calm() };
    let room = start(config);
    let (mut a, _stuck) = (room.join(), room.join());
    a.until("* plain-2 joined\n");
    for _ in 0..4000 {
        a.send(format!("{}\n", "w".repeat(4000)));
    }
    a.send("/who\n");
    a.until("* in #lobby (2): plain-1 plain-2\n");
    let report = room.stop_within(Duration::from_millis(300));
    assert_eq!((report.lines, report.cut_off), (4000, 1));
}
