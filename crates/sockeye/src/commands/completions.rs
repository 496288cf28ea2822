//! `sockeye completions SHELL`: a completion script on stdout.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
use crate::context::Context;
use crate::exit::Exit;
use crate::output;

/// Arguments of `sockeye completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sockeye completions fish > \
    ~/.config/fish/completions/sockeye.fish")]
pub(crate) struct Args {
    /// For which shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    if context.only_checks() {
        return Ok(Exit::DONE);
    }
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sockeye", &mut script);
    output::bytes(&script)?;
    Ok(Exit::DONE)
}
