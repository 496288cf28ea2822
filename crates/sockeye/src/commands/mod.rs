//! The commands: each module turns its arguments into an engine's `Config`, shows the engine's
//! events, and gives an exit code.

mod chat;
mod completions;
mod connect;
mod listen;
mod man;
mod packets;
mod passwd;
mod probe;
mod progress;
mod receive;
mod scan;
mod send;
mod serve;
mod talk;
mod up;

use clap::Subcommand;

use crate::args::Cli;
use crate::context::Context;
use crate::exit::Exit;
use crate::signals::Hangups;
use crate::{logging, output};

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make this machine the hub of its network: files, a room and an inbox
    Up(up::Args),
    /// Share a folder or a file over HTTP
    Serve(Box<serve::Args>),
    /// Talk: open a room, or join one
    Chat(chat::Args),
    /// Give a file to a receiver
    Send(send::Args),
    /// Take a file from whoever connects
    Receive(receive::Args),
    /// Find open TCP ports
    Scan(Box<scan::Args>),
    /// Connect to an address and carry stdin and stdout, like nc
    Connect(connect::Args),
    /// Listen on an address and carry stdin and stdout, like nc -l
    Listen(listen::Args),
    /// Print the hash of a password, for `serve --auth`
    Passwd(passwd::Args),
    /// Print a script that completes commands and flags in a shell
    Completions(completions::Args),
    /// Print the manual page, or write all of them into a folder
    Man(man::Args),
}

/// Runs a command to its end.
pub(crate) fn run(cli: Cli) -> Exit {
    logging::start(&cli.global);
    let Cli { global, command, layers } = cli;
    let context = Context { global, layers, hangups: Hangups::default() };
    let result = match command {
        Command::Up(args) => up::run(&args, &context),
        Command::Serve(args) => serve::run(&args, &context),
        Command::Chat(args) => chat::run(&args, &context),
        Command::Send(args) => send::run(&args, &context),
        Command::Receive(args) => receive::run(&args, &context),
        Command::Scan(args) => scan::run(&args, &context),
        Command::Connect(args) => connect::run(&args, &context),
        Command::Listen(args) => listen::run(&args, &context),
        Command::Passwd(args) => passwd::run(&args, &context),
        Command::Completions(args) => completions::run(&args, &context),
        Command::Man(args) => man::run(&args, &context),
    };
    result.unwrap_or_else(|error| {
        let exit = Exit::of(&error);
        if exit != Exit::DONE {
            output::error(error.as_ref());
        }
        exit
    })
}
