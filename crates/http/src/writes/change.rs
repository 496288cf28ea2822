//! Folders made, names removed and moved.

use std::sync::Arc;

use sockeye_edge::tree::{Segments, TreeError};

use super::failure::Failure;
use super::{Asked, Current, Writer, bytes, check};
use crate::access::{Need, Refusal, Visitor};
use crate::proto::base::Below;
use crate::proto::head::Head;
use crate::proto::plan::Plan;
use crate::proto::status::{PeerError, Status};
use crate::proto::writing;
use crate::service::Reply;

/// Has `work` done where blocking is allowed.
fn run_elsewhere(
    writer: &Arc<Writer>,
    work: impl FnOnce(&Writer) -> Result<Plan, Failure> + Send + 'static,
) -> Reply {
    let writer = Arc::clone(writer);
    let work =
        move |_: &mut dyn std::io::Read| work(&writer).unwrap_or_else(|failure| failure.plan());
    Reply::Receive(0, Box::new(work))
}

/// MKCOL.
pub(super) fn make_folder(writer: &Arc<Writer>, path: Segments) -> Reply {
    run_elsewhere(writer, move |writer| match writer.tree.make_folder(&path) {
        Ok(()) => {
            let location = format!("{}/", writer.link(&path));
            Ok(Plan::new(Status::CREATED).with_header("Location", location))
        }
        // RFC 4918, section 9.3.1.
        Err(TreeError::Exists { .. }) => {
            let plan = Plan::text(Status::METHOD_NOT_ALLOWED, "the name is taken");
            Ok(plan.with_header("Allow", writer.config.allowed.allow(true)))
        }
        Err(error) => Err(Failure::in_folder(error)),
    })
}

/// DELETE.
pub(super) fn delete(
    writer: &Arc<Writer>,
    asked: &Asked<'_>,
    path: Segments,
) -> Result<Reply, Failure> {
    writer.check_below(&path)?;
    may_take_away(asked.visitor, &path)?;
    let (head, is_folder) = (asked.head.clone(), asked.target.is_folder());
    Ok(run_elsewhere(writer, move |writer| {
        let _turn = writer.turns.lock(&[&path]);
        match writer.found(&path, is_folder)? {
            Some(file) => {
                check(&head, Some(&file))?;
                writer.tree.remove_file(&path)?;
            }
            None => {
                check_folder(&head)?;
                writer.tree.remove_folder(&path, writer.limits.delete_entries_max)?;
            }
        }
        Ok(Plan::new(Status::NO_CONTENT))
    }))
}

/// A name is taken out of the folder that it is in: that changes, too.
fn may_take_away(visitor: &Visitor, path: &Segments) -> Result<(), Refusal> {
    let folder = path.parent().unwrap_or_default();
    visitor.judge(Need::Write, bytes(&folder))?;
    visitor.judge_all(Need::Write, bytes(path))
}

/// MOVE.
pub(super) fn rename(
    writer: &Arc<Writer>,
    asked: &Asked<'_>,
    from: Segments,
) -> Result<Reply, Failure> {
    let (to, replaces) = writing::destination(asked.head, asked.target)?;
    let elsewhere = PeerError::new(Status::FORBIDDEN, "it cannot be moved there");
    let Below::Inside(to) = writer.base.strip(to) else { return Err(elsewhere.into()) };
    let outside = !writer.config.covers(to.path()) || writer.hides(to.segments());
    let to = Segments::from_relative(to.path())?;
    if outside || from == to {
        return Err(elsewhere.into());
    }
    writer.check_below(&from)?;
    writer.check_below(&to)?;
    // Under its new name others may read it: who moves it must be able to.
    asked.visitor.judge_all(Need::Read, bytes(&from))?;
    may_take_away(asked.visitor, &from)?;
    asked.visitor.judge_all(Need::Write, bytes(&to))?;
    let (head, is_folder) = (asked.head.clone(), asked.target.is_folder());
    Ok(run_elsewhere(writer, move |writer| {
        let _turns = writer.turns.lock(&[&from, &to]);
        match writer.found(&from, is_folder)? {
            Some(file) => check(&head, Some(&file))?,
            None => check_folder(&head)?,
        }
        let is_taken = match writer.tree.open_plain(&to) {
            Ok(_) => true,
            Err(TreeError::NotFound { .. }) => false,
            Err(error) => return Err(error.into()),
        };
        if is_taken && !replaces {
            return Err(PeerError::new(Status::PRECONDITION_FAILED, "the name is taken").into());
        }
        writer.tree.rename(&from, &to, replaces).map_err(Failure::in_folder)?;
        let status = if is_taken { Status::NO_CONTENT } else { Status::CREATED };
        Ok(Plan::new(status).with_header("Location", writer.link(&to)))
    }))
}

/// A folder has no tag and no date: only `If-Match: *` holds, and `If-None-Match` with tags.
fn check_folder(head: &Head) -> Result<(), Failure> {
    match crate::proto::answer::condition_plan(head) {
        None => Ok(()),
        Some(_) => {
            let why = "it is not as the request wants it";
            Err(PeerError::new(Status::PRECONDITION_FAILED, why).into())
        }
    }
}

impl Writer {
    /// The folder of all changes itself stays where it is.
    fn check_below(&self, path: &Segments) -> Result<(), PeerError> {
        if path.len() > self.folder.len() {
            return Ok(());
        }
        Err(PeerError::new(Status::FORBIDDEN, "this folder itself stays"))
    }

    /// The file at `path`; `None`: a folder, which a name with a slash at its end must be.
    fn found(&self, path: &Segments, is_folder: bool) -> Result<Option<Current>, Failure> {
        let opened = self.tree.open_plain(path)?;
        if opened.meta.is_dir {
            return Ok(None);
        }
        let missing = PeerError::new(Status::NOT_FOUND, "no such folder");
        if is_folder {
            return Err(missing.into());
        }
        self.current(path)?.map(Some).ok_or(missing.into())
    }
}
