//! WHOIS, ISON, USERHOST: about single people.

use super::super::{Person, signs};
use super::Ctx;
use super::message::Message;
use super::numerics::{
    ERR_NONICKNAMEGIVEN, ERR_NOSUCHNICK, ERR_NOSUCHSERVER, RPL_AWAY, RPL_ENDOFWHOIS, RPL_ISON,
    RPL_USERHOST, RPL_WHOISACCOUNT, RPL_WHOISACTUALLY, RPL_WHOISBOT, RPL_WHOISCHANNELS,
    RPL_WHOISIDLE, RPL_WHOISMODES, RPL_WHOISOPERATOR, RPL_WHOISSERVER, RPL_WHOISUSER,
};

/// USERHOST tells of so many at most.
const USERHOST_MAX: usize = 5;

pub(super) fn whois(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    let (server, nick) = match message.params.as_slice() {
        [] => return ctx.say(ERR_NONICKNAMEGIVEN, &[]),
        [nick] => (None, *nick),
        [server, nick, ..] => (Some(*server), *nick),
    };
    if nick.is_empty() {
        return ctx.say(ERR_NONICKNAMEGIVEN, &[]);
    }
    if let Some(server) = server
        && !server.eq_ignore_ascii_case(&ctx.irc.server)
        && ctx.hub.named(server).is_none()
    {
        return ctx.say(ERR_NOSUCHSERVER, &[super::channel::shown(server)]);
    }
    let Some(person) = ctx.hub.named(nick) else {
        ctx.say(ERR_NOSUCHNICK, &[super::channel::shown(nick)]);
        return ctx.say(RPL_ENDOFWHOIS, &[super::channel::shown(nick)]);
    };
    show(ctx, me, person);
    ctx.say(RPL_ENDOFWHOIS, &[person.who.nick.as_str()]);
}

fn show(ctx: &mut Ctx<'_>, me: &Person, person: &Person) {
    let who = &person.who;
    let nick = who.nick.as_str();
    let may = me.client == person.client || me.is_operator();
    ctx.tell(RPL_WHOISUSER, &[nick, &who.user, &who.host, "*"], person.real.as_str());
    show_rooms(ctx, me, person, may);
    let (server, network) = (&*ctx.irc.server, &*ctx.irc.network);
    ctx.tell(RPL_WHOISSERVER, &[nick, server], network);
    if person.is_operator() {
        ctx.say(RPL_WHOISOPERATOR, &[nick]);
    }
    if may {
        ctx.say(RPL_WHOISACTUALLY, &[nick, &format!("{}@{}", who.user, who.host), &who.host]);
        let modes = super::own_modes::shown(person);
        ctx.tell(RPL_WHOISMODES, &[nick], &format!("is using modes {modes}"));
    }
    if let Some(account) = &who.account {
        ctx.say(RPL_WHOISACCOUNT, &[nick, account]);
    }
    if who.bot {
        ctx.say(RPL_WHOISBOT, &[nick]);
    }
    if let Some(away) = &person.away {
        ctx.tell(RPL_AWAY, &[nick], away.as_str());
    }
    let idle = ctx.now.unix_ms.saturating_sub(person.active_unix_ms) / 1000;
    let since = person.since_unix_ms / 1000;
    ctx.say(RPL_WHOISIDLE, &[nick, &idle.to_string(), &since.to_string()]);
}

/// The rooms of somebody that the one who asks may know of.
fn show_rooms(ctx: &mut Ctx<'_>, me: &Person, person: &Person, all: bool) {
    let hub = ctx.hub;
    let mut shown = String::new();
    for room in &person.rooms {
        let Some(place) = hub.place(room) else { continue };
        let hidden = place.is('s') || person.modes.contains(&'i');
        if hidden && !all && !me.rooms.contains(room) {
            continue;
        }
        if !shown.is_empty() {
            shown.push(' ');
        }
        shown.push_str(&signs(place.rank(person.client), true));
        shown.push_str(place.name.as_str());
    }
    if !shown.is_empty() {
        ctx.tell(RPL_WHOISCHANNELS, &[person.who.nick.as_str()], &shown);
    }
}

pub(super) fn ison(ctx: &mut Ctx<'_>, _me: &Person, message: &Message<'_>) {
    let nicks = message.params.iter().flat_map(|param| param.split(' '));
    let here = nicks.filter_map(|nick| ctx.hub.named(nick)).map(|p| p.who.nick.as_str());
    let here: Vec<&str> = here.collect();
    ctx.tell(RPL_ISON, &[], &here.join(" "));
}

pub(super) fn userhost(ctx: &mut Ctx<'_>, _me: &Person, message: &Message<'_>) {
    let show = |person: &Person| {
        let star = if person.is_operator() { "*" } else { "" };
        let sign = if person.away.is_some() { '-' } else { '+' };
        let who = &person.who;
        format!("{}{star}={sign}{}@{}", who.nick, who.user, who.host)
    };
    let found = message.params.iter().take(USERHOST_MAX).filter_map(|nick| ctx.hub.named(nick));
    let found: Vec<String> = found.map(show).collect();
    ctx.tell(RPL_USERHOST, &[], &found.join(" "));
}
