//! What happens, in the words of IRC.
//!
//! Rule: a line is written once for all clients that have agreed on the same capabilities, as far
//! as they matter for it ([`matters`]).

use std::fmt::{Arguments, Write as _};

use super::super::frame::{Line, Reply, Stamp};
use super::super::{Identity, Style, Target, Text, Why};
use super::Caps;
use super::ctx::cut;
use super::message::escape;
use super::time::iso;

/// A line has so many bytes, without its end and its tags.
const LINE_BYTES: usize = 510;
/// An action has so many around its text.
const ACTION_BYTES: usize = "\x01ACTION \x01".len();
/// However long the names, a line says so much.
const PIECE_BYTES_MIN: usize = 64;

/// Which capabilities change how this line is written, or whether it is.
pub(crate) fn matters(line: &Line) -> Caps {
    let tagged = Caps::SERVER_TIME.with(Caps::MESSAGE_TAGS).with(Caps::ACCOUNT_TAG);
    match line {
        Line::Said { .. } => tagged,
        Line::Joined { .. } => tagged.with(Caps::EXTENDED_JOIN),
        Line::Reply(_) | Line::Irc(_) | Line::Online { .. } | Line::Offline { .. } => Caps::NONE,
        _ => Caps::WRITTEN,
    }
}

/// Puts a line in words, each with CR LF; `None` where such clients do not hear of it.
pub(crate) fn render(
    line: &Line,
    caps: Caps,
    stamp: Option<Stamp>,
    server: &str,
) -> Option<String> {
    let ink = Ink { caps, stamp, server, batch: None, unnamed: false };
    ink.write(line)
}

/// What a line is written with.
#[derive(Clone, Copy)]
pub(crate) struct Ink<'a> {
    pub(crate) caps: Caps,
    pub(crate) stamp: Option<Stamp>,
    pub(crate) server: &'a str,
    /// The batch that it is part of.
    pub(crate) batch: Option<&'a str>,
    /// It is one of several lines of which another has the id.
    pub(crate) unnamed: bool,
}

impl Ink<'_> {
    pub(crate) fn write(self, line: &Line) -> Option<String> {
        let mut out = String::with_capacity(160);
        match line {
            Line::Said { who, to, text, style, tags } => {
                if *style == Style::Tags && !self.caps.has(Caps::MESSAGE_TAGS) {
                    return None;
                }
                self.write_said(&mut out, (who, to, tags), (text.as_str(), *style));
            }
            Line::SaidLines { .. } => return self.write_lines(line),
            Line::Notice { room, text } => {
                self.tags(&mut out, None, "");
                put(&mut out, format_args!(":{} NOTICE {room} :{}", self.server, text.as_str()));
            }
            Line::Reply(reply) => self.write_reply(&mut out, reply)?,
            Line::Irc(text) => out.push_str(text),
            Line::Online { who } => {
                put(&mut out, format_args!(":{} 730 * :{who}", self.server));
            }
            Line::Offline { nick } => {
                put(&mut out, format_args!(":{} 731 * :{nick}", self.server));
            }
            Line::MarkedRead { target, unix_ms } => {
                if !self.caps.has(Caps::READ_MARKER) {
                    return None;
                }
                let mark = unix_ms.map_or("*".to_owned(), |at| format!("timestamp={}", iso(at)));
                put(&mut out, format_args!(":{} MARKREAD {target} {mark}", self.server));
            }
            Line::Raw(_) => return None,
            _ => self.write_change(&mut out, line)?,
        }
        out.push_str("\r\n");
        Some(out)
    }

    /// What was said; in several lines where one has no room for it.
    fn write_said(
        self,
        out: &mut String,
        (who, to, tags): (&Identity, &Target, &str),
        (mut text, style): (&str, Style),
    ) {
        let frame = if style == Style::Action { ACTION_BYTES } else { 0 };
        let mut ink = self;
        loop {
            ink.tags(out, Some(who), tags);
            let start = out.len();
            put(out, format_args!(":{who} {} ", verb(style)));
            target(out, to);
            let room = LINE_BYTES.saturating_sub(out.len() - start + " :".len() + frame);
            let piece = cut(text, room.max(PIECE_BYTES_MIN));
            body(out, piece, style);
            text = &text[piece.len()..];
            if text.is_empty() {
                return;
            }
            out.push_str("\r\n");
            ink.unnamed = true;
        }
    }

    /// What somebody does that is not speaking.
    fn write_change(self, out: &mut String, line: &Line) -> Option<()> {
        let who = match line {
            Line::Joined { who, .. }
            | Line::Left { who, .. }
            | Line::Gone { who, .. }
            | Line::Renamed { who, .. }
            | Line::Topic { who, .. }
            | Line::Kicked { who, .. }
            | Line::Invited { who, .. }
            | Line::OwnModes { who, .. }
            | Line::Away { who, .. }
            | Line::RealName { who, .. }
            | Line::Account { who }
            | Line::Wallops { who, .. }
            | Line::Redacted { who, .. } => Some(&**who),
            Line::Modes { who, .. } => who.as_deref(),
            _ => return None,
        };
        let needed = match line {
            Line::Away { .. } => Caps::AWAY_NOTIFY,
            Line::Account { .. } => Caps::ACCOUNT_NOTIFY,
            Line::RealName { .. } => Caps::SETNAME,
            Line::Redacted { .. } => Caps::MESSAGE_REDACTION,
            _ => Caps::NONE,
        };
        if !self.caps.has(needed) {
            return None;
        }
        self.tags(out, who, "");
        match who {
            Some(who) => put(out, format_args!(":{who} ")),
            None => put(out, format_args!(":{} ", self.server)),
        }
        self.write_deed(out, line);
        Some(())
    }

    fn write_deed(self, out: &mut String, line: &Line) {
        match line {
            Line::Joined { who, room, real } => {
                put(out, format_args!("JOIN {room}"));
                if self.caps.has(Caps::EXTENDED_JOIN) {
                    let account = who.account.as_deref().unwrap_or("*");
                    put(out, format_args!(" {account} :{}", real.as_str()));
                }
            }
            Line::Left { room, text, .. } => {
                put(out, format_args!("PART {room}"));
                if let Some(text) = text {
                    put(out, format_args!(" :{}", text.as_str()));
                }
            }
            Line::Gone { why, text, .. } => {
                put(out, format_args!("QUIT :{}", reason(*why, text.as_ref())));
            }
            Line::Renamed { to, .. } => put(out, format_args!("NICK {to}")),
            Line::Topic { room, text, .. } => {
                put(out, format_args!("TOPIC {room} :{}", text.as_str()));
            }
            Line::Kicked { room, nick, text, .. } => {
                put(out, format_args!("KICK {room} {nick} :{}", text.as_str()));
            }
            Line::Invited { room, nick, .. } => put(out, format_args!("INVITE {nick} {room}")),
            Line::Modes { room, shown, .. } => put(out, format_args!("MODE {room} {shown}")),
            Line::OwnModes { who, shown } => put(out, format_args!("MODE {} {shown}", who.nick)),
            Line::Away { text: Some(text), .. } => {
                put(out, format_args!("AWAY :{}", text.as_str()));
            }
            Line::Away { text: None, .. } => out.push_str("AWAY"),
            Line::RealName { text, .. } => put(out, format_args!("SETNAME :{}", text.as_str())),
            Line::Account { who } => {
                put(out, format_args!("ACCOUNT {}", who.account.as_deref().unwrap_or("*")));
            }
            Line::Wallops { text, .. } => put(out, format_args!("WALLOPS :{}", text.as_str())),
            Line::Redacted { to, at, text, .. } => {
                out.push_str("REDACT ");
                target(out, to);
                put(out, format_args!(" {at}"));
                if let Some(text) = text {
                    put(out, format_args!(" :{}", text.as_str()));
                }
            }
            _ => {}
        }
    }

    /// Several lines: a batch where that is understood, single lines elsewhere.
    fn write_lines(self, line: &Line) -> Option<String> {
        let Line::SaidLines { who, to, lines, style, tags } = line else { return None };
        let mut out = String::with_capacity(512);
        if !self.caps.has(Caps::MULTILINE.with(Caps::BATCH)) {
            let mut begun = false;
            for (_, text) in lines.iter() {
                if text.as_str().is_empty() {
                    continue;
                }
                let first = !std::mem::replace(&mut begun, true);
                let ink = Ink { unnamed: !first, ..self };
                ink.tags(&mut out, Some(who), tags);
                put(&mut out, format_args!(":{who} {} ", verb(*style)));
                target(&mut out, to);
                body(&mut out, text.as_str(), Style::Line);
                out.push_str("\r\n");
            }
            return Some(out);
        }
        let batch = self.stamp.map_or("lines".to_owned(), |stamp| format!("m{}", stamp.pos.seq));
        self.tags(&mut out, Some(who), tags);
        put(&mut out, format_args!(":{who} BATCH +{batch} draft/multiline "));
        target(&mut out, to);
        out.push_str("\r\n");
        for (goes_on, text) in lines.iter() {
            put(&mut out, format_args!("@batch={batch}"));
            out.push_str(if *goes_on { ";draft/multiline-concat " } else { " " });
            put(&mut out, format_args!(":{who} {} ", verb(*style)));
            target(&mut out, to);
            body(&mut out, text.as_str(), Style::Line);
            out.push_str("\r\n");
        }
        put(&mut out, format_args!(":{} BATCH -{batch}\r\n", self.server));
        Some(out)
    }

    fn write_reply(self, out: &mut String, reply: &Reply) -> Option<()> {
        let server = self.server;
        match reply {
            Reply::NickTaken(nick) => {
                put(out, format_args!(":{server} 433 * {nick} :Nickname is already in use"));
            }
            Reply::TooLong(_) => put(out, format_args!(":{server} 417 * :Input line was too long")),
            Reply::Throttled(rate) => put(
                out,
                format_args!(
                    ":{server} NOTICE * :Slow down: after {} lines, {} a second are let through; \
                     the rest waits",
                    rate.burst, rate.per_second
                ),
            ),
            Reply::Skipped(lines) => {
                put(out, format_args!(":{server} NOTICE * :{lines} lines were left out here"));
            }
            Reply::TooSlow(_) => out.push_str("ERROR :SendQ exceeded"),
            Reply::Stopping => out.push_str("ERROR :The server is stopping"),
            _ => return None,
        }
        Some(())
    }

    /// The tags before a line: the server's own, then those that the client made up.
    pub(crate) fn tags(self, out: &mut String, who: Option<&Identity>, made_up: &str) {
        let start = out.len();
        let mut tag = |text: Arguments<'_>| {
            out.push(if out.len() == start { '@' } else { ';' });
            put(out, text);
        };
        if let Some(batch) = self.batch {
            tag(format_args!("batch={batch}"));
        }
        if let Some(stamp) = self.stamp {
            if self.caps.has(Caps::SERVER_TIME) {
                tag(format_args!("time={}", iso(stamp.unix_ms)));
            }
            if self.caps.has(Caps::MESSAGE_TAGS) && !self.unnamed {
                tag(format_args!("msgid={}", stamp.pos));
            }
        }
        if let Some(who) = who {
            if let Some(account) =
                who.account.as_deref().filter(|_| self.caps.has(Caps::ACCOUNT_TAG))
            {
                tag(format_args!("account={account}"));
            }
            if who.bot && self.caps.has(Caps::MESSAGE_TAGS) {
                tag(format_args!("bot"));
            }
        }
        if !made_up.is_empty() && self.caps.has(Caps::MESSAGE_TAGS) {
            tag(format_args!("{made_up}"));
        }
        if out.len() > start {
            out.push(' ');
        }
    }
}

/// A tag with its value escaped.
pub(crate) fn tag(key: &str, value: &str) -> String {
    let mut out = format!("{key}=");
    escape(&mut out, value);
    out
}

fn put(out: &mut String, text: Arguments<'_>) {
    out.write_fmt(text).expect("writing to a String does not fail");
}

fn verb(style: Style) -> &'static str {
    match style {
        Style::Line | Style::Action => "PRIVMSG",
        Style::Notice => "NOTICE",
        Style::Tags => "TAGMSG",
    }
}

pub(crate) fn target(out: &mut String, to: &Target) {
    match to {
        Target::Room(room) => out.push_str(room.as_str()),
        Target::Ranked(sign, room) => put(out, format_args!("{sign}{room}")),
        Target::Person(_, nick) => out.push_str(nick.as_str()),
    }
}

fn body(out: &mut String, text: &str, style: Style) {
    match style {
        Style::Tags => {}
        Style::Action => put(out, format_args!(" :\x01ACTION {text}\x01")),
        Style::Line | Style::Notice => {
            out.push_str(" :");
            out.push_str(text);
        }
    }
}

/// What a QUIT says.
pub(crate) fn reason(why: Why, text: Option<&Text>) -> String {
    if let Some(text) = text {
        return text.as_str().to_owned();
    }
    let words = match why {
        Why::Quit => "Quit",
        Why::Gone | Why::Moved => "Connection closed",
        Why::Slow => "SendQ exceeded",
        Why::Refused => "Refused",
        Why::Killed => "Killed",
        Why::Stopping => "The server is stopping",
    };
    words.to_owned()
}
