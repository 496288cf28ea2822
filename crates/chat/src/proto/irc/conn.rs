//! What the server holds of one connection and nobody else sees.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::frame::Carrier;
use super::super::{ClientId, Nick, Text};
use super::multiline::Draft;
use super::sasl::Sasl;
use super::work::Then;
use super::{Caps, Input};

/// Who watches which names (folded).
#[derive(Debug, Default)]
pub(crate) struct Watch(BTreeMap<String, BTreeSet<ClientId>>);

impl Watch {
    pub(crate) fn insert(&mut self, name: String, client: ClientId) {
        self.0.entry(name).or_default().insert(client);
    }

    pub(crate) fn remove(&mut self, name: &str, client: ClientId) {
        if let Some(clients) = self.0.get_mut(name) {
            clients.remove(&client);
            if clients.is_empty() {
                self.0.remove(name);
            }
        }
    }

    pub(crate) fn of(&self, name: &str) -> impl Iterator<Item = ClientId> {
        self.0.get(name).into_iter().flatten().copied()
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) carrier: Carrier,
    pub(crate) host: Arc<str>,
    pub(crate) caps: Caps,
    /// Talks of capabilities and has not ended that: it is not let in before.
    pub(crate) negotiates: bool,
    /// Has said that it understands values of capabilities.
    pub(crate) knows_values: bool,
    /// Whose further client it is; `None`: a person by itself.
    pub(crate) person: Option<ClientId>,
    /// Is a person in the hub.
    pub(crate) greeted: bool,
    pub(crate) nick: Option<Nick>,
    /// The name that it asked for last, whether it could have it or not.
    pub(crate) wanted: Option<String>,
    pub(crate) user: Option<Arc<str>>,
    pub(crate) real: Text,
    pub(crate) password: Option<String>,
    /// Logged in before it was let in.
    pub(crate) account: Option<Arc<str>>,
    /// Away before it was let in.
    pub(crate) away: Option<Text>,
    /// The label of the command that is being answered, and the answer so far.
    pub(crate) label: Option<String>,
    pub(crate) answer: String,
    /// What it watches: folded, with the name as it was given.
    pub(crate) watches: BTreeMap<String, String>,
    pub(crate) sasl: Sasl,
    pub(crate) then: Option<Then>,
    pub(crate) draft: Option<Draft>,
    /// Wrong passwords so far.
    pub(crate) failures: u32,
}

impl Conn {
    pub(crate) fn new(carrier: Carrier, host: Arc<str>) -> Conn {
        Conn {
            carrier,
            host,
            caps: Caps::NONE,
            negotiates: false,
            knows_values: false,
            person: None,
            greeted: false,
            nick: None,
            wanted: None,
            user: None,
            real: Text::new(""),
            password: None,
            account: None,
            away: None,
            label: None,
            answer: String::new(),
            watches: BTreeMap::new(),
            sasl: Sasl::default(),
            then: None,
            draft: None,
            failures: 0,
        }
    }
}

/// Whether a line counts for flood control: what only keeps a connection alive does not.
pub(crate) fn counts(input: &Input) -> bool {
    match input {
        Input::Line(line) => !line.starts_with("PONG") && !line.starts_with("PING"),
        Input::TooLong | Input::NotUtf8 => true,
    }
}
