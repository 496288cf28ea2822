//! docs/limits.md says what the defaults are.

use sockeye_scan::{ADDRESSES_MAX, Config, PUBLIC_HOST_PPS_MAX, PUBLIC_PPS_MAX, PUBLIC_RUN_MAX};
use std::collections::BTreeMap;
use std::time::Duration;

fn documented() -> BTreeMap<String, String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/limits.md");
    let text = std::fs::read_to_string(path).unwrap();
    let row = |line: &str| {
        let mut cells = line.split('|').skip(1).map(str::trim);
        let name = cells.next()?.strip_prefix("`scan::")?.strip_suffix('`')?.to_owned();
        Some((name, cells.next()?.to_owned()))
    };
    text.lines().filter_map(row).collect()
}

#[test]
fn the_documented_defaults_are_the_defaults() {
    let seconds = |time: Duration| time.as_secs_f64().to_string();
    let config = Config::default();
    let expected = [
        ("Config::in_flight_max", config.in_flight_max.to_string()),
        ("Config::retries_max", config.retries_max.to_string()),
        ("Config::rtt.initial", seconds(config.rtt.initial)),
        ("Config::rtt.floor", seconds(config.rtt.floor)),
        ("Config::rtt.ceiling", seconds(config.rtt.ceiling)),
        ("PUBLIC_PPS_MAX", PUBLIC_PPS_MAX.to_string()),
        ("PUBLIC_HOST_PPS_MAX", PUBLIC_HOST_PPS_MAX.to_string()),
        ("ADDRESSES_MAX", ADDRESSES_MAX.to_string()),
        ("PUBLIC_RUN_MAX", PUBLIC_RUN_MAX.to_string()),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(documented(), BTreeMap::from(expected));
}
