//! What was said as rows of the screen, from where one reads upwards; and going through it.

use super::format::{Ink, Span, spans, without_codes};
use super::room::{Anchor, Delivery, History, Kind, Line, Room};
use super::state::State;
use super::text::{cut, finds, shown, width, wrap};
use super::when;

/// A row of the screen.
pub(crate) type Row = Vec<Span>;

/// The column of names, where there is room for it.
const NICK_COLUMNS: usize = 12;
/// From so many columns on there is.
const WIDE_COLUMNS: usize = 58;
/// `20:15 `.
const TIME_COLUMNS: usize = 6;
/// So many colours names have.
pub(crate) const NICK_INKS: u8 = 12;

/// A name always has the same colour (FNV-1a over its bytes).
pub(super) fn ink_of(folded_nick: &str) -> Ink {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = folded_nick.bytes().fold(0x811c_9dc5, step);
    // The low bits alone differ too little between short names.
    let mixed = (hash ^ (hash >> 15)) % u32::from(NICK_INKS);
    Ink::Nick(u8::try_from(mixed).unwrap_or(0))
}

/// What stands before a line's text: a sign or a name.
struct Head {
    text: String,
    ink: Ink,
}

impl State {
    fn head(&self, line: &Line) -> Head {
        let sign = |text: &str, ink| Head { text: text.to_owned(), ink };
        let nick_ink = match line {
            line if line.own => Ink::Own,
            line if line.mention => Ink::Mention,
            line => ink_of(&self.fold(&line.nick)),
        };
        match line.kind {
            Kind::Said => Head { text: shown(&line.nick), ink: nick_ink },
            Kind::Notice => Head { text: format!("-{}-", shown(&line.nick)), ink: nick_ink },
            Kind::Action => sign("*", nick_ink),
            Kind::Came => sign("-->", Ink::Dim),
            Kind::Went => sign("<--", Ink::Dim),
            Kind::Info => sign("--", Ink::Dim),
            Kind::Alert => sign("!!", Ink::Alert),
            Kind::Gap => sign("??", Ink::Marker),
        }
    }

    fn body(&self, line: &Line, head: &Head, needle: Option<&str>) -> Vec<Span> {
        let ink = match (line.kind, line.delivery) {
            (Kind::Came | Kind::Went | Kind::Info, _) | (_, Delivery::Waiting(_)) => Ink::Dim,
            (Kind::Alert, _) => Ink::Alert,
            (Kind::Gap, _) => Ink::Marker,
            _ => Ink::Plain,
        };
        let mut body = spans(&line.text, ink);
        if line.kind == Kind::Action {
            body.insert(0, Span::new(format!("{} ", shown(&line.nick)), head.ink));
        }
        if line.mention {
            body.iter_mut().for_each(|span| span.looks.bold = true);
        }
        match line.delivery {
            Delivery::Lost => body.push(Span::new(" (perhaps not sent)", Ink::Alert)),
            Delivery::Refused => body.push(Span::new(" (not sent)", Ink::Alert)),
            Delivery::Done | Delivery::Waiting(_) => {}
        }
        match needle {
            Some(needle) => body.into_iter().flat_map(|span| with_found(span, needle)).collect(),
            None => body,
        }
    }

    /// The rows of one line, in so many columns, with what separates it from the one before.
    fn rows_of(&self, room: &Room, index: usize, columns: usize) -> Vec<Row> {
        let line = &room.lines[index];
        let mut rows = self.separators(room, index, columns);
        let needle = self.needle();
        let head = self.head(line);
        let body = self.body(line, &head, needle.as_deref());
        let time = when::minute(line.at_ms, &self.settings.zone);
        let time = Span::new(format!("{time} "), Ink::Dim);
        if columns >= WIDE_COLUMNS {
            let name = cut(&head.text, NICK_COLUMNS);
            let pad = " ".repeat(NICK_COLUMNS.saturating_sub(width(&name)));
            let indent = TIME_COLUMNS + NICK_COLUMNS;
            let wrapped = wrap(&body, columns.saturating_sub(indent + 3));
            for (number, part) in wrapped.into_iter().enumerate() {
                let mut row = match number {
                    0 => vec![
                        time.clone(),
                        Span::plain(pad.clone()),
                        Span::new(name.clone(), head.ink),
                    ],
                    _ => vec![Span::plain(" ".repeat(indent))],
                };
                row.push(Span::new(" │ ", Ink::Dim));
                row.extend(part);
                rows.push(row);
            }
            return rows;
        }
        let colon = if line.kind == Kind::Said { ": " } else { " " };
        let mut all = vec![Span::new(cut(&head.text, 20), head.ink), Span::new(colon, Ink::Dim)];
        all.extend(body);
        for (number, part) in
            wrap(&all, columns.saturating_sub(TIME_COLUMNS)).into_iter().enumerate()
        {
            let mut row = match number {
                0 => vec![time.clone()],
                _ => vec![Span::plain(" ".repeat(TIME_COLUMNS))],
            };
            row.extend(part);
            rows.push(row);
        }
        rows
    }

    /// The day where it changes, and where the new begins.
    fn separators(&self, room: &Room, index: usize, columns: usize) -> Vec<Row> {
        let day_of = |line: &Line| when::day(line.at_ms, &self.settings.zone);
        let day = day_of(&room.lines[index]);
        let before = index.checked_sub(1).map(|before| &room.lines[before]);
        let mut rows = Vec::new();
        if before.is_none_or(|before| day_of(before) != day) {
            rows.push(rule(&when::date(day), columns, Ink::Dim));
        }
        if before.is_some_and(|before| room.seen == Some(before.id)) {
            rows.push(rule("new", columns, Ink::Marker));
        }
        rows
    }

    /// The line and the number of its hidden rows from which a page goes up.
    fn start_of_page(room: &Room) -> Option<(usize, usize)> {
        let last = room.lines.len().checked_sub(1)?;
        let Some(anchor) = room.anchor else { return Some((last, 0)) };
        let at = room.lines.iter().position(|line| line.id == anchor.id);
        Some(at.map_or((last, 0), |at| (at, anchor.hidden)))
    }

    /// The rows that are shown of the room that is looked at.
    pub(super) fn page(&self, columns: usize, rows: usize) -> Vec<Row> {
        let room = self.rooms.current();
        let Some((last, hidden)) = State::start_of_page(room) else { return Vec::new() };
        let mut page: Vec<Row> = Vec::new();
        let mut hidden = hidden;
        for index in (0..=last).rev() {
            let mut of_line = self.rows_of(room, index, columns);
            of_line.truncate(of_line.len().saturating_sub(hidden).max(1));
            hidden = 0;
            page.extend(of_line.into_iter().rev());
            if page.len() >= rows {
                break;
            }
        }
        page.truncate(rows);
        page.reverse();
        page
    }

    /// From where the first page goes up; `None` where all lines fit.
    fn first_page(&self) -> Option<Anchor> {
        let (columns, height) = self.page_size();
        let room = self.rooms.current();
        let mut rows = 0;
        let last = (0..room.lines.len()).find(|index| {
            rows += self.rows_of(room, *index, columns).len();
            rows > height
        });
        last.map(|at| Anchor { id: room.lines[at].id, hidden: rows - height })
    }

    /// Whether what is above a place fills a page.
    fn fills(&self, at: usize, hidden: usize) -> bool {
        let (columns, height) = self.page_size();
        let room = self.rooms.current();
        let mut rows = self.rows_of(room, at, columns).len().saturating_sub(hidden);
        for index in (0..at).rev() {
            if rows >= height {
                break;
            }
            rows += self.rows_of(room, index, columns).len();
        }
        rows >= height
    }

    /// Goes so many rows up. Gives whether the first line is shown now.
    fn rows_up(&mut self, count: usize) -> bool {
        let (columns, _) = self.page_size();
        let room = self.rooms.current();
        let Some((mut at, mut hidden)) = State::start_of_page(room) else { return true };
        let mut left = count;
        while left > 0 {
            let rows = self.rows_of(room, at, columns).len();
            let step = left.min(rows.saturating_sub(hidden).max(1));
            left -= step;
            hidden += step;
            if hidden >= rows {
                let Some(before) = at.checked_sub(1) else { break };
                (at, hidden) = (before, 0);
            }
        }
        let anchor = Anchor { id: room.lines[at].id, hidden };
        let fills = self.fills(at, hidden);
        let anchor = if fills { Some(anchor) } else { self.first_page() };
        self.rooms.current_mut().anchor = anchor;
        !fills
    }

    /// Goes so many rows down; at the end new lines are followed again.
    fn rows_down(&mut self, count: usize) {
        let (columns, _) = self.page_size();
        let room = self.rooms.current();
        let Some((mut at, mut hidden)) = State::start_of_page(room) else { return };
        let mut left = count;
        while left > 0 {
            let step = left.min(hidden);
            hidden -= step;
            left -= step;
            if left > 0 {
                if at + 1 >= room.lines.len() {
                    break;
                }
                at += 1;
                hidden = self.rows_of(room, at, columns).len();
            }
        }
        let is_end = at + 1 >= room.lines.len() && hidden == 0;
        let anchor = Anchor { id: room.lines[at].id, hidden };
        self.rooms.current_mut().anchor = (!is_end).then_some(anchor);
    }

    /// A page up; above the first line the server is asked for more.
    pub(super) fn page_up(&mut self) {
        let rows = self.page_rows().saturating_sub(2).max(1);
        if self.rows_up(rows) {
            self.ask_before();
        }
    }

    /// A page down.
    pub(super) fn page_down(&mut self) {
        self.rows_down(self.page_rows().saturating_sub(2).max(1));
        if self.rooms.current().anchor.is_none() {
            self.mark_soon();
        }
    }

    /// To the first line.
    pub(super) fn go_to_start(&mut self) {
        self.rooms.current_mut().anchor = self.first_page();
        self.ask_before();
    }

    /// To the last line.
    pub(super) fn go_to_end(&mut self) {
        self.rooms.current_mut().anchor = None;
        self.mark_soon();
    }

    /// What is said about history on the status line.
    pub(super) fn history_note(&self) -> Option<&'static str> {
        let room = self.rooms.current();
        match room.history {
            _ if room.catch_up.is_some() => Some("catching up"),
            History::Asked => Some("asking for history"),
            _ if room.anchor.is_some() => Some("more below: Esc"),
            _ => None,
        }
    }

    /// The last line of a room in words, for those who read lines.
    pub(crate) fn line_in_words(&self, line: &Line) -> String {
        let (nick, text) = (shown(&line.nick), without_codes(&line.text));
        match line.kind {
            Kind::Said => format!("<{nick}> {text}"),
            Kind::Action => format!("* {nick} {text}"),
            Kind::Notice => format!("-{nick}- {text}"),
            _ => format!("* {text}"),
        }
    }
}

/// A line across with a word in its middle.
fn rule(word: &str, columns: usize, ink: Ink) -> Row {
    let word = cut(&format!(" {word} "), columns);
    let free = columns.saturating_sub(width(&word));
    let left = free / 2;
    let text = format!("{}{word}{}", "─".repeat(left), "─".repeat(free - left));
    vec![Span::new(text, ink)]
}

/// A span cut where something is found in it.
fn with_found(span: Span, needle: &str) -> Vec<Span> {
    let mut parts = Vec::new();
    let mut end = 0;
    let part = |text: &str, ink| Span { text: text.to_owned(), ink, looks: span.looks };
    for found in finds(&span.text, needle) {
        parts.push(part(&span.text[end..found.start], span.ink));
        parts.push(part(&span.text[found.clone()], Ink::Found));
        end = found.end;
    }
    parts.push(part(&span.text[end..], span.ink));
    parts.retain(|part| !part.text.is_empty());
    parts
}
