//! Arguments: nmap's spellings are rewritten, the three layers (flags, environment, file) become
//! one argument list, and clap parses that.

mod layers;
mod nmap;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use sockeye_edge::privileges::User;

use clap::{Args, CommandFactory, FromArgMatches, Parser};

use crate::commands::Command;
use crate::logging::LogFormat;
use crate::output::Color;

pub(crate) use layers::Environment;
pub(crate) use values::{bytes, count, duration};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "sockeye",
    version,
    about = "Everything that has to go through a socket",
    long_about = "Everything that has to go through a socket: share files, talk in a room, send \
                  and receive, scan, connect and listen. `sockeye up` does it all at once.",
    after_help = EXAMPLES,
    max_term_width = 100,
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    /// What every command understands.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// The list that was parsed, for a command that runs others as its parts.
    #[arg(skip)]
    pub(crate) layers: Layers,
}

const EXAMPLES: &str = "\
Examples:
  sockeye up ~/share                 files, room and inbox for everyone on the network
  sockeye serve -b :8080 ~/share     files only
  sockeye chat serve                 a room on port 9000: nc HOST 9000
  sockeye scan 192.168.1.0/24 -p 22  who has port 22 open
  sockeye connect -v example.org:80  like nc

Every flag can also be set as SOCKEYE_<COMMAND>_<FLAG>, or in a file: --config FILE.";

/// Options of every command.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// Say more (-v information, -vv details)
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global")]
    pub(crate) verbose: u8,
    /// Say only errors
    #[arg(short, long, global = true, help_heading = "Global")]
    pub(crate) quiet: bool,
    /// How log lines look on stderr
    #[arg(long, global = true, value_enum, default_value = "text", help_heading = "Global")]
    pub(crate) log_format: LogFormat,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value = "auto", help_heading = "Global")]
    pub(crate) color: Color,
    /// Read settings from a TOML file
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global")]
    pub(crate) config: Option<PathBuf>,
    /// Check arguments and configuration, then exit
    #[arg(long, global = true, help_heading = "Global")]
    pub(crate) check_config: bool,
}

/// Options of every server.
#[derive(Args, Clone, Debug)]
pub(crate) struct ServerArgs {
    /// How long accepted connections may go on after SIGTERM or SIGINT
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub(crate) grace: Duration,
    /// Become this user once every port is open
    #[arg(long, value_name = "USER[:GROUP]")]
    pub(crate) user: Option<User>,
}

/// The layers below the command line, kept for `up`, which parses its parts' tables too.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers {
    environment: Environment,
    file: layers::File,
}

/// Why there is nothing to run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ParseError {
    /// clap's own: wrong usage, or `--help` and `--version`.
    #[error(transparent)]
    Clap(#[from] clap::Error),
    /// A layer below the command line is wrong.
    #[error(transparent)]
    Layer(#[from] layers::LayerError),
}

/// Parses a command line over its environment and configuration file.
pub(crate) fn parse(argv: Vec<OsString>, env: &Environment) -> Result<Cli, ParseError> {
    let command = Cli::command();
    let argv = nmap::rewrite(argv);
    let seen = layers::survey(&command, &argv);
    let file = layers::File::of(&command, &seen, env)?;
    let layers = Layers { environment: env.clone(), file };
    let argv = layers::merge(&command, argv, &seen, &layers)?;
    let mut cli = Cli::from_arg_matches(&command.try_get_matches_from(argv)?)?;
    cli.layers = layers;
    Ok(cli)
}

impl Layers {
    /// The configuration file, where there is one.
    pub(crate) fn config_file(&self) -> Option<PathBuf> {
        self.file.path()
    }

    /// Parses the arguments of a part of `up`: `words` (such as `["chat", "serve"]`) under the
    /// same environment and file.
    pub(crate) fn part(&self, words: &[&str]) -> Result<Command, ParseError> {
        let command = Cli::command();
        let mut argv = vec![OsString::from("sockeye")];
        argv.extend(words.iter().map(OsString::from));
        let seen = layers::survey(&command, &argv);
        let argv = layers::merge(&command, argv, &seen, self)?;
        Ok(Cli::from_arg_matches(&command.try_get_matches_from(argv)?)?.command)
    }
}
