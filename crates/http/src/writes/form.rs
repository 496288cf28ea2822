//! Forms: files into a folder, and the name of a new folder.
//!
//! A form never replaces a file: where a name is taken the file gets the next `name (1)`. A file's
//! name may have folders in it, which are made.

use std::io::{self, Read};
use std::sync::Arc;

use sockeye_edge::tree::{Overwrite, Segments};

use super::failure::Failure;
use super::incoming::Incoming;
use super::{Asked, NAME_FORM_BYTES_MAX, Writer, bytes};
use crate::access::{Need, Visitor};
use crate::listing::wants_page;
use crate::proto::form;
use crate::proto::multipart::{self, FormError};
use crate::proto::plan::{Body, Plan};
use crate::proto::status::{PeerError, Status};
use crate::service::Reply;
use crate::upload_form::{FormFiles, keep_form};

/// POST of a form with files.
pub(super) fn files(
    writer: &Arc<Writer>,
    asked: &Asked<'_>,
    (folder, length): (Segments, Option<u64>),
) -> Result<Reply, Failure> {
    let head = asked.head;
    let content_type = String::from_utf8_lossy(head.field("content-type").unwrap_or_default());
    let boundary = multipart::boundary(&content_type).map_err(|_: FormError| {
        let why = "files come as multipart/form-data with a boundary";
        PeerError::new(Status::UNSUPPORTED_MEDIA_TYPE, why)
    })?;
    let room = writer.room(&folder)?;
    let visitor = asked.visitor.clone();
    let back = asked.back();
    writer.receive(asked.peer, (length, room), move |writer, body| {
        let mut into = Into { writer, folder, visitor, kept: Vec::new() };
        match keep_form(&boundary, body, &mut into) {
            Ok(()) => Ok(made(writer, back.as_deref(), &into.kept)),
            Err(failure) if into.kept.is_empty() => Err(failure),
            Err(failure) => Ok(with_count(failure.plan(), into.kept.len())),
        }
    })
}

/// POST of a form that names a folder.
pub(super) fn folder(
    writer: &Arc<Writer>,
    asked: &Asked<'_>,
    folder: Segments,
) -> Result<Reply, Failure> {
    let back = asked.back();
    let (writer, visitor) = (Arc::clone(writer), asked.visitor.clone());
    let make = move |body: &mut dyn Read| -> Result<Plan, Failure> {
        let mut text = String::new();
        body.read_to_string(&mut text).map_err(Failure::Body)?;
        let name = form::value(&text, "name").unwrap_or_default();
        let path = folder.join(name.as_bytes())?;
        writer.check_names(&path)?;
        visitor.judge(Need::Write, bytes(&path))?;
        writer.tree.make_folder(&path).map_err(Failure::in_folder)?;
        Ok(made(&writer, back.as_deref(), &[path]))
    };
    let receive = move |body: &mut dyn Read| make(body).unwrap_or_else(|failure| failure.plan());
    Ok(Reply::Receive(NAME_FORM_BYTES_MAX, Box::new(receive)))
}

/// Says also how many files were whole before one failed.
fn with_count(mut plan: Plan, kept: usize) -> Plan {
    if let Body::Bytes(text) = &mut plan.body {
        text.to_mut().extend(format!("kept before it: {kept}\n").into_bytes());
    }
    plan
}

/// Browsers go back to the folder; others are told what was made.
fn made(writer: &Writer, back: Option<&str>, paths: &[Segments]) -> Plan {
    if let Some(back) = back {
        return Plan::new(Status::SEE_OTHER).with_header("Location", back);
    }
    let mut text = String::new();
    for path in paths {
        text += &writer.link(path);
        text.push('\n');
    }
    Plan::new(Status::CREATED).with_content("text/plain; charset=utf-8", text.into_bytes())
}

impl Asked<'_> {
    /// Where a browser goes on.
    fn back(&self) -> Option<String> {
        wants_page(self.head).then(|| self.target.folder_link())
    }
}

/// Where the files of a form go, and who sends them.
struct Into<'a> {
    writer: &'a Writer,
    folder: Segments,
    visitor: Visitor,
    kept: Vec<Segments>,
}

impl<'a> FormFiles for Into<'a> {
    type File = Incoming<'a>;
    type Failure = Failure;

    fn begin(&mut self, name: &str) -> Result<Incoming<'a>, Failure> {
        let mut path = self.folder.clone();
        for segment in name.split('/') {
            path.push(segment.as_bytes())?;
        }
        self.writer.check_names(&path)?;
        self.visitor.judge(Need::Write, bytes(&path))?;
        if path.len() > self.folder.len() + 1
            && let Some(parent) = path.parent()
        {
            self.writer.make_folders(&parent, &self.visitor)?;
        }
        let temp = self.writer.tree.create_temp(&path).map_err(Failure::in_folder)?;
        Ok(Incoming::new(self.writer, temp))
    }

    fn write(&mut self, incoming: &mut Incoming<'a>, data: &[u8]) -> Result<(), Failure> {
        incoming.write(data)
    }

    fn finish(&mut self, Incoming { temp, .. }: Incoming<'a>) -> Result<(), Failure> {
        temp.set_mode(self.writer.mode)?;
        let parent = temp.path().parent().unwrap_or_default();
        let name = temp.commit(Overwrite::Rename)?;
        self.kept.push(parent.join(name.as_encoded_bytes())?);
        Ok(())
    }

    fn cut(error: io::Error) -> Failure {
        Failure::Body(error)
    }
}

impl Writer {
    fn check_names(&self, path: &Segments) -> Result<(), PeerError> {
        if self.hides(path.iter()) {
            return Err(PeerError::bad("a name that is not shown here"));
        }
        Ok(())
    }
}
