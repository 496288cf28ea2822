//! What goes to stdout and to the person at stderr. Rule: a closed stdout ends the command with
//! success ([`Closed`]), and nothing from a peer gets here without `Printable`.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;

/// The reader of stdout has gone (as with `| head`): a reason to stop, not an error.
#[derive(Debug, thiserror::Error)]
#[error("stdout is closed")]
pub(crate) struct Closed;

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Decides for stdout.
    pub(crate) fn on_stdout(self) -> bool {
        self.decide(io::stdout().is_terminal())
    }

    /// Decides for stderr.
    pub(crate) fn on_stderr(self) -> bool {
        self.decide(io::stderr().is_terminal())
    }

    fn decide(self, terminal: bool) -> bool {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !unwanted,
        }
    }
}

/// Writes one line to stdout and flushes it.
///
/// # Errors
/// [`Closed`] where the reader has gone, else the write's error.
pub(crate) fn line(text: impl Display) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    checked(writeln!(stdout, "{text}").and_then(|()| stdout.flush()))
}

/// Writes bytes to stdout as they are and flushes them.
///
/// # Errors
/// [`Closed`] where the reader has gone, else the write's error.
pub(crate) fn bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    checked(stdout.write_all(bytes).and_then(|()| stdout.flush()))
}

/// Tells a reader that has gone from a write that failed.
///
/// # Errors
/// [`Closed`] where the reader has gone, else the write's error.
pub(crate) fn checked(written: io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Closed.into()),
        Err(error) => Err(anyhow::Error::new(error).context("cannot write to stdout")),
        Ok(()) => Ok(()),
    }
}

/// Says something to the person at stderr: one line, nothing if stderr is closed.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Reports the error that ends the command, with its causes.
pub(crate) fn error(error: &dyn std::error::Error) {
    note(format_args!("sockeye: {}", with_causes(error)));
}

/// Writes an error and its causes on one line; a cause that the text ends with already is not said
/// twice.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

/// Where a ready line goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Where scripts look for it.
    Stdout,
    /// Where stdout carries data.
    Stderr,
}

/// `listening WHAT WHERE`: printed once a listener accepts connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReadyLine {
    /// The service, such as `http`.
    pub(crate) what: &'static str,
    /// A URL or an address.
    pub(crate) place: String,
}

/// Prints a ready line. A closed stdout is no reason not to serve.
///
/// # Errors
/// Where stdout cannot be written, but for a reader that has gone.
pub(crate) fn ready(ready: &ReadyLine, stream: Stream) -> anyhow::Result<()> {
    let text = format!("listening {} {}", ready.what, ready.place);
    match stream {
        Stream::Stderr => note(text),
        Stream::Stdout => match line(text) {
            Err(error) if error.is::<Closed>() => {}
            other => return other,
        },
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let error = anyhow::anyhow!("no room").context("a: no room").context("cannot start");
        assert_eq!(with_causes(error.as_ref()), "cannot start: a: no room");
    }
}
