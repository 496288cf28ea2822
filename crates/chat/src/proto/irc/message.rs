//! One line of IRC, taken apart and put together.
//!
//! ```text
//! message = [ "@" tags 1*SP ] [ ":" source 1*SP ] command *( 1*SP middle ) [ 1*SP ":" trailing ]
//! tags    = tag *( ";" tag )         tag = [ "+" ] [ vendor "/" ] key [ "=" escaped ]
//! escaped = "\:" for ";"  "\s" for SP  "\\" for "\"  "\r" for CR  "\n" for LF
//! ```
//! Nothing is copied but what is unescaped.
//!
//! # Source
//! RFC 1459 section 2.3.1, RFC 2812 section 2.3.1, modern.ircdocs.horse, IRCv3 message-tags.

use std::borrow::Cow;

/// A command may have so many parameters; what comes after is part of the last.
const PARAMS_MAX: usize = 60;

/// A line, borrowed from where it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    /// The tags as they were sent, without `@`; empty where there are none.
    pub tags: &'a str,
    /// The source, without `:`.
    pub source: Option<&'a str>,
    /// The command as it was sent.
    pub command: &'a str,
    /// The parameters.
    pub params: Vec<&'a str>,
}

impl<'a> Message<'a> {
    /// Takes a line apart; `None` where it has no command.
    pub fn parse(line: &'a str) -> Option<Message<'a>> {
        let mut rest = line.trim_start_matches(' ');
        let mut tags = "";
        if let Some(tagged) = rest.strip_prefix('@') {
            (tags, rest) = tagged.split_once(' ')?;
            rest = rest.trim_start_matches(' ');
        }
        let mut source = None;
        if let Some(sourced) = rest.strip_prefix(':') {
            let (name, after) = sourced.split_once(' ')?;
            source = Some(name);
            rest = after.trim_start_matches(' ');
        }
        let (command, mut rest) = rest.split_once(' ').unwrap_or((rest, ""));
        if command.is_empty() {
            return None;
        }
        let mut params = Vec::new();
        loop {
            rest = rest.trim_start_matches(' ');
            if rest.is_empty() {
                break;
            }
            if let Some(trailing) = rest.strip_prefix(':') {
                params.push(trailing);
                break;
            }
            if params.len() + 1 == PARAMS_MAX {
                params.push(rest);
                break;
            }
            let (param, after) = rest.split_once(' ').unwrap_or((rest, ""));
            params.push(param);
            rest = after;
        }
        Some(Message { tags, source, command, params })
    }

    /// A parameter; the empty text where it is missing.
    pub fn param(&self, place: usize) -> &'a str {
        self.params.get(place).copied().unwrap_or("")
    }

    /// The value of a tag, unescaped; of a tag that is given twice, the last.
    pub fn tag(&self, key: &str) -> Option<Cow<'a, str>> {
        tags(self.tags).filter(|(name, _)| *name == key).last().map(|(_, value)| unescape(value))
    }
}

/// The tags of a text: keys with values as they were sent.
pub fn tags(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = text.split(';').filter(|tag| !tag.is_empty());
    pairs.map(|tag| tag.split_once('=').unwrap_or((tag, "")))
}

/// Takes the escapes out of a tag's value. A lone backslash at the end, and before a character that
/// needs none, is left out.
pub fn unescape(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some(':') => out.push(';'),
            Some('s') => out.push(' '),
            Some('r') => out.push('\r'),
            Some('n') => out.push('\n'),
            Some(other) => out.push(other),
            None => {}
        }
    }
    Cow::Owned(out)
}

/// Escapes a tag's value into `out`.
pub fn escape(out: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            ';' => out.push_str("\\:"),
            ' ' => out.push_str("\\s"),
            '\\' => out.push_str("\\\\"),
            '\r' => out.push_str("\\r"),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}

/// Puts a parameter at the end of a line, with a colon where it needs one.
pub fn push_last(out: &mut String, param: &str) {
    out.push(' ');
    if param.is_empty() || param.starts_with(':') || param.contains(' ') {
        out.push(':');
    }
    out.push_str(param);
}

/// Whether a name matches a mask: `*` stands for any characters, `?` for one. Both are folded.
pub fn matches(mask: &str, name: &str) -> bool {
    let (mask, name): (Vec<char>, Vec<char>) = (mask.chars().collect(), name.chars().collect());
    let (mut at, mut place) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while place < name.len() {
        match mask.get(at) {
            Some('*') => {
                back = Some((at, place));
                at += 1;
            }
            Some(c) if *c == '?' || *c == name[place] => {
                at += 1;
                place += 1;
            }
            _ => {
                let Some((star, from)) = back else { return false };
                back = Some((star, from + 1));
                at = star + 1;
                place = from + 1;
            }
        }
    }
    mask[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed<'a>(line: &'a str) -> Message<'a> {
        Message::parse(line).expect("a message")
    }

    #[test]
    fn parts_are_found() {
        let message = parsed("@a=b;c :anna!u@h PRIVMSG  #room  :hello  there ");
        assert_eq!(message.tags, "a=b;c");
        assert_eq!(message.source, Some("anna!u@h"));
        assert_eq!(message.command, "PRIVMSG");
        assert_eq!(message.params, ["#room", "hello  there "]);
        assert_eq!(message.tag("a").as_deref(), Some("b"));
        assert_eq!(message.tag("c").as_deref(), Some(""));
        assert_eq!(message.tag("d"), None);
    }

    #[test]
    fn spaces_and_colons_stand_where_they_may() {
        let cases: [(&str, &[&str]); 9] = [
            ("X a b c", &["a", "b", "c"]),
            ("X a b :c", &["a", "b", "c"]),
            ("X a :", &["a", ""]),
            ("X a ::)", &["a", ":)"]),
            ("X : a ", &[" a "]),
            ("X a:b c:", &["a:b", "c:"]),
            ("X", &[]),
            ("X   ", &[]),
            ("  :src  X   a  ", &["a"]),
        ];
        for (line, params) in cases {
            let message = parsed(line);
            assert_eq!((message.command, &*message.params), ("X", params), "{line:?}");
        }
        let tab = "X a\tb";
        assert_eq!(parsed(tab).params, ["a\tb"], "only a space parts");
    }

    #[test]
    fn what_has_no_command_is_none() {
        for line in ["", "  ", ":src", ":src ", "@a=b", "@a=b ", "@a=b :src"] {
            assert_eq!(Message::parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn values_of_tags_are_escaped_and_back() {
        let all = "a;b c\\d\re\nf";
        let mut out = String::new();
        escape(&mut out, all);
        assert_eq!(out, "a\\:b\\sc\\\\d\\re\\nf");
        assert_eq!(unescape(&out), all);
        assert_eq!(unescape("a\\bc\\"), "abc");
        assert_eq!(unescape("\\\\:"), "\\:");
        assert_eq!(parsed("@a=1;a=2;b=x=y; X").tag("a").as_deref(), Some("2"));
        assert_eq!(parsed("@a=1;b=x=y X").tag("b").as_deref(), Some("x=y"));
    }

    #[test]
    fn masks_match() {
        let yes = [("*", ""), ("*", "x"), ("a*c", "abbc"), ("a*c", "ac"), ("?b", "ab")];
        let more = [("*a*b", "xaxb"), ("*!*@h?st", "n!u@host"), ("**", "x"), ("a**b*", "ab")];
        for (mask, name) in yes.into_iter().chain(more) {
            assert!(matches(mask, name), "{mask} {name}");
        }
        for (mask, name) in [("", "x"), ("?", ""), ("a*c", "abd"), ("*b", "bc"), ("a?", "a")] {
            assert!(!matches(mask, name), "{mask} {name}");
        }
    }

    #[test]
    fn the_last_parameter_gets_its_colon() {
        for (param, line) in [("a", "X a"), ("", "X :"), (":a", "X ::a"), ("a b", "X :a b")] {
            let mut out = "X".to_owned();
            push_last(&mut out, param);
            assert_eq!(out, line);
            assert_eq!(parsed(&out).params, [param]);
        }
    }
}
