//! Events of the other parts as lines of the room. Rule: a name that a peer chose passes through
//! `Printable` before it becomes part of a line.

use sockeye_edge::Printable;
use sockeye_transfer::{Event, Received};

/// Tells what the inbox's event is worth saying in the room.
pub(crate) fn line_of_receive(event: &Event) -> Option<String> {
    match event {
        Event::Received(received) => Some(line_of(received)),
        _ => None,
    }
}

fn line_of(received: &Received) -> String {
    let name = received.name.as_deref().unwrap_or("a file");
    let from = received.peer.canonical_ip();
    let from = from.map_or_else(|| received.peer.to_string(), |ip| ip.to_string());
    format!("received {} ({}) from {from}", Printable::new(name), size(received.bytes))
}

/// Writes a number of bytes for people: `512 B`, `1.5 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    let mut tenths = u128::from(bytes) * 10 / 1024;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_for_people() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_572_864, "1.5 MiB"),
            (1 << 40, "1.0 TiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
