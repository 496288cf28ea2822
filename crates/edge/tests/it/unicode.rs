//! Printable against a second opinion: the character database of Python.

use sockeye_edge::printable::is_hidden;
use sockeye_testkit::{Need, Process, need};
use std::process::Command;

/// Runs of code points that characters have, as `FIRST LAST CATEGORY`.
const TABLE: &str = "import itertools, unicodedata as u
for k, run in itertools.groupby(range(0x110000), lambda c: u.category(chr(c))):
    run = list(run)
    if k not in ('Cn', 'Cs'): print(run[0], run[-1], k)";

#[test]
fn every_control_and_format_character_is_hidden_and_no_letter_is() {
    if !need(Need::Program("python3")) {
        return;
    }
    let table = Process::run(Command::new("python3").args(["-c", TABLE]), b"");
    assert_eq!(table.code(), Some(0), "{}", table.err());
    // Letters that show nothing: Hangul fillers.
    let fillers = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'];
    let mut seen = 0;
    for line in table.out().lines() {
        let [first, last, category] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line:?}")
        };
        let run = first.parse::<u32>().unwrap()..=last.parse().unwrap();
        let must = ["Cc", "Cf", "Zl", "Zp", "Co"].contains(&category);
        let shows = ["L", "N", "P", "S"].iter().any(|kind| category.starts_with(kind));
        for char in run.filter_map(char::from_u32) {
            seen += 1;
            let code = u32::from(char);
            let odd = fillers.contains(&char) || char == '\u{fffc}';
            assert!(!must || is_hidden(char), "U+{code:04X} of {category} shows");
            assert!(!shows || odd || !is_hidden(char), "U+{code:04X} of {category} is hidden");
        }
    }
    assert!(seen > 250_000, "{seen} characters");
}
