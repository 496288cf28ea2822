//! The input line: what is typed, where the cursor is, what was typed before.

use std::collections::VecDeque;

use unicode_segmentation::UnicodeSegmentation;

use super::text::{is_hostile, width};

/// So many lines that were typed before can be had again.
const HISTORY: usize = 100;
/// A line has at most so many bytes.
const BYTES_MAX: usize = 16 << 10;

/// A line that is being typed.
#[derive(Debug, Default)]
pub(crate) struct Editor {
    text: String,
    /// In bytes, between two graphemes.
    cursor: usize,
    history: VecDeque<String>,
    /// Which line of the history is shown: 0 is the one that is being typed.
    back: usize,
    draft: String,
}

/// What of a line fits on the screen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The part that is shown.
    pub(crate) text: String,
    /// The column of the cursor in it.
    pub(crate) column: usize,
}

impl Editor {
    /// Puts a character where the cursor is.
    pub(crate) fn insert(&mut self, c: char) {
        if !is_hostile(c) && self.text.len() + c.len_utf8() <= BYTES_MAX {
            self.text.insert(self.cursor, c);
            self.cursor += c.len_utf8();
        }
    }

    /// Puts a text where the cursor is; line ends and tabs become spaces.
    pub(crate) fn insert_text(&mut self, text: &str) {
        for c in text.chars() {
            self.insert(if matches!(c, '\t' | '\n') { ' ' } else { c });
        }
    }

    /// What is typed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What is typed before the cursor.
    pub(crate) fn before_cursor(&self) -> &str {
        &self.text[..self.cursor]
    }

    /// Puts `text` in place of what is typed from byte `start` to the cursor.
    pub(crate) fn replace_from(&mut self, start: usize, text: &str) {
        self.text.replace_range(start..self.cursor, "");
        self.cursor = start;
        self.insert_text(text);
    }

    /// Whether nothing is typed.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// One character to the left.
    pub(crate) fn left(&mut self) {
        self.cursor = self.before();
    }

    /// One character to the right.
    pub(crate) fn right(&mut self) {
        self.cursor = self.after();
    }

    fn before(&self) -> usize {
        let last = self.text[..self.cursor].grapheme_indices(true).next_back();
        last.map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        let first = self.text[self.cursor..].graphemes(true).next();
        self.cursor + first.map_or(0, str::len)
    }

    /// To the beginning.
    pub(crate) fn home(&mut self) {
        self.cursor = 0;
    }

    /// To the end.
    pub(crate) fn end(&mut self) {
        self.cursor = self.text.len();
    }

    /// A word to the left.
    pub(crate) fn word_left(&mut self) {
        self.cursor = self.word_start();
    }

    /// A word to the right.
    pub(crate) fn word_right(&mut self) {
        let rest = &self.text[self.cursor..];
        let word = rest.len() - rest.trim_start_matches(' ').len();
        let end = rest[word..].find(' ').map_or(rest.len(), |at| word + at);
        self.cursor += end;
    }

    /// Deletes the character before the cursor.
    pub(crate) fn backspace(&mut self) {
        let start = self.before();
        self.delete_range(start, self.cursor);
    }

    /// Deletes the character at the cursor.
    pub(crate) fn delete(&mut self) {
        let end = self.after();
        self.delete_range(self.cursor, end);
    }

    /// Deletes what is before the cursor.
    pub(crate) fn delete_to_start(&mut self) {
        self.delete_range(0, self.cursor);
    }

    /// Deletes what is behind the cursor.
    pub(crate) fn delete_to_end(&mut self) {
        self.text.truncate(self.cursor);
    }

    /// Deletes the word before the cursor.
    pub(crate) fn delete_word(&mut self) {
        let start = self.word_start();
        self.delete_range(start, self.cursor);
    }

    fn delete_range(&mut self, start: usize, end: usize) {
        self.text.replace_range(start..end, "");
        self.cursor = start;
    }

    /// Where the word before the cursor begins.
    fn word_start(&self) -> usize {
        let before = self.before_cursor().trim_end_matches(' ');
        before.rfind(' ').map_or(0, |at| at + 1)
    }

    /// Takes the line out; it can be had again.
    pub(crate) fn take(&mut self) -> String {
        let line = std::mem::take(&mut self.text);
        self.cursor = 0;
        self.back = 0;
        self.remember(&line);
        line
    }

    /// Has a line among those that were typed before.
    pub(crate) fn remember(&mut self, line: &str) {
        if !line.trim().is_empty() && self.history.front().is_none_or(|last| last != line) {
            self.history.push_front(line.to_owned());
            self.history.truncate(HISTORY);
        }
    }

    /// The line that was typed before.
    pub(crate) fn older(&mut self) {
        let Some(line) = self.history.get(self.back) else { return };
        if self.back == 0 {
            self.draft.clone_from(&self.text);
        }
        self.text.clone_from(line);
        self.back += 1;
        self.end();
    }

    /// The line that was typed after it.
    pub(crate) fn newer(&mut self) {
        match self.back {
            0 => return,
            1 => self.text = std::mem::take(&mut self.draft),
            back => self.text.clone_from(&self.history[back - 2]),
        }
        self.back -= 1;
        self.end();
    }

    /// The part around the cursor that fits into so many columns, with one left for the cursor.
    pub(crate) fn shown(&self, columns: usize) -> Shown {
        let free = columns.saturating_sub(1);
        let mut column = 0;
        let mut start = self.cursor;
        for (at, grapheme) in self.before_cursor().grapheme_indices(true).rev() {
            if column + width(grapheme) > free {
                break;
            }
            start = at;
            column += width(grapheme);
        }
        let mut used = 0;
        let fits = self.text[start..].graphemes(true).take_while(|grapheme| {
            used += width(grapheme);
            used <= free
        });
        Shown { text: fits.collect(), column }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Editor {
        let mut editor = Editor::default();
        editor.insert_text(text);
        editor
    }

    #[test]
    fn editing_moves_over_whole_characters() {
        let mut editor = typed("ae\u{301}你x");
        editor.left();
        editor.left();
        editor.left();
        editor.backspace();
        assert_eq!(editor.text(), "e\u{301}你x");
        editor.delete();
        assert_eq!(editor.text(), "你x");
        editor.end();
        editor.insert('\x1b');
        editor.backspace();
        editor.home();
        editor.insert('!');
        assert_eq!(editor.text(), "!你");
    }

    #[test]
    fn words_and_ends_are_deleted() {
        let mut editor = typed("one two  ");
        editor.delete_word();
        assert_eq!(editor.text(), "one ");
        editor.left();
        editor.delete_to_end();
        assert_eq!(editor.text(), "one");
        editor.left();
        editor.delete_to_start();
        assert_eq!(editor.text(), "e");
    }

    #[test]
    fn the_cursor_goes_by_words() {
        let mut editor = typed("one  two three");
        editor.word_left();
        editor.word_left();
        editor.insert('|');
        assert_eq!(editor.text(), "one  |two three");
        editor.home();
        editor.word_right();
        editor.word_right();
        editor.insert('|');
        assert_eq!(editor.text(), "one  |two| three");
    }

    #[test]
    fn what_was_typed_can_be_had_again_and_the_draft_is_kept() {
        let mut editor = typed("first");
        assert_eq!(editor.take(), "first");
        editor.insert_text("second");
        editor.take();
        editor.insert_text("draft");
        editor.older();
        editor.older();
        editor.older();
        assert_eq!(editor.text(), "first");
        editor.newer();
        assert_eq!(editor.text(), "second");
        editor.newer();
        editor.newer();
        assert_eq!(editor.text(), "draft");
    }

    #[test]
    fn the_view_follows_the_cursor_and_wide_characters_count_twice() {
        let mut editor = typed("你好abc");
        assert_eq!(editor.shown(20), Shown { text: "你好abc".into(), column: 7 });
        assert_eq!(editor.shown(5), Shown { text: "abc".into(), column: 3 });
        assert_eq!(editor.shown(6), Shown { text: "好abc".into(), column: 5 });
        editor.home();
        assert_eq!(editor.shown(4), Shown { text: "你".into(), column: 0 });
        assert_eq!(editor.shown(0), Shown { text: "".into(), column: 0 });
    }
}
