//! Lines for clients, made once for each kind of client and shared by all of that kind.

use std::sync::Arc;

use super::irc::{Caps, render};
use super::websocket::{self, CloseCode};
use super::{
    Barred, Charset, Event, Identity, Nick, NickError, Opening, Pos, Rate, RoomName, Style, Target,
    Text, Voice, Why, plain, web,
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
    /// IRC, as far as the capabilities change what is written.
    Irc(Caps, Carrier),
}

/// What carries the lines of IRC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Carrier {
    /// Lines that end with CR LF.
    #[default]
    Lines,
    /// Text frames of a WebSocket, a line in each.
    Text,
    /// Binary frames of a WebSocket, a line in each.
    Binary,
}

/// The place and the time of what is told, where it has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The place in the log.
    pub pos: Pos,
    /// Milliseconds since 1970 (UTC).
    pub unix_ms: u64,
}

impl Stamp {
    /// The stamp of an entry.
    pub fn new(pos: Pos, unix_ms: u64) -> Stamp {
        Stamp { pos, unix_ms }
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

/// One thing to tell, before it is put in the words of a kind of client. `who` does it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the events")]
pub enum Line {
    /// Somebody said something.
    Said { who: Arc<Identity>, to: Target, text: Text, style: Style, tags: Arc<str> },
    /// Somebody said several lines at once.
    SaidLines {
        who: Arc<Identity>,
        to: Target,
        lines: Arc<[(bool, Text)]>,
        style: Style,
        tags: Arc<str>,
    },
    /// Somebody came.
    Joined { who: Arc<Identity>, room: RoomName, real: Text },
    /// Somebody left a room.
    Left { who: Arc<Identity>, room: RoomName, why: Why, text: Option<Text> },
    /// Somebody is nowhere any more.
    Gone { who: Arc<Identity>, why: Why, text: Option<Text> },
    /// Somebody has another name.
    Renamed { who: Arc<Identity>, to: Nick },
    /// A room is about something else.
    Topic { who: Arc<Identity>, room: RoomName, text: Text },
    /// Somebody was put out of a room.
    Kicked { who: Arc<Identity>, room: RoomName, nick: Nick, text: Text },
    /// Somebody was asked into a room.
    Invited { who: Arc<Identity>, room: RoomName, nick: Nick },
    /// A room's modes have changed; by nobody where the server did it.
    Modes { who: Option<Arc<Identity>>, room: RoomName, shown: Arc<str> },
    /// A client's own modes have changed.
    OwnModes { who: Arc<Identity>, shown: Arc<str> },
    /// Somebody is away, or back.
    Away { who: Arc<Identity>, text: Option<Text> },
    /// Somebody gave another real name.
    RealName { who: Arc<Identity>, text: Text },
    /// Somebody has logged in or out.
    Account { who: Arc<Identity> },
    /// An operator speaks to those who listen.
    Wallops { who: Arc<Identity>, text: Text },
    /// Somebody took back what was said.
    Redacted { who: Arc<Identity>, to: Target, at: Pos, text: Option<Text> },
    /// Who was watched for is here.
    Online { who: Arc<Identity> },
    /// Who was watched for is not here.
    Offline { nick: Nick },
    /// Up to when a conversation was read.
    MarkedRead { target: Arc<str>, unix_ms: Option<u64> },
    /// The server says something to all in a room.
    Notice { room: RoomName, text: Text },
    /// Bytes of the classic room.
    Raw(Arc<[u8]>),
    /// The server answers one client.
    Reply(Reply),
    /// A line of IRC as it is, without its end; lines are parted by CR LF.
    Irc(Arc<str>),
}

impl Line {
    /// The line of something that was said by who is here; `None` of every other event.
    pub(super) fn said(event: &Event) -> Option<Line> {
        match event {
            Event::Said { who, to, text, style, tags, .. } => Some(Line::Said {
                who: Arc::clone(who),
                to: to.clone(),
                text: text.clone(),
                style: *style,
                tags: Arc::clone(tags),
            }),
            Event::SaidLines { who, to, lines, style, tags, .. } => Some(Line::SaidLines {
                who: Arc::clone(who),
                to: to.clone(),
                lines: Arc::clone(lines),
                style: *style,
                tags: Arc::clone(tags),
            }),
            _ => None,
        }
    }

    /// The line of somebody who is not in the room and has to be heard there: by a page's form.
    pub(super) fn posted(nick: &Nick, text: &Text, room: &RoomName) -> Line {
        Line::Said {
            who: Arc::new(Identity::plain(nick.clone())),
            to: Target::Room(room.clone()),
            text: text.clone(),
            style: Style::Line,
            tags: "".into(),
        }
    }
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
    /// Cannot come in.
    Barred(RoomName, Barred),
    /// Cannot speak here.
    Silenced(RoomName),
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

/// What all lines of a server are written with.
#[derive(Debug, Clone)]
pub struct Words {
    /// What plain clients speak that do not speak UTF-8.
    pub charset: Charset,
    /// The server's name, as IRC shows it.
    pub server: Arc<str>,
}

/// A line with its frames, each made when the first client of its kind needs it.
#[derive(Debug)]
pub struct Frames {
    line: Line,
    words: Words,
    stamp: Option<Stamp>,
    made: Vec<(Kind, Option<Arc<[u8]>>)>,
}

impl Frames {
    /// Holds a line; makes nothing yet.
    pub fn new(line: Line, words: &Words) -> Frames {
        Frames { line, words: words.clone(), stamp: None, made: Vec::new() }
    }

    /// Says where and when it happened.
    #[must_use]
    pub fn stamped(mut self, stamp: Option<Stamp>) -> Frames {
        self.stamp = stamp;
        self
    }

    /// What is told.
    pub fn line(&self) -> &Line {
        &self.line
    }

    /// Whether whoever did it hears of it too: pages show what the room has, not what was typed.
    pub fn is_echoed(&self, kind: Kind) -> bool {
        kind == Kind::Web && matches!(self.line, Line::Said { .. } | Line::Renamed { .. })
    }

    /// The frame for a kind of client; `None` where such clients do not hear of it.
    pub fn frame(&mut self, kind: Kind) -> Option<Arc<[u8]>> {
        let kind = match kind {
            Kind::Irc(caps, carrier) => Kind::Irc(caps.and(render::matters(&self.line)), carrier),
            kind => kind,
        };
        if let Some((_, frame)) = self.made.iter().find(|(made, _)| *made == kind) {
            return frame.clone();
        }
        let frame = self.make(kind);
        self.made.push((kind, frame.clone()));
        frame
    }

    /// What belongs to the WebSocket itself, whatever it carries.
    fn is_of_websocket(&self) -> bool {
        matches!(self.line, Line::Reply(Reply::Pong(_) | Reply::Close(..)))
    }

    fn make(&self, kind: Kind) -> Option<Arc<[u8]>> {
        match kind {
            Kind::Classic => match &self.line {
                Line::Raw(bytes) => Some(Arc::clone(bytes)),
                _ => None,
            },
            Kind::Web => web::render(&self.line, self.stamp).map(Into::into),
            Kind::Plain => plain::render(&self.line).map(|text| text.into_bytes().into()),
            Kind::PlainCharset => {
                plain::render(&self.line).map(|text| self.words.charset.encode(&text).into())
            }
            Kind::Irc(_, Carrier::Text | Carrier::Binary) if self.is_of_websocket() => {
                web::render(&self.line, None).map(Into::into)
            }
            Kind::Irc(caps, carrier) => {
                let text = render::render(&self.line, caps, self.stamp, &self.words.server)?;
                Some(carried(text, carrier))
            }
        }
    }
}

/// Lines of IRC as their carrier takes them.
pub(super) fn carried(text: String, carrier: Carrier) -> Arc<[u8]> {
    match carrier {
        Carrier::Lines => text.into_bytes().into(),
        Carrier::Text => {
            text.split_terminator("\r\n").flat_map(websocket::text).collect::<Vec<u8>>().into()
        }
        Carrier::Binary => {
            let lines = text.split_terminator("\r\n");
            lines.flat_map(|line| websocket::binary(line.as_bytes())).collect::<Vec<u8>>().into()
        }
    }
}
