//! Requests that change the served folder: each does what it says, wholly or not at all, and only
//! where it may.

mod changes;
mod forms;
mod parts;
mod places;
mod rights;
mod space;

use std::path::Path;

use sockeye_http::{Allowed, Config, Limits, Writes};

use crate::harness::{Response, Running, config, start};

/// Everything is allowed, everywhere.
pub(crate) const ALL: Allowed = Allowed { upload: true, delete: true, mkdir: true };

/// The usual configuration with changes below `below`.
pub(crate) fn writable(folder: &Path, below: &str, allowed: Allowed) -> Config {
    let limits = Limits { upload_free_bytes_min: 0, ..Limits::default() };
    let writes = Writes { folder: below.to_owned(), allowed, ..Writes::default() };
    Config { writes: Some(writes), limits, ..config(folder) }
}

/// A server where everything may be changed.
pub(crate) fn open(folder: &Path) -> Running {
    start(writable(folder, "", ALL))
}

/// A request with a body and more header fields, each with its CRLF.
pub(crate) fn request(line: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let fields = format!("Host: a\r\nContent-Length: {length}\r\n{fields}");
    [format!("{line} HTTP/1.1\r\n{fields}\r\n").as_bytes(), body].concat()
}

impl Running {
    /// Sends a request with a body and more header fields, each with its CRLF.
    pub(crate) fn send(&self, line: &str, fields: &str, body: &[u8]) -> Response {
        self.ask(request(line, fields, body))
    }

    /// The status of the answer to such a request.
    pub(crate) fn status(&self, line: &str, fields: &str, body: &[u8]) -> u16 {
        self.send(line, fields, body).status
    }
}

/// The names in a folder, hidden ones too, in order.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
