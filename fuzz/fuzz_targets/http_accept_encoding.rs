#![no_main]
//! `http_accept_encoding` of bodies/http_answer.rs.

#[path = "../bodies/http_answer.rs"]
#[allow(dead_code)]
mod http_answer;

libfuzzer_sys::fuzz_target!(|input: &[u8]| http_answer::http_accept_encoding(input));
