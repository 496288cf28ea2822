//! `sockeye chat join`: a client of IRC and of plain rooms on a terminal; lines everywhere else.

mod client;
mod draw;
mod event;
mod net;
mod pipe;
mod plain;
mod proto;
mod target;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use sockeye_edge::tls::{Fingerprint, Trust, client_config};
use sockeye_socket::Socket;

use self::client::Client;
use self::draw::Palette;
use self::net::{Dial, Line};
use self::proto::limits::SCROLLBACK_LINES;
use self::proto::{Settings, Speak, Zone};
use self::target::{Target, checked_room};
use crate::context::Context;
use crate::exit::{Exit, usage};
use crate::password;
use crate::signals::Stop;

/// Arguments of `sockeye chat join`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without a terminal, or with --plain, stdin goes to the room and the room to \
                  stdout: as plain lines, or by IRC where the URL, the port (6667, 6697), \
                  --account, --tls or --protocol says so. On a terminal IRC is tried first; F1 \
                  and /help show keys and commands.\n\n\
                  Examples:\n  sockeye chat join\n  sockeye chat join --nick anna 192.168.1.20\n  \
                  sockeye chat join --account anna ircs://irc.example.org/lobby\n  \
                  date | sockeye chat join --plain 192.168.1.20:9000"
)]
pub(crate) struct Args {
    /// The room's host, HOST:PORT, the port alone, or a URL such as irc://HOST/ROOM or ircs://HOST
    #[arg(value_name = "ADDR", default_value = "localhost")]
    address: Target,
    /// The name to have there
    #[arg(long, value_name = "NAME", value_parser = nick)]
    nick: Option<String>,
    /// A room to join; may be given several times
    #[arg(long = "room", value_name = "ROOM", value_parser = checked_room)]
    rooms: Vec<String>,
    /// Log in to this account; the password is asked for, or comes from SOCKEYE_PASSWORD
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Take the account's password from the first line of FILE
    #[arg(long, value_name = "FILE", requires = "account")]
    password_file: Option<PathBuf>,
    /// Take the password of the server itself from the first line of FILE
    #[arg(long, value_name = "FILE")]
    server_password_file: Option<PathBuf>,
    /// What is spoken there
    #[arg(long, value_enum, default_value = "auto")]
    protocol: Protocol,
    /// Connect by TLS, as ircs:// does
    #[arg(long)]
    tls: bool,
    /// Believe the server with this certificate (SHA-256), whoever vouches for it
    #[arg(long, value_name = "HEX", conflicts_with = "insecure")]
    fingerprint: Option<Fingerprint>,
    /// Believe every server: whoever is on the way can read and change what is said
    #[arg(long)]
    insecure: bool,
    /// How many lines a room keeps
    #[arg(long, value_name = "LINES", default_value_t = SCROLLBACK_LINES,
          value_parser = scrollback)]
    scrollback: usize,
    /// Copy stdin to the room and the room to stdout, for scripts and screen readers
    #[arg(long)]
    plain: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Protocol {
    /// IRC, or plain lines where the server says that it does not speak IRC
    Auto,
    /// IRC
    Irc,
    /// Plain lines
    Lines,
}

fn nick(name: &str) -> Result<String, String> {
    let checked = sockeye_chat::proto::Nick::new(name);
    checked.map(|nick| nick.to_string()).map_err(|error| error.to_string())
}

fn scrollback(text: &str) -> Result<usize, String> {
    let lines = text.parse().ok().filter(|lines| (100..=1_000_000).contains(lines));
    lines.ok_or_else(|| "a number from 100 to 1000000 is needed".to_owned())
}

impl Args {
    fn speak(&self) -> Speak {
        match self.protocol {
            Protocol::Irc => Speak::Irc,
            Protocol::Lines => Speak::Lines,
            Protocol::Auto if self.account.is_some() => Speak::Irc,
            Protocol::Auto => self.address.speak,
        }
    }

    fn dial(&self) -> anyhow::Result<Dial> {
        let trust = match &self.fingerprint {
            Some(fingerprint) => Trust::Fingerprint(fingerprint.clone()),
            None if self.insecure => Trust::Anyone,
            None => Trust::System,
        };
        let wanted = self.tls || self.address.tls;
        if !wanted && trust != Trust::System {
            return Err(usage(
                "--fingerprint and --insecure are about TLS: add --tls, or use ircs://",
            ));
        }
        let tls = wanted.then(|| client_config(trust)).transpose()?;
        Ok(Dial { host: self.address.host.clone(), tls })
    }

    /// The account and its password.
    fn login(&self) -> anyhow::Result<Option<(String, String)>> {
        let Some(account) = &self.account else { return Ok(None) };
        let from_environment = std::env::var("SOCKEYE_PASSWORD").ok().filter(|p| !p.is_empty());
        let password = match (&self.password_file, from_environment) {
            (Some(file), _) => password::of_file(file)?,
            (None, Some(password)) => password,
            (None, None) => {
                password::ask(&format!("Password of {account}"), "give --password-file")?
            }
        };
        Ok(Some((account.clone(), password)))
    }

    fn settings(&self, speak: Speak) -> anyhow::Result<Settings> {
        let mut rooms = self.address.rooms.clone();
        rooms.extend(self.rooms.iter().cloned());
        if rooms.is_empty() && !self.address.is_url {
            rooms.push("#lobby".to_owned());
        }
        let server_password =
            self.server_password_file.as_ref().map(|file| password::of_file(file)).transpose()?;
        let chosen = self.nick.clone().or_else(|| self.account.clone());
        let is_private = (self.address.tls || self.tls) && !self.insecure;
        Ok(Settings {
            place: self.address.host.to_string(),
            speak,
            nick_is_chosen: chosen.is_some(),
            nick: chosen.unwrap_or_else(own_nick),
            rooms,
            account: self.login()?,
            server_password,
            private: is_private || self.address.host.is_here(),
            scrollback_lines: self.scrollback,
            zone: zone(),
            seed: seed()?,
        })
    }
}

/// The person's own name where a server may take it.
fn own_nick() -> String {
    let user = std::env::var("USER").unwrap_or_default();
    let good = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    let name: String = user.chars().filter(good).take(16).collect();
    match name.chars().next() {
        Some(first) if !first.is_ascii_digit() && name != "root" => name,
        _ => "guest".to_owned(),
    }
}

/// How far the clocks here are ahead of UTC; where that is not known, not at all.
fn zone() -> Zone {
    let local = tz::TimeZone::local().ok();
    Box::new(move |seconds| {
        let kind = local.as_ref().and_then(|zone| zone.find_local_time_type(seconds).ok());
        kind.map_or(0, |kind| i64::from(kind.ut_offset()))
    })
}

fn seed() -> anyhow::Result<[u8; 32]> {
    let mut seed = [0; 32];
    let got = rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty())?;
    anyhow::ensure!(got == seed.len(), "the system gives no random numbers");
    Ok(seed)
}

/// Talks until one of both sides ends.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let on_terminal = io::stdin().is_terminal() && io::stdout().is_terminal() && !args.plain;
    let dial = args.dial()?;
    if context.only_checks() {
        return Ok(Exit::DONE);
    }
    let speak = args.speak();
    let by_irc = on_terminal || speak == Speak::Irc || dial.tls.is_some();
    let settings = by_irc.then(|| args.settings(speak)).transpose()?;
    let line = dial.connect()?;
    let stop = Stop::install(Duration::ZERO)?;
    let Some(settings) = settings else {
        return copy(args, line, &stop);
    };
    let client = Client::new(settings, dial, line)?;
    let done = if on_terminal {
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        let wanted = context.global.color.on_stdout();
        let palette = Palette::of(wanted, &variable("TERM"), &variable("COLORTERM"));
        client::talk(client, palette, stop.shutdown())
    } else {
        pipe::talk(client, stop.shutdown())
    };
    if let Some(exit) = stop.interrupted() {
        return Ok(exit);
    }
    done.map(|()| Exit::DONE)
}

/// Plain lines between pipes.
fn copy(args: &Args, line: Line, stop: &Stop) -> anyhow::Result<Exit> {
    let socket: Socket = line.into_socket();
    let registration = stop.shutdown().register(&socket)?;
    if let Some(nick) = &args.nick {
        socket.sendall(format!("/nick {nick}\n").as_bytes())?;
    }
    let done = plain::copy(&Arc::new(socket));
    drop(registration);
    if let Some(exit) = stop.interrupted() {
        return Ok(exit);
    }
    done.map(|()| Exit::DONE)
}
