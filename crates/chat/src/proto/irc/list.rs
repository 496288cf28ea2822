//! LIST: the rooms, and which of them.
//!
//! ```text
//! elist = mask / "!" mask / ">" members / "<" members
//!       / "C>" minutes / "C<" minutes           ; made longer ago than, less long ago than
//!       / "T>" minutes / "T<" minutes           ; topic set so
//! ```
//!
//! # Source
//! modern.ircdocs.horse, ELIST.

use super::super::{Person, Room, fold};
use super::Ctx;
use super::message::{Message, matches};
use super::numerics::{RPL_LIST, RPL_LISTEND, RPL_LISTSTART};

/// One condition.
enum Wanted<'a> {
    Named(&'a str),
    Mask(String),
    NoMask(String),
    More(usize),
    Fewer(usize),
    Made(Age),
    Topic(Age),
}

/// Minutes ago.
enum Age {
    LongerThan(u64),
    LessThan(u64),
}

impl Age {
    fn parse(text: &str) -> Option<Age> {
        if let Some(minutes) = text.strip_prefix('>') {
            return Some(Age::LongerThan(minutes.parse().ok()?));
        }
        Some(Age::LessThan(text.strip_prefix('<')?.parse().ok()?))
    }

    fn holds(&self, unix_s: u64, now_s: u64) -> bool {
        let age = now_s.saturating_sub(unix_s);
        match self {
            Age::LongerThan(minutes) => age > minutes.saturating_mul(60),
            Age::LessThan(minutes) => age < minutes.saturating_mul(60),
        }
    }
}

impl<'a> Wanted<'a> {
    fn parse(text: &'a str) -> Option<Wanted<'a>> {
        let (first, rest) = (text.chars().next()?, text.get(1..).unwrap_or(""));
        match first {
            '>' => rest.parse().ok().map(Wanted::More),
            '<' => rest.parse().ok().map(Wanted::Fewer),
            'C' | 'c' => Age::parse(rest).map(Wanted::Made),
            'T' | 't' => Age::parse(rest).map(Wanted::Topic),
            '!' => Some(Wanted::NoMask(fold(rest))),
            _ if text.contains(['*', '?']) => Some(Wanted::Mask(fold(text))),
            _ => Some(Wanted::Named(text)),
        }
    }

    fn holds(&self, place: &Room, now_s: u64) -> bool {
        match self {
            Wanted::Named(name) => fold(name) == **place.name.folded(),
            Wanted::Mask(mask) => matches(mask, place.name.folded()),
            Wanted::NoMask(mask) => !matches(mask, place.name.folded()),
            Wanted::More(count) => place.members.len() > *count,
            Wanted::Fewer(count) => place.members.len() < *count,
            Wanted::Made(age) => age.holds(place.created_unix_s, now_s),
            Wanted::Topic(age) => {
                place.topic.as_ref().is_some_and(|topic| age.holds(topic.unix_s, now_s))
            }
        }
    }
}

pub(super) fn list(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    let conditions: Vec<Wanted<'_>> =
        message.param(0).split(',').filter_map(Wanted::parse).collect();
    let named = conditions.iter().any(|wanted| matches!(wanted, Wanted::Named(_)));
    let now_s = ctx.now.unix_ms / 1000;
    let hub = ctx.hub;
    ctx.say(RPL_LISTSTART, &["Channel"]);
    for place in hub.all_rooms() {
        if place.is('s') && !me.rooms.contains(&place.name) {
            continue;
        }
        if place.members.is_empty() {
            continue;
        }
        // Names are alternatives, conditions all hold.
        let holds = |wanted: &Wanted<'_>| wanted.holds(place, now_s);
        let fits = if named { conditions.iter().any(holds) } else { conditions.iter().all(holds) };
        if !fits {
            continue;
        }
        let topic = place.topic.as_ref().map_or("", |topic| topic.text.as_str());
        let count = place.members.len().to_string();
        ctx.tell(RPL_LIST, &[place.name.as_str(), &count], topic);
    }
    ctx.say(RPL_LISTEND, &[]);
}
