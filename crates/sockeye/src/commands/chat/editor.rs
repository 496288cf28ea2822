//! The input line: what is typed, where the cursor is, what was typed before.

use std::collections::VecDeque;

use unicode_width::UnicodeWidthChar;

/// So many lines that were typed before can be had again.
const HISTORY: usize = 100;
/// A line has at most so many characters.
const CHARS_MAX: usize = 2000;

/// A line that is being typed.
#[derive(Debug, Default)]
pub(super) struct Editor {
    text: Vec<char>,
    cursor: usize,
    history: VecDeque<String>,
    /// Which line of the history is shown: 0 is the one that is being typed.
    back: usize,
    draft: Vec<char>,
}

/// What of a line fits on the screen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct View {
    /// The part that is shown.
    pub(super) text: String,
    /// The column of the cursor in it.
    pub(super) column: usize,
}

pub(super) fn width_of(c: char) -> usize {
    c.width().unwrap_or(0)
}

impl Editor {
    pub(super) fn insert(&mut self, c: char) {
        if !c.is_control() && self.text.len() < CHARS_MAX {
            self.text.insert(self.cursor, c);
            self.cursor += 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// One character to the left: what has no width belongs to the one before it.
    pub(super) fn left(&mut self) {
        self.cursor = self.before(self.cursor);
    }

    pub(super) fn right(&mut self) {
        self.cursor = self.after(self.cursor);
    }

    fn before(&self, mut at: usize) -> usize {
        while at > 0 {
            at -= 1;
            if width_of(self.text[at]) > 0 {
                break;
            }
        }
        at
    }

    fn after(&self, mut at: usize) -> usize {
        if at < self.text.len() {
            at += 1;
        }
        while at < self.text.len() && width_of(self.text[at]) == 0 {
            at += 1;
        }
        at
    }

    pub(super) fn home(&mut self) {
        self.cursor = 0;
    }

    pub(super) fn end(&mut self) {
        self.cursor = self.text.len();
    }

    pub(super) fn backspace(&mut self) {
        let start = self.before(self.cursor);
        self.text.drain(start..self.cursor);
        self.cursor = start;
    }

    pub(super) fn delete(&mut self) {
        let end = self.after(self.cursor);
        self.text.drain(self.cursor..end);
    }

    pub(super) fn delete_to_start(&mut self) {
        self.text.drain(..self.cursor);
        self.cursor = 0;
    }

    pub(super) fn delete_to_end(&mut self) {
        self.text.truncate(self.cursor);
    }

    pub(super) fn delete_word(&mut self) {
        let start = self.word_start();
        self.text.drain(start..self.cursor);
        self.cursor = start;
    }

    fn word_start(&self) -> usize {
        let mut at = self.cursor;
        while at > 0 && self.text[at - 1] == ' ' {
            at -= 1;
        }
        while at > 0 && self.text[at - 1] != ' ' {
            at -= 1;
        }
        at
    }

    /// Completes the word before the cursor to the first of the names that begins so.
    pub(super) fn complete<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        let start = self.word_start();
        let word: String = self.text[start..self.cursor].iter().collect();
        let begins = |name: &&str| name.to_lowercase().starts_with(&word.to_lowercase());
        if word.trim().is_empty() || word.ends_with(' ') {
            return;
        }
        let mut found: Vec<&str> = names.filter(begins).collect();
        found.sort_unstable();
        let Some(name) = found.first() else { return };
        self.text.drain(start..self.cursor);
        self.cursor = start;
        let colon = if start == 0 { ": " } else { " " };
        for c in name.chars().chain(colon.chars()) {
            self.insert(c);
        }
    }

    /// Takes the line out; it can be had again.
    pub(super) fn take(&mut self) -> String {
        let line: String = self.text.drain(..).collect();
        self.cursor = 0;
        self.back = 0;
        if !line.trim().is_empty() && self.history.front() != Some(&line) {
            self.history.push_front(line.clone());
            self.history.truncate(HISTORY);
        }
        line
    }

    pub(super) fn older(&mut self) {
        let Some(line) = self.history.get(self.back) else { return };
        if self.back == 0 {
            self.draft.clone_from(&self.text);
        }
        self.text = line.chars().collect();
        self.back += 1;
        self.end();
    }

    pub(super) fn newer(&mut self) {
        match self.back {
            0 => return,
            1 => self.text = std::mem::take(&mut self.draft),
            back => self.text = self.history[back - 2].chars().collect(),
        }
        self.back -= 1;
        self.end();
    }

    /// The part around the cursor that fits into so many columns, with one left for the cursor.
    pub(super) fn view(&self, columns: usize) -> View {
        let room = columns.saturating_sub(1);
        let mut start = self.cursor;
        let mut column = 0;
        while start > 0 && column + width_of(self.text[start - 1]) <= room {
            start -= 1;
            column += width_of(self.text[start]);
        }
        let mut used = 0;
        let fits = |c: &&char| {
            used += width_of(**c);
            used <= room
        };
        View { text: self.text[start..].iter().take_while(fits).collect(), column }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Editor {
        let mut editor = Editor::default();
        text.chars().for_each(|c| editor.insert(c));
        editor
    }

    fn line(editor: &Editor) -> String {
        editor.text.iter().collect()
    }

    #[test]
    fn editing_moves_over_whole_characters() {
        let mut editor = typed("ae\u{301}你x");
        editor.left();
        editor.left();
        editor.left();
        editor.backspace();
        assert_eq!(line(&editor), "e\u{301}你x");
        editor.delete();
        assert_eq!(line(&editor), "你x");
        editor.end();
        editor.insert('\x1b');
        editor.backspace();
        editor.home();
        editor.insert('!');
        assert_eq!(line(&editor), "!你");
    }

    #[test]
    fn words_and_ends_are_deleted() {
        let mut editor = typed("one two  ");
        editor.delete_word();
        assert_eq!(line(&editor), "one ");
        editor.left();
        editor.delete_to_end();
        assert_eq!(line(&editor), "one");
        editor.left();
        editor.delete_to_start();
        assert_eq!(line(&editor), "e");
    }

    #[test]
    fn what_was_typed_can_be_had_again_and_the_draft_is_kept() {
        let mut editor = typed("first");
        assert_eq!(editor.take(), "first");
        "second".chars().for_each(|c| editor.insert(c));
        editor.take();
        "draft".chars().for_each(|c| editor.insert(c));
        editor.older();
        editor.older();
        editor.older();
        assert_eq!(line(&editor), "first");
        editor.newer();
        assert_eq!(line(&editor), "second");
        editor.newer();
        editor.newer();
        assert_eq!(line(&editor), "draft");
    }

    #[test]
    fn the_view_follows_the_cursor_and_wide_characters_count_twice() {
        let mut editor = typed("你好abc");
        assert_eq!(editor.view(20), View { text: "你好abc".into(), column: 7 });
        assert_eq!(editor.view(5), View { text: "abc".into(), column: 3 });
        assert_eq!(editor.view(6), View { text: "好abc".into(), column: 5 });
        editor.home();
        assert_eq!(editor.view(4), View { text: "你".into(), column: 0 });
        assert_eq!(editor.view(0), View { text: "".into(), column: 0 });
    }

    #[test]
    fn names_are_completed() {
        let names = ["anna", "Bob", "bert"];
        let mut editor = typed("b");
        editor.complete(names.into_iter());
        assert_eq!(line(&editor), "Bob: ");
        let mut editor = typed("hi AN");
        editor.complete(names.into_iter());
        assert_eq!(line(&editor), "hi anna ");
        let mut editor = typed("hi ");
        editor.complete(names.into_iter());
        assert_eq!(line(&editor), "hi ");
    }
}
