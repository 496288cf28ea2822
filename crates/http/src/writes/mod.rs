//! Requests that change the served folder: files put there, folders made, names removed and moved.
//!
//! Rules:
//! 1. What is changed lies below one folder, and no symbolic link is on the way to it.
//! 2. A file has its name when it is whole and durable. Until then it has a hidden name, which is
//!    gone where the upload is cut, unless it is one that can be resumed.
//! 3. Conditions count at the moment of the change: nobody else of this server changes the same
//!    name between the look and the change.
//! 4. Another site's page changes nothing ([`guard`](crate::proto::guard)).
//! 5. The disk keeps some room, and so many uploads come in at once at most.

mod admission;
mod change;
mod failure;
mod form;
mod incoming;
mod put;
mod sweep;

use std::io::Read;
use std::sync::Arc;

use sockeye_edge::caps::Caps;
use sockeye_edge::tree::{Segments, Space, Symlinks, Tree, TreeError, is_part_name};
use sockeye_socket::Address;

use self::admission::{Turn, Turns};
use self::failure::Failure;
use crate::access::{Need, Visitor};
use crate::config::{Config, Limits, Root, Writes};
use crate::error::Error;
use crate::files::facts_of;
use crate::mount::Receive;
use crate::proto::base::BasePath;
use crate::proto::guard::{self, Guard};
use crate::proto::head::{Framing, Head};
use crate::proto::plan::{Headers, Plan};
use crate::proto::precondition::{self, Validators, Verdict};
use crate::proto::status::{PeerError, Status};
use crate::proto::target::{Target, encode_segment, is_hidden_path};
use crate::proto::writing::{self, Action, Allowed};
use crate::service::{Asking, Reply};

/// The most bytes of a form that names a folder.
const NAME_FORM_BYTES_MAX: u64 = 8 * 1024;
/// The part of a file system that uploads leave free where it has less than the reserve has.
const RESERVED_PART: u64 = 20;

/// Who changes the served folder.
#[derive(Debug)]
pub(crate) struct Writer {
    tree: Tree,
    /// What may be changed is below it.
    folder: Segments,
    config: Writes,
    base: BasePath,
    guard: Guard,
    hidden: bool,
    limits: Limits,
    /// The permission bits of new files.
    mode: u32,
    uploads: Caps,
    turns: Turns,
}

/// Who asks for what.
struct Asked<'a> {
    head: &'a Head,
    target: &'a Target,
    visitor: &'a Visitor,
    peer: &'a Address,
}

/// What is there already.
struct Current {
    validators: Validators,
    mode: u32,
}

impl Writer {
    /// Opens the folder that may be changed, where there is one.
    ///
    /// # Errors
    /// It is missing, or the root is a file.
    pub(crate) fn new(config: &Config) -> Result<Option<Arc<Writer>>, Error> {
        let Some(writes) = &config.writes else { return Ok(None) };
        let (Root::Dir(root) | Root::File(root)) = &config.root;
        let failed = |source| Error::Root { path: root.clone(), source };
        let tree = Tree::open(root, Symlinks::Never).map_err(failed)?;
        let folder = Segments::from_relative(writes.folder.as_bytes()).map_err(failed)?;
        if !tree.open_file(&folder).map_err(failed)?.meta.is_dir {
            let why = "what may be changed must be a folder in it";
            return Err(Error::Unservable { path: root.join(folder.as_path()), why });
        }
        let writer = Writer {
            tree,
            folder,
            config: writes.clone(),
            base: config.base_path.clone(),
            guard: Guard {
                public: true,
                https: config.tls.is_some(),
                hosts: writes.hosts.clone(),
                ..Guard::default()
            },
            hidden: config.hidden,
            limits: config.limits.clone(),
            mode: 0o666 & !umask(),
            uploads: Caps::new(
                config.limits.uploads_max,
                Some(config.limits.uploads_per_address_max),
            ),
            turns: Turns::new(),
        };
        Ok(Some(Arc::new(writer)))
    }

    /// Whether `path`, from the root, is where others may put files.
    pub(crate) fn takes_uploads(&self, path: &[u8]) -> bool {
        self.config.takes_uploads(path)
    }

    /// Adds to the answer with a file that somebody may have uploaded what keeps it from acting in
    /// the name of this site.
    pub(crate) fn mark(path: &[u8], headers: &mut Headers) {
        let mut encoded = String::new();
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
        encode_segment(name, &mut encoded);
        headers.push("Content-Disposition", format!("attachment; filename*=UTF-8''{encoded}"));
        headers.push("Content-Security-Policy", "sandbox");
    }

    /// Says what to do for a request that changes something or asks what may be changed; `None`
    /// where it only reads.
    pub(crate) fn reply(
        self: &Arc<Self>,
        head: &Head,
        target: &Target,
        &Asking { visitor, peer, .. }: &Asking<'_>,
    ) -> Option<Reply> {
        let action = Action::of(head, target)?;
        if target.is_server() {
            let allow = self.config.allowed.allow_somewhere();
            return Some(Reply::Plan(Plan::new(Status::OK).with_header("Allow", allow)));
        }
        if let Err(plan) = self.admit(action, head, target, visitor) {
            return plan.map(Reply::Plan);
        }
        Some(match self.act(action, &Asked { head, target, visitor, peer }) {
            Ok(reply) => reply,
            Err(failure) => Reply::Plan(failure.plan()),
        })
    }

    /// Whether the request may do what it asks for; else what to answer, nothing where it is to be
    /// read as any other.
    fn admit(
        &self,
        action: Action,
        head: &Head,
        target: &Target,
        visitor: &Visitor,
    ) -> Result<(), Option<Plan>> {
        let asked = guard::Asked {
            host: target.host().or(head.host()),
            origin: head.field("origin"),
            fetch_site: head.field("sec-fetch-site"),
            is_known: visitor.is_known(),
            ..guard::Asked::default()
        };
        if writing::is_change(head.method())
            && let Err(refusal) = self.guard.judge_page(&asked)
        {
            return Err(Some(Plan::text(refusal.status(), &refusal.to_string())));
        }
        let covered = self.config.covers(target.path())
            && !self.hides(target.segments())
            && visitor.may(Need::Write, target.path());
        let allowed = if covered { self.config.allowed } else { Allowed::default() };
        let allow = || allowed.allow(target.is_folder());
        match action {
            Action::Options => {
                Err(Some(Plan::new(Status::NO_CONTENT).with_header("Allow", allow())))
            }
            action if allowed.permits(action, target.is_folder()) => Ok(()),
            Action::Progress => Err(None),
            _ => {
                let plan = Plan::text(Status::METHOD_NOT_ALLOWED, "that is not allowed here");
                Err(Some(plan.with_header("Allow", allow())))
            }
        }
    }

    fn act(self: &Arc<Self>, action: Action, asked: &Asked<'_>) -> Result<Reply, Failure> {
        let (head, target) = (asked.head, asked.target);
        let path = Segments::from_relative(target.path())?;
        let length = match head.framing() {
            Framing::None => Some(0),
            Framing::Length(bytes) => Some(bytes),
            Framing::Chunked => None,
        };
        match action {
            Action::Put => put::put(self, asked, (path, length)),
            Action::Resume => put::resume(self, asked, (path, length)),
            Action::Progress => put::progress(self, target, &path).map(Reply::Plan),
            Action::Form => form::files(self, asked, (path, length)),
            Action::FormFolder => form::folder(self, asked, path),
            Action::MakeFolder | Action::Delete | Action::Move if length != Some(0) => {
                let status = Status::UNSUPPORTED_MEDIA_TYPE;
                Err(PeerError::new(status, "this method has no body here").into())
            }
            Action::MakeFolder => Ok(change::make_folder(self, path)),
            Action::Delete => change::delete(self, asked, path),
            Action::Move => change::rename(self, asked, path),
            Action::Options => Err(PeerError::bad("nothing to do").into()),
        }
    }

    /// Whether the path has a name that is not shown, or that of an unfinished file.
    fn hides<'a>(&self, segments: impl Iterator<Item = &'a [u8]> + Clone) -> bool {
        (!self.hidden && is_hidden_path(segments.clone())) || segments.into_iter().any(is_part_name)
    }

    /// What has the name `path`; `None`: nothing.
    fn current(&self, path: &Segments) -> Result<Option<Current>, Failure> {
        match self.tree.open_plain(path) {
            Err(TreeError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
            Ok(opened) if opened.meta.is_dir => {
                Err(PeerError::new(Status::CONFLICT, "a folder has this name").into())
            }
            Ok(opened) => {
                let meta = opened.file.metadata().map_err(Failure::Disk)?;
                let validators = facts_of(&meta, String::new()).validators;
                Ok(Some(Current { validators, mode: opened.meta.mode & 0o777 }))
            }
        }
    }

    /// Makes the folder `path` and those on the way to it that are missing, where `visitor` may.
    fn make_folders(&self, path: &Segments, visitor: &Visitor) -> Result<(), Failure> {
        let mut folder = Segments::root();
        for segment in path.iter() {
            folder.push(segment)?;
            match self.tree.open_plain(&folder) {
                Err(TreeError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
                // A file there is found out by who comes next.
                Ok(_) => continue,
            }
            visitor.judge(Need::Write, bytes(&folder))?;
            match self.tree.make_folder(&folder) {
                Ok(()) | Err(TreeError::Exists { .. }) => {}
                Err(error) => return Err(Failure::in_folder(error)),
            }
        }
        Ok(())
    }

    /// The path as a link.
    fn link(&self, path: &Segments) -> String {
        let mut link = self.base.link();
        for (index, segment) in path.iter().enumerate() {
            if index > 0 {
                link.push('/');
            }
            encode_segment(segment, &mut link);
        }
        link
    }

    /// The bytes that an upload to `folder` may still have.
    fn room(&self, folder: &Segments) -> Result<u64, Failure> {
        Ok(self.room_of(self.tree.space(folder)?))
    }

    fn room_of(&self, space: Space) -> u64 {
        let reserve = self.limits.upload_free_bytes_min.min(space.total_bytes / RESERVED_PART);
        space.free_bytes.saturating_sub(reserve)
    }

    /// Has a body of `length` bytes read by `work`, where there is room for it, and one more may
    /// come in.
    fn receive(
        self: &Arc<Self>,
        peer: &Address,
        (length, room): (Option<u64>, u64),
        work: impl FnOnce(&Writer, &mut dyn Read) -> Result<Plan, Failure> + Send + 'static,
    ) -> Result<Reply, Failure> {
        if length.unwrap_or(0) > room {
            return Err(Failure::no_space());
        }
        let turn = Turn::take(self, peer).ok_or(Failure::Full)?;
        let work: Receive = Box::new(move |body| {
            work(turn.writer(), body).unwrap_or_else(|failure| failure.plan())
        });
        Ok(Reply::Receive(self.config.upload_bytes_max.unwrap_or(u64::MAX), work))
    }
}

/// Judges the conditions of `head` for what is there.
fn check(head: &Head, current: Option<&Current>) -> Result<(), Failure> {
    let verdict = match current {
        Some(current) => precondition::judge(head, &current.validators),
        None => precondition::judge_absent(head),
    };
    match verdict {
        Verdict::Proceed => Ok(()),
        Verdict::NotModified | Verdict::Failed => {
            let why = "it is not as the request wants it";
            Err(PeerError::new(Status::PRECONDITION_FAILED, why).into())
        }
    }
}

/// The path as it is judged: from the root, no slash at its ends.
fn bytes(path: &Segments) -> &[u8] {
    if path.is_empty() { b"" } else { path.as_path().as_os_str().as_encoded_bytes() }
}

/// The bits that new files do not get, as the process was started.
fn umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    line.and_then(|text| u32::from_str_radix(text.trim(), 8).ok()).unwrap_or(0o022)
}
