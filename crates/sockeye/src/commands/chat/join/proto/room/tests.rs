//! A room's lines: order, doubles, what was taken for lost.

use super::*;

fn line(at_ms: i64, text: &str, msgid: Option<&str>) -> Line {
    Line {
        id: 0,
        at_ms,
        kind: Kind::Said,
        nick: "anna".into(),
        text: text.into(),
        msgid: msgid.map(str::to_owned),
        own: false,
        mention: false,
        delivery: Delivery::Done,
        live: None,
    }
}

fn texts(room: &Room) -> Vec<&str> {
    room.lines.iter().map(|line| line.text.as_str()).collect()
}

fn room() -> Room {
    Room::new("#r", "#r".into(), Place::Room)
}

#[test]
fn history_goes_where_its_time_puts_it_and_comes_once() {
    let mut room = room();
    room.append(line(10, "b", Some("2")));
    room.append(Line { live: Some(1), ..line(30, "d", Some("4")) });
    assert!(room.insert(line(20, "c", Some("3")), 1));
    assert!(room.insert(line(5, "a", None), 1));
    assert!(!room.insert(line(20, "c", Some("3")), 1));
    assert!(!room.insert(line(5, "a", None), 1));
    assert!(room.insert(line(30, "before what is live", Some("5")), 1));
    assert_eq!(texts(&room), ["a", "b", "c", "before what is live", "d"]);
}

#[test]
fn a_waiting_line_is_confirmed_by_its_label_or_its_text() {
    let mut room = room();
    for label in [1, 2, 3] {
        room.append(Line { delivery: Delivery::Waiting(label), own: true, ..line(1, "x", None) });
    }
    assert!(room.confirm(Some(2), "something else"));
    assert!(room.confirm(None, "x"));
    assert!(!room.confirm(Some(9), "x"));
    room.refuse(3);
    assert_eq!(room.lines.len(), 1);
    assert_eq!(room.lines[0].delivery, Delivery::Refused);
}

#[test]
fn what_was_taken_for_lost_and_is_in_the_history_is_shown_once() {
    let mut room = room();
    room.append(Line { delivery: Delivery::Waiting(1), own: true, ..line(1, "x", None) });
    room.disconnect();
    assert_eq!(room.lines[0].delivery, Delivery::Lost);
    assert!(room.insert(Line { own: true, ..line(2, "x", Some("m")) }, 2));
    assert_eq!(room.lines.len(), 1);
    assert_eq!(room.lines[0].msgid.as_deref(), Some("m"));
}

#[test]
fn what_is_forgotten_takes_no_room() {
    let mut room = room();
    for n in 0..5 {
        room.append(line(n, "x", Some(&n.to_string())));
    }
    assert!(room.bytes > 0 && room.has("0"));
    room.forget_oldest();
    assert!(!room.has("0"));
    room.clear();
    assert_eq!(room.bytes, 0);
}
