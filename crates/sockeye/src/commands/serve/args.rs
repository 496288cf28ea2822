//! The flags of `sockeye serve`, and the `Config` that they make.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;
use sockeye_edge::listen::ListenAddr;
use sockeye_http::{AccessLog, Config, Limits, LogFormat, Root};

use super::access::AccessArgs;
use super::content::ContentArgs;
use super::tls::TlsArgs;
use super::writes::{self, WriteArgs};
use crate::args::{self, ServerArgs};
use crate::context::Context;
use crate::exit;
use crate::logfile::LogFile;
use crate::signals::Hangups;

/// The port unless one is given.
const PORT: u16 = 8080;

const EXAMPLES: &str = "\
Examples:
  sockeye serve                        this folder, for everyone on the network, on port 8080
  sockeye serve -b 8080 ~/site         for this machine only
  sockeye serve -u=inbox -b :8080      others may put files into inbox, on the whole network
  sockeye serve --qr holiday.zip       one file, with a QR code for phones
  sockeye serve --tls-self-signed      by https, with a certificate that is made here
  sockeye serve --access-log combined --cache-control '*.css=max-age=3600' ~/site";

/// Arguments of `sockeye serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What to serve: a folder, or one file
    #[arg(value_name = "DIR|FILE", default_value = ".")]
    pub(super) path: PathBuf,
    /// The port; 0 takes a free one
    #[arg(short, long, value_name = "PORT", conflicts_with = "bind")]
    port: Option<u16>,
    /// Where to listen: 8080 is this machine only, :8080 every interface (repeatable; :8080
    /// unless given, but 8080 where others may change files)
    #[arg(short, long, value_name = "ADDR", value_delimiter = ',')]
    bind: Vec<ListenAddr>,
    #[command(flatten)]
    content: ContentArgs,
    #[command(flatten)]
    pub(super) access: AccessArgs,
    #[command(flatten)]
    pub(crate) tls: TlsArgs,
    #[command(flatten)]
    pub(super) writes: WriteArgs,
    #[command(flatten)]
    pub(super) log: LogArgs,
    #[command(flatten)]
    limits: LimitArgs,
    /// Worker threads; one for each core unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Serve without a sandbox (by default only what is served can be opened)
    #[arg(long)]
    pub(super) no_sandbox: bool,
    /// Stop after this time
    #[arg(long, value_name = "TIME", value_parser = args::duration)]
    pub(super) expire: Option<Duration>,
    /// Stop when FILE has been downloaded so many times, each in one piece
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) times: Option<u64>,
    /// Show the address as a QR code
    #[arg(long)]
    pub(super) qr: bool,
    /// Open the address in the browser; without a sandbox, in which it would be too
    #[arg(long)]
    pub(super) open: bool,
    #[command(flatten)]
    pub(super) server: ServerArgs,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Access log")]
pub(super) struct LogArgs {
    /// A line for each answer, on stderr or in --access-log-file
    #[arg(long, value_enum, value_name = "FORMAT")]
    access_log: Option<LogArg>,
    /// Append these lines to a file (combined, unless --access-log says otherwise)
    #[arg(long, value_name = "FILE")]
    access_log_file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
struct LimitArgs {
    /// How many connections there may be
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections_max)]
    max_conns: usize,
    /// How many connections one address may have (one /64 of IPv6)
    #[arg(long, value_name = "N")]
    max_conns_per_ip: Option<usize>,
    /// How long a request's head may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = args::duration)]
    timeout_header: Duration,
    /// How long a connection may wait for its next request
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = args::duration)]
    timeout_idle: Duration,
    /// How long an answer may go without 4 KiB of progress
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = args::duration)]
    timeout_write: Duration,
    /// How large a request's head may be
    #[arg(long, value_name = "SIZE", default_value = "32KiB", value_parser = args::bytes)]
    head_bytes_max: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogArg {
    /// None
    Off,
    /// The Common Log Format
    Common,
    /// Common, with referrer and user agent
    Combined,
    /// One JSON object a line
    Json,
}

impl Args {
    pub(crate) fn config(&self) -> anyhow::Result<Config> {
        let meta = std::fs::metadata(&self.path)
            .with_context(|| format!("cannot serve {}", self.path.display()))?;
        if self.times.is_some() && meta.is_dir() {
            return Err(exit::usage("--times counts downloads of one file: name a file to serve"));
        }
        let path = self.path.clone();
        let mut config = Config {
            root: if meta.is_dir() { Root::Dir(path) } else { Root::File(path) },
            listen: self.listen(),
            writes: self.writes.writes(),
            threads: self.threads.map_or(0, usize::from),
            limits: self.limits.limits()?,
            ..Config::default()
        };
        self.content.apply(&mut config);
        self.access.apply(&mut config)?;
        Ok(config)
    }
}

impl Args {
    /// Whether it listens for this machine only because nobody said otherwise.
    pub(crate) fn keeps_to_itself(&self) -> bool {
        self.bind.is_empty() && self.writes.are_any() && !self.access.asks()
    }

    fn listen(&self) -> Vec<ListenAddr> {
        if self.bind.is_empty() {
            let port = self.port.unwrap_or(PORT);
            return vec![writes::default_listen(port, self.keeps_to_itself())];
        }
        self.bind.clone()
    }
}

impl LimitArgs {
    fn limits(&self) -> anyhow::Result<Limits> {
        let head_bytes_max = usize::try_from(self.head_bytes_max)?;
        if head_bytes_max == 0 || self.max_conns == 0 {
            return Err(exit::usage("a limit of 0 would refuse everything"));
        }
        Ok(Limits {
            connections_max: self.max_conns,
            connections_per_address_max: self.max_conns_per_ip,
            head_bytes_max,
            header_timeout: self.timeout_header,
            idle_timeout: self.timeout_idle,
            write_timeout: self.timeout_write,
            ..Limits::default()
        })
    }
}

impl Args {
    /// What every address ends with; no slash in front.
    pub(super) fn below(&self) -> String {
        self.content.below()
    }

    /// Whether symbolic links may lead out of what is served.
    pub(super) fn follows_links_anywhere(&self) -> bool {
        self.content.follows_links_anywhere()
    }

    /// Tells whether anybody is asked for a password.
    pub(crate) fn asks(&self) -> bool {
        self.access.asks()
    }

    /// Opens the access log, where there is to be one.
    pub(crate) fn access_log(&self, context: &Context) -> anyhow::Result<Option<AccessLog>> {
        self.log.open(&context.hangups)
    }
}

impl LogArgs {
    /// The file that lines go to.
    pub(super) fn file(&self) -> Option<&Path> {
        self.access_log_file.as_deref()
    }

    /// Opens the access log, where there is to be one.
    fn open(&self, hangups: &Hangups) -> anyhow::Result<Option<AccessLog>> {
        let format = match (self.access_log, &self.access_log_file) {
            (None | Some(LogArg::Off), None) | (Some(LogArg::Off), Some(_)) => return Ok(None),
            (Some(LogArg::Common), _) => LogFormat::Common,
            (Some(LogArg::Combined), _) | (None, Some(_)) => LogFormat::Combined,
            (Some(LogArg::Json), _) => LogFormat::Json,
        };
        let writer: Box<dyn Write + Send> = match &self.access_log_file {
            None => Box::new(std::io::stderr()),
            Some(path) => Box::new(LogFile::open(path, hangups)?),
        };
        Ok(Some(AccessLog { format, writer }))
    }
}
