//! The page's decisions, apart from all input and output: who may ask, what a form says, what a
//! dropped file may be called.

pub mod form;
pub mod guard;
pub mod multipart;
pub mod name;
