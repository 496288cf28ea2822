//! Python's socket module, for Rust.
