//! Why a scan could not start or had to end.

use crate::proto::plan::PlanError;
use std::net::IpAddr;

/// What went wrong with a scan as a whole; single ports that cannot be asked are verdicts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing, too much, or something that needs to be confirmed would be scanned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A name does not resolve.
    #[error("cannot resolve the target")]
    Name {
        /// The resolver's answer, with the name in it.
        #[source]
        source: sockeye_socket::Error,
    },
    /// A name has no address of the family that was asked for.
    #[error("{name} has no IPv{version} address")]
    NoAddress {
        /// The name.
        name: String,
        /// 4 or 6.
        version: u8,
    },
    /// A name was given, and names are not to be resolved.
    #[error("{name} is a name, and names are not to be resolved")]
    NameNotWanted {
        /// The name.
        name: String,
    },
    /// An address is of the other family than was asked for.
    #[error("{address} is no IPv{version} address")]
    WrongFamily {
        /// The address.
        address: IpAddr,
        /// 4 or 6.
        version: u8,
    },
    /// The system did not give what a loop needs.
    #[error("cannot start the scan")]
    System {
        /// The system's answer.
        #[source]
        source: sockeye_socket::Error,
    },
    /// The system did not give a thread.
    #[error("cannot start a thread")]
    Thread {
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// Tells whether the one who asked has to ask differently.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Plan(_)
                | Self::NoAddress { .. }
                | Self::NameNotWanted { .. }
                | Self::WrongFamily { .. }
        )
    }
}

/// The result of a scan as a whole.
pub type Result<T> = std::result::Result<T, Error>;
