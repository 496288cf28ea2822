//! Who may do what on `sockeye serve`: flags and files of rules become the engine's `Auth`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use sockeye_http::{Auth, AuthRule};
use sockeye_socket::Address;

use crate::exit::usage;
use crate::password;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Access")]
pub(super) struct AccessArgs {
    /// Who may do what below a path, of all rules the longest path counting; RIGHTS are r, w or rw,
    /// USER may be anonymous, HASH comes from `sockeye passwd` (repeatable)
    #[arg(short, long, value_name = "USER:HASH@/PATH:RIGHTS")]
    auth: Vec<AuthRule>,
    /// More such rules, one a line; blank lines and lines that begin with # do not count
    #[arg(long, value_name = "FILE")]
    auth_file: Option<PathBuf>,
    /// Ask everyone for one password; any user name will do
    #[arg(long, conflicts_with_all = ["auth", "auth_file"])]
    password: bool,
    /// The same, with the password in the first line of a file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["auth", "auth_file", "password"])]
    password_file: Option<PathBuf>,
    /// Let passwords travel in the clear, where others on the way can read them
    #[arg(long)]
    insecure_auth: bool,
}

impl AccessArgs {
    /// Tells whether anybody is asked for a password.
    pub(super) fn asks(&self) -> bool {
        !self.auth.is_empty()
            || self.auth_file.is_some()
            || self.password
            || self.password_file.is_some()
    }

    /// Makes the rules. `asks`: a password that comes from the terminal is asked for.
    ///
    /// # Errors
    /// A file cannot be read, or rules contradict each other.
    pub(super) fn auth(&self, asks: bool) -> anyhow::Result<Option<Arc<Auth>>> {
        if let Some(file) = &self.password_file {
            return Ok(Some(Arc::new(Auth::password(&password::of_file(file)?))));
        }
        if self.password && asks {
            let password = password::ask("Password for these files", "--password-file FILE")?;
            return Ok(Some(Arc::new(Auth::password(&password))));
        }
        let mut rules = self.auth.clone();
        if let Some(file) = &self.auth_file {
            rules.extend(rules_of(file)?);
        }
        let has_rules = !self.auth.is_empty() || self.auth_file.is_some();
        let auth = || Auth::new(&rules).map(Arc::new).map_err(usage);
        has_rules.then(auth).transpose()
    }

    /// Refuses to have passwords sent where others can read them, unless told to. `encrypted`:
    /// nothing goes over the network as it is.
    ///
    /// # Errors
    /// They would be.
    pub(super) fn check_places<'a>(
        &self,
        mut places: impl Iterator<Item = &'a Address>,
        encrypted: bool,
    ) -> anyhow::Result<()> {
        if !self.asks() || self.insecure_auth || encrypted {
            return Ok(());
        }
        let is_far = |place: &&Address| place.canonical_ip().is_some_and(|ip| !ip.is_loopback());
        match places.find(is_far) {
            None => Ok(()),
            Some(place) => Err(usage(format_args!(
                "passwords would travel in the clear to {place}: listen on this machine only \
                 (-b 8080) behind something that encrypts, add --tls-self-signed, or say \
                 --insecure-auth"
            ))),
        }
    }
}

fn rules_of(file: &Path) -> anyhow::Result<Vec<AuthRule>> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("cannot read the rules of access {}", file.display()))?;
    let numbered = text.lines().map(str::trim).zip(1..);
    let rules = numbered.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    let rule = |(line, number): (&str, usize)| {
        line.parse()
            .map_err(|error| usage(format_args!("{}, line {number}: {error}", file.display())))
    };
    rules.map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_rule_a_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "# all\n\n  anonymous@/:r  \nanonymous@/x:rw\n").unwrap();
        let rules = rules_of(file.path()).unwrap();
        let rules: Vec<String> = rules.iter().map(AuthRule::to_string).collect();
        assert_eq!(rules, ["anonymous@/:r", "anonymous@/x:rw"]);
        fs::write(file.path(), "anonymous@/:r\nanna:secret@/:r\n").unwrap();
        let error = rules_of(file.path()).unwrap_err().to_string();
        assert!(error.contains("line 2: ") && !error.contains("secret"), "{error}");
    }
}
