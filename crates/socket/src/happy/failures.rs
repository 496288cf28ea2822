//! The error of a race that nobody won: each address with its own error, and a text of them that
//! stays short however many there were.

use std::fmt::{self, Write};

use crate::addr::Address;
use crate::error::{Cause, Error};

/// How many bytes of a name are shown.
const NAME_BYTES_MAX: usize = 260;
/// Once the text of the addresses has so many bytes, the others are only counted.
const TEXT_BYTES_MAX: usize = 400;
/// So many bytes one address and its error may add.
const ONE_BYTES_MAX: usize = 200;

/// What became of the addresses.
#[derive(Debug)]
pub(crate) struct Failures {
    pub(super) name: Option<Box<str>>,
    /// In the order in which they were tried.
    pub(super) attempts: Box<[(Address, Error)]>,
    pub(super) untried: usize,
    /// Whether the deadline was the end of it.
    pub(super) late: bool,
}

impl Failures {
    /// The one address's own error where there was only one, and that is the reason.
    pub(super) fn into_error(self) -> Error {
        if self.attempts.is_empty() && self.untried == 0 && !self.late {
            return Error::new("connect", Cause::Invalid("no address to connect to"));
        }
        let mut attempts = self.attempts.into_vec();
        let is_reason = |(_, error): &(Address, Error)| !self.late || error.is_timeout();
        if self.untried == 0 && attempts.len() == 1 && attempts.iter().all(is_reason) {
            if let Some((_, error)) = attempts.pop() {
                return error;
            }
        }
        let failures = Self { attempts: attempts.into(), ..self };
        Error::new("connect", Cause::Attempts(Box::new(failures)))
    }

    /// What counts as the reason: the deadline, else the error of the last address that was tried,
    /// as in Python; `None` is the deadline.
    pub(crate) fn reason(&self) -> Option<&Error> {
        self.attempts.last().map(|(_, error)| error).filter(|_| !self.late)
    }

    pub(crate) fn attempts(&self) -> &[(Address, Error)] {
        &self.attempts
    }

    /// What stands before the colon: the host's name, shortened and without controls.
    pub(crate) fn name(&self) -> Option<String> {
        self.name.as_ref().map(|name| cut(name.escape_debug().to_string(), NAME_BYTES_MAX))
    }
}

/// Writes "2 addresses failed: [::1]:80: connection refused (ECONNREFUSED); ...".
impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses = |n| if n == 1 { "1 address".to_owned() } else { format!("{n} addresses") };
        if self.attempts.is_empty() {
            f.write_str("timed out")?;
            return match self.untried {
                0 => Ok(()),
                n => write!(f, " before {} could be tried", addresses(n)),
            };
        }
        if self.late && !self.attempts.iter().any(|(_, error)| error.is_timeout()) {
            f.write_str("timed out, ")?;
        }
        write!(f, "{} failed", addresses(self.attempts.len()))?;
        match self.untried {
            0 => {}
            1 => f.write_str(", 1 was not tried")?,
            n => write!(f, ", {n} were not tried")?,
        }
        let mut text = String::new();
        for (shown, (addr, error)) in self.attempts.iter().enumerate() {
            let start = if shown == 0 { ": " } else { "; " };
            if text.len() > TEXT_BYTES_MAX {
                write!(text, "{start}and {} more", self.attempts.len() - shown)?;
                break;
            }
            text += start;
            text += &cut(one(addr, error), ONE_BYTES_MAX);
        }
        f.write_str(&text)
    }
}

/// "[::1]:80: connection refused (ECONNREFUSED)"; what was no connect says what it was.
fn one(addr: &Address, error: &Error) -> String {
    let text = error.to_string();
    let about = format!("connect {addr}: ");
    format!("{addr}: {}", text.strip_prefix(&about).unwrap_or(&text))
}

fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        let end = (0..=bytes_max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}
