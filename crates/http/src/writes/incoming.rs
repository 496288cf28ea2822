//! A body on its way into a file, bounded by what it says of itself and by the room on the disk.

use std::io::{self, Read, Write};

use sockeye_edge::tree::{Overwrite, Temp};

use super::failure::Failure;
use super::{Writer, check};
use crate::files::facts_of;
use crate::proto::head::Head;
use crate::proto::plan::Plan;
use crate::proto::status::{PeerError, Status};

/// A body is read in pieces of so many bytes.
const PIECE_BYTES: usize = 64 << 10;
/// After so many bytes it is looked again whether the disk has room.
const LOOK_BYTES: u64 = 16 << 20;

/// A file that bytes are written to.
pub(super) struct Incoming<'a> {
    writer: &'a Writer,
    pub(super) temp: Temp,
    written: u64,
    looks_at: u64,
}

impl<'a> Incoming<'a> {
    pub(super) fn new(writer: &'a Writer, temp: Temp) -> Incoming<'a> {
        Incoming { writer, temp, written: 0, looks_at: 0 }
    }

    /// Writes the next bytes.
    pub(super) fn write(&mut self, data: &[u8]) -> Result<(), Failure> {
        if self.written >= self.looks_at {
            self.looks_at = self.written + LOOK_BYTES;
            if self.writer.room_of(self.temp.space()?) == 0 {
                return Err(Failure::no_space());
            }
        }
        self.temp.write_all(data).map_err(Failure::Disk)?;
        self.written += u64::try_from(data.len()).unwrap_or_default();
        Ok(())
    }

    /// Writes all of `body`, which must have `expected` bytes where that is known.
    pub(super) fn copy(
        &mut self,
        body: &mut dyn Read,
        expected: Option<u64>,
    ) -> Result<(), Failure> {
        let mut piece = vec![0; PIECE_BYTES];
        let mut left = expected.unwrap_or(u64::MAX);
        let differs = PeerError::bad("the body is not as long as it says");
        loop {
            match body.read(&mut piece) {
                Ok(0) if expected.is_some() && left > 0 => return Err(differs.into()),
                Ok(0) => return Ok(()),
                Ok(count) => {
                    let taken = u64::try_from(count).unwrap_or(u64::MAX);
                    left = left.checked_sub(taken).ok_or(differs)?;
                    self.write(&piece[..count])?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Failure::Body(error)),
            }
        }
    }

    /// Gives the file its name, where the conditions of `head` hold, in place of what has it now.
    pub(super) fn replace(self, head: &Head) -> Result<Plan, Failure> {
        let Incoming { writer, temp, .. } = self;
        temp.sync()?;
        let _turn = writer.turns.lock(&[temp.path()]);
        let current = writer.current(temp.path())?;
        check(head, current.as_ref())?;
        temp.set_mode(current.as_ref().map_or(writer.mode, |current| current.mode))?;
        let meta = temp.file().metadata().map_err(Failure::Disk)?;
        // Whoever wants it to be new gets that, whatever other programs do.
        let is_new = head.field("if-none-match").is_some_and(|value| value.trim_ascii() == b"*");
        temp.commit(if is_new { Overwrite::Never } else { Overwrite::Always })?;
        let status = if current.is_some() { Status::NO_CONTENT } else { Status::CREATED };
        let etag = facts_of(&meta, String::new()).validators.etag;
        Ok(Plan::new(status).with_header("ETag", etag))
    }
}
