//! What takes a processor tens of milliseconds: passwords. A driver does it on other threads, and
//! the client waits for it as it waits for the log.

use std::sync::Arc;

use super::super::{ClientId, Credentials};
use super::{Ctx, nickserv, oper, sasl};

/// What is to be done.
#[derive(Clone, PartialEq, Eq)]
pub enum Task {
    /// Tell whether a password is that of a hash (argon2id).
    Verify {
        /// The hash.
        hash: String,
        /// The password.
        password: String,
    },
    /// Make what is kept of a password.
    Derive {
        /// The password.
        password: String,
    },
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Task::Verify { .. } => "Verify(..)",
            Task::Derive { .. } => "Derive(..)",
        })
    }
}

/// What came of it.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Whether the password was right.
    Verified(bool),
    /// What is kept of it; nothing where the system could not.
    Derived(Option<Arc<Credentials>>),
}

/// A task, and whose.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) client: ClientId,
    pub(crate) task: Task,
}

/// What is done with the outcome.
#[derive(Debug)]
pub(crate) enum Then {
    /// Becomes an operator.
    Oper,
    /// Is logged in to this account by SASL.
    Sasl(Arc<str>),
    /// Is logged in to this account by `NickServ`.
    Identify(Arc<str>),
    /// Makes this account by `NickServ`, or by REGISTER.
    Make(Arc<str>, bool),
    /// Gives this account another password.
    SetPassword(Arc<str>),
}

impl Ctx<'_> {
    /// Has something worked out; the client waits for it.
    pub(super) fn work(&mut self, task: Task, then: Then) {
        self.conn.then = Some(then);
        self.work = Some(Work { client: self.session, task });
    }
}

/// Goes on where a client waited for this.
pub(crate) fn worked(ctx: &mut Ctx<'_>, outcome: Outcome) {
    match (ctx.conn.then.take(), outcome) {
        (Some(Then::Oper), Outcome::Verified(right)) => oper::checked(ctx, right),
        (Some(Then::Sasl(account)), Outcome::Verified(right)) => {
            sasl::checked(ctx, account, right);
        }
        (Some(Then::Identify(account)), Outcome::Verified(right)) => {
            nickserv::identified(ctx, account, right);
        }
        (Some(Then::Make(account, by_command)), Outcome::Derived(made)) => {
            nickserv::made(ctx, account, by_command, made);
        }
        (Some(Then::SetPassword(account)), Outcome::Derived(made)) => {
            nickserv::password_made(ctx, account, made);
        }
        _ => {}
    }
}
