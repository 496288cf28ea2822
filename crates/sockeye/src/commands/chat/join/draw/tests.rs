//! Pictures of the screen, at three sizes, and the colours of names.

use std::fmt::Write as _;
use std::time::Duration;

use ratatui_core::backend::TestBackend;
use ratatui_core::terminal::Terminal;

use super::super::proto::Key;
use super::super::proto::tests::played::Played;
use super::*;

fn room() -> Played {
    let mut played = Played::in_lobby("message-tags server-time");
    played.hear(&[
        ":anna!a@host JOIN #music",
        "@time=2026-11-23T22:10:00.000Z :bob!b@h PRIVMSG #lobby :good night",
        "@time=2026-11-24T08:01:00.000Z :小明!x@h PRIVMSG #lobby :早上好，大家今天都好吗？",
        "@time=2026-11-24T08:02:00.000Z :bob!b@h PRIVMSG #lobby :anna: a longer line that has to \
         be broken somewhere, since no screen is as wide as all that",
        ":cleo!c@h JOIN #lobby",
        "@time=2026-11-24T20:15:00.000Z :cleo!c@h PRIVMSG #lobby :\x01ACTION waves\x01",
        "@time=2026-11-24T20:15:00.000Z :bob!b@h PRIVMSG #music :anna, listen",
    ]);
    played.say("hi all");
    "a draft".chars().for_each(|c| played.press(Key::Char(c)));
    played
}

fn picture(played: &mut Played, columns: u16, rows: u16) -> String {
    played.state.handle_resize(columns, rows);
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    let screen = played.state.screen();
    terminal.draw(|frame| draw(&screen, frame.buffer_mut(), Palette::Many)).unwrap();
    let buffer = terminal.backend().buffer();
    let mut out = String::new();
    for y in 0..rows {
        let mut line = String::new();
        let mut x = 0;
        while x < columns {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += u16::try_from(unicode_width::UnicodeWidthStr::width(symbol).max(1)).unwrap();
        }
        writeln!(out, "{}", line.trim_end()).unwrap();
    }
    out
}

/// Compares with the picture that is kept beside this file; `SOCKEYE_PICTURES=write` makes it anew.
fn matches(name: &str, found: &str) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/commands/chat/join/draw/pictures");
    let path = format!("{folder}/{name}.txt");
    if std::env::var_os("SOCKEYE_PICTURES").is_some() {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == found, "{name} is not the picture that is kept:\n{found}");
}

#[test]
fn the_room_at_80_by_24() {
    matches("room-80x24", &picture(&mut room(), 80, 24));
}

#[test]
fn the_room_at_40_by_15() {
    matches("room-40x15", &picture(&mut room(), 40, 15));
}

#[test]
fn the_room_at_120_by_24_has_its_people() {
    matches("room-120x24", &picture(&mut room(), 120, 24));
}

#[test]
fn the_smallest_screens_have_what_fits() {
    for (columns, rows) in [(1, 1), (2, 2), (10, 3), (5, 40), (300, 2)] {
        picture(&mut room(), columns, rows);
    }
}

#[test]
fn a_search_a_paste_and_a_lost_connection_at_60_by_8() {
    let mut played = room();
    played.state.handle_resize(60, 8);
    played.press(Key::Control('f'));
    "longer".chars().for_each(|c| played.press(Key::Char(c)));
    let mut all = picture(&mut played, 60, 8);
    played.press(Key::Escape);
    let now = played.now();
    played.state.handle_paste("one\ntwo\n", now);
    all += &picture(&mut played, 60, 8);
    played.press(Key::Escape);
    played.hear(&["@+typing=active :bob!b@h TAGMSG #lobby"]);
    all += &picture(&mut played, 60, 8);
    let now = played.now();
    played.state.handle_closed("reset by the peer", now);
    played.wait(Duration::from_millis(10));
    all += &picture(&mut played, 60, 8);
    matches("modes-60x8", &all);
}

/// The relative luminance of one of the 256 colours (WCAG 2.1).
fn luminance(color: u8) -> f64 {
    let part = |level: u8| {
        let value = f64::from(level) / 255.0;
        if value <= 0.03928 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    let (red, green, blue) = match color {
        232.. => (8 + 10 * (color - 232), 8 + 10 * (color - 232), 8 + 10 * (color - 232)),
        16.. => {
            let level = |step: u8| [0, 95, 135, 175, 215, 255][usize::from(step)];
            let cube = color - 16;
            (level(cube / 36), level(cube / 6 % 6), level(cube % 6))
        }
        _ => panic!("its look is the person's choice"),
    };
    0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue)
}

#[test]
fn every_colour_can_be_read_on_black_and_on_white() {
    for color in NICKS.into_iter().chain([DIM, ALERT, MARKER]) {
        let light = luminance(color);
        let (on_white, on_black) = (1.05 / (light + 0.05), (light + 0.05) / 0.05);
        assert!(on_white >= 3.6 && on_black >= 3.6, "{color}: {on_white:.2}, {on_black:.2}");
    }
}

#[test]
fn terminals_are_told_apart() {
    assert_eq!(Palette::of(true, "xterm-256color", ""), Palette::Many);
    assert_eq!(Palette::of(true, "xterm", "truecolor"), Palette::Many);
    assert_eq!(Palette::of(true, "linux", ""), Palette::Sixteen);
    assert_eq!(Palette::of(false, "xterm-256color", "truecolor"), Palette::None);
}
