//! REDACT: takes back what was said.
//!
//! # Source
//! IRCv3, draft/message-redaction.

use std::sync::Arc;

use super::super::{
    Entry, Event, HALF_OPERATORS, Page, Person, Point, Pos, Question, Stream, Target, Text,
};
use super::Ctx;
use super::lookup::{Lookup, Then};
use super::message::Message;

/// What is to be taken back.
#[derive(Debug)]
pub(crate) struct Asked {
    stream: Stream,
    to: Target,
    at: Pos,
    name: String,
    text: Option<Text>,
    /// Takes back what others said, too.
    rules: bool,
}

pub(super) fn redact(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    let (name, id) = (message.param(0), message.param(1));
    let context = [super::channel::shown(name), super::channel::shown(id)];
    let (stream, to, rules) = if name.starts_with('#') {
        let place = ctx.hub.room(name).filter(|place| me.rooms.contains(&place.name));
        let Some(place) = place else {
            let words = "There is no such channel, or you are not in it";
            return ctx.fail("REDACT", "INVALID_TARGET", &context[..1], words);
        };
        let rules = place.rank(ctx.id) & HALF_OPERATORS != 0 || me.is_operator();
        (Stream::Room(place.name.clone()), Target::Room(place.name.clone()), rules)
    } else {
        let Some(person) = ctx.hub.named(name) else {
            return ctx.fail(
                "REDACT",
                "INVALID_TARGET",
                &context[..1],
                "There is nobody of that name",
            );
        };
        let to = Target::Person(person.client, person.who.nick.clone());
        (Stream::direct(&me.key(), &person.key()), to, me.is_operator())
    };
    let Some(at) = Pos::parse(id) else {
        return ctx.fail("REDACT", "UNKNOWN_MSGID", &context, "There is no such message");
    };
    let text = message.params.get(2).map(|text| Text::new(text));
    let asked = Asked { stream: stream.clone(), to, at, name: name.to_owned(), text, rules };
    let before = Some(Point::At(Pos { seq: at.seq.saturating_add(1), ..at }));
    let page = Page { stream, after: None, before, lines: 1, last: true, changes: false };
    let (client, questions) = (ctx.session, vec![Question::Page(page)]);
    ctx.lookup = Some(Lookup { client, questions, then: Then::Redact(asked) });
}

/// The message was looked up.
pub(super) fn found(ctx: &mut Ctx<'_>, asked: Asked, found: &[Arc<Entry>]) {
    let Some(me) = ctx.hub.person(ctx.id) else { return };
    let id = asked.at.to_string();
    let context = [asked.name.as_str(), id.as_str()];
    let Some(entry) = found.iter().find(|entry| entry.pos == asked.at) else {
        return ctx.fail("REDACT", "UNKNOWN_MSGID", &context, "There is no such message");
    };
    let author = match &entry.append.event {
        Event::Said { client, who, .. } | Event::SaidLines { client, who, .. } => {
            Some((client, who))
        }
        _ => None,
    };
    let own = author.is_some_and(|(client, who)| {
        let same_account = who.account.is_some() && who.account == me.who.account;
        same_account || (*client == ctx.id && who.account == me.who.account)
    });
    if !own && !asked.rules {
        let words = "You may take back your own messages only";
        return ctx.fail("REDACT", "REDACT_FORBIDDEN", &context, words);
    }
    let event = Event::Redacted {
        client: ctx.id,
        who: Arc::clone(&me.who),
        to: asked.to,
        at: asked.at,
        text: asked.text,
    };
    ctx.happen(asked.stream, event);
}
