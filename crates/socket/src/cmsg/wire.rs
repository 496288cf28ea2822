//! Control messages in their buffer: a header (length, level, kind), the content, and what fills
//! up to the alignment. Lengths are never trusted: what a header says beyond the end of the buffer
//! is cut off there.
//!
//! ```text
//! control = *( length level kind *OCTET padding )      length counts the header, not the padding
//! ```
//!
//! # Source
//! cmsg(3), RFC 3542 section 20

use super::Outgoing;
use crate::sys::{CMSG_ALIGN_BYTES, CMSG_HEADER_BYTES, cmsg_header, put_cmsg_header};

/// The length of a message with so many bytes of content, as its header says it (Python's
/// `CMSG_LEN`). A receive buffer of just that has room for it as the only one, or the last.
#[must_use]
pub const fn len(data_bytes: usize) -> usize {
    data_bytes.saturating_add(CMSG_HEADER_BYTES)
}

/// The content of IPv4's packet information, for [`space`].
pub const PACKET_INFO_BYTES: usize = 12;
/// The content of IPv6's packet information.
pub const PACKET_INFO6_BYTES: usize = 20;
/// The content of credentials.
pub const CREDENTIALS_BYTES: usize = 12;
/// The content of a time.
pub const TIMESTAMP_BYTES: usize = 16;
/// The content of a descriptor, a time to live, a hop limit, a type of service, each.
pub const INT_BYTES: usize = 4;

/// The room that a message with so many bytes of content takes when another one follows (Python's
/// `CMSG_SPACE`).
///
/// ```
/// use sockeye_socket::cmsg;
///
/// let descriptor_bytes = 4;
/// let control_bytes =
///     cmsg::space(cmsg::PACKET_INFO_BYTES) + cmsg::space(descriptor_bytes * 3);
/// assert!(control_bytes >= cmsg::len(cmsg::PACKET_INFO_BYTES) + cmsg::len(12));
/// ```
#[must_use]
pub const fn space(data_bytes: usize) -> usize {
    len(padded(data_bytes))
}

/// Up to where the next message may start.
const fn padded(data_bytes: usize) -> usize {
    match data_bytes.checked_next_multiple_of(CMSG_ALIGN_BYTES) {
        Some(aligned) => aligned,
        None => usize::MAX,
    }
}

/// The messages in the bytes of a control buffer, which may come from anywhere: level, kind and
/// content of each. The content of the last is as much as there is.
///
/// ```
/// use sockeye_socket::cmsg::{self, Outgoing};
///
/// let buffer = cmsg::encode(&[
///     Outgoing::Raw { level: 0, kind: 2, data: b"two" },
///     Outgoing::Raw { level: 1, kind: 3, data: b"three" },
/// ]);
/// let messages: Vec<_> = cmsg::messages(&buffer).collect();
/// assert_eq!(messages, [(0, 2, &b"two"[..]), (1, 3, b"three")]);
/// ```
pub fn messages(control: &[u8]) -> Messages<'_> {
    Messages { rest: control }
}

/// Gives the messages of a control buffer; made by [`messages`].
#[derive(Debug, Clone)]
pub struct Messages<'b> {
    /// From the next header on.
    rest: &'b [u8],
}

impl<'b> Iterator for Messages<'b> {
    type Item = (i32, i32, &'b [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = std::mem::take(&mut self.rest);
        let (len, level, kind) = cmsg_header(rest)?;
        let said = len.checked_sub(CMSG_HEADER_BYTES)?;
        let body = &rest[CMSG_HEADER_BYTES..];
        let data = &body[..said.min(body.len())];
        self.rest = body.get(padded(said)..).unwrap_or_default();
        Some((level, kind, data))
    }
}

/// The bytes of a control buffer with these messages, as sendmsg(2) takes it.
#[must_use]
pub fn encode(messages: &[Outgoing<'_>]) -> Vec<u8> {
    let mut buffer = Vec::new();
    for message in messages {
        message.put(&mut buffer);
    }
    buffer
}

impl Outgoing<'_> {
    fn put(&self, buffer: &mut Vec<u8>) {
        match self {
            Self::Rights(fds) => {
                use std::os::fd::AsRawFd;
                let mut data = Vec::with_capacity(fds.len() * 4);
                data.extend(fds.iter().flat_map(|fd| fd.as_raw_fd().to_ne_bytes()));
                put(buffer, libc::SOL_SOCKET, libc::SCM_RIGHTS, &data);
            }
            Self::Raw { level, kind, data } => put(buffer, *level, *kind, data),
            #[cfg(target_os = "linux")]
            other => {
                if let Some(raw) = super::typed::outgoing(other) {
                    put(buffer, raw.level, raw.kind, &raw.data);
                }
            }
        }
    }
}

fn put(buffer: &mut Vec<u8>, level: i32, kind: i32, data: &[u8]) {
    put_cmsg_header(buffer, len(data.len()), level, kind);
    buffer.extend_from_slice(data);
    let padding = padded(data.len()).saturating_sub(data.len());
    buffer.resize(buffer.len().saturating_add(padding), 0);
}
