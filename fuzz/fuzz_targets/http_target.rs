#![no_main]
//! `http_target` of bodies/http.rs.

#[path = "../bodies/http.rs"]
#[allow(dead_code)]
mod http;

libfuzzer_sys::fuzz_target!(|input: &[u8]| http::http_target(input));
