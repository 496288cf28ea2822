//! What a server listens on: its own sockets, or such as somebody else has opened.

use sockeye_edge::listen::{self, ListenAddr};
use sockeye_socket::{Acceptor, Socket};

use crate::proto::Entrance;
use crate::{Config, Error, Result};

/// For whom somebody listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// For clients of the room.
    Guests(Entrance),
    /// For a monitor, which asks for numbers and health by HTTP.
    Monitor,
}

/// Sockets that listen already. Where there is `None`, the configuration's addresses are opened.
#[derive(Debug, Default)]
pub struct Listeners {
    /// In place of `Config::listen`.
    pub everyone: Option<Vec<Socket>>,
    /// In place of `Config::irc`.
    pub irc: Option<Vec<Socket>>,
    /// In place of `Config::ircs`.
    pub ircs: Option<Vec<Socket>>,
    /// In place of `Config::metrics`.
    pub metrics: Option<Vec<Socket>>,
}

impl From<Vec<Socket>> for Listeners {
    fn from(everyone: Vec<Socket>) -> Listeners {
        Listeners { everyone: Some(everyone), ..Listeners::default() }
    }
}

impl Listeners {
    /// Opens what is not open yet.
    pub(crate) fn open(self, config: &Config) -> Result<Vec<(Purpose, Acceptor)>> {
        let kinds = [
            (Purpose::Guests(Entrance::Everyone), self.everyone, &config.listen),
            (Purpose::Guests(Entrance::Irc), self.irc, &config.irc),
            (Purpose::Guests(Entrance::Ircs), self.ircs, &config.ircs),
            (Purpose::Monitor, self.metrics, &config.metrics),
        ];
        let mut acceptors = Vec::new();
        for (purpose, sockets, addresses) in kinds {
            let sockets = sockets.map_or_else(|| open(addresses), Ok)?;
            for socket in sockets {
                let acceptor = Acceptor::new(socket);
                let acceptor = acceptor.map_err(Error::system("prepare its listeners"))?;
                acceptors.push((purpose, acceptor));
            }
        }
        Ok(acceptors)
    }
}

fn open(addresses: &[ListenAddr]) -> Result<Vec<Socket>> {
    Ok(addresses.iter().map(listen::open).collect::<std::result::Result<_, _>>()?)
}
