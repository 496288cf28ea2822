//! `sockeye chat export` and `search`: what a room has kept, for people and programs, while a
//! server runs on it or when none does.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write as _};

use clap::ValueEnum;
use serde_json::{Value, json};
use sockeye_chat::proto::{Event, Style};
use sockeye_chat::{Archive, Record};
use sockeye_edge::{Printable, printable};

use super::history::Place;
use crate::args;
use crate::context::Context;
use crate::exit::{Exit, Failure, usage};
use crate::output;

/// Arguments of `sockeye chat export`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  sockeye chat export '#lobby'\n  \
                        sockeye chat export '#lobby' --format jsonl >lobby.jsonl")]
pub(crate) struct ExportArgs {
    /// The room
    #[arg(value_name = "ROOM")]
    room: String,
    /// How it is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    place: Place,
}

/// Arguments of `sockeye chat search`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  sockeye chat search lunch friday\n  \
                        sockeye chat search '\"lunch on friday\" piz*'\n\n\
                        All words have to be there; case and accents make no difference. A word \
                        may end in *, and words between double quotes stand together. The exit \
                        code is 1 where nothing is found.")]
pub(crate) struct SearchArgs {
    /// The words
    #[arg(value_name = "WORDS", required = true)]
    words: Vec<String>,
    /// In this room alone
    #[arg(long, value_name = "ROOM")]
    room: Option<String>,
    /// So many lines at most, the newest first
    #[arg(short = 'n', long, value_name = "N", default_value = "100", value_parser = args::count)]
    lines: usize,
    /// How it is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for each line that was said, as nc shows it, after its time (UTC)
    Text,
    /// A JSON object a line, for all that happened
    Jsonl,
}

/// Writes what is kept of a room.
pub(crate) fn export(args: &ExportArgs, context: &Context) -> anyhow::Result<Exit> {
    let dir = args.place.dir()?;
    if context.only_checks() {
        return Ok(Exit::DONE);
    }
    let archive = Archive::open(&dir)?;
    let mut stdout = BufWriter::new(io::stdout().lock());
    let mut written = Ok(());
    let is_there = archive.export(&args.room, |record| {
        let line = match args.format {
            Format::Text => text(&record),
            Format::Jsonl => Some(jsonl(&record)),
        };
        if let Some(line) = line {
            written = writeln!(stdout, "{line}");
        }
        written.is_ok()
    })?;
    if !is_there {
        let rooms = archive.rooms()?.join(", ");
        let rooms = if rooms.is_empty() { "of no room yet".to_owned() } else { rooms };
        let room = Printable::new(&args.room);
        let message = format!("nothing is kept of {room}; there is something of: {rooms}");
        return Err(Failure::new(Exit::NEGATIVE, message).into());
    }
    output::checked(written.and_then(|()| stdout.flush()))?;
    Ok(Exit::DONE)
}

/// Finds lines.
pub(crate) fn search(args: &SearchArgs, context: &Context) -> anyhow::Result<Exit> {
    let dir = args.place.dir()?;
    if context.only_checks() {
        return Ok(Exit::DONE);
    }
    let words = args.words.join(" ");
    if !words.chars().any(char::is_alphanumeric) {
        return Err(usage(
            "there is no word in that; give one, such as: sockeye chat search lunch",
        ));
    }
    let found = Archive::open(&dir)?.search(&words, args.room.as_deref(), args.lines)?;
    for record in &found {
        if args.format == Format::Jsonl {
            output::line(jsonl(record))?;
        } else if let Some(line) = text(record) {
            output::line(format_args!("{} {line}", Printable::new(&record.room)))?;
        }
    }
    Ok(if found.is_empty() { Exit::NEGATIVE } else { Exit::DONE })
}

/// What was said, as `nc` shows it; `None` for what is no line of its own.
fn text(record: &Record) -> Option<String> {
    let mut line = utc(record.unix_ms);
    let said = match record.event.as_ref()? {
        Event::Said { who, text, style: Style::Action, .. } => {
            write!(line, " * {} {}", who.nick, Printable::new(text.as_str()))
        }
        Event::Said { who, text, .. } => {
            write!(line, " <{}> {}", who.nick, Printable::new(text.as_str()))
        }
        Event::SaidLines { who, .. } => {
            let text = record.event.as_ref().and_then(Event::words).unwrap_or_default();
            write!(line, " <{}> {}", who.nick, Printable::new(&*text))
        }
        Event::Posted { nick, text } => {
            write!(line, " <{nick}> {}", Printable::new(text.as_str()))
        }
        Event::Notice { text } => write!(line, " * {}", Printable::new(text.as_str())),
        _ => return None,
    };
    said.ok()?;
    Some(line)
}

fn jsonl(record: &Record) -> String {
    let mut event: Value = serde_json::from_str(&record.json).unwrap_or(Value::Null);
    if let Some(fields) = event.as_object_mut() {
        // A connection that is over has no name.
        fields.retain(|_, value| !value.is_null());
    }
    let id = format!("{:x}-{:x}", record.pos.epoch, record.pos.seq);
    let (time, unix_ms) = (utc(record.unix_ms), record.unix_ms);
    let object = json!({
        "id": id, "room": record.room, "time": time, "unix_ms": unix_ms, "event": event,
    });
    escaped(&object.to_string())
}

/// Writes what a terminal would act on as escapes of JSON: outside of strings JSON has nothing of
/// that kind.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut units = [0; 2];
    for c in json.chars() {
        if printable::is_hidden(c) {
            for unit in c.encode_utf16(&mut units) {
                // Writing to a String does not fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// A time as RFC 3339 has it, in UTC with milliseconds.
///
/// # Source
/// "chrono-Compatible Low-Level Date Algorithms", Howard Hinnant 2013: `civil_from_days`.
fn utc(unix_ms: u64) -> String {
    let (seconds, ms) = (unix_ms / 1000, unix_ms % 1000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March, so that a leap day is the last of its year.
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        // Python: datetime.fromtimestamp(s, timezone.utc).isoformat()
        for (unix_ms, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_001, "2024-02-29T23:59:59.001Z"),
            (1_795_556_645_120, "2026-11-24T21:44:05.120Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(utc(unix_ms), expected);
        }
    }

    #[test]
    fn json_has_nothing_that_acts_and_loses_nothing() {
        let hostile = "a\u{202e}b\u{9b}c\u{e0001}d\u{1b}e";
        let written = escaped(&json!(hostile).to_string());
        assert!(!written.chars().any(printable::is_hidden), "{written}");
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), hostile);
    }
}
