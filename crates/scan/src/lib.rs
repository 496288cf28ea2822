//! A port scanner that knows how sure it is.
