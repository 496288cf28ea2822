//! Exit codes, as documented for scripts. A command returns one; an error carries one.

use std::process::ExitCode;

use crate::output::Closed;

/// What the process ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exit(u8);

impl Exit {
    /// Done.
    pub(crate) const DONE: Exit = Exit(0);
    /// A negative result: nothing open, probe refused.
    pub(crate) const NEGATIVE: Exit = Exit(1);
    /// The command line, the environment or the configuration file is wrong.
    pub(crate) const USAGE: Exit = Exit(2);
    /// Failed.
    pub(crate) const FAILED: Exit = Exit(3);
    /// Stopped by SIGINT.
    pub(crate) const INTERRUPTED: Exit = Exit(130);
    /// Stopped by SIGTERM.
    pub(crate) const TERMINATED: Exit = Exit(143);

    /// Makes a command's own refinement of `FAILED` (`send` and `receive` have several).
    pub(crate) const fn new(code: u8) -> Exit {
        Exit(code)
    }

    /// The number that the shell sees.
    pub(crate) fn code(self) -> i32 {
        self.0.into()
    }

    /// Chooses the exit code of an error: its own where it carries one, success where the reader
    /// of stdout has gone, else `FAILED`.
    pub(crate) fn of(error: &anyhow::Error) -> Exit {
        if error.is::<Closed>() {
            return Exit::DONE;
        }
        error.downcast_ref::<Failure>().map_or(Exit::FAILED, |failure| failure.exit)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.0)
    }
}

/// An error that knows its exit code. Make one with [`Failure::new`] or [`usage`].
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// Couples a message with the exit code that it ends the process with.
    pub(crate) fn new(exit: Exit, message: impl std::fmt::Display) -> Failure {
        Failure { exit, message: message.to_string() }
    }
}

/// A mistake of the command line, found after parsing.
pub(crate) fn usage(message: impl std::fmt::Display) -> anyhow::Error {
    Failure::new(Exit::USAGE, message).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_without_a_code_is_a_failure_and_keeps_its_code_under_context() {
        assert_eq!(Exit::of(&anyhow::anyhow!("x")), Exit::FAILED);
        assert_eq!(Exit::of(&usage("x")), Exit::USAGE);
        assert_eq!(Exit::of(&usage("x").context("while y")), Exit::USAGE);
        assert_eq!(Exit::of(&anyhow::Error::new(Closed)), Exit::DONE);
    }
}
