//! The binary: flags to Config, all printing, exit codes.

fn main() {}
