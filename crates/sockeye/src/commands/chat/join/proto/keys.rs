//! What each key does.

use super::complete::{Completion, Words};
use super::key::Key;
use super::room::{Member, Place};
use super::say::{NAMES, PASTE_LINES_MAX};
use super::search::Search;
use super::state::{Action, Mode, Pane, State};
use super::when::Now;

impl State {
    /// A key was pressed.
    pub(crate) fn handle_key(&mut self, key: Key, now: Now) {
        self.now = now;
        if !matches!(key, Key::Tab | Key::BackTab) {
            self.completion = None;
        }
        let looked_at = self.rooms.at();
        match self.mode {
            _ if key == Key::Control('c') => self.quit(""),
            Mode::Typing => self.key_typing(key),
            Mode::Search(_) => self.key_search(key),
            Mode::Paste(_) => self.key_paste(key),
        }
        if self.rooms.at() != looked_at {
            self.mark_soon();
        }
    }

    fn key_typing(&mut self, key: Key) {
        match key {
            Key::Enter => self.enter(),
            Key::Tab => self.complete(false),
            Key::BackTab => self.complete(true),
            Key::Control('d') if self.editor.is_empty() => self.quit(""),
            Key::Control('f') => {
                self.mode = Mode::Search(Search::new(self.rooms.current().anchor));
            }
            Key::Control('l') => self.act(Action::Redraw),
            Key::Function(1) => drop(self.say("/help")),
            Key::Function(2) => self.rooms_pane = self.rooms_pane.turned(self.shows_rooms()),
            Key::Function(3) => self.members_pane = self.members_pane.turned(self.shows_members()),
            Key::Escape | Key::ControlEnd => self.go_to_end(),
            key => {
                if !self.key_rooms(key) && !self.key_pages(key) {
                    self.key_editing(key);
                }
            }
        }
    }

    /// Keys that lead to another room.
    fn key_rooms(&mut self, key: Key) -> bool {
        match key {
            Key::Alt(digit @ '0'..='9') => {
                let number = digit.to_digit(10).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
                self.rooms.go(if number == 0 { 9 } else { number - 1 });
            }
            Key::AltLeft | Key::Control('p') => self.rooms.turn(true),
            Key::AltRight | Key::Control('n') => self.rooms.turn(false),
            Key::Alt('a') => self.rooms.go_to_new(),
            _ => return false,
        }
        true
    }

    /// Keys that lead through what was said.
    fn key_pages(&mut self, key: Key) -> bool {
        match key {
            Key::PageUp => self.page_up(),
            Key::PageDown => self.page_down(),
            Key::ControlHome => self.go_to_start(),
            _ => return false,
        }
        true
    }

    fn key_editing(&mut self, key: Key) {
        let editor = &mut self.editor;
        match key {
            Key::Char(c) => editor.insert(c),
            Key::Backspace | Key::Control('h') => editor.backspace(),
            Key::Delete | Key::Control('d') => editor.delete(),
            Key::Left | Key::Control('b') => editor.left(),
            Key::Right => editor.right(),
            Key::ControlLeft | Key::Alt('b') => editor.word_left(),
            Key::ControlRight | Key::Alt('f') => editor.word_right(),
            Key::Home | Key::Control('a') => editor.home(),
            Key::End | Key::Control('e') => editor.end(),
            Key::Control('u') => editor.delete_to_start(),
            Key::Control('k') => editor.delete_to_end(),
            Key::Control('w') => editor.delete_word(),
            Key::Up => editor.older(),
            Key::Down => editor.newer(),
            _ => {}
        }
    }

    fn key_search(&mut self, key: Key) {
        match key {
            Key::Escape | Key::Control('g') => self.end_search(false),
            Key::Enter | Key::Up | Key::Control('f' | 'p') => self.search_on(true),
            Key::Down | Key::Control('n') => self.search_on(false),
            Key::Backspace => self.search_erase(),
            Key::Char(c) => self.search_type(c),
            Key::PageUp | Key::PageDown => drop(self.key_pages(key)),
            Key::Tab => self.end_search(true),
            _ => {}
        }
    }

    fn key_paste(&mut self, key: Key) {
        let Mode::Paste(lines) = std::mem::take(&mut self.mode) else { return };
        match key {
            Key::Char('y' | 'Y') | Key::Enter => {
                if !self.say_lines(&lines) {
                    self.editor.insert_text(&lines.join(" "));
                }
            }
            Key::Char('j' | 'J') => self.editor.insert_text(&lines.join(" ")),
            Key::Char('n' | 'N') | Key::Escape => {}
            _ => self.mode = Mode::Paste(lines),
        }
    }

    /// Something was pasted. Several lines are asked about; none of them is a command.
    pub(crate) fn handle_paste(&mut self, text: &str, now: Now) {
        self.now = now;
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let text = text.trim_end_matches('\n');
        if let Mode::Search(_) = self.mode {
            text.chars().take(200).for_each(|c| self.search_type(c));
            return;
        }
        if !text.contains('\n') {
            self.editor.insert_text(text);
            return;
        }
        let lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        if lines.len() > PASTE_LINES_MAX {
            let count = lines.len();
            self.note(&format!("{count} lines are too many to paste: {PASTE_LINES_MAX} at most"));
            return;
        }
        self.mode = Mode::Paste(lines);
    }

    fn complete(&mut self, back: bool) {
        if let Some(mut completion) = self.completion.take() {
            completion.turn(back);
            self.editor.replace_from(completion.start, completion.choice());
            self.completion = Some(completion);
            return;
        }
        let own = self.fold(&self.link.nick);
        let mut members: Vec<&Member> = self.rooms.current().members.values().collect();
        members.retain(|member| self.fold(&member.nick) != own);
        members.sort_by(|a, b| b.spoke_ms.cmp(&a.spoke_ms).then_with(|| a.nick.cmp(&b.nick)));
        let mut names: Vec<&str> = members.iter().map(|member| member.nick.as_str()).collect();
        let people = self.rooms.iter().filter(|room| room.place == Place::Person);
        names.extend(people.map(|room| room.name.as_str()));
        let rooms = self.rooms.iter().filter(|room| room.place == Place::Room);
        let rooms = rooms.map(|room| room.name.as_str()).collect();
        let words = Words { commands: NAMES, rooms, names };
        let line = self.editor.before_cursor().to_owned();
        if let Some(completion) = Completion::new(&line, &words) {
            self.editor.replace_from(completion.start, completion.choice());
            self.completion = Some(completion);
        }
    }
}

impl Pane {
    /// The other of both, from what is to be seen.
    fn turned(self, is_shown: bool) -> Pane {
        if is_shown { Pane::Off } else { Pane::On }
    }
}
