//! A static-file HTTP server engine.
//!
//! [`Server::bind`] opens the root and the ports, [`Server::run`] serves until a shutdown. Others
//! answer for parts of the name space, or take connections over, through [`Mount`].
//!
//! Decisions live in [`proto`], which knows no sockets, files or clocks; the driver moves bytes:
//! one thread accepts and gives each connection to the worker thread that has the fewest.

mod access;
mod archive;
mod cache;
mod config;
mod driver;
mod error;
mod event;
mod files;
mod listing;
mod log;
mod media;
mod metrics;
mod mount;
mod pack;
mod pages;
mod policy;
pub mod proto;
mod redirect;
mod rules;
mod server;
mod service;
mod site_path;
mod upload_form;
mod writes;

#[cfg(test)]
mod feed;

pub use access::{Auth, AuthError, AuthRule};
pub use config::{AccessLog, Admit, Config, Engine, Limits, Listing, LogFormat, Root, Writes};
pub use driver::limits as http2;
pub use error::Error;
pub use event::{Event, Report, Sink};
pub use mount::{Answer, Handler, Mount, Produce, Receive, Request, Takeover};
pub use pages::ErrorPage;
pub use policy::{Policy, Reload};
pub use proto::archive::Format as ArchiveFormat;
pub use proto::base::BasePath;
pub use proto::coding::Coding;
pub use proto::cors::{Cors, Origin, OriginError};
pub use proto::credentials::Credentials;
pub use proto::head::Method;
pub use proto::plan::{Body, Headers, Plan};
pub use proto::status::Status;
pub use proto::writing::Allowed;
pub use redirect::Redirect;
pub use rules::Rule;
pub use server::Server;
pub use site_path::{SitePath, SitePathError};
pub use upload_form::{FormFiles, keep_form};
