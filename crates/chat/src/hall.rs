//! The hall behind the door: connections that are not clients yet, and their deadlines.
//!
//! Rule: there is a limit to how many may be here. Who comes above it takes the place of the one
//! who has been here longest: an honest client is here for a moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use sockeye_edge::caps::Permit;
use sockeye_socket::{Address, Events};

use crate::Config;
use crate::door::Guest;
use crate::proto::{Approach, ApproachConfig, Arrival, Beginning, Step};
use crate::turn::Newcomer;
use crate::wire::{Secrets, Wire};

/// Somebody on the way in.
pub(crate) struct Entering {
    pub(crate) wire: Wire,
    pub(crate) approach: Approach,
    pub(crate) peer: Address,
    pub(crate) permit: Permit,
    pub(crate) arrival: Arrival,
    pub(crate) events: Events,
    /// The address that counts is known, and counted.
    pub(crate) counted: bool,
    config: Arc<ApproachConfig>,
    deadline: Option<Instant>,
}

impl Entering {
    pub(crate) fn handle_received(&mut self, bytes: &[u8], now: Instant) {
        self.approach.handle_received(&self.config, bytes, now);
    }

    /// The handshake is done.
    pub(crate) fn handle_encrypted(&mut self, certificate: Option<[u8; 32]>, now: Instant) {
        self.arrival.secure = true;
        self.arrival.certificate = certificate;
        self.approach.handle_encrypted(&self.config, now);
    }

    pub(crate) fn poll_step(&mut self, now: Instant) -> Option<Step> {
        self.approach.poll_step(&self.config, now)
    }

    pub(crate) fn into_newcomer(self) -> (Arrival, Newcomer) {
        let Entering { wire, peer, permit, events, arrival, .. } = self;
        (arrival, Newcomer { wire, peer, permit, events: Some(events) })
    }
}

/// See the module's documentation.
pub(crate) struct Hall {
    config: Arc<ApproachConfig>,
    /// Every byte is said in the room: nobody but monitors comes through here.
    bypassed: bool,
    secrets: Option<Secrets>,
    max: usize,
    entering: BTreeMap<u64, Entering>,
    last: u64,
    deadlines: BTreeSet<(Instant, u64)>,
}

impl Hall {
    pub(crate) fn new(config: &Config, secrets: Option<Secrets>) -> Hall {
        Hall {
            config: Arc::new(config.approach()),
            bypassed: config.classic,
            secrets,
            max: config.entering_max,
            entering: BTreeMap::new(),
            last: 0,
            deadlines: BTreeSet::new(),
        }
    }

    /// Whether somebody comes through here.
    pub(crate) fn is_for(&self, guest: &Guest) -> bool {
        !self.bypassed || guest.monitor
    }

    pub(crate) fn secrets(&self) -> Option<Secrets> {
        self.secrets.clone()
    }

    /// How many are here.
    pub(crate) fn len(&self) -> usize {
        self.entering.len()
    }

    /// Who has to go before somebody comes.
    pub(crate) fn oldest_above_limit(&self) -> Option<u64> {
        if self.entering.len() < self.max { None } else { self.first() }
    }

    pub(crate) fn first(&self) -> Option<u64> {
        self.entering.keys().next().copied()
    }

    /// Somebody comes in.
    pub(crate) fn insert(&mut self, guest: Guest, now: Instant) -> u64 {
        let config = Arc::clone(&self.config);
        let Guest { socket, peer, permit, arrival, trusted, monitor } = guest;
        let beginning = Beginning { entrance: arrival.entrance, trusted, monitor };
        let entering = Entering {
            wire: socket.into(),
            approach: Approach::new(&config, beginning, now),
            peer,
            permit,
            arrival,
            events: Events::READ,
            counted: !trusted,
            config,
            deadline: None,
        };
        self.last += 1;
        self.entering.insert(self.last, entering);
        self.last
    }

    pub(crate) fn get_mut(&mut self, key: u64) -> Option<&mut Entering> {
        self.entering.get_mut(&key)
    }

    pub(crate) fn remove(&mut self, key: u64) -> Option<Entering> {
        let entering = self.entering.remove(&key)?;
        if let Some(at) = entering.deadline {
            self.deadlines.remove(&(at, key));
        }
        Some(entering)
    }

    /// Looks again when something is due for somebody.
    pub(crate) fn set_deadline(&mut self, key: u64) {
        let Some(entering) = self.entering.get_mut(&key) else { return };
        let deadline = entering.approach.poll_timeout();
        if deadline == entering.deadline {
            return;
        }
        if let Some(at) = entering.deadline {
            self.deadlines.remove(&(at, key));
        }
        entering.deadline = deadline;
        if let Some(at) = deadline {
            self.deadlines.insert((at, key));
        }
    }

    /// When something is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Gives the next for whom something is due.
    pub(crate) fn poll_due(&mut self, now: Instant) -> Option<u64> {
        let (at, key) = self.deadlines.first().copied().filter(|(at, _)| *at <= now)?;
        self.deadlines.remove(&(at, key));
        if let Some(entering) = self.entering.get_mut(&key) {
            entering.deadline = None;
        }
        Some(key)
    }
}
