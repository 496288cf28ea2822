//! The drop box: files come in by `PUT /~drop/NAME`, or by the page's form.
//!
//! Rules: a file has its name when it is whole, and takes no other's; what is dropped lies outside
//! of what is served; the disk keeps some room; each file is a line of the room.

use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use sockeye_chat::Handle;
use sockeye_edge::Printable;
use sockeye_edge::tree::{Overwrite, Segments, Temp, Tree, TreeError};
use sockeye_http::proto::form;
use sockeye_http::proto::multipart::{self, FormError};
use sockeye_http::{Answer, FormFiles, Handler, Method, Plan, Request, Status, keep_form};

use super::{Limits, shared};
use crate::proto::name;
use crate::room::size;

/// A body is read in pieces of so many bytes.
const PIECE_BYTES: usize = 64 << 10;
/// After so many bytes it is looked again whether the disk has room.
const LOOK_BYTES: u64 = 64 << 20;

/// Answers for `/~drop` and below.
pub(super) struct Drop {
    inbox: Arc<Inbox>,
}

struct Inbox {
    tree: Arc<Tree>,
    is_shared: bool,
    room: Handle,
    limits: Limits,
    active: AtomicUsize,
}

/// Why a file was not kept.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Name(#[from] name::NameError),
    #[error("{0}")]
    Form(#[from] FormError),
    #[error("the disk is full")]
    NoSpace,
    #[error("the file could not be kept")]
    Disk(TreeError),
    #[error("the file did not come whole")]
    Body(#[from] io::Error),
}

impl From<TreeError> for Failure {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::NoSpace { .. } => Failure::NoSpace,
            other => Failure::Disk(other),
        }
    }
}

impl Failure {
    fn plan(&self) -> Plan {
        let status = match self {
            Failure::Name(_) | Failure::Form(_) | Failure::Body(_) => Status::BAD_REQUEST,
            Failure::NoSpace => Status::INSUFFICIENT_STORAGE,
            Failure::Disk(error) => {
                tracing::warn!(%error, "a dropped file could not be kept");
                Status::INTERNAL_SERVER_ERROR
            }
        };
        // The page shows the first line: the reason alone.
        let text = format!("{self}\n").into_bytes();
        Plan::new(status).with_content("text/plain; charset=utf-8", text)
    }
}

impl Drop {
    pub(super) fn new(tree: Arc<Tree>, is_shared: bool, room: Handle, limits: Limits) -> Drop {
        let active = AtomicUsize::new(0);
        Drop { inbox: Arc::new(Inbox { tree, is_shared, room, limits, active }) }
    }
}

impl Handler for Drop {
    fn handle(&self, request: &Request<'_>) -> Answer {
        let from = request.peer().canonical_ip();
        let name = request.rest();
        match (request.method(), name.is_empty()) {
            (Method::Put, false) => self.put(name, request.query(), from),
            (Method::Post, true) => self.post(request.field("Content-Type"), from),
            (_, true) => super::only("POST"),
            (_, false) => super::only("PUT"),
        }
    }
}

impl Drop {
    fn put(&self, name: &[u8], query: Option<&str>, from: Option<IpAddr>) -> Answer {
        let name = String::from_utf8_lossy(name).into_owned();
        let nick = query.and_then(|query| form::value(query, "as"));
        self.receive(move |inbox, body| {
            let kept = inbox.keep_body(&name, body, &Dropper { nick, from });
            kept.map_or_else(|failure| failure.plan(), |kept| created(&kept))
        })
    }

    fn post(&self, content_type: Option<&[u8]>, from: Option<IpAddr>) -> Answer {
        let content_type = String::from_utf8_lossy(content_type.unwrap_or_default());
        let boundary = match multipart::boundary(&content_type) {
            Ok(boundary) => boundary,
            Err(error) => return Answer::Plan(Failure::from(error).plan()),
        };
        self.receive(move |inbox, body| {
            let dropper = Dropper { nick: None, from };
            match keep_form(&boundary, body, &mut Form { inbox, dropper }) {
                Ok(()) => Plan::new(Status::SEE_OTHER).with_header("Location", "/"),
                Err(failure) => failure.plan(),
            }
        })
    }

    /// Has a body read, as long as there is room on the disk and not too many are read already.
    fn receive(&self, work: impl FnOnce(&Inbox, &mut dyn Read) -> Plan + Send + 'static) -> Answer {
        let Some(turn) = Turn::take(&self.inbox) else {
            let plan = Plan::text(Status::SERVICE_UNAVAILABLE, "too many files are coming in now");
            return Answer::Plan(plan.with_header("Retry-After", "10"));
        };
        let bytes_max = self.inbox.room_left();
        if bytes_max == 0 {
            return Answer::Plan(Failure::NoSpace.plan());
        }
        Answer::Receive(bytes_max, Box::new(move |body| work(&turn.0, body)))
    }
}

/// One of the drops that may go on at a time.
struct Turn(Arc<Inbox>);

impl Turn {
    fn take(inbox: &Arc<Inbox>) -> Option<Turn> {
        let turn = Turn(Arc::clone(inbox));
        let before = inbox.active.fetch_add(1, Ordering::Relaxed);
        (before < inbox.limits.drops_max).then_some(turn)
    }
}

impl std::ops::Drop for Turn {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Who drops a file.
struct Dropper {
    nick: Option<String>,
    from: Option<IpAddr>,
}

/// A file on its way in.
struct Coming {
    temp: Temp,
    bytes: u64,
    looked_at: u64,
}

impl Inbox {
    /// The bytes that a drop may have now.
    fn room_left(&self) -> u64 {
        let free = self.tree.free_bytes().unwrap_or_default();
        free.saturating_sub(self.limits.free_bytes_min)
    }

    fn begin(&self, name: &str) -> Result<Coming, Failure> {
        let path = Segments::from_relative(name::checked(name)?.as_bytes())?;
        Ok(Coming { temp: self.tree.create_temp(&path)?, bytes: 0, looked_at: 0 })
    }

    fn write(&self, coming: &mut Coming, data: &[u8]) -> Result<(), Failure> {
        if coming.bytes - coming.looked_at >= LOOK_BYTES {
            coming.looked_at = coming.bytes;
            if self.room_left() == 0 {
                return Err(Failure::NoSpace);
            }
        }
        coming.temp.write_all(data).map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Failure::NoSpace,
            _ => Failure::Body(error),
        })?;
        coming.bytes += u64::try_from(data.len()).unwrap_or_default();
        Ok(())
    }

    /// Gives the file its name, and says so in the room.
    fn finish(&self, coming: Coming, dropper: &Dropper) -> Result<String, Failure> {
        let bytes = coming.bytes;
        let kept = coming.temp.commit(Overwrite::Rename)?.to_string_lossy().into_owned();
        let who = self.who(dropper);
        let mut line = format!("{who} dropped {} ({})", Printable::new(&kept), size(bytes));
        if self.is_shared {
            line += &format!(": {}", shared::link(kept.as_bytes()));
        }
        self.room.announce(&line);
        Ok(kept)
    }

    /// The name of who is in the room; an address for anybody else, so that nobody is named who
    /// had no part in it.
    fn who(&self, dropper: &Dropper) -> String {
        let nick = dropper.nick.as_deref().filter(|nick| {
            let present = self.room.present().unwrap_or_default();
            present.iter().any(|person| person.nick == *nick)
        });
        let from = || dropper.from.map_or_else(|| "somebody".to_owned(), |ip| ip.to_string());
        nick.map_or_else(from, str::to_owned)
    }

    fn keep_body(
        &self,
        name: &str,
        body: &mut dyn Read,
        dropper: &Dropper,
    ) -> Result<String, Failure> {
        let mut coming = self.begin(name)?;
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match body.read(&mut piece)? {
                0 => return self.finish(coming, dropper),
                count => self.write(&mut coming, &piece[..count])?,
            }
        }
    }
}

/// The files of one form, and who drops them.
struct Form<'a> {
    inbox: &'a Inbox,
    dropper: Dropper,
}

impl FormFiles for Form<'_> {
    type File = Coming;
    type Failure = Failure;

    fn begin(&mut self, name: &str) -> Result<Coming, Failure> {
        self.inbox.begin(name::last_component(name))
    }

    fn write(&mut self, coming: &mut Coming, data: &[u8]) -> Result<(), Failure> {
        self.inbox.write(coming, data)
    }

    fn finish(&mut self, coming: Coming) -> Result<(), Failure> {
        self.inbox.finish(coming, &self.dropper).map(drop)
    }

    fn cut(error: io::Error) -> Failure {
        error.into()
    }
}

fn created(kept: &str) -> Plan {
    let encoded = percent_encode(kept.as_bytes(), NON_ALPHANUMERIC).to_string();
    let text = format!("{}\n", Printable::new(kept)).into_bytes();
    Plan::new(Status::CREATED)
        .with_content("text/plain; charset=utf-8", text)
        .with_header("X-Saved-As", encoded)
}
