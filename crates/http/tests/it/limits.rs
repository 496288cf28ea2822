//! docs/limits.md says what the defaults are.

use std::time::Duration;

use sockeye_http::proto::{archive, body, head, multipart, range, writing};
use sockeye_http::{Limits, http2};
use sockeye_testkit::documented_limits;

#[test]
fn the_documented_defaults_are_the_defaults() {
    let expected = of_every_connection().into_iter().chain(constants()).chain(of_http2());
    let expected: Vec<_> = expected.map(|(name, value)| (name.to_owned(), value)).collect();
    let documented = documented_limits(include_str!("../../../../docs/limits.md"), "http");
    assert_eq!(documented, expected);
}

fn of_every_connection() -> Vec<(&'static str, String)> {
    let Limits {
        connections_max,
        connections_per_address_max,
        head_bytes_max,
        target_bytes_max,
        drain_bytes_max,
        streams_max,
        streams_per_address_max,
        archive_entries_max,
        packed_file_bytes_max,
        packs_max,
        packed_bytes_max,
        listing_entries_max,
        listing_picture_bytes_max,
        header_timeout,
        idle_timeout,
        write_timeout,
        progress_bytes_min,
        drain_timeout,
        log_bytes_max,
        uploads_max,
        uploads_per_address_max,
        upload_free_bytes_min,
        part_age_max,
        sweep_entries_max,
        delete_entries_max,
        cache_entries_max,
        cache_bytes_max,
        cache_files_max,
        cache_watches_max,
        checks_max,
        checks_waiting_max,
        wrong_passwords_max,
    } = Limits::default();
    let seconds = |time: Duration| time.as_secs_f64().to_string();
    let per_address = connections_per_address_max.map_or("none".to_owned(), |n| n.to_string());
    vec![
        ("http::Limits::connections_max", connections_max.to_string()),
        ("http::Limits::connections_per_address_max", per_address),
        ("http::Limits::head_bytes_max", head_bytes_max.to_string()),
        ("http::Limits::target_bytes_max", target_bytes_max.to_string()),
        ("http::Limits::drain_bytes_max", drain_bytes_max.to_string()),
        ("http::Limits::streams_max", streams_max.to_string()),
        ("http::Limits::streams_per_address_max", streams_per_address_max.to_string()),
        ("http::Limits::archive_entries_max", archive_entries_max.to_string()),
        ("http::Limits::packed_file_bytes_max", packed_file_bytes_max.to_string()),
        ("http::Limits::packs_max", packs_max.to_string()),
        ("http::Limits::packed_bytes_max", packed_bytes_max.to_string()),
        ("http::Limits::listing_entries_max", listing_entries_max.to_string()),
        ("http::Limits::listing_picture_bytes_max", listing_picture_bytes_max.to_string()),
        ("http::Limits::header_timeout", seconds(header_timeout)),
        ("http::Limits::idle_timeout", seconds(idle_timeout)),
        ("http::Limits::write_timeout", seconds(write_timeout)),
        ("http::Limits::progress_bytes_min", progress_bytes_min.to_string()),
        ("http::Limits::drain_timeout", seconds(drain_timeout)),
        ("http::Limits::log_bytes_max", log_bytes_max.to_string()),
        ("http::Limits::uploads_max", uploads_max.to_string()),
        ("http::Limits::uploads_per_address_max", uploads_per_address_max.to_string()),
        ("http::Limits::upload_free_bytes_min", upload_free_bytes_min.to_string()),
        ("http::Limits::part_age_max", seconds(part_age_max)),
        ("http::Limits::sweep_entries_max", sweep_entries_max.to_string()),
        ("http::Limits::delete_entries_max", delete_entries_max.to_string()),
        ("http::Limits::cache_entries_max", cache_entries_max.to_string()),
        ("http::Limits::cache_bytes_max", cache_bytes_max.to_string()),
        ("http::Limits::cache_files_max", cache_files_max.to_string()),
        ("http::Limits::cache_watches_max", cache_watches_max.to_string()),
        ("http::Limits::checks_max", checks_max.to_string()),
        ("http::Limits::checks_waiting_max", checks_waiting_max.to_string()),
        ("http::Limits::wrong_passwords_max", wrong_passwords_max.to_string()),
    ]
}

fn constants() -> Vec<(&'static str, String)> {
    let form = multipart::Limits::default();
    vec![
        ("archive::DEPTH_MAX", archive::DEPTH_MAX.to_string()),
        ("head::FIELDS_MAX", head::FIELDS_MAX.to_string()),
        ("head::METHOD_BYTES_MAX", head::METHOD_BYTES_MAX.to_string()),
        ("range::RANGES_MAX", range::RANGES_MAX.to_string()),
        ("body::CHUNK_LINE_BYTES_MAX", body::CHUNK_LINE_BYTES_MAX.to_string()),
        ("body::TRAILER_BYTES_MAX", body::TRAILER_BYTES_MAX.to_string()),
        ("multipart::Limits::head_bytes_max", form.head_bytes_max.to_string()),
        ("multipart::Limits::parts_max", form.parts_max.to_string()),
        ("writing::KEY_BYTES_MAX", writing::KEY_BYTES_MAX.to_string()),
    ]
}

fn of_http2() -> [(&'static str, String); 7] {
    [
        ("http2::STREAMS_MAX", http2::STREAMS_MAX.to_string()),
        ("http2::RESETS_WAITING_MAX", http2::RESETS_WAITING_MAX.to_string()),
        ("http2::MISTAKES_MAX", http2::MISTAKES_MAX.to_string()),
        ("http2::STREAM_WINDOW_BYTES", http2::STREAM_WINDOW_BYTES.to_string()),
        ("http2::CONNECTION_WINDOW_BYTES", http2::CONNECTION_WINDOW_BYTES.to_string()),
        ("http2::SEND_BUFFER_BYTES", http2::SEND_BUFFER_BYTES.to_string()),
        ("http2::GATHERED_BYTES", http2::GATHERED_BYTES.to_string()),
    ]
}
