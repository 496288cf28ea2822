//! `sockeye chat serve`: flags become the room's `Config`, its events the log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

use clap::ValueEnum;
use sockeye_chat::{
    Charset, Config, Event, History, Limit, Operator, Rate, RoomName, Server, Slow,
};
use sockeye_edge::password::{PasswordError, PasswordHash};

use super::doors::{DoorArgs, listeners, ready_line};
use super::history::HistoryArgs;
use crate::args::{self, ServerArgs};
use crate::certificate;
use crate::context::{Context, inherited, raise_descriptors};
use crate::exit::{Exit, usage};
use crate::output::ReadyLine;

const EXAMPLES: &str = "\
Examples:
  sockeye chat serve                          a room on port 9000 of every interface
  sockeye chat serve -b 9000 --flood off      on this machine only, nobody is slowed down
  sockeye chat serve --irc :6667              and IRC alone on its usual port
  sockeye chat serve --ircs :6697 --tls-self-signed
                                              the same inside of TLS; port 9000 takes TLS too
  sockeye chat serve --durability full        what anyone has seen outlives a power cut
  sockeye chat serve --classic                bytes in, bytes out, as in the tutorial

Then: nc HOST 9000, and type. /help lists the commands.";

/// Arguments of `sockeye chat serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The server's name, as IRC shows it
    #[arg(long, value_name = "NAME", default_value = "sockeye.local", value_parser = server_name)]
    name: String,
    /// The network's name, as IRC shows it
    #[arg(long, value_name = "NAME", default_value = "Sockeye", value_parser = server_name)]
    network: String,
    /// A file with the message of the day, for IRC
    #[arg(long, value_name = "FILE")]
    motd: Option<PathBuf>,
    /// A file with the password that IRC clients have to give
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Who may run the server by IRC; `sockeye passwd` makes the hash (repeatable)
    #[arg(long, value_name = "USER:HASH", value_parser = operator)]
    oper: Vec<Operator>,
    /// Accounts are made only by who has a name in the rooms
    #[arg(long)]
    register_late: bool,
    /// Who makes an account has to name an e-mail address
    #[arg(long)]
    register_email: bool,
    /// Who is logged in stays in the rooms when all its clients are gone
    #[arg(long)]
    always_on: bool,
    /// A room that exists; plain clients land in the first (repeatable)
    #[arg(long, value_name = "ROOM", default_value = "#lobby", value_delimiter = ',')]
    room: Vec<RoomName>,
    /// Pass bytes from each client to every other, unchanged, and send nothing else
    #[arg(long)]
    classic: bool,
    /// How many clients may be connected
    #[arg(long, value_name = "N", default_value_t = Config::default().max_clients,
        value_parser = args::count)]
    max_clients: usize,
    /// How many clients may come from one address (one /64 of IPv6)
    #[arg(long, value_name = "N", value_parser = args::count)]
    max_per_ip: Option<usize>,
    /// How much may wait to be sent to one client
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = args::bytes)]
    sendq: u64,
    /// What happens to a client that reads too slowly
    #[arg(long, value_enum, default_value = "close")]
    slow: SlowArg,
    /// How fast one client may speak: so many lines at once, then so many a second; or off
    #[arg(long, value_name = "N:M/s|off", default_value = "5:2/s", value_parser = flood)]
    flood: Flood,
    /// What plain clients speak that do not speak UTF-8, such as gbk
    #[arg(long, value_name = "NAME", default_value = "utf-8", value_parser = charset)]
    charset: Charset,
    #[command(flatten)]
    history: HistoryArgs,
    #[command(flatten)]
    doors: DoorArgs,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SlowArg {
    /// It is told and closed
    Close,
    /// Lines are left out, and it is told how many
    Drop,
}

/// A type of its own, since clap reads `Option` as "may be missing".
#[derive(Clone, Copy, Debug)]
struct Flood(Option<Rate>);

fn flood(text: &str) -> Result<Flood, String> {
    if text == "off" {
        return Ok(Flood(None));
    }
    text.parse().map(|rate| Flood(Some(rate))).map_err(|error| format!("{error}, or off"))
}

fn charset(label: &str) -> Result<Charset, String> {
    Charset::named(label)
        .ok_or_else(|| format!("there is no charset '{label}' that plain lines can be written in"))
}

fn server_name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if text.is_empty() || text.len() > 63 || !text.chars().all(fits) || text.starts_with('-') {
        return Err("a name has letters, digits, dots and hyphens, 63 at most".to_owned());
    }
    Ok(text.to_owned())
}

fn operator(text: &str) -> Result<Operator, String> {
    let (name, hash) = text.split_once(':').ok_or("this is written USER:HASH")?;
    let hash: PasswordHash = hash.parse().map_err(|error: PasswordError| error.to_string())?;
    Ok(Operator { name: name.to_owned(), hash: hash.to_string() })
}

impl Args {
    fn config(&self) -> anyhow::Result<Config> {
        if let Some(fault) = self.doors.fault(self.classic) {
            return Err(usage(fault));
        }
        let defaults = self.doors.config();
        let config = Config {
            name: self.name.clone(),
            network: self.network.clone(),
            motd: match &self.motd {
                Some(path) => lines(path)?,
                None => Vec::new(),
            },
            password: match &self.password_file {
                Some(path) => Some(lines(path)?.into_iter().next().unwrap_or_default()),
                None => None,
            },
            operators: self.oper.clone(),
            registers_early: !self.register_late,
            wants_email: self.register_email,
            always_on: self.always_on,
            room: self.room.iter().map(ToString::to_string).collect(),
            classic: self.classic,
            max_clients: self.max_clients,
            max_per_ip: self.max_per_ip,
            sendq_bytes_max: usize::try_from(self.sendq)?,
            queues_bytes_max: defaults.queues_bytes_max.max(usize::try_from(self.sendq)?),
            slow: match self.slow {
                SlowArg::Close => Slow::Close,
                SlowArg::Drop => Slow::Drop,
            },
            flood: self.flood.0,
            charset: self.charset,
            history: if self.classic { History::Off } else { self.history.history()? },
            ..defaults
        };
        Ok(config)
    }

    /// The whole configuration, with the certificate where one is named. `makes`: it may be made,
    /// not only read.
    ///
    /// # Errors
    /// The flags contradict each other, or the certificate cannot be used.
    pub(crate) fn room(&self, makes: bool) -> anyhow::Result<Config> {
        let mut config = self.config()?;
        config.tls = self.doors.certificate.load(makes)?;
        // Without it what needs it would be found wrong.
        if config.tls.is_some() || !self.doors.certificate.is_on() {
            config.check().map_err(usage)?;
        }
        Ok(config)
    }
}

fn lines(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("cannot read {}", path.display())).map_err(usage)?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// Serves until a signal.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let config = args.room(!context.global.check_config)?;
    if context.only_checks() {
        return Ok(Exit::DONE);
    }
    let tls = config.tls.clone();
    raise_descriptors(config.max_clients);
    let server = Server::with_listeners(config, listeners(inherited()?), Arc::new(log))?;
    let ready: Vec<ReadyLine> = server.listening().iter().map(ready_line).collect();
    let report = context.serve(
        &args.server,
        &ready,
        || Ok(()),
        |shutdown| {
            if let Some(tls) = &tls {
                certificate::keep_fresh(tls, &context.hangups, shutdown)?;
                if !context.global.quiet {
                    certificate::greet(tls);
                }
            }
            Ok(server.run(shutdown)?)
        },
    )?;
    tracing::info!(
        connections = report.connections,
        refused = report.refused,
        lines = report.lines,
        cut_off = report.cut_off,
        "the room is closed"
    );
    Ok(Exit::DONE)
}

/// Puts an event into the log. What a client can choose (its name) is checked where it came in.
pub(crate) fn log(event: &Event) {
    match event {
        Event::Joined { nick, peer } => {
            let peer = peer.as_ref().map(ToString::to_string);
            tracing::info!(nick, peer, "joined");
        }
        Event::Left { nick, why } => tracing::info!(nick, ?why, "left"),
        Event::Renamed { from, to } => tracing::info!(from, to, "renamed"),
        Event::Refused { peer, limit } => {
            let flag = match limit {
                Limit::Clients => "--max-clients",
                Limit::ClientsOfAddress => "--max-per-ip",
                Limit::Network => "--public",
                Limit::Rate => "--connect-rate",
                Limit::Entering => "too many that do not say what they are",
            };
            tracing::warn!(%peer, flag, "a client was turned away");
        }
        Event::NotEntered { peer, why } => tracing::info!(%peer, why, "a client did not come in"),
        Event::AcceptPaused { pause } => {
            let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(pause_ms, "no descriptors left: new clients wait");
        }
        Event::HistoryTrouble { error: Some(error) } => {
            tracing::error!(error, "messages cannot be kept: the rooms are read-only");
        }
        Event::HistoryTrouble { error: None } => tracing::info!("messages are kept again"),
        Event::HistoryElsewhere { error } => {
            tracing::warn!(error, "this room keeps its last lines only while it runs");
        }
        Event::ListenerLost { error } => tracing::error!(error, "a listener is lost"),
        _ => {}
    }
}
