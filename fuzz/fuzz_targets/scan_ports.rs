#![no_main]
//! `scan_ports` of bodies/scan.rs.

#[path = "../bodies/scan.rs"]
#[allow(dead_code)]
mod scan;

libfuzzer_sys::fuzz_target!(|input: &[u8]| scan::scan_ports(input));
