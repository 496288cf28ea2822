#![no_main]
//! `plain_md5` of bodies/transfer.rs.

#[path = "../bodies/transfer.rs"]
#[allow(dead_code)]
mod transfer;

libfuzzer_sys::fuzz_target!(|input: &[u8]| transfer::plain_md5(input));
