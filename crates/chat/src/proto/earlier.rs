//! What was said, for those who come later.

use super::frame::{Line, Stamp};
use super::{Class, Entry, Event, Stream, Style, clean};
use std::sync::Arc;

/// Something that was said, for whoever asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// When, in milliseconds since 1970 (UTC).
    pub unix_ms: u64,
    /// By whom.
    pub nick: String,
    /// What, as it can be shown.
    pub text: String,
    /// How.
    pub style: Style,
}

impl Said {
    /// What an entry says; `None` where it is about something else.
    pub fn of(entry: &Entry) -> Option<Said> {
        let (line, Stamp { unix_ms, .. }) = line_of(entry)?;
        let Line::Said { who, text, style, .. } = line else { return None };
        let mut shown = String::new();
        clean(&mut shown, text.as_str());
        Some(Said { unix_ms, nick: who.nick.to_string(), text: shown, style })
    }
}

/// The line in which an entry is shown again; `None` where it is not.
pub(super) fn line_of(entry: &Entry) -> Option<(Line, Stamp)> {
    let stamp = Stamp::new(entry.pos, entry.append.unix_ms);
    if entry.append.event.class() != Class::Said {
        return None;
    }
    let line = match (&entry.append.event, &entry.append.stream) {
        (Event::Posted { nick, text }, Stream::Room(room)) => Line::posted(nick, text, room),
        (event, _) => Line::said(event)?,
    };
    Some((line, stamp))
}

/// The line of an entry for who wants to see what changed, too.
pub(super) fn change_of(entry: &Entry) -> Option<Line> {
    let Stream::Room(room) = &entry.append.stream else { return None };
    let room = room.clone();
    Some(match &entry.append.event {
        Event::Joined { who, .. } => {
            Line::Joined { who: Arc::clone(who), room, real: super::Text::new("") }
        }
        Event::Left { who, why, text, .. } => {
            Line::Left { who: Arc::clone(who), room, why: *why, text: text.clone() }
        }
        Event::Topic { who, text, .. } => {
            Line::Topic { who: Arc::clone(who), room, text: text.clone() }
        }
        Event::Kicked { who, nick, text, .. } => {
            let (nick, text) = (nick.clone(), text.clone());
            Line::Kicked { who: Arc::clone(who), room, nick, text }
        }
        Event::Modes { who, changes, .. } => {
            let shown = super::hub::shown(changes).into();
            Line::Modes { who: Some(Arc::clone(who)), room, shown }
        }
        Event::Redacted { who, to, at, text, .. } => {
            let (to, text) = (to.clone(), text.clone());
            Line::Redacted { who: Arc::clone(who), to, at: *at, text }
        }
        _ => return None,
    })
}
