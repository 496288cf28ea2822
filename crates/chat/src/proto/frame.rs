//! Lines for clients, made once for each kind of client and shared by all of that kind.

use std::sync::Arc;

use super::websocket::CloseCode;
use super::{
    Charset, Nick, NickError, Opening, Pos, Rate, RoomName, Style, Text, Voice, Why, plain, web,
};

/// What a client understands. Clients of one kind share their frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Lines of UTF-8.
    Plain,
    /// Lines in the operator's charset.
    PlainCharset,
    /// Bytes of the classic room, and nothing else.
    Classic,
    /// A page: WebSocket frames with JSON.
    Web,
}

/// The place and the time of what is told, where it has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The place in the log.
    pub seq: u64,
    /// Milliseconds since 1970 (UTC).
    pub unix_ms: u64,
}

impl Stamp {
    /// The stamp of an entry.
    pub fn new(pos: Pos, unix_ms: u64) -> Stamp {
        Stamp { seq: pos.seq, unix_ms }
    }
}

impl Kind {
    /// The kind of a plain client, by what it has shown to speak.
    pub fn of(voice: Voice) -> Kind {
        match voice {
            Voice::Utf8 => Kind::Plain,
            Voice::Charset => Kind::PlainCharset,
        }
    }
}

/// One thing to tell, before it is put in the words of a kind of client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Somebody said something.
    Said {
        /// Who.
        nick: Nick,
        /// What.
        text: Text,
        /// How.
        style: Style,
    },
    /// Somebody came.
    Joined(Nick),
    /// Somebody left.
    Left(Nick, Why),
    /// Somebody has another name.
    Renamed {
        /// The old name.
        from: Nick,
        /// The new name.
        to: Nick,
    },
    /// The server says something to all.
    Notice(Text),
    /// Bytes of the classic room.
    Raw(Arc<[u8]>),
    /// The server answers one client.
    Reply(Reply),
}

/// What the server answers to one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Is in the room now.
    Welcome {
        /// The client's name.
        nick: Nick,
        /// The room.
        room: RoomName,
        /// How many others are there.
        others: usize,
    },
    /// Is in the room now, for a page: what was said before follows.
    Here {
        /// The client's name.
        nick: Nick,
        /// The room.
        room: RoomName,
        /// The first of the names, sorted.
        members: Vec<Nick>,
        /// How many there are in all.
        count: usize,
        /// How many lines follow that were said before.
        earlier: usize,
    },
    /// What follows was said before.
    Earlier(RoomName),
    /// The answer to a WebSocket's ping.
    Pong(Vec<u8>),
    /// A WebSocket is closed, and why.
    Close(Option<CloseCode>, &'static str),
    /// Has another name now.
    YouAre(Nick),
    /// Cannot have the name.
    NickRefused(NickError),
    /// Somebody else has the name.
    NickTaken(Nick),
    /// Who is here.
    Who {
        /// The room.
        room: RoomName,
        /// The first of the names, sorted.
        names: Vec<Nick>,
        /// How many there are in all.
        count: usize,
    },
    /// The rooms, each with its number of members.
    Rooms(Vec<(RoomName, usize)>),
    /// There is no such room.
    NoRoom(Text),
    /// There is no such command.
    Unknown(Text),
    /// The command is written so.
    Incomplete(&'static str),
    /// The commands.
    Help,
    /// The line was longer than so many bytes, and was not said.
    TooLong(usize),
    /// The lines wait, since there are more than this.
    Throttled(Rate),
    /// So many lines were left out, since the client reads too slowly.
    Skipped(u64),
    /// Is closed, since so many bytes are waiting to be read.
    TooSlow(usize),
    /// The line was not said, since it could not be kept.
    NotKept,
    /// Speaks what is not served here.
    Refused(Opening),
    /// Goodbye.
    Bye,
    /// The server stops.
    Stopping,
}

/// A line with its frames, each made when the first client of its kind needs it.
#[derive(Debug)]
pub struct Frames {
    line: Line,
    charset: Charset,
    plain: Option<Arc<[u8]>>,
    in_charset: Option<Arc<[u8]>>,
    stamp: Option<Stamp>,
    web: Option<Arc<[u8]>>,
}

impl Frames {
    /// Holds a line; makes nothing yet.
    pub fn new(line: Line, charset: Charset) -> Frames {
        Frames { line, charset, plain: None, in_charset: None, stamp: None, web: None }
    }

    /// Says where and when it happened.
    #[must_use]
    pub fn stamped(mut self, stamp: Option<Stamp>) -> Frames {
        self.stamp = stamp;
        self
    }

    /// Whether whoever did it hears of it too: pages show what the room has, not what was typed.
    pub fn is_echoed(&self, kind: Kind) -> bool {
        kind == Kind::Web && matches!(self.line, Line::Said { .. } | Line::Renamed { .. })
    }

    /// The frame for a kind of client; `None` where such clients do not hear of it.
    pub fn frame(&mut self, kind: Kind) -> Option<Arc<[u8]>> {
        match kind {
            Kind::Classic => match &self.line {
                Line::Raw(bytes) => Some(Arc::clone(bytes)),
                _ => None,
            },
            Kind::Web => {
                if self.web.is_none() {
                    self.web = web::render(&self.line, self.stamp).map(Into::into);
                }
                self.web.clone()
            }
            Kind::Plain => {
                if self.plain.is_none() {
                    self.plain = plain::render(&self.line).map(|text| text.into_bytes().into());
                }
                self.plain.clone()
            }
            Kind::PlainCharset => {
                if self.in_charset.is_none() {
                    let text = plain::render(&self.line);
                    self.in_charset = text.map(|text| self.charset.encode(&text).into());
                }
                self.in_charset.clone()
            }
        }
    }
}
