//! CAP: what client and server agree on.
//!
//! # Source
//! IRCv3, capability negotiation.

use super::caps::{CAPS, Value};
use super::message::Message;
use super::numerics::ERR_INVALIDCAPCMD;
use super::register::arrive;
use super::{Caps, Ctx};

/// A line of names has so many bytes at most.
const LINE_BYTES: usize = 400;

pub(super) fn cap(ctx: &mut Ctx<'_>, message: &Message<'_>) {
    let word = message.param(0).to_ascii_uppercase();
    match word.as_str() {
        "LS" => ls(ctx, message.param(1)),
        "LIST" => {
            let has = |cap: &&super::caps::Cap| ctx.conn.caps.has(cap.bit);
            let names = CAPS.iter().filter(has).map(|cap| cap.name.to_owned()).collect();
            show(ctx, "LIST", names, true);
        }
        "REQ" => {
            ctx.conn.negotiates |= !ctx.conn.greeted;
            request(ctx, message.param(1));
        }
        "END" => {
            ctx.conn.negotiates = false;
            arrive(ctx);
        }
        _ => ctx.say(ERR_INVALIDCAPCMD, &[&clean(message.param(0))]),
    }
}

fn clean(word: &str) -> String {
    if word.is_empty() || word.contains(' ') { "*".to_owned() } else { word.to_owned() }
}

fn ls(ctx: &mut Ctx<'_>, version: &str) {
    ctx.conn.negotiates |= !ctx.conn.greeted;
    if version.parse::<u32>().is_ok_and(|version| version >= 302) {
        ctx.conn.knows_values = true;
        ctx.conn.caps = ctx.conn.caps.with(Caps::CAP_NOTIFY);
    }
    let values = ctx.conn.knows_values;
    let name = |cap: &super::caps::Cap| match value(ctx, cap.value).filter(|_| values) {
        Some(value) => format!("{}={value}", cap.name),
        None => cap.name.to_owned(),
    };
    let names = CAPS.iter().map(name).collect();
    show(ctx, "LS", names, values);
}

fn value(ctx: &Ctx<'_>, value: Value) -> Option<String> {
    let limits = ctx.limits();
    match value {
        Value::None => None,
        Value::Sasl => Some(super::sasl::MECHANISMS.to_owned()),
        Value::Multiline => Some(format!(
            "max-bytes={},max-lines={}",
            limits.multiline_bytes_max, limits.multiline_lines_max
        )),
        Value::Registration => {
            let early = if ctx.irc.registers_early { "before-connect," } else { "" };
            let email = if ctx.irc.wants_email { "email-required," } else { "" };
            Some(format!("{early}{email}custom-account-name"))
        }
    }
}

/// Names in as many lines as they need; only who knows of several lines gets them so.
fn show(ctx: &mut Ctx<'_>, word: &str, names: Vec<String>, several: bool) {
    let mut lines = vec![String::new()];
    for name in names {
        let last = lines.last_mut().expect("a line");
        if several && last.len() + name.len() > LINE_BYTES {
            lines.push(name);
            continue;
        }
        if !last.is_empty() {
            last.push(' ');
        }
        last.push_str(&name);
    }
    let count = lines.len();
    for (place, line) in lines.into_iter().enumerate() {
        let more = if place + 1 < count { "* " } else { "" };
        let (server, nick) = (&ctx.irc.server, ctx.name().to_owned());
        ctx.line(format_args!(":{server} CAP {nick} {word} {more}:{line}"));
    }
}

fn request(ctx: &mut Ctx<'_>, wanted: &str) {
    let mut caps = ctx.conn.caps;
    let mut all = true;
    for name in wanted.split(' ').filter(|name| !name.is_empty()) {
        let (name, on) = name.strip_prefix('-').map_or((name, true), |name| (name, false));
        match Caps::named(name) {
            Some(cap) if on => caps = caps.with(cap.bit),
            // Who knows values is told of changes, whether it wants or not.
            Some(cap) if cap.bit == Caps::CAP_NOTIFY && ctx.conn.knows_values => all = false,
            Some(cap) => caps = caps.without(cap.bit),
            None => all = false,
        }
    }
    let answer = if all { "ACK" } else { "NAK" };
    let (server, nick) = (&ctx.irc.server, ctx.name().to_owned());
    ctx.line(format_args!(":{server} CAP {nick} {answer} :{wanted}"));
    if all {
        ctx.conn.caps = caps;
    }
}
