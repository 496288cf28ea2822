//! What every command gets: the global options, the layers, and the one way in which a server
//! goes from bound to stopped.

use crate::args::{Global, Layers};
use crate::output;

/// The surroundings of a command.
#[derive(Debug)]
pub(crate) struct Context {
    /// The global options.
    pub(crate) global: Global,
    /// The layers below the command line, for a command that has parts.
    pub(crate) layers: Layers,
}

impl Context {
    /// Tells whether the command ends once its configuration is made; says so to the person.
    pub(crate) fn only_checks(&self) -> bool {
        if self.global.check_config {
            output::note("the configuration is valid");
        }
        self.global.check_config
    }
}
