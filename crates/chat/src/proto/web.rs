//! The words of a page: WebSocket frames, one JSON object in each (sub-protocol `sockeye.1`).
//!
//! ```text
//! welcome { nick room members count earlier }    message { id time nick text action }
//! join    { nick time }    leave { nick time }   nick    { from to time }
//! notice  { text [ time ] }                      error   { text }
//! ```
//! Times are milliseconds since 1970 (UTC). A client sends texts of one line each, as they are
//! typed into `nc`. What the server answers to one client has the words that plain clients read.

use serde_json::{Value, json};

use super::frame::{Line, Reply, Stamp};
use super::websocket::{self, CloseCode};
use super::{Identity, Style, clean, plain};

/// Makes the frame for pages; `None` where they do not hear of it.
pub(super) fn render(line: &Line, stamp: Option<Stamp>) -> Option<Vec<u8>> {
    let time = stamp.map(|stamp| stamp.unix_ms);
    let value = match line {
        Line::Said { style: Style::Tags, .. } => return None,
        Line::Said { who, text, style, .. } => {
            message((who, text.as_str()), *style == Style::Action, stamp)
        }
        Line::SaidLines { who, lines, .. } => {
            let lines = plain::joined(lines);
            let frames = lines.iter().map(|line| framed(&message((who, line), false, stamp)));
            return Some(frames.collect::<Vec<_>>().concat());
        }
        Line::Joined { who, .. } => {
            json!({ "type": "join", "nick": who.nick.as_str(), "time": time })
        }
        Line::Left { who, .. } | Line::Gone { who, .. } => {
            json!({ "type": "leave", "nick": who.nick.as_str(), "time": time })
        }
        Line::Kicked { nick, .. } => {
            json!({ "type": "leave", "nick": nick.as_str(), "time": time })
        }
        Line::Renamed { who, to } => {
            let (from, to) = (who.nick.as_str(), to.as_str());
            json!({ "type": "nick", "from": from, "to": to, "time": time })
        }
        Line::Notice { text, .. } => {
            json!({ "type": "notice", "text": cleaned(text.as_str()), "time": time })
        }
        Line::Topic { .. } => json!({ "type": "notice", "text": words(line)?, "time": time }),
        Line::Reply(reply) => return render_reply(line, reply),
        // What only other clients have words for.
        _ => return None,
    };
    Some(framed(&value))
}

fn message((who, text): (&Identity, &str), action: bool, stamp: Option<Stamp>) -> Value {
    json!({
        "type": "message",
        "id": stamp.map(|stamp| stamp.pos.seq),
        "time": stamp.map(|stamp| stamp.unix_ms),
        "nick": who.nick.as_str(),
        "text": cleaned(text),
        "action": action,
    })
}

fn render_reply(line: &Line, reply: &Reply) -> Option<Vec<u8>> {
    let close = |code, reason| Some(websocket::close(Some(code), reason));
    match reply {
        Reply::Here { nick, room, members, count, earlier } => Some(framed(&json!({
            "type": "welcome",
            "nick": nick.as_str(),
            "room": room.as_str(),
            "members": members.iter().map(super::Nick::as_str).collect::<Vec<_>>(),
            "count": count,
            "earlier": earlier,
        }))),
        // `Here` says it all; a new name comes to its owner as it does to others.
        Reply::Welcome { .. } | Reply::Earlier(_) | Reply::YouAre(_) | Reply::Refused(_) => None,
        Reply::Pong(payload) => Some(websocket::pong(payload)),
        Reply::Close(code, why) => Some(websocket::close(*code, why)),
        Reply::Bye => close(CloseCode::NORMAL, "bye"),
        Reply::Stopping => close(CloseCode::GOING_AWAY, "the server is stopping"),
        Reply::TooSlow(_) => close(CloseCode::POLICY, "you read too slowly"),
        Reply::Who { .. } | Reply::Rooms(_) | Reply::Help | Reply::Skipped(_) => {
            Some(framed(&json!({ "type": "notice", "text": words(line)? })))
        }
        Reply::NickRefused(_)
        | Reply::NickTaken(_)
        | Reply::NoRoom(_)
        | Reply::Barred(..)
        | Reply::Silenced(_)
        | Reply::Unknown(_)
        | Reply::Incomplete(_)
        | Reply::TooLong(_)
        | Reply::NotKept
        | Reply::Throttled(_) => Some(framed(&json!({ "type": "error", "text": words(line)? }))),
    }
}

/// The words of the plain room without its stars.
fn words(line: &Line) -> Option<String> {
    let text = plain::render(line)?;
    let lines: Vec<&str> =
        text.lines().map(|line| line.strip_prefix("* ").unwrap_or(line)).collect();
    Some(lines.join("\n"))
}

fn cleaned(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    clean(&mut out, text);
    out
}

fn framed(value: &Value) -> Vec<u8> {
    websocket::text(&value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{Nick, NickError, Pos, RoomName, Target, Text, Why};
    use std::sync::Arc;

    fn nick(name: &str) -> Nick {
        Nick::new(name).expect("a nick")
    }

    fn shown(line: Line) -> Value {
        let stamp = Stamp { pos: Pos { epoch: 1, seq: 7 }, unix_ms: 1_700_000_000_123 };
        let frame = render(&line, Some(stamp)).expect("a frame");
        assert_eq!(frame[0], 0x81, "a whole text");
        let start = if frame[1] < 126 { 2 } else { 4 };
        serde_json::from_slice(&frame[start..]).expect("JSON")
    }

    #[test]
    fn what_happens_is_one_object() {
        let who = || Arc::new(Identity::plain(nick("a")));
        let room = || "#r".parse::<RoomName>().expect("a room");
        let said = |text: &str, style| Line::Said {
            who: who(),
            to: Target::Room(room()),
            text: Text::new(text),
            style,
            tags: "".into(),
        };
        assert_eq!(
            shown(said("<b>\"\u{202e}\x1b", Style::Action)),
            json!({ "type": "message", "id": 7, "time": 1_700_000_000_123_u64, "nick": "a",
                "text": "<b>\"", "action": true })
        );
        let time = 1_700_000_000_123_u64;
        let joined = Line::Joined { who: who(), room: room(), real: Text::new("") };
        assert_eq!(shown(joined), json!({"type":"join","nick":"a","time":time}));
        let left = Line::Left { who: who(), room: room(), why: Why::Slow, text: None };
        assert_eq!(shown(left), json!({"type":"leave","nick":"a","time":time}));
        let renamed = Line::Renamed { who: who(), to: nick("b") };
        assert_eq!(shown(renamed), json!({"type":"nick","from":"a","to":"b","time":time}));
        let notice = Line::Notice { room: room(), text: Text::new("a dropped b") };
        assert_eq!(shown(notice), json!({"type":"notice","text":"a dropped b","time":time}));
        assert_eq!(render(&Line::Raw(b"x".as_slice().into()), None), None);
    }

    #[test]
    fn answers_have_the_words_of_the_plain_room() {
        let refused = Line::Reply(Reply::NickRefused(NickError::Empty));
        assert_eq!(shown(refused)["type"], "error");
        let taken = shown(Line::Reply(Reply::NickTaken(nick("bo"))));
        assert_eq!(taken, json!({"type":"error","text":"bo is the name of somebody else"}));
        let help = shown(Line::Reply(Reply::Help));
        let text = help["text"].as_str().expect("text");
        assert!(text.lines().count() > 3 && !text.contains("* "), "{text}");
        for (reply, code) in [(Reply::Bye, 1000_u16), (Reply::Stopping, 1001)] {
            let frame = render(&Line::Reply(reply), None).expect("a close");
            assert_eq!((frame[0], &frame[2..4]), (0x88, &code.to_be_bytes()[..]));
        }
    }
}
