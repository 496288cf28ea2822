//! IRC: commands judged on what the hub holds, and its events in IRC's words.
//!
//! Rules:
//! 1. A command is a row of `table`: name, least parameters, who may use it, handler. What it
//!    means is one function in the file of its subject.
//! 2. A handler reads the hub and never changes it: what others shall see becomes an event. What
//!    concerns this connection alone (capabilities, names that it watches) changes at once, in
//!    `Conn`.
//! 3. What is declared (capabilities, ISUPPORT) works; what does not work is not declared.

mod answer;
mod away;
mod cap;
mod caps;
mod channel;
mod chanserv;
mod conn;
mod ctx;
mod greet;
mod help;
mod history;
mod info;
mod invite;
mod isupport;
mod kick;
mod limits;
mod list;
mod lookup;
pub mod message;
mod modes;
mod monitor;
mod multiline;
mod names;
mod nickserv;
mod numerics;
mod oper;
mod own_modes;
mod read;
mod redact;
mod register;
pub(crate) mod render;
mod sasl;
mod scram;
mod settings;
mod table;
mod talk;
mod time;
mod topic;
mod who;
mod whois;
mod whowas;
mod work;

pub(crate) use self::answer::labelled;
pub use self::caps::Caps;
pub(crate) use self::conn::{Conn, Watch, counts};
pub(crate) use self::ctx::Ctx;
pub(crate) use self::greet::{greet, greet_again, show_room};
pub(crate) use self::history::found;
pub use self::limits::Limits;
pub use self::lookup::{Found, Lookup};
pub use self::scram::derive;
pub use self::settings::{Operator, Settings};
pub(crate) use self::table::run;
pub use self::work::{Outcome, Task};
pub(crate) use self::work::{Work, worked};

/// What a client of IRC has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A line, without its end.
    Line(String),
    /// A line that was too long; it is gone.
    TooLong,
    /// A line that is not UTF-8; it is gone.
    NotUtf8,
}
