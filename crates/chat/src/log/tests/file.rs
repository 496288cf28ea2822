//! What only a file has: a folder, a lock, a version, age, and a disk that fails.

use std::os::unix::fs::PermissionsExt;

use rusqlite::Connection;

use super::*;
use crate::Error;
use crate::log::{Archive, storage as place};

fn open(dir: &Path) -> Result<Opened, Error> {
    Opened::open(storage(dir), &rooms(), LINES_MAX)
}

fn refusal(dir: &Path) -> String {
    match open(dir) {
        Ok(_) => panic!("opened"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_folder_is_its_owners_alone_and_has_one_user() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("deep/inside");
    let opened = open(&dir).unwrap();
    assert_eq!(dir.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let file = place::database(&dir).metadata().unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    let expected = format!("in use by another sockeye (process {})", std::process::id());
    assert!(refusal(&dir).contains(&expected), "{}", refusal(&dir));
    drop(opened);
    assert!(open(&dir).is_ok());
}

#[test]
fn what_is_no_history_or_a_newer_one_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let file = place::database(dir.path());
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(refusal(dir.path()).contains("newer"), "{}", refusal(dir.path()));
    assert!(Archive::open(dir.path()).unwrap_err().to_string().contains("newer"));
    Connection::open(&file).unwrap().pragma_update(None, "application_id", 1).unwrap();
    assert!(refusal(dir.path()).contains("is not a history"), "{}", refusal(dir.path()));
    std::fs::write(&file, "no database at all, but long enough to be looked at").unwrap();
    assert!(refusal(dir.path()).contains("cannot be used"), "{}", refusal(dir.path()));
    let none = dir.path().join("none");
    assert!(Archive::open(&none).unwrap_err().to_string().contains("no history"));
}

#[test]
fn an_event_of_a_later_version_is_kept_and_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::file(storage(dir.path()));
    rig.say(0, "one", 0);
    rig.say(0, "two", 0);
    rig.say(0, "three", 0);
    rig.settle();
    drop(rig);
    let later = r#"{"kind":"levitated","height":3}"#;
    let connection = Connection::open(place::database(dir.path())).unwrap();
    connection.execute("UPDATE entry SET event = ?1 WHERE seq = 2", [later]).unwrap();
    connection.execute("UPDATE entry SET event = ?1, class = 1 WHERE seq = 3", [later]).unwrap();
    drop(connection);
    let opened = open(dir.path()).unwrap();
    assert!(opened.state.is_empty());
    drop(opened);
    assert_eq!(Rig::file(storage(dir.path())).all(0), ["one"]);
    let mut kinds = Vec::new();
    let archive = Archive::open(dir.path()).unwrap();
    assert_eq!(archive.rooms().unwrap(), ["#lobby"]);
    let found = archive.export("#LOBBY", |record| {
        kinds.push((record.event.is_some(), record.json.contains("levitated")));
        true
    });
    assert!(found.unwrap());
    assert_eq!(kinds, [(true, false), (false, true), (false, true)]);
}

#[test]
fn rooms_are_known_by_name_whatever_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::file(storage(dir.path()));
    rig.say(0, "in the lobby", 0);
    rig.say(1, "in games", 0);
    rig.settle();
    drop(rig);
    let swapped: Vec<RoomName> = ["#games", "#new", "#lobby"].map(|n| n.parse().unwrap()).to_vec();
    let opened = Opened::open(storage(dir.path()), &swapped, LINES_MAX).unwrap();
    let selector: Selector<()> = Selector::new().unwrap();
    let log = opened.start(&selector.waker()).unwrap();
    assert_eq!(texts(&log.tail(&swapped[0], Pos::default())), ["in games"]);
    assert!(log.tail(&swapped[1], Pos::default()).is_empty());
    assert_eq!(texts(&log.tail(&swapped[2], Pos::default())), ["in the lobby"]);
}

#[test]
fn what_is_too_old_goes_and_its_places_are_not_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::file(storage(dir.path()));
    for number in 0..1000 {
        rig.say(0, &format!("old {number}"), 5);
    }
    let last = rig.settle().last().unwrap().pos;
    drop(rig);
    let day = Duration::from_secs(24 * 3600);
    let mut rig = Rig::file(Storage { retention: Some(day), ..storage(dir.path()) });
    while !rig.all(0).is_empty() {}
    assert!(rig.search("old").is_empty());
    drop(rig);
    let mut rig = Rig::file(storage(dir.path()));
    assert!(rig.log.tail(&room(0), Pos::default()).is_empty());
    rig.say(0, "new", u64::MAX >> 2);
    let first = rig.settle().first().unwrap().pos;
    assert!(first > last && first.epoch == last.epoch, "{first:?} after {last:?}");
    drop(rig);
    let mut rig = Rig::file(Storage { retention: Some(day), ..storage(dir.path()) });
    assert_eq!(rig.all(0), ["new"]);
}

/// Another process that holds the file is the failure that can be made and ended at will.
#[test]
fn what_cannot_be_kept_is_refused_and_the_log_goes_on_later() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::file(storage(dir.path()));
    rig.say(0, "before", 0);
    assert_eq!(texts(&rig.settle()), ["before"]);
    let other = Connection::open(place::database(dir.path())).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    rig.say(0, "lost", 0);
    rig.put(Stream::Room(room(0)), left(), 0);
    rig.say(0, "lost too", 0);
    let kept = rig.settle();
    assert_eq!(kept.len(), 1, "who goes is let through");
    assert_eq!(kept[0].append.event, left());
    let refused: Vec<_> = std::iter::from_fn(|| rig.log.poll_refused()).collect();
    let refused: Vec<_> = refused.iter().filter_map(|append| append.event.words()).collect();
    assert_eq!(refused, ["lost", "lost too"]);
    assert!(rig.log.trouble().is_some_and(|why| why.contains("locked")));
    other.execute_batch("ROLLBACK").unwrap();
    while rig.log.trouble().is_some() {
        rig.wait();
    }
    rig.say(0, "after", 0);
    assert_eq!(texts(&rig.settle()), ["after"]);
    assert_eq!(rig.all(0), ["before", "after"]);
    assert_eq!(rig.log.tail(&room(0), Pos::default()).len(), 2);
}

#[test]
fn a_full_queue_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::file(Storage { queue_max: 3, ..storage(dir.path()) });
    for number in 1..=3 {
        assert!(!rig.log.is_full());
        rig.say(0, &number.to_string(), 0);
    }
    assert!(rig.log.is_full());
    rig.settle();
    assert!(!rig.log.is_full());
}

#[test]
fn nothing_that_is_searched_for_is_a_mistake() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::file(storage(dir.path()));
    for text in ["naïve Grüße", "我们聊天吧", "a AND b", "c:d NEAR(x y)", "\"quoted\" words*"]
    {
        rig.say(0, text, 0);
    }
    rig.settle();
    let cases: [(&str, &[&str]); 8] = [
        ("naive", &["naïve Grüße"]),
        ("聊天", &["我们聊天吧"]),
        ("grü*", &["naïve Grüße"]),
        ("AND", &["a AND b"]),
        ("NEAR(x", &["c:d NEAR(x y)"]),
        ("c:d", &["c:d NEAR(x y)"]),
        ("\"a and\"", &["a AND b"]),
        ("\"and a\"", &[]),
    ];
    for (words, expected) in cases {
        assert_eq!(rig.search(words), expected, "{words}");
    }
    for hostile in ["\"", "*", "a*b\"c", "^x", "-a", "a OR", "(", "{a}:b", "\0", "'", "col:*", "+"]
    {
        rig.search(hostile);
    }
}

#[test]
fn too_many_questions_are_turned_away_and_none_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::file(Storage { questions_max: 1, ..storage(dir.path()) });
    for ticket in 0..200 {
        let words = "x".to_owned();
        rig.log.ask(ticket, Question::Search { stream: None, words, lines: 1 });
    }
    let mut answered = 0;
    while answered < 200 {
        while let Some(answer) = rig.log.poll_answer() {
            assert!(matches!(answer.found, Ok(_) | Err(Unanswered::Busy)), "{answer:?}");
            answered += 1;
        }
        if answered < 200 {
            rig.wait();
        }
    }
}
