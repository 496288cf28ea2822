//! Why something was not changed, and what to answer.

use std::io;

use sockeye_edge::tree::TreeError;

use crate::access;
use crate::proto::multipart::FormError;
use crate::proto::plan::Plan;
use crate::proto::status::{PeerError, Status};

/// Why a change was not made.
#[derive(Debug)]
pub(super) enum Failure {
    /// The request is wrong, or a condition does not hold.
    Refused(PeerError),
    /// Who asks may not.
    Access(access::Refusal),
    /// The tree refuses.
    Tree(TreeError),
    /// The body did not come whole; who reads it says why, too.
    Body(io::Error),
    /// The system refuses to read or write a file that is open.
    Disk(io::Error),
    /// The form is malformed.
    Form(FormError),
    /// The part has so many bytes, and the request would go on elsewhere.
    Offset(u64),
    /// Too many uploads come in already.
    Full,
}

impl From<PeerError> for Failure {
    fn from(error: PeerError) -> Failure {
        Failure::Refused(error)
    }
}

impl From<access::Refusal> for Failure {
    fn from(refusal: access::Refusal) -> Failure {
        Failure::Access(refusal)
    }
}

impl From<TreeError> for Failure {
    fn from(error: TreeError) -> Failure {
        Failure::Tree(error)
    }
}

impl From<FormError> for Failure {
    fn from(error: FormError) -> Failure {
        Failure::Form(error)
    }
}

impl Failure {
    /// There is no room for it.
    pub(super) fn no_space() -> Failure {
        PeerError::new(Status::INSUFFICIENT_STORAGE, "there is no room for it").into()
    }

    /// As it is, but that a missing name is that of the folder that it would be in.
    pub(super) fn in_folder(error: TreeError) -> Failure {
        match error {
            TreeError::NotFound { .. } => {
                PeerError::new(Status::CONFLICT, "the folder that it would be in is not there")
                    .into()
            }
            error => error.into(),
        }
    }

    /// What to answer.
    pub(super) fn plan(&self) -> Plan {
        match self {
            Failure::Refused(error) => Plan::text(error.status, error.why),
            Failure::Access(refusal) => {
                let error = refusal.error();
                refusal.finish(Plan::text(error.status, error.why))
            }
            Failure::Tree(error) => of_tree(error),
            Failure::Body(error) => Plan::text(Status::BAD_REQUEST, &error.to_string()),
            Failure::Disk(error) => of_disk(error),
            Failure::Form(error) => Plan::text(Status::BAD_REQUEST, &error.to_string()),
            Failure::Offset(bytes) => {
                let why = format!("the part has {bytes} bytes: go on there, or begin at 0");
                Plan::text(Status::CONFLICT, &why).with_header("Upload-Offset", bytes.to_string())
            }
            Failure::Full => {
                Plan::text(Status::SERVICE_UNAVAILABLE, "too many uploads are coming in now")
                    .with_header("Retry-After", "10")
            }
        }
    }
}

fn of_tree(error: &TreeError) -> Plan {
    let (status, why) = match error {
        TreeError::NotFound { .. } => (Status::NOT_FOUND, "no such file"),
        TreeError::Forbidden { .. } => (Status::FORBIDDEN, "a link is on the way"),
        TreeError::NotAFile { .. } => (Status::CONFLICT, "it is neither a file nor a folder"),
        TreeError::Exists { .. } => (Status::CONFLICT, "the name is taken"),
        TreeError::Busy { .. } => (Status::CONFLICT, "somebody is sending this part just now"),
        TreeError::TooMany { .. } => (Status::CONFLICT, "the folder holds too much for one step"),
        TreeError::NoSpace { .. } => (Status::INSUFFICIENT_STORAGE, "there is no room for it"),
        TreeError::ReadOnly { .. } => (Status::FORBIDDEN, "the file system is read-only"),
        TreeError::BadPath { fault, .. } => {
            return Plan::text(Status::BAD_REQUEST, &fault.to_string());
        }
        TreeError::Io { source, .. } => return of_disk(source),
        _ => return unforeseen(error),
    };
    Plan::text(status, why)
}

fn of_disk(error: &io::Error) -> Plan {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            Plan::text(Status::FORBIDDEN, "the server may not change it")
        }
        io::ErrorKind::InvalidInput => {
            Plan::text(Status::CONFLICT, "a folder cannot be moved into itself")
        }
        io::ErrorKind::CrossesDevices => {
            Plan::text(Status::CONFLICT, "it cannot be moved to another file system")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Failure::no_space().plan(),
        io::ErrorKind::FileTooLarge => {
            Plan::text(Status::CONTENT_TOO_LARGE, "the file system takes no file so large")
        }
        _ => unforeseen(error),
    }
}

fn unforeseen(error: &dyn std::error::Error) -> Plan {
    tracing::warn!(%error, "a change could not be made");
    Plan::text(Status::INTERNAL_SERVER_ERROR, "the change could not be made")
}
