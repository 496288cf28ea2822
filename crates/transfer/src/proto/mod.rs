//! Decisions apart from I/O: what the bytes of a transfer mean. Nothing here opens, reads the clock
//! or waits.

pub mod plain_md5;
