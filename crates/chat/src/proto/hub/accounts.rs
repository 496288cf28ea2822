//! Accounts: names that belong to somebody, and what the server remembers of their owners.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::{Credentials, fold};

/// One account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) name: Arc<str>,
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) since_unix_ms: u64,
}

/// All accounts, and the marks of what was read.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    accounts: BTreeMap<String, Account>,
    /// By owner and folded target: read up to this time.
    read: BTreeMap<(Arc<str>, String), u64>,
}

impl Accounts {
    pub(crate) fn find(&self, name: &str) -> Option<&Account> {
        self.accounts.get(&fold(name))
    }

    /// Takes an account in, unless the name is taken.
    pub(super) fn make(&mut self, name: &Arc<str>, credentials: &Arc<Credentials>, unix_ms: u64) {
        self.accounts.entry(fold(name)).or_insert_with(|| Account {
            name: Arc::clone(name),
            credentials: Arc::clone(credentials),
            since_unix_ms: unix_ms,
        });
    }

    pub(super) fn set_password(&mut self, name: &str, credentials: &Arc<Credentials>) {
        if let Some(account) = self.accounts.get_mut(&fold(name)) {
            account.credentials = Arc::clone(credentials);
        }
    }

    /// Up to when a conversation was read.
    pub(crate) fn read(&self, owner: &Arc<str>, target: &str) -> Option<u64> {
        self.read.get(&(Arc::clone(owner), fold(target))).copied()
    }

    /// A mark only moves forward; gives what it is then.
    pub(super) fn mark(&mut self, owner: &Arc<str>, target: &str, unix_ms: u64) -> u64 {
        let mark = self.read.entry((Arc::clone(owner), fold(target))).or_default();
        *mark = (*mark).max(unix_ms);
        *mark
    }
}
