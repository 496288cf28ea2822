//! What the terminal client draws: lines scroll up as in any program, the last row is the input
//! line.
//!
//! Nothing is kept on a second screen: what was said stays in the terminal's own scrollback.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crossterm::cursor::{MoveToColumn, MoveUp};
use crossterm::style::{Attribute, Color, Print, ResetColor, SetAttribute, SetForegroundColor};
use crossterm::terminal::{Clear, ClearType};
use crossterm::{QueueableCommand, queue};

use super::editor::{Editor, width_of};

const PROMPT: &str = "> ";
/// So many names are known for completion at most: a room may tell of any number.
const NAMES_MAX: usize = 10_000;
/// Colours that can be read on light and on dark.
const COLORS: [Color; 6] = [
    Color::DarkCyan,
    Color::DarkMagenta,
    Color::DarkGreen,
    Color::DarkYellow,
    Color::Blue,
    Color::Red,
];

/// The state of the screen, and what the lines have told about the people.
#[derive(Debug)]
pub(super) struct Screen<W> {
    out: W,
    columns: usize,
    color: bool,
    /// The width of the input line as it was last drawn.
    drawn: usize,
    /// The client's own name, once the room has told it.
    pub(super) nick: Option<String>,
    /// Who has been heard of.
    pub(super) names: BTreeSet<String>,
}

impl<W: Write> Screen<W> {
    pub(super) fn new(out: W, columns: usize, color: bool) -> Screen<W> {
        Screen { out, columns, color, drawn: 0, nick: None, names: BTreeSet::new() }
    }

    /// The terminal has another width. Terminals break a line that has become too long: all of its
    /// rows are cleared.
    pub(super) fn resize(&mut self, columns: usize, editor: &Editor) -> io::Result<()> {
        self.columns = columns.max(1);
        let rows = self.drawn.saturating_sub(1) / self.columns;
        if let Ok(rows @ 1..) = u16::try_from(rows) {
            self.out.queue(MoveUp(rows))?;
        }
        self.input(editor)
    }

    /// Shows lines above the input line.
    pub(super) fn show(&mut self, lines: &[String], editor: &Editor) -> io::Result<()> {
        self.clear_input()?;
        for line in lines {
            self.learn(line);
            self.line(line)?;
        }
        self.input(editor)
    }

    /// Draws the input line anew.
    pub(super) fn input(&mut self, editor: &Editor) -> io::Result<()> {
        self.clear_input()?;
        let prompt = self.prompt();
        let used: usize = prompt.chars().map(width_of).sum();
        let view = editor.view(self.columns.saturating_sub(used));
        let shown: usize = view.text.chars().map(width_of).sum();
        self.drawn = used + shown;
        let column = u16::try_from(used + view.column).unwrap_or(u16::MAX);
        queue!(self.out, Print(prompt), Print(view.text), MoveToColumn(column))?;
        self.out.flush()
    }

    /// Leaves the terminal as it was found, below what was said.
    pub(super) fn leave(&mut self) -> io::Result<()> {
        self.clear_input()?;
        self.out.flush()
    }

    /// The name before the input line, where there is room for it.
    fn prompt(&self) -> String {
        let full = self.nick.as_deref().map(|nick| format!("{nick}{PROMPT}"));
        full.filter(|full| full.chars().map(width_of).sum::<usize>() * 2 <= self.columns)
            .unwrap_or_else(|| PROMPT.to_owned())
    }

    fn clear_input(&mut self) -> io::Result<()> {
        queue!(self.out, MoveToColumn(0), Clear(ClearType::FromCursorDown))
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        match line.strip_prefix('<').and_then(|rest| rest.split_once("> ")) {
            Some((nick, text)) if self.color => {
                let called = self.nick.as_deref().is_some_and(|own| calls(text, own));
                let attribute = if called { Attribute::Bold } else { Attribute::Reset };
                queue!(
                    self.out,
                    SetForegroundColor(color_of(nick)),
                    Print(format_args!("<{nick}> ")),
                    ResetColor,
                    SetAttribute(attribute),
                    Print(text),
                    SetAttribute(Attribute::Reset)
                )?;
            }
            None if self.color && line.starts_with("* ") => {
                let (dim, reset) = (SetAttribute(Attribute::Dim), SetAttribute(Attribute::Reset));
                queue!(self.out, dim, Print(line), reset)?;
            }
            _ => queue!(self.out, Print(line))?,
        }
        queue!(self.out, Print("\r\n"))
    }

    /// What a line tells about names.
    fn learn(&mut self, line: &str) {
        if let Some((nick, _)) = line.strip_prefix('<').and_then(|rest| rest.split_once("> ")) {
            self.meet(nick);
            return;
        }
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["*", "you", "are", "now", nick] => self.nick = Some((*nick).to_owned()),
            ["*", "you", "are", nick, "in", ..] => self.nick = Some((*nick).to_owned()),
            ["*", nick, "joined"] => self.meet(nick),
            ["*", nick, "left", ..] => {
                self.names.remove(*nick);
            }
            ["*", from, "is", "now", to] => {
                self.names.remove(*from);
                self.meet(to);
            }
            ["*", "in", _, _, names @ ..] => names.iter().for_each(|name| self.meet(name)),
            _ => {}
        }
    }
    fn meet(&mut self, name: &str) {
        if self.names.len() < NAMES_MAX {
            self.names.insert(name.to_owned());
        }
    }
}

/// Whether a text speaks of a name, as a word.
fn calls(text: &str, nick: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && !"-_[]\\`^{}|".contains(c)).any(|w| w == nick)
}

/// A name always has the same colour (FNV-1a over its bytes).
fn color_of(nick: &str) -> Color {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = nick.bytes().fold(0x811c_9dc5, step);
    let places = u32::try_from(COLORS.len()).expect("few colours");
    COLORS[usize::try_from(hash % places).expect("few colours")]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    fn drawn(screen: &mut Screen<Vec<u8>>) -> String {
        String::from_utf8(std::mem::take(&mut screen.out)).unwrap()
    }

    #[test]
    fn lines_come_above_the_input_line() {
        let mut screen = Screen::new(Vec::new(), 40, false);
        let mut editor = Editor::default();
        "hal".chars().for_each(|c| editor.insert(c));
        screen.show(&lines(&["* you are plain-1 in #lobby; x", "<b> hi"]), &editor).unwrap();
        let expected = "\x1b[1G\x1b[J* you are plain-1 in #lobby; x\r\n<b> hi\r\n\
                        \x1b[1G\x1b[Jplain-1> hal\x1b[13G";
        assert_eq!(drawn(&mut screen), expected);
    }

    #[test]
    fn a_narrower_terminal_is_cleared_of_the_broken_line() {
        let mut screen = Screen::new(Vec::new(), 40, false);
        let mut editor = Editor::default();
        "0123456789012345678901234".chars().for_each(|c| editor.insert(c));
        screen.input(&editor).unwrap();
        drawn(&mut screen);
        screen.resize(10, &editor).unwrap();
        let expected = "\x1b[2A\x1b[1G\x1b[J> 8901234\x1b[10G";
        assert_eq!(drawn(&mut screen), expected);
    }

    #[test]
    fn names_are_learnt_and_forgotten() {
        let mut screen = Screen::new(Vec::new(), 40, true);
        let told = [
            "* you are now anna",
            "* plain-2 joined",
            "* plain-3 joined",
            "* plain-2 is now bob",
            "* plain-3 left",
            "* in #lobby (3): cleo dan",
            "<eve> hi",
            "<mallory> * anna left",
        ];
        screen.show(&lines(&told), &Editor::default()).unwrap();
        let names: Vec<&str> = screen.names.iter().map(String::as_str).collect();
        assert_eq!(names, ["bob", "cleo", "dan", "eve", "mallory"]);
        assert_eq!(screen.nick.as_deref(), Some("anna"));
        assert!(drawn(&mut screen).contains("\x1b["), "with colours");
    }

    #[test]
    fn a_room_that_tells_of_names_without_end_is_not_believed() {
        let mut screen = Screen::new(Vec::new(), 40, false);
        let told: Vec<String> = (0..NAMES_MAX + 10).map(|n| format!("* p{n} joined")).collect();
        screen.show(&told, &Editor::default()).unwrap();
        assert_eq!(screen.names.len(), NAMES_MAX);
    }

    #[test]
    fn one_is_called_by_a_whole_word() {
        assert!(calls("hi anna, come", "anna"));
        assert!(!calls("hannah", "anna"));
    }
}
