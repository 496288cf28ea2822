//! `connect -u --probe` and `listen -u --echo`: their flags, and what the outcome means.

use std::time::Duration;

use rustix::rand::{GetRandomFlags, getrandom};
use sockeye_socket::Socket;

use crate::args::duration;
use crate::context::Context;
use crate::exit::{Exit, usage};
use crate::output;
use crate::probe::proto::prober::Config;
use crate::probe::proto::wire::{HEADER_BYTES, SIZE_BYTES_MAX};
use crate::probe::{self, Ask};
use crate::signals::Stop;

/// The shortest time between two datagrams.
const INTERVAL_MIN: Duration = Duration::from_millis(1);
/// How long a reply may take where `-w` does not say.
const WAIT: Duration = Duration::from_secs(2);

/// Flags of `connect --probe`.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Probing (connect -u --probe)")]
pub(crate) struct ProbeArgs {
    /// Send numbered datagrams to a `listen -u --echo` and count what comes back
    #[arg(
        long,
        requires = "udp",
        conflicts_with_all = ["unix", "half_close", "crlf", "hex", "zero"]
    )]
    probe: bool,
    /// How many datagrams; 0 until interrupted
    #[arg(long, value_name = "N", default_value_t = 10, requires = "probe")]
    count: u32,
    /// The time from one to the next, 1ms at least
    #[arg(long, value_name = "TIME", default_value = "200ms", value_parser = duration)]
    #[arg(requires = "probe")]
    interval: Duration,
    /// The bytes of each, UDP's own header left out (36 to 65507)
    #[arg(long, value_name = "BYTES", default_value_t = 64, requires = "probe")]
    #[arg(value_parser = size)]
    size: usize,
    /// One JSON object a line, the last one with the summary
    #[arg(long, requires = "probe")]
    json: bool,
}

fn size(text: &str) -> Result<usize, String> {
    let size = text.parse().ok().filter(|size| (HEADER_BYTES..=SIZE_BYTES_MAX).contains(size));
    size.ok_or_else(|| format!("`{text}` is not a size from {HEADER_BYTES} to {SIZE_BYTES_MAX}"))
}

impl ProbeArgs {
    /// Tells whether to probe.
    pub(super) fn is_wanted(&self) -> bool {
        self.probe
    }

    /// What to ask, by the flags.
    ///
    /// # Errors
    /// Flags that do not go together.
    pub(super) fn ask(&self, wait: Option<Duration>, context: &Context) -> anyhow::Result<Ask> {
        if self.interval < INTERVAL_MIN {
            return Err(usage("--interval must be 1ms at least"));
        }
        let mut session = [0; 8];
        getrandom(&mut session, GetRandomFlags::empty())?;
        let config = Config {
            count: (self.count > 0).then_some(self.count),
            interval: self.interval,
            wait: wait.unwrap_or(WAIT),
            session: u64::from_ne_bytes(session),
        };
        if !config.fits() {
            return Err(usage("-w is too long for this --interval: at most 16384 times as long"));
        }
        Ok(Ask { config, size: self.size, json: self.json, quiet: context.global.quiet })
    }
}

/// Probes the peer of `socket`.
///
/// # Errors
/// As [`probe::ask`].
pub(super) fn run(socket: &Socket, ask: Ask, stop: &Stop) -> anyhow::Result<Exit> {
    let summary = probe::ask(socket, ask, stop.shutdown())?;
    let verdict = if summary.came_back() { Exit::DONE } else { Exit::NEGATIVE };
    Ok(stop.interrupted().unwrap_or(verdict))
}

/// Answers probers until a signal comes.
///
/// # Errors
/// As [`probe::answer`].
pub(super) fn echo(socket: &Socket, context: &Context, stop: &Stop) -> anyhow::Result<Exit> {
    let counts = probe::answer(socket, stop.shutdown())?;
    if context.global.verbose > 0 {
        output::note(format_args!(
            "answered {} datagrams, held {} back because too many came, ignored {} that no prober \
             sends",
            counts.answered, counts.held_back, counts.ignored
        ));
    }
    Ok(Exit::DONE)
}

#[cfg(test)]
mod tests {
    use crate::probe::proto::{echo, order, prober, round_trips};

    #[test]
    fn the_documented_limits_are_the_limits() {
        let actual = [
            ("probe::INTERVAL_MIN", super::INTERVAL_MIN.as_secs_f64().to_string()),
            ("probe::WAIT", super::WAIT.as_secs().to_string()),
            ("probe::WINDOW", order::WINDOW.to_string()),
            ("probe::SAMPLES_MAX", round_trips::SAMPLES_MAX.to_string()),
            ("probe::ASKS_MAX", prober::ASKS_MAX.to_string()),
            ("probe::SESSIONS_MAX", echo::SESSIONS_MAX.to_string()),
            ("probe::SESSION_IDLE", echo::SESSION_IDLE.as_secs().to_string()),
            ("probe::TOTAL_PPS_MAX", echo::TOTAL_PPS_MAX.to_string()),
            ("probe::SESSION_PPS_MAX", echo::SESSION_PPS_MAX.to_string()),
        ];
        let actual = actual.map(|(name, limit)| (name.to_owned(), limit)).to_vec();
        let markdown = include_str!("../../../../docs/limits.md");
        assert_eq!(sockeye_testkit::documented_limits(markdown, "connect and listen"), actual);
    }
}
