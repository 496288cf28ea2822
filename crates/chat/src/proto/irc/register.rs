//! Coming in and going: PASS, NICK, USER, PING, PONG, QUIT.

use std::sync::Arc;

use super::super::{Event, Identity, Nick, NickError, Stream, Text, fold};
use super::Ctx;
use super::ctx::cut;
use super::message::Message;
use super::numerics::{
    ERR_ALREADYREGISTERED, ERR_ERRONEUSNICKNAME, ERR_NEEDMOREPARAMS, ERR_NICKNAMEINUSE,
    ERR_NONICKNAMEGIVEN, ERR_NOORIGIN, ERR_PASSWDMISMATCH,
};

/// The name of a user is cut to so many bytes.
const USER_BYTES_MAX: usize = 18;
/// So are real names.
pub(super) const REAL_BYTES_MAX: usize = 150;
/// Names that the services have.
const SERVICES: [&str; 2] = ["nickserv", "chanserv"];

pub(super) fn pass(ctx: &mut Ctx<'_>, message: &Message<'_>) {
    if ctx.conn.greeted {
        return ctx.say(ERR_ALREADYREGISTERED, &[]);
    }
    ctx.conn.password = Some(message.param(0).to_owned());
}

pub(super) fn nick(ctx: &mut Ctx<'_>, message: &Message<'_>) {
    let name = message.param(0);
    if name.is_empty() {
        return ctx.say(ERR_NONICKNAMEGIVEN, &[]);
    }
    let nick = match Nick::new(name) {
        Ok(nick) => nick,
        Err(NickError::Empty) => return ctx.say(ERR_NONICKNAMEGIVEN, &[]),
        Err(error) => {
            let shown = if name.contains(' ') { "*" } else { name };
            return ctx.tell(
                ERR_ERRONEUSNICKNAME,
                &[shown],
                &format!("Erroneous nickname: {error}"),
            );
        }
    };
    ctx.conn.wanted = Some(name.to_owned());
    let folded = fold(name);
    let holder = ctx.hub.named(name).map(|person| person.client);
    // Who has not proved yet whose client it is may still do so.
    let may_prove = ctx.conn.negotiates && ctx.hub.accounts().find(name).is_some();
    let foreign = holder.is_some_and(|holder| holder != ctx.id) && !may_prove;
    if SERVICES.contains(&&*folded) || (foreign && !is_own(ctx, name)) {
        return ctx.say(ERR_NICKNAMEINUSE, &[name]);
    }
    if let Some(me) = ctx.hub.person(ctx.id).filter(|_| ctx.conn.greeted) {
        if me.who.nick == nick {
            return;
        }
        if is_reserved(ctx, &nick, me.who.account.as_ref()) {
            return ctx.say(ERR_NICKNAMEINUSE, &[name]);
        }
        let event = Event::Renamed { client: ctx.id, who: Arc::clone(&me.who), nick };
        return ctx.happen(Stream::People, event);
    }
    ctx.conn.nick = Some(nick);
    arrive(ctx);
}

/// Whether the one of this name is logged in to the account that a new client has proved to own.
fn is_own(ctx: &Ctx<'_>, name: &str) -> bool {
    let person = ctx.hub.named(name).filter(|person| person.irc && !ctx.conn.greeted);
    person.is_some_and(|person| {
        person.who.account.is_some() && person.who.account == ctx.conn.account
    })
}

/// A name that is an account belongs to whoever is logged in to it.
fn is_reserved(ctx: &Ctx<'_>, nick: &Nick, account: Option<&Arc<str>>) -> bool {
    let owner = ctx.hub.accounts().find(nick.as_str());
    owner.is_some_and(|owner| account != Some(&owner.name))
}

pub(super) fn user(ctx: &mut Ctx<'_>, message: &Message<'_>) {
    if ctx.conn.greeted || ctx.conn.user.is_some() {
        return ctx.say(ERR_ALREADYREGISTERED, &[]);
    }
    let fits = |c: &char| c.is_ascii_graphic() && !matches!(c, '!' | '@' | ':' | '*' | '?');
    let user: String = message.param(0).chars().filter(fits).collect();
    let real = message.param(3);
    // A name that has nothing left is one all the same: it is shown to nobody but as a name.
    let user = if user.is_empty() && !message.param(0).is_empty() { "user" } else { &user };
    if user.is_empty() || real.is_empty() {
        return ctx.say(ERR_NEEDMOREPARAMS, &["USER"]);
    }
    ctx.conn.user = Some(format!("~{}", cut(user, USER_BYTES_MAX)).into());
    ctx.conn.real = Text::new(cut(real, REAL_BYTES_MAX));
    arrive(ctx);
}

/// Lets a client in as soon as all that is needed is known.
pub(super) fn arrive(ctx: &mut Ctx<'_>) {
    let conn = &ctx.conn;
    let (Some(nick), Some(user)) = (conn.nick.clone(), conn.user.clone()) else { return };
    if conn.greeted || conn.negotiates {
        return;
    }
    let given = conn.password.as_deref().unwrap_or("");
    if ctx.irc.password.as_deref().is_some_and(|right| !same(right, given)) {
        ctx.say(ERR_PASSWDMISMATCH, &[]);
        ctx.quit = Some(Text::new("Password incorrect"));
        return;
    }
    if is_own(ctx, nick.as_str()) {
        ctx.attach = ctx.hub.named(nick.as_str()).map(|person| person.client);
        return;
    }
    if ctx.hub.named(nick.as_str()).is_some() || is_reserved(ctx, &nick, conn.account.as_ref()) {
        ctx.conn.nick = None;
        return ctx.say(ERR_NICKNAMEINUSE, &[nick.as_str()]);
    }
    let host = Arc::clone(&conn.host);
    let who = Identity { nick, user, host, account: conn.account.clone(), bot: false };
    let real = conn.real.clone();
    let event = Event::Arrived { client: ctx.id, who: Arc::new(who), real };
    ctx.happen(Stream::People, event);
}

/// Compares without telling by the time how near a guess was.
pub(super) fn same(right: &str, guess: &str) -> bool {
    let differs = right.bytes().zip(guess.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    differs == 0 && right.len() == guess.len()
}

pub(super) fn ping(ctx: &mut Ctx<'_>, message: &Message<'_>) {
    let Some(token) = message.params.first() else {
        return ctx.say(ERR_NEEDMOREPARAMS, &["PING"]);
    };
    if token.is_empty() {
        return ctx.say(ERR_NOORIGIN, &[]);
    }
    // Who hears the answer has heard everything that was said before the question.
    ctx.waits = true;
    let server = &ctx.irc.server;
    ctx.line(format_args!(":{server} PONG {server} :{token}"));
}

pub(super) fn pong(_ctx: &mut Ctx<'_>, _message: &Message<'_>) {}

pub(super) fn quit(ctx: &mut Ctx<'_>, message: &Message<'_>) {
    let words = match message.params.first().filter(|words| !words.is_empty()) {
        Some(words) if ctx.conn.greeted => format!("Quit: {}", cut(words, 390)),
        Some(words) => cut(words, 390).to_owned(),
        None => "Quit".to_owned(),
    };
    ctx.quit = Some(Text::new(&words));
}
