//! From a configuration to a running server.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sockeye_edge::bucket::Buckets;
use sockeye_edge::caps::Caps;
use sockeye_socket::{Acceptor, Address, Selector, Shutdown};

use crate::config::History;
use crate::door::{Door, Rules};
use crate::hall::Hall;
use crate::log::Opened;
use crate::metrics::Tally;
use crate::pool::Pool;
use crate::proto::{Log, MemoryLog, RoomName, Settings, Switchboard};
use crate::turn::{Loop, Parts, Token};
use crate::wire::Secrets;
use crate::{Config, Entrance, Error, Event, Handle, Listeners, Purpose, Report, Result, Sink};

/// So many monitors may be connected at once.
const MONITORS_MAX: usize = 64;

/// A chat server whose ports are open.
pub struct Server {
    config: Config,
    rooms: Vec<RoomName>,
    sink: Sink,
    acceptors: Vec<(Purpose, Acceptor)>,
    selector: Selector<Token>,
    secrets: Option<Secrets>,
    handle: Handle,
    history: Option<Opened>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("addresses", &self.addresses()).finish_non_exhaustive()
    }
}

impl Server {
    /// Opens every address of the configuration.
    ///
    /// # Errors
    /// An address cannot be had, or the configuration cannot work.
    pub fn bind(config: Config, sink: Sink) -> Result<Server> {
        Server::with_listeners(config, Listeners::default(), sink)
    }

    /// Takes over listeners that are open already, and opens the others.
    ///
    /// # Errors
    /// A socket cannot be listened to, or the configuration cannot work.
    pub fn with_listeners(
        config: Config,
        listeners: impl Into<Listeners>,
        sink: Sink,
    ) -> Result<Server> {
        let rooms = config.rooms()?;
        let secrets = config.tls.as_ref().map(Secrets::new).transpose()?;
        let acceptors = listeners.into().open(&config)?;
        let selector = Selector::new().map_err(Error::system("make a selector"))?;
        let handle = Handle::new(selector.waker(), config.announcements_max);
        let history = match &config.history {
            History::Stored(storage) if !config.classic => {
                match Opened::open(storage.clone(), &rooms, config.kept_lines()) {
                    Err(error @ Error::DataInUse { .. }) if storage.or_memory => {
                        sink(&Event::HistoryElsewhere { error: error.to_string() });
                        None
                    }
                    opened => Some(opened?),
                }
            }
            _ => None,
        };
        Ok(Server { config, rooms, sink, acceptors, selector, secrets, handle, history })
    }

    /// Where everyone can reach the server.
    pub fn addresses(&self) -> Vec<Address> {
        let everyone = Purpose::Guests(Entrance::Everyone);
        let listening = self.listening().into_iter();
        listening.filter(|(purpose, _)| *purpose == everyone).map(|(_, address)| address).collect()
    }

    /// What is listened to, and for whom.
    pub fn listening(&self) -> Vec<(Purpose, Address)> {
        let place = |(purpose, acceptor): &(Purpose, Acceptor)| {
            Some((*purpose, acceptor.listener().getsockname().ok()?))
        };
        self.acceptors.iter().filter_map(place).collect()
    }

    /// How other threads reach the server.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves on this thread until `shutdown`: then everyone is told, gets what waits for him until
    /// the deadline, and is closed.
    ///
    /// # Errors
    /// The system refuses to wait for sockets.
    pub fn run(self, shutdown: &Shutdown) -> Result<Report> {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let epoch = u64::try_from(started.as_nanos()).unwrap_or(u64::MAX);
        let (history_lines, web_history_lines) = self.config.shown_lines();
        let unix_ms = u64::try_from(started.as_millis()).unwrap_or(u64::MAX);
        let settings = Settings {
            rooms: self.rooms,
            session: self.config.session(),
            limits: self.config.limits(),
            history_lines,
            web_history_lines,
            goodbye: self.config.goodbye,
            node: self.history.as_ref().map_or(epoch, Opened::node),
            irc: self.config.irc(unix_ms, crate::pool::random()),
        };
        let mut board = Switchboard::new(settings);
        let log: Box<dyn Log> = match self.history {
            Some(history) => {
                history.state.iter().for_each(|entry| board.restore(entry));
                Box::new(history.start(&self.selector.waker())?)
            }
            None => Box::new(MemoryLog::new(epoch, self.config.kept_lines())),
        };
        let is_watched = self.acceptors.iter().any(|(purpose, _)| *purpose == Purpose::Monitor);
        let tally = if is_watched { Tally::counting() } else { Tally::default() };
        let rules = Rules {
            caps: Caps::new(self.config.max_clients, self.config.max_per_ip),
            rate: self.config.connect_rate.map(Buckets::new),
            keepalive: self.config.keepalive,
            admit: self.config.admit.clone(),
            proxies: self.config.proxy_from.clone(),
            tells: !self.config.classic,
            monitors: Caps::new(MONITORS_MAX, None),
            tally: tally.clone(),
        };
        let hall = Hall::new(&self.config, self.secrets);
        let handle = self.handle.clone();
        let turning = Loop::new(Parts {
            selector: self.selector,
            log,
            board,
            pool: Pool::new(self.handle.waker(), self.config.passwords_max),
            door: Door::new(self.acceptors, rules),
            hall,
            tally,
            goodbye: self.config.goodbye,
            handle: self.handle,
            sink: self.sink,
        });
        let done = turning.run(shutdown);
        handle.end();
        done
    }
}
