//! MODE of a person: `i` invisible, `w` hears WALLOPS, `B` is a bot, `R` is spoken to only by who
//! is logged in, `o` runs the server (given by OPER alone).

use std::sync::Arc;

use super::super::{Event, Person, Stream};
use super::Ctx;
use super::message::Message;
use super::numerics::{ERR_NOSUCHNICK, ERR_UMODEUNKNOWNFLAG, ERR_USERSDONTMATCH, RPL_UMODEIS};

pub(super) fn mode(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    let name = message.param(0);
    let Some(person) = ctx.hub.named(name) else {
        return ctx.say(ERR_NOSUCHNICK, &[super::channel::shown(name)]);
    };
    if person.client != ctx.id {
        return ctx.say(ERR_USERSDONTMATCH, &[]);
    }
    if message.params.len() < 2 {
        return ctx.give(RPL_UMODEIS, &[&shown(me)]);
    }
    let (mut set, mut known) = (true, true);
    let mut changes: Vec<(bool, char)> = Vec::new();
    for letter in message.param(1).chars() {
        match letter {
            '+' => set = true,
            '-' => set = false,
            // It is OPER that gives it.
            'o' if set => {}
            'i' | 'w' | 'B' | 'R' | 'o' => {
                let twice = changes.iter().any(|(_, mode)| *mode == letter);
                if me.modes.contains(&letter) != set && !twice {
                    changes.push((set, letter));
                }
            }
            _ => known = false,
        }
    }
    if !known {
        ctx.say(ERR_UMODEUNKNOWNFLAG, &[]);
    }
    if !changes.is_empty() {
        let event = Event::OwnModes { client: ctx.id, who: Arc::clone(&me.who), changes };
        ctx.happen(Stream::People, event);
    }
}

/// A person's modes.
pub(super) fn shown(person: &Person) -> String {
    let mut shown = "+".to_owned();
    shown.extend(&person.modes);
    shown
}
