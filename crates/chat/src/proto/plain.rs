//! The words of the plain room: what `nc` shows.
//!
//! ```text
//! said    = "<" nick "> " text LF        action = "* " nick " " text LF
//! joined  = "* " nick " joined" LF       left   = "* " nick " left" [ " (" reason ")" ] LF
//! renamed = "* " nick " is now " nick LF notice = "* " text LF
//! ```
//! Everything that a person wrote passes [`clean`]; a line never holds a second one, except the
//! replies that are lists.

use std::fmt::Write as _;

use super::frame::{Line, Reply};
use super::{Barred, Identity, Opening, Style, Text, Why, clean};

/// Lines of names are broken after so many bytes.
const NAMES_LINE_BYTES: usize = 400;

const HELP: &str = "\
* what you type is said to everyone here; a line that begins with / is a command:
* /nick NAME    take another name         /who         who is here
* /me TEXT      say what you do           /rooms       the rooms
* /join ROOM    go to another room        /quit        leave
* //TEXT        say a line that begins with a slash
";

/// Puts a line in words, each line with its LF; `None` where plain clients do not hear of it.
pub(super) fn render(line: &Line) -> Option<String> {
    let mut out = String::with_capacity(64);
    match line {
        Line::Said { style: Style::Tags, .. } => return None,
        Line::Said { who, text, style, .. } => say(&mut out, who, text, *style),
        Line::SaidLines { who, lines, style, .. } => {
            for line in joined(lines) {
                say(&mut out, who, &Text::new(&line), *style);
                out.push('\n');
            }
        }
        Line::Joined { who, .. } => put(&mut out, format_args!("* {} joined", who.nick)),
        Line::Left { who, why, .. } | Line::Gone { who, why, .. } => {
            put(&mut out, format_args!("* {} left", who.nick));
            match why {
                Why::Slow => out.push_str(" (read too slowly)"),
                Why::Moved => out.push_str(" (for another room)"),
                Why::Killed => out.push_str(" (put out by an operator)"),
                Why::Quit | Why::Gone | Why::Refused | Why::Stopping => {}
            }
        }
        Line::Renamed { who, to } => put(&mut out, format_args!("* {} is now {to}", who.nick)),
        Line::Notice { text, .. } => {
            out.push_str("* ");
            clean(&mut out, text.as_str());
        }
        Line::Topic { who, text, .. } => {
            put(&mut out, format_args!("* {} changed the topic: ", who.nick));
            clean(&mut out, text.as_str());
        }
        Line::Kicked { who, nick, text, .. } => {
            put(&mut out, format_args!("* {nick} was put out by {}: ", who.nick));
            clean(&mut out, text.as_str());
        }
        Line::Reply(reply) => render_reply(&mut out, reply),
        // What only IRC has words for.
        _ => return None,
    }
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    Some(out)
}

fn say(out: &mut String, who: &Identity, text: &Text, style: Style) {
    match style {
        Style::Line | Style::Tags => put(out, format_args!("<{}> ", who.nick)),
        Style::Action => put(out, format_args!("* {} ", who.nick)),
        Style::Notice => put(out, format_args!("-{}- ", who.nick)),
    }
    clean(out, text.as_str());
}

/// The lines of something that was said in several: `true` goes on from the last.
pub(super) fn joined(lines: &[(bool, Text)]) -> Vec<String> {
    let mut whole: Vec<String> = Vec::new();
    for (goes_on, text) in lines {
        match whole.last_mut() {
            Some(last) if *goes_on => last.push_str(text.as_str()),
            _ => whole.push(text.as_str().to_owned()),
        }
    }
    whole
}

/// An answer without its star and its line end.
pub(super) fn answer(reply: Reply) -> String {
    let text = render(&Line::Reply(reply)).unwrap_or_default();
    text.trim_end().strip_prefix("* ").unwrap_or_default().to_owned()
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a String does not fail");
}

fn render_reply(out: &mut String, reply: &Reply) {
    match reply {
        Reply::Welcome { nick, room, others } => {
            let company = match others {
                0 => "nobody else is here yet".to_owned(),
                1 => "1 other is here".to_owned(),
                n => format!("{n} others are here"),
            };
            put(
                out,
                format_args!("* you are {nick} in {room}; {company}. /help lists the commands"),
            );
        }
        Reply::Earlier(room) => put(out, format_args!("* earlier in {room}:")),
        Reply::YouAre(nick) => put(out, format_args!("* you are now {nick}")),
        Reply::NickRefused(error) => put(out, format_args!("* {error}")),
        Reply::NickTaken(nick) => put(out, format_args!("* {nick} is the name of somebody else")),
        Reply::Who { room, names, count } => {
            put(out, format_args!("* in {room} ({count}):"));
            let mut start = 0;
            for nick in names {
                if out.len() - start > NAMES_LINE_BYTES {
                    out.push_str("\n*");
                    start = out.len();
                }
                put(out, format_args!(" {nick}"));
            }
            if names.len() < *count {
                put(out, format_args!("\n* and {} more", count - names.len()));
            }
        }
        Reply::Rooms(rooms) => {
            for (room, count) in rooms {
                put(out, format_args!("* {room} ({count})\n"));
            }
        }
        Reply::NoRoom(name) => {
            out.push_str("* there is no room ");
            clean(out, name.as_str());
            out.push_str("; /rooms lists them");
        }
        Reply::Barred(room, barred) => {
            let why = match barred {
                Barred::Full => "it is full",
                Barred::InviteOnly => "only who is invited comes in",
                Barred::Banned => "you are shut out",
                Barred::Key => "it has a key",
                Barred::Account => "only who is logged in comes in",
            };
            put(out, format_args!("* you cannot go to {room}: {why}"));
        }
        Reply::Silenced(room) => put(out, format_args!("* you cannot speak in {room}")),
        Reply::Unknown(word) => {
            out.push_str("* unknown command /");
            clean(out, word.as_str());
            out.push_str("; /help lists the commands, and // says a line that begins with a slash");
        }
        Reply::Incomplete(usage) => put(out, format_args!("* this is written {usage}")),
        Reply::Help => out.push_str(HELP),
        _ => render_state(out, reply),
    }
}

fn render_state(out: &mut String, reply: &Reply) {
    match reply {
        Reply::TooLong(bytes) => {
            put(out, format_args!("* that line was not sent: it is over {bytes} bytes"));
        }
        Reply::Throttled(rate) => put(
            out,
            format_args!(
                "* slow down: after {} lines, {} a second are let through; the rest waits",
                rate.burst, rate.per_second
            ),
        ),
        Reply::Skipped(1) => out.push_str("* 1 line was left out here: you read too slowly"),
        Reply::Skipped(lines) => {
            put(out, format_args!("* {lines} lines were left out here: you read too slowly"));
        }
        Reply::TooSlow(bytes) => put(
            out,
            format_args!("* closing: you read too slowly, and {bytes} bytes were waiting for you"),
        ),
        Reply::NotKept => {
            out.push_str("* that was not said: it could not be kept; try again later")
        }
        Reply::Refused(opening) => render_refusal(out, *opening),
        Reply::Here { .. } | Reply::Pong(_) | Reply::Close(..) => {}
        Reply::Bye => out.push_str("* bye"),
        Reply::Stopping => out.push_str("* the server is stopping"),
        _ => {}
    }
}

/// Each in the words of the protocol that was spoken. TLS and PROXY peers get silence.
fn render_refusal(out: &mut String, opening: Opening) {
    let (status, body) = match opening {
        Opening::Irc => {
            out.push_str(
                "ERROR :IRC is not spoken on this port yet; connect with nc and type lines\r\n",
            );
            return;
        }
        Opening::Http { reads: true } => ("404 Not Found", "There is no page here"),
        Opening::Http { reads: false } => ("400 Bad Request", "Nothing can be sent here by HTTP"),
        Opening::More | Opening::Plain(_) | Opening::Tls | Opening::Proxy => return,
    };
    let body = format!("{body}: this is a chat room for plain lines. Connect with nc.\n");
    put(
        out,
        format_args!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Length: {}\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        ),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{Nick, RoomName, Target};
    use std::sync::Arc;

    fn words(line: Line) -> String {
        render(&line).expect("words")
    }

    fn nick(name: &str) -> Nick {
        Nick::new(name).expect("a nick")
    }

    #[test]
    fn what_people_do_is_one_line() {
        let who = || Arc::new(Identity::plain(nick("a")));
        let room = || "#r".parse::<RoomName>().expect("a room");
        let said = |style, text: &str| Line::Said {
            who: who(),
            to: Target::Room(room()),
            text: Text::new(text),
            style,
            tags: "".into(),
        };
        let left = |why| Line::Left { who: who(), room: room(), why, text: None };
        assert_eq!(words(said(Style::Line, "hi\x1b[31m\r\n* b left")), "<a> hi[31m* b left\n");
        assert_eq!(words(said(Style::Action, "waves")), "* a waves\n");
        assert_eq!(
            words(Line::Joined { who: who(), room: room(), real: Text::new("") }),
            "* a joined\n"
        );
        assert_eq!(words(left(Why::Gone)), "* a left\n");
        assert_eq!(words(left(Why::Slow)), "* a left (read too slowly)\n");
        assert_eq!(words(Line::Renamed { who: who(), to: nick("b") }), "* a is now b\n");
        assert_eq!(words(Line::Notice { room: room(), text: Text::new("a\u{202e}b") }), "* ab\n");
        assert_eq!(render(&Line::Raw(b"x".as_slice().into())), None);
    }

    #[test]
    fn names_are_broken_into_lines() {
        let names: Vec<Nick> = (1..=200).map(Nick::plain).collect();
        let room = "#lobby".parse().expect("a room");
        let text = words(Line::Reply(Reply::Who { room, names, count: 1234 }));
        assert!(
            text.lines().all(|line| line.len() < NAMES_LINE_BYTES + 50 && line.starts_with('*'))
        );
        assert!(text.ends_with("plain-200\n* and 1034 more\n"), "{text}");
        let shown = text.split_whitespace().filter(|word| word.starts_with("plain-")).count();
        assert_eq!(shown, 200);
    }

    #[test]
    fn http_is_answered_in_http() {
        let refused = Line::Reply(Reply::Refused(Opening::Http { reads: false }));
        let text = words(refused);
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"));
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
        assert!(words(Line::Reply(Reply::Refused(Opening::Irc))).starts_with("ERROR :"));
        assert_eq!(words(Line::Reply(Reply::Refused(Opening::Tls))), "");
    }
}
