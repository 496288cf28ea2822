#![no_main]
//! `frames` of bodies/frames.rs.

#[path = "../bodies/frames.rs"]
#[allow(dead_code)]
mod frames;

libfuzzer_sys::fuzz_target!(|input: &[u8]| frames::frames(input));
