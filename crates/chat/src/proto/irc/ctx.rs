//! What a handler has at hand: what it reads, and where it puts its answers and events.

use std::fmt::Arguments;

use super::super::{ClientId, Event, Hub, Now, Stream, Text};
use super::message::push_last;
use super::numerics::Numeric;
use super::work::Work;
use super::{Conn, Limits, Lookup, Settings, Watch};

/// See the module's documentation.
pub(crate) struct Ctx<'a> {
    pub(crate) hub: &'a Hub,
    pub(crate) conn: &'a mut Conn,
    pub(crate) watch: &'a mut Watch,
    pub(crate) irc: &'a Settings,
    /// Whom this client is in the hub.
    pub(crate) id: ClientId,
    /// This client: one of several that one person may have.
    pub(crate) session: ClientId,
    pub(crate) now: Now,
    /// How many connections there are that are not persons.
    pub(crate) unknown: usize,
    /// Lines for this client, each with CR LF.
    pub(crate) text: String,
    /// What happens.
    pub(crate) events: Vec<(Stream, Event)>,
    /// What has to be looked up first.
    pub(crate) lookup: Option<Lookup>,
    /// What has to be worked out first.
    pub(crate) work: Option<Work>,
    /// The client goes, with these words.
    pub(crate) quit: Option<Text>,
    /// The client is one more of this person.
    pub(crate) attach: Option<ClientId>,
    /// The answer waits until all that was decided before has happened.
    pub(crate) waits: bool,
}

impl<'a> Ctx<'a> {
    pub(crate) fn limits(&self) -> &'a Limits {
        &self.irc.limits
    }

    /// What this client is called in answers.
    pub(crate) fn name(&self) -> &str {
        let nick = self.hub.nick(self.id).filter(|_| self.conn.greeted);
        nick.or(self.conn.nick.as_ref()).map_or("*", |nick| nick.as_str())
    }

    /// Sends a line of the server.
    pub(crate) fn line(&mut self, text: Arguments<'_>) {
        self.text.push_str(&text.to_string());
        self.text.push_str("\r\n");
    }

    /// Answers with a number and the words that go with it.
    pub(crate) fn say(&mut self, numeric: Numeric, middle: &[&str]) {
        self.tell(numeric, middle, numeric.1);
    }

    /// Answers with a number; the last parameter is given.
    pub(crate) fn tell(&mut self, numeric: Numeric, middle: &[&str], last: &str) {
        let mut line = format!(":{} {} {}", self.irc.server, numeric.0, self.name());
        for param in middle {
            line.push(' ');
            line.push_str(param);
        }
        line.push_str(" :");
        line.push_str(last);
        self.text.push_str(&line);
        self.text.push_str("\r\n");
    }

    /// Answers with a number and parameters, none of which is words.
    pub(crate) fn give(&mut self, numeric: Numeric, params: &[&str]) {
        let mut line = format!(":{} {} {}", self.irc.server, numeric.0, self.name());
        let Some((last, middle)) = params.split_last() else {
            self.text.push_str(&line);
            self.text.push_str("\r\n");
            return;
        };
        for param in middle {
            line.push(' ');
            line.push_str(param);
        }
        push_last(&mut line, last);
        self.text.push_str(&line);
        self.text.push_str("\r\n");
    }

    /// `FAIL`: a refusal of IRCv3, for people and machines.
    pub(crate) fn fail(&mut self, command: &str, code: &str, context: &[&str], words: &str) {
        let mut line = format!(":{} FAIL {command} {code}", self.irc.server);
        for param in context {
            line.push(' ');
            line.push_str(param);
        }
        line.push_str(" :");
        line.push_str(words);
        self.text.push_str(&line);
        self.text.push_str("\r\n");
    }

    /// Something happens.
    pub(crate) fn happen(&mut self, stream: Stream, event: Event) {
        self.events.push((stream, event));
    }
}

/// The text, cut to so many bytes between characters.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Masks are shown whole: `anna` is `anna!*@*`. Those that begin `x:` are of another kind.
pub(crate) fn whole_mask(mask: &str) -> String {
    if mask.get(1..2) == Some(":") {
        return mask.to_owned();
    }
    match (mask.split_once('!'), mask.split_once('@')) {
        (Some(_), Some(_)) => mask.to_owned(),
        (Some(_), None) => format!("{mask}@*"),
        (None, Some(_)) => format!("*!{mask}"),
        (None, None) => format!("{mask}!*@*"),
    }
}
