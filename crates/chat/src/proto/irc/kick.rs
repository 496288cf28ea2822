//! KICK: puts somebody out of a room.

use std::sync::Arc;

use super::super::{Event, HALF_OPERATORS, Person, Stream, Text};
use super::Ctx;
use super::channel::joined;
use super::ctx::cut;
use super::message::Message;
use super::numerics::{ERR_CHANOPRIVSNEEDED, ERR_NOSUCHNICK, ERR_USERNOTINCHANNEL};

pub(super) fn kick(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    let limits = ctx.limits();
    let rooms: Vec<&str> = message.param(0).split(',').collect();
    let nicks: Vec<&str> = message.param(1).split(',').take(limits.targets_max).collect();
    let words = message.params.get(2).copied().filter(|words| !words.is_empty());
    let words = words.unwrap_or(me.who.nick.as_str());
    let text = Text::new(cut(words, limits.kick_bytes_max));
    for (place, nick) in nicks.iter().enumerate() {
        let room = rooms.get(place).or(rooms.first()).copied().unwrap_or("");
        put_out(ctx, me, (room, nick), &text);
    }
}

fn put_out(ctx: &mut Ctx<'_>, me: &Person, (room, nick): (&str, &str), text: &Text) {
    let Some(place) = joined(ctx, me, room) else { return };
    let mine = place.rank(ctx.id) & HALF_OPERATORS;
    if mine == 0 {
        return ctx.say(ERR_CHANOPRIVSNEEDED, &[room]);
    }
    let Some(person) = ctx.hub.named(nick) else {
        return ctx.say(ERR_NOSUCHNICK, &[nick]);
    };
    if !person.rooms.contains(&place.name) {
        return ctx.say(ERR_USERNOTINCHANNEL, &[nick, room]);
    }
    if outranks(place.rank(person.client), mine) {
        return ctx.say(ERR_CHANOPRIVSNEEDED, &[room]);
    }
    let event = Event::Kicked {
        client: ctx.id,
        who: Arc::clone(&me.who),
        target: person.client,
        nick: person.who.nick.clone(),
        text: text.clone(),
    };
    ctx.happen(Stream::Room(place.name.clone()), event);
}

/// Whether the highest of these ranks is above the highest of those.
pub(super) fn outranks(these: u8, those: u8) -> bool {
    these.leading_zeros() < those.leading_zeros() && these > 1
}
