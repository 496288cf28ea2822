//! INVITE: asks somebody into a room; alone, the rooms that one is asked into.

use std::sync::Arc;

use super::super::{Event, HALF_OPERATORS, Person, Stream};
use super::Ctx;
use super::channel::joined;
use super::message::Message;
use super::numerics::{
    ERR_CHANOPRIVSNEEDED, ERR_NEEDMOREPARAMS, ERR_NOSUCHNICK, ERR_USERONCHANNEL, RPL_AWAY,
    RPL_ENDOFINVITELIST, RPL_INVITELIST, RPL_INVITING,
};

pub(super) fn invite(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    if message.params.is_empty() {
        for room in &me.invited_to {
            ctx.give(RPL_INVITELIST, &[room.as_str()]);
        }
        return ctx.say(RPL_ENDOFINVITELIST, &[]);
    }
    let (nick, room) = (message.param(0), message.param(1));
    if room.is_empty() {
        return ctx.say(ERR_NEEDMOREPARAMS, &["INVITE"]);
    }
    let Some(place) = joined(ctx, me, room) else { return };
    if place.is('i') && place.rank(ctx.id) & HALF_OPERATORS == 0 {
        return ctx.say(ERR_CHANOPRIVSNEEDED, &[room]);
    }
    let Some(person) = ctx.hub.named(nick) else {
        return ctx.say(ERR_NOSUCHNICK, &[nick]);
    };
    let nick = person.who.nick.clone();
    if person.rooms.contains(&place.name) {
        return ctx.say(ERR_USERONCHANNEL, &[nick.as_str(), room]);
    }
    ctx.give(RPL_INVITING, &[nick.as_str(), place.name.as_str()]);
    if let Some(away) = &person.away {
        ctx.tell(RPL_AWAY, &[nick.as_str()], away.as_str());
    }
    let (client, who, target) = (ctx.id, Arc::clone(&me.who), person.client);
    let event = Event::Invited { client, who, target, nick };
    ctx.happen(Stream::Room(place.name.clone()), event);
}
