//! The probe for programs: a line for each thing that happens, the last one with the summary.

use std::time::Duration;

use serde::Serialize;

use super::proto::prober::Event;
use super::proto::round_trips::Spread;
use super::proto::summary::Summary;

#[derive(Serialize)]
struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u32>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtt_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reordered: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    way: Option<&'static str>,
}

#[derive(Serialize)]
struct SummaryLine {
    summary: Sums,
}

/// `null` is what could not be known.
#[derive(Serialize)]
struct Sums {
    sent: u32,
    answered: u32,
    late: u32,
    lost: u32,
    lost_there: Option<u32>,
    lost_back: Option<u32>,
    held_back: Option<u32>,
    unfinished: u32,
    duplicates: u32,
    duplicates_there: Option<u32>,
    duplicates_back: u32,
    reordered: u32,
    reordered_there: Option<u32>,
    reordered_back: u32,
    refused: u32,
    rtt_ms: Option<Times>,
    seconds: f64,
}

#[derive(Serialize)]
struct Times {
    min: f64,
    median: f64,
    p99: f64,
    max: f64,
    jitter: f64,
}

/// The line of an event.
///
/// # Errors
/// None that can be.
pub(super) fn event(event: &Event) -> serde_json::Result<String> {
    let line = |seq, outcome| Line { seq, outcome, rtt_ms: None, reordered: None, way: None };
    let reply = |number: &u32, outcome, took: &Duration, reordered: &bool| Line {
        rtt_ms: Some(millis(*took)),
        reordered: Some(*reordered),
        ..line(Some(*number), outcome)
    };
    serde_json::to_string(&match event {
        Event::Reply { number, took, reordered } => reply(number, "reply", took, reordered),
        Event::Late { number, took, reordered } => reply(number, "late", took, reordered),
        Event::Lost { number } => line(Some(*number), "lost"),
        Event::Duplicate { number, back } => {
            let way = Some(if *back { "back" } else { "there" });
            Line { way, ..line(Some(*number), "duplicate") }
        }
        Event::Refused => line(None, "refused"),
    })
}

/// The last line.
///
/// # Errors
/// None that can be.
pub(super) fn summary(summary: &Summary, took: Duration) -> serde_json::Result<String> {
    let ways = summary.ways;
    serde_json::to_string(&SummaryLine {
        summary: Sums {
            sent: summary.sent,
            answered: summary.answered,
            late: summary.late,
            lost: summary.lost,
            lost_there: ways.map(|ways| ways.lost_there),
            lost_back: ways.map(|ways| ways.lost_back),
            held_back: ways.map(|ways| ways.held_back),
            unfinished: summary.unfinished,
            duplicates: summary.duplicates,
            duplicates_there: ways.map(|ways| ways.duplicates_there),
            duplicates_back: summary.duplicates_back,
            reordered: summary.reordered,
            reordered_there: ways.map(|ways| ways.reordered_there),
            reordered_back: summary.reordered_back,
            refused: summary.refused,
            rtt_ms: summary.round_trips.map(times),
            seconds: millis(took) / 1000.0,
        },
    })
}

fn times(spread: Spread) -> Times {
    Times {
        min: millis(spread.min),
        median: millis(spread.median),
        p99: millis(spread.p99),
        max: millis(spread.max),
        jitter: millis(spread.jitter),
    }
}

/// Milliseconds, exact to the microsecond.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_what_belongs_to_them() {
        let took = Duration::from_nanos(1_234_567);
        for (given, expected) in [
            (
                Event::Reply { number: 3, took, reordered: true },
                r#"{"seq":3,"outcome":"reply","rtt_ms":1.235,"reordered":true}"#,
            ),
            (Event::Lost { number: 4 }, r#"{"seq":4,"outcome":"lost"}"#),
            (
                Event::Duplicate { number: 5, back: true },
                r#"{"seq":5,"outcome":"duplicate","way":"back"}"#,
            ),
            (Event::Refused, r#"{"outcome":"refused"}"#),
        ] {
            assert_eq!(event(&given).unwrap(), expected);
        }
    }
}
