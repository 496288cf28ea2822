//! The hub itself: binds every part on one thread, then runs one thread a part until the shutdown
//! is over, and joins them.

use std::sync::Arc;
use std::thread::JoinHandle;

use sockeye_chat::{Entrance, Purpose};
use sockeye_socket::{Address, Shutdown, Socket};

use crate::config::{Config, Part};
use crate::ports::{self, Moved};
use crate::{Error, Result, page, room};

/// Where events go. Called from any thread.
pub type Sink = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// Something that happened in a part.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// In the files.
    Files(&'a sockeye_http::Event),
    /// In the room.
    Chat(&'a sockeye_chat::Event),
    /// In the inbox.
    Receive(&'a sockeye_transfer::Event),
}

/// A part that accepts connections.
#[derive(Clone, Debug)]
pub struct Listening {
    /// Which.
    pub part: Part,
    /// Where.
    pub address: Address,
}

/// How a run went.
#[derive(Debug, Default)]
pub struct Report {
    /// The files.
    pub files: Option<sockeye_http::Report>,
    /// The room.
    pub chat: Option<sockeye_chat::Report>,
    /// The inbox.
    pub receive: Option<sockeye_transfer::receive::Report>,
}

/// A hub whose ports are open.
pub struct Server {
    files: Option<sockeye_http::Server>,
    chat: Option<sockeye_chat::Server>,
    receive: Option<sockeye_transfer::receive::Server>,
    moved: Vec<(Part, Moved)>,
}

impl Server {
    /// Opens every port.
    ///
    /// # Errors
    /// Where a part's configuration is wrong, or no port is free.
    pub fn bind(config: Config, sink: &Sink) -> Result<Server> {
        let Config { files, chat, receive, page, mut inherited, ports_tried_max } = config;
        if files.is_none() && chat.is_none() && receive.is_none() {
            return Err(Error::Nothing);
        }
        let mut moved = Vec::new();
        let mut open = |part, listen: &[_]| -> Result<Vec<Socket>> {
            if let Some(sockets) = inherited.remove(&part) {
                return Ok(sockets);
            }
            let (sockets, moves) = ports::open(listen, ports_tried_max)
                .map_err(|source| Error::Listen { part, source })?;
            moved.extend(moves.into_iter().map(|moved| (part, moved)));
            Ok(sockets)
        };
        let is_classic = chat.as_ref().is_some_and(|chat| chat.classic);
        let chat = chat
            .map(|config| -> Result<_> {
                let sockets = open(Part::Chat, &config.listen)?;
                let sink = Arc::clone(sink);
                let sink = Arc::new(move |event: &_| sink(&Event::Chat(event)));
                Ok(sockeye_chat::Server::with_listeners(config, sockets, sink)?)
            })
            .transpose()?;
        let room = chat.as_ref().map(sockeye_chat::Server::handle);
        let files = files
            .map(|mut config| -> Result<_> {
                if let Some(page) = page {
                    let room = room.clone().filter(|_| !is_classic);
                    page::add_to(&mut config, room, page)?;
                }
                let sockets = open(Part::Files, &config.listen)?;
                let sink = Arc::clone(sink);
                let sink = Arc::new(move |event: &_| sink(&Event::Files(event)));
                Ok(sockeye_http::Server::with_listeners(config, sockets, sink)?)
            })
            .transpose()?;
        let receive = receive
            .map(|config| -> Result<_> {
                let sockets = open(Part::Receive, &config.listen)?;
                let sink = Arc::clone(sink);
                let sink = Arc::new(move |event: &_| {
                    if let (Some(room), Some(line)) = (&room, room::line_of_receive(event)) {
                        room.announce(&line);
                    }
                    sink(&Event::Receive(event));
                });
                Ok(sockeye_transfer::receive::Server::with_listeners(config, sockets, sink)?)
            })
            .transpose()?;
        Ok(Server { files, chat, receive, moved })
    }

    /// Lists the ports that are open, part by part.
    #[must_use]
    pub fn listening(&self) -> Vec<Listening> {
        let files = self.files.iter().flat_map(sockeye_http::Server::addresses);
        let chat = self.chat.iter().flat_map(sockeye_chat::Server::addresses);
        let receive = self.receive.iter().flat_map(|server| server.addresses().to_vec());
        let on = |part| move |address| Listening { part, address };
        let files = files.map(on(Part::Files));
        files.chain(chat.map(on(Part::Chat))).chain(receive.map(on(Part::Receive))).collect()
    }

    /// Lists the ports of the room that are not for everyone: IRC alone, and the monitor's.
    #[must_use]
    pub fn side_doors(&self) -> Vec<(Purpose, Address)> {
        let listening = self.chat.iter().flat_map(sockeye_chat::Server::listening);
        listening.filter(|(purpose, _)| *purpose != Purpose::Guests(Entrance::Everyone)).collect()
    }

    /// Lists the ports that send others on to https.
    #[must_use]
    pub fn redirects(&self) -> Vec<Address> {
        self.files.as_ref().map(sockeye_http::Server::redirects).unwrap_or_default()
    }

    /// Lists the ports that were in use, and what was taken instead.
    #[must_use]
    pub fn moved(&self) -> &[(Part, Moved)] {
        &self.moved
    }

    /// Serves until the shutdown is over. A part that fails stops the others.
    ///
    /// # Errors
    /// The first part's that failed.
    pub fn run(self, shutdown: &Shutdown) -> Result<Report> {
        let files = self
            .files
            .map(|server| spawn(Part::Files, shutdown, move |shutdown| Ok(server.run(shutdown)?)));
        let chat = self
            .chat
            .map(|server| spawn(Part::Chat, shutdown, move |shutdown| Ok(server.run(shutdown)?)));
        let receive = self.receive.map(|server| {
            spawn(Part::Receive, shutdown, move |shutdown| Ok(server.run(shutdown)?))
        });
        let (files, chat, receive) = (join(files), join(chat), join(receive));
        Ok(Report { files: files?, chat: chat?, receive: receive? })
    }
}

type Running<R> = Result<JoinHandle<Result<R>>>;

fn spawn<R: Send + 'static>(
    part: Part,
    shutdown: &Shutdown,
    run: impl FnOnce(&Shutdown) -> Result<R> + Send + 'static,
) -> Running<R> {
    let ours = shutdown.clone();
    let body = move || {
        let result = run(&ours);
        if result.is_err() {
            ours.now();
        }
        result
    };
    let spawned = std::thread::Builder::new().name(part.to_string()).spawn(body);
    spawned.map_err(|source| {
        shutdown.now();
        Error::Thread { part, source }
    })
}

/// Waits for a part. A panic of its thread is our own bug and goes on here.
fn join<R>(running: Option<Running<R>>) -> Result<Option<R>> {
    let Some(running) = running else { return Ok(None) };
    match running?.join() {
        Ok(result) => result.map(Some),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
