//! What the hub is made of: one configuration an engine, each of which may be left out.

use std::collections::BTreeMap;
use std::fmt;

use sockeye_socket::Socket;

/// The parts that are to run.
#[derive(Default)]
pub struct Config {
    /// The files.
    pub files: Option<sockeye_http::Config>,
    /// The room.
    pub chat: Option<sockeye_chat::Config>,
    /// The inbox.
    pub receive: Option<sockeye_transfer::ReceiveConfig>,
    /// Listening sockets that a service manager has opened, by part; a part that has some opens no
    /// port of its own.
    pub inherited: BTreeMap<Part, Vec<Socket>>,
    /// The page beside the files, and who may ask for it; `None`: files alone.
    pub page: Option<crate::page::Config>,
    /// How many ports are tried above one that is in use, `0..`.
    pub ports_tried_max: u16,
}

impl Config {
    /// The default of [`Config::ports_tried_max`].
    pub const PORTS_TRIED_MAX: u16 = 20;
}

/// A part of the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Files over HTTP.
    Files,
    /// The room.
    Chat,
    /// The inbox.
    Receive,
}

impl Part {
    /// Every part.
    pub const ALL: [Part; 3] = [Part::Files, Part::Chat, Part::Receive];

    /// The word for it in a ready line.
    #[must_use]
    pub fn service(self) -> &'static str {
        match self {
            Part::Files => "http",
            Part::Chat => "chat",
            Part::Receive => "receive",
        }
    }
}

impl fmt::Display for Part {
    /// The word for it in `--only`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Files => "files",
            Part::Chat => "chat",
            Part::Receive => "receive",
        })
    }
}
