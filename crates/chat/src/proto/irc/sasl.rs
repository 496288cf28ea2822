//! AUTHENTICATE: who has an account proves it.
//!
//! # Source
//! IRCv3, sasl-3.1 and 3.2; RFC 4616 (PLAIN).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::{Credentials, Event, ScramKeys, Stream, fold};
use super::message::Message;
use super::numerics::{
    ERR_SASLABORTED, ERR_SASLFAIL, ERR_SASLTOOLONG, RPL_LOGGEDIN, RPL_SASLMECHS, RPL_SASLSUCCESS,
};
use super::scram::{Challenge, First, hmac};
use super::work::{Task, Then};
use super::{Caps, Ctx};

/// What can be chosen.
pub(super) const MECHANISMS: &str = "PLAIN,SCRAM-SHA-256";
/// A piece of base64 that is as long as this is followed by another.
const PIECE: usize = 400;
/// All pieces together have so many bytes at most.
const WHOLE_BYTES_MAX: usize = 4096;
/// So many wrong passwords end a connection.
const FAILURES_MAX: u32 = 10;

/// How far a conversation is.
#[derive(Debug, Default)]
pub(crate) struct Sasl {
    stage: Stage,
    pieces: String,
    overlong: bool,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    None,
    Plain,
    ScramFirst,
    ScramFinal(Box<Challenge>, Option<Arc<str>>),
    ScramEnd(Arc<str>),
}

pub(super) fn authenticate(ctx: &mut Ctx<'_>, message: &Message<'_>) {
    let word = message.param(0);
    if !ctx.conn.caps.has(Caps::SASL) || word.is_empty() || ctx.conn.then.is_some() {
        return ctx.say(ERR_SASLFAIL, &[]);
    }
    if word == "*" {
        ctx.conn.sasl = Sasl::default();
        return ctx.say(ERR_SASLABORTED, &[]);
    }
    if matches!(ctx.conn.sasl.stage, Stage::None) {
        return choose(ctx, word);
    }
    if word.len() > PIECE {
        ctx.conn.sasl = Sasl::default();
        return ctx.say(ERR_SASLTOOLONG, &[]);
    }
    let sasl = &mut ctx.conn.sasl;
    if word != "+" && sasl.pieces.len() + word.len() <= WHOLE_BYTES_MAX {
        sasl.pieces.push_str(word);
    } else if word != "+" {
        sasl.overlong = true;
    }
    if word.len() == PIECE && !sasl.overlong {
        return;
    }
    let Sasl { stage, pieces, overlong } = std::mem::take(sasl);
    let bytes = STANDARD.decode(&pieces).ok().filter(|_| !overlong);
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    match (stage, text) {
        (Stage::Plain, Some(text)) => plain(ctx, &text),
        (Stage::ScramFirst, Some(text)) => scram_first(ctx, &text),
        (Stage::ScramFinal(challenge, account), Some(text)) => {
            scram_final(ctx, (&challenge, account), &text);
        }
        (Stage::ScramEnd(account), Some(_)) => checked(ctx, account, true),
        _ => fail(ctx),
    }
}

fn choose(ctx: &mut Ctx<'_>, mechanism: &str) {
    ctx.conn.sasl.stage = match mechanism.to_ascii_uppercase().as_str() {
        "PLAIN" => Stage::Plain,
        "SCRAM-SHA-256" => Stage::ScramFirst,
        _ => {
            ctx.say(RPL_SASLMECHS, &[MECHANISMS]);
            return ctx.say(ERR_SASLFAIL, &[]);
        }
    };
    ctx.line(format_args!("AUTHENTICATE +"));
}

fn fail(ctx: &mut Ctx<'_>) {
    ctx.conn.sasl = Sasl::default();
    ctx.conn.failures += 1;
    ctx.say(ERR_SASLFAIL, &[]);
    if ctx.conn.failures >= FAILURES_MAX {
        ctx.quit = Some(super::super::Text::new("Too many wrong passwords"));
    }
}

/// `[authzid] NUL authcid NUL password`
fn plain(ctx: &mut Ctx<'_>, text: &str) {
    let parts: Vec<&str> = text.split('\0').collect();
    let [asked, name, password] = parts.as_slice() else { return fail(ctx) };
    let other = !asked.is_empty() && fold(asked) != fold(name);
    if name.is_empty() || password.is_empty() || other {
        return fail(ctx);
    }
    let Some(account) = ctx.hub.accounts().find(name) else { return fail(ctx) };
    let (hash, password) = (account.credentials.hash.clone(), (*password).to_owned());
    ctx.work(Task::Verify { hash, password }, Then::Sasl(Arc::clone(&account.name)));
}

fn scram_first(ctx: &mut Ctx<'_>, text: &str) {
    let Some(first) = First::parse(text) else { return fail(ctx) };
    let found = ctx.hub.accounts().find(&first.name);
    let account = found.map(|account| Arc::clone(&account.name));
    let keys = match found.map(|account| &account.credentials) {
        Some(credentials) => Credentials::clone(credentials).scram,
        None => nobodys(ctx, &first.name),
    };
    let seed = format!("{:?} {} {:?}", ctx.session, ctx.now.unix_ms, ctx.now.instant);
    let own = STANDARD.encode(hmac(&ctx.irc.secret, format!("{seed} {}", first.nonce).as_bytes()));
    let (challenge, words) = Challenge::new(first, keys, &own);
    ctx.conn.sasl.stage = Stage::ScramFinal(Box::new(challenge), account);
    send(ctx, &words);
}

/// Keys that fit no password: nobody learns which accounts there are.
fn nobodys(ctx: &Ctx<'_>, name: &str) -> ScramKeys {
    let salt = hmac(&ctx.irc.secret, fold(name).as_bytes())[..16].to_vec();
    let stored = hmac(&ctx.irc.secret, b"nobody");
    ScramKeys { salt, iterations: 4096, stored, server: stored }
}

fn scram_final(
    ctx: &mut Ctx<'_>,
    (challenge, account): (&Challenge, Option<Arc<str>>),
    text: &str,
) {
    let (Some(words), Some(account)) = (challenge.judge(text), account) else { return fail(ctx) };
    ctx.conn.sasl.stage = Stage::ScramEnd(account);
    send(ctx, &words);
}

fn send(ctx: &mut Ctx<'_>, words: &str) {
    let encoded = STANDARD.encode(words);
    ctx.line(format_args!("AUTHENTICATE {encoded}"));
}

/// A password was checked.
pub(super) fn checked(ctx: &mut Ctx<'_>, account: Arc<str>, right: bool) {
    if !right {
        return fail(ctx);
    }
    ctx.conn.failures = 0;
    log_in(ctx, account);
    ctx.say(RPL_SASLSUCCESS, &[]);
}

/// Logs a client in, before or after it was let in.
pub(super) fn log_in(ctx: &mut Ctx<'_>, account: Arc<str>) {
    let hub = ctx.hub;
    let me = hub.person(ctx.id).filter(|_| ctx.conn.greeted);
    let who = match me {
        Some(me) => me.who.to_string(),
        None => {
            format!("{}!{}@{}", ctx.name(), ctx.conn.user.as_deref().unwrap_or("*"), ctx.conn.host)
        }
    };
    let words = format!("You are now logged in as {account}");
    ctx.tell(RPL_LOGGEDIN, &[&who, &account], &words);
    match me {
        Some(me) => {
            let (client, who) = (ctx.id, Arc::clone(&me.who));
            let event = Event::Account { client, who, account: Some(account) };
            ctx.happen(Stream::People, event);
        }
        None => ctx.conn.account = Some(account),
    }
}
