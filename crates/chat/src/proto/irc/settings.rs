//! What the server is called, who runs it, and what it keeps to.

use std::sync::Arc;

use super::limits::Limits;

/// Somebody who may run the server.
#[derive(Debug, Clone)]
pub struct Operator {
    /// The name, for OPER.
    pub name: String,
    /// The hash of the password (argon2id).
    pub hash: String,
}

/// What IRC clients are told and held to.
#[derive(Clone)]
pub struct Settings {
    /// The server's name; `irc.example`.
    pub server: Arc<str>,
    /// The network's name.
    pub network: Arc<str>,
    /// The message of the day, by line; none where it is empty.
    pub motd: Vec<String>,
    /// What every client has to know.
    pub password: Option<Arc<str>>,
    /// Who may run the server.
    pub operators: Vec<Operator>,
    /// When the server was started, in milliseconds since 1970 (UTC).
    pub started_unix_ms: u64,
    /// Nobody guesses it: what is told to one client only is made from it.
    pub secret: [u8; 32],
    /// Whether an account can be made before a client is known.
    pub registers_early: bool,
    /// Whether who makes an account has to name an address.
    pub wants_email: bool,
    /// Who is logged in stays in the rooms when all its clients are gone.
    pub always_on: bool,
    /// The limits.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            server: "sockeye.local".into(),
            network: "Sockeye".into(),
            motd: Vec::new(),
            password: None,
            operators: Vec::new(),
            started_unix_ms: 0,
            secret: [0; 32],
            registers_early: true,
            wants_email: false,
            always_on: false,
            limits: Limits::default(),
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("server", &self.server).finish_non_exhaustive()
    }
}
