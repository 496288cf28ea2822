//! One person: a connection that is in rooms or may be.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::{ClientId, Identity, RoomName, Text, fold};

/// Somebody who is here.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) client: ClientId,
    pub(crate) who: Arc<Identity>,
    /// `nick!user@host`, folded, for masks.
    pub(crate) mask: String,
    pub(crate) real: Text,
    pub(crate) since_unix_ms: u64,
    /// Spoke last.
    pub(crate) active_unix_ms: u64,
    /// Came by IRC: in any number of rooms. Others are in one.
    pub(crate) irc: bool,
    pub(crate) rooms: Vec<RoomName>,
    pub(crate) away: Option<Text>,
    pub(crate) modes: BTreeSet<char>,
    /// The rooms that this person is asked into.
    pub(crate) invited_to: BTreeSet<RoomName>,
}

impl Person {
    pub(super) fn new(client: ClientId, who: Arc<Identity>, unix_ms: u64) -> Person {
        Person {
            client,
            mask: fold(&who.to_string()),
            who,
            real: Text::new(""),
            since_unix_ms: unix_ms,
            active_unix_ms: unix_ms,
            irc: false,
            rooms: Vec::new(),
            away: None,
            modes: BTreeSet::new(),
            invited_to: BTreeSet::new(),
        }
    }

    /// Shows this person differently from now on.
    pub(super) fn become_(&mut self, change: impl FnOnce(&mut Identity)) {
        let mut who = (*self.who).clone();
        change(&mut who);
        self.mask = fold(&who.to_string());
        self.who = Arc::new(who);
    }

    /// What conversations with this person are kept under: the account, or this connection.
    pub(crate) fn key(&self) -> Arc<str> {
        match &self.who.account {
            Some(account) => fold(account).into(),
            None => format!("~{:x}.{:?}", self.since_unix_ms, self.client).into(),
        }
    }

    pub(crate) fn is_operator(&self) -> bool {
        self.modes.contains(&'o')
    }
}
