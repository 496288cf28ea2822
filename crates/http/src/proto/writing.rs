//! Requests that change something: which they are, what they ask for, and where they may.
//!
//! # Source
//! RFC 9110, section 9; RFC 4918, sections 9.3, 9.9 and 10.3 (MKCOL, MOVE, Destination).

use sockeye_edge::origin;

use super::form;
use super::head::{Head, Method};
use super::status::{PeerError, Status};
use super::target::Target;

/// The longest key of a resumable upload, in bytes.
pub const KEY_BYTES_MAX: usize = 64;

/// Whether a request with `method` may change something. This is the one place that says so:
/// whoever keeps writers apart from readers asks here.
pub fn is_change(method: Method) -> bool {
    !matches!(method, Method::Get | Method::Head | Method::Options)
}

/// What a request asks for, beside reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Put a file there: PUT.
    Put,
    /// Put a file there, part by part: PUT or PATCH with a key.
    Resume,
    /// Tell how far a part has come: GET or HEAD with a key.
    Progress,
    /// Put the files of a form into a folder: POST.
    Form,
    /// Make a folder: MKCOL.
    MakeFolder,
    /// Make a folder that a form names: POST with `?mkdir`.
    FormFolder,
    /// Remove a file or a folder: DELETE.
    Delete,
    /// Give it another name: MOVE.
    Move,
    /// Tell what is allowed: OPTIONS.
    Options,
}

impl Action {
    /// What `head` asks for; `None` where it reads, or is nothing that is known here.
    pub fn of(head: &Head, target: &Target) -> Option<Action> {
        let query = target.query().unwrap_or_default();
        let is_part = || form::value(query, "part").is_some();
        match head.method() {
            Method::Get | Method::Head if !query.is_empty() && is_part() => Some(Action::Progress),
            Method::Put if is_part() => Some(Action::Resume),
            Method::Put => Some(Action::Put),
            Method::Patch => Some(Action::Resume),
            Method::Post if form::value(query, "mkdir").is_some() => Some(Action::FormFolder),
            Method::Post => Some(Action::Form),
            Method::Delete => Some(Action::Delete),
            Method::Options => Some(Action::Options),
            Method::Other => match head.method_name() {
                "MKCOL" => Some(Action::MakeFolder),
                "MOVE" => Some(Action::Move),
                _ => None,
            },
            Method::Get | Method::Head | Method::Trace | Method::Connect => None,
        }
    }
}

/// What may be done in a part of the name space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Files may be put there.
    pub upload: bool,
    /// Files and folders may be removed.
    pub delete: bool,
    /// Folders may be made.
    pub mkdir: bool,
}

impl Allowed {
    /// Whether `action` is allowed on a target that is a folder, by its name, or none.
    pub fn permits(self, action: Action, is_folder: bool) -> bool {
        match action {
            Action::Options => true,
            Action::Put | Action::Resume | Action::Progress => self.upload && !is_folder,
            Action::Form => self.upload && is_folder,
            Action::MakeFolder => self.mkdir,
            Action::FormFolder => self.mkdir && is_folder,
            Action::Delete => self.delete,
            // It removes one name and makes another.
            Action::Move => self.upload && self.delete,
        }
    }

    /// The value of `Allow` for the server as a whole.
    pub fn allow_somewhere(self) -> String {
        let (folder, file) = (self.allow(true), self.allow(false));
        let more = file.split(", ").filter(|method| folder.split(", ").all(|one| one != *method));
        more.fold(folder.clone(), |allow, method| allow + ", " + method)
    }

    /// The value of `Allow` for a target that is a folder, by its name, or none.
    pub fn allow(self, is_folder: bool) -> String {
        let mut allow = String::from("GET, HEAD, OPTIONS");
        for (method, actions) in [
            ("PUT", &[Action::Put][..]),
            ("PATCH", &[Action::Resume]),
            ("POST", &[Action::Form, Action::FormFolder]),
            ("MKCOL", &[Action::MakeFolder]),
            ("DELETE", &[Action::Delete]),
            ("MOVE", &[Action::Move]),
        ] {
            if actions.iter().any(|action| self.permits(*action, is_folder)) {
                allow.push_str(", ");
                allow.push_str(method);
            }
        }
        allow
    }
}

/// Finds the key of a resumable upload.
///
/// # Errors
/// 400 where there is none, or one that cannot be used.
pub fn key(target: &Target) -> Result<String, PeerError> {
    let key = form::value(target.query().unwrap_or_default(), "part");
    let key = key.ok_or(PeerError::bad("a part needs a key of your choice: add ?part=KEY"))?;
    let is_right = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if (1..=KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(is_right) {
        return Ok(key);
    }
    Err(PeerError::bad("a part's key is 1 to 64 letters, digits or -._~"))
}

/// Whether the folders on the way are to be made: `?parents`.
pub fn makes_parents(target: &Target) -> bool {
    target.query().is_some_and(|query| form::value(query, "parents").is_some())
}

/// Where MOVE moves to, and whether it may replace what is there.
///
/// # Errors
/// 400 where it is malformed, 502 where it is on another host, and as for [`Target::parse`].
pub fn destination(head: &Head, target: &Target) -> Result<(Target, bool), PeerError> {
    let field = head.only_field("destination").and_then(|value| str::from_utf8(value).ok());
    let field = field.ok_or(PeerError::bad("MOVE needs one Destination"))?;
    let graphic = field.bytes().all(|byte| byte.is_ascii_graphic());
    if !graphic || field.contains(['?', '#']) {
        return Err(PeerError::bad("malformed Destination"));
    }
    let path = if field.starts_with('/') { field } else { path_here(field, head, target)? };
    let replaces = match head.only_field("overwrite") {
        None => head.field("overwrite").is_none(),
        Some(value) if value.eq_ignore_ascii_case(b"T") => true,
        Some(value) if value.eq_ignore_ascii_case(b"F") => false,
        Some(_) => return Err(PeerError::bad("Overwrite is T or F")),
    };
    Ok((Target::parse(path, Method::Get)?, replaces))
}

/// The path of an absolute URI, where that is of the host that was asked.
fn path_here<'a>(uri: &'a str, head: &Head, target: &Target) -> Result<&'a str, PeerError> {
    let malformed = PeerError::bad("Destination is neither a path nor a URL");
    let (scheme, rest) = uri.split_once("://").ok_or(malformed)?;
    let at = rest.find('/').ok_or(malformed)?;
    let (authority, path) = rest.split_at(at);
    let host = target.host().or(head.host()).ok_or(malformed)?;
    if origin::is_same_host(&scheme.to_ascii_lowercase(), authority, host) {
        return Ok(path);
    }
    Err(PeerError::new(Status::BAD_GATEWAY, "Destination is on another host"))
}

#[cfg(test)]
mod tests;
