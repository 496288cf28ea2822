//! The binary: layers of configuration become one argument list, the arguments a `Config`, and
//! the command's outcome an exit code. All printing of the program happens in this crate.

mod args;
mod banner;
mod certificate;
mod commands;
mod context;
mod data;
mod exit;
mod interruptible;
mod logfile;
mod logging;
mod output;
mod password;
mod probe;
mod relay;
mod signals;

use std::process::ExitCode;

use crate::exit::Exit;

fn main() -> ExitCode {
    let argv = std::env::args_os().collect();
    match args::parse(argv, &args::Environment::of_process()) {
        Ok(cli) => commands::run(cli).into(),
        Err(args::ParseError::Clap(error)) => {
            // The text is clap's; a closed stdout or stderr is nobody's fault.
            let _ = error.print();
            if error.use_stderr() { Exit::USAGE.into() } else { Exit::DONE.into() }
        }
        Err(error) => {
            output::error(&error);
            Exit::USAGE.into()
        }
    }
}
