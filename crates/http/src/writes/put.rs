//! One file by PUT, whole or part by part.
//!
//! A part has a key that its sender chose (`?part=KEY`), and lies under a hidden name made of the
//! file's name and the key until it is whole: who has another key never meets it. `Content-Range`
//! says which bytes a body is; without it a body is all of them. `Upload-Offset` tells how far the
//! part has come.

use std::io::{Seek, SeekFrom};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use sockeye_edge::tree::{Segments, TreeError};

use super::failure::Failure;
use super::incoming::Incoming;
use super::{Asked, Writer, check};
use crate::access::Visitor;
use crate::proto::content_range::{ContentRange, Span, Start};
use crate::proto::head::{Head, Method};
use crate::proto::plan::Plan;
use crate::proto::status::{PeerError, Status};
use crate::proto::target::Target;
use crate::proto::writing;
use crate::service::Reply;

/// A file and the length of the body.
type Body = (Segments, Option<u64>);

/// PUT without a key.
pub(super) fn put(
    writer: &Arc<Writer>,
    asked: &Asked<'_>,
    (path, length): Body,
) -> Result<Reply, Failure> {
    if asked.head.field("content-range").is_some() {
        let why = "a part needs a key of your choice: add ?part=KEY";
        return Err(PeerError::bad(why).into());
    }
    let (room, parents) = writer.look(asked, &path)?;
    let head = asked.head.clone();
    writer.receive(asked.peer, (length, room), move |writer, body| {
        make_parents(writer, &path, parents.as_ref())?;
        let temp = writer.tree.create_temp(&path).map_err(Failure::in_folder)?;
        let mut incoming = Incoming::new(writer, temp);
        incoming.copy(body, length)?;
        incoming.replace(&head)
    })
}

/// PUT or PATCH with a key.
pub(super) fn resume(
    writer: &Arc<Writer>,
    asked: &Asked<'_>,
    (path, length): Body,
) -> Result<Reply, Failure> {
    let id = part_id(&path, &writing::key(asked.target)?);
    let span = Span::of(content_range(asked.head)?, length)?;
    let (room, parents) = writer.look(asked, &path)?;
    let end = span.complete.unwrap_or(span.first.saturating_add(length.unwrap_or(0)));
    if writer.config.upload_bytes_max.is_some_and(|max| end > max) {
        let why = "the file is larger than what is taken here";
        return Err(PeerError::new(Status::CONTENT_TOO_LARGE, why).into());
    }
    if end.saturating_sub(span.first) > room {
        return Err(Failure::no_space());
    }
    let head = asked.head.clone();
    writer.receive(asked.peer, (length, room), move |writer, body| {
        make_parents(writer, &path, parents.as_ref())?;
        let temp = writer.tree.resume_temp(&path, id).map_err(Failure::in_folder)?;
        let have = temp.bytes()?;
        let mut incoming = Incoming::new(writer, temp);
        let begun = go_on(&mut incoming, have, &span);
        let copied = begun.and_then(|()| incoming.copy(body, span.bytes));
        let bytes = incoming.temp.bytes()?;
        if bytes == 0 && !(copied.is_ok() && span.is_last) {
            incoming.temp.discard();
        } else if copied.is_ok() && span.is_last && span.complete.is_none_or(|all| all == bytes) {
            return incoming.replace(&head);
        } else {
            // What is said to be there is there after a power cut, too.
            incoming.temp.sync()?;
        }
        copied.map(|()| {
            let plan = Plan::new(Status::ACCEPTED);
            plan.with_header("Upload-Offset", bytes.to_string())
        })
    })
}

/// GET or HEAD with a key.
pub(super) fn progress(writer: &Writer, target: &Target, path: &Segments) -> Result<Plan, Failure> {
    let id = part_id(path, &writing::key(target)?);
    let bytes = writer.tree.part_bytes(path, id)?;
    let bytes = bytes.ok_or(PeerError::new(Status::NOT_FOUND, "there is no part with this key"))?;
    Ok(Plan::new(Status::NO_CONTENT)
        .with_header("Upload-Offset", bytes.to_string())
        .with_header("Cache-Control", "no-store"))
}

impl Writer {
    /// Looks, before the body comes, whether it may; gives the room that there is, and who makes
    /// the folders on the way, where somebody is to.
    fn look(&self, asked: &Asked<'_>, path: &Segments) -> Result<(u64, Option<Visitor>), Failure> {
        let head = asked.head;
        let coding = head.field("content-encoding");
        if coding.is_some_and(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
            let why = "a coded body would be kept as it is: send the file itself";
            return Err(PeerError::new(Status::UNSUPPORTED_MEDIA_TYPE, why).into());
        }
        check(head, self.current(path)?.as_ref())?;
        let parents = writing::makes_parents(asked.target);
        let folder = path.parent().unwrap_or_default();
        let room = match self.tree.space(&folder) {
            Ok(space) => self.room_of(space),
            Err(TreeError::NotFound { .. }) if parents => self.room(&self.folder)?,
            Err(error) => return Err(Failure::in_folder(error)),
        };
        Ok((room, parents.then(|| asked.visitor.clone())))
    }
}

/// Brings the file to where the body belongs.
fn go_on(incoming: &mut Incoming<'_>, have: u64, span: &Span) -> Result<(), Failure> {
    match span.start(have) {
        Start::Anew => incoming.temp.clear()?,
        Start::AtEnd => {
            incoming.temp.file().seek(SeekFrom::Start(have)).map_err(Failure::Disk)?;
        }
        Start::Elsewhere => return Err(Failure::Offset(have)),
    }
    Ok(())
}

fn make_parents(writer: &Writer, path: &Segments, maker: Option<&Visitor>) -> Result<(), Failure> {
    match (maker, path.parent()) {
        (Some(maker), Some(parent)) => writer.make_folders(&parent, maker),
        _ => Ok(()),
    }
}

fn content_range(head: &Head) -> Result<Option<ContentRange>, PeerError> {
    if head.field("content-range").is_none() {
        return match head.method() {
            Method::Patch => Err(PeerError::bad("PATCH needs Content-Range: bytes FIRST-LAST/ALL")),
            _ => Ok(None),
        };
    }
    let range = head.only_field("content-range").and_then(ContentRange::parse);
    range.map(Some).ok_or(PeerError::bad("malformed Content-Range"))
}

/// The number of a part: of the whole name, since only its beginning may fit beside the number.
fn part_id(path: &Segments, key: &str) -> u128 {
    let mut sum = Sha256::new();
    sum.update(path.name().unwrap_or_default().as_encoded_bytes());
    sum.update([0]);
    sum.update(key);
    let sum = sum.finalize();
    sum.iter().take(16).fold(0, |id, byte| id << 8 | u128::from(*byte))
}
