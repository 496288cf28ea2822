//! ChanServ, in this server: rooms that belong to an account.

use std::sync::Arc;

use super::super::{Event, ModeChange, OPERATORS, Person, Room, Stream, fold};
use super::Ctx;
use super::message::Message;

/// Whether this is the name of the service.
pub(super) fn is(name: &str) -> bool {
    fold(name) == "chanserv"
}

/// `CS words`
pub(super) fn command(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    let words = message.params.join(" ");
    asked(ctx, me, &words);
}

fn say(ctx: &mut Ctx<'_>, words: &str) {
    let (server, nick) = (&ctx.irc.server, ctx.name().to_owned());
    ctx.line(format_args!(":ChanServ!ChanServ@{server} NOTICE {nick} :{words}"));
}

/// Somebody asks the service for something.
pub(super) fn asked(ctx: &mut Ctx<'_>, me: &Person, words: &str) {
    let mut parts = words.split(' ').filter(|part| !part.is_empty());
    let command = parts.next().unwrap_or("").to_ascii_uppercase();
    let Some(room) = parts.next().filter(|_| command != "HELP") else {
        say(ctx, "REGISTER channel - makes a channel yours: it stays, and you run it");
        say(ctx, "UNREGISTER channel - gives it up");
        say(ctx, "OP channel - makes you an operator of your channel again");
        return say(ctx, "INFO channel - whose it is");
    };
    let Some(place) = ctx.hub.room(room) else {
        return say(ctx, "There is no such channel");
    };
    let owns = place.founder.is_some() && place.founder == me.who.account;
    match command.as_str() {
        "REGISTER" => register(ctx, me, place),
        "UNREGISTER" if owns => {
            found(ctx, me, place, None);
            say(ctx, &format!("{} is nobody's now", place.name));
        }
        "OP" if owns && me.rooms.contains(&place.name) => {
            let change = |mode| ModeChange {
                set: true,
                mode,
                value: Some(me.who.nick.as_str().into()),
                member: Some(ctx.id),
            };
            let (client, who, changes) =
                (ctx.id, Arc::clone(&me.who), vec![change('q'), change('o')]);
            let event = Event::Modes { client, who, changes };
            ctx.happen(Stream::Room(place.name.clone()), event);
        }
        "UNREGISTER" | "OP" => say(ctx, "That is not your channel"),
        "INFO" => match &place.founder {
            Some(account) => say(ctx, &format!("{} belongs to {account}", place.name)),
            None => say(ctx, &format!("{} is nobody's", place.name)),
        },
        _ => say(ctx, "Unknown command; HELP lists them"),
    }
}

fn register(ctx: &mut Ctx<'_>, me: &Person, place: &Room) {
    let Some(account) = &me.who.account else {
        return say(ctx, "Log in to an account first");
    };
    if place.founder.is_some() || place.fixed {
        return say(ctx, "That channel belongs to somebody already");
    }
    if place.rank(ctx.id) & OPERATORS == 0 {
        return say(ctx, "You must be an operator of the channel");
    }
    found(ctx, me, place, Some(Arc::clone(account)));
    say(ctx, &format!("{} is yours now", place.name));
}

fn found(ctx: &mut Ctx<'_>, me: &Person, place: &Room, account: Option<Arc<str>>) {
    let event = Event::Founded { client: ctx.id, who: Arc::clone(&me.who), account };
    ctx.happen(Stream::Room(place.name.clone()), event);
}
