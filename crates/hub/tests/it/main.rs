//! The hub on loopback: its parts together.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod page;
mod parts;
