//! AWAY and SETNAME.

use std::sync::Arc;

use super::super::{Event, Person, Stream, Text};
use super::ctx::cut;
use super::message::Message;
use super::numerics::{ERR_NOTREGISTERED, RPL_NOWAWAY, RPL_UNAWAY};
use super::register::REAL_BYTES_MAX;
use super::{Caps, Ctx};

pub(super) fn away(ctx: &mut Ctx<'_>, message: &Message<'_>) {
    let words = cut(message.param(0), ctx.limits().away_bytes_max);
    // A lone star is a client that is away without anybody behind it.
    let words = if words == "*" { "Away" } else { words };
    let text = (!words.is_empty()).then(|| Text::new(words));
    let numeric = if text.is_some() { RPL_NOWAWAY } else { RPL_UNAWAY };
    let hub = ctx.hub;
    let Some(me) = hub.person(ctx.id).filter(|_| ctx.conn.greeted) else {
        if !ctx.conn.caps.has(Caps::PRE_AWAY) {
            return ctx.say(ERR_NOTREGISTERED, &[]);
        }
        ctx.conn.away = text;
        return ctx.say(numeric, &[]);
    };
    ctx.say(numeric, &[]);
    if me.away != text {
        let event = Event::Away { client: ctx.id, who: Arc::clone(&me.who), text };
        ctx.happen(Stream::People, event);
    }
}

pub(super) fn setname(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    let name = message.param(0);
    if name.len() > REAL_BYTES_MAX {
        return ctx.fail("SETNAME", "INVALID_REALNAME", &[], "The real name is too long");
    }
    let event = Event::RealName { client: ctx.id, who: Arc::clone(&me.who), text: Text::new(name) };
    ctx.happen(Stream::People, event);
}
