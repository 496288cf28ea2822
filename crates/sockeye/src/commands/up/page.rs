//! The page of `up`: its flags, who may ask for it, the password and where it comes from.

use std::fs;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use sockeye_hub::page;
use sockeye_hub::proto::guard::Guard;

use crate::banner;
use crate::exit::usage;

/// A label of a host name has so many characters at most.
const LABEL_CHARS_MAX: usize = 63;

/// Flags of the page and its gate.
#[derive(Debug, clap::Args)]
pub(super) struct PageArgs {
    /// Let others drop files into the inbox, by the page
    #[arg(long)]
    pub(super) drop: bool,
    /// Let others read what is in the inbox, too
    #[arg(long, requires = "drop")]
    share_inbox: bool,
    /// Ask for a password, here and then of everyone; other ports then listen on loopback
    #[arg(long)]
    password: bool,
    /// The same, with the password in the first line of a file
    #[arg(long, value_name = "FILE", conflicts_with = "password")]
    password_file: Option<PathBuf>,
    /// Answer peers that are neither on private networks nor on this machine's
    #[arg(long)]
    pub(super) public: bool,
    /// Answer also where the hub is called by this name (repeatable)
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    allow_host: Vec<String>,
    /// What the hub is called, instead of the machine's name
    #[arg(long, value_name = "NAME", value_parser = label)]
    name: Option<String>,
}

fn label(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let fits = (1..=LABEL_CHARS_MAX).contains(&text.len()) && !text.starts_with('-');
    if fits && text.chars().all(allowed) {
        return Ok(text.to_owned());
    }
    Err("expected letters, digits and hyphens, such as `workshop`".to_owned())
}

impl PageArgs {
    /// Whether everyone has to know a password.
    pub(super) fn is_locked(&self) -> bool {
        self.password || self.password_file.is_some()
    }

    /// Who may ask.
    pub(super) fn guard(&self) -> Guard {
        let own = [Some(machine()), self.name.clone()];
        let own = own.into_iter().flatten().flat_map(|name| {
            let local = format!("{name}.local");
            [name, local]
        });
        Guard {
            public: self.public,
            on_link: banner::networks(),
            hosts: own.chain(self.allow_host.iter().cloned()).collect(),
        }
    }

    /// Makes the page's configuration. `drop`: the inbox, where others may drop files. `asks`:
    /// where the password comes from the terminal, it is asked for.
    pub(super) fn config(
        &self,
        room: String,
        drop: Option<PathBuf>,
        asks: bool,
    ) -> anyhow::Result<page::Config> {
        let password = match &self.password_file {
            Some(file) => Some(password_of(file)?),
            None if self.password && asks => Some(ask_password()?),
            None => None,
        };
        Ok(page::Config {
            title: self.name.clone().unwrap_or_else(machine),
            room,
            drop,
            share_inbox: self.share_inbox,
            guard: self.guard(),
            password,
            ..page::Config::default()
        })
    }
}

/// The machine's name.
fn machine() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "sockeye".to_owned() } else { name.to_owned() }
}

fn password_of(file: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("cannot read the password file {}", file.display()))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        let name = file.display();
        return Err(usage(format_args!("the first line of {name} is empty; expected a password")));
    }
    Ok(line.to_owned())
}

/// Asks on the terminal, without showing what is typed.
fn ask_password() -> anyhow::Result<String> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(usage("there is no terminal to ask for the password; --password-file FILE"));
    }
    let mut stderr = std::io::stderr().lock();
    write!(stderr, "Password for this hub: ")?;
    stderr.flush()?;
    let shown = tcgetattr(&stdin)?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &hidden)?;
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    tcsetattr(&stdin, OptionalActions::Now, &shown)?;
    writeln!(stderr)?;
    read?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(usage("a password is needed"));
    }
    Ok(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_labels() {
        assert_eq!(label("workshop-2"), Ok("workshop-2".to_owned()));
        for bad in ["", "-x", "a.b", "a b", "grün", &"x".repeat(64)] {
            assert!(label(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_password_is_the_first_line_of_its_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(password_of(file.path()).is_err());
        fs::write(file.path(), "a secret \r\nnot this\n").unwrap();
        assert_eq!(password_of(file.path()).unwrap(), "a secret ");
    }
}
