//! The probe for people: a line for each thing that happens, and a summary of three or four.

use std::time::Duration;

use sockeye_socket::Address;

use super::proto::prober::Event;
use super::proto::summary::Summary;

/// The line of an event.
pub(super) fn event(event: &Event) -> String {
    let reply = |number: u32, took: Duration, what: &str, reordered: bool| {
        let order = if reordered { ", reordered" } else { "" };
        format!("{number:>6}  {}{what}{order}", millis(took))
    };
    match *event {
        Event::Reply { number, took, reordered } => reply(number, took, "", reordered),
        Event::Late { number, took, reordered } => reply(number, took, ", late", reordered),
        Event::Lost { number } => format!("{number:>6}  lost"),
        Event::Duplicate { number, back: true } => {
            format!("{number:>6}  again, doubled on the way back")
        }
        Event::Duplicate { number, back: false } => {
            format!("{number:>6}  again, doubled on the way there")
        }
        Event::Refused => "refused".to_owned(),
    }
}

/// The lines at the end.
pub(super) fn summary(peer: &Address, summary: &Summary, took: Duration) -> Vec<String> {
    let Summary { sent, answered, late, lost, unfinished, .. } = *summary;
    let mut first = format!(
        "{peer}: {sent} sent, {answered} answered in time, {lost} lost ({:.1} %)",
        summary.loss_percent()
    );
    if late > 0 {
        first += &format!(", {late} late");
    }
    if unfinished > 0 {
        first += &format!(", {unfinished} still on their way");
    }
    first += &format!(", in {:.1} s", took.as_secs_f64());
    let mut lines = vec![first];
    if let Some(ways) = summary.ways.filter(|_| lost > 0) {
        let mut line =
            format!("lost: {} on the way there, {} back", ways.lost_there, ways.lost_back);
        if ways.held_back > 0 {
            line += &format!(", {} not answered because too many came", ways.held_back);
        }
        lines.push(line);
    } else if lost > 0 && summary.came_back() {
        lines.push("lost: there or back is not known, since the echo's tally is not".to_owned());
    }
    if let Some(trips) = summary.round_trips {
        let [min, median, p99, max, jitter] =
            [trips.min, trips.median, trips.p99, trips.max, trips.jitter].map(millis);
        lines.push(format!(
            "round trips: min {min}, median {median}, p99 {p99}, max {max}, jitter {jitter}"
        ));
    }
    if summary.came_back() {
        let ways = |there: Option<u32>, back: u32| match there {
            Some(there) => format!("{there} there, {back} back"),
            None => format!("{back} back"),
        };
        let duplicates = ways(summary.ways.map(|w| w.duplicates_there), summary.duplicates_back);
        let reordered = ways(summary.ways.map(|w| w.reordered_there), summary.reordered_back);
        lines.push(format!(
            "reordered: {} ({reordered}); duplicates: {} ({duplicates})",
            summary.reordered, summary.duplicates
        ));
    } else {
        lines.push("nothing came back".to_owned());
    }
    lines
}

fn millis(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::super::proto::round_trips::Spread;
    use super::super::proto::summary::Ways;
    use super::*;

    const NOTHING: Summary = Summary {
        sent: 4,
        answered: 0,
        late: 0,
        lost: 4,
        unfinished: 0,
        duplicates: 0,
        duplicates_back: 0,
        reordered: 0,
        reordered_back: 0,
        refused: 0,
        ways: None,
        round_trips: None,
    };

    fn shown(given: Summary) -> String {
        let peer = "127.0.0.1:9".parse().unwrap();
        summary(&peer, &given, Duration::from_millis(1500)).join("\n")
    }

    #[test]
    fn a_silent_peer() {
        assert_eq!(
            shown(NOTHING),
            "127.0.0.1:9: 4 sent, 0 answered in time, 4 lost (100.0 %), in 1.5 s\n\
             nothing came back"
        );
    }

    #[test]
    fn everything_at_once() {
        let ms = Duration::from_millis(1);
        let round_trips =
            Some(Spread { min: ms, median: 2 * ms, p99: 3 * ms, max: 4 * ms, jitter: ms / 2 });
        let ways = Some(Ways {
            lost_there: 1,
            lost_back: 2,
            held_back: 1,
            duplicates_there: 3,
            reordered_there: 1,
        });
        let given = Summary {
            sent: 10,
            answered: 5,
            late: 1,
            lost: 4,
            duplicates: 4,
            duplicates_back: 2,
            reordered: 2,
            reordered_back: 1,
            round_trips,
            ways,
            ..NOTHING
        };
        assert_eq!(
            shown(given),
            "127.0.0.1:9: 10 sent, 5 answered in time, 4 lost (40.0 %), 1 late, in 1.5 s\n\
             lost: 1 on the way there, 2 back, 1 not answered because too many came\n\
             round trips: min 1.000 ms, median 2.000 ms, p99 3.000 ms, max 4.000 ms, \
             jitter 0.500 ms\n\
             reordered: 2 (1 there, 1 back); duplicates: 4 (3 there, 2 back)"
        );
        let unknown = Summary { ways: None, ..given };
        assert!(shown(unknown).contains("there or back is not known"));
        assert!(shown(unknown).contains("reordered: 2 (1 back); duplicates: 4 (2 back)"));
    }
}
