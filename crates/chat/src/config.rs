//! What a chat server is told before it starts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sockeye_edge::Network;
use sockeye_edge::listen::ListenAddr;
use sockeye_edge::tls::Tls;
use sockeye_socket::Address;

use crate::proto::irc;
use crate::proto::{ApproachConfig, Charset, Limits, Pages, Rate, RoomName, SessionConfig, Slow};
use crate::{Error, Result, Storage};

/// Whether a peer may come in at all.
#[derive(Clone)]
pub struct Admit(pub Arc<dyn Fn(&Address) -> bool + Send + Sync>);

impl fmt::Debug for Admit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Admit")
    }
}

/// What is kept of what was said. The classic room keeps nothing.
#[derive(Debug, Clone)]
pub enum History {
    /// Nothing.
    Off,
    /// The last lines, for as long as the server runs.
    Memory,
    /// All of it, in a folder.
    Stored(Storage),
}

/// The configuration of a server. Everything that a client can drive has its limit here.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; nothing is listened to that is not named here.
    pub listen: Vec<ListenAddr>,
    /// Where to listen for IRC alone.
    pub irc: Vec<ListenAddr>,
    /// The server's name, as IRC shows it.
    pub name: String,
    /// The network's name, as IRC shows it.
    pub network: String,
    /// The message of the day, by line; none where it is empty.
    pub motd: Vec<String>,
    /// What every IRC client has to know (PASS).
    pub password: Option<String>,
    /// Who may run the server (OPER).
    pub operators: Vec<irc::Operator>,
    /// Whether an account can be made before a client is known by a name.
    pub registers_early: bool,
    /// Whether who makes an account has to name an address.
    pub wants_email: bool,
    /// Who is logged in stays in the rooms when all its clients are gone.
    pub always_on: bool,
    /// What IRC clients may drive.
    pub irc_limits: irc::Limits,
    /// So many passwords may wait to be checked.
    pub passwords_max: usize,
    /// So many entries of each room and conversation are kept for who asks for them.
    pub history_entries: usize,
    /// Where to listen for IRC alone, inside of TLS.
    pub ircs: Vec<ListenAddr>,
    /// Where a monitor may ask for numbers and health.
    pub metrics: Vec<ListenAddr>,
    /// The certificate; without one no TLS is taken.
    pub tls: Option<Tls>,
    /// Whose PROXY headers are believed.
    pub proxy_from: Vec<Network>,
    /// Whether browsers are answered: the page, and WebSockets.
    pub web: bool,
    /// Pages of these origins may talk here too, such as `https://example.org`.
    pub origins: Vec<String>,
    /// The names that the server goes by, besides addresses and `localhost`.
    pub names: Vec<String>,
    /// The rooms that there are, such as `#lobby`. Plain clients land in the first.
    pub room: Vec<String>,
    /// The tutorial's room: bytes from one client reach every other unchanged, nothing else is
    /// sent.
    pub classic: bool,
    /// Who may come in, by address; everybody where there is nothing.
    pub admit: Option<Admit>,
    /// So many clients may be connected; the next one is told so.
    pub max_clients: usize,
    /// So many clients may come from one address (one /64 of IPv6).
    pub max_per_ip: Option<usize>,
    /// How fast one address (one /64 of IPv6) may connect; `None`: as it likes.
    pub connect_rate: Option<Rate>,
    /// So many connections may be there that have not said yet what they are; above that the oldest
    /// goes.
    pub entering_max: usize,
    /// So long a PROXY header, a TLS handshake and the head of a request may take together.
    pub entering: Duration,
    /// The head of a request may have so many bytes.
    pub head_bytes_max: usize,
    /// So many bytes may wait to be sent to one client.
    pub sendq_bytes_max: usize,
    /// So many bytes may wait to be sent to all clients together.
    pub queues_bytes_max: usize,
    /// What happens to a client that reads too slowly.
    pub slow: Slow,
    /// A line may have so many bytes, without its end.
    pub line_bytes_max: usize,
    /// How fast one client may speak; `None`: as it likes.
    pub flood: Option<Rate>,
    /// What plain clients speak that do not speak UTF-8.
    pub charset: Charset,
    /// What is kept of what was said, and where.
    pub history: History,
    /// Who comes in is shown so many lines of what was said before.
    pub history_lines: usize,
    /// A page is shown so many; the room keeps as many as the larger of the two.
    pub web_history_lines: usize,
    /// After so much silence a client that has said nothing is in the room.
    pub silence: Duration,
    /// So long a client that is being closed may take to read the rest.
    pub goodbye: Duration,
    /// After so much silence a peer is asked whether it lives; four times, then it is gone.
    pub keepalive: Duration,
    /// So many lines may wait to be announced; the next are not taken.
    pub announcements_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        let session = SessionConfig::default();
        let limits = Limits::default();
        Config {
            listen: Vec::new(),
            irc: Vec::new(),
            name: "sockeye.local".to_owned(),
            network: "Sockeye".to_owned(),
            motd: Vec::new(),
            password: None,
            operators: Vec::new(),
            registers_early: true,
            wants_email: false,
            always_on: false,
            irc_limits: irc::Limits::default(),
            passwords_max: 64,
            history_entries: 1000,
            ircs: Vec::new(),
            metrics: Vec::new(),
            tls: None,
            proxy_from: Vec::new(),
            web: true,
            origins: Vec::new(),
            names: Vec::new(),
            room: vec!["#lobby".to_owned()],
            classic: session.classic,
            admit: None,
            max_clients: 10_000,
            max_per_ip: None,
            connect_rate: None,
            entering_max: 1000,
            entering: Duration::from_secs(10),
            head_bytes_max: 8 << 10,
            sendq_bytes_max: limits.sendq_bytes_max,
            queues_bytes_max: limits.queues_bytes_max,
            slow: limits.slow,
            line_bytes_max: session.line_bytes_max,
            flood: session.flood,
            charset: session.charset,
            history: History::Memory,
            history_lines: 10,
            web_history_lines: 100,
            silence: session.silence,
            goodbye: Duration::from_secs(5),
            keepalive: Duration::from_secs(60),
            announcements_max: 1024,
        }
    }
}

/// The least that may wait for a client: any line, and a goodbye.
const SENDQ_BYTES_MIN: usize = 16 << 10;

impl Config {
    /// Tells whether a server could work so; it opens nothing.
    ///
    /// # Errors
    /// A limit is too low, a room's name is none, or there is no room.
    pub fn check(&self) -> Result<()> {
        self.rooms().map(drop)
    }

    /// Checks the limits, and reads the rooms: each once.
    pub(crate) fn rooms(&self) -> Result<Vec<RoomName>> {
        let (value, least) = (self.sendq_bytes_max, SENDQ_BYTES_MIN.max(self.line_bytes_max * 2));
        if value < least {
            return Err(Error::Limit { name: "the send queue of a client", value, least });
        }
        if !self.ircs.is_empty() && self.tls.is_none() {
            return Err(Error::NoCertificate);
        }
        let others = !self.irc.is_empty() || !self.ircs.is_empty() || !self.proxy_from.is_empty();
        if self.classic && (others || self.tls.is_some()) {
            return Err(Error::Classic);
        }
        let mut rooms: Vec<RoomName> = Vec::new();
        for name in &self.room {
            let room: RoomName = name.parse()?;
            if rooms.iter().all(|other| *other != room) {
                rooms.push(room);
            }
        }
        if rooms.is_empty() { Err(Error::NoRoom) } else { Ok(rooms) }
    }

    /// So many lines are shown to who comes in, and to a page.
    pub(crate) fn shown_lines(&self) -> (usize, usize) {
        match self.history {
            _ if self.classic => (0, 0),
            History::Off => (0, 0),
            _ => (self.history_lines, self.web_history_lines),
        }
    }

    /// So many of the last lines of each room are at hand.
    pub(crate) fn kept_lines(&self) -> usize {
        let (lines, of_web) = self.shown_lines();
        let shown = lines.max(of_web);
        if shown == 0 { 0 } else { shown.max(self.history_entries) }
    }

    pub(crate) fn session(&self) -> SessionConfig {
        SessionConfig {
            classic: self.classic,
            line_bytes_max: self.line_bytes_max,
            silence: self.silence,
            flood: self.flood,
            charset: self.charset,
            irc_line_bytes_max: self.irc_limits.line_bytes_max,
            irc_tags_bytes_max: self.irc_limits.tags_bytes_max,
        }
    }

    pub(crate) fn irc(&self, started_unix_ms: u64, secret: [u8; 32]) -> irc::Settings {
        irc::Settings {
            server: self.name.as_str().into(),
            network: self.network.as_str().into(),
            motd: self.motd.clone(),
            password: self.password.as_deref().map(Into::into),
            operators: self.operators.clone(),
            started_unix_ms,
            secret,
            registers_early: self.registers_early,
            wants_email: self.wants_email,
            always_on: self.always_on,
            limits: self.irc_limits,
        }
    }

    /// How somebody comes in.
    pub(crate) fn approach(&self) -> ApproachConfig {
        let names = self.names.iter().chain([&self.name]).cloned().collect();
        let pages = Pages { origins: self.origins.clone(), names };
        ApproachConfig {
            line_bytes_max: self.line_bytes_max,
            silence: self.silence,
            approach: self.entering,
            head_bytes_max: self.head_bytes_max,
            tls: self.tls.is_some(),
            pages: self.web.then_some(pages),
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        let sendq_bytes_max = self.sendq_bytes_max;
        let queues_bytes_max = self.queues_bytes_max;
        Limits { sendq_bytes_max, queues_bytes_max, slow: self.slow, ..Limits::default() }
    }
}
