//! What a transfer is asked to do: plain values, checked by `Server::bind` and `send`.

use std::fmt;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sockeye_edge::listen::ListenAddr;
use sockeye_socket::Address;

pub use sockeye_edge::tree::Overwrite;

/// The port of `receive`.
pub const PORT: u16 = 6000;

/// What a receiver does.
#[derive(Clone, Debug)]
pub struct ReceiveConfig {
    /// Where it listens.
    pub listen: Vec<ListenAddr>,
    /// Where the bytes go.
    pub output: Output,
    /// What happens to a file of the same name.
    pub overwrite: Overwrite,
    /// The permission bits of a received file; of these only `0o777` count.
    pub file_mode: u32,
    /// Goes on after the first transfer, which else ends the run with its own result.
    pub keep: bool,
    /// Asked before anything is accepted; nobody where none.
    pub ask: Option<Ask>,
    /// A larger file is refused.
    pub size_bytes_max: Option<u64>,
    /// From the connection to the last of its 32 digits, seconds and fractions.
    pub header_timeout: Duration,
    /// How long no byte may arrive after that.
    pub idle_timeout: Duration,
    /// Connections that are open at once; the next one is closed.
    pub connections_max: usize,
    /// Buffers of 1 MiB that one transfer may have in flight, `1..`.
    pub buffers: usize,
}

impl Default for ReceiveConfig {
    fn default() -> Self {
        Self {
            listen: vec![ListenAddr::loopback(PORT)],
            output: Output::default(),
            overwrite: Overwrite::Never,
            file_mode: 0o600,
            keep: false,
            ask: None,
            size_bytes_max: None,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            connections_max: 8,
            buffers: 4,
        }
    }
}

/// Where received bytes go.
#[derive(Clone)]
pub enum Output {
    /// To a file, which has its name only once it is whole.
    File {
        /// The folder; it has to exist.
        dir: PathBuf,
        /// The name, without any folder.
        name: String,
    },
    /// To a stream, as they arrive: whoever reads it has to heed the exit code.
    Stream(Arc<Mutex<dyn Write + Send>>),
}

impl Default for Output {
    fn default() -> Self {
        Self::File { dir: ".".into(), name: "received_file".into() }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { dir, name } => {
                f.debug_struct("File").field("dir", dir).field("name", name).finish()
            }
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

/// A question to the person.
#[derive(Debug)]
#[non_exhaustive]
pub enum Question<'a> {
    /// Somebody wants to send.
    Accept {
        /// Who.
        peer: &'a Address,
        /// The name that it would get.
        name: Option<&'a str>,
        /// Whether a file of that name would be replaced.
        replaces: bool,
    },
}

/// Gives the answer to a question, or `false` where nobody can be asked any more.
#[derive(Clone)]
pub struct Ask(Arc<dyn Fn(&Question<'_>) -> bool + Send + Sync>);

impl Ask {
    /// Wraps the function that asks. It is called by the connection's own thread and may wait.
    pub fn new(ask: impl Fn(&Question<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    pub(crate) fn ask(&self, question: &Question<'_>) -> bool {
        (self.0)(question)
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ask")
    }
}

/// What a sender does.
#[derive(Debug)]
pub struct SendConfig {
    /// What is sent.
    pub source: Source,
    /// Who takes it: `host`, `host:port`, `[::1]:port`, `port` or `unix:/path`.
    pub to: String,
    /// Where a stream is kept while its sum is made, without a name.
    pub spool_dir: PathBuf,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long no byte may go out, and how long the receiver may take to close at the end.
    pub idle_timeout: Duration,
    /// Buffers of 1 MiB while the sum is made, `1..`.
    pub buffers: usize,
}

impl Default for SendConfig {
    fn default() -> Self {
        Self {
            source: Source::File(PathBuf::new()),
            to: format!("127.0.0.1:{PORT}"),
            spool_dir: "/tmp".into(),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            buffers: 4,
        }
    }
}

/// What is sent.
#[derive(Debug)]
pub enum Source {
    /// A regular file.
    File(PathBuf),
    /// Whatever comes out of a descriptor until its end: it is spooled first, because the sum goes
    /// first.
    Stream(OwnedFd),
}
