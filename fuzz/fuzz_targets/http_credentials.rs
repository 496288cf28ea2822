#![no_main]
//! `http_credentials` of bodies/http_access.rs.

#[path = "../bodies/http_access.rs"]
#[allow(dead_code)]
mod http_access;

libfuzzer_sys::fuzz_target!(|input: &[u8]| http_access::http_credentials(input));
