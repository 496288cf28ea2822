//! docs/limits.md says what the configuration's defaults are.

use std::time::Duration;

use sockeye_testkit::documented_limits;
use sockeye_transfer::{ReceiveConfig, SendConfig};

#[test]
fn every_limit_is_documented_as_it_is() {
    let (receive, send) = (ReceiveConfig::default(), SendConfig::default());
    let seconds = |time: Duration| time.as_secs().to_string();
    let none_or = |limit: Option<u64>| limit.map_or("none".into(), |limit| limit.to_string());
    let limits = [
        ("ReceiveConfig::connections_max", receive.connections_max.to_string()),
        ("ReceiveConfig::header_timeout", seconds(receive.header_timeout)),
        ("ReceiveConfig::idle_timeout", seconds(receive.idle_timeout)),
        ("ReceiveConfig::size_bytes_max", none_or(receive.size_bytes_max)),
        ("ReceiveConfig::buffers", receive.buffers.to_string()),
        ("SendConfig::connect_timeout", seconds(send.connect_timeout)),
        ("SendConfig::idle_timeout", seconds(send.idle_timeout)),
        ("SendConfig::buffers", send.buffers.to_string()),
    ];
    let actual = limits.map(|(name, limit)| (format!("transfer::{name}"), limit));
    let markdown = include_str!("../../../../docs/limits.md");
    assert_eq!(documented_limits(markdown, "transfer"), actual);
}
