//! `sockeye send`: gives a file to a receiver.

use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use sockeye_transfer::{SendConfig, Source, send};

use crate::args::duration;
use crate::commands::progress::{self, View};
use crate::context::Context;
use crate::exit::{Exit, usage};
use crate::output::Stream;
use crate::signals::Stop;

/// Arguments of `sockeye send`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sockeye send --plain-md5 photo.jpg                    to a receiver on this machine
  sockeye send --plain-md5 --to 192.168.1.7 photo.jpg   to another one, port 6000
  tar c folder | sockeye send --plain-md5 -             what a pipe gives

The protocol has no acknowledgement. Sockeye's receiver closes the connection only once the file is
checked and durable, and resets it otherwise, which is told here.

Exit codes: 0 sent, 2 usage, 3 failed, 4 local file, 7 connection lost or the file not kept,
8 the file changed meanwhile, 9 nobody there, 130 interrupted.")]
pub(crate) struct Args {
    /// The file, or - for stdin
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Speak the tutorial's protocol: 32 digits of MD5, then the bytes (not encrypted)
    #[arg(long)]
    plain_md5: bool,
    /// Who receives
    #[arg(long, value_name = "HOST[:PORT]", default_value = "127.0.0.1:6000")]
    to: String,
    /// How long the receiver may stall
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    timeout: Duration,
    /// Print events as JSON lines
    #[arg(long)]
    json: bool,
}

impl Args {
    fn config(&self) -> anyhow::Result<SendConfig> {
        progress::check_protocol(self.plain_md5, self.timeout)?;
        let [path] = self.paths.as_slice() else {
            return Err(usage("--plain-md5 carries one file; tar them: tar c … | sockeye send -"));
        };
        let source = if path.as_os_str() == "-" {
            Source::Stream(std::io::stdin().as_fd().try_clone_to_owned()?)
        } else {
            Source::File(path.clone())
        };
        let default = SendConfig::default();
        Ok(SendConfig {
            source,
            to: self.to.clone(),
            spool_dir: std::env::temp_dir(),
            connect_timeout: default.connect_timeout.min(self.timeout),
            idle_timeout: self.timeout,
            ..default
        })
    }
}

/// Sends one file.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let config = args.config()?;
    if context.only_checks() {
        return Ok(Exit::DONE);
    }
    let stop = Stop::install(Duration::ZERO)?;
    let view = View::new(&context.global, args.json, Stream::Stdout);
    match send(config, &view.sink(), stop.shutdown()) {
        Ok(_) => Ok(Exit::DONE),
        Err(error) => view.conclude(error, &stop),
    }
}
