//! Socket options: typed constants with the system's names, which are Python's, and [`raw`] for all
//! the others.

#[cfg(target_os = "linux")]
mod linux;
mod multicast;
#[cfg(target_os = "linux")]
mod state;
mod table;
mod value;

use std::marker::PhantomData;

#[cfg(target_os = "linux")]
pub use linux::*;
pub use multicast::{Membership, Membership6, SourceMembership};
#[cfg(target_os = "linux")]
pub use state::{Credentials, PacketStatistics, TcpInfo};
pub use table::*;
pub use value::{GetValue, SetValue};

/// A socket option whose value is a `T`: see the constants of this module.
#[derive(Debug)]
pub struct Opt<T> {
    level: i32,
    name: i32,
    label: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for Opt<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Opt<T> {}

impl<T> Opt<T> {
    const fn new(level: i32, name: i32, label: &'static str) -> Self {
        Self { level, name, label, value: PhantomData }
    }

    /// The level, by the system's number.
    #[must_use]
    pub fn level(self) -> i32 {
        self.level
    }

    /// The option, by the system's number.
    #[must_use]
    pub fn name(self) -> i32 {
        self.name
    }

    /// The option's name, such as `SO_REUSEADDR`; `option` for a raw one.
    #[must_use]
    pub fn label(self) -> &'static str {
        self.label
    }
}

/// Any option by the system's numbers. `T` says how its value is read and written: `bool`, `i32`,
/// `u32`, `usize` (a C int), `u64`, `String`, or `Vec<u8>` for its bytes (at most 1,024 are read).
///
/// ```
/// use sockeye_socket::{Socket, opt};
///
/// let (sol_socket, so_keepalive) = (1, 9);
/// let socket = Socket::tcp4()?;
/// socket.setsockopt(opt::raw(sol_socket, so_keepalive), true)?;
/// assert!(socket.getsockopt(opt::SO_KEEPALIVE)?);
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
#[must_use]
pub const fn raw<T>(level: i32, name: i32) -> Opt<T> {
    Opt::new(level, name, "option")
}

/// Constants `NAME: type = LEVEL`, by the names that libc gives both.
macro_rules! options {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $level:ident;)*) => {$(
        $(#[$doc])*
        pub const $name: $crate::opt::Opt<$type> =
            $crate::opt::Opt::new(libc::$level, libc::$name, stringify!($name));
    )*};
}
use options;
