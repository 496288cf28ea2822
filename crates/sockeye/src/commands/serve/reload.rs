//! After SIGHUP: what flags, environment and files say now of access and header fields, in place of
//! what they said before. A configuration that is wrong changes nothing.

use std::sync::Arc;

use sockeye_http::{Auth, Policy, Reload};
use sockeye_socket::Address;

use super::Args;
use crate::args::{self, Environment};
use crate::commands::Command;
use crate::exit::usage;
use crate::output::with_causes;

/// What a running server is given anew.
pub(super) struct Reloading {
    /// Where it is exchanged.
    pub(super) reload: Reload,
    /// Where the server listens, which stays.
    pub(super) places: Vec<Address>,
    /// Whether nothing goes over the network as it is, which stays.
    pub(super) encrypted: bool,
    /// The rules of before: a password that was asked for stays.
    pub(super) before: Option<Arc<Auth>>,
    /// Whether the password of before was asked for.
    pub(super) was_asked: bool,
}

impl Reloading {
    /// Reads everything anew, and says what came of it.
    pub(super) fn run(&self) {
        match self.policy() {
            Ok(policy) => {
                self.reload.set(policy);
                tracing::info!("access and header fields are as configured now");
            }
            Err(error) => {
                let error = with_causes(error.as_ref());
                tracing::error!(error, "the new configuration is wrong: the old one stays");
            }
        }
    }

    fn policy(&self) -> anyhow::Result<Policy> {
        let argv = std::env::args_os().collect();
        let command = args::parse(argv, &Environment::of_process())?.command;
        let Command::Serve(args) = command else {
            return Err(usage("this is no configuration of `serve`"));
        };
        let args: &Args = &args;
        args.access.check_places(self.places.iter(), self.encrypted)?;
        let mut config = args.config()?;
        config.auth = match (args.access.asks_on_terminal(), self.was_asked) {
            (true, true) => self.before.clone(),
            (true, false) => {
                return Err(usage("nobody can be asked for a password now; --password-file FILE"));
            }
            (false, _) => args.access.auth(false)?,
        };
        Ok(config.policy())
    }
}
