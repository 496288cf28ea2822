//! The page's decisions, apart from all input and output: what a dropped file may be called.

pub mod name;
