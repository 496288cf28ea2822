//! `sockeye passwd`: the hash of a password, for `--auth` rules.

use sockeye_edge::password::PasswordHash;

use crate::context::Context;
use crate::exit::Exit;
use crate::{output, password};

const EXAMPLES: &str = "\
Examples:
  sockeye passwd                     ask twice, without showing what is typed
  sockeye passwd < file              the password is the first line

The hash (argon2id) may be seen by others: it is what `sockeye serve --auth` takes.";

/// Arguments of `sockeye passwd`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {}

/// Prints the hash.
pub(crate) fn run(_: &Args, context: &Context) -> anyhow::Result<Exit> {
    if context.only_checks() {
        return Ok(Exit::DONE);
    }
    let password = password::of_stdin()?;
    output::line(PasswordHash::make(&password)?)?;
    Ok(Exit::DONE)
}
