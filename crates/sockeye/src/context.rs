//! What every command gets: the global options, the layers, and the one way in which a server
//! goes from bound to stopped.

use sockeye_socket::Shutdown;

use crate::args::{Global, Layers, ServerArgs};
use crate::output::{self, ReadyLine, Stream};
use crate::signals::Stop;

/// Descriptors beside those of the clients: listeners, the selector, the standard ones, a reserve.
const OTHER_DESCRIPTORS: u64 = 64;

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

    /// Runs a server whose ports are open: takes the signals, drops the user, says that it is
    /// ready, and hands over until it has stopped.
    ///
    /// # Errors
    /// Where privileges cannot be dropped or the server fails.
    pub(crate) fn serve<R>(
        &self,
        args: &ServerArgs,
        ready: &[ReadyLine],
        stream: Stream,
        run: impl FnOnce(&Shutdown) -> anyhow::Result<R>,
    ) -> anyhow::Result<R> {
        let stop = Stop::install(args.grace)?;
        for line in ready {
            output::ready(line, stream)?;
        }
        run(stop.shutdown())
    }
}

/// Asks the system for as many descriptors as there may be clients. Where it gives fewer, clients
/// wait to be accepted, and the log says so.
pub(crate) fn raise_descriptors(max_clients: usize) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = u64::try_from(max_clients).unwrap_or(u64::MAX).saturating_add(OTHER_DESCRIPTORS);
    let possible = limit.maximum.map_or(wanted, |most| most.min(wanted));
    if limit.current.is_some_and(|current| current < possible) {
        let raised = Rlimit { current: Some(possible), maximum: limit.maximum };
        // What is refused shows when descriptors run out.
        let _ = setrlimit(Resource::Nofile, raised);
    }
}
