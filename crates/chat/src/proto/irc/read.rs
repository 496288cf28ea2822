//! MARKREAD: up to when a conversation was read, shared by all clients of an account.
//!
//! # Source
//! IRCv3, draft/read-marker.

use super::super::{Event, Nick, Person, RoomName, Stream};
use super::message::Message;
use super::{Caps, Ctx, time};

pub(super) fn markread(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    let target = message.param(0);
    if target.is_empty() {
        return ctx.fail("MARKREAD", "NEED_MORE_PARAMS", &[], "Missing parameters");
    }
    let known = target.parse::<RoomName>().is_ok() || Nick::new(target).is_ok();
    if !known {
        let context = super::channel::shown(target).to_owned();
        return ctx.fail("MARKREAD", "INVALID_PARAMS", &[&context], "No such conversation");
    }
    let Some(mark) = message.params.get(1) else { return tell(ctx, me, target) };
    let at = mark.strip_prefix("timestamp=").and_then(time::parse);
    let Some(unix_ms) = at else {
        let context = [target, super::channel::shown(mark)];
        return ctx.fail("MARKREAD", "INVALID_PARAMS", &context, "This is no timestamp");
    };
    let owner = me.key();
    if ctx.hub.accounts().read(&owner, target).is_some_and(|last| last >= unix_ms) {
        return tell(ctx, me, target);
    }
    let event = Event::MarkedRead { client: ctx.id, owner, target: target.into(), unix_ms };
    ctx.happen(Stream::People, event);
}

fn tell(ctx: &mut Ctx<'_>, me: &Person, target: &str) {
    let mark = ctx.hub.accounts().read(&me.key(), target);
    let mark = mark.map_or("*".to_owned(), |at| format!("timestamp={}", time::iso(at)));
    let server = &ctx.irc.server;
    ctx.line(format_args!(":{server} MARKREAD {target} {mark}"));
}

/// Tells the mark of a room that was just entered.
pub(super) fn show(ctx: &mut Ctx<'_>, me: &Person, room: &str) {
    if ctx.conn.caps.has(Caps::READ_MARKER) {
        tell(ctx, me, room);
    }
}
