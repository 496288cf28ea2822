//! MODE of a room.
//!
//! ```text
//! lists b e I (masks) · with a value k l · flags C M R i m n s t · ranks q a o h v (a member)
//! ```

use std::sync::Arc;

use super::super::{
    Event, FLAGS, HALF_OPERATORS, ModeChange, OPERATORS, Person, Room, Stream, rank_bit,
};
use super::Ctx;
use super::channel::shown;
use super::ctx::whole_mask;
use super::message::Message;
use super::numerics::{
    ERR_BANLISTFULL, ERR_CHANOPRIVSNEEDED, ERR_INVALIDKEY, ERR_INVALIDMODEPARAM, ERR_NOSUCHCHANNEL,
    ERR_NOSUCHNICK, ERR_UNKNOWNMODE, ERR_USERNOTINCHANNEL, Numeric, RPL_BANLIST, RPL_CHANNELMODEIS,
    RPL_CREATIONTIME, RPL_ENDOFBANLIST, RPL_ENDOFEXCEPTLIST, RPL_ENDOFINVEXLIST, RPL_EXCEPTLIST,
    RPL_INVEXLIST,
};
use super::own_modes;

/// Masks have so many bytes at most.
const MASK_BYTES_MAX: usize = 200;

pub(super) fn mode(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    let name = message.param(0);
    if !name.starts_with('#') {
        return own_modes::mode(ctx, me, message);
    }
    let Some(place) = ctx.hub.room(name) else {
        return ctx.say(ERR_NOSUCHCHANNEL, &[shown(name)]);
    };
    if message.params.len() < 2 {
        return show(ctx, me, place);
    }
    let mut asked = Asked { place, values: &message.params[2..], at: 0, listed: String::new() };
    let mut changes = Vec::new();
    let mut set = true;
    for letter in message.param(1).chars() {
        match letter {
            '+' => set = true,
            '-' => set = false,
            letter => changes.extend(asked.judge(ctx, set, letter)),
        }
    }
    if !changes.is_empty() {
        let event = Event::Modes { client: ctx.id, who: Arc::clone(&me.who), changes };
        ctx.happen(Stream::Room(place.name.clone()), event);
    }
}

fn show(ctx: &mut Ctx<'_>, me: &Person, place: &Room) {
    let room = place.name.as_str();
    let modes = place.modes(me.rooms.contains(&place.name));
    let mut params = vec![room];
    params.extend(modes.split(' '));
    ctx.give(RPL_CHANNELMODEIS, &params);
    ctx.give(RPL_CREATIONTIME, &[room, &place.created_unix_s.to_string()]);
}

/// A command's changes on their way to being judged.
struct Asked<'a, 'm> {
    place: &'a Room,
    values: &'m [&'m str],
    at: usize,
    /// Lists that were shown: each once.
    listed: String,
}

impl<'m> Asked<'_, 'm> {
    fn value(&mut self) -> Option<&'m str> {
        let value = self.values.get(self.at).copied().filter(|value| !value.is_empty());
        self.at += 1;
        value
    }

    fn judge(&mut self, ctx: &mut Ctx<'_>, set: bool, mode: char) -> Option<ModeChange> {
        let plain = |value: Option<Arc<str>>| ModeChange { set, mode, value, member: None };
        match mode {
            'b' | 'e' | 'I' => self.judge_mask(ctx, set, mode),
            'q' | 'a' | 'o' | 'h' | 'v' => self.judge_rank(ctx, set, mode),
            'k' => {
                let value = self.value();
                self.may(ctx, HALF_OPERATORS)?;
                if !set {
                    self.place.key.as_ref()?;
                    return Some(plain(Some(value.unwrap_or("*").into())));
                }
                let Some(key) = value else {
                    let room = self.place.name.as_str();
                    ctx.tell(ERR_INVALIDMODEPARAM, &[room, "k", "*"], "A key is needed");
                    return None;
                };
                let long = key.len() > ctx.limits().key_bytes_max;
                if long || key.contains([',', ' ']) || key.starts_with(':') {
                    ctx.say(ERR_INVALIDKEY, &[self.place.name.as_str()]);
                    return None;
                }
                Some(plain(Some(key.into())))
            }
            'l' => {
                let value = if set { self.value() } else { None };
                self.may(ctx, HALF_OPERATORS)?;
                if !set {
                    self.place.limit?;
                    return Some(plain(None));
                }
                let limit = value.and_then(|value| value.parse::<u32>().ok());
                let Some(limit) = limit.filter(|limit| *limit > 0) else {
                    let room = self.place.name.as_str();
                    let given = value.unwrap_or("*");
                    ctx.tell(ERR_INVALIDMODEPARAM, &[room, "l", given], "A number is needed");
                    return None;
                };
                Some(plain(Some(limit.to_string().into())))
            }
            flag if FLAGS.contains(flag) => {
                self.may(ctx, HALF_OPERATORS)?;
                (self.place.is(flag) != set).then(|| plain(None))
            }
            unknown => {
                ctx.say(ERR_UNKNOWNMODE, &[&unknown.to_string()]);
                None
            }
        }
    }

    /// Whether the client has one of these ranks here; else it is told.
    fn may(&self, ctx: &mut Ctx<'_>, ranks: u8) -> Option<()> {
        if self.place.rank(ctx.id) & ranks != 0 {
            return Some(());
        }
        let told = format!(" {} {} ", ERR_CHANOPRIVSNEEDED.0, ctx.name());
        if !ctx.text.contains(&told) {
            ctx.say(ERR_CHANOPRIVSNEEDED, &[self.place.name.as_str()]);
        }
        None
    }

    fn judge_mask(&mut self, ctx: &mut Ctx<'_>, set: bool, mode: char) -> Option<ModeChange> {
        let Some(mask) = self.value() else {
            if !self.listed.contains(mode) {
                self.listed.push(mode);
                self.show_list(ctx, mode);
            }
            return None;
        };
        self.may(ctx, HALF_OPERATORS)?;
        let room = self.place.name.as_str();
        if mask.len() > MASK_BYTES_MAX || mask.contains(' ') || mask.starts_with(':') {
            ctx.tell(ERR_INVALIDMODEPARAM, &[room, &mode.to_string(), "*"], "This is no mask");
            return None;
        }
        let mask = whole_mask(mask);
        let folded = super::super::fold(&mask);
        let list = self.place.masks.list(mode)?;
        let there = list.iter().find(|entry| entry.folded == folded);
        if there.is_some() == set {
            return None;
        }
        if set && list.len() >= ctx.limits().masks_max {
            ctx.say(ERR_BANLISTFULL, &[room, &mode.to_string()]);
            return None;
        }
        let value = there.map_or_else(|| mask.into(), |entry| Arc::clone(&entry.text));
        Some(ModeChange { set, mode, value: Some(value), member: None })
    }

    fn show_list(&self, ctx: &mut Ctx<'_>, mode: char) {
        let (one, end): (Numeric, Numeric) = match mode {
            'b' => (RPL_BANLIST, RPL_ENDOFBANLIST),
            'e' => (RPL_EXCEPTLIST, RPL_ENDOFEXCEPTLIST),
            _ => (RPL_INVEXLIST, RPL_ENDOFINVEXLIST),
        };
        let room = self.place.name.as_str();
        if mode != 'b' && self.may(ctx, HALF_OPERATORS).is_none() {
            return;
        }
        for mask in self.place.masks.list(mode).into_iter().flatten() {
            let by = mask.by.split('!').next().unwrap_or("*");
            ctx.give(one, &[room, &mask.text, by, &mask.unix_s.to_string()]);
        }
        ctx.say(end, &[room]);
    }

    fn judge_rank(&mut self, ctx: &mut Ctx<'_>, set: bool, mode: char) -> Option<ModeChange> {
        let nick = self.value()?;
        let room = self.place.name.as_str();
        let Some(person) = ctx.hub.named(nick) else {
            ctx.say(ERR_NOSUCHNICK, &[nick]);
            return None;
        };
        if !person.rooms.contains(&self.place.name) {
            ctx.say(ERR_USERNOTINCHANNEL, &[nick, room]);
            return None;
        }
        let bit = rank_bit(mode)?;
        // One may give up what one has; else it takes a rank above, or an equal one for `o`.
        let own = !set && person.client == ctx.id;
        if !own {
            self.may(ctx, needed(bit))?;
        }
        if (self.place.rank(person.client) & bit != 0) == set {
            return None;
        }
        let value = Some(person.who.nick.as_str().into());
        Some(ModeChange { set, mode, value, member: Some(person.client) })
    }
}

/// Who may give and take a rank.
fn needed(bit: u8) -> u8 {
    match bit {
        16 => 16,
        8 => 16 | 8,
        4 => OPERATORS,
        2 => OPERATORS,
        _ => HALF_OPERATORS,
    }
}
