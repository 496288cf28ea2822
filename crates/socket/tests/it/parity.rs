//! docs/socket-parity.md names everything that Python's module has, and nothing here that is not.

use std::path::Path;
use std::process::Command;

use sockeye_testkit::{Need, need};

fn document(name: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    std::fs::read_to_string(docs.join(name)).unwrap()
}

/// The names in backticks of each row's first two columns.
fn rows(text: &str) -> Vec<(Vec<String>, Vec<String>)> {
    let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    let module = text.split("\n## `socketserver`").next().unwrap();
    let rows = module.lines().filter(|line| line.starts_with("| `")).map(|line| {
        let cells: Vec<&str> = line.split(" | ").collect();
        assert!(cells.len() >= 2, "{line}");
        let here: Vec<String> = names(cells[1]);
        assert!(!here.is_empty() || cells[1] == "left out", "{line}");
        (names(cells[0]), here)
    });
    rows.collect()
}

#[test]
fn every_name_of_pythons_module_has_a_row() {
    if !need(Need::Program("python3")) {
        return;
    }
    let script = "import socket\n\
        print(*(n for n in dir(socket) if not n.startswith('_')))\n\
        print(*('socket.' + n for n in dir(socket.socket) if not n.startswith('_')))";
    let said = Command::new("python3").args(["-c", script]).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let rows = rows(&document("socket-parity.md"));
    let covers = |pattern: &str, name: &str| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    };
    let missing: Vec<&str> = said
        .split_whitespace()
        .filter(|name| !rows.iter().flat_map(|row| &row.0).any(|pattern| covers(pattern, name)))
        .collect();
    assert!(said.split_whitespace().count() > 300, "Python said little");
    assert!(missing.is_empty(), "no row for {missing:?}");
}

#[test]
fn what_is_said_to_be_here_is_here() {
    let api = document("socket-api.txt");
    let words: std::collections::HashSet<&str> =
        api.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let rows = rows(&document("socket-parity.md"));
    let absent: Vec<&String> = rows
        .iter()
        .flat_map(|row| &row.1)
        .filter(|name| !name.split("::").all(|part| words.contains(part)))
        .collect();
    assert!(absent.is_empty(), "not in the public API: {absent:?}");
    // "opt has the name as it is here": it does.
    let typed = rows.iter().filter(|row| row.1 == ["opt::raw"]).count();
    assert_eq!(typed, 3);
    for option in ["SO_KEEPALIVE", "TCP_INFO", "IP_TOS", "IPV6_V6ONLY"] {
        assert!(words.contains(option), "{option}");
    }
}
