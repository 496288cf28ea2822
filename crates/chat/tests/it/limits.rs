//! docs/limits.md says what the defaults are.

use std::collections::BTreeMap;
use std::time::Duration;

use sockeye_chat::{Config, Storage};

fn documented(of: &str) -> BTreeMap<String, String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/limits.md");
    let text = std::fs::read_to_string(path).unwrap();
    let row = |line: &str| {
        let mut cells = line.split('|').skip(1).map(str::trim);
        let name =
            cells.next()?.strip_prefix(&format!("`chat::{of}::"))?.strip_suffix('`')?.to_owned();
        Some((name, cells.next()?.to_owned()))
    };
    text.lines().filter_map(row).collect()
}

/// A field that is new has to be written here, and be documented if it is a limit.
fn all_fields(config: &Config) {
    let Config {
        listen: _,
        name: _,
        network: _,
        motd: _,
        password: _,
        operators: _,
        registers_early: _,
        wants_email: _,
        always_on: _,
        irc_limits: _,
        passwords_max: _,
        history_entries: _,
        irc: _,
        ircs: _,
        metrics: _,
        tls: _,
        proxy_from: _,
        web: _,
        origins: _,
        names: _,
        room: _,
        classic: _,
        admit: _,
        slow: _,
        charset: _,
        history: _,
        max_clients: _,
        max_per_ip: _,
        connect_rate: _,
        entering_max: _,
        entering: _,
        head_bytes_max: _,
        sendq_bytes_max: _,
        queues_bytes_max: _,
        line_bytes_max: _,
        flood: _,
        history_lines: _,
        web_history_lines: _,
        silence: _,
        goodbye: _,
        keepalive: _,
        announcements_max: _,
    } = config;
}

#[test]
fn the_documented_defaults_are_the_defaults() {
    let seconds = |time: Duration| time.as_secs_f64().to_string();
    let config = Config::default();
    all_fields(&config);
    let none = || "none".to_owned();
    let expected = [
        ("max_clients", config.max_clients.to_string()),
        ("max_per_ip", config.max_per_ip.map_or_else(none, |most| most.to_string())),
        ("connect_rate", config.connect_rate.map_or_else(none, |rate| rate.to_string())),
        ("entering_max", config.entering_max.to_string()),
        ("entering", seconds(config.entering)),
        ("head_bytes_max", config.head_bytes_max.to_string()),
        ("sendq_bytes_max", config.sendq_bytes_max.to_string()),
        ("queues_bytes_max", config.queues_bytes_max.to_string()),
        ("line_bytes_max", config.line_bytes_max.to_string()),
        ("flood", config.flood.map_or_else(none, |rate| rate.to_string())),
        ("history_lines", config.history_lines.to_string()),
        ("web_history_lines", config.web_history_lines.to_string()),
        ("silence", seconds(config.silence)),
        ("goodbye", seconds(config.goodbye)),
        ("keepalive", seconds(config.keepalive)),
        ("announcements_max", config.announcements_max.to_string()),
        ("passwords_max", config.passwords_max.to_string()),
        ("history_entries", config.history_entries.to_string()),
        ("irc_limits.nick_chars_max", config.irc_limits.nick_chars_max.to_string()),
        ("irc_limits.channel_chars_max", config.irc_limits.channel_chars_max.to_string()),
        ("irc_limits.topic_bytes_max", config.irc_limits.topic_bytes_max.to_string()),
        ("irc_limits.kick_bytes_max", config.irc_limits.kick_bytes_max.to_string()),
        ("irc_limits.away_bytes_max", config.irc_limits.away_bytes_max.to_string()),
        ("irc_limits.channels_max", config.irc_limits.channels_max.to_string()),
        ("irc_limits.monitor_max", config.irc_limits.monitor_max.to_string()),
        ("irc_limits.masks_max", config.irc_limits.masks_max.to_string()),
        ("irc_limits.modes_max", config.irc_limits.modes_max.to_string()),
        ("irc_limits.targets_max", config.irc_limits.targets_max.to_string()),
        ("irc_limits.multiline_bytes_max", config.irc_limits.multiline_bytes_max.to_string()),
        ("irc_limits.multiline_lines_max", config.irc_limits.multiline_lines_max.to_string()),
        ("irc_limits.history_max", config.irc_limits.history_max.to_string()),
        ("irc_limits.key_bytes_max", config.irc_limits.key_bytes_max.to_string()),
        ("irc_limits.line_bytes_max", config.irc_limits.line_bytes_max.to_string()),
        ("irc_limits.tags_bytes_max", config.irc_limits.tags_bytes_max.to_string()),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(documented("Config"), BTreeMap::from(expected));
}

#[test]
fn the_documented_limits_of_a_history_are_its_defaults() {
    let seconds = |time: Duration| time.as_secs_f64().to_string();
    let Storage {
        dir: _,
        durability: _,
        retention,
        queue_max,
        batch_max,
        batch_time,
        questions_max,
        answer_lines_max,
        answer_time,
        or_memory: _,
    } = Storage::new("anywhere");
    let expected = [
        ("retention", retention.map_or_else(|| "none".to_owned(), seconds)),
        ("queue_max", queue_max.to_string()),
        ("batch_max", batch_max.to_string()),
        ("batch_time", seconds(batch_time)),
        ("questions_max", questions_max.to_string()),
        ("answer_lines_max", answer_lines_max.to_string()),
        ("answer_time", seconds(answer_time)),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(documented("Storage"), BTreeMap::from(expected));
}
