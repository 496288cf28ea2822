//! What every command gets: the global options, the layers, and the one way in which a server
//! goes from bound to stopped.

use std::ffi::OsString;

use sockeye_edge::activation::{self, Inherited};
use sockeye_edge::privileges;
use sockeye_socket::Shutdown;

use crate::args::{Global, Layers, ServerArgs};
use crate::output::{self, ReadyLine, Stream};
use crate::signals::{Hangups, Stop};

/// Descriptors beside those of the clients: listeners, the selector, the standard ones, a reserve.
const OTHER_DESCRIPTORS: u64 = 64;

/// The surroundings of a command.
#[derive(Debug)]
pub(crate) struct Context {
    /// The global options.
    pub(crate) global: Global,
    /// The layers below the command line, for a command that has parts.
    pub(crate) layers: Layers,
    /// The SIGHUPs of a server.
    pub(crate) hangups: Hangups,
}

impl Context {
    /// Tells whether the command ends once its configuration is made; says so to the person.
    pub(crate) fn only_checks(&self) -> bool {
        if self.global.check_config {
            output::note("the configuration is valid");
        }
        self.global.check_config
    }

    /// Runs a server whose ports are open: drops the user, lets it `shut_in` itself, takes the
    /// signals, says that it is ready, and hands over until it has stopped.
    ///
    /// # Errors
    /// Where privileges cannot be dropped or the server fails.
    pub(crate) fn serve<R>(
        &self,
        args: &ServerArgs,
        ready: &[ReadyLine],
        shut_in: impl FnOnce() -> anyhow::Result<()>,
        run: impl FnOnce(&Shutdown) -> anyhow::Result<R>,
    ) -> anyhow::Result<R> {
        become_user(args)?;
        shut_in()?;
        let stop = Stop::counting(self.hangups.clone())?;
        stop.listen(args.grace)?;
        announce(ready, Stream::Stdout)?;
        run(stop.shutdown())
    }
}

/// Drops the privileges that opening the ports needed. Comes before the first thread.
///
/// # Errors
/// No such user, or the system refuses.
pub(crate) fn become_user(args: &ServerArgs) -> anyhow::Result<()> {
    if let Some(user) = &args.user {
        privileges::drop_to(user)?;
    }
    Ok(())
}

/// Prints the ready lines, and tells the service manager.
///
/// # Errors
/// Where stdout or the service manager's socket cannot be written.
pub(crate) fn announce(ready: &[ReadyLine], stream: Stream) -> anyhow::Result<()> {
    for line in ready {
        output::ready(line, stream)?;
    }
    if let Some(socket) = std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty()) {
        activation::notify(&socket, "READY=1")?;
    }
    Ok(())
}

/// Takes the listening sockets that the service manager has opened for this process.
///
/// # Errors
/// Where the variables promise what is not there.
pub(crate) fn inherited() -> anyhow::Result<Vec<Inherited>> {
    let variable = |name| std::env::var_os(name).map(OsString::into_string).transpose();
    let malformed = |_| anyhow::anyhow!("LISTEN_FDS, LISTEN_PID or LISTEN_FDNAMES is not UTF-8");
    let [count, pid, names] = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"].map(variable);
    let (Some(count), Some(pid)) = (count.map_err(malformed)?, pid.map_err(malformed)?) else {
        return Ok(Vec::new());
    };
    let names = names.map_err(malformed)?.unwrap_or_default();
    Ok(activation::named(&count, &pid, &names)?)
}

/// Takes the sockets of the service manager for a server that has one kind of them.
///
/// # Errors
/// As [`inherited`].
pub(crate) fn inherited_sockets() -> anyhow::Result<Vec<sockeye_socket::Socket>> {
    Ok(inherited()?.into_iter().map(|inherited| inherited.socket).collect())
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
