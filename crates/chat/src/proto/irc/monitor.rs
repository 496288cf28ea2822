//! MONITOR: names that a client watches for.
//!
//! # Source
//! IRCv3, monitor.

use super::super::{Nick, Person, fold};
use super::Ctx;
use super::message::Message;
use super::numerics::{
    ERR_MONLISTFULL, ERR_NEEDMOREPARAMS, Numeric, RPL_ENDOFMONLIST, RPL_MONLIST, RPL_MONOFFLINE,
    RPL_MONONLINE,
};

/// A line of names has so many bytes at most.
const LINE_BYTES: usize = 360;

pub(super) fn monitor(ctx: &mut Ctx<'_>, _me: &Person, message: &Message<'_>) {
    let names = message.param(1).split(',').filter(|name| !name.is_empty());
    match message.param(0) {
        "+" | "-" if message.param(1).is_empty() => ctx.say(ERR_NEEDMOREPARAMS, &["MONITOR"]),
        "+" => add(ctx, names.collect()),
        "-" => {
            for name in names.map(fold) {
                ctx.conn.watches.remove(&name);
                ctx.watch.remove(&name, ctx.session);
            }
        }
        "C" | "c" => {
            for name in std::mem::take(&mut ctx.conn.watches).into_keys() {
                ctx.watch.remove(&name, ctx.session);
            }
        }
        "L" | "l" => {
            let names = ctx.conn.watches.values().cloned().collect();
            tell(ctx, RPL_MONLIST, names);
            ctx.say(RPL_ENDOFMONLIST, &[]);
        }
        "S" | "s" => {
            let names = ctx.conn.watches.values().cloned().collect();
            status(ctx, names);
        }
        _ => {}
    }
}

fn add(ctx: &mut Ctx<'_>, names: Vec<&str>) {
    let most = ctx.limits().monitor_max;
    let mut added = Vec::new();
    for (place, name) in names.iter().enumerate() {
        if Nick::new(name).is_err() {
            continue;
        }
        let folded = fold(name);
        if ctx.conn.watches.len() >= most && !ctx.conn.watches.contains_key(&folded) {
            status(ctx, std::mem::take(&mut added));
            let rest = names[place..].join(",");
            return ctx.say(ERR_MONLISTFULL, &[&most.to_string(), &rest]);
        }
        ctx.watch.insert(folded.clone(), ctx.session);
        ctx.conn.watches.insert(folded, (*name).to_owned());
        added.push((*name).to_owned());
    }
    status(ctx, added);
}

/// Tells which of these names are here.
fn status(ctx: &mut Ctx<'_>, names: Vec<String>) {
    let (mut online, mut offline) = (Vec::new(), Vec::new());
    for name in names {
        match ctx.hub.named(&name) {
            Some(person) => online.push(person.who.to_string()),
            None => offline.push(name),
        }
    }
    tell(ctx, RPL_MONONLINE, online);
    tell(ctx, RPL_MONOFFLINE, offline);
}

fn tell(ctx: &mut Ctx<'_>, numeric: Numeric, names: Vec<String>) {
    let mut line = String::new();
    for name in names {
        if !line.is_empty() && line.len() + name.len() > LINE_BYTES {
            ctx.tell(numeric, &[], &std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(',');
        }
        line.push_str(&name);
    }
    if !line.is_empty() {
        ctx.tell(numeric, &[], &line);
    }
}
