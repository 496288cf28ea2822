//! About the server: LUSERS, MOTD, VERSION, TIME, INFO, ADMIN, STATS, LINKS.

use super::super::Person;
use super::Ctx;
use super::greet::version as number;
use super::message::{Message, matches};
use super::numerics::{
    ERR_NOMOTD, ERR_NOSUCHSERVER, RPL_ADMINEMAIL, RPL_ADMINLOC1, RPL_ADMINLOC2, RPL_ADMINME,
    RPL_ENDOFINFO, RPL_ENDOFLINKS, RPL_ENDOFMOTD, RPL_ENDOFSTATS, RPL_GLOBALUSERS, RPL_INFO,
    RPL_LINKS, RPL_LOCALUSERS, RPL_LUSERCHANNELS, RPL_LUSERCLIENT, RPL_LUSERME, RPL_LUSEROP,
    RPL_LUSERUNKNOWN, RPL_MOTD, RPL_MOTDSTART, RPL_STATSUPTIME, RPL_TIME, RPL_VERSION,
};
use super::{isupport, time as clock};

/// Whether this server is meant; else the client is told that there is no other.
fn is_here(ctx: &mut Ctx<'_>, name: &str) -> bool {
    let mask = name.to_lowercase();
    let here = name.is_empty()
        || matches(&mask, &ctx.irc.server.to_lowercase())
        || ctx.hub.named(name).is_some();
    if !here {
        ctx.say(ERR_NOSUCHSERVER, &[super::channel::shown(name)]);
    }
    here
}

pub(super) fn lusers(ctx: &mut Ctx<'_>, _me: &Person, _message: &Message<'_>) {
    show_lusers(ctx);
}

/// How many are here.
pub(super) fn show_lusers(ctx: &mut Ctx<'_>) {
    let hub = ctx.hub;
    let (mut visible, mut invisible, mut operators) = (0_usize, 0_usize, 0_usize);
    for person in hub.all_people() {
        let hidden = person.modes.contains(&'i');
        visible += usize::from(!hidden);
        invisible += usize::from(hidden);
        operators += usize::from(person.is_operator());
    }
    let all = visible + invisible;
    let rooms = hub.all_rooms().filter(|place| !place.members.is_empty()).count();
    let unknown = ctx.unknown.to_string();
    let most = hub.people_max().to_string();
    let words = format!("There are {visible} users and {invisible} invisible on 1 servers");
    ctx.tell(RPL_LUSERCLIENT, &[], &words);
    ctx.say(RPL_LUSEROP, &[&operators.to_string()]);
    ctx.say(RPL_LUSERUNKNOWN, &[&unknown]);
    ctx.say(RPL_LUSERCHANNELS, &[&rooms.to_string()]);
    ctx.tell(RPL_LUSERME, &[], &format!("I have {all} clients and 0 servers"));
    let here = all.to_string();
    ctx.tell(RPL_LOCALUSERS, &[&here, &most], &format!("Current local users {here}, max {most}"));
    ctx.tell(RPL_GLOBALUSERS, &[&here, &most], &format!("Current global users {here}, max {most}"));
}

pub(super) fn motd(ctx: &mut Ctx<'_>, _me: &Person, message: &Message<'_>) {
    if is_here(ctx, message.param(0)) {
        show_motd(ctx);
    }
}

/// The message of the day.
pub(super) fn show_motd(ctx: &mut Ctx<'_>) {
    let irc = ctx.irc;
    if irc.motd.is_empty() {
        return ctx.say(ERR_NOMOTD, &[]);
    }
    ctx.tell(RPL_MOTDSTART, &[], &format!("- {} Message of the day -", irc.server));
    for line in &irc.motd {
        ctx.tell(RPL_MOTD, &[], &format!("- {line}"));
    }
    ctx.say(RPL_ENDOFMOTD, &[]);
}

pub(super) fn version(ctx: &mut Ctx<'_>, _me: &Person, message: &Message<'_>) {
    if is_here(ctx, message.param(0)) {
        let (server, number) = (&*ctx.irc.server, number());
        ctx.tell(RPL_VERSION, &[&number, server], "sockeye");
        isupport::show(ctx);
    }
}

pub(super) fn time(ctx: &mut Ctx<'_>, _me: &Person, message: &Message<'_>) {
    if is_here(ctx, message.param(0)) {
        let (server, words) = (&*ctx.irc.server, clock::words(ctx.now.unix_ms));
        ctx.tell(RPL_TIME, &[server], &words);
    }
}

pub(super) fn info(ctx: &mut Ctx<'_>, _me: &Person, message: &Message<'_>) {
    if is_here(ctx, message.param(0)) {
        let since = clock::words(ctx.irc.started_unix_ms);
        ctx.tell(RPL_INFO, &[], &format!("This is {}", number()));
        ctx.tell(RPL_INFO, &[], &format!("It was started on {since}"));
        ctx.say(RPL_ENDOFINFO, &[]);
    }
}

pub(super) fn admin(ctx: &mut Ctx<'_>, _me: &Person, message: &Message<'_>) {
    if is_here(ctx, message.param(0)) {
        let irc = ctx.irc;
        ctx.say(RPL_ADMINME, &[&irc.server]);
        ctx.tell(RPL_ADMINLOC1, &[], &irc.network);
        ctx.tell(RPL_ADMINLOC2, &[], &irc.server);
        ctx.tell(RPL_ADMINEMAIL, &[], "Ask an operator; WHO * o lists them");
    }
}

pub(super) fn stats(ctx: &mut Ctx<'_>, _me: &Person, message: &Message<'_>) {
    let letter: String = message.param(0).chars().take(1).collect();
    let letter = if letter.trim().is_empty() { "*".to_owned() } else { letter };
    if letter == "u" {
        let up = ctx.now.unix_ms.saturating_sub(ctx.irc.started_unix_ms) / 1000;
        let (days, rest) = (up / 86_400, up % 86_400);
        let (hours, minutes, seconds) = (rest / 3600, rest / 60 % 60, rest % 60);
        let words = format!("Server Up {days} days {hours}:{minutes:02}:{seconds:02}");
        ctx.tell(RPL_STATSUPTIME, &[], &words);
    }
    ctx.say(RPL_ENDOFSTATS, &[&letter]);
}

/// There is one server; only its operators are told of it.
pub(super) fn links(ctx: &mut Ctx<'_>, me: &Person, _message: &Message<'_>) {
    let irc = ctx.irc;
    if me.is_operator() {
        ctx.tell(RPL_LINKS, &[&irc.server, &irc.server], &format!("0 {}", irc.network));
    }
    ctx.say(RPL_ENDOFLINKS, &["*"]);
}
