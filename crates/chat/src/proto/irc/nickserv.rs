//! NickServ, in this server: accounts by words; and REGISTER, by command.
//!
//! # Source
//! IRCv3, draft/account-registration.

use std::sync::Arc;

use super::super::{Credentials, Event, Nick, Person, Stream, fold};
use super::Ctx;
use super::message::Message;
use super::numerics::RPL_LOGGEDOUT;
use super::sasl::log_in;
use super::work::{Task, Then};

/// A password has so many bytes at least and at most.
const PASSWORD_BYTES: std::ops::RangeInclusive<usize> = 1..=300;

/// Whether this is the name of the service.
pub(super) fn is(name: &str) -> bool {
    fold(name) == "nickserv"
}

/// `NS words`
pub(super) fn command(ctx: &mut Ctx<'_>, me: &Person, message: &Message<'_>) {
    let words = message.params.join(" ");
    asked(ctx, me, &words);
}

/// The service says something to the client.
fn say(ctx: &mut Ctx<'_>, words: &str) {
    let (server, nick) = (&ctx.irc.server, ctx.name().to_owned());
    ctx.line(format_args!(":NickServ!NickServ@{server} NOTICE {nick} :{words}"));
}

/// Somebody asks the service for something.
pub(super) fn asked(ctx: &mut Ctx<'_>, me: &Person, words: &str) {
    let mut parts = words.split(' ').filter(|part| !part.is_empty());
    let command = parts.next().unwrap_or("").to_ascii_uppercase();
    let parts: Vec<&str> = parts.collect();
    match (command.as_str(), parts.as_slice()) {
        ("REGISTER", [password, ..]) => {
            let name: Arc<str> = me.who.nick.as_str().into();
            if me.who.account.is_some() {
                return say(ctx, "You are logged in to an account already");
            }
            if ctx.hub.accounts().find(&name).is_some() {
                return say(ctx, "Account already exists");
            }
            make(ctx, name, password, false);
        }
        ("IDENTIFY" | "LOGIN", [password]) => identify(ctx, me.who.nick.as_str(), password),
        ("IDENTIFY" | "LOGIN", [name, password, ..]) => identify(ctx, name, password),
        ("LOGOUT", _) if me.who.account.is_some() => {
            ctx.say(RPL_LOGGEDOUT, &[&me.who.to_string()]);
            let event = Event::Account { client: ctx.id, who: Arc::clone(&me.who), account: None };
            ctx.happen(Stream::People, event);
        }
        ("LOGOUT", _) => say(ctx, "You are not logged in"),
        ("PASSWD" | "PASSWORD", [password, ..]) => match &me.who.account {
            Some(account) if PASSWORD_BYTES.contains(&password.len()) => {
                let password = (*password).to_owned();
                let then = Then::SetPassword(Arc::clone(account));
                ctx.work(Task::Derive { password }, then);
            }
            Some(_) => say(ctx, "This password is too long"),
            None => say(ctx, "You are not logged in"),
        },
        ("INFO", rest) => {
            let name = rest.first().copied().unwrap_or(me.who.nick.as_str());
            match ctx.hub.accounts().find(name) {
                Some(account) => {
                    let since = super::time::words(account.since_unix_ms);
                    let name = Arc::clone(&account.name);
                    say(ctx, &format!("{name} is an account since {since}"));
                }
                None => say(ctx, "There is no such account"),
            }
        }
        _ => {
            say(ctx, "REGISTER password - makes an account of your nick");
            say(ctx, "IDENTIFY [account] password - logs you in; LOGOUT logs you out");
            say(ctx, "PASSWD password - gives your account another password");
            say(ctx, "INFO [account] - about an account");
        }
    }
}

fn identify(ctx: &mut Ctx<'_>, name: &str, password: &str) {
    let Some(account) = ctx.hub.accounts().find(name) else {
        return say(ctx, "Invalid account name or password");
    };
    let (hash, password) = (account.credentials.hash.clone(), password.to_owned());
    ctx.work(Task::Verify { hash, password }, Then::Identify(Arc::clone(&account.name)));
}

/// The password of an account was checked.
pub(super) fn identified(ctx: &mut Ctx<'_>, account: Arc<str>, right: bool) {
    if right {
        return log_in(ctx, account);
    }
    ctx.conn.failures += 1;
    say(ctx, "Invalid account name or password");
    if ctx.conn.failures >= 10 {
        ctx.quit = Some(super::super::Text::new("Too many wrong passwords"));
    }
}

fn make(ctx: &mut Ctx<'_>, name: Arc<str>, password: &str, by_command: bool) {
    let password = password.to_owned();
    ctx.work(Task::Derive { password }, Then::Make(name, by_command));
}

/// What is kept of a new account's password is ready.
pub(super) fn made(
    ctx: &mut Ctx<'_>,
    name: Arc<str>,
    by_command: bool,
    made: Option<Arc<Credentials>>,
) {
    let taken = ctx.hub.accounts().find(&name).is_some();
    let Some(credentials) = made.filter(|_| !taken) else {
        if by_command {
            return ctx.fail("REGISTER", "ACCOUNT_EXISTS", &[&name], "Account already exists");
        }
        return say(ctx, "Account already exists");
    };
    let event = Event::AccountMade { client: ctx.id, name: Arc::clone(&name), credentials };
    ctx.happen(Stream::People, event);
    if by_command {
        let server = &ctx.irc.server;
        ctx.line(format_args!(":{server} REGISTER SUCCESS {name} :Account created"));
    } else {
        say(ctx, "Account created");
    }
    log_in(ctx, name);
}

/// What is kept of another password is ready.
pub(super) fn password_made(ctx: &mut Ctx<'_>, name: Arc<str>, made: Option<Arc<Credentials>>) {
    let Some(credentials) = made else { return say(ctx, "The password could not be changed") };
    ctx.happen(Stream::People, Event::PasswordSet { client: ctx.id, name, credentials });
    say(ctx, "Password changed");
}

/// `REGISTER account email password`
pub(super) fn register(ctx: &mut Ctx<'_>, message: &Message<'_>) {
    let [asked, email, password] = message.params.as_slice() else {
        return ctx.fail("REGISTER", "NEED_MORE_PARAMS", &[], "Not enough parameters");
    };
    let hub = ctx.hub;
    let wanted = ctx.conn.wanted.as_deref().unwrap_or("*");
    let name = match *asked {
        "*" if ctx.name() == "*" => wanted.to_owned(),
        "*" => ctx.name().to_owned(),
        asked => asked.to_owned(),
    };
    let context = super::channel::shown(asked).to_owned();
    let fail = |ctx: &mut Ctx<'_>, code, words| ctx.fail("REGISTER", code, &[&context], words);
    if !ctx.conn.greeted && !ctx.irc.registers_early {
        let words = "Complete the connection first";
        return fail(ctx, "COMPLETE_CONNECTION_REQUIRED", words);
    }
    let me = hub.person(ctx.id).filter(|_| ctx.conn.greeted);
    if me.is_some_and(|me| me.who.account.is_some()) || ctx.conn.account.is_some() {
        return fail(ctx, "ALREADY_AUTHENTICATED", "You are logged in already");
    }
    if Nick::new(&name).is_err() || is(&name) || super::chanserv::is(&name) {
        return fail(ctx, "BAD_ACCOUNT_NAME", "This cannot be the name of an account");
    }
    let foreign = hub.named(&name).is_some_and(|holder| holder.client != ctx.id);
    if foreign || hub.accounts().find(&name).is_some() {
        return fail(ctx, "ACCOUNT_EXISTS", "Account already exists");
    }
    if ctx.irc.wants_email && !email.contains('@') {
        return fail(ctx, "INVALID_EMAIL", "An address is needed");
    }
    if !PASSWORD_BYTES.contains(&password.len()) {
        return fail(ctx, "UNACCEPTABLE_PASSWORD", "This password cannot be used");
    }
    make(ctx, name.as_str().into(), password, true);
}

/// No account here waits to be verified.
pub(super) fn verify(ctx: &mut Ctx<'_>, message: &Message<'_>) {
    let name = super::channel::shown(message.param(0)).to_owned();
    ctx.fail("VERIFY", "INVALID_CODE", &[&name], "There is nothing to verify");
}
