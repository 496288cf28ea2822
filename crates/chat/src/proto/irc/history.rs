//! CHATHISTORY: what was said before, by pages.
//!
//! ```text
//! page    = "LATEST" target ( "*" / point ) limit
//!         / ( "BEFORE" / "AFTER" / "AROUND" ) target point limit
//!         / "BETWEEN" target point point limit
//! targets = "TARGETS" time time limit
//! point   = "msgid=" id / "timestamp=" time
//! ```
//!
//! # Source
//! IRCv3, draft/chathistory and draft/event-playback.

use std::sync::Arc;

use super::super::earlier::{change_of, line_of};
use super::super::frame::Stamp;
use super::super::{Entry, Event, Page, Person, Point, Pos, Question, Stream, Style, Target, fold};
use super::lookup::{Found, Lookup, Then};
use super::message::Message;
use super::render::Ink;
use super::{Caps, Ctx, redact, time};

/// A page that a client waits for.
#[derive(Debug)]
pub(crate) struct Asked {
    target: String,
    limit: usize,
    after: Option<Point>,
    before: Option<Point>,
}

pub(super) fn chathistory(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    let word = message.param(0).to_ascii_uppercase();
    let needed = match word.as_str() {
        "LATEST" | "BEFORE" | "AFTER" | "AROUND" | "TARGETS" => 4,
        "BETWEEN" => 5,
        _ => {
            let word = super::channel::shown(message.param(0)).to_owned();
            return fail(ctx, "INVALID_PARAMS", &[&word], "Unknown command");
        }
    };
    if message.params.len() < needed {
        return fail(ctx, "INVALID_PARAMS", &[&word], "Insufficient parameters");
    }
    let limit = message.param(needed - 1).parse::<usize>().ok();
    let Some(limit) = limit.map(|limit| limit.min(ctx.limits().history_max)) else {
        return fail(ctx, "INVALID_PARAMS", &[&word], "This is no limit");
    };
    if word == "TARGETS" {
        return targets(ctx, me, message, limit);
    }
    let name = message.param(1);
    let Some(stream) = stream(ctx, me, name) else {
        let context = [word.as_str(), super::channel::shown(name)];
        return fail(ctx, "INVALID_TARGET", &context, "Messages could not be retrieved");
    };
    let first = point(message.param(2)).filter(|_| message.param(2) != "*");
    let second = point(message.param(3)).filter(|_| word == "BETWEEN");
    let open = word == "LATEST" && message.param(2) == "*";
    if (first.is_none() && !open) || (second.is_none() && word == "BETWEEN") {
        return fail(ctx, "INVALID_MSGREFTYPE", &[&word, "msgid,timestamp"], "Unknown reference");
    }
    let changes = ctx.conn.caps.has(Caps::EVENT_PLAYBACK);
    let page = |after, before, last, lines| Page {
        stream: stream.clone(),
        after,
        before,
        lines,
        last,
        changes,
    };
    let pages = match (word.as_str(), first, second) {
        ("BEFORE", before, _) => vec![page(None, before, true, limit)],
        ("AFTER", after, _) => vec![page(after, None, false, limit)],
        ("AROUND", Some(middle), _) => {
            let half = limit / 2;
            let from = just_before(middle);
            vec![page(None, Some(middle), true, half), page(Some(from), None, false, limit - half)]
        }
        ("BETWEEN", Some(one), Some(other)) if is_backwards(one, other) => {
            vec![page(Some(other), Some(one), true, limit)]
        }
        ("BETWEEN", one, other) => vec![page(one, other, false, limit)],
        (_, after, _) => vec![page(after, None, true, limit)],
    };
    let asked = Asked { target: name.to_owned(), limit, after: None, before: None };
    let (client, questions) = (ctx.session, pages.into_iter().map(Question::Page).collect());
    ctx.lookup = Some(Lookup { client, questions, then: Then::Show(asked) });
}

fn fail(ctx: &mut Ctx<'_>, code: &str, context: &[&str], words: &str) {
    ctx.fail("CHATHISTORY", code, context, words);
}

fn point(text: &str) -> Option<Point> {
    if let Some(id) = text.strip_prefix("msgid=") {
        return Some(Point::At(Pos::parse(id)?));
    }
    time::parse(text.strip_prefix("timestamp=")?).map(Point::Time)
}

/// The last point before one: what comes after it has this one in it.
fn just_before(point: Point) -> Point {
    match point {
        Point::At(pos) => Point::At(Pos { seq: pos.seq.saturating_sub(1), ..pos }),
        Point::Time(unix_ms) => Point::Time(unix_ms.saturating_sub(1)),
    }
}

fn is_backwards(one: Point, other: Point) -> bool {
    match (one, other) {
        (Point::At(one), Point::At(other)) => one > other,
        (Point::Time(one), Point::Time(other)) => one > other,
        _ => false,
    }
}

/// Where a conversation is kept, if the client may read it.
fn stream(ctx: &Ctx<'_>, me: &Person, name: &str) -> Option<Stream> {
    if name.starts_with('#') {
        let place = ctx.hub.room(name).filter(|place| me.rooms.contains(&place.name))?;
        return Some(Stream::Room(place.name.clone()));
    }
    let key = match ctx.hub.named(name) {
        Some(person) => person.key(),
        None => fold(&ctx.hub.accounts().find(name)?.name).into(),
    };
    Some(Stream::direct(&me.key(), &key))
}

fn targets(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>, limit: usize) {
    let time = |text| match point(text) {
        Some(point @ Point::Time(_)) => Some(point),
        _ => None,
    };
    let (Some(one), Some(other)) = (time(message.param(1)), time(message.param(2))) else {
        return fail(ctx, "INVALID_PARAMS", &["TARGETS"], "Two timestamps are needed");
    };
    let (after, before) = if is_backwards(one, other) { (other, one) } else { (one, other) };
    let asked = Asked { target: String::new(), limit, after: Some(after), before: Some(before) };
    let last = |room: &super::super::RoomName| {
        let stream = Stream::Room(room.clone());
        let (after, before) = (None, None);
        Question::Page(Page { stream, after, before, lines: 1, last: true, changes: false })
    };
    let mut questions: Vec<Question> = me.rooms.iter().map(last).collect();
    questions.push(Question::Conversations { key: me.key() });
    ctx.lookup = Some(Lookup { client: ctx.session, questions, then: Then::List(asked) });
}

/// The log has answered.
pub(crate) fn found(ctx: &mut Ctx<'_>, then: Then, found: &Found) {
    match (then, &found.0) {
        (Then::Show(asked), Some(found)) => show(ctx, &asked, found),
        (Then::List(asked), Some(found)) => list(ctx, &asked, found),
        (Then::Redact(asked), found) => redact::found(ctx, asked, found.as_deref().unwrap_or(&[])),
        (Then::Show(_) | Then::List(_), None) => {
            fail(ctx, "MESSAGE_ERROR", &[], "Messages could not be retrieved");
        }
    }
}

fn batch(ctx: &mut Ctx<'_>, kind: &str, target: &str, lines: &str) {
    let server = &ctx.irc.server;
    if !ctx.conn.caps.has(Caps::BATCH) {
        return ctx.text.push_str(lines);
    }
    let space = if target.is_empty() { "" } else { " " };
    ctx.line(format_args!(":{server} BATCH +h1 {kind}{space}{target}"));
    ctx.text.push_str(lines);
    ctx.line(format_args!(":{server} BATCH -h1"));
}

fn show(ctx: &mut Ctx<'_>, asked: &Asked, found: &[Arc<Entry>]) {
    let caps = ctx.conn.caps;
    let server = &*ctx.irc.server;
    let id = caps.has(Caps::BATCH).then_some("h1");
    let mut lines = String::new();
    for entry in found {
        let stamp = Stamp::new(entry.pos, entry.append.unix_ms);
        let said = line_of(entry).map(|(line, _)| line);
        let line = said.or_else(|| tags_of(entry)).or_else(|| change_of(entry));
        let Some(line) = line else { continue };
        let ink = Ink { caps, stamp: Some(stamp), server, batch: id, unnamed: false };
        if let Some(text) = ink.write(&line) {
            lines.push_str(&text);
        }
    }
    batch(ctx, "chathistory", &asked.target, &lines);
}

/// A message of tags alone that its author wants to be kept.
fn tags_of(entry: &Entry) -> Option<super::super::frame::Line> {
    let Event::Said { who, to, text, style: Style::Tags, tags, .. } = &entry.append.event else {
        return None;
    };
    Some(super::super::frame::Line::Said {
        who: Arc::clone(who),
        to: to.clone(),
        text: text.clone(),
        style: Style::Tags,
        tags: Arc::clone(tags),
    })
}

fn list(ctx: &mut Ctx<'_>, asked: &Asked, found: &[Arc<Entry>]) {
    let Some(me) = ctx.hub.person(ctx.id) else { return };
    let server = &*ctx.irc.server;
    let tag = if ctx.conn.caps.has(Caps::BATCH) { "@batch=h1 " } else { "" };
    let within = |entry: &&Arc<Entry>| {
        asked.after.is_none_or(|point| point.is_before(entry))
            && asked.before.is_none_or(|point| point.is_after(entry))
    };
    let mut lines = String::new();
    let mut found = found.to_vec();
    found.sort_by_key(|entry| entry.pos);
    for entry in found.iter().filter(within).take(asked.limit) {
        let name = match &entry.append.stream {
            Stream::Room(room) => room.to_string(),
            Stream::Direct(..) => other_party(me, entry),
            Stream::People => continue,
        };
        let time = time::iso(entry.append.unix_ms);
        lines.push_str(&format!("{tag}:{server} CHATHISTORY TARGETS {name} {time}\r\n"));
    }
    batch(ctx, "draft/chathistory-targets", "", &lines);
}

/// The name of the one with whom somebody talked.
fn other_party(me: &Person, entry: &Entry) -> String {
    let (who, to) = match &entry.append.event {
        Event::Said { who, to, .. } | Event::SaidLines { who, to, .. } => (who, to),
        _ => return "*".to_owned(),
    };
    let mine = who.nick.fold() == me.who.nick.fold()
        || (who.account.is_some() && who.account == me.who.account);
    match to {
        Target::Person(_, nick) if mine => nick.to_string(),
        _ => who.nick.to_string(),
    }
}
