//! Receiving: a loop that accepts, a thread for each connection.
//!
//! A connection that says nothing counts for nothing: port scans and health checks neither end a
//! run nor hold it up. The first byte makes it a transfer, whose end is the end of a run that does
//! not keep on.

mod claim;
mod destination;
mod session;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, Scope, scope};
use std::time::Instant;

use sockeye_edge::caps::{Caps, Permit};
use sockeye_edge::listen;
use sockeye_socket::{Accept, Acceptor, Address, Events, Selector, Shutdown, Socket};

use crate::config::ReceiveConfig;
use crate::error::Error;
use crate::event::{Event, Ignored, Sink, TransferId};

use claim::Claim;
use destination::Folder;
use session::{Early, Session};

/// What a run that was stopped, or that ended with its one file, has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Files received, checked and durable.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Transfers that failed.
    pub failed: u64,
    /// Connections that counted for nothing.
    pub ignored: u64,
}

/// A receiver whose ports are open.
pub struct Server {
    config: ReceiveConfig,
    sink: Sink,
    folder: Option<Folder>,
    listeners: Vec<Socket>,
    addresses: Vec<Address>,
}

impl Server {
    /// Checks the folder and opens the ports.
    ///
    /// # Errors
    ///
    /// Where the name is none, the folder cannot be written, the name is taken and may not be
    /// overwritten (unless the run keeps on), or a port cannot be had.
    pub fn bind(config: ReceiveConfig, sink: Sink) -> Result<Self, Error> {
        let folder = Folder::open(&config)?;
        let mut listeners = Vec::new();
        for address in &config.listen {
            listeners.push(listen::open(address)?);
        }
        Self::assemble(config, sink, folder, listeners)
    }

    /// Takes ports that somebody else has opened; `config.listen` is not looked at.
    ///
    /// # Errors
    ///
    /// As [`Server::bind`], but for the ports.
    pub fn with_listeners(
        config: ReceiveConfig,
        listeners: Vec<Socket>,
        sink: Sink,
    ) -> Result<Self, Error> {
        let folder = Folder::open(&config)?;
        Self::assemble(config, sink, folder, listeners)
    }

    fn assemble(
        config: ReceiveConfig,
        sink: Sink,
        folder: Option<Folder>,
        listeners: Vec<Socket>,
    ) -> Result<Self, Error> {
        let addresses = listeners
            .iter()
            .map(Socket::getsockname)
            .collect::<Result<_, _>>()
            .map_err(system("reading a listener's address"))?;
        Ok(Self { config, sink, folder, listeners, addresses })
    }

    /// Gives the addresses that are listened on, with the ports that port 0 became.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Receives until the shutdown starts or, unless the run keeps on, the first transfer has
    /// ended. Transfers under way go on until the shutdown's deadline.
    ///
    /// # Errors
    ///
    /// Where a run that does not keep on ends without its file: the transfer's error, or
    /// [`Error::Interrupted`]. Where the system gives no thread or descriptor to start with.
    pub fn run(self, shutdown: &Shutdown) -> Result<Report, Error> {
        let cut = Shutdown::new().map_err(system("making an event"))?;
        let mut door = Door::open(self.listeners, shutdown)?;
        let waker = door.selector.waker();
        let claim = Claim::new(&self.config, move || waker.wake());
        let run = Run {
            caps: Caps::new(self.config.connections_max, None),
            config: &self.config,
            sink: &self.sink,
            folder: self.folder.as_ref(),
            claim,
            shutdown,
            cut,
            counts: Counts::default(),
        };
        scope(|threads| {
            let ended = run.accept_until_done(&mut door, threads);
            drop(door);
            run.cut.now();
            ended
        })?;
        run.conclude()
    }
}

/// What all connections of a run share.
struct Run<'a> {
    config: &'a ReceiveConfig,
    sink: &'a Sink,
    folder: Option<&'a Folder>,
    caps: Caps,
    claim: Claim,
    /// Asked for from outside: lets transfers finish until its deadline.
    shutdown: &'a Shutdown,
    /// Our own: cuts connections that have not said anything once no more are accepted.
    cut: Shutdown,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    connections: AtomicU64,
    files: AtomicU64,
    bytes: AtomicU64,
    failed: AtomicU64,
    ignored: AtomicU64,
}

impl<'a> Run<'a> {
    fn accept_until_done<'scope>(
        &'scope self,
        door: &mut Door,
        threads: &'scope Scope<'scope, 'a>,
    ) -> Result<(), Error> {
        let mut connections = Vec::new();
        while !self.shutdown.is_started() && !self.claim.is_over() {
            if door.wait(&mut connections)? {
                (self.sink)(&Event::AcceptPaused);
            }
            for (socket, peer) in connections.drain(..) {
                self.admit(socket, peer, threads);
            }
        }
        Ok(())
    }

    fn admit<'scope>(
        &'scope self,
        socket: Socket,
        peer: Address,
        threads: &'scope Scope<'scope, 'a>,
    ) {
        let Ok(permit) = self.caps.take(peer.canonical_ip()) else {
            return self.ignore(peer, Ignored::Full);
        };
        let id = TransferId(self.counts.connections.fetch_add(1, Ordering::Relaxed) + 1);
        let name = format!("transfer-{id}");
        let thread = Builder::new().name(name).spawn_scoped(threads, {
            let peer = peer.clone();
            move || self.attend(Session::new(self, id, socket, peer), permit)
        });
        if thread.is_err() {
            self.ignore(peer, Ignored::Full);
        }
    }

    fn attend(&self, session: Session<'_>, permit: Permit) {
        let (id, peer) = (session.id, session.peer.clone());
        let outcome = session.serve();
        drop(permit);
        match outcome {
            Err(Early::Ignored(reason)) => self.ignore(peer, reason),
            Ok(received) => {
                self.counts.files.fetch_add(1, Ordering::Relaxed);
                self.counts.bytes.fetch_add(received.bytes, Ordering::Relaxed);
                (self.sink)(&Event::Received(received));
                self.claim.settle(Ok(()));
            }
            Err(Early::Failed(error)) => {
                self.counts.failed.fetch_add(1, Ordering::Relaxed);
                if let Some(error) = self.claim.settle(Err(error)) {
                    (self.sink)(&Event::Failed { id, peer, error: error.into() });
                }
            }
        }
    }

    fn ignore(&self, peer: Address, reason: Ignored) {
        self.counts.ignored.fetch_add(1, Ordering::Relaxed);
        (self.sink)(&Event::Ignored { peer, reason });
    }

    fn conclude(self) -> Result<Report, Error> {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let report = Report {
            files: load(&self.counts.files),
            bytes: load(&self.counts.bytes),
            failed: load(&self.counts.failed),
            ignored: load(&self.counts.ignored),
        };
        match self.claim.into_result() {
            Some(result) => result.map(|()| report),
            None if self.config.keep => Ok(report),
            None => Err(Error::Interrupted),
        }
    }
}

#[derive(Clone, Copy)]
enum Token {
    Listener(usize),
    Stop,
}

/// The listeners, waited for together with the shutdown.
struct Door {
    selector: Selector<Token>,
    acceptors: Vec<Acceptor>,
    paused: Vec<(usize, Instant)>,
    ready: Vec<(Token, Events)>,
}

impl Door {
    fn open(listeners: Vec<Socket>, shutdown: &Shutdown) -> Result<Self, Error> {
        let registering = || system("registering a listener");
        let mut selector = Selector::new().map_err(system("making a selector"))?;
        selector.register(shutdown, Events::READ, Token::Stop).map_err(registering())?;
        let mut acceptors = Vec::new();
        for (index, listener) in listeners.into_iter().enumerate() {
            let acceptor = Acceptor::new(listener).map_err(registering())?;
            let token = Token::Listener(index);
            selector.register(acceptor.listener(), Events::READ, token).map_err(registering())?;
            acceptors.push(acceptor);
        }
        Ok(Self { selector, acceptors, paused: Vec::new(), ready: Vec::new() })
    }

    /// Waits for connections, the shutdown or the waker; tells whether a listener had to pause.
    fn wait(&mut self, connections: &mut Vec<(Socket, Address)>) -> Result<bool, Error> {
        let now = Instant::now();
        let timeout = self.paused.iter().map(|(_, until)| until.duration_since(now)).min();
        let mut ready = std::mem::take(&mut self.ready);
        self.selector.select_into(timeout, &mut ready).map_err(system("waiting"))?;
        let now = Instant::now();
        let mut paused = false;
        let due: Vec<_> = self.paused.extract_if(.., |(_, until)| *until <= now).collect();
        for (index, _) in due {
            self.watch(index, Events::READ)?;
            paused |= self.accept_all(index, now, connections)?;
        }
        for (token, _) in &ready {
            if let Token::Listener(index) = *token {
                paused |= self.accept_all(index, now, connections)?;
            }
        }
        self.ready = ready;
        Ok(paused)
    }

    fn watch(&mut self, index: usize, events: Events) -> Result<(), Error> {
        let listener = self.acceptors[index].listener();
        self.selector.modify(listener, events).map_err(system("watching a listener"))
    }

    fn accept_all(
        &mut self,
        index: usize,
        now: Instant,
        connections: &mut Vec<(Socket, Address)>,
    ) -> Result<bool, Error> {
        loop {
            match self.acceptors[index].try_accept(now).map_err(system("accepting"))? {
                Accept::Connection(socket, peer) => connections.push((socket, peer)),
                Accept::Empty => return Ok(false),
                Accept::Paused { until } => {
                    self.watch(index, Events::NONE)?;
                    self.paused.push((index, until));
                    return Ok(true);
                }
            }
        }
    }
}

/// Turns a socket's error into ours.
fn system<E: Into<io::Error>>(action: &'static str) -> impl Fn(E) -> Error {
    move |source| Error::System { action, source: source.into() }
}
