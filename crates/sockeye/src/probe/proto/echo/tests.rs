//! What the echo answers, what it never answers, and what bounds it.

use super::*;
use sockeye_testkit::{Clock, Rng};

const PEER: &str = "192.0.2.1:4000";

fn from(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn datagram(kind: Kind, session: u64, number: u32, size: usize) -> Vec<u8> {
    let header = Header { kind, session, number, tally: Tally::default() };
    let mut bytes = header.encode().to_vec();
    bytes.resize(size, 0xab);
    bytes
}

/// The answer to a question of session 1.
fn ask(echo: &mut Echo, number: u32, now: Instant) -> Option<Tally> {
    let mut bytes = datagram(Kind::Question, 1, number, HEADER_BYTES);
    echo.handle_received(&mut bytes, from(PEER), now).then(|| Header::decode(&bytes).unwrap().tally)
}

#[test]
fn a_reply_has_the_length_and_the_padding_of_its_question() {
    let (mut echo, now) = (Echo::new(), Clock::new().now());
    for size in [HEADER_BYTES, HEADER_BYTES + 1, 1400] {
        let mut bytes = datagram(Kind::Question, 9, 3, size);
        assert!(echo.handle_received(&mut bytes, from(PEER), now));
        let header = Header::decode(&bytes).unwrap();
        assert_eq!((header.kind, header.session, header.number), (Kind::Reply, 9, 3));
        assert_eq!(bytes.len(), size);
        assert!(bytes[HEADER_BYTES..].iter().all(|byte| *byte == 0xab));
    }
    assert_eq!(echo.counts().answered, 3);
}

#[test]
fn what_no_prober_sends_is_not_answered_and_not_touched() {
    let (mut echo, now) = (Echo::new(), Clock::new().now());
    let mut rng = Rng::new(7);
    let mut ignored = 0;
    let mut silent = |bytes: &[u8], peer: &str| {
        let mut copy = bytes.to_vec();
        assert!(!echo.handle_received(&mut copy, from(peer), now), "{bytes:?}");
        assert_eq!(copy, bytes);
        ignored += 1;
        assert_eq!(echo.counts().ignored, ignored);
    };
    for len in 0..200 {
        let mut bytes = vec![0; len];
        rng.fill(&mut bytes);
        silent(&bytes, PEER);
    }
    let good = datagram(Kind::Question, 1, 0, HEADER_BYTES);
    (0..HEADER_BYTES).for_each(|len| silent(&good[..len], PEER));
    silent(&good, "192.0.2.1:0");
    // Two echoes never talk with each other.
    silent(&datagram(Kind::Reply, 1, 0, 100), PEER);
    silent(&datagram(Kind::Tally, 1, 0, 100), PEER);
    assert!(echo.sessions.is_empty());
}

#[test]
fn the_tally_counts_what_arrived() {
    let (mut echo, now) = (Echo::new(), Clock::new().now());
    let tallies: Vec<_> = [0, 1, 1, 4, 2, 3, 2]
        .into_iter()
        .map(|number| ask(&mut echo, number, now).unwrap())
        .map(|tally| (tally.arrived, tally.distinct, tally.reordered))
        .collect();
    let expected = [(1, 1, 0), (2, 2, 0), (3, 2, 0), (4, 3, 0), (5, 4, 1), (6, 5, 2), (7, 5, 2)];
    assert_eq!(tallies, expected);
    let mut bytes = datagram(Kind::Ask, 1, 0, HEADER_BYTES);
    assert!(echo.handle_received(&mut bytes, from(PEER), now));
    let header = Header::decode(&bytes).unwrap();
    assert_eq!(header.kind, Kind::Tally);
    assert_eq!((header.tally.arrived, header.tally.distinct), (7, 5), "asking is not counted");
    // The same number of another address is another session.
    let mut bytes = datagram(Kind::Question, 1, 9, HEADER_BYTES);
    assert!(echo.handle_received(&mut bytes, from("192.0.2.2:4000"), now));
    assert_eq!(Header::decode(&bytes).unwrap().tally.arrived, 1);
}

#[test]
fn one_session_has_its_rate_and_what_was_held_back_is_told() {
    let (mut echo, mut clock) = (Echo::new(), Clock::new());
    let burst = SESSION_PPS_MAX / 4;
    let answered = (0..burst + 100).filter(|n| ask(&mut echo, *n, clock.now()).is_some()).count();
    assert_eq!(answered, usize::try_from(burst).unwrap());
    clock.advance(Duration::from_secs(1));
    let tally = ask(&mut echo, burst + 100, clock.now()).unwrap();
    assert_eq!((tally.unanswered, tally.distinct), (100, burst + 101));
    assert_eq!(echo.counts().held_back, 100);
    // Over ten seconds at three times the rate: the rate, and one burst.
    let mut number = burst + 101;
    let mut passed = 0;
    for _ in 0..10 * 1000 {
        clock.advance(Duration::from_millis(1));
        for _ in 0..SESSION_PPS_MAX * 3 / 1000 {
            passed += u32::from(ask(&mut echo, number, clock.now()).is_some());
            number += 1;
        }
    }
    assert!((19_990..=20_000 + burst + 1).contains(&passed), "{passed}");
}

#[test]
fn everybody_together_has_a_rate_and_the_table_a_size() {
    let (mut echo, mut clock) = (Echo::new(), Clock::new());
    let mut one = |session: u64, clock: &Clock| {
        let mut bytes = datagram(Kind::Question, session, 0, HEADER_BYTES);
        let passed = echo.handle_received(&mut bytes, from(PEER), clock.now());
        (passed, Header::decode(&bytes).unwrap().tally.arrived, echo.sessions.len())
    };
    let sessions = u64::try_from(SESSIONS_MAX).unwrap();
    for session in 0..sessions {
        assert_eq!((one(session, &clock).0, one(session, &clock).1), (true, 2));
    }
    // A stranger is answered and not counted, and nobody who is counted suffers.
    assert_eq!(one(sessions, &clock), (true, 0, SESSIONS_MAX));
    assert_eq!(one(5, &clock).1, 3);
    let burst = u64::from(TOTAL_PPS_MAX / 4);
    let more = (0..2 * burst).filter(|n| one(sessions + n, &clock).0).count();
    assert_eq!(u64::try_from(more).unwrap(), burst - 2 * sessions - 2);
    // After a minute the silent ones make room.
    clock.advance(SESSION_IDLE - Duration::from_millis(1));
    assert_eq!(one(sessions, &clock), (true, 0, SESSIONS_MAX));
    assert_eq!(one(6, &clock).1, 3);
    clock.advance(SWEEP_EVERY);
    assert_eq!(one(sessions, &clock), (true, 1, 2));
}
