//! nmap's spellings, rewritten before clap sees them. Only `sockeye scan` has any.

use std::ffi::OsString;

/// Rewrites the spellings of nmap in a `scan` command line; leaves every other one as it is.
pub(crate) fn rewrite(argv: Vec<OsString>) -> Vec<OsString> {
    argv
}
