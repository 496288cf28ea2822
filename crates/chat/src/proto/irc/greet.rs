//! What a client is shown when it is let in, and when it enters a room.

use std::sync::Arc;

use super::super::frame::Line;
use super::super::{Event, RoomName, Stream};
use super::numerics::{RPL_CREATED, RPL_MYINFO, RPL_WELCOME, RPL_YOURHOST};
use super::render::render;
use super::{Caps, Ctx, info, isupport, names, read, time, topic};

/// Greets who was let in.
pub(crate) fn greet(ctx: &mut Ctx<'_>) {
    let Some(me) = ctx.hub.person(ctx.id) else { return };
    let irc = ctx.irc;
    let server = &*irc.server;
    let version = version();
    ctx.tell(RPL_WELCOME, &[], &format!("Welcome to the {} IRC Network {}", irc.network, me.who));
    ctx.tell(RPL_YOURHOST, &[], &format!("Your host is {server}, running version {version}"));
    let since = time::words(irc.started_unix_ms);
    ctx.tell(RPL_CREATED, &[], &format!("This server was started on {since}"));
    ctx.give(RPL_MYINFO, &[server, &version, "BRiow", "CIMRabehiklmnoqstv", "Iabehkloqv"]);
    isupport::show(ctx);
    info::show_lusers(ctx);
    info::show_motd(ctx);
    let nick = ctx.name().to_owned();
    ctx.line(format_args!(":{server} 221 {nick} +"));
    if let Some(text) = ctx.conn.away.take() {
        let who = Arc::clone(&me.who);
        let event = Event::Away { client: ctx.id, who, text: Some(text) };
        ctx.happen(Stream::People, event);
    }
}

/// Greets a further client of somebody who is here, and shows it the rooms.
pub(crate) fn greet_again(ctx: &mut Ctx<'_>) {
    greet(ctx);
    let Some(me) = ctx.hub.person(ctx.id) else { return };
    for room in &me.rooms {
        let (who, room, real) = (Arc::clone(&me.who), room.clone(), me.real.clone());
        let line = Line::Joined { who, room: room.clone(), real };
        let text = render(&line, ctx.conn.caps, None, &ctx.irc.server);
        ctx.text.push_str(text.as_deref().unwrap_or(""));
        show_room(ctx, &room);
    }
}

/// The name and number of this software.
pub(super) fn version() -> String {
    format!("sockeye-{}", env!("CARGO_PKG_VERSION"))
}

/// Shows the room that a client has just entered.
pub(crate) fn show_room(ctx: &mut Ctx<'_>, room: &RoomName) {
    let hub = ctx.hub;
    let (Some(place), Some(me)) = (hub.place(room), hub.person(ctx.id)) else { return };
    if place.topic.is_some() {
        topic::show(ctx, place);
    }
    read::show(ctx, me, place.name.as_str());
    if !ctx.conn.caps.has(Caps::NO_IMPLICIT_NAMES) {
        names::show(ctx, place);
    }
}
