//! The page of `up`: its flags, who may ask for it, the password and where it comes from.

use std::path::PathBuf;

use sockeye_http::proto::guard::Guard;
use sockeye_hub::page;

use crate::{banner, password};

/// What the terminal shows when it asks for the password.
const PROMPT: &str = "Password for this hub";
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
    pub(super) fn guard(&self, https: bool) -> Guard {
        let own = [Some(banner::machine()), self.name.clone()];
        let own = own.into_iter().flatten().flat_map(|name| banner::own_hosts(&name));
        Guard {
            public: self.public,
            https,
            on_link: banner::networks(),
            hosts: own.chain(self.allow_host.iter().cloned()).collect(),
        }
    }

    /// Names of the hub beside the machine's.
    pub(super) fn names(&self) -> Vec<String> {
        let named = self.name.iter().flat_map(|name| banner::own_hosts(name));
        named.chain(self.allow_host.iter().cloned()).collect()
    }

    /// Makes the page's configuration. `drop`: the inbox, where others may drop files. `asks`:
    /// where the password comes from the terminal, it is asked for. `https`: the page has TLS.
    pub(super) fn config(
        &self,
        room: String,
        drop: Option<PathBuf>,
        (asks, https): (bool, bool),
    ) -> anyhow::Result<page::Config> {
        let password = match &self.password_file {
            Some(file) => Some(password::of_file(file)?),
            None if self.password && asks => Some(password::ask(PROMPT, "--password-file FILE")?),
            None => None,
        };
        Ok(page::Config {
            title: self.name.clone().unwrap_or_else(banner::machine),
            room,
            drop,
            share_inbox: self.share_inbox,
            guard: self.guard(https),
            password,
            ..page::Config::default()
        })
    }
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
}
