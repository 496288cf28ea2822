//! What a document shows, compared with what a command said.
//!
//! A line matches to the letter, but: `…` stands for anything, a number with a decimal point for
//! any number, and space for any amount of space. A line that is only `…` stands for any lines.

/// A line that stands for any number of lines.
pub(super) const GAP: &str = "…";

/// Tells whether `line` is what `shown` promises.
pub(super) fn matches(shown: &str, line: &str) -> bool {
    let shown: Vec<char> = shown.trim_end().chars().collect();
    let line: Vec<char> = line.trim_end().chars().collect();
    go(&shown, &line)
}

fn go(shown: &[char], line: &[char]) -> bool {
    let Some((&first, rest)) = shown.split_first() else { return line.is_empty() };
    if first == '…' {
        return (0..=line.len()).any(|skipped| go(rest, &line[skipped..]));
    }
    if first.is_whitespace() {
        let (a, b) = (run(shown, char::is_whitespace), run(line, char::is_whitespace));
        return b > 0 && go(&shown[a..], &line[b..]);
    }
    if first.is_ascii_digit() {
        let (a, b) = (number(shown), number(line));
        // A whole number in the document is meant as it stands; 127.0.0.1 is no number.
        if shown[..a].iter().filter(|c| **c == '.').count() == 1 {
            return b > 0
                && line[..b].iter().filter(|c| **c == '.').count() <= 1
                && go(&shown[a..], &line[b..]);
        }
        return a <= line.len() && shown[..a] == line[..a] && go(&shown[a..], &line[a..]);
    }
    line.first() == Some(&first) && go(rest, &line[1..])
}

fn run(text: &[char], is: fn(char) -> bool) -> usize {
    text.iter().take_while(|c| is(**c)).count()
}

/// How many characters of digits and points the text begins with; a point at its end is not one.
fn number(text: &[char]) -> usize {
    let length = text.iter().take_while(|c| c.is_ascii_digit() || **c == '.').count();
    length - text[..length].iter().rev().take_while(|c| **c == '.').count()
}

#[test]
fn lines_match_loosely_but_really() {
    for (shown, line) in [
        ("hello", "hello"),
        ("a   b", "a b "),
        ("in 0.41 s", "in 12 s"),
        ("in 0.41 s", "in 0.05 s"),
        ("127.0.0.1:… is here", "127.0.0.1:40123 is here"),
        ("…end", "the end"),
        ("two… three", "two three"),
        ("port 80.", "port 80."),
    ] {
        assert!(matches(shown, line), "{shown:?} {line:?}");
    }
    for (shown, line) in [
        ("hello", "hello!"),
        ("200", "404"),
        ("80", "8080"),
        ("127.0.0.1", "127.0.0.2"),
        ("in 0.41 s", "in  s"),
        ("in 0.41 s", "in 127.0.0.1 s"),
        ("a b", "ab"),
        ("…end", "ends"),
        ("", "x"),
    ] {
        assert!(!matches(shown, line), "{shown:?} {line:?}");
    }
}
