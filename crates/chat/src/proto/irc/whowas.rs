//! WHOWAS: who was here.

use super::super::{Person, fold};
use super::Ctx;
use super::message::Message;
use super::numerics::{
    ERR_NONICKNAMEGIVEN, ERR_WASNOSUCHNICK, RPL_ENDOFWHOWAS, RPL_WHOISSERVER, RPL_WHOWASUSER,
};
use super::time;

pub(super) fn whowas(ctx: &mut Ctx<'_>, _me: &Person, message: &Message<'_>) {
    let nick = message.param(0);
    if nick.is_empty() {
        return ctx.say(ERR_NONICKNAMEGIVEN, &[]);
    }
    let count = message.params.get(1).and_then(|count| count.parse::<i64>().ok());
    let most = count.filter(|count| *count > 0).and_then(|count| usize::try_from(count).ok());
    let folded = fold(nick);
    let hub = ctx.hub;
    let past = hub.past().filter(|past| past.who.nick.fold() == folded);
    let found: Vec<_> = past.take(most.unwrap_or(usize::MAX)).collect();
    if found.is_empty() {
        ctx.say(ERR_WASNOSUCHNICK, &[super::channel::shown(nick)]);
    }
    for past in found {
        let who = &past.who;
        ctx.tell(
            RPL_WHOWASUSER,
            &[who.nick.as_str(), &who.user, &who.host, "*"],
            past.real.as_str(),
        );
        let server = &*ctx.irc.server;
        ctx.tell(RPL_WHOISSERVER, &[who.nick.as_str(), server], &time::words(past.unix_ms));
    }
    ctx.say(RPL_ENDOFWHOWAS, &[super::channel::shown(nick)]);
}
