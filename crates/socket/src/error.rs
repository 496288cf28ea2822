//! The one error of this crate: which operation, on which address, why, and how much was done
//! before. Its text is a fragment: "bind [::]:80: permission denied (EACCES)".

use std::fmt;
use std::io;

use crate::addr::Address;
use crate::errno;
use crate::happy::Failures;
use crate::resolve::fault::Fault;

/// What every operation of this crate gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation failed.
///
/// ```
/// use sockeye_socket::Socket;
///
/// let socket = Socket::tcp4()?;
/// let error = socket.connect("127.0.0.1:0").unwrap_err();
/// assert_eq!(error.to_string(), "connect 127.0.0.1:0: connection refused (ECONNREFUSED)");
/// assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
/// assert!(error.errno().is_some());
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
pub struct Error {
    op: &'static str,
    cause: Cause,
    done: usize,
    addr: Option<Box<Address>>,
}

/// The reasons, the system's and our own.
#[derive(Debug)]
pub(crate) enum Cause {
    /// What the system said.
    Errno(i32),
    /// Our own deadline passed.
    TimedOut,
    /// The stream ended inside of what was asked for.
    Ended { need: usize },
    /// `getaddrinfo` or its like said no to what it was asked for.
    Lookup { fault: Fault, asked: Box<str> },
    /// The system said no to what has a name, but no address.
    Asked { errno: i32, asked: Box<str> },
    /// There is no such thing, and nobody has a number for that.
    NotFound { asked: Box<str>, why: &'static str },
    /// The text is not an address.
    BadAddress { text: Box<str>, why: &'static str },
    /// The caller asked for what this type cannot do.
    Invalid(&'static str),
    /// Something that came could not be kept.
    Lost(&'static str),
    /// Several addresses were tried, or none in time.
    Attempts(Box<Failures>),
    /// Somebody else's error, without a number of the system's.
    Other(io::Error),
}

impl Error {
    pub(crate) fn new(op: &'static str, cause: Cause) -> Self {
        Self { op, cause, done: 0, addr: None }
    }

    /// What the system said to `op` (a method's name), for programs that ask it themselves: a
    /// pending `SO_ERROR`, say.
    #[must_use]
    pub fn os(op: &'static str, errno: i32) -> Self {
        Self::new(op, Cause::Errno(errno))
    }

    /// Keeps the errno of `error`; one without an errno is our own caller's mistake.
    pub(crate) fn io(op: &'static str, error: &io::Error) -> Self {
        match error.raw_os_error() {
            Some(errno) => Self::os(op, errno),
            None => Self::new(op, Cause::Invalid("invalid argument")),
        }
    }

    pub(crate) fn timed_out(op: &'static str) -> Self {
        Self::new(op, Cause::TimedOut)
    }

    /// The same error, about `addr`: for callers who know more than the operation did.
    #[must_use]
    pub fn about(self, addr: &Address) -> Self {
        self.at(addr)
    }

    #[must_use]
    pub(crate) fn at(mut self, addr: &Address) -> Self {
        self.addr = Some(Box::new(addr.clone()));
        self
    }

    /// The same, of the operation that the caller asked for.
    #[must_use]
    pub(crate) fn renamed(self, op: &'static str) -> Self {
        Self { op, ..self }
    }

    #[must_use]
    pub(crate) fn after(mut self, done: usize) -> Self {
        self.done = done;
        self
    }

    /// The kind of failure, in the standard library's terms. `TimedOut` is a timeout of ours or
    /// of the kernel's; `WouldBlock` comes from a socket in nonblocking mode only.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        match &self.cause {
            Cause::Errno(errno) | Cause::Asked { errno, .. } => {
                io::Error::from_raw_os_error(*errno).kind()
            }
            Cause::TimedOut => io::ErrorKind::TimedOut,
            Cause::Ended { .. } => io::ErrorKind::UnexpectedEof,
            Cause::Lookup { fault, .. } => fault.kind(),
            Cause::NotFound { .. } => io::ErrorKind::NotFound,
            Cause::BadAddress { .. } | Cause::Invalid(_) => io::ErrorKind::InvalidInput,
            Cause::Lost(_) => io::ErrorKind::InvalidData,
            Cause::Attempts(failures) => {
                failures.reason().map_or(io::ErrorKind::TimedOut, Self::kind)
            }
            Cause::Other(error) => error.kind(),
        }
    }

    /// The system's error number, where the system is who refused. A timeout set by
    /// [`settimeout`](crate::Socket::settimeout) has none.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match &self.cause {
            Cause::Errno(errno) | Cause::Asked { errno, .. } => Some(*errno),
            Cause::Lookup { fault, .. } => fault.errno(),
            Cause::Attempts(failures) => failures.reason().and_then(Self::errno),
            _ => None,
        }
    }

    /// Tells whether time ran out: the socket's own timeout or the kernel's (`ETIMEDOUT`).
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.kind() == io::ErrorKind::TimedOut
    }

    /// Tells whether a nonblocking socket has nothing to give or no room to take; a connect that
    /// is under way (`EINPROGRESS`) counts.
    #[must_use]
    pub fn would_block(&self) -> bool {
        matches!(self.cause, Cause::Errno(errno::EAGAIN | errno::EINPROGRESS))
    }

    /// Tells whether a host or an address could not be looked up.
    #[must_use]
    pub fn is_lookup(&self) -> bool {
        matches!(self.cause, Cause::Lookup { .. })
    }

    /// Why it could not be resolved, by getaddrinfo's number: one of
    /// [`resolve::EAI_…`](crate::resolve). `EAI_SYSTEM` has an [`errno`](Self::errno) as well.
    /// [`gethostbyaddr`](crate::gethostbyaddr) and
    /// [`gethostbyname_ex`](crate::gethostbyname_ex) have netdb's numbers, as in Python.
    #[must_use]
    pub fn lookup_code(&self) -> Option<i32> {
        match self.cause {
            Cause::Lookup { fault, .. } => Some(fault.code()),
            _ => None,
        }
    }

    /// The name of the [`lookup_code`](Self::lookup_code), such as `EAI_NONAME` or
    /// `HOST_NOT_FOUND`.
    #[must_use]
    pub fn lookup_name(&self) -> Option<&'static str> {
        match self.cause {
            Cause::Lookup { fault, .. } => fault.name(),
            _ => None,
        }
    }

    /// How many bytes were sent before the failure (`sendall`).
    #[must_use]
    pub fn sent(&self) -> usize {
        self.done
    }

    /// How many bytes had come into the buffer before the failure (`recv_exact`).
    #[must_use]
    pub fn received(&self) -> usize {
        self.done
    }

    /// Where a connection was tried at several addresses: each with its own error, in the order in
    /// which they were tried (Python's `all_errors`). Empty for every other error, that of a host
    /// with one address included. `kind` and `errno` are then those of the last one, unless the
    /// deadline ended it all.
    ///
    /// ```
    /// use sockeye_socket::{Address, create_connection};
    ///
    /// let closed: Vec<Address> = vec!["127.0.0.1:0".parse()?, "127.0.0.2:0".parse()?];
    /// let error = create_connection(closed).open().unwrap_err();
    /// assert_eq!(error.attempts().len(), 2);
    /// for (address, error) in error.attempts() {
    ///     println!("{address}: {error}");
    /// }
    /// # Ok::<(), sockeye_socket::Error>(())
    /// ```
    #[must_use]
    pub fn attempts(&self) -> &[(Address, Self)] {
        match &self.cause {
            Cause::Attempts(failures) => failures.attempts(),
            _ => &[],
        }
    }

    /// The operation, by the name of the method.
    #[must_use]
    pub fn op(&self) -> &'static str {
        self.op
    }

    /// The address that the operation was about.
    #[must_use]
    pub fn address(&self) -> Option<&Address> {
        self.addr.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.op)?;
        match &self.cause {
            Cause::Lookup { asked, .. }
            | Cause::Asked { asked, .. }
            | Cause::NotFound { asked, .. } => write!(f, " {}", asked.escape_debug())?,
            Cause::BadAddress { text, .. } => write!(f, " {:?}", text)?,
            Cause::Attempts(failures) => {
                failures.name().map_or(Ok(()), |name| write!(f, " {name}"))?;
            }
            _ => {}
        }
        if let Some(addr) = &self.addr {
            write!(f, " {addr}")?;
        }
        f.write_str(": ")?;
        match &self.cause {
            Cause::Errno(errno) | Cause::Asked { errno, .. } => errno::describe(*errno, f)?,
            Cause::TimedOut => f.write_str("timed out")?,
            Cause::Ended { need } => {
                return write!(f, "the stream ended after {} of {need} bytes", self.done);
            }
            Cause::Lookup { fault, .. } => fault.describe(self.op, f)?,
            Cause::BadAddress { why, .. }
            | Cause::NotFound { why, .. }
            | Cause::Invalid(why)
            | Cause::Lost(why) => f.write_str(why)?,
            Cause::Attempts(failures) => failures.fmt(f)?,
            Cause::Other(error) => error.fmt(f)?,
        }
        if self.done > 0 { write!(f, " after {} bytes", self.done) } else { Ok(()) }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As it is shown: what `main` prints of an error that it returns is meant for people.
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    /// Keeps the system's error number, or an error of this crate that is inside: for functions
    /// that deal with sockets and with files too.
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => own,
            Err(error) => match error.raw_os_error() {
                Some(errno) => Self::new("io", Cause::Errno(errno)),
                None => Self::new("io", Cause::Other(error)),
            },
        }
    }
}

impl From<Error> for io::Error {
    /// Keeps the system's error number where there is one (and no more: not the operation, not the
    /// address); else the whole error is inside.
    fn from(error: Error) -> Self {
        match error.errno() {
            Some(errno) => io::Error::from_raw_os_error(errno),
            None => io::Error::new(error.kind(), error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_names_operation_address_and_errno() {
        let addr: Address = "[::]:80".parse().unwrap();
        let error = Error::os("bind", errno::EACCES).at(&addr);
        assert_eq!(error.to_string(), "bind [::]:80: permission denied (EACCES)");
        assert_eq!(error.op(), "bind");
        assert_eq!(error.address(), Some(&addr));
    }

    #[test]
    fn text_says_how_much_was_done() {
        let error = Error::timed_out("sendall").after(12);
        assert_eq!(error.to_string(), "sendall: timed out after 12 bytes");
        let error = Error::new("recv_exact", Cause::Ended { need: 9 }).after(4);
        assert_eq!(error.to_string(), "recv_exact: the stream ended after 4 of 9 bytes");
    }

    #[test]
    fn io_error_keeps_the_errno_or_the_kind() {
        let error: io::Error = Error::os("send", errno::EPIPE).into();
        assert_eq!(error.raw_os_error(), Some(errno::EPIPE));
        let error: io::Error = Error::timed_out("recv").into();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn an_io_error_comes_back_as_it_went() {
        let timeout: io::Error = Error::timed_out("recv").into();
        assert_eq!(Error::from(timeout).to_string(), "recv: timed out");
        let number: io::Error = Error::os("send", errno::EPIPE).into();
        assert_eq!(Error::from(number).to_string(), "io: broken pipe (EPIPE)");
        let other = Error::from(io::Error::new(io::ErrorKind::InvalidData, "not UTF-8"));
        assert_eq!(other.to_string(), "io: not UTF-8");
        assert_eq!((other.kind(), other.errno()), (io::ErrorKind::InvalidData, None));
        assert_eq!(format!("{other:?}"), other.to_string());
    }

    #[test]
    fn timeouts_of_ours_and_of_the_kernel_are_timeouts() {
        assert!(Error::timed_out("recv").is_timeout());
        assert!(Error::os("connect", errno::ETIMEDOUT).is_timeout());
        assert!(!Error::os("recv", errno::EAGAIN).is_timeout());
        assert!(Error::os("recv", errno::EAGAIN).would_block());
        assert!(!Error::timed_out("recv").would_block());
    }

    #[test]
    fn results_stay_small() {
        assert!(size_of::<Error>() <= 72);
    }
}
