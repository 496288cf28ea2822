#![no_main]
//! `segment` of bodies/socket.rs.

#[path = "../bodies/socket.rs"]
#[allow(dead_code)]
mod socket;

libfuzzer_sys::fuzz_target!(|input: &[u8]| socket::segment(input));
