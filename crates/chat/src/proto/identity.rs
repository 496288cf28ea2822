//! Who does something, in words that still make sense after a restart.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Nick;

/// How somebody is shown to others, at one moment. What has happened keeps the identity of then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The name in the rooms.
    pub nick: Nick,
    /// The name that the client gave for its user.
    pub user: Arc<str>,
    /// Where the client comes from, as others may see it.
    pub host: Arc<str>,
    /// The account that it is logged in to.
    pub account: Option<Arc<str>>,
    /// Whether it says that it is a bot.
    pub bot: bool,
}

impl Identity {
    /// Somebody who came with `nc` or a page.
    pub fn plain(nick: Nick) -> Identity {
        Identity { nick, user: "~nc".into(), host: "plain".into(), account: None, bot: false }
    }
}

/// `nick!user@host`
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}!{}@{}", self.nick, self.user, self.host)
    }
}
