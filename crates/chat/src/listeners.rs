//! What a server listens on: its own sockets, or such as somebody else has opened.

use sockeye_edge::listen::{self, ListenAddr};
use sockeye_socket::{Acceptor, Socket};

use crate::proto::Entrance;
use crate::{Config, Error, Result};

/// Sockets that listen already. Where there is `None`, the configuration's addresses are opened.
#[derive(Debug, Default)]
pub struct Listeners {
    /// In place of `Config::listen`.
    pub everyone: Option<Vec<Socket>>,
    /// In place of `Config::irc`.
    pub irc: Option<Vec<Socket>>,
}

impl From<Vec<Socket>> for Listeners {
    fn from(everyone: Vec<Socket>) -> Listeners {
        Listeners { everyone: Some(everyone), ..Listeners::default() }
    }
}

impl Listeners {
    /// Opens what is not open yet.
    pub(crate) fn open(self, config: &Config) -> Result<Vec<(Entrance, Acceptor)>> {
        let kinds = [
            (Entrance::Everyone, self.everyone, &config.listen),
            (Entrance::Irc, self.irc, &config.irc),
        ];
        let mut acceptors = Vec::new();
        for (entrance, sockets, addresses) in kinds {
            let sockets = sockets.map_or_else(|| open(addresses), Ok)?;
            for socket in sockets {
                let acceptor = Acceptor::new(socket);
                let acceptor = acceptor.map_err(Error::system("prepare its listeners"))?;
                acceptors.push((entrance, acceptor));
            }
        }
        Ok(acceptors)
    }
}

fn open(addresses: &[ListenAddr]) -> Result<Vec<Socket>> {
    Ok(addresses.iter().map(listen::open).collect::<std::result::Result<_, _>>()?)
}
