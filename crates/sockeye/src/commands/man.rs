//! `sockeye man`: the manual page on stdout, or every page in a folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::args::Cli;
use crate::context::Context;
use crate::exit::Exit;
use crate::output;

/// Arguments of `sockeye man`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  sockeye man | man -l -\n  sockeye man --dir ~/.local/share/man/man1"
)]
pub(crate) struct Args {
    /// Write a page for every command into this folder
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Prints or writes the pages.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    if context.only_checks() {
        return Ok(Exit::DONE);
    }
    let mut root = Cli::command();
    root.build();
    match &args.dir {
        None => output::bytes(&page(root)?)?,
        Some(dir) => {
            fs::create_dir_all(dir)
                .with_context(|| format!("cannot make the folder {}", dir.display()))?;
            write_all(&root, dir, "sockeye")?;
        }
    }
    Ok(Exit::DONE)
}

fn page(command: Command) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    Man::new(command).render(&mut text)?;
    Ok(text)
}

fn write_all(command: &Command, dir: &Path, name: &str) -> anyhow::Result<()> {
    let path = dir.join(format!("{name}.1"));
    let page = page(command.clone().name(name.to_owned()))?;
    fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
    for sub in command.get_subcommands() {
        write_all(sub, dir, &format!("{name}-{}", sub.get_name()))?;
    }
    Ok(())
}
