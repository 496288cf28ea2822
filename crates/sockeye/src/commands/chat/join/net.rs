//! A connection to a server, in the clear or by TLS, with a thread of its own that carries bytes
//! both ways.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use sockeye_socket::{Events, How, Selector, Socket, Waker, create_connection};

use super::event::Happened;
use super::target::Host;

/// Connecting may take so long, and so long again the handshake.
const CONNECT: Duration = Duration::from_secs(10);
/// A server has so long to end its side once ours has ended.
const GOODBYE: Duration = Duration::from_secs(2);
/// So many bytes wait here at most; the rest waits with the client.
const OUT_BYTES_MAX: usize = 64 << 10;
const BUFFER_BYTES: usize = 64 << 10;

/// Where to connect, and how.
#[derive(Clone)]
pub(super) struct Dial {
    /// Where.
    pub(super) host: Host,
    /// By TLS.
    pub(super) tls: Option<Arc<ClientConfig>>,
}

/// A connection that was made.
pub(super) struct Line {
    socket: Socket,
    tls: Option<ClientConnection>,
}

impl Line {
    /// The socket alone, where there is no TLS.
    pub(super) fn into_socket(self) -> Socket {
        self.socket
    }
}

impl Dial {
    /// Connects and shakes hands.
    ///
    /// # Errors
    /// Nobody answers, or the server is not believed.
    pub(super) fn connect(&self) -> anyhow::Result<Line> {
        let place = &self.host;
        let socket = match place {
            Host::Named(host, port) => {
                create_connection((host.as_str(), *port)).timeout(CONNECT).open()
            }
            Host::Unix(address) => create_connection(address).timeout(CONNECT).open(),
        };
        let hint = "`sockeye chat serve` opens one";
        let socket = socket.with_context(|| format!("no room answers at {place}; {hint}"))?;
        let tls = match &self.tls {
            Some(config) => Some(shake_hands(&socket, config, place)?),
            None => None,
        };
        Ok(Line { socket, tls })
    }
}

fn shake_hands(
    socket: &Socket,
    config: &Arc<ClientConfig>,
    place: &Host,
) -> anyhow::Result<ClientConnection> {
    let name = match place {
        Host::Named(host, _) => host.clone(),
        Host::Unix(_) => "localhost".to_owned(),
    };
    let server = ServerName::try_from(name).context("TLS needs the name of a host")?;
    let mut tls = ClientConnection::new(Arc::clone(config), server)?;
    let deadline = Instant::now() + CONNECT;
    let socket = socket.deadline(deadline);
    let failed = || format!("no TLS with {place}");
    let mut buffer = vec![0; BUFFER_BYTES];
    while tls.is_handshaking() {
        socket.sendall(&to_wire(&mut tls)).with_context(failed)?;
        if !tls.wants_read() {
            continue;
        }
        let count = socket.recv_into(&mut buffer).with_context(failed)?;
        if count == 0 {
            anyhow::bail!("no TLS with {place}: it ends the connection");
        }
        let taken = from_wire(&mut tls, &buffer[..count]);
        if let Err(why) = taken {
            // The server shall know why; it may be gone.
            let _ = socket.sendall(&to_wire(&mut tls));
            return Err(believed(why)).with_context(failed);
        }
    }
    socket.sendall(&to_wire(&mut tls)).with_context(failed)?;
    Ok(tls)
}

/// What to do about a server that is not believed.
fn believed(why: rustls::Error) -> anyhow::Error {
    match why {
        rustls::Error::General(why) => {
            anyhow::anyhow!("{why} (--fingerprint believes it, if it is the right one)")
        }
        why => why.into(),
    }
}

/// What TLS has to send.
fn to_wire(tls: &mut ClientConnection) -> Vec<u8> {
    let mut wire = Vec::new();
    while tls.wants_write() && tls.write_tls(&mut wire).is_ok_and(|count| count > 0) {}
    wire
}

fn from_wire(tls: &mut ClientConnection, mut wire: &[u8]) -> Result<(), rustls::Error> {
    while !wire.is_empty() {
        match tls.read_tls(&mut wire) {
            Ok(0) => break,
            Ok(_) => {
                tls.process_new_packets()?;
            }
            Err(error) => return Err(rustls::Error::General(error.to_string())),
        }
    }
    Ok(())
}

struct Shared {
    out: Mutex<Vec<u8>>,
    closing: AtomicBool,
}

/// A connection that is carried.
pub(super) struct Net {
    shared: Arc<Shared>,
    waker: Waker,
}

impl Net {
    /// Starts the thread. What happens is told with `number`; the last is that it ended.
    ///
    /// # Errors
    /// The system gives no thread or no descriptor.
    pub(super) fn start(
        line: Line,
        number: u64,
        happened: SyncSender<Happened>,
    ) -> anyhow::Result<Net> {
        line.socket.setblocking(false)?;
        let selector = Selector::new()?;
        let waker = selector.waker();
        let shared = Arc::new(Shared { out: Mutex::default(), closing: AtomicBool::new(false) });
        let mut carrier = Carrier {
            line,
            selector,
            shared: Arc::clone(&shared),
            number,
            happened,
            wire: Vec::new(),
            goodbye: None,
        };
        let thread = std::thread::Builder::new().name("room".into());
        thread.spawn(move || {
            let why = match carrier.carry() {
                Ok(()) => "the server has ended it".to_owned(),
                Err(error) => crate::output::with_causes(error.as_ref()),
            };
            // Whoever listened may be gone.
            let _ = carrier.happened.send(Happened::Ended(number, why));
        })?;
        Ok(Net { shared, waker })
    }

    /// Takes what fits of bytes to be sent; gives how many.
    pub(super) fn take(&self, bytes: &[u8]) -> usize {
        let mut out = self.shared.out.lock().unwrap_or_else(PoisonError::into_inner);
        let count = bytes.len().min(OUT_BYTES_MAX.saturating_sub(out.len()));
        out.extend_from_slice(&bytes[..count]);
        drop(out);
        if count > 0 {
            self.waker.wake();
        }
        count
    }

    /// Ends it once what was taken is sent.
    pub(super) fn close(&self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        self.waker.wake();
    }
}

/// The thread's side.
struct Carrier {
    line: Line,
    selector: Selector<()>,
    shared: Arc<Shared>,
    number: u64,
    happened: SyncSender<Happened>,
    /// What waits for the socket.
    wire: Vec<u8>,
    /// Our side has ended; the other one has until then.
    goodbye: Option<Instant>,
}

impl Carrier {
    /// Until one of both sides ends.
    fn carry(&mut self) -> anyhow::Result<()> {
        self.selector.register(&self.line.socket, Events::READ, ())?;
        // TLS may have had more in its hands than the handshake.
        self.deliver()?;
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            self.send()?;
            let left = self.goodbye.map(|at| at.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(());
            }
            let events =
                if self.wire.is_empty() { Events::READ } else { Events::READ | Events::WRITE };
            self.selector.modify(&self.line.socket, events)?;
            let readable = self.selector.select(left)?.any(|(_, events)| events.is_readable());
            if readable && !self.receive(&mut buffer)? {
                return Ok(());
            }
        }
    }

    /// Whether the server goes on.
    fn receive(&mut self, buffer: &mut [u8]) -> anyhow::Result<bool> {
        let count = match self.line.socket.recv_into(buffer) {
            Ok(0) => return Ok(false),
            Ok(count) => count,
            Err(error) if error.would_block() => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        match &mut self.line.tls {
            None => self.tell(buffer[..count].to_vec()),
            Some(tls) => {
                from_wire(tls, &buffer[..count])?;
                self.deliver()
            }
        }
    }

    /// Tells what TLS has decrypted.
    fn deliver(&mut self) -> anyhow::Result<bool> {
        let Some(tls) = &mut self.line.tls else { return Ok(true) };
        let state = tls.process_new_packets()?;
        let mut plain = vec![0; state.plaintext_bytes_to_read()];
        if !plain.is_empty() {
            tls.reader().read_exact(&mut plain)?;
        }
        let goes_on = !state.peer_has_closed();
        Ok(self.tell(plain)? && goes_on)
    }

    /// Whether somebody still listens.
    fn tell(&self, bytes: Vec<u8>) -> anyhow::Result<bool> {
        let is_empty = bytes.is_empty();
        Ok(is_empty || self.happened.send(Happened::Came(self.number, bytes)).is_ok())
    }

    fn send(&mut self) -> anyhow::Result<()> {
        let out =
            std::mem::take(&mut *self.shared.out.lock().unwrap_or_else(PoisonError::into_inner));
        let closes = self.shared.closing.load(Ordering::SeqCst) && self.goodbye.is_none();
        match &mut self.line.tls {
            None => self.wire.extend_from_slice(&out),
            Some(tls) => {
                tls.writer().write_all(&out)?;
                if closes {
                    tls.send_close_notify();
                }
                self.wire.extend_from_slice(&to_wire(tls));
            }
        }
        while !self.wire.is_empty() {
            match self.line.socket.send(&self.wire) {
                Ok(count) => drop(self.wire.drain(..count)),
                Err(error) if error.would_block() => break,
                Err(error) => return Err(error.into()),
            }
        }
        if closes {
            self.goodbye = Some(Instant::now() + GOODBYE);
        }
        if self.goodbye.is_some() && self.wire.is_empty() {
            // It may be over already.
            let _ = self.line.socket.shutdown(How::Write);
        }
        Ok(())
    }
}
