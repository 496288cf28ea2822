//! The one page of the hub: files, room and drop box at `/`, as mounts of the file server.
//!
//! Rules: everything passes the gate first ([`sockeye_http::proto::guard`], the password); what is
//! the hub's own begins with `/~`; whatever else is served carries a sandboxing policy, so that no
//! file can act on the page; what changes something is a line of the room.

mod assets;
mod drop;
mod gate;
mod index;
mod password;
mod shared;
mod talk;

use std::path::PathBuf;
use std::sync::Arc;

use sockeye_chat::Handle;
use sockeye_edge::tree::{Symlinks, Tree, TreeError};
use sockeye_http::proto::guard::Guard;
use sockeye_http::{Answer, Handler, Method, Mount, Plan, Request, Root, Rule, Status};

/// A file server with a page: what it is told.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The name of the hub, on top of the page.
    pub title: String,
    /// The room that is beside the files; it must be the first of the chat's.
    pub room: String,
    /// Where dropped files go, outside of what is served; `None`: there is no drop box.
    pub drop: Option<PathBuf>,
    /// Whether others may read the inbox, too.
    pub share_inbox: bool,
    /// Who may ask.
    pub guard: Guard,
    /// What everybody has to know who asks.
    pub password: Option<String>,
    /// What drops keep to.
    pub limits: Limits,
}

/// Limits of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most files that are dropped at the same time.
    pub drops_max: usize,
    /// The bytes of the disk that drops leave free.
    pub free_bytes_min: u64,
    /// The most bytes of a line that is said by the page's form.
    pub say_bytes_max: u64,
    /// The most wrong passwords from one address in a minute.
    pub wrong_passwords_max: u32,
    /// The most files that the page lists where scripts are off.
    pub rows_max: usize,
    /// The most lines of the room that the page shows where scripts are off.
    pub lines_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            drops_max: 32,
            free_bytes_min: 256 << 20,
            say_bytes_max: 16 << 10,
            wrong_passwords_max: 10,
            rows_max: 1000,
            lines_max: 50,
        }
    }
}

/// What a served file may do in a browser: be shown, and nothing else.
const FILE_POLICY: &str = "sandbox allow-downloads";

/// The same for what is called a PDF: browsers' viewers do not run in a sandbox. If it is something
/// else after all, it has no scripts, no forms and no frame.
const PDF_POLICY: &str = include_str!("../../assets/pdf-policy.txt");

/// Adds the page to a file server, beside the room where there is one.
///
/// # Errors
/// The root or the inbox cannot be opened.
pub(crate) fn add_to(
    files: &mut sockeye_http::Config,
    room: Option<Handle>,
    config: Config,
) -> Result<(), TreeError> {
    let limits = config.limits;
    let password = config.password.as_deref().map(|secret| password::Lock::new(secret, limits));
    let mut mounts = vec![mount("", gate::Gate { guard: config.guard, lock: password })];
    for (glob, policy) in [("*", FILE_POLICY), ("*.pdf", PDF_POLICY), ("*.PDF", PDF_POLICY)] {
        let rule = Rule::new(glob, "Content-Security-Policy", policy.trim());
        files.headers.push(rule.expect("the rule is well-formed"));
    }
    if let (Some(room), Root::Dir(dir)) = (room, &files.root) {
        let tree = Tree::open(dir, files.symlinks)?;
        let drops = config.drop.is_some();
        let index = index::Index {
            tree,
            hidden: files.hidden,
            drops,
            shares: drops && config.share_inbox,
            title: config.title,
            room_name: config.room,
            room,
            limits,
        };
        mounts.push(mount("~assets", assets::Assets));
        mounts.push(mount("~chat", talk::Talk { room: index.room.clone() }));
        mounts.push(mount("~say", talk::Say { room: index.room.clone(), limits }));
        if let Some(inbox) = config.drop {
            let tree = Arc::new(Tree::open(&inbox, Symlinks::Never)?);
            if config.share_inbox {
                let tree = Arc::clone(&tree);
                mounts.push(mount("~inbox", shared::Shared { tree, limits }));
            }
            let drop = drop::Drop::new(tree, config.share_inbox, index.room.clone(), limits);
            mounts.push(mount("~drop", drop));
        }
        mounts.push(mount("", index::AtRoot(Arc::new(index))));
    }
    mounts.append(&mut files.mounts);
    files.mounts = mounts;
    Ok(())
}

fn mount(prefix: &str, handler: impl Handler + 'static) -> Mount {
    Mount { prefix: prefix.to_owned(), handler: Arc::new(handler) }
}

/// Whether the request only reads.
fn reads(request: &Request<'_>) -> bool {
    matches!(request.method(), Method::Get | Method::Head)
}

fn only(allow: &str) -> Answer {
    let plan = Plan::text(Status::METHOD_NOT_ALLOWED, "this address takes other methods");
    Answer::Plan(plan.with_header("Allow", allow))
}
