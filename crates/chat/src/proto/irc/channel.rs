//! JOIN and PART.

use std::sync::Arc;

use super::super::{Barred, Event, Person, Room, RoomName, Stream, Text, Why};
use super::Ctx;
use super::ctx::cut;
use super::message::Message;
use super::numerics::{
    ERR_BADCHANNELKEY, ERR_BANNEDFROMCHAN, ERR_CHANNELISFULL, ERR_INVITEONLYCHAN,
    ERR_NEEDREGGEDNICK, ERR_NOSUCHCHANNEL, ERR_NOTONCHANNEL, ERR_TOOMANYCHANNELS, Numeric,
};

pub(super) fn join(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    if message.param(0) == "0" {
        for room in &me.rooms {
            leave(ctx, me, room, None);
        }
        return;
    }
    let mut keys = message.param(1).split(',');
    let mut entered: Vec<RoomName> = Vec::new();
    for name in message.param(0).split(',').filter(|name| !name.is_empty()) {
        let key = keys.next().filter(|key| !key.is_empty());
        let Ok(room) = name.parse::<RoomName>() else {
            ctx.say(ERR_NOSUCHCHANNEL, &[name]);
            continue;
        };
        if me.rooms.contains(&room) || entered.contains(&room) {
            continue;
        }
        if me.rooms.len() + entered.len() >= ctx.limits().channels_max {
            ctx.say(ERR_TOOMANYCHANNELS, &[name]);
            continue;
        }
        let place = ctx.hub.place(&room);
        if let Some(Err(barred)) = place.map(|place| place.admits(me, key)) {
            ctx.say(refusal(barred), &[name]);
            continue;
        }
        let room = place.map_or(room, |place| place.name.clone());
        entered.push(room.clone());
        let event = Event::Joined { client: ctx.id, who: Arc::clone(&me.who) };
        ctx.happen(Stream::Room(room), event);
    }
}

fn refusal(barred: Barred) -> Numeric {
    match barred {
        Barred::Full => ERR_CHANNELISFULL,
        Barred::InviteOnly => ERR_INVITEONLYCHAN,
        Barred::Banned => ERR_BANNEDFROMCHAN,
        Barred::Key => ERR_BADCHANNELKEY,
        Barred::Account => ERR_NEEDREGGEDNICK,
    }
}

pub(super) fn part(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    let text = message.params.get(1).filter(|text| !text.is_empty());
    let text = text.map(|text| Text::new(cut(text, ctx.limits().kick_bytes_max)));
    for name in message.param(0).split(',').filter(|name| !name.is_empty()) {
        if let Some(place) = joined(ctx, me, name) {
            leave(ctx, me, &place.name, text.clone());
        }
    }
}

fn leave(ctx: &mut Ctx<'_>, me: &Person, room: &RoomName, text: Option<Text>) {
    let (client, who) = (ctx.id, Arc::clone(&me.who));
    ctx.happen(Stream::Room(room.clone()), Event::Left { client, who, why: Why::Quit, text });
}

/// The room of this name, if there is one and the client is in it; else it is told.
pub(super) fn joined<'a>(ctx: &mut Ctx<'a>, me: &Person, name: &str) -> Option<&'a Room> {
    let Some(place) = ctx.hub.room(name) else {
        ctx.say(ERR_NOSUCHCHANNEL, &[shown(name)]);
        return None;
    };
    if !me.rooms.contains(&place.name) {
        ctx.say(ERR_NOTONCHANNEL, &[name]);
        return None;
    }
    Some(place)
}

/// A name as a middle parameter can show it.
pub(super) fn shown(name: &str) -> &str {
    if name.is_empty() || name.starts_with(':') || name.contains(' ') { "*" } else { name }
}
