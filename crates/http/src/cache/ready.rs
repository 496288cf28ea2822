//! An answer that is written already: the head of a whole file, and its body where that is small; a
//! listing; or that there is nothing. Only the date in it changes, once a second.

use std::rc::Rc;

use crate::proto::date;
use crate::proto::plan::{Body, Plan};
use crate::proto::status::Status;

/// A stand-in of the length that every date has.
const SOME_DATE: &[u8] = b"Thu, 01 Jan 1970 00:00:00 GMT";

/// The answer to a plain GET, for a connection that stays open.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    status: Status,
    bytes: Vec<u8>,
    head_bytes: usize,
    date_at: usize,
    /// The second that the date says.
    second: u64,
    /// Bytes of the file, sent with it or after it.
    body_bytes: u64,
}

impl Ready {
    /// Writes `plan`, with `body` where that is sent together with it.
    pub(crate) fn new(plan: &Plan, body: &[u8]) -> Ready {
        let mut bytes = Vec::new();
        plan.write_head(SOME_DATE, None, &mut bytes);
        let head_bytes = bytes.len();
        let found = bytes.windows(SOME_DATE.len()).position(|window| window == SOME_DATE);
        bytes.extend_from_slice(body);
        bytes.shrink_to_fit();
        let body_bytes = plan.body.len();
        let date_at = found.unwrap_or_default();
        Ready { status: plan.status, bytes, head_bytes, date_at, second: 0, body_bytes }
    }

    /// Writes `plan`, whose body is bytes.
    pub(crate) fn of_bytes(plan: &Plan) -> Option<Ready> {
        match &plan.body {
            Body::Bytes(body) => Some(Ready::new(plan, body)),
            _ => None,
        }
    }

    /// The status.
    pub(crate) fn status(&self) -> Status {
        self.status
    }

    /// Sets the date to that of `second`, in an answer that others may be sending still.
    pub(crate) fn renew(ready: &mut Rc<Ready>, second: u64) {
        if ready.second != second {
            Rc::make_mut(ready).set_date(second);
        }
    }

    /// Sets the date.
    fn set_date(&mut self, second: u64) {
        let text = date::format(second);
        let place = self.bytes.get_mut(self.date_at..self.date_at + text.len());
        if let Some(place) = place {
            place.copy_from_slice(text.as_bytes());
            self.second = second;
        }
    }

    /// The head.
    pub(crate) fn head(&self) -> &[u8] {
        &self.bytes[..self.head_bytes]
    }

    /// Head, and body where it is small.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The length of the file, whether its bytes are here or not.
    pub(crate) fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// Appends all of it to `out`, which is empty, with a `Connection` field. Gives the length of
    /// the head.
    pub(crate) fn write_with(&self, connection: &str, out: &mut Vec<u8>) -> usize {
        let (head, body) = self.bytes.split_at(self.head_bytes);
        out.extend_from_slice(head.strip_suffix(b"\r\n").unwrap_or(head));
        out.extend_from_slice(b"Connection: ");
        out.extend_from_slice(connection.as_bytes());
        out.extend_from_slice(b"\r\n\r\n");
        let head_bytes = out.len();
        out.extend_from_slice(body);
        head_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::status::Status;

    #[test]
    fn it_is_what_the_plan_would_write() {
        let plan = Plan::new(Status::OK).with_content("text/plain", &b"hello"[..]);
        let mut ready = Rc::new(Ready::of_bytes(&plan).unwrap());
        assert_eq!(ready.status(), Status::OK);
        for second in [0, 784_111_777, 1_700_000_000] {
            Ready::renew(&mut ready, second);
            let date = date::format(second);
            let mut expected = Vec::new();
            plan.write_head(date.as_bytes(), None, &mut expected);
            assert_eq!(ready.head(), expected);
            expected.extend_from_slice(b"hello");
            assert_eq!(ready.bytes(), expected);
            let (mut expected, mut written) = (Vec::new(), Vec::new());
            plan.write_head(date.as_bytes(), Some("close"), &mut expected);
            let head_bytes = expected.len();
            expected.extend_from_slice(b"hello");
            assert_eq!(ready.write_with("close", &mut written), head_bytes);
            assert_eq!(written, expected);
        }
        assert_eq!(ready.body_bytes(), 5);
    }
}
