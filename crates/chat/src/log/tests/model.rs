//! Random histories against a list, through commits, restarts and questions.

use proptest::prelude::*;

use super::*;
use crate::proto::{Class, Point};

#[derive(Debug, Clone)]
enum Step {
    Say(u32),
    Leave(u32),
    Repeat,
    Settle,
    Restart,
    Page { room: u32, after: Option<Bound>, before: Option<Bound>, lines: usize, flags: u8 },
}

#[derive(Debug, Clone, Copy)]
enum Bound {
    Place(u64),
    Time(u64),
}

fn bound() -> impl Strategy<Value = Option<Bound>> {
    let some = prop_oneof![(0..60_u64).prop_map(Bound::Place), (0..60_u64).prop_map(Bound::Time)];
    proptest::option::of(some)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..2_u32).prop_map(Step::Say),
        3 => (0..2_u32).prop_map(Step::Leave),
        1 => Just(Step::Repeat),
        1 => Just(Step::Settle),
        1 => Just(Step::Restart),
        2 => (0..2_u32, bound(), bound(), 0..10_usize, 0..4_u8).prop_map(
            |(room, after, before, lines, flags)| Step::Page { room, after, before, lines, flags }
        ),
    ]
}

/// What a page has to have, by the words of `Page`. The file counts by times where one is named.
fn expected(kept: &[Arc<Entry>], page: &Page) -> Vec<Pos> {
    let fits = |entry: &&Arc<Entry>| entry.append.stream == page.stream && page.covers(entry);
    let all: Vec<Pos> = kept.iter().filter(fits).map(|entry| entry.pos).collect();
    let skip = if page.last { all.len().saturating_sub(page.lines) } else { 0 };
    all.into_iter().skip(skip).take(page.lines).collect()
}

fn run(steps: Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::file(storage(dir.path()));
    let mut kept: Vec<Arc<Entry>> = Vec::new();
    let mut clock = 0;
    let mut appended = 0;
    for step in steps {
        match step {
            Step::Say(place) => {
                clock += 1 - appended % 2;
                appended += 1;
                rig.say(place, &format!("word{appended}"), clock);
            }
            Step::Leave(place) => {
                appended += 1;
                rig.put(Stream::Room(room(place)), left(), clock);
            }
            Step::Repeat if rig.number > 0 => {
                let id = MsgId { node: rig.node, number: rig.number };
                let event = said("never");
                rig.log.append(Append { stream: Stream::People, id, unix_ms: 0, event });
            }
            Step::Repeat => {}
            Step::Settle => kept.extend(rig.settle()),
            Step::Restart => {
                kept.extend(rig.settle());
                drop(rig);
                rig = Rig::file(storage(dir.path()));
            }
            Step::Page { room: place, after, before, lines, flags } => {
                kept.extend(rig.settle());
                let epoch = kept.first().map_or(0, |entry| entry.pos.epoch);
                let point = |bound| match bound {
                    Bound::Place(seq) => Point::At(Pos { epoch, seq }),
                    Bound::Time(at) => Point::Time(at),
                };
                let (after, before) = (after.map(point), before.map(point));
                let (last, changes) = (flags & 1 == 1, flags & 2 == 2);
                let stream = Stream::Room(room(place));
                let page = Page { stream, after, before, lines, last, changes };
                let found = rig.ask(Question::Page(page.clone())).unwrap();
                let found: Vec<Pos> = found.iter().map(|entry| entry.pos).collect();
                assert_eq!(found, expected(&kept, &page), "{page:?}");
            }
        }
    }
    kept.extend(rig.settle());
    drop(rig);
    assert_eq!(kept.len(), usize::try_from(appended).unwrap());
    let ids: std::collections::BTreeSet<_> = kept.iter().map(|e| e.append.id).collect();
    assert_eq!(ids.len(), kept.len(), "an id is used once, over all restarts");
    assert!(kept.windows(2).all(|pair| pair[0].pos < pair[1].pos), "places go on");
    let mut again = Rig::file(storage(dir.path()));
    for place in 0..2 {
        let stream = Stream::Room(room(place));
        let said = kept.iter().filter(|entry| {
            entry.append.stream == stream && entry.append.event.class() == Class::Said
        });
        let said: Vec<Arc<Entry>> = said.cloned().collect();
        assert_eq!(again.all(place), texts(&said));
        let tail = again.log.tail(&room(place), Pos::default());
        assert_eq!(texts(&tail), texts(&said)[said.len().saturating_sub(LINES_MAX)..]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_file_is_the_list(steps in proptest::collection::vec(step(), 0..60)) {
        run(steps);
    }
}
