//! The switchboard with a memory log, by hand: who hears what.

use super::*;
use crate::proto::{Log, MemoryLog, Rate, Slow};

struct Bench {
    board: Switchboard,
    log: MemoryLog,
    now: Now,
}

impl Bench {
    fn new(change: impl FnOnce(&mut Settings)) -> Bench {
        let session = SessionConfig { flood: None, ..SessionConfig::default() };
        let mut settings = Settings {
            rooms: vec!["#lobby".parse().expect("a room")],
            session,
            limits: Limits::default(),
            history_lines: 2,
            web_history_lines: 3,
            goodbye: Duration::from_secs(5),
            node: 1,
            irc: irc::Settings::default(),
        };
        change(&mut settings);
        let now = Now { instant: Instant::now(), unix_ms: 0 };
        Bench { board: Switchboard::new(settings), log: MemoryLog::new(0, 10), now }
    }

    fn turn(&mut self) {
        self.board.begin_turn();
        self.board.handle_timeout(self.now);
        while let Some(append) = self.board.poll_append(self.now) {
            self.log.append(append);
            while let Some(entry) = self.log.poll_committed() {
                self.board.handle_committed(&entry, self.now);
                while let Some(replay) = self.board.poll_replay() {
                    let after = self.log.before_last(&replay.room, replay.lines);
                    let entries = self.log.tail(&replay.room, after);
                    self.board.handle_history(replay, &entries);
                }
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now.instant += time;
        self.turn();
    }

    fn join(&mut self) -> ClientId {
        let id = self.board.handle_accepted(&Arrival::default(), self.now);
        self.turn();
        self.pass(self.board.settings.session.silence);
        id
    }

    fn types(&mut self, id: ClientId, bytes: &[u8]) {
        self.board.handle_received(id, bytes, self.now);
        self.turn();
    }

    fn reads(&mut self, id: ClientId) -> String {
        let mut got = Vec::new();
        let mut scratch = Vec::with_capacity(100);
        while self.board.want_write(id) {
            let count = {
                let bytes = self.board.peek(id, &mut scratch);
                got.extend_from_slice(bytes);
                bytes.len()
            };
            self.board.handle_transmitted(id, count);
        }
        String::from_utf8(got).expect("UTF-8")
    }

    fn finished(&mut self) -> Vec<ClientId> {
        std::iter::from_fn(|| self.board.poll_finished()).map(|(id, _)| id).collect()
    }
}

const WELCOME_1: &str = "* you are plain-1 in #lobby; nobody else is here yet. \
                         /help lists the commands\n";

#[test]
fn who_is_refused_by_the_log_is_told_and_goes_on() {
    let mut bench = Bench::new(|_| ());
    let (a, b) = (bench.join(), bench.join());
    bench.reads(a);
    bench.reads(b);
    bench.board.handle_received(a, b"one\ntwo\n", bench.now);
    let refused = bench.board.poll_append(bench.now).expect("an event");
    assert!(bench.board.poll_append(bench.now).is_none(), "it waits for the log");
    bench.board.handle_refused(&refused);
    bench.turn();
    assert_eq!(bench.reads(a), "* that was not said: it could not be kept; try again later\n");
    assert_eq!(bench.reads(b), "<plain-1> two\n");
    bench.board.tell("the disk is full");
    assert_eq!(bench.reads(a), "* the disk is full\n");
    assert_eq!(bench.reads(b), "* the disk is full\n");
}

#[test]
fn three_talk() {
    let mut bench = Bench::new(|_| ());
    let (a, b, c) = (bench.join(), bench.join(), bench.join());
    assert_eq!(bench.reads(a), format!("{WELCOME_1}* plain-2 joined\n* plain-3 joined\n"));
    bench.reads(b);
    bench.reads(c);
    bench.types(a, b"hello\r\n/nick anna\n/me wav");
    bench.types(a, b"es\n");
    let heard = "<plain-1> hello\n* plain-1 is now anna\n* anna waves\n";
    assert_eq!(bench.reads(b), heard);
    assert_eq!(bench.reads(c), heard);
    assert_eq!(bench.reads(a), "* you are now anna\n");
    bench.board.handle_lost(b, bench.now);
    bench.types(c, b"/quit\nnot said\n");
    assert_eq!(bench.reads(a), "* plain-2 left\n* plain-3 left\n");
    assert_eq!(bench.reads(c), "* plain-2 left\n* bye\n");
    assert_eq!(bench.finished(), [c]);
    assert_eq!(bench.board.len(), 1);
    bench.board.announce("a\nb", bench.now);
    bench.turn();
    assert_eq!(bench.reads(a), "* ab\n");
    assert_eq!(bench.board.queued_bytes(), 0);
}

#[test]
fn who_comes_later_hears_the_last_lines_once() {
    let mut bench = Bench::new(|_| ());
    let a = bench.join();
    bench.types(a, b"one\ntwo\nthree\n");
    let b = bench.join();
    bench.types(a, b"four\n");
    let heard = bench.reads(b);
    let expected = "* earlier in #lobby:\n<plain-1> two\n<plain-1> three\n* you are plain-2 in \
                    #lobby; 1 other is here. /help lists the commands\n<plain-1> four\n";
    assert_eq!(heard, expected);
}

#[test]
fn a_password_and_a_post_never_reach_the_room() {
    let mut bench = Bench::new(|_| ());
    let a = bench.join();
    let b = bench.board.handle_accepted(&Arrival::default(), bench.now);
    bench.types(b, b"POST / HTTP/1.1\r\n\r\nhello\r\n");
    assert!(bench.reads(b).starts_with("HTTP/1.1 400 "));
    let c = bench.join();
    bench.types(c, b"PASS secret\r\nNICK x\r\n");
    let d = bench.board.handle_accepted(&Arrival::default(), bench.now);
    bench.types(d, b"PASS secret\r\nNICK x\r\n");
    assert_eq!(bench.reads(d), "", "it speaks IRC, and is not known yet");
    assert_eq!(bench.finished(), [b]);
    assert_eq!(bench.reads(a), format!("{WELCOME_1}* plain-2 joined\n* plain-2 left\n"));
}

#[test]
fn who_says_nothing_and_goes_was_never_here() {
    let mut bench = Bench::new(|_| ());
    let a = bench.join();
    let b = bench.board.handle_accepted(&Arrival::default(), bench.now);
    bench.board.handle_eof(b);
    bench.turn();
    assert_eq!(bench.finished(), [b]);
    assert_eq!(bench.reads(a), WELCOME_1);
}

#[test]
fn the_last_words_before_the_end_count() {
    let mut bench = Bench::new(|_| ());
    let a = bench.join();
    let b = bench.board.handle_accepted(&Arrival::default(), bench.now);
    bench.board.handle_received(b, b"one\ntwo", bench.now);
    bench.board.handle_eof(b);
    bench.turn();
    let heard = bench.reads(a);
    assert!(heard.ends_with("joined\n<plain-2> one\n<plain-2> two\n* plain-2 left\n"), "{heard}");
}

fn small(slow: Slow) -> Bench {
    Bench::new(|settings| {
        settings.limits.sendq_bytes_max = 4096;
        settings.limits.slow = slow;
    })
}

#[test]
fn a_slow_reader_is_told_and_closed() {
    let mut bench = small(Slow::Close);
    let (a, b, c) = (bench.join(), bench.join(), bench.join());
    bench.reads(b);
    let mut heard = String::new();
    for _ in 0..200 {
        bench.types(a, b"some words that fill the queue\n");
        heard = bench.reads(b);
        assert!(heard.starts_with("<plain-1> some"), "others are not disturbed");
        if bench.board.clients.get(c).is_none_or(|client| client.closing) {
            break;
        }
    }
    let told = bench.reads(c);
    assert!(told.starts_with("* closing: you read too slowly, and "), "{told}");
    assert_eq!(bench.finished(), [c]);
    assert!(heard.ends_with("* plain-3 left (read too slowly)\n"), "{heard}");
}

#[test]
fn a_slow_reader_can_be_spared_and_is_told_what_is_missing() {
    let mut bench = small(Slow::Drop);
    let (a, c) = (bench.join(), bench.join());
    bench.reads(c);
    for number in 0..300 {
        bench.types(a, format!("{number}\n").as_bytes());
    }
    assert!(!bench.board.want_read(c), "above half of the queue nothing is read");
    let heard = bench.reads(c);
    let last = heard.lines().last().expect("lines");
    let missing: usize = last.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a number");
    assert!(last.ends_with("lines were left out here: you read too slowly"), "{last}");
    let lines: Vec<&str> = heard.lines().collect();
    for (number, line) in lines[..lines.len() - 1].iter().enumerate() {
        assert_eq!(*line, format!("<plain-1> {number}"));
    }
    assert_eq!(lines.len() - 1 + missing, 300);
    assert!(bench.board.want_read(c));
    bench.types(a, b"again\n");
    assert_eq!(bench.reads(c), "<plain-1> again\n");
}

#[test]
fn the_fattest_goes_first_when_all_together_are_too_much() {
    let mut bench = Bench::new(|settings| settings.limits.queues_bytes_max = 20_000);
    let (a, b, c) = (bench.join(), bench.join(), bench.join());
    bench.types(b, &b"/help\n".repeat(4));
    for _ in 0..200 {
        bench.types(a, b"0123456789012345678901234567890123456789\n");
        bench.pass(Duration::from_millis(20));
        assert!(bench.board.queued_bytes() <= 20_000);
        if bench.board.clients.get(b).is_some_and(|client| client.closing) {
            break;
        }
    }
    assert!(bench.reads(b).starts_with("* closing: you read too slowly"));
    assert!(bench.reads(c).contains("<plain-1> 0123"), "the thinner one stays");
}

#[test]
fn floods_wait_and_others_pass() {
    let rate = Rate { burst: 2, per_second: 1 };
    let mut bench = Bench::new(|settings| settings.session.flood = Some(rate));
    let (a, b) = (bench.join(), bench.join());
    bench.reads(a);
    bench.reads(b);
    bench.types(a, b"1\n2\n3\n4\n");
    bench.types(b, b"me\n");
    assert_eq!(bench.reads(b), "<plain-1> 1\n<plain-1> 2\n");
    let told = bench.reads(a);
    assert!(told.starts_with("* slow down: after 2 lines, 1 a second"), "{told}");
    assert!(told.ends_with("<plain-2> me\n"));
    assert!(!bench.board.want_read(a));
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.reads(b), "<plain-1> 3\n");
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.reads(b), "<plain-1> 4\n");
}

#[test]
fn the_classic_room_adds_nothing() {
    let mut bench = Bench::new(|settings| settings.session.classic = true);
    let ids: Vec<ClientId> =
        (0..3).map(|_| bench.board.handle_accepted(&Arrival::default(), bench.now)).collect();
    bench.turn();
    bench.types(ids[0], b"no line end \x1b\0 /nick x");
    assert_eq!(bench.reads(ids[1]), "no line end \x1b\0 /nick x");
    assert_eq!(bench.reads(ids[2]), "no line end \x1b\0 /nick x");
    assert_eq!(bench.reads(ids[0]), "");
    bench.board.handle_eof(ids[0]);
    bench.turn();
    bench.board.stop(bench.now.instant);
    assert_eq!(bench.reads(ids[1]), "");
    assert_eq!(bench.finished().len(), 3);
}

#[test]
fn a_stop_tells_everyone_and_waits_for_the_rest() {
    let mut bench = Bench::new(|_| ());
    let (a, b) = (bench.join(), bench.join());
    bench.types(a, b"last\n");
    bench.board.stop(bench.now.instant + Duration::from_secs(3));
    assert!(bench.reads(b).ends_with("<plain-1> last\n* the server is stopping\n"));
    assert_eq!(bench.finished(), [b]);
    bench.now.instant += Duration::from_secs(3);
    bench.board.handle_timeout(bench.now);
    assert_eq!(bench.finished(), [a]);
    assert!(bench.board.is_empty());
}

mod simulation;
mod speaking;
mod web;
