//! What a piece of text looks like, and the codes that IRC clients put into their messages.
//!
//! ```text
//! 02 bold   1d italic   1f underlined   16 reversed   1e, 11 struck, fixed: not shown
//! 03 [n[n][,n[n]]], 04 [rrggbb[,rrggbb]] colours: left out, since they cannot be read everywhere
//! 0f everything off
//! ```
//!
//! # Source
//! modern.ircdocs.horse/formatting

use super::text::{escape, is_hostile};

/// What a piece of text is; the one who draws knows the colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ink {
    /// What people say.
    #[default]
    Plain,
    /// What is there for the record: times, who comes and goes.
    Dim,
    /// A name, with the number of its colour.
    Nick(u8),
    /// One's own name.
    Own,
    /// That one is spoken to.
    Mention,
    /// What went wrong.
    Alert,
    /// Where the new begins, and where something is missing.
    Marker,
    /// What is looked for.
    Found,
    /// A bar above or below.
    Bar,
}

/// How it is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Looks {
    /// Heavier.
    pub(crate) bold: bool,
    /// Slanted.
    pub(crate) italic: bool,
    /// With a line below.
    pub(crate) underlined: bool,
    /// With both colours exchanged.
    pub(crate) reversed: bool,
}

/// A piece of text that looks the same all over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// Nothing in it acts on a terminal.
    pub(crate) text: String,
    /// What it is.
    pub(crate) ink: Ink,
    /// How it is set.
    pub(crate) looks: Looks,
}

impl Span {
    /// A piece of the given kind.
    pub(crate) fn new(text: impl Into<String>, ink: Ink) -> Span {
        Span { text: text.into(), ink, looks: Looks::default() }
    }

    /// What people say.
    pub(crate) fn plain(text: impl Into<String>) -> Span {
        Span::new(text, Ink::Plain)
    }

    /// The same in bold.
    pub(crate) fn bold(mut self) -> Span {
        self.looks.bold = true;
        self
    }
}

/// Cuts a message at its codes; what else would act on a terminal is escaped.
pub(crate) fn spans(text: &str, ink: Ink) -> Vec<Span> {
    let mut done = Vec::new();
    let mut now = Span::new("", ink);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let mut looks = now.looks;
        match c {
            '\x02' => looks.bold = !looks.bold,
            '\x1d' => looks.italic = !looks.italic,
            '\x1f' => looks.underlined = !looks.underlined,
            '\x16' => looks.reversed = !looks.reversed,
            '\x0f' => looks = Looks::default(),
            '\x1e' | '\x11' => {}
            '\x03' => rest = after_color(rest, 2, |c| c.is_ascii_digit()),
            '\x04' => rest = after_color(rest, 6, |c| c.is_ascii_hexdigit()),
            '\t' => now.text.push(' '),
            c if is_hostile(c) => escape(&mut now.text, c),
            c => now.text.push(c),
        }
        if looks != now.looks {
            let next = Span { text: String::new(), ink, looks };
            done.push(std::mem::replace(&mut now, next));
        }
    }
    done.push(now);
    done.retain(|span| !span.text.is_empty());
    done
}

/// What follows a colour and, behind a comma, a second one.
fn after_color(text: &str, digits: usize, is_digit: fn(char) -> bool) -> &str {
    let count = |text: &str| text.chars().take(digits).take_while(|c| is_digit(*c)).count();
    let first = count(text);
    let rest = &text[first..];
    match rest.strip_prefix(',') {
        Some(second) if first > 0 && count(second) > 0 => &second[count(second)..],
        _ => rest,
    }
}

/// The same without any of its codes.
pub(crate) fn without_codes(text: &str) -> String {
    spans(text, Ink::Plain).into_iter().map(|span| span.text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_change_the_looks_and_are_not_seen() {
        let cut = spans("a\x02b\x1dc\x0fd\x0304,12e\x03f\x04ff00001g", Ink::Plain);
        let texts: Vec<&str> = cut.iter().map(|span| span.text.as_str()).collect();
        assert_eq!(texts, ["a", "b", "c", "def1g"]);
        assert!(cut[1].looks.bold && !cut[1].looks.italic);
        assert!(cut[2].looks.bold && cut[2].looks.italic);
        assert_eq!(cut[3].looks, Looks::default());
    }

    #[test]
    fn a_comma_behind_a_colour_without_a_second_one_is_text() {
        assert_eq!(without_codes("\x033, then \x03,1 and \x0312,x"), ", then ,1 and ,x");
    }

    #[test]
    fn escapes_are_seen() {
        assert_eq!(without_codes("\x1b[2Jx\x07"), "\\x1b[2Jx\\x07");
    }

    proptest! {
        #[test]
        fn nothing_hostile_remains(text in any::<String>()) {
            prop_assert!(!without_codes(&text).chars().any(is_hostile));
        }
    }
}
