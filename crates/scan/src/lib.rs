//! A port scanner that knows how sure it is.
//!
//! [`proto`] decides what to send, when, and what an answer means; the connect backend carries
//! it out with ordinary connections, a loop for each core. [`run`] is the whole of a scan.
//!
//! ```
//! use sockeye_scan::{Config, PortSet, Sink, Span, TargetSet};
//! use std::sync::Arc;
//!
//! let listener = sockeye_socket::create_server("127.0.0.1:0").bind()?;
//! let port = listener.getsockname()?.port().unwrap();
//! let targets = TargetSet::new(&[Span::one([127, 0, 0, 1].into(), 0)], &[]);
//! let config = Config { targets, ports: PortSet::from_iter([port]), ..Config::default() };
//! let shutdown = sockeye_socket::Shutdown::new()?;
//! let sink: Sink = Arc::new(|_| {});
//! let report = sockeye_scan::run(&config, &shutdown, &sink)?;
//! assert_eq!(report.tally.open, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod connect;
mod error;
pub mod proto;
pub mod resolve;
pub mod services;

pub use config::{Config, PORTS_DEFAULT, PUBLIC_HOST_PPS_MAX, PUBLIC_PPS_MAX, Timing};
pub use connect::{Event, Report, Sink, run};
pub use error::{Error, Result};
pub use proto::plan::{ADDRESSES_MAX, PUBLIC_RUN_MAX, Plan, PlanError, Probe, Shard};
pub use proto::ports::{PortError, PortSet};
pub use proto::rate::Rate;
pub use proto::tally::Tally;
pub use proto::target::{TargetError, TargetSpec, parse_list};
pub use proto::targets::{Span, Target, TargetSet};
pub use proto::verdict::{Reason, State, Verdict};
