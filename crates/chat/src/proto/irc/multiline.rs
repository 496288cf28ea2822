//! BATCH: a message of several lines, collected and then said at once.
//!
//! # Source
//! IRCv3, client-initiated batch and draft/multiline.

use std::sync::Arc;

use super::super::{Event, Person, Style, Text};
use super::message::Message;
use super::talk::{Said, find, has_tag, made_up};
use super::{Caps, Ctx};

/// A batch that is not complete.
#[derive(Debug)]
pub(crate) struct Draft {
    id: String,
    target: String,
    tags: Arc<str>,
    label: Option<String>,
    style: Option<Style>,
    lines: Vec<(bool, Text)>,
    bytes: usize,
}

fn fail(ctx: &mut Ctx<'_>, code: &str, context: &[&str], words: &str) {
    ctx.conn.draft = None;
    ctx.fail("BATCH", code, context, words);
}

pub(super) fn batch(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    let reference = message.param(0);
    if let Some(id) = reference.strip_prefix('+') {
        let (kind, target) = (message.param(1), message.param(2));
        if !ctx.conn.caps.has(Caps::MULTILINE.with(Caps::BATCH)) || kind != "draft/multiline" {
            return fail(ctx, "UNKNOWN_TYPE", &[], "This batch is not taken here");
        }
        if target.is_empty() || ctx.conn.draft.is_some() {
            return fail(ctx, "MULTILINE_INVALID", &[], "One batch at a time, with a target");
        }
        let tags = made_up(ctx, message);
        let (id, target, label) = (id.to_owned(), target.to_owned(), ctx.conn.label.take());
        let (style, lines, bytes) = (None, Vec::new(), 0);
        ctx.conn.draft = Some(Draft { id, target, tags, label, style, lines, bytes });
        return;
    }
    let id = reference.strip_prefix('-');
    let Some(draft) = ctx.conn.draft.take().filter(|draft| Some(&*draft.id) == id) else {
        return fail(ctx, "MULTILINE_INVALID", &[], "There is no such batch");
    };
    ctx.conn.label.clone_from(&draft.label);
    if draft.lines.iter().all(|(_, text)| text.as_str().is_empty()) {
        return fail(ctx, "MULTILINE_INVALID", &[], "A message needs a line with something in it");
    }
    let style = draft.style.unwrap_or(Style::Line);
    let text = draft.lines.first().map_or_else(|| Text::new(""), |(_, text)| text.clone());
    let said = Said { text, style, tags: draft.tags };
    let Some((stream, to)) = find(ctx, me, &draft.target, &said) else { return };
    let event = Event::SaidLines {
        client: ctx.id,
        who: Arc::clone(&me.who),
        to,
        lines: draft.lines.into(),
        style,
        tags: said.tags,
    };
    ctx.happen(stream, event);
}

/// Takes a line into the batch that it says it belongs to; whether it did.
pub(super) fn takes(ctx: &mut Ctx<'_>, message: &Message<'_>) -> bool {
    let Some(reference) = message.tag("batch") else { return false };
    // The batch is answered as a whole.
    ctx.conn.label = None;
    let Some(mut draft) = ctx.conn.draft.take().filter(|draft| draft.id == reference) else {
        fail(ctx, "MULTILINE_INVALID", &[], "There is no such batch");
        return true;
    };
    let style = match message.command.to_ascii_uppercase().as_str() {
        "PRIVMSG" => Style::Line,
        "NOTICE" => Style::Notice,
        _ => {
            fail(ctx, "MULTILINE_INVALID", &[], "Only PRIVMSG and NOTICE are in such a batch");
            return true;
        }
    };
    if *draft.style.get_or_insert(style) != style || message.param(0) != draft.target {
        let words = "All lines of a batch have one command and one target";
        fail(ctx, "MULTILINE_INVALID_TARGET", &[&draft.target, message.param(0)], words);
        return true;
    }
    let goes_on = has_tag(message.tags, "draft/multiline-concat");
    let text = message.param(1);
    if goes_on && text.is_empty() {
        fail(ctx, "MULTILINE_INVALID", &[], "A line that goes on needs something in it");
        return true;
    }
    let limits = ctx.limits();
    draft.bytes += text.len() + usize::from(!goes_on && !draft.lines.is_empty());
    draft.lines.push((goes_on, Text::new(text)));
    if draft.bytes > limits.multiline_bytes_max {
        let most = limits.multiline_bytes_max.to_string();
        fail(ctx, "MULTILINE_MAX_BYTES", &[&most], "The message is too long");
    } else if draft.lines.len() > limits.multiline_lines_max {
        let most = limits.multiline_lines_max.to_string();
        fail(ctx, "MULTILINE_MAX_LINES", &[&most], "The message has too many lines");
    } else {
        ctx.conn.draft = Some(draft);
    }
    true
}
