//! The room's decisions, apart from all input and output.
//!
//! Rules: no sockets, files, threads, clock or environment here. Time and random seeds are
//! arguments; nothing iterates a hash map, so a seeded simulation repeats. [`Switchboard`] is what
//! a driver holds: it gives it bytes and time, and takes bytes, deadlines and log entries from it.
//!
//! How a line travels: [`Session`] cuts and classifies it, [`Hub::decide`] turns it into an
//! [`Append`] or a [`Reply`], the log gives it a [`Pos`], [`Hub::apply`] changes the room and says
//! who hears what, and the post puts one shared frame for each [`Kind`] of client into the
//! outboxes.

mod approach;
mod arrival;
mod assets;
mod charset;
mod command;
mod credentials;
mod earlier;
mod event;
mod frame;
mod hub;
mod identity;
pub mod irc;
mod log;
mod monitor;
mod name;
mod order;
mod outbox;
mod page;
mod plain;
mod post;
mod question;
mod recent;
mod roster;
mod session;
mod sniff;
mod switchboard;
mod text;
mod web;
pub mod websocket;

pub use sockeye_edge::bucket::{Bucket, Rate, RateError};

pub use self::approach::{Approach, ApproachConfig, Beginning, Fault, Step};
pub use self::arrival::{Arrival, Entrance};
pub use self::assets::{Asset, PAGE_POLICY, asset};
pub use self::charset::{Charset, Voice};
pub use self::command::Command;
pub use self::credentials::{Credentials, ScramKeys};
pub use self::earlier::Said;
pub use self::event::{
    Append, Class, Entry, Event, ModeChange, MsgId, Now, Pos, Stream, Style, Target, Why,
};
pub use self::frame::{Carrier, Frames, Kind, Line, Reply, Stamp, Words};
pub use self::hub::{Barred, Decision, Hub, Output, Present};
pub(crate) use self::hub::{
    FLAGS, HALF_OPERATORS, OPERATORS, Person, RANKS, Room, rank_bit, signs,
};
pub use self::identity::Identity;
pub use self::log::{Log, MemoryLog};
pub use self::monitor::{Inquiry, Topic};
pub use self::name::{Nick, NickError, RoomName, RoomNameError, fold};
pub(crate) use self::order::Order;
pub use self::outbox::{Outbox, Pushed};
pub use self::page::{Asked, Pages, SubProtocol, Verdict, judge};
pub use self::post::{Limits, Slow};
pub use self::question::{Answer, Page, Point, Question, Unanswered};
pub(crate) use self::recent::Recent;
pub use self::roster::{ClientId, Roster};
pub use self::session::{Dialect, Request, Session, SessionConfig};
pub use self::sniff::{Opening, sniff};
pub use self::switchboard::{News, Replay, Settings, Switchboard};
pub use self::text::{Text, clean};
