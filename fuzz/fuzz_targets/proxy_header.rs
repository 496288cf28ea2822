#![no_main]
//! `proxy_header` of bodies/edge.rs.

#[path = "../bodies/edge.rs"]
#[allow(dead_code)]
mod edge;

libfuzzer_sys::fuzz_target!(|input: &[u8]| edge::proxy_header(input));
