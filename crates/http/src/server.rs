//! The server: opens everything in `bind`, which needs privileges, and serves in `run`, which does
//! not. One thread accepts, and hands each connection to the worker that has the fewest.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use sockeye_edge::caps::{Caps, Refusal};
use sockeye_edge::listen;
use sockeye_socket::{Accept, Acceptor, Address, Events, Selector, Shutdown, Socket};
use tokio_rustls::TlsAcceptor;

use crate::cache::Bounds;
use crate::config::{AccessLog, Admit, Config, Limits};
use crate::driver::{Dispatch, Incoming, Lane, Lanes, Work, runtime};
use crate::error::Error;
use crate::event::{Event, Report, Sink};
use crate::log;
use crate::metrics::{Metrics, Refused, Tally};
use crate::policy::Reload;
use crate::proto::status::{PeerError, Status};
use crate::service::Service;
use crate::writes::Writer;

/// How many refused connections are told why at once; beyond it they are just closed.
const REFUSALS_AT_ONCE_MAX: usize = 100;
/// The most connections that a listener's queue can hold: so many are still taken at the shutdown,
/// and no more, however fast new ones come.
const QUEUED_MAX: usize = 65_535;
/// How many connections are accepted before the other listeners get their turn.
const ACCEPTS_IN_A_ROW_MAX: usize = 64;
/// What the selector gives for the shutdown; listeners have their index.
const SHUTDOWN: usize = usize::MAX;

const FULL: PeerError =
    PeerError::new(Status::SERVICE_UNAVAILABLE, "the server has all the connections it may have");
const PER_ADDRESS: PeerError =
    PeerError::new(Status::TOO_MANY_REQUESTS, "this address has all the connections it may have");
const NOT_ADMITTED: PeerError =
    PeerError::new(Status::FORBIDDEN, "this server does not talk to your address");

/// A server whose ports are open.
pub struct Server {
    listeners: Vec<(Socket, Lane)>,
    addresses: Vec<Address>,
    redirects: Vec<Address>,
    lanes: Lanes,
    service: Arc<Service>,
    admit: Option<Admit>,
    access_log: Option<AccessLog>,
    threads: usize,
    limits: Limits,
    keeps_files: bool,
    sink: Sink,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Server {
    /// Opens the root and the ports.
    ///
    /// # Errors
    /// The root cannot be served, or an address not be listened on.
    pub fn bind(config: Config, sink: Sink) -> Result<Server, Error> {
        let listeners = config.listen.iter().map(listen::open).collect::<Result<_, _>>()?;
        Server::with_listeners(config, listeners, sink)
    }

    /// Opens the root and takes ports that are open already.
    ///
    /// # Errors
    /// The root cannot be served, or a socket is no listener.
    pub fn with_listeners(
        config: Config,
        listeners: Vec<Socket>,
        sink: Sink,
    ) -> Result<Server, Error> {
        let service = Arc::new(Service::new(&config)?);
        let addresses = addresses_of(&listeners)?;
        let lanes = lanes(&config, &addresses)?;
        let redirects: Vec<Socket> =
            config.redirect.iter().map(listen::open).collect::<Result<_, _>>()?;
        let lane = if lanes.acceptor.is_some() { Lane::Tls } else { Lane::Plain };
        let redirect_addresses = addresses_of(&redirects)?;
        let listeners = listeners.into_iter().map(|socket| (socket, lane));
        let redirects = redirects.into_iter().map(|socket| (socket, Lane::Redirect));
        let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let threads = if config.threads == 0 { cores() } else { config.threads };
        Ok(Server {
            listeners: listeners.chain(redirects).collect(),
            addresses,
            redirects: redirect_addresses,
            lanes,
            service,
            admit: config.admit,
            access_log: config.access_log,
            threads,
            limits: config.limits,
            keeps_files: config.cache,
            sink,
        })
    }

    /// Where its policy can be exchanged while it runs.
    pub fn reload(&self) -> Reload {
        self.service.policy.clone()
    }

    /// Where it listens.
    pub fn addresses(&self) -> Vec<Address> {
        self.addresses.clone()
    }

    /// Where it listens to send others on to https.
    pub fn redirects(&self) -> Vec<Address> {
        self.redirects.clone()
    }

    /// Serves until `shutdown`: then it takes no more connections, closes idle ones, and finishes
    /// what was asked for until the deadline.
    ///
    /// # Errors
    /// Threads, descriptors or the listeners fail.
    pub fn run(self, shutdown: &Shutdown) -> Result<Report, Error> {
        let (log, writer) = match self.access_log {
            Some(access_log) => {
                let started =
                    log::start(access_log, self.limits.log_bytes_max, Arc::clone(&self.sink));
                let (log, writer) = started.map_err(Error::Worker)?;
                (Some(log), Some(writer))
            }
            None => (None, None),
        };
        let mut dispatches = Vec::new();
        let mut workers = Vec::new();
        let cache = self.keeps_files.then(|| Bounds::share(&self.limits, self.threads));
        for index in 0..self.threads {
            let (service, sink) = (Arc::clone(&self.service), Arc::clone(&self.sink));
            let (dispatch, work) = Work::new(service, log.clone(), sink, cache, self.lanes.clone());
            workers.push(start_worker(index, work, shutdown).map_err(Error::Worker)?);
            dispatches.push(dispatch);
        }
        let door = Door {
            caps: Caps::new(self.limits.connections_max, self.limits.connections_per_address_max),
            admit: self.admit,
            dispatches,
            refusals: Arc::new(()),
            sink: self.sink,
            tally: self.service.metrics.as_ref().map(Metrics::tally),
        };
        let sweeper = self.service.writer().map(|writer| start_sweeper(writer, shutdown));
        let sweeper = sweeper.transpose().map_err(Error::Worker)?;
        let accepted = door.accept_all(self.listeners, shutdown);
        let mut report = Report::default();
        for worker in workers {
            match worker.join() {
                Ok(worker) => report.add(worker),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        if let Some(Err(panic)) = sweeper.map(JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
        report.log_lines_lost = writer.map_or(0, log::Writer::finish);
        accepted.map(|()| report)
    }
}

fn addresses_of(listeners: &[Socket]) -> Result<Vec<Address>, Error> {
    Ok(listeners.iter().map(Socket::getsockname).collect::<sockeye_socket::Result<_>>()?)
}

fn lanes(config: &Config, addresses: &[Address]) -> Result<Lanes, Error> {
    let https_port = addresses.iter().find_map(Address::port);
    if !config.redirect.is_empty() && (config.tls.is_none() || https_port.is_none()) {
        return Err(Error::NoHttps);
    }
    let protocols = if config.http2 { &["h2", "http/1.1"][..] } else { &["http/1.1"] };
    let tls = config.tls.as_ref().map(|tls| tls.server_config(protocols)).transpose()?;
    Ok(Lanes {
        https_port: https_port.unwrap_or_default(),
        http2: config.http2,
        engine: config.engine,
        acceptor: tls.map(TlsAcceptor::from),
    })
}

type Running = JoinHandle<Report>;

fn start_worker(index: usize, work: Work, shutdown: &Shutdown) -> std::io::Result<Running> {
    let (runtime, shutdown) = (runtime()?, shutdown.clone());
    let builder = thread::Builder::new().name(format!("http-{index}"));
    builder.spawn(move || {
        let _end = EndsTheServer(&shutdown);
        work.run(runtime, &shutdown)
    })
}

/// Removes unfinished uploads that are old.
fn start_sweeper(writer: Arc<Writer>, shutdown: &Shutdown) -> std::io::Result<JoinHandle<()>> {
    let shutdown = shutdown.clone();
    let builder = thread::Builder::new().name("http-sweep".to_owned());
    builder.spawn(move || writer.sweep_until(&shutdown))
}

/// A worker that ends before the shutdown has panicked: the server ends with it, at once, since
/// clients would be handed to nobody.
struct EndsTheServer<'a>(&'a Shutdown);

impl Drop for EndsTheServer<'_> {
    fn drop(&mut self) {
        if !self.0.is_started() {
            self.0.now();
        }
    }
}

/// Who lets connections in.
struct Door {
    caps: Caps,
    admit: Option<Admit>,
    dispatches: Vec<Dispatch>,
    refusals: Arc<()>,
    sink: Sink,
    tally: Option<Tally>,
}

impl Door {
    /// Accepts until the shutdown; then takes what is still queued, and closes the listeners.
    fn accept_all(self, listeners: Vec<(Socket, Lane)>, shutdown: &Shutdown) -> Result<(), Error> {
        let acceptors =
            listeners.into_iter().map(|(socket, lane)| Ok((Acceptor::new(socket)?, lane)));
        let mut acceptors = acceptors.collect::<sockeye_socket::Result<Vec<_>>>()?;
        let mut selector = Selector::new()?;
        selector.register(shutdown, Events::READ, SHUTDOWN)?;
        for (index, (acceptor, _)) in acceptors.iter().enumerate() {
            selector.register(acceptor, Events::READ, index)?;
        }
        let mut resume: Option<Instant> = None;
        let mut ready = Vec::new();
        while !shutdown.is_started() {
            let wait = resume.map(|at| at.saturating_duration_since(Instant::now()));
            selector.select_into(wait, &mut ready)?;
            if resume.is_some_and(|at| Instant::now() >= at) {
                resume = None;
                for (acceptor, _) in &acceptors {
                    selector.modify(acceptor, Events::READ)?;
                }
            }
            for (index, _) in &ready {
                let Some((acceptor, lane)) = acceptors.get_mut(*index) else { continue };
                if let Some(until) = self.accept_some(acceptor, *lane, ACCEPTS_IN_A_ROW_MAX)? {
                    // The waiting client would wake the selector at once, again and again.
                    selector.modify(&*acceptor, Events::NONE)?;
                    resume = Some(resume.map_or(until, |at| at.min(until)));
                }
            }
        }
        for (acceptor, lane) in &mut acceptors {
            self.accept_some(acceptor, *lane, QUEUED_MAX)?;
        }
        Ok(())
    }

    /// Accepts up to `max` connections. `Some` where there is a pause.
    fn accept_some(
        &self,
        acceptor: &mut Acceptor,
        lane: Lane,
        max: usize,
    ) -> Result<Option<Instant>, Error> {
        for _ in 0..max {
            let now = Instant::now();
            match acceptor.try_accept(now)? {
                Accept::Connection(socket, peer) => self.admit(socket, peer, lane),
                Accept::Empty => break,
                Accept::Paused { until } => {
                    self.dispatches.iter().for_each(Dispatch::make_room);
                    (self.sink)(&Event::Paused { pause: until.saturating_duration_since(now) });
                    return Ok(Some(until));
                }
            }
        }
        Ok(None)
    }

    fn admit(&self, socket: Socket, peer: Address, lane: Lane) {
        let (why, error) = if self.admit.as_ref().is_some_and(|admit| !admit(&peer)) {
            (Refused::NotAdmitted, NOT_ADMITTED)
        } else {
            match self.caps.take(peer.canonical_ip()) {
                Ok(permit) => return self.dispatch(Incoming::Serve(socket, peer, permit, lane)),
                Err(Refusal::Full) => (Refused::Full, FULL),
                Err(Refusal::PerAddress) => (Refused::Address, PER_ADDRESS),
            }
        };
        if let Some(tally) = &self.tally {
            tally.count_refused(why);
        }
        (self.sink)(&Event::Refused { peer, why: error.why });
        // A handshake only to say no would cost more than the connection that is refused.
        if lane != Lane::Tls && Arc::strong_count(&self.refusals) <= REFUSALS_AT_ONCE_MAX {
            self.dispatch(Incoming::Refuse(socket, error, Arc::clone(&self.refusals)));
        }
    }

    fn dispatch(&self, incoming: Incoming) {
        if let Some(least) = self.dispatches.iter().min_by_key(|dispatch| dispatch.load()) {
            least.give(incoming);
        }
    }
}
