//! Opening the ports of a part: one that is in use moves to the next free one, and the caller is
//! told.

use sockeye_edge::listen::{self, ListenAddr, ListenError};
use sockeye_socket::{Address, Socket};

/// A port that was in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The address that was asked for.
    pub wanted: ListenAddr,
    /// The error that names who holds it.
    pub because: String,
    /// The address that was taken.
    pub got: Address,
}

/// Opens every address, each at the first free port from its own to `tries` above it.
pub(crate) fn open(
    addresses: &[ListenAddr],
    tries: u16,
) -> Result<(Vec<Socket>, Vec<Moved>), ListenError> {
    let mut sockets = Vec::new();
    let mut moves = Vec::new();
    for wanted in addresses {
        let first = match listen::open(wanted) {
            Ok(socket) => {
                sockets.push(socket);
                continue;
            }
            Err(error @ ListenError::PortInUse { .. }) => error,
            Err(error) => return Err(error),
        };
        let Some((socket, got)) = next_free(wanted, tries)? else { return Err(first) };
        moves.push(Moved { wanted: wanted.clone(), because: first.to_string(), got });
        sockets.push(socket);
    }
    Ok((sockets, moves))
}

fn next_free(wanted: &ListenAddr, tries: u16) -> Result<Option<(Socket, Address)>, ListenError> {
    let Some(port) = wanted.address().port() else { return Ok(None) };
    for next in (1..=tries).map_while(|step| port.checked_add(step)) {
        match listen::open(&wanted.clone().with_port(next)) {
            Ok(socket) => {
                let got = socket.getsockname().unwrap_or_else(|_| wanted.address().clone());
                return Ok(Some((socket, got)));
            }
            Err(ListenError::PortInUse { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_moves_up_and_says_so() {
        let any: ListenAddr = "127.0.0.1:0".parse().unwrap();
        let held = listen::open(&any).unwrap();
        let port = held.getsockname().unwrap().port().unwrap();
        let wanted = any.with_port(port);
        let (sockets, moves) = open(std::slice::from_ref(&wanted), 50).unwrap();
        assert_eq!((sockets.len(), moves.len()), (1, 1));
        assert!(moves[0].got.port().unwrap() > port);
        assert_eq!(moves[0].wanted, wanted);
        assert!(matches!(open(&[wanted], 0), Err(ListenError::PortInUse { .. })));
    }
}
