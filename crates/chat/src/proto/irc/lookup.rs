//! What a client's command needs to know of what was said: asked of the log by a driver.

use std::sync::Arc;

use super::super::{ClientId, Entry, Question};
use super::{history, redact};

/// Questions to the log. The client waits for the answers.
#[derive(Debug)]
pub struct Lookup {
    pub(crate) client: ClientId,
    pub(crate) questions: Vec<Question>,
    pub(crate) then: Then,
}

/// What is done with the answers.
#[derive(Debug)]
pub(crate) enum Then {
    /// Shows a page of history.
    Show(history::Asked),
    /// Lists conversations.
    List(history::Asked),
    /// Takes back what was said.
    Redact(redact::Asked),
}

/// The answers in the order of the questions, the oldest first in each; `None` where one could not
/// be had.
#[derive(Debug)]
pub struct Found(pub Option<Vec<Arc<Entry>>>);

impl Lookup {
    /// What the log is asked.
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }
}
