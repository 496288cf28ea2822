//! Plain lines without a screen: stdin is copied to the room and the room to stdout, byte by byte.

use std::io::{self, IsTerminal, Read};
use std::sync::Arc;

use anyhow::Context as _;
use sockeye_socket::{How, Socket};

use crate::output;

/// Copies stdin to the room and the room to stdout. The end of stdin is the end of what we say: the
/// room is heard until it ends its side.
///
/// # Errors
/// The connection is lost, or stdout cannot be written.
pub(super) fn copy(socket: &Arc<Socket>) -> anyhow::Result<()> {
    let writer = Arc::clone(socket);
    // It may wait for a stdin that never ends: nobody waits for the thread.
    std::thread::Builder::new().name("stdin".into()).spawn(move || {
        let mut buffer = vec![0; 16 << 10];
        let mut stdin = io::stdin().lock();
        while let Ok(count) = stdin.read(&mut buffer) {
            if count == 0 || writer.sendall(&buffer[..count]).is_err() {
                break;
            }
        }
        // The connection may be over already.
        let _ = writer.shutdown(How::Write);
    })?;
    let to_terminal = io::stdout().is_terminal();
    let mut lines = Lines::default();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match socket.recv_into(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) if to_terminal => {
                for line in lines.take(&buffer[..count]) {
                    output::bytes(format!("{line}\n").as_bytes())?;
                }
            }
            Ok(count) => output::bytes(&buffer[..count])?,
            Err(error) => return Err(error).context("the connection to the room is lost"),
        }
    }
}

/// Cuts what a room sends into lines that a terminal may show, however long the wait between parts.
#[derive(Debug, Default)]
struct Lines {
    pending: Vec<u8>,
}

/// A line that is longer is shown in parts.
const LINE_BYTES_MAX: usize = 64 << 10;

impl Lines {
    fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        self.pending.extend_from_slice(bytes);
        let mut lines = Vec::new();
        let mut start = 0;
        while let Some(at) = self.pending[start..].iter().position(|byte| *byte == b'\n') {
            lines.push(shown(&self.pending[start..start + at]));
            start += at + 1;
        }
        self.pending.drain(..start);
        if self.pending.len() > LINE_BYTES_MAX {
            lines.push(shown(&std::mem::take(&mut self.pending)));
        }
        lines
    }
}

/// A server is a stranger too: nothing of it acts on the terminal.
fn shown(line: &[u8]) -> String {
    let mut out = String::new();
    sockeye_chat::proto::clean(&mut out, &String::from_utf8_lossy(line));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_and_harmless() {
        let mut lines = Lines::default();
        assert!(lines.take(b"<a> h\xc3").is_empty());
        assert_eq!(lines.take(b"\xbc\n\x1b[2J* x\r\nrest"), ["<a> hü", "[2J* x"]);
        assert_eq!(lines.take(&vec![b'x'; LINE_BYTES_MAX]).len(), 1);
    }
}
