//! What every log keeps to: the contract of `proto::Log`, point by point.

use super::*;
use crate::proto::Point;

#[test]
fn each_event_comes_out_once_in_order() {
    on_both(|mut rig| {
        let mut expected = Vec::new();
        for number in 0..300 {
            let text = number.to_string();
            rig.say(number % 2, &text, 7);
            expected.push(text);
            if number % 3 == 0 {
                // A repetition of the last one.
                let id = MsgId { node: rig.node, number: rig.number };
                let stream = Stream::Room(room(0));
                rig.log.append(Append { stream, id, unix_ms: 9, event: said("again") });
            }
        }
        let kept = rig.settle();
        assert_eq!(texts(&kept), expected);
        assert!(kept.windows(2).all(|pair| pair[0].pos < pair[1].pos));
        assert!(kept.iter().all(|entry| entry.append.unix_ms == 7));
        assert!(rig.log.poll_refused().is_none());
        assert!(rig.log.trouble().is_none());
        let lobby: Vec<String> = expected.into_iter().step_by(2).collect();
        let all = rig.all(0);
        assert!(all.len() >= LINES_MAX && lobby.ends_with(&all), "{all:?}");
    });
}

#[test]
fn tail_and_commits_have_no_gap() {
    on_both(|mut rig| {
        let lobby = room(0);
        let mut heard: Vec<Arc<Entry>> = Vec::new();
        for round in 0..20 {
            for line in 0..round {
                rig.say(0, &format!("{round}.{line}"), 0);
                rig.say(1, "elsewhere", 0);
                rig.put(Stream::Room(lobby.clone()), left(), 0);
            }
            // Somebody comes at any moment, also between two commits.
            heard.extend(rig.log.poll_committed());
            let tail = rig.log.tail(&lobby, Pos::default());
            let said =
                heard.iter().filter(|entry| entry.append.stream == Stream::Room(lobby.clone()));
            let said: Vec<_> = said.cloned().collect();
            let said = texts(&said);
            assert_eq!(texts(&tail), said[said.len().saturating_sub(LINES_MAX)..]);
            heard.extend(rig.settle());
        }
        for lines in [0, 1, 5, LINES_MAX, LINES_MAX + 1] {
            let tail = rig.log.tail(&lobby, rig.log.before_last(&lobby, lines));
            assert_eq!(tail.len(), lines.min(LINES_MAX));
        }
        let nowhere = room(9);
        assert!(rig.log.tail(&nowhere, rig.log.before_last(&nowhere, 5)).is_empty());
    });
}

#[test]
fn pages_are_pieces_in_order() {
    on_both(|mut rig| {
        for number in 0..20_u64 {
            rig.say(0, &number.to_string(), number * 10);
            rig.put(Stream::Room(room(0)), left(), number * 10);
            rig.say(1, "elsewhere", number * 10);
        }
        let kept = rig.settle();
        let place = |number: usize| Point::At(kept[number * 3].pos);
        type Case<'a> = (Option<Point>, Option<Point>, bool, &'a [u32]);
        let cases: [Case<'_>; 8] = [
            (None, None, true, &[17, 18, 19]),
            (None, None, false, &[0, 1, 2]),
            (None, Some(place(10)), true, &[7, 8, 9]),
            (Some(place(10)), None, false, &[11, 12, 13]),
            (Some(place(4)), Some(place(6)), false, &[5]),
            (None, Some(Point::Time(100)), true, &[7, 8, 9]),
            (Some(Point::Time(95)), Some(place(12)), false, &[10, 11]),
            (Some(Point::Time(190)), None, true, &[]),
        ];
        for (after, before, last, expected) in cases {
            let stream = Stream::Room(room(0));
            let page = Page { stream, after, before, lines: 3, last, changes: false };
            let found = rig.ask(Question::Page(page.clone())).unwrap();
            let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
            assert_eq!(texts(&found), expected, "{page:?}");
        }
    });
}

#[test]
fn searches_find_all_words_and_the_newest_first() {
    on_both(|mut rig| {
        for text in ["one fish", "two fish", "red FISH one", "blue sky"] {
            rig.say(0, text, 0);
        }
        rig.put(Stream::Room(room(1)), Event::Notice { text: Text::new("fish drops") }, 0);
        rig.settle();
        assert_eq!(rig.search("fish"), ["fish drops", "red FISH one", "two fish", "one fish"]);
        assert_eq!(rig.search("one  fish"), ["red FISH one", "one fish"]);
        assert!(rig.search("").is_empty());
        let (stream, words) = (Some(Stream::Room(room(0))), "fish".to_owned());
        let found = rig.ask(Question::Search { stream, words, lines: 2 }).unwrap();
        assert_eq!(texts(&found), ["red FISH one", "two fish"]);
    });
}
