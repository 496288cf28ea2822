//! TOPIC: what a room is about.

use std::sync::Arc;

use super::super::{Event, HALF_OPERATORS, Person, Room, Stream, Text};
use super::Ctx;
use super::channel::{joined, shown};
use super::ctx::cut;
use super::message::Message;
use super::numerics::{
    ERR_CHANOPRIVSNEEDED, ERR_NOSUCHCHANNEL, ERR_NOTONCHANNEL, RPL_NOTOPIC, RPL_TOPIC,
    RPL_TOPICTIME,
};

pub(super) fn topic(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    let name = message.param(0);
    let Some(text) = message.params.get(1) else {
        let Some(place) = ctx.hub.room(name) else {
            return ctx.say(ERR_NOSUCHCHANNEL, &[shown(name)]);
        };
        if place.is('s') && !me.rooms.contains(&place.name) {
            return ctx.say(ERR_NOTONCHANNEL, &[name]);
        }
        return if place.topic.is_some() {
            show(ctx, place);
        } else {
            ctx.say(RPL_NOTOPIC, &[place.name.as_str()]);
        };
    };
    let Some(place) = joined(ctx, me, name) else { return };
    if place.is('t') && place.rank(ctx.id) & HALF_OPERATORS == 0 {
        return ctx.say(ERR_CHANOPRIVSNEEDED, &[name]);
    }
    let text = Text::new(cut(text, ctx.limits().topic_bytes_max));
    let event = Event::Topic { client: ctx.id, who: Arc::clone(&me.who), text };
    ctx.happen(Stream::Room(place.name.clone()), event);
}

/// Shows what a room is about, where it is about something.
pub(super) fn show(ctx: &mut Ctx<'_>, place: &Room) {
    let Some(topic) = &place.topic else { return };
    let room = place.name.as_str();
    ctx.tell(RPL_TOPIC, &[room], topic.text.as_str());
    let by = topic.by.split('!').next().unwrap_or("*");
    ctx.give(RPL_TOPICTIME, &[room, by, &topic.unix_s.to_string()]);
}
