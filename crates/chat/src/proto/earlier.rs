//! What was said, for those who come later.

use super::frame::{Line, Stamp};
use super::{Entry, Event, Style, clean};

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
        let Line::Said { nick, text, style } = line else { return None };
        let mut shown = String::new();
        clean(&mut shown, text.as_str());
        Some(Said { unix_ms, nick: nick.to_string(), text: shown, style })
    }
}

/// The line in which an entry is shown again; `None` where it is not.
pub(super) fn line_of(entry: &Entry) -> Option<(Line, Stamp)> {
    let stamp = Stamp::new(entry.pos, entry.append.unix_ms);
    let (nick, text, style) = match &entry.append.event {
        Event::Said { nick, text, style, .. } => (nick, text, *style),
        Event::Posted { nick, text } => (nick, text, Style::Line),
        _ => return None,
    };
    Some((Line::Said { nick: nick.clone(), text: text.clone(), style }, stamp))
}
