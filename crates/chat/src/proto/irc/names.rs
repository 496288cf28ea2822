//! NAMES: who is in a room.

use super::super::{Person, Room, signs};
use super::message::Message;
use super::numerics::{RPL_ENDOFNAMES, RPL_NAMREPLY};
use super::{Caps, Ctx};

/// A line of names has so many bytes at most.
const LINE_BYTES: usize = 380;

pub(super) fn names(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    let targets = ctx.limits().targets_max;
    if message.param(0).is_empty() {
        return ctx.say(RPL_ENDOFNAMES, &["*"]);
    }
    for name in message.param(0).split(',').filter(|name| !name.is_empty()).take(targets) {
        let place = ctx.hub.room(name);
        if let Some(place) = place.filter(|p| !p.is('s') || me.rooms.contains(&p.name)) {
            list(ctx, place);
        }
    }
    ctx.say(RPL_ENDOFNAMES, &[super::channel::shown(message.param(0))]);
}

/// Shows who is in a room.
pub(super) fn show(ctx: &mut Ctx<'_>, place: &Room) {
    list(ctx, place);
    ctx.say(RPL_ENDOFNAMES, &[place.name.as_str()]);
}

fn list(ctx: &mut Ctx<'_>, place: &Room) {
    let room = place.name.as_str();
    let hub = ctx.hub;
    let inside = hub.person(ctx.id).is_some_and(|me| me.rooms.contains(&place.name));
    let all = ctx.conn.caps.has(Caps::MULTI_PREFIX);
    let hosts = ctx.conn.caps.has(Caps::USERHOST_IN_NAMES);
    let sign = if place.is('s') { "@" } else { "=" };
    let mut line = String::new();
    for member in &place.members {
        let Some(person) = hub.person(*member) else { continue };
        if person.modes.contains(&'i') && !inside {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&signs(place.rank(*member), all));
        if hosts {
            line.push_str(&person.who.to_string());
        } else {
            line.push_str(person.who.nick.as_str());
        }
        if line.len() > LINE_BYTES {
            ctx.tell(RPL_NAMREPLY, &[sign, room], &std::mem::take(&mut line));
        }
    }
    if !line.is_empty() {
        ctx.tell(RPL_NAMREPLY, &[sign, room], &line);
    }
}
