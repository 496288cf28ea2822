//! HELP and HELPOP: a line for each command.

use super::super::Person;
use super::Ctx;
use super::message::Message;
use super::numerics::{ERR_HELPNOTFOUND, RPL_ENDOFHELP, RPL_HELPSTART, RPL_HELPTXT};

const LINES: &str = include_str!("help.txt");

pub(super) fn help(ctx: &mut Ctx<'_>, _me: &Person, message: &Message<'_>) {
    let subject = message.param(0);
    let wanted = subject.to_ascii_uppercase();
    let of = |line: &&str| subject.is_empty() || line.split(' ').next() == Some(&*wanted);
    let lines: Vec<&str> = LINES.lines().filter(of).collect();
    let subject = if subject.is_empty() { "*" } else { super::channel::shown(subject) };
    let Some((first, rest)) = lines.split_first() else {
        return ctx.say(ERR_HELPNOTFOUND, &[subject]);
    };
    ctx.tell(RPL_HELPSTART, &[subject], first);
    for line in rest {
        ctx.tell(RPL_HELPTXT, &[subject], line);
    }
    ctx.tell(RPL_ENDOFHELP, &[subject], "End of /HELP");
}
