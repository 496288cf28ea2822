//! HTTP's decisions, apart from the outside world: bytes, facts and time come in as arguments,
//! requests, plans and the next deadline go out. Nothing here opens, sends or looks at a clock.

pub mod answer;
pub mod archive;
pub mod base;
pub mod body;
pub mod coding;
pub mod connection;
pub mod content_range;
pub mod cors;
pub mod credentials;
pub mod date;
pub mod form;
pub mod guard;
pub mod head;
pub mod multipart;
pub mod plan;
pub mod precondition;
pub mod range;
pub mod redirect;
pub mod status;
pub mod target;
pub mod writing;
pub mod zip;
