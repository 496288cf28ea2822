//! From a configuration to a running server.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sockeye_edge::caps::Caps;
use sockeye_edge::listen;
use sockeye_socket::{Acceptor, Address, Selector, Shutdown, Socket};

use crate::door::Door;
use crate::proto::{MemoryLog, RoomName, Settings, Switchboard};
use crate::turn::{Loop, Parts, Token};
use crate::{Config, Error, Handle, Report, Result, Sink};

/// A chat server whose ports are open.
pub struct Server {
    config: Config,
    rooms: Vec<RoomName>,
    sink: Sink,
    acceptors: Vec<Acceptor>,
    selector: Selector<Token>,
    handle: Handle,
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
        config.check()?;
        let opened: std::result::Result<Vec<Socket>, _> =
            config.listen.iter().map(listen::open).collect();
        Server::with_listeners(config, opened?, sink)
    }

    /// Takes over listeners that are open already; `config.listen` is not looked at.
    ///
    /// # Errors
    /// A socket cannot be listened to, or the configuration cannot work.
    pub fn with_listeners(config: Config, listeners: Vec<Socket>, sink: Sink) -> Result<Server> {
        let rooms = config.rooms()?;
        let acceptors: sockeye_socket::Result<Vec<Acceptor>> =
            listeners.into_iter().map(Acceptor::new).collect();
        let acceptors = acceptors.map_err(Error::system("prepare its listeners"))?;
        let selector = Selector::new().map_err(Error::system("make a selector"))?;
        let handle = Handle::new(selector.waker(), config.announcements_max);
        Ok(Server { config, rooms, sink, acceptors, selector, handle })
    }

    /// Where the server can be reached.
    pub fn addresses(&self) -> Vec<Address> {
        let listeners = self.acceptors.iter().map(Acceptor::listener);
        listeners.filter_map(|listener| listener.getsockname().ok()).collect()
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
        let settings = Settings {
            rooms: self.rooms,
            session: self.config.session(),
            limits: self.config.limits(),
            history_lines: if self.config.classic { 0 } else { self.config.history_lines },
            web_history_lines: if self.config.classic { 0 } else { self.config.web_history_lines },
            goodbye: self.config.goodbye,
            node: epoch,
        };
        let caps = Caps::new(self.config.max_clients, self.config.max_per_ip);
        let tells = !self.config.classic;
        let handle = self.handle.clone();
        let turning = Loop::new(Parts {
            selector: self.selector,
            log: MemoryLog::new(epoch, settings.history_lines.max(settings.web_history_lines)),
            board: Switchboard::new(settings),
            door: Door::new(self.acceptors, caps, self.config.keepalive, self.config.admit, tells),
            handle: self.handle,
            sink: self.sink,
        });
        let done = turning.run(shutdown);
        handle.end();
        done
    }
}
