//! A message of IRC as a client reads it.
//!
//! ```text
//! message = [ "@" tags SPACE ] [ ":" source SPACE ] command *( SPACE param )
//!           [ SPACE ":" trailing ]
//! ```
//!
//! # Source
//! RFC 1459, section 2.3.1; ircv3.net/specs/extensions/message-tags

/// A message that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    tags: Vec<(String, String)>,
    /// Who sent it, as `nick!user@host` or a server's name.
    pub(crate) source: String,
    /// In capitals.
    pub(crate) command: String,
    /// What it says.
    pub(crate) params: Vec<String>,
}

impl Message {
    /// Reads a line without its end. `None` where there is no command.
    pub(crate) fn parse(line: &str) -> Option<Message> {
        let mut message = Message::default();
        let mut rest = line.trim_start_matches(' ');
        if let Some(tagged) = rest.strip_prefix('@') {
            let (tags, after) = word(tagged);
            message.tags = tags.split(';').filter(|tag| !tag.is_empty()).map(tag).collect();
            rest = after;
        }
        if let Some(sourced) = rest.strip_prefix(':') {
            let (source, after) = word(sourced);
            message.source = source.to_owned();
            rest = after;
        }
        let (command, mut rest) = word(rest);
        message.command = command.to_ascii_uppercase();
        while !rest.is_empty() {
            if let Some(trailing) = rest.strip_prefix(':') {
                message.params.push(trailing.to_owned());
                break;
            }
            let (param, after) = word(rest);
            message.params.push(param.to_owned());
            rest = after;
        }
        (!message.command.is_empty()).then_some(message)
    }

    /// The value of a tag; an empty one counts as there.
    pub(crate) fn tag(&self, key: &str) -> Option<&str> {
        let found = self.tags.iter().rev().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    }

    /// The name of who sent it.
    pub(crate) fn nick(&self) -> &str {
        self.source.split(['!', '@']).next().unwrap_or_default()
    }

    /// One of what it says; empty where it is missing.
    pub(crate) fn param(&self, index: usize) -> &str {
        self.params.get(index).map_or("", String::as_str)
    }

    /// The last of what it says.
    pub(crate) fn last(&self) -> &str {
        self.params.last().map_or("", String::as_str)
    }

    /// What it says from `index` on, in one text.
    pub(crate) fn from(&self, index: usize) -> String {
        self.params.get(index..).unwrap_or_default().join(" ")
    }
}

/// The first word and what follows the spaces behind it.
fn word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    (word, rest.trim_start_matches(' '))
}

fn tag(text: &str) -> (String, String) {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(':') => out.push(';'),
                Some('s') => out.push(' '),
                Some('r') => out.push('\r'),
                Some('n') => out.push('\n'),
                Some(other) => out.push(other),
                None => {}
            },
            c => out.push(c),
        }
    }
    (key.to_owned(), out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(line: &str) -> Message {
        Message::parse(line).unwrap()
    }

    #[test]
    fn a_whole_message_is_read() {
        let message =
            parse("@time=2026-01-01T00:00:00.000Z;a=x\\:\\sy\\\\;b :n!u@h PrivMsg #r  :a b ");
        assert_eq!(message.tag("a"), Some("x; y\\"));
        assert_eq!(message.tag("b"), Some(""));
        assert_eq!(message.tag("c"), None);
        assert_eq!(message.nick(), "n");
        assert_eq!(message.command, "PRIVMSG");
        assert_eq!(message.params, ["#r", "a b "]);
    }

    #[test]
    fn what_is_missing_is_empty() {
        assert_eq!(parse("PING").params, Vec::<String>::new());
        assert_eq!(parse("a :").params, [""]);
        assert_eq!(parse(":x y  z  ").params, ["z"]);
        assert_eq!(parse("a b:c :d").params, ["b:c", "d"]);
        assert_eq!(Message::parse(""), None);
        assert_eq!(Message::parse("@a :b"), None);
        assert_eq!(parse("a").param(3), "");
    }

    proptest! {
        #[test]
        fn no_text_stops_it(line in any::<String>()) {
            if let Some(message) = Message::parse(&line) {
                prop_assert!(!message.command.is_empty());
            }
        }
    }
}
