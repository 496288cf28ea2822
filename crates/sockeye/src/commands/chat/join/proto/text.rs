//! Text for a terminal: how bytes become text, how wide it is, where it is broken.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::format::Span;

/// Reads UTF-8; a byte that is none of it is written as `\xNN`.
pub(crate) fn decode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

/// Whether a character acts on a terminal instead of being shown there, or turns the direction of
/// writing.
pub(crate) fn is_hostile(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Writes a hostile character so that it can be seen: `\x1b`, `\u{202e}`.
pub(crate) fn escape(out: &mut String, c: char) {
    match u32::from(c) {
        code @ ..=0xff => out.push_str(&format!("\\x{code:02x}")),
        code => out.push_str(&format!("\\u{{{code:x}}}")),
    }
}

/// A text as a terminal may see it.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match is_hostile(c) {
            true => escape(&mut out, c),
            false => out.push(c),
        }
    }
    out
}

/// The columns that a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The part of a text that fits into so many columns; where it does not fit, it ends with `…`.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for grapheme in text.graphemes(true) {
        used += width(grapheme);
        if used > columns {
            break;
        }
        out.push_str(grapheme);
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// Where a text is broken: the piece's span, its bytes and its columns.
struct Piece<'a> {
    span: usize,
    text: &'a str,
    columns: usize,
}

/// Breaks spans into rows of `columns`, at spaces where there are some. A space at which a row ends
/// is left out.
pub(crate) fn wrap(spans: &[Span], columns: usize) -> Vec<Vec<Span>> {
    let columns = columns.max(2);
    let pieces: Vec<Piece<'_>> = spans
        .iter()
        .enumerate()
        .flat_map(|(span, s)| s.text.graphemes(true).map(move |text| (span, text)))
        .map(|(span, text)| Piece { span, text, columns: width(text) })
        .collect();
    let mut rows = Vec::new();
    let mut start = 0;
    while start < pieces.len() {
        let (end, next) = row_end(&pieces, start, columns);
        rows.push(joined(spans, &pieces[start..end]));
        start = next;
    }
    if rows.is_empty() {
        rows.push(Vec::new());
    }
    rows
}

/// Where the row that begins at `start` ends, and where the next one begins.
fn row_end(pieces: &[Piece<'_>], start: usize, columns: usize) -> (usize, usize) {
    let mut used = 0;
    let mut space = None;
    for (at, piece) in pieces.iter().enumerate().skip(start) {
        used += piece.columns;
        if used > columns && at > start {
            return match space {
                _ if piece.text == " " => (at, at + 1),
                Some(space) => (space, space + 1),
                None => (at, at),
            };
        }
        if piece.text == " " && at > start {
            space = Some(at);
        }
    }
    (pieces.len(), pieces.len())
}

fn joined(spans: &[Span], pieces: &[Piece<'_>]) -> Vec<Span> {
    let mut row: Vec<(usize, String)> = Vec::new();
    for piece in pieces {
        match row.last_mut() {
            Some((span, text)) if *span == piece.span => text.push_str(piece.text),
            _ => row.push((piece.span, piece.text.to_owned())),
        }
    }
    row.into_iter().map(|(span, text)| Span { text, ..spans[span].clone() }).collect()
}

/// Where `needle` stands in a text, whatever the case of its letters; `needle` is lower case.
pub(crate) fn finds(text: &str, needle: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    if needle.is_empty() {
        return found;
    }
    let mut skip_to = 0;
    for (start, _) in text.char_indices() {
        if start < skip_to {
            continue;
        }
        if let Some(length) = begins(&text[start..], needle) {
            found.push(start..start + length);
            skip_to = start + length;
        }
    }
    found
}

/// How many bytes of the text's beginning are `needle`.
fn begins(text: &str, needle: &str) -> Option<usize> {
    let mut wanted = needle.chars();
    let mut next = wanted.next();
    for (at, c) in text.char_indices() {
        if next.is_none() {
            return Some(at);
        }
        for lower in c.to_lowercase() {
            if next != Some(lower) {
                return None;
            }
            next = wanted.next();
        }
    }
    next.is_none().then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(text: &str, columns: usize) -> Vec<String> {
        let rows = wrap(&[Span::plain(text)], columns);
        rows.iter().map(|row| row.iter().map(|span| span.text.as_str()).collect()).collect()
    }

    #[test]
    fn bytes_that_are_no_text_are_seen() {
        assert_eq!(decode(b"gr\xfcn \xe4\xbd\xa0\xe4"), "gr\\xfcn 你\\xe4");
        assert_eq!(shown("\x1b[2J\u{202e}a\u{9b}"), "\\x1b[2J\\u{202e}a\\x9b");
    }

    #[test]
    fn rows_break_at_spaces_and_wide_characters_count_twice() {
        assert_eq!(rows("one two three", 7), ["one two", "three"]);
        assert_eq!(rows("one two three", 6), ["one", "two", "three"]);
        assert_eq!(rows("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(rows("你好吗", 5), ["你好", "吗"]);
        assert_eq!(rows("👨\u{200d}👩\u{200d}👧x", 2), ["👨\u{200d}👩\u{200d}👧", "x"]);
        assert_eq!(rows("", 5), [""]);
    }

    #[test]
    fn a_cut_text_says_so() {
        assert_eq!(cut("lobby", 5), "lobby");
        assert_eq!(cut("lobbyist", 5), "lobb…");
        assert_eq!(cut("你好吗", 4), "你…");
        assert_eq!(cut("abc", 0), "");
    }

    #[test]
    fn the_case_does_not_matter_to_a_search() {
        assert_eq!(finds("Straße STRASSE straße", "straße"), [0..7, 16..23]);
        assert_eq!(finds("aaa aa", "aa"), [0..2, 4..6]);
        assert_eq!(finds("İxx", "x"), [2..3, 3..4]);
        assert!(finds("a", "").is_empty());
    }

    proptest! {
        #[test]
        fn no_row_is_too_wide_and_nothing_is_lost(text in "\\PC{0,80}", columns in 2usize..30) {
            let wrapped = rows(&text, columns);
            for row in &wrapped {
                let graphemes = row.graphemes(true).count();
                let used: usize = row.graphemes(true).map(width).sum();
                prop_assert!(graphemes <= 1 || used <= columns);
            }
            let kept: String = wrapped.concat().replace(' ', "");
            prop_assert_eq!(kept, text.replace(' ', ""));
        }
    }
}
