//! Who may do what on `sockeye serve`: flags and files of rules become the engine's `Auth`.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::Context as _;
use sockeye_edge::bucket::Rate;
use sockeye_http::{Auth, AuthRule, Config, Cors, Origin, OriginError, SitePath};
use sockeye_socket::Address;

use crate::exit::usage;
use crate::password;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Access")]
pub(super) struct AccessArgs {
    /// Who may do what below a path, of all rules the longest path counting; RIGHTS are r, w or rw,
    /// USER may be anonymous, HASH comes from `sockeye passwd` (repeatable)
    #[arg(short, long, value_name = "USER:HASH@/PATH:RIGHTS")]
    auth: Vec<String>,
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
    /// Let pages of other sites read: those of ORIGIN (repeatable), with the browser's password for
    /// here, or without ORIGIN those of all sites, without it
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',', num_args = 0..=1)]
    #[arg(require_equals = true, default_missing_value = "*")]
    cors: Vec<CorsArg>,
    /// How many requests an address may make (one /64 of IPv6), such as 20/s, or 100:20/s for 100
    /// at once
    #[arg(long, value_name = "N/s", help_heading = "Limits")]
    rate: Option<Rate>,
    /// Say at PATH whether the server is well, to everyone [default PATH: /~health]
    #[arg(long, value_name = "PATH", num_args = 0..=1, value_parser = place)]
    #[arg(require_equals = true, default_missing_value = "/~health")]
    health: Option<SitePath>,
    /// Show numbers for Prometheus at PATH, to who may read there [default PATH: /~metrics]
    #[arg(long, value_name = "PATH", num_args = 0..=1, value_parser = place)]
    #[arg(require_equals = true, default_missing_value = "/~metrics")]
    metrics: Option<SitePath>,
}

#[derive(Clone, Debug)]
enum CorsArg {
    Any,
    Origin(Origin),
}

impl FromStr for CorsArg {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<CorsArg, OriginError> {
        match text {
            "*" => Ok(CorsArg::Any),
            _ => text.parse().map(CorsArg::Origin),
        }
    }
}

fn place(text: &str) -> Result<SitePath, String> {
    match text.parse::<SitePath>() {
        Ok(path) if path.as_str().is_empty() => Err("this would stand in for the root".to_owned()),
        Ok(path) => Ok(path),
        Err(error) => Err(error.to_string()),
    }
}

impl AccessArgs {
    /// Tells whether anybody is asked for a password.
    pub(super) fn asks(&self) -> bool {
        !self.auth.is_empty()
            || self.auth_file.is_some()
            || self.password
            || self.password_file.is_some()
    }

    /// Tells whether the password comes from the terminal.
    pub(super) fn asks_on_terminal(&self) -> bool {
        self.password
    }

    /// The files that are read, once and after each SIGHUP.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.auth_file.iter().chain(&self.password_file)
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
        // Not by the parser of arguments, which would show what may be a password in its message.
        let given = self.auth.iter().map(|rule| rule.parse());
        let rules = given.collect::<Result<Vec<AuthRule>, _>>();
        let mut rules = rules.map_err(|error| usage(format_args!("--auth: {error}")))?;
        if let Some(file) = &self.auth_file {
            rules.extend(rules_of(file)?);
        }
        let has_rules = !self.auth.is_empty() || self.auth_file.is_some();
        let auth = || Auth::new(&rules).map(Arc::new).map_err(usage);
        has_rules.then(auth).transpose()
    }

    /// Sets what needs no password.
    ///
    /// # Errors
    /// Everybody's pages and some are named together, or two places are the same.
    pub(super) fn apply(&self, config: &mut Config) -> anyhow::Result<()> {
        config.cors = self.cors()?;
        config.rate = self.rate;
        config.health.clone_from(&self.health);
        config.metrics.clone_from(&self.metrics);
        match &self.health {
            Some(place) if self.health == self.metrics => {
                Err(usage(format_args!("--health and --metrics are both at {place}")))
            }
            _ => Ok(()),
        }
    }

    fn cors(&self) -> anyhow::Result<Option<Cors>> {
        let origins = self.cors.iter().filter_map(|arg| match arg {
            CorsArg::Any => None,
            CorsArg::Origin(origin) => Some(origin.clone()),
        });
        let origins: Vec<Origin> = origins.collect();
        match (self.cors.len(), origins.len()) {
            (0, _) => Ok(None),
            (_, 0) => Ok(Some(Cors::Any)),
            (all, listed) if all == listed => Ok(Some(Cors::Listed(origins))),
            _ => Err(usage("--cors names either the pages of all sites or of some")),
        }
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
