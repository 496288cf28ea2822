//! A message of IRC that a client keeps: the server's reader takes it apart, this one owns it.

use sockeye_chat::proto::irc::message as read;

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
        let found = read::Message::parse(line)?;
        let tags = read::tags(found.tags);
        Some(Message {
            tags: tags.map(|(key, value)| (key.into(), read::unescape(value).into())).collect(),
            source: found.source.unwrap_or_default().to_owned(),
            command: found.command.to_ascii_uppercase(),
            params: found.params.iter().map(|param| (*param).to_owned()).collect(),
        })
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
