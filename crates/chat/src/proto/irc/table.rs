//! The commands: a table, and the way through it.

use super::super::Person;
use super::message::Message;
use super::numerics::{
    ERR_INPUTTOOLONG, ERR_NEEDMOREPARAMS, ERR_NOTREGISTERED, ERR_UNKNOWNCOMMAND,
};
use super::{
    Caps, Ctx, Input, away, cap, channel, chanserv, help, history, info, invite, kick, list, modes,
    monitor, multiline, names, nickserv, oper, read, redact, register, sasl, talk, topic, who,
    whois, whowas,
};

/// Who may use a command, and what does it.
pub(super) enum Run {
    /// Whoever is connected.
    Anyone(fn(&mut Ctx<'_>, &Message<'_>)),
    /// Who was let in.
    Person(fn(&mut Ctx<'_>, &Person, &Message<'_>)),
}

/// A command.
pub(super) struct Command {
    pub(super) name: &'static str,
    /// So many parameters it has at least.
    pub(super) params_min: usize,
    pub(super) run: Run,
}

const fn anyone(
    name: &'static str,
    params_min: usize,
    run: fn(&mut Ctx<'_>, &Message<'_>),
) -> Command {
    Command { name, params_min, run: Run::Anyone(run) }
}

const fn person(
    name: &'static str,
    params_min: usize,
    run: fn(&mut Ctx<'_>, &Person, &Message<'_>),
) -> Command {
    Command { name, params_min, run: Run::Person(run) }
}

/// Sorted by name.
pub(super) static COMMANDS: &[Command] = &[
    person("ADMIN", 0, info::admin),
    anyone("AUTHENTICATE", 0, sasl::authenticate),
    anyone("AWAY", 0, away::away),
    person("BATCH", 1, multiline::batch),
    anyone("CAP", 1, cap::cap),
    person("CHANSERV", 0, chanserv::command),
    person("CHATHISTORY", 0, history::chathistory),
    person("CS", 0, chanserv::command),
    person("HELP", 0, help::help),
    person("HELPOP", 0, help::help),
    person("INFO", 0, info::info),
    person("INVITE", 0, invite::invite),
    person("ISON", 1, whois::ison),
    person("JOIN", 1, channel::join),
    person("KICK", 2, kick::kick),
    person("KILL", 2, oper::kill),
    person("LINKS", 0, info::links),
    person("LIST", 0, list::list),
    person("LUSERS", 0, info::lusers),
    person("MARKREAD", 0, read::markread),
    person("MODE", 1, modes::mode),
    person("MONITOR", 1, monitor::monitor),
    person("MOTD", 0, info::motd),
    person("NAMES", 0, names::names),
    anyone("NICK", 0, register::nick),
    person("NICKSERV", 0, nickserv::command),
    person("NOTICE", 0, talk::notice),
    person("NS", 0, nickserv::command),
    person("OPER", 2, oper::oper),
    person("PART", 1, channel::part),
    anyone("PASS", 1, register::pass),
    anyone("PING", 0, register::ping),
    anyone("PONG", 0, register::pong),
    person("PRIVMSG", 0, talk::privmsg),
    anyone("QUIT", 0, register::quit),
    person("REDACT", 2, redact::redact),
    anyone("REGISTER", 0, nickserv::register),
    person("SETNAME", 1, away::setname),
    person("STATS", 0, info::stats),
    person("TAGMSG", 0, talk::tagmsg),
    person("TIME", 0, info::time),
    person("TOPIC", 1, topic::topic),
    anyone("USER", 4, register::user),
    person("USERHOST", 1, whois::userhost),
    anyone("VERIFY", 0, nickserv::verify),
    person("VERSION", 0, info::version),
    person("WALLOPS", 1, oper::wallops),
    person("WHO", 0, who::who),
    person("WHOIS", 0, whois::whois),
    person("WHOWAS", 0, whowas::whowas),
];

/// A label may have so many bytes.
const LABEL_BYTES_MAX: usize = 64;

/// Does what a client has sent.
pub(crate) fn run(ctx: &mut Ctx<'_>, input: &Input) {
    let line = match input {
        Input::Line(line) => line,
        Input::TooLong => return ctx.say(ERR_INPUTTOOLONG, &[]),
        Input::NotUtf8 => {
            return ctx.fail("*", "INVALID_UTF8", &[], "Message rejected: it is not valid UTF-8");
        }
    };
    let Some(message) = Message::parse(line) else { return };
    let name = message.command.to_ascii_uppercase();
    if ctx.conn.caps.has(Caps::LABELED_RESPONSE) {
        let label = message.tag("label").filter(|label| !label.is_empty());
        ctx.conn.label =
            label.filter(|l| l.len() <= LABEL_BYTES_MAX).map(std::borrow::Cow::into_owned);
    }
    let Ok(place) = COMMANDS.binary_search_by(|command| command.name.cmp(&name)) else {
        if ctx.conn.greeted {
            return ctx.say(ERR_UNKNOWNCOMMAND, &[message.command]);
        }
        return ctx.say(ERR_NOTREGISTERED, &[]);
    };
    let command = &COMMANDS[place];
    let hub = ctx.hub;
    let me = hub.person(ctx.id).filter(|_| ctx.conn.greeted);
    if me.is_none() && matches!(command.run, Run::Person(_)) {
        return ctx.say(ERR_NOTREGISTERED, &[]);
    }
    let filled = message.params.iter().take(command.params_min).filter(|p| !p.is_empty()).count();
    if filled < command.params_min {
        return ctx.say(ERR_NEEDMOREPARAMS, &[&name]);
    }
    if multiline::takes(ctx, &message) {
        return;
    }
    match (&command.run, me) {
        (Run::Anyone(run), _) => run(ctx, &message),
        (Run::Person(run), Some(me)) => run(ctx, me, &message),
        (Run::Person(_), None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(COMMANDS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }
}
