//! What a server is told: plain data with defaults. The defaults of limits are repeated in
//! docs/limits.md.

use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sockeye_edge::bucket::Rate;
use sockeye_edge::listen::ListenAddr;
use sockeye_edge::tls::Tls;
use sockeye_edge::tree::Symlinks;
use sockeye_socket::Address;

use crate::access::Auth;
use crate::mount::Mount;
use crate::pages::ErrorPage;
use crate::policy::Policy;
use crate::proto::base::BasePath;
use crate::proto::coding::Coding;
use crate::proto::cors::Cors;
use crate::proto::writing::Allowed;
use crate::proto::{archive, connection};
use crate::redirect::Redirect;
use crate::rules::Rule;
use crate::site_path::SitePath;

/// What is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// A folder and what is below it.
    Dir(PathBuf),
    /// One file, at `/` and at `/<its name>`.
    File(PathBuf),
}

/// What a folder without an index file shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listing {
    /// Nothing: 404.
    Off,
    /// A page, unless the request asks for JSON or plain text.
    #[default]
    Html,
    /// JSON, unless the request asks for another form.
    Json,
    /// One name a line, unless the request asks for another form.
    Text,
}

/// Who speaks HTTP/1. What is answered is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// Our own driver.
    #[default]
    Own,
    /// hyper. It takes nothing over, refuses less, and says less of what it refuses.
    Hyper,
}

/// How an access log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// The Common Log Format.
    #[default]
    Common,
    /// Common, and referrer and user agent.
    Combined,
    /// One JSON object a line.
    Json,
}

/// Where access log lines go. They are written by a thread of their own.
pub struct AccessLog {
    /// How a line looks.
    pub format: LogFormat,
    /// Where it is written.
    pub writer: Box<dyn Write + Send>,
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog").field("format", &self.format).finish_non_exhaustive()
    }
}

/// What requests may change in the served folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writes {
    /// The folder that they may change, from the root, without slashes at its ends; empty for all
    /// of it. It must exist.
    pub folder: String,
    /// What they may do there.
    pub allowed: Allowed,
    /// The most bytes of one upload: a file, or a form with files. The disk's room is a limit in
    /// any case.
    pub upload_bytes_max: Option<u64>,
    /// The names by which pages may call the server when they ask for a change, besides addresses
    /// and `localhost`. Who has a password may call it anything.
    pub hosts: Vec<String>,
}

impl Writes {
    /// Whether `path`, from the root, is the folder or below it.
    pub(crate) fn covers(&self, path: &[u8]) -> bool {
        match path.strip_prefix(self.folder.as_bytes()) {
            Some(rest) => self.folder.is_empty() || rest.is_empty() || rest[0] == b'/',
            None => false,
        }
    }

    /// Whether others may put files at `path`, from the root.
    pub(crate) fn takes_uploads(&self, path: &[u8]) -> bool {
        self.allowed.upload && self.covers(path)
    }
}

/// Says whether a peer may connect at all.
pub type Admit = Arc<dyn Fn(&Address) -> bool + Send + Sync>;

/// Limits of what peers can make the server do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most connections at once; more are answered with 503.
    pub connections_max: usize,
    /// The most connections of one address (of a /64 in IPv6).
    pub connections_per_address_max: Option<usize>,
    /// The longest request head in bytes.
    pub head_bytes_max: usize,
    /// The longest request target in bytes.
    pub target_bytes_max: usize,
    /// The most bytes of an unread request body that are read and dropped.
    pub drain_bytes_max: u64,
    /// The most answers at once whose bodies are made while they are sent; more get 503.
    pub streams_max: usize,
    /// The most of them for one address (a /64 in IPv6).
    pub streams_per_address_max: usize,
    /// The most files and folders of an archive.
    pub archive_entries_max: usize,
    /// The longest file, in bytes, that is compressed when it is asked for.
    pub packed_file_bytes_max: u64,
    /// The most files that are compressed at once; others go out as they are.
    pub packs_max: usize,
    /// The most bytes of compressed files that are kept.
    pub packed_bytes_max: usize,
    /// The most entries of a folder that a listing shows.
    pub listing_entries_max: usize,
    /// The most bytes of a picture that a listing in a grid shows.
    pub listing_picture_bytes_max: u64,
    /// How long a request head may take.
    pub header_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// How long an answer, or a request's body, may go without progress.
    pub write_timeout: Duration,
    /// The bytes that count as progress within that time.
    pub progress_bytes_min: u64,
    /// How long an unread body, or a peer that does not close, is waited for.
    pub drain_timeout: Duration,
    /// The most bytes of access log that wait to be written; more lines are dropped and counted.
    pub log_bytes_max: usize,
    /// The most uploads that come in at the same time; more get 503.
    pub uploads_max: usize,
    /// The most of them from one address (a /64 in IPv6).
    pub uploads_per_address_max: usize,
    /// The bytes of the disk that uploads leave free; a twentieth of it where that is less.
    pub upload_free_bytes_min: u64,
    /// How long an unfinished upload is kept that nobody goes on with.
    pub part_age_max: Duration,
    /// The most names that are looked at, once an hour, for unfinished uploads.
    pub sweep_entries_max: u64,
    /// The most names that a folder may hold that is removed.
    pub delete_entries_max: u64,
    /// The most files that are kept, by all workers together.
    pub cache_entries_max: usize,
    /// The most bytes of what is kept of files: answers with small bodies, and paths.
    pub cache_bytes_max: usize,
    /// The most descriptors of larger files that are kept open.
    pub cache_files_max: usize,
    /// The most folders that are watched for changes.
    pub cache_watches_max: usize,
    /// The most passwords that are checked at once, each with a thread and 19 MiB.
    pub checks_max: usize,
    /// The most passwords that wait to be checked; more are answered with 503.
    pub checks_waiting_max: usize,
    /// The most wrong passwords of one address (of a /64 in IPv6) in a minute; more are answered
    /// with 429.
    pub wrong_passwords_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            connections_per_address_max: None,
            head_bytes_max: 32 * 1024,
            target_bytes_max: 8 * 1024,
            drain_bytes_max: 16 * 1024 * 1024,
            streams_max: 64,
            streams_per_address_max: 16,
            archive_entries_max: 100_000,
            packed_file_bytes_max: 4 * 1024 * 1024,
            packs_max: 8,
            packed_bytes_max: 32 * 1024 * 1024,
            listing_entries_max: 10_000,
            listing_picture_bytes_max: 8 * 1024 * 1024,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(30),
            progress_bytes_min: 4096,
            drain_timeout: Duration::from_secs(5),
            log_bytes_max: 1024 * 1024,
            uploads_max: 64,
            uploads_per_address_max: 16,
            upload_free_bytes_min: 256 * 1024 * 1024,
            part_age_max: Duration::from_secs(24 * 3600),
            sweep_entries_max: 1_000_000,
            delete_entries_max: 100_000,
            cache_entries_max: 8192,
            cache_bytes_max: 64 * 1024 * 1024,
            cache_files_max: 1024,
            cache_watches_max: 2048,
            checks_max: 2,
            checks_waiting_max: 64,
            wrong_passwords_max: 10,
        }
    }
}

impl Limits {
    pub(crate) fn of_connection(&self, http2: bool) -> connection::Limits {
        connection::Limits {
            head_bytes_max: self.head_bytes_max,
            target_bytes_max: self.target_bytes_max,
            drain_bytes_max: self.drain_bytes_max,
            header_timeout: self.header_timeout,
            idle_timeout: self.idle_timeout,
            drain_timeout: self.drain_timeout,
            http2,
        }
    }
}

/// Everything that a server is told.
pub struct Config {
    /// What is served.
    pub root: Root,
    /// Where to listen.
    pub listen: Vec<ListenAddr>,
    /// TLS at all these addresses, with this certificate.
    pub tls: Option<Tls>,
    /// Where plain HTTP is answered with a redirect to the first address with TLS.
    pub redirect: Vec<ListenAddr>,
    /// Whether HTTP/2 is spoken: by ALPN with TLS, and by prior knowledge without.
    pub http2: bool,
    /// Who speaks HTTP/1.
    pub engine: Engine,
    /// Names of files that stand for their folder, the first that exists counts.
    pub index: Vec<String>,
    /// What a folder without an index file shows.
    pub listing: Listing,
    /// The forms in which a folder can be had as one file, by its query: `?zip`.
    pub archives: Vec<archive::Format>,
    /// Whether `a.js.br`, `a.js.zst` and `a.js.gz` stand for `a.js` where the client takes that
    /// coding. One that is older than the file itself does not.
    pub precompressed: bool,
    /// In which codings text goes out that is compressed when it is asked for.
    pub compress: Vec<Coding>,
    /// What is elsewhere; the first that matches counts, and all of them before files.
    pub redirects: Vec<Redirect>,
    /// Whether `/about` stands for `about.html`, and leads there from it.
    pub clean_urls: bool,
    /// The file that people get where there is nothing of the name they ask for.
    pub spa: Option<String>,
    /// Files for answers of errors; the first for a status counts.
    pub error_pages: Vec<ErrorPage>,
    /// The path below which everything is.
    pub base_path: BasePath,
    /// Whether names that start with a dot are served.
    pub hidden: bool,
    /// Which symbolic links are followed.
    pub symlinks: Symlinks,
    /// Media types by extension (without the dot), before the built-in ones.
    pub media_types: Vec<(String, String)>,
    /// Header fields of answers with files and listings, by path; the last match of a name counts.
    /// The page of a folder keeps its own `Content-Security-Policy`.
    pub headers: Vec<Rule>,
    /// Who may do what with the files; everybody may read where there is nothing.
    pub auth: Option<Arc<Auth>>,
    /// Which other sites' pages may read the files; none where there is nothing.
    pub cors: Option<Cors>,
    /// How many requests one address may make (one /64 of IPv6); more are answered with 429.
    pub rate: Option<Rate>,
    /// Where the server says whether it is well.
    pub health: Option<SitePath>,
    /// Where the server shows its numbers, to who may read there.
    pub metrics: Option<SitePath>,
    /// Parts of the name space that others answer for; the first that does not pass counts.
    pub mounts: Vec<Mount>,
    /// What requests may change; nothing where there is nothing.
    pub writes: Option<Writes>,
    /// Who may connect; everybody where there is nothing.
    pub admit: Option<Admit>,
    /// The access log.
    pub access_log: Option<AccessLog>,
    /// Worker threads; 0 is one for each core.
    pub threads: usize,
    /// Whether small files and open descriptors are kept for up to a second.
    ///
    /// A change counts for every request that arrives after it. Where the system does not tell of
    /// it (another name of the same file, a mapping, a mount, a file system of another machine, no
    /// inotify left), the old answer may be given for a second.
    pub cache: bool,
    /// Limits of what peers can do.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            root: Root::Dir(PathBuf::from(".")),
            listen: Vec::new(),
            tls: None,
            redirect: Vec::new(),
            http2: true,
            engine: Engine::Own,
            index: vec!["index.html".to_owned()],
            listing: Listing::default(),
            archives: Vec::new(),
            precompressed: false,
            compress: Vec::new(),
            redirects: Vec::new(),
            clean_urls: false,
            spa: None,
            error_pages: Vec::new(),
            base_path: BasePath::default(),
            hidden: false,
            symlinks: Symlinks::Within,
            media_types: Vec::new(),
            headers: Vec::new(),
            auth: None,
            cors: None,
            rate: None,
            health: None,
            metrics: None,
            mounts: Vec::new(),
            writes: None,
            admit: None,
            access_log: None,
            threads: 0,
            cache: true,
            limits: Limits::default(),
        }
    }
}

impl Config {
    /// The part that can be exchanged while a server runs.
    pub fn policy(&self) -> Policy {
        Policy { auth: self.auth.clone(), headers: self.headers.clone(), cors: self.cors.clone() }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("root", &self.root)
            .field("listen", &self.listen)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
