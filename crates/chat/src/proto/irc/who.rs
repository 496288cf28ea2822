//! WHO and WHOX.
//!
//! ```text
//! who    = "WHO" mask [ [ "o" ] [ "%" fields [ "," token ] ] ]
//! fields = *( t c u i h s n f d l a o r )
//! ```
//!
//! # Source
//! modern.ircdocs.horse; ircv3.net, WHOX.

use super::super::{Person, Room, fold, signs};
use super::message::{Message, matches};
use super::numerics::{RPL_ENDOFWHO, RPL_WHOREPLY, RPL_WHOSPCRPL};
use super::{Caps, Ctx};

/// WHO tells of so many at most who share no room with the one who asks.
const STRANGERS_MAX: usize = 100;
/// The order in which fields are told, whatever the order in which they are asked for.
const FIELDS: &str = "tcuihsnfdlaor";

pub(super) fn who(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    let mask = message.params.first().copied().filter(|mask| !mask.is_empty()).unwrap_or("*");
    let fields = message.param(1);
    let (flags, wanted) = fields.split_once('%').map_or((fields, None), |(f, w)| (f, Some(w)));
    let asked = Asked { operators: flags.contains('o'), wanted };
    let hub = ctx.hub;
    if mask.starts_with('#') {
        if let Some(place) = hub.room(mask) {
            let inside = me.rooms.contains(&place.name);
            if inside || !place.is('s') {
                for member in &place.members {
                    let Some(person) = hub.person(*member) else { continue };
                    if inside || !person.modes.contains(&'i') {
                        asked.tell(ctx, me, person, Some(place));
                    }
                }
            }
        }
    } else if !mask.contains(['*', '?']) {
        if let Some(person) = hub.named(mask) {
            let place = common(ctx, me, person);
            asked.tell(ctx, me, person, place);
        }
    } else {
        let folded = fold(mask);
        let mut strangers = 0;
        for person in hub.all_people() {
            let place = common(ctx, me, person);
            let known = place.is_some() || person.client == me.client;
            if (!known && person.modes.contains(&'i')) || strangers >= STRANGERS_MAX {
                continue;
            }
            if matches(&folded, &person.who.nick.fold()) || matches(&folded, &person.mask) {
                strangers += usize::from(!known);
                asked.tell(ctx, me, person, place);
            }
        }
    }
    ctx.say(RPL_ENDOFWHO, &[super::channel::shown(mask)]);
}

/// A room that two share.
fn common<'a>(ctx: &Ctx<'a>, me: &Person, person: &Person) -> Option<&'a Room> {
    let shared = person.rooms.iter().find(|room| me.rooms.contains(room));
    shared.and_then(|room| ctx.hub.place(room))
}

struct Asked<'m> {
    operators: bool,
    wanted: Option<&'m str>,
}

impl Asked<'_> {
    fn tell(&self, ctx: &mut Ctx<'_>, me: &Person, person: &Person, place: Option<&Room>) {
        if self.operators && !person.is_operator() {
            return;
        }
        let who = &person.who;
        let room = place.map_or("*", |place| place.name.as_str());
        let flags = flags(ctx, person, place);
        let server = &*ctx.irc.server;
        let Some(wanted) = self.wanted else {
            let params = [room, &who.user, &who.host, server, who.nick.as_str(), &flags];
            return ctx.tell(RPL_WHOREPLY, &params, &format!("0 {}", person.real.as_str()));
        };
        let (letters, token) = wanted.split_once(',').unwrap_or((wanted, "0"));
        let idle = ctx.now.unix_ms.saturating_sub(person.active_unix_ms) / 1000;
        let idle =
            if person.client == me.client || !person.modes.contains(&'i') { idle } else { 0 };
        let mut params: Vec<String> = Vec::new();
        for field in FIELDS.chars().filter(|field| letters.contains(*field)) {
            params.push(match field {
                't' => token.to_owned(),
                'c' => room.to_owned(),
                'u' => who.user.to_string(),
                'i' => "255.255.255.255".to_owned(),
                'h' => who.host.to_string(),
                's' => server.to_owned(),
                'n' => who.nick.to_string(),
                'f' => flags.clone(),
                'd' => "0".to_owned(),
                'l' => idle.to_string(),
                'a' => who.account.as_deref().unwrap_or("0").to_owned(),
                'o' => "0".to_owned(),
                _ => person.real.as_str().to_owned(),
            });
        }
        let params: Vec<&str> = params.iter().map(String::as_str).collect();
        if letters.contains('r') {
            let (last, middle) = params.split_last().expect("a field");
            ctx.tell(RPL_WHOSPCRPL, middle, last);
        } else {
            ctx.give(RPL_WHOSPCRPL, &params);
        }
    }
}

/// Here or gone, operator, bot, ranks.
fn flags(ctx: &Ctx<'_>, person: &Person, place: Option<&Room>) -> String {
    let mut flags = if person.away.is_some() { "G" } else { "H" }.to_owned();
    if person.is_operator() {
        flags.push('*');
    }
    if person.who.bot {
        flags.push('B');
    }
    if let Some(place) = place {
        let all = ctx.conn.caps.has(Caps::MULTI_PREFIX);
        flags.push_str(&signs(place.rank(person.client), all));
    }
    flags
}
