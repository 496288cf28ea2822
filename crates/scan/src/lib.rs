//! A port scanner that knows how sure it is.
//!
//! `proto` decides what to send, when, and what an answer means; the backends carry it out.

pub mod proto;
pub mod services;
