#![no_main]
//! `control` of bodies/control.rs.

#[path = "../bodies/control.rs"]
mod control;

libfuzzer_sys::fuzz_target!(|input: &[u8]| control::control(input));
