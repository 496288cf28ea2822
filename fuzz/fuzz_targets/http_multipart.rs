#![no_main]
//! `http_multipart` of bodies/http_writes.rs.

#[path = "../bodies/http_writes.rs"]
#[allow(dead_code)]
mod http_writes;

libfuzzer_sys::fuzz_target!(|input: &[u8]| http_writes::http_multipart(input));
