//! Fuzz corpora replayed, and properties of the same bodies.

#[path = "../../../../fuzz/bodies/http.rs"]
mod bodies;

use proptest::prelude::*;
use sockeye_testkit::replay;

#[test]
fn corpora_replay() {
    replay("http_head", bodies::head);
    replay("http_target", bodies::target);
    replay("http_range", bodies::range);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_and_near_misses(
        bytes: Vec<u8>,
        size: u64,
        line in "(GET|POST)? ?/[ab%2./?#]{0,9}( HTTP/1.[01])?\r?\n",
        fields in "(Host: a\r\n)?(X:[ -~]{0,9}\r?\n)?\r\n",
        list in "bytes=[0-9, -]{0,30}",
    ) {
        let near = line + &fields;
        bodies::head(&bytes);
        bodies::head(near.as_bytes());
        bodies::target(&bytes);
        bodies::target(near.as_bytes());
        bodies::range(&bytes);
        bodies::range(&[&size.to_le_bytes()[..], list.as_bytes()].concat());
    }
}
