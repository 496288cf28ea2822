//! Fuzz corpora replayed on the bodies of their targets.

#[path = "../../../../fuzz/bodies/frames.rs"]
mod bodies;
#[path = "../../../../fuzz/bodies/happy.rs"]
pub(crate) mod happy;

use sockeye_testkit::replay;

#[test]
fn corpora_replay() {
    replay("frames", bodies::frames);
    replay("happy", happy::happy);
}
