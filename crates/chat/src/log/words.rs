//! What is searched for: words in, a question for FTS5 out; nothing that anybody types is a mistake
//! or a command.
//!
//! ```text
//! search = *( word / word "*" / DQUOTE words DQUOTE )   ; all have to be there; * : begins so
//! ```
//!
//! Scripts that write no spaces (Han, Kana, Thai and their neighbours) are cut into single
//! characters, in the file as well as in the question, so that a part of a sentence is found.

use std::fmt::Write;

/// So many words count; the rest are passed over.
const WORDS_MAX: usize = 32;

/// The text as it goes into the index.
pub(super) fn spaced(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        if stands_alone(c) {
            out.push(' ');
            out.push(c);
            out.push(' ');
        } else {
            out.push(c);
        }
    }
    out
}

/// Characters of scripts whose words are not parted by spaces.
fn stands_alone(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{2e80}'..='\u{303f}' | '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// The question for FTS5; `None` where nothing in it could be found.
pub(super) fn query(words: &str) -> Option<String> {
    let mut out = String::new();
    let mut left = WORDS_MAX;
    // Every other piece stood between quotes, the last one too where the closing quote is missing.
    for (place, piece) in words.split('"').enumerate() {
        if place % 2 == 1 {
            push(&mut out, piece, &mut left);
        } else {
            for word in piece.split_whitespace() {
                push(&mut out, word, &mut left);
            }
        }
    }
    (!out.is_empty()).then_some(out)
}

fn push(out: &mut String, word: &str, left: &mut usize) {
    let (word, begins) = word.strip_suffix('*').map_or((word, ""), |word| (word, " *"));
    if *left == 0 || !word.chars().any(char::is_alphanumeric) {
        return;
    }
    *left -= 1;
    let word: String = word.chars().filter(|c| !matches!(c, '"' | '\0')).collect();
    let space = if out.is_empty() { "" } else { " " };
    // Writing to a String does not fail.
    let _ = write!(out, "{space}\"{}\"{begins}", spaced(&word).trim());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_strings_whatever_they_are() {
        let cases = [
            ("one two", Some("\"one\" \"two\"")),
            ("\"one two\" three", Some("\"one two\" \"three\"")),
            ("wor* x", Some("\"wor\" * \"x\"")),
            ("NEAR(a b) OR c:d", Some("\"NEAR(a\" \"b)\" \"OR\" \"c:d\"")),
            ("a\"b", Some("\"a\" \"b\"")),
            ("聊天", Some("\"聊  天\"")),
            ("* \" ' - ^ !", None),
            ("", None),
        ];
        for (words, expected) in cases {
            assert_eq!(query(words).as_deref(), expected, "{words}");
        }
        let many = "x ".repeat(1000);
        assert_eq!(query(&many).map(|query| query.matches("\"x\"").count()), Some(WORDS_MAX));
    }

    #[test]
    fn scripts_without_spaces_are_cut() {
        assert_eq!(spaced("plain text"), "plain text");
        assert_eq!(spaced("grün"), "grün");
        assert_eq!(spaced("a聊天b"), "a 聊  天 b");
    }
}
