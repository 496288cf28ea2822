//! PRIVMSG, NOTICE and TAGMSG.

use std::sync::Arc;

use super::super::{Event, Person, RANKS, Stream, Style, Target, Text};
use super::message::{Message, tags};
use super::numerics::{
    ERR_CANNOTSENDTOCHAN, ERR_INPUTTOOLONG, ERR_NORECIPIENT, ERR_NOSUCHCHANNEL, ERR_NOSUCHNICK,
    ERR_NOTEXTTOSEND, ERR_TOOMANYTARGETS, RPL_AWAY,
};
use super::{Caps, Ctx, chanserv, nickserv};

/// Tags that clients make up may have so many bytes together.
const MADE_UP_BYTES_MAX: usize = 4094;

pub(super) fn privmsg(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    speak(ctx, me, message, Style::Line);
}

pub(super) fn notice(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    speak(ctx, me, message, Style::Notice);
}

pub(super) fn tagmsg(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    if ctx.conn.caps.has(Caps::MESSAGE_TAGS) {
        speak(ctx, me, message, Style::Tags);
    }
}

fn speak(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>, style: Style) {
    let quiet = style == Style::Notice;
    let text = message.param(1);
    if message.param(0).is_empty() {
        let command = message.command.to_ascii_uppercase();
        let words = format!("No recipient given ({command})");
        if !quiet {
            ctx.tell(ERR_NORECIPIENT, &[], &words);
        }
        return;
    }
    if text.is_empty() && style != Style::Tags {
        if !quiet {
            ctx.say(ERR_NOTEXTTOSEND, &[]);
        }
        return;
    }
    let made_up = made_up(ctx, message);
    if style == Style::Tags && made_up.is_empty() {
        return;
    }
    let targets: Vec<&str> = message.param(0).split(',').filter(|name| !name.is_empty()).collect();
    if targets.len() > ctx.limits().targets_max {
        return ctx.say(ERR_TOOMANYTARGETS, &[targets[0]]);
    }
    let (text, style) = action(text, style);
    let said = Said { text: Text::new(text), style, tags: made_up };
    for target in targets {
        said.to(ctx, me, target);
    }
}

/// The tags that go to others: those that begin with `+`.
pub(super) fn made_up(ctx: &Ctx<'_>, message: &Message<'_>) -> Arc<str> {
    if !ctx.conn.caps.has(Caps::MESSAGE_TAGS) || message.tags.is_empty() {
        return "".into();
    }
    let own = message.tags.split(';').filter(|tag| tag.starts_with('+') && tag.len() > 1);
    let own: Vec<&str> = own.collect();
    let own = own.join(";");
    if own.len() > MADE_UP_BYTES_MAX { "".into() } else { own.into() }
}

fn action(text: &str, style: Style) -> (&str, Style) {
    let inside = text.strip_prefix("\x01ACTION ").filter(|_| style == Style::Line);
    match inside {
        Some(inside) => (inside.strip_suffix('\x01').unwrap_or(inside), Style::Action),
        None => (text, style),
    }
}

/// Something to say.
pub(super) struct Said {
    pub(super) text: Text,
    pub(super) style: Style,
    pub(super) tags: Arc<str>,
}

impl Said {
    fn to(&self, ctx: &mut Ctx<'_>, me: &Person, name: &str) {
        let Some((stream, to)) = find(ctx, me, name, self) else { return };
        // What would not reach others in one line is not sent in part.
        let around = format!(":{} PRIVMSG {name} :", me.who).len() + "\r\n".len();
        let action = if self.style == Style::Action { "\x01ACTION \x01".len() } else { 0 };
        if around + action + self.text.as_str().len() > ctx.limits().line_bytes_max {
            return ctx.say(ERR_INPUTTOOLONG, &[]);
        }
        let event = Event::Said {
            client: ctx.id,
            who: Arc::clone(&me.who),
            to,
            text: self.text.clone(),
            style: self.style,
            tags: Arc::clone(&self.tags),
        };
        ctx.happen(stream, event);
    }

    fn is_ctcp(&self) -> bool {
        self.style != Style::Action && self.text.as_str().starts_with('\x01')
    }

    /// Whether nobody is told that it came to nothing.
    fn is_quiet(&self) -> bool {
        matches!(self.style, Style::Notice | Style::Tags)
    }
}

/// Where something goes; nothing where it may not. Its author is told why.
pub(super) fn find(
    ctx: &mut Ctx<'_>,
    me: &Person,
    name: &str,
    said: &Said,
) -> Option<(Stream, Target)> {
    let bare = name.trim_start_matches(|c| RANKS.iter().any(|(_, _, sign)| *sign == c));
    if bare.starts_with('#') {
        let sign = name.chars().next().filter(|_| bare.len() < name.len());
        return find_room(ctx, me, (bare, sign), said);
    }
    if said.style != Style::Tags && (nickserv::is(name) || chanserv::is(name)) {
        if said.style == Style::Line {
            let words = said.text.as_str();
            if nickserv::is(name) {
                nickserv::asked(ctx, me, words);
            } else {
                chanserv::asked(ctx, me, words);
            }
        }
        return None;
    }
    let Some(person) = ctx.hub.named(name) else {
        if said.style != Style::Notice {
            ctx.say(ERR_NOSUCHNICK, &[super::channel::shown(name)]);
        }
        return None;
    };
    if person.modes.contains(&'R') && me.who.account.is_none() && person.client != ctx.id {
        if !said.is_quiet() {
            let words = "You must be logged in to speak to this person";
            ctx.tell(super::numerics::ERR_NEEDREGGEDNICK, &[person.who.nick.as_str()], words);
        }
        return None;
    }
    if let Some(away) = &person.away
        && !said.is_quiet()
    {
        ctx.tell(RPL_AWAY, &[person.who.nick.as_str()], away.as_str());
    }
    let stream = Stream::direct(&me.key(), &person.key());
    Some((stream, Target::Person(person.client, person.who.nick.clone())))
}

fn find_room(
    ctx: &mut Ctx<'_>,
    me: &Person,
    (name, sign): (&str, Option<char>),
    said: &Said,
) -> Option<(Stream, Target)> {
    let Some(place) = ctx.hub.room(name) else {
        if said.style != Style::Notice {
            ctx.say(ERR_NOSUCHCHANNEL, &[super::channel::shown(name)]);
        }
        return None;
    };
    let ctcp = place.is('C') && said.is_ctcp();
    if !place.lets_speak(me) || ctcp {
        if said.style != Style::Notice {
            let words = if ctcp {
                "Cannot send CTCPs to this channel (+C)"
            } else {
                ERR_CANNOTSENDTOCHAN.1
            };
            ctx.tell(ERR_CANNOTSENDTOCHAN, &[name], words);
        }
        return None;
    }
    let room = place.name.clone();
    let to = match sign {
        Some(sign) => Target::Ranked(sign, room.clone()),
        None => Target::Room(room.clone()),
    };
    Some((Stream::Room(room), to))
}

/// Whether a text has a tag.
pub(super) fn has_tag(text: &str, key: &str) -> bool {
    tags(text).any(|(name, _)| name == key)
}
