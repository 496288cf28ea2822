//! The log: `tracing` events of every engine, on stderr, as text or as one JSON object a line.
//! The JSON schema is in docs/logging.md, and a test keeps it true.

use std::io;

use clap::ValueEnum;
use tracing::Level;
use tracing_subscriber::filter::LevelFilter;

use crate::args::Global;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// Chooses the level: warnings by default, `-v` adds information, `-vv` details, `-q` leaves
/// only errors.
pub(crate) fn level(verbose: u8, quiet: bool) -> Level {
    match (quiet, verbose) {
        (true, _) => Level::ERROR,
        (false, 0) => Level::WARN,
        (false, 1) => Level::INFO,
        (false, 2) => Level::DEBUG,
        (false, _) => Level::TRACE,
    }
}

/// Sends the process's log to stderr.
pub(crate) fn start(global: &Global) {
    let builder = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_max_level(LevelFilter::from_level(level(global.verbose, global.quiet)))
        .with_ansi(global.color.on_stderr());
    match global.log_format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).init(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_beats_verbose() {
        assert_eq!(level(2, true), Level::ERROR);
        assert_eq!(level(0, false), Level::WARN);
        assert_eq!(level(9, false), Level::TRACE);
    }
}
