#![no_main]
//! `http_chunked` of bodies/http.rs.

#[path = "../bodies/http.rs"]
#[allow(dead_code)]
mod http;

libfuzzer_sys::fuzz_target!(|input: &[u8]| http::http_chunked(input));
