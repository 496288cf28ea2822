//! The flags that let requests change what is served.
//!
//! Rule: where anybody could change files the server listens for this machine only, unless told
//! otherwise.

use sockeye_edge::listen::ListenAddr;
use sockeye_http::{Allowed, Writes};

use crate::{args, banner};

/// Flags of what others may change.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Changes")]
pub(super) struct WriteArgs {
    /// Let others put files there: everywhere, or in a folder of it
    #[arg(
        short,
        long,
        value_name = "SUBDIR",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ""
    )]
    upload: Option<String>,
    /// How large an upload may be, where that is less than what the disk has
    #[arg(long, value_name = "SIZE", requires = "upload", value_parser = args::bytes)]
    max_upload: Option<u64>,
    /// Let others remove files and folders there; with --upload, rename and move them, too
    #[arg(long)]
    allow_delete: bool,
    /// Let others make folders there
    #[arg(long)]
    allow_mkdir: bool,
    /// Let pages change files where they call this server by that name, without a password
    /// (repeatable)
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    allow_host: Vec<String>,
}

impl WriteArgs {
    /// Whether others may change anything.
    pub(super) fn are_any(&self) -> bool {
        self.upload.is_some() || self.allow_delete || self.allow_mkdir
    }

    /// The folder below which they may, from what is served.
    pub(super) fn folder(&self) -> Option<&str> {
        let folder = self.upload.as_deref().unwrap_or_default();
        let folder = folder.strip_prefix("./").unwrap_or(folder).trim_matches('/');
        self.are_any().then_some(if folder == "." { "" } else { folder })
    }

    /// What others may change.
    pub(super) fn writes(&self) -> Option<Writes> {
        let hosts = banner::own_hosts(&banner::machine()).into_iter();
        self.folder().map(|folder| Writes {
            folder: folder.to_owned(),
            allowed: Allowed {
                upload: self.upload.is_some(),
                delete: self.allow_delete,
                mkdir: self.allow_mkdir,
            },
            upload_bytes_max: self.max_upload,
            hosts: hosts.chain(self.allow_host.iter().cloned()).collect(),
        })
    }
}

/// Where to listen unless told: for everybody, but where anybody could change files for this
/// machine only.
pub(super) fn default_listen(port: u16, is_open_to_changes: bool) -> ListenAddr {
    match is_open_to_changes {
        true => ListenAddr::loopback(port),
        false => ListenAddr::everywhere(port),
    }
}
