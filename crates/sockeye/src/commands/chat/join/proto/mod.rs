//! The terminal client's decisions, apart from all input and output: bytes of the server, keys and
//! time in; bytes, rooms and rows of the screen out.
//!
//! Rules:
//! 1. [`State`] is all there is to know; [`State::screen`] says what is shown of it.
//! 2. Whatever comes from the server is kept within the limits of [`limits`], and reaches the
//!    screen through [`text::shown`] or [`format::spans`] alone, which let nothing act there.
//! 3. A server's order is kept: one's own line is shown where the server puts it, and until then as
//!    waiting.

mod complete;
mod editor;
mod fold;
mod format;
mod hear;
mod key;
mod keys;
pub(crate) mod limits;
mod line_buffer;
mod link;
mod login;
mod message;
mod page;
mod plain;
mod room;
mod rooms;
mod say;
mod scram;
mod screen;
mod search;
mod state;
mod support;
mod text;
mod when;

pub(crate) use self::format::{Ink, Span};
pub(crate) use self::key::Key;
pub(crate) use self::screen::Screen;
pub(crate) use self::state::{Action, Settings, Speak, State};
pub(crate) use self::when::{Now, Zone};

#[cfg(test)]
pub(crate) mod tests;
