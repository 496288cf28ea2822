//! Passwords as the operator gives them: asked for on the terminal, in the first line of a file, or
//! as a line of stdin. Never on the command line, where every user of the machine could read them.

use std::fs;
use std::io::{self, BufRead, IsTerminal, Stdin, Write};
use std::path::Path;
use std::thread::JoinHandle;

use anyhow::Context as _;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use crate::exit::usage;
use crate::signals;

/// Reads the first line of a file.
///
/// # Errors
/// It cannot be read, or its first line is empty.
pub(crate) fn of_file(file: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("cannot read the password file {}", file.display()))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        let name = file.display();
        return Err(usage(format_args!("the first line of {name} is empty; expected a password")));
    }
    Ok(line.to_owned())
}

/// Asks on the terminal, without showing what is typed. `instead` is what to do without one.
///
/// # Errors
/// There is no terminal, or nothing was typed.
pub(crate) fn ask(prompt: &str, instead: &str) -> anyhow::Result<String> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(usage(format_args!("there is no terminal to ask for the password; {instead}")));
    }
    let hidden = Hidden::new(&stdin)?;
    let mut stderr = io::stderr().lock();
    write!(stderr, "{prompt}: ")?;
    stderr.flush()?;
    let line = line(&stdin);
    drop(hidden);
    writeln!(stderr)?;
    line
}

/// Asks twice where stdin is a terminal, else takes its first line.
///
/// # Errors
/// What was typed differs or is empty.
pub(crate) fn of_stdin() -> anyhow::Result<String> {
    if !io::stdin().is_terminal() {
        return line(&io::stdin());
    }
    let password = ask("Password", "")?;
    match ask("The same again", "")? == password {
        true => Ok(password),
        false => Err(usage("these were two different passwords")),
    }
}

fn line(stdin: &Stdin) -> anyhow::Result<String> {
    let mut line = String::new();
    stdin.lock().read_line(&mut line).context("cannot read the password")?;
    match line.trim_end_matches(['\r', '\n']) {
        "" => Err(usage("a password is needed")),
        password => Ok(password.to_owned()),
    }
}

/// A terminal that does not show what is typed, until this is dropped or a signal ends the process.
struct Hidden<'a> {
    terminal: &'a Stdin,
    shown: Termios,
    signals: Handle,
    watch: Option<JoinHandle<()>>,
}

impl Hidden<'_> {
    fn new(terminal: &Stdin) -> anyhow::Result<Hidden<'_>> {
        let shown = tcgetattr(terminal)?;
        let mut hidden = shown.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
        let handle = signals.handle();
        let restored = shown.clone();
        let thread = std::thread::Builder::new().name("password".to_owned());
        let watch = thread.spawn(move || {
            if let Some(signal) = signals.forever().next() {
                // A terminal that has gone needs nothing any more.
                let _ = tcsetattr(io::stdin(), OptionalActions::Now, &restored);
                std::process::exit(signals::exit_of(signal).code());
            }
        })?;
        tcsetattr(terminal, OptionalActions::Flush, &hidden)?;
        Ok(Hidden { terminal, shown, signals: handle, watch: Some(watch) })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        self.signals.close();
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.shown);
        // Privileges are dropped before there are threads.
        let _ = self.watch.take().map(JoinHandle::join);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_the_first_line_of_its_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(of_file(file.path()).is_err());
        fs::write(file.path(), "a secret \r\nnot this\n").unwrap();
        assert_eq!(of_file(file.path()).unwrap(), "a secret ");
    }
}
