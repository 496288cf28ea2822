//! What is on the screen: blocks of rows, and where the cursor is. The one who draws decides
//! nothing but colours.
//!
//! ```text
//! ┌──────────────── topic ─────────────────┐
//! │ rooms │ what was said        │ people  │
//! ├──────────────── status ────────────────┤
//! │ what is typed                          │
//! └────────────────────────────────────────┘
//! ```

use super::format::{Ink, Span, without_codes};
use super::link::Phase;
use super::page::{Row, ink_of};
use super::room::{Member, Place, Room};
use super::state::{Dialect, Mode, Pane, State};
use super::text::{cut, shown, width};

/// From so many columns on the rooms have a pane, and the people.
const ROOMS_FROM: usize = 72;
const MEMBERS_FROM: usize = 96;
const ROOMS_COLUMNS: usize = 18;
const MEMBERS_COLUMNS: usize = 18;
/// What was said has at least so many columns beside panes that are asked for.
const PAGE_COLUMNS_MIN: usize = 20;

/// Rows at one place.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// The first column.
    pub(crate) x: u16,
    /// The first row.
    pub(crate) y: u16,
    /// Columns; what is longer is cut off.
    pub(crate) width: u16,
    /// What is behind the whole width of each row.
    pub(crate) ink: Ink,
    /// From above.
    pub(crate) rows: Vec<Row>,
}

/// All that is shown.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    /// They do not overlap.
    pub(crate) blocks: Vec<Block>,
    /// Column and row.
    pub(crate) cursor: (u16, u16),
}

fn cells(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

impl State {
    fn columns(&self) -> usize {
        usize::from(self.size.0)
    }

    fn is_shown(&self, pane: Pane, from: usize, others: usize) -> bool {
        match pane {
            Pane::Auto => self.columns() >= from,
            Pane::On => self.columns() >= others + PAGE_COLUMNS_MIN,
            Pane::Off => false,
        }
    }

    /// Whether the list of rooms is shown.
    pub(super) fn shows_rooms(&self) -> bool {
        self.is_shown(self.rooms_pane, ROOMS_FROM, ROOMS_COLUMNS + 1)
    }

    /// Whether the list of people is shown.
    pub(super) fn shows_members(&self) -> bool {
        let others = MEMBERS_COLUMNS + 1 + if self.shows_rooms() { ROOMS_COLUMNS + 1 } else { 0 };
        self.rooms.current().place == Place::Room
            && self.is_shown(self.members_pane, MEMBERS_FROM, others)
    }

    /// The rows between the topic and the status line.
    pub(super) fn page_rows(&self) -> usize {
        usize::from(self.size.1).saturating_sub(3).max(1)
    }

    /// Columns and rows of what was said.
    pub(super) fn page_size(&self) -> (usize, usize) {
        let rooms = if self.shows_rooms() { ROOMS_COLUMNS + 1 } else { 0 };
        let members = if self.shows_members() { MEMBERS_COLUMNS + 1 } else { 0 };
        (self.columns().saturating_sub(rooms + members).max(1), self.page_rows())
    }

    /// All that is shown.
    pub(crate) fn screen(&self) -> Screen {
        let (columns, rows) = self.page_size();
        let mut screen = Screen::default();
        let height = usize::from(self.size.1);
        let mut left = 0;
        if height >= 4 {
            screen.blocks.push(self.bar(0, self.title()));
        }
        if self.shows_rooms() {
            screen.blocks.push(self.pane(0, ROOMS_COLUMNS, self.room_rows(rows)));
            screen.blocks.push(self.border(ROOMS_COLUMNS));
            left = ROOMS_COLUMNS + 1;
        }
        let mut page = self.page(columns, rows);
        let empty = rows - page.len().min(rows);
        page.splice(0..0, std::iter::repeat_n(Row::new(), empty));
        screen.blocks.push(self.pane(left, columns, page));
        if self.shows_members() {
            screen.blocks.push(self.border(left + columns));
            let at = left + columns + 1;
            screen.blocks.push(self.pane(at, MEMBERS_COLUMNS, self.member_rows(rows)));
        }
        if height >= 3 {
            screen.blocks.push(self.bar(height - 2, self.status()));
        }
        let (input, column) = self.input();
        let y = cells(height.saturating_sub(1));
        screen.blocks.push(self.block(0, usize::from(y), self.columns(), vec![input]));
        screen.cursor = (cells(column).min(self.size.0.saturating_sub(1)), y);
        screen
    }

    fn block(&self, x: usize, y: usize, width: usize, rows: Vec<Row>) -> Block {
        Block { x: cells(x), y: cells(y), width: cells(width), ink: Ink::Plain, rows }
    }

    fn bar(&self, y: usize, row: Row) -> Block {
        Block { ink: Ink::Bar, ..self.block(0, y, self.columns(), vec![row]) }
    }

    fn pane(&self, x: usize, width: usize, rows: Vec<Row>) -> Block {
        let below_title = usize::from(usize::from(self.size.1) >= 4);
        self.block(x, below_title, width, rows)
    }

    fn border(&self, x: usize) -> Block {
        let rows = vec![vec![Span::new("│", Ink::Dim)]; self.page_rows()];
        self.pane(x, 1, rows)
    }

    /// The room's name and what it is about.
    fn title(&self) -> Row {
        let room = self.rooms.current();
        let name = Span::new(format!(" {}", shown(&room.name)), Ink::Bar).bold();
        let topic = without_codes(&room.topic);
        match (room.place, topic.as_str()) {
            (Place::Room, "") if !room.joined && self.link.phase == Phase::Ready => {
                vec![name, Span::new("  you are not in it", Ink::Bar)]
            }
            (_, "") => vec![name],
            (_, topic) => vec![name, Span::new(format!("  {topic}"), Ink::Bar)],
        }
    }

    /// A row for each room: its number, its name, what is new.
    fn room_rows(&self, height: usize) -> Vec<Row> {
        let first = (self.rooms.at() + 1).saturating_sub(height);
        let rooms = self.rooms.iter().enumerate().skip(first).take(height);
        rooms.map(|(index, room)| self.room_row(index, room)).collect()
    }

    fn room_row(&self, index: usize, room: &Room) -> Row {
        let count = match (room.unread, room.mentions) {
            (0, _) => String::new(),
            (unread, 0) => format!(" {}", short_count(unread)),
            (unread, _) => format!(" {}!", short_count(unread)),
        };
        let number = format!("{:>2} ", index + 1);
        let free = ROOMS_COLUMNS.saturating_sub(width(&number) + width(&count) + 1);
        let name = match (room.place, self.link.support.network()) {
            (Place::Server, Some(network)) => network,
            _ => &room.name,
        };
        let name = cut(&shown(name), free);
        let pad = " ".repeat(free.saturating_sub(width(&name)));
        let current = index == self.rooms.at();
        let ink = match room {
            _ if current => Ink::Bar,
            room if room.mentions > 0 => Ink::Mention,
            room if room.place == Place::Room && !room.joined => Ink::Dim,
            _ => Ink::Plain,
        };
        let number_ink = if current { Ink::Bar } else { Ink::Dim };
        let mut name = Span::new(name, ink);
        name.looks.bold = room.unread > 0 || current;
        let pad_ink = if current { Ink::Bar } else { Ink::Plain };
        vec![
            Span::new(number, number_ink),
            name,
            Span::new(format!("{pad}{count} "), if room.mentions > 0 { ink } else { pad_ink }),
        ]
    }

    /// The people of the room that is looked at, those with the highest signs first.
    pub(super) fn members(&self) -> Vec<&Member> {
        let mut members: Vec<&Member> = self.rooms.current().members.values().collect();
        let rank = |member: &Member| {
            let sign = member.signs.chars().next();
            sign.and_then(|sign| self.link.support.rank_of(sign)).unwrap_or(usize::MAX)
        };
        // They come in the order of their names.
        members.sort_by_key(|member| rank(member));
        members
    }

    fn member_rows(&self, height: usize) -> Vec<Row> {
        let members = self.members();
        let more = members.len().saturating_sub(height);
        let count = if more > 0 { height.saturating_sub(1) } else { members.len() };
        let mut rows: Vec<Row> =
            members.iter().take(count).map(|member| self.member_row(member)).collect();
        if more > 0 {
            rows.push(vec![Span::new(format!(" and {} more", members.len() - count), Ink::Dim)]);
        }
        rows
    }

    fn member_row(&self, member: &Member) -> Row {
        let ink = match member {
            member if member.away => Ink::Dim,
            member if self.is_own(&member.nick) => Ink::Own,
            member => ink_of(&self.fold(&member.nick)),
        };
        let sign = member.signs.chars().next().unwrap_or(' ');
        let nick = cut(&shown(&member.nick), MEMBERS_COLUMNS - 2);
        vec![Span::new(shown(&sign.to_string()), Ink::Dim), Span::new(nick, ink)]
    }

    /// The connection, what is new elsewhere, who types.
    fn status(&self) -> Row {
        let mut parts = vec![format!(" {}", shown(&self.link.nick))];
        if !self.shows_rooms() {
            parts.extend(self.news());
        }
        parts.extend(self.history_note().map(str::to_owned));
        parts.extend(self.who_types());
        parts.push(self.connection());
        vec![Span::new(cut(&parts.join(" · "), self.columns()), Ink::Bar)]
    }

    fn connection(&self) -> String {
        let place = shown(self.link.support.network().unwrap_or(&self.settings.place));
        match self.link.phase {
            Phase::Connecting => format!("connecting to {place}"),
            Phase::Login => format!("{place} lets us in"),
            Phase::Leaving => "leaving".to_owned(),
            Phase::Lost(None) => format!("not connected to {place}: /reconnect"),
            Phase::Lost(Some(at)) => {
                let left = at.saturating_duration_since(self.now.at);
                let seconds = left.as_secs() + u64::from(left.subsec_millis() > 0);
                format!("not connected to {place}: again in {seconds} s")
            }
            Phase::Ready if self.dialect == Dialect::Lines => format!("{place}, plain lines"),
            Phase::Ready => match self.link.asked.filter(|asked| self.is_late(*asked)) {
                Some(asked) => {
                    let late = self.now.at.saturating_duration_since(asked).as_secs();
                    format!("{place}, no answer for {late} s")
                }
                None => match self.link.lag {
                    Some(lag) => format!("{place}, lag {} ms", lag.as_millis()),
                    None => place,
                },
            },
        }
    }

    fn is_late(&self, asked: std::time::Instant) -> bool {
        self.now.at.saturating_duration_since(asked).as_secs() >= 5
    }

    /// The rooms in which something is new, where there is no list of them.
    fn news(&self) -> Option<String> {
        let new = self.rooms.iter().enumerate().filter(|(_, room)| room.unread > 0);
        let mut words: Vec<(bool, String)> = new
            .map(|(index, room)| {
                let calls = if room.mentions > 0 { "!" } else { "" };
                let name = cut(&shown(&room.name), 12);
                let unread = short_count(room.unread);
                (room.mentions == 0, format!("{}:{name} {unread}{calls}", index + 1))
            })
            .collect();
        words.sort_by_key(|(quiet, _)| *quiet);
        let words: Vec<String> = words.into_iter().map(|(_, word)| word).collect();
        (!words.is_empty()).then(|| format!("[{}]", words.join(" ")))
    }

    fn who_types(&self) -> Option<String> {
        let names: Vec<String> =
            self.rooms.current().typing().take(3).map(|nick| cut(&shown(nick), 16)).collect();
        match names.as_slice() {
            [] => None,
            [one] => Some(format!("{one} types")),
            several => Some(format!("{} type", several.join(", "))),
        }
    }

    /// The last row and the column of the cursor.
    fn input(&self) -> (Row, usize) {
        let columns = self.columns();
        match &self.mode {
            Mode::Typing => {
                let full = format!("{}> ", shown(&self.link.nick));
                let prompt = if width(&full) * 4 <= columns { full } else { "> ".to_owned() };
                let used = width(&prompt);
                let shown = self.editor.shown(columns.saturating_sub(used));
                (vec![Span::new(prompt, Ink::Dim), Span::plain(shown.text)], used + shown.column)
            }
            Mode::Search(search) => {
                let hint = match (search.text.is_empty(), search.hit) {
                    (true, _) => "  Enter: further up, Down: further down, Esc: back",
                    (false, Some(_)) => "",
                    (false, None) => "  not found",
                };
                let prompt = "search: ";
                let column = width(prompt) + width(&search.text);
                let row = vec![
                    Span::new(prompt, Ink::Marker),
                    Span::plain(search.text.clone()),
                    Span::new(hint, Ink::Dim),
                ];
                (row, column)
            }
            Mode::Paste(lines) => {
                let room = shown(&self.rooms.current().name);
                let text =
                    format!("send {} lines to {room}? y: yes, n: no, j: as one line ", lines.len());
                let column = width(&text).min(columns);
                (vec![Span::new(text, Ink::Marker)], column)
            }
        }
    }
}

/// A number of at most three places.
fn short_count(count: usize) -> String {
    if count > 999 { "999".to_owned() } else { count.to_string() }
}
