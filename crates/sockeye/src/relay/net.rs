//! The peer's side of a relay: a stream, or datagrams, whose peer may be whoever spoke last.

use sockeye_socket::{Address, Kind, Result, Socket};

/// A socket to talk over.
#[derive(Debug)]
pub(crate) struct Net {
    socket: Socket,
    peer: Peer,
}

#[derive(Debug)]
enum Peer {
    /// The socket is connected.
    Connected,
    /// Anybody may send; who did last gets what stdin says.
    Last(Option<Address>),
}

impl Net {
    /// Talks over a connected socket.
    pub(crate) fn connected(socket: Socket) -> Net {
        Net { socket, peer: Peer::Connected }
    }

    /// Talks with whoever sends a datagram.
    pub(crate) fn anybody(socket: Socket) -> Net {
        Net { socket, peer: Peer::Last(None) }
    }

    /// The socket.
    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Tells whether there is somebody to send to.
    pub(crate) fn has_peer(&self) -> bool {
        !matches!(self.peer, Peer::Last(None))
    }

    /// Receives into `buffer`; `None` at the end of a stream (a datagram may be empty).
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<usize>> {
        let n = match &mut self.peer {
            Peer::Connected => self.socket.recv_into(buffer)?,
            Peer::Last(peer) => {
                let (n, from) = self.socket.recvfrom_into(buffer)?;
                *peer = Some(from);
                n
            }
        };
        let ended = n == 0 && self.socket.kind() == Kind::Stream;
        Ok((!ended).then_some(n))
    }

    /// Sends some of `bytes`, all of them where they are a datagram.
    pub(crate) fn send(&self, bytes: &[u8]) -> Result<usize> {
        match &self.peer {
            Peer::Last(Some(peer)) => self.socket.sendto(bytes, peer),
            Peer::Last(None) | Peer::Connected => self.socket.send(bytes),
        }
    }
}
