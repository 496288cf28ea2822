//! The committed corpora of the fuzz targets, replayed.

#[path = "../../../../fuzz/bodies/transfer.rs"]
mod bodies;

#[test]
fn plain_md5() {
    sockeye_testkit::replay("plain_md5", bodies::plain_md5);
}
