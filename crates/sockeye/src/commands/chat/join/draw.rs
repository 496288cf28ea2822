//! Draws the screen: the only place that knows colours.

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::{Color, Modifier, Style};

use super::proto::{Ink, Screen, Span};

/// How many colours a terminal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Palette {
    /// None is wanted.
    None,
    /// The sixteen whose look the person has chosen.
    Sixteen,
    /// 256.
    Many,
}

/// Colours of names among the 256, which can be read on black and on white: a contrast of at least
/// 3.6 : 1 against both.
const NICKS: [u8; 12] = [167, 166, 100, 64, 28, 29, 30, 32, 63, 98, 164, 161];
/// The same among the sixteen.
const NICKS_OF_SIXTEEN: [Color; 6] =
    [Color::Cyan, Color::Magenta, Color::Green, Color::Yellow, Color::Blue, Color::Red];
/// Grey, with a contrast of 3.9 : 1 and more.
const DIM: u8 = 244;
const ALERT: u8 = 160;
const MARKER: u8 = 134;

impl Palette {
    /// What a terminal has, by `TERM` and `COLORTERM`.
    pub(super) fn of(wanted: bool, term: &str, colorterm: &str) -> Palette {
        let many = term.contains("256color")
            || ["truecolor", "24bit"].contains(&colorterm)
            || ["kitty", "alacritty", "foot", "wezterm", "ghostty"]
                .iter()
                .any(|t| term.contains(t));
        match (wanted, many) {
            (false, _) => Palette::None,
            (true, true) => Palette::Many,
            (true, false) => Palette::Sixteen,
        }
    }

    fn pick(self, many: u8, sixteen: Color) -> Style {
        match self {
            Palette::None => Style::new(),
            Palette::Sixteen => Style::new().fg(sixteen),
            Palette::Many => Style::new().fg(Color::Indexed(many)),
        }
    }

    fn style(self, span: &Span) -> Style {
        let bold = Modifier::BOLD;
        let mut style = match span.ink {
            Ink::Plain => Style::new(),
            Ink::Dim if self == Palette::Many => Style::new().fg(Color::Indexed(DIM)),
            Ink::Dim => Style::new().add_modifier(Modifier::DIM),
            Ink::Nick(number) => {
                let of_many = NICKS[usize::from(number) % NICKS.len()];
                let of_sixteen = NICKS_OF_SIXTEEN[usize::from(number) % NICKS_OF_SIXTEEN.len()];
                self.pick(of_many, of_sixteen)
            }
            Ink::Own => Style::new().add_modifier(bold),
            Ink::Mention => self.pick(ALERT, Color::Red).add_modifier(bold | Modifier::REVERSED),
            Ink::Alert => self.pick(ALERT, Color::Red),
            Ink::Marker => self.pick(MARKER, Color::Magenta),
            Ink::Found => Style::new().add_modifier(bold | Modifier::REVERSED),
            Ink::Bar => Style::new().add_modifier(Modifier::REVERSED),
        };
        let looks = [
            (span.looks.bold, bold),
            (span.looks.italic, Modifier::ITALIC),
            (span.looks.underlined, Modifier::UNDERLINED),
            (span.looks.reversed, Modifier::REVERSED),
        ];
        for (is_so, modifier) in looks {
            if is_so {
                style = style.add_modifier(modifier);
            }
        }
        style
    }
}

/// Puts the screen into a buffer.
pub(super) fn draw(screen: &Screen, buffer: &mut Buffer, palette: Palette) {
    let whole = buffer.area;
    for block in &screen.blocks {
        for (row, y) in block.rows.iter().zip(block.y..whole.height) {
            let area = Rect::new(block.x, y, block.width, 1).intersection(whole);
            if area.is_empty() {
                continue;
            }
            if block.ink == Ink::Bar {
                buffer.set_style(area, palette.style(&Span::new("", Ink::Bar)));
            }
            let mut x = area.x;
            for span in row {
                let free = usize::from(area.right().saturating_sub(x));
                (x, _) = buffer.set_stringn(x, y, &span.text, free, palette.style(span));
            }
        }
    }
}

#[cfg(test)]
mod tests;
