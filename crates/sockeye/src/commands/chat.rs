//! `sockeye chat`: the room, as a server and as a client.

mod archive;
mod doors;
mod history;
mod join;
mod serve;

use clap::Subcommand;

pub(crate) use doors::ready_line;
pub(crate) use serve::log;

use crate::context::Context;
use crate::exit::{Exit, usage};

/// Arguments of `sockeye chat`.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  sockeye chat serve\n  sockeye chat join --nick anna 192.168.1.20\n  \
                  nc 192.168.1.20 9000"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open a room for everyone who has nc
    Serve(Box<serve::Args>),
    /// Talk in a room
    Join(join::Args),
    /// Write down what was said in a room
    Export(archive::ExportArgs),
    /// Find what was said
    Search(archive::SearchArgs),
}

impl Args {
    /// Makes the room's configuration, where a room is what these arguments ask for.
    /// `makes`: a certificate may be made, not only read.
    pub(crate) fn room(&self, makes: bool) -> anyhow::Result<sockeye_chat::Config> {
        match &self.command {
            Command::Serve(args) => args.room(makes),
            _ => Err(usage("only `chat serve` opens a room")),
        }
    }
}

/// Runs the one that was asked for.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    match &args.command {
        Command::Serve(args) => serve::run(args, context),
        Command::Join(args) => join::run(args, context),
        Command::Export(args) => archive::export(args, context),
        Command::Search(args) => archive::search(args, context),
    }
}
