//! A static-file HTTP server engine.

pub mod proto;

#[cfg(test)]
mod feed;
