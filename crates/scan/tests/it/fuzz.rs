//! Fuzz corpora replayed on the bodies of their targets.

#[path = "../../../../fuzz/bodies/scan.rs"]
mod bodies;

use sockeye_testkit::replay;

#[test]
fn corpora_replay() {
    replay("scan_ports", bodies::scan_ports);
    replay("scan_targets", bodies::scan_targets);
}
