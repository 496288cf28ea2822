//! A connection's bytes, as they are or inside of TLS.
//!
//! Rules:
//! 1. Plain bytes are encrypted when nothing that was encrypted before waits for the socket, so
//!    that what waits is in the outbox, where the budgets count it.
//! 2. The end of a TLS stream is its close_notify. Where the connection ends without, what was last
//!    said may be a part of something, and does not count.

use std::io::{self, IoSlice, Read, Write};
use std::sync::Arc;

use rustls::ServerConnection;
use rustls::server::{Accepted, Acceptor};
use sockeye_edge::tls::{ServerConfig, Tls, TlsError, client_fingerprint};
use sockeye_socket::{How, Socket};

/// So much may be encrypted and wait for the socket: one record.
const ENCRYPTED_BYTES_MAX: usize = 16 << 10;
/// What a browser names as the protocol that it will speak inside.
const HTTP_1_1: &[u8] = b"http/1.1";

/// How TLS is taken.
#[derive(Clone, Debug)]
pub(crate) struct Secrets {
    /// From browsers, which would ask their users for a certificate.
    web: Arc<ServerConfig>,
    /// From all others: who has a certificate may show it.
    asking: Arc<ServerConfig>,
}

impl Secrets {
    pub(crate) fn new(tls: &Tls) -> Result<Secrets, TlsError> {
        let http_1_1 = std::str::from_utf8(HTTP_1_1).unwrap_or_default();
        Ok(Secrets { web: tls.server_config(&[http_1_1])?, asking: tls.asking_server_config(&[])? })
    }

    fn choose(&self, accepted: &Accepted) -> Arc<ServerConfig> {
        let hello = accepted.client_hello();
        let is_web = hello.alpn().is_some_and(|mut names| names.any(|name| name == HTTP_1_1));
        Arc::clone(if is_web { &self.web } else { &self.asking })
    }
}

/// What a look at the connection has found.
#[derive(Debug)]
pub(crate) enum Received {
    /// So many bytes, in the buffer.
    Bytes(usize),
    /// The TLS handshake is done.
    Shaken {
        /// SHA-256 of the certificate that the client has shown.
        certificate: Option<[u8; 32]>,
    },
    /// Nothing that means something yet.
    Nothing,
    /// The peer has ended its side in good order.
    Ended,
    /// The connection is of no use any more.
    Broken(io::Error),
}

/// What has become of bytes to be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    /// So many are taken care of.
    pub(crate) count: usize,
    /// The socket takes no more for now.
    pub(crate) blocked: bool,
}

/// See the module's documentation.
pub(crate) struct Wire {
    socket: Socket,
    layer: Layer,
}

enum Layer {
    Plain,
    /// TLS whose first message has not come whole.
    Hello(Box<Acceptor>, Secrets),
    Tls(Box<Encrypted>),
}

struct Encrypted {
    connection: ServerConnection,
    /// The handshake is done, and was told so.
    shaken: bool,
    /// So much is decrypted and not read.
    unread: usize,
}

impl From<Socket> for Wire {
    fn from(socket: Socket) -> Wire {
        Wire { socket, layer: Layer::Plain }
    }
}

impl Wire {
    /// The socket below.
    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Takes the connection for TLS from now on. `early` has been read already.
    pub(crate) fn encrypt(&mut self, secrets: &Secrets, early: &[u8]) -> Received {
        self.layer = Layer::Hello(Box::default(), secrets.clone());
        self.greet(early)
    }

    /// Whether this is TLS, or is to be.
    pub(crate) fn is_encrypted(&self) -> bool {
        !matches!(self.layer, Layer::Plain)
    }

    /// Whether a TLS handshake is under way.
    pub(crate) fn is_shaking(&self) -> bool {
        match &self.layer {
            Layer::Plain => false,
            Layer::Hello(..) => true,
            Layer::Tls(encrypted) => !encrypted.shaken,
        }
    }

    /// Whether `receive` has more without the socket's help.
    pub(crate) fn has_unread(&self) -> bool {
        matches!(&self.layer, Layer::Tls(encrypted) if encrypted.unread > 0)
    }

    /// Whether `flush` has something to do.
    pub(crate) fn has_unsent(&self) -> bool {
        matches!(&self.layer, Layer::Tls(encrypted) if encrypted.connection.wants_write())
    }

    /// Reads once.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> Received {
        match &mut self.layer {
            Layer::Tls(encrypted) => return encrypted.receive(&self.socket, buffer),
            Layer::Plain | Layer::Hello(..) => {}
        }
        let is_plain = matches!(self.layer, Layer::Plain);
        match self.socket.recv_into(buffer) {
            Ok(0) if is_plain => Received::Ended,
            Ok(0) => Received::Broken(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) if is_plain => Received::Bytes(count),
            Ok(count) => self.greet(&buffer[..count]),
            Err(error) if error.would_block() => Received::Nothing,
            Err(error) => Received::Broken(error.into()),
        }
    }

    /// Takes a piece of the client's first message.
    fn greet(&mut self, mut bytes: &[u8]) -> Received {
        while !bytes.is_empty() {
            let Layer::Hello(acceptor, secrets) = &mut self.layer else { break };
            if let Err(error) = acceptor.read_tls(&mut bytes) {
                return Received::Broken(error);
            }
            let begun = match acceptor.accept() {
                Ok(None) => continue,
                Ok(Some(accepted)) => {
                    let config = secrets.choose(&accepted);
                    accepted.into_connection(config)
                }
                Err(failed) => Err(failed),
            };
            match begun {
                Ok(connection) => self.layer = Layer::Tls(Encrypted::new(connection)),
                Err((error, mut alert)) => {
                    // It is closed in any case.
                    let _ = alert.write_all(&mut Raw(&self.socket));
                    return Received::Broken(broken(error));
                }
            }
        }
        match &mut self.layer {
            Layer::Tls(encrypted) => encrypted.take(&self.socket, bytes),
            Layer::Plain | Layer::Hello(..) => Received::Nothing,
        }
    }

    /// Sends some of `bytes`.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<Sent> {
        let Layer::Tls(encrypted) = &mut self.layer else {
            return match self.socket.send(bytes) {
                Ok(count) => Ok(Sent { count, blocked: count < bytes.len() }),
                Err(error) if error.would_block() => Ok(Sent { count: 0, blocked: true }),
                Err(error) => Err(error.into()),
            };
        };
        if !encrypted.flush(&self.socket)? {
            return Ok(Sent { count: 0, blocked: true });
        }
        let count = encrypted.connection.writer().write(bytes)?;
        let blocked = !encrypted.flush(&self.socket)?;
        Ok(Sent { count, blocked })
    }

    /// Sends what is encrypted already; whether all of it has gone.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        match &mut self.layer {
            Layer::Tls(encrypted) => encrypted.flush(&self.socket),
            Layer::Plain | Layer::Hello(..) => Ok(true),
        }
    }

    /// Says that nothing more comes: the last bytes before [`Wire::shut`].
    pub(crate) fn say_goodbye(&mut self) {
        if let Layer::Tls(encrypted) = &mut self.layer {
            encrypted.connection.send_close_notify();
        }
    }

    /// Ends the sending side.
    pub(crate) fn shut(&self) -> io::Result<()> {
        Ok(self.socket.shutdown(How::Write)?)
    }
}

impl Encrypted {
    fn new(mut connection: ServerConnection) -> Box<Encrypted> {
        connection.set_buffer_limit(Some(ENCRYPTED_BYTES_MAX));
        Box::new(Encrypted { connection, shaken: false, unread: 0 })
    }

    fn receive(&mut self, socket: &Socket, buffer: &mut [u8]) -> Received {
        if self.unread == 0 {
            match self.connection.read_tls(&mut Raw(socket)) {
                // Whether that is an end in good order, the reader knows.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Received::Nothing;
                }
                Err(error) => return Received::Broken(error),
            }
            match self.take(socket, &[]) {
                Received::Nothing => {}
                other => return other,
            }
        }
        match self.connection.reader().read(buffer) {
            Ok(0) => Received::Ended,
            Ok(count) => {
                self.unread -= count.min(self.unread);
                Received::Bytes(count)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Received::Nothing,
            Err(error) => Received::Broken(error),
        }
    }

    /// Goes on with the handshake and decrypts, after more bytes of the peer.
    fn take(&mut self, socket: &Socket, mut bytes: &[u8]) -> Received {
        loop {
            if !bytes.is_empty() {
                match self.connection.read_tls(&mut bytes) {
                    // It has ended; what comes behind that is nothing.
                    Ok(0) => bytes = &[],
                    Ok(_) => {}
                    Err(error) => return Received::Broken(error),
                }
            }
            match self.connection.process_new_packets() {
                Ok(state) => self.unread = state.plaintext_bytes_to_read(),
                Err(error) => {
                    // The peer is told why, where it still listens.
                    let _ = self.flush(socket);
                    return Received::Broken(broken(error));
                }
            }
            if bytes.is_empty() {
                break;
            }
        }
        // Answers of the handshake; what does not go now goes with the next flush.
        if let Err(error) = self.flush(socket) {
            return Received::Broken(error);
        }
        if self.shaken || self.connection.is_handshaking() {
            return Received::Nothing;
        }
        self.shaken = true;
        Received::Shaken { certificate: client_fingerprint(&self.connection) }
    }

    fn flush(&mut self, socket: &Socket) -> io::Result<bool> {
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut Raw(socket)) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

fn broken(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// A socket as the library wants it.
struct Raw<'a>(&'a Socket);

impl Read for Raw<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.0.recv_into(buffer)?)
    }
}

impl Write for Raw<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.0.send(bytes)?)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(self.0.send_vectored(parts)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
