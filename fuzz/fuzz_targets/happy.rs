#![no_main]
//! `happy` of bodies/happy.rs.

#[path = "../bodies/happy.rs"]
#[allow(dead_code)]
mod happy;

libfuzzer_sys::fuzz_target!(|input: &[u8]| happy::happy(input));
