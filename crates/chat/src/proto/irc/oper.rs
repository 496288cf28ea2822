//! What operators of the server do: OPER, KILL, WALLOPS.

use std::sync::Arc;

use super::super::{Event, Person, Stream, Text};
use super::Ctx;
use super::ctx::cut;
use super::message::Message;
use super::numerics::{ERR_NOPRIVILEGES, ERR_NOSUCHNICK, ERR_PASSWDMISMATCH, RPL_YOUREOPER};
use super::work::{Task, Then};

pub(super) fn oper(ctx: &mut Ctx<'_>, _me: &Person, message: &Message<'_>) {
    let name = message.param(0);
    let Some(operator) = ctx.irc.operators.iter().find(|operator| operator.name == name) else {
        return ctx.say(ERR_PASSWDMISMATCH, &[]);
    };
    let (hash, password) = (operator.hash.clone(), message.param(1).to_owned());
    ctx.work(Task::Verify { hash, password }, Then::Oper);
}

/// The password of an operator was checked.
pub(super) fn checked(ctx: &mut Ctx<'_>, right: bool) {
    let Some(me) = ctx.hub.person(ctx.id) else { return };
    if !right {
        return ctx.say(ERR_PASSWDMISMATCH, &[]);
    }
    ctx.say(RPL_YOUREOPER, &[]);
    if !me.is_operator() {
        let (client, who) = (ctx.id, Arc::clone(&me.who));
        let event = Event::OwnModes { client, who, changes: vec![(true, 'o')] };
        ctx.happen(Stream::People, event);
    }
}

pub(super) fn kill(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    if !me.is_operator() {
        return ctx.say(ERR_NOPRIVILEGES, &[]);
    }
    let Some(person) = ctx.hub.named(message.param(0)) else {
        return ctx.say(ERR_NOSUCHNICK, &[super::channel::shown(message.param(0))]);
    };
    let event = Event::Killed {
        client: ctx.id,
        who: Arc::clone(&me.who),
        target: person.client,
        nick: person.who.nick.clone(),
        text: Text::new(cut(message.param(1), ctx.limits().kick_bytes_max)),
    };
    ctx.happen(Stream::People, event);
}

pub(super) fn wallops(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    if !me.is_operator() {
        return ctx.say(ERR_NOPRIVILEGES, &[]);
    }
    let (client, who) = (ctx.id, Arc::clone(&me.who));
    let text = Text::new(message.param(0));
    ctx.happen(Stream::People, Event::Wallops { client, who, text });
}
