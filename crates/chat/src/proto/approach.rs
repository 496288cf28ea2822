//! The way in: what may come before somebody is a client of the room. A PROXY header, TLS, and what
//! browsers ask for; everything else is a session's, which judges the first line again.
//!
//! ```text
//! connection = [ PROXY ] ( TLS *inner / inner )    inner = HTTP head / session
//! ```
//! Rules:
//! 1. A driver gives bytes and takes [`Step`]s until `None`; after the last one (any but
//!    `Proxied` and `Encrypt`) the approach is over.
//! 2. Silence lets in (not where only IRC is spoken); half of a header, a handshake or a request
//!    does not: it has a deadline.
//! 3. A PROXY header is read from trusted peers, once, before everything else. What others say of
//!    that kind goes on to the session, which refuses it.
//! 4. TLS is taken once, and nothing inside of it is taken for TLS again.

use std::time::{Duration, Instant};

use sockeye_edge::proxy;

use super::page::{self, Asked, Pages, Verdict};
use super::sniff::{Opening, sniff};
use super::{Entrance, Inquiry, SubProtocol, monitor};

/// What all approaches to a server have in common.
#[derive(Debug, Clone)]
pub struct ApproachConfig {
    /// A first line may have so many bytes.
    pub line_bytes_max: usize,
    /// After so much silence somebody is let in.
    pub silence: Duration,
    /// So long a PROXY header, a TLS handshake and the head of a request may take together.
    pub approach: Duration,
    /// The head of a request may have so many bytes.
    pub head_bytes_max: usize,
    /// Whether TLS is taken where everyone is.
    pub tls: bool,
    /// What browsers are answered; `None`: the session refuses them.
    pub pages: Option<Pages>,
}

/// Two empty lines: the beginning of a PROXY header, and what people type.
const EMPTY_LINES_BYTES: usize = 4;

/// What an approach leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A proxy has named its client. The approach goes on.
    Proxied(proxy::Header),
    /// This, and all that follows, is TLS. What comes out of it is the approach's next input, after
    /// `handle_encrypted`.
    Encrypt(Vec<u8>),
    /// Is a client of the room.
    Enter {
        /// What it has said so far.
        said: Vec<u8>,
        /// It was silent for as long as that takes.
        silent: bool,
    },
    /// Is a client by a WebSocket.
    Upgrade {
        /// What is spoken in it.
        protocol: SubProtocol,
        /// What answers the request, to be sent first.
        greeting: Vec<u8>,
        /// What it has said so far.
        said: Vec<u8>,
    },
    /// A monitor wants to know something, is answered, and closed.
    Inquire(Inquiry),
    /// Is sent this, and closed.
    Answer(Vec<u8>),
    /// Is closed without a word.
    Refuse(Fault),
}

/// Why somebody does not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Has not finished in time what it had begun.
    #[error("too slow")]
    TooSlow,
    /// Has ended before that.
    #[error("gone")]
    Gone,
    /// A PROXY header that is none.
    #[error(transparent)]
    Proxy(#[from] proxy::Malformed),
}

/// How a connection begins.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beginning {
    /// By which listener.
    pub entrance: Entrance,
    /// Whether a PROXY header would be believed.
    pub trusted: bool,
    /// Whether it is a monitor's.
    pub monitor: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A PROXY header may come.
    Header,
    First,
    /// What comes is the driver's, until the handshake is done.
    Handshake,
    Head,
    Monitor,
    Over,
}

/// One connection on its way in.
#[derive(Debug)]
pub struct Approach {
    stage: Stage,
    entrance: Entrance,
    encrypted: bool,
    ended: bool,
    input: Vec<u8>,
    silent_at: Instant,
    due: Instant,
}

impl Approach {
    /// Somebody has connected at `now`.
    pub fn new(config: &ApproachConfig, beginning: Beginning, now: Instant) -> Approach {
        Approach {
            stage: match beginning {
                Beginning { monitor: true, .. } => Stage::Monitor,
                Beginning { trusted: true, .. } => Stage::Header,
                _ => Stage::First,
            },
            entrance: beginning.entrance,
            encrypted: false,
            ended: false,
            input: Vec::new(),
            silent_at: now + config.silence,
            due: now + config.approach,
        }
    }

    /// Takes bytes that came, out of TLS where there is TLS.
    pub fn handle_received(&mut self, config: &ApproachConfig, bytes: &[u8], now: Instant) {
        if self.stage != Stage::Over && !self.ended {
            self.silent_at = now + config.silence;
            self.input.extend_from_slice(bytes);
        }
    }

    /// The peer has ended its side.
    pub fn handle_eof(&mut self) {
        self.ended = true;
    }

    /// The TLS handshake is done.
    pub fn handle_encrypted(&mut self, config: &ApproachConfig, now: Instant) {
        self.encrypted = true;
        self.stage = Stage::First;
        self.silent_at = now + config.silence;
    }

    /// When `poll_step` has something without further bytes.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.stage {
            Stage::Over => None,
            Stage::Handshake | Stage::Head | Stage::Monitor => Some(self.due),
            Stage::Header | Stage::First if self.waits_for_more() => Some(self.due),
            Stage::Header | Stage::First => Some(self.silent_at.min(self.due)),
        }
    }

    /// Gives the next step, until `None`.
    pub fn poll_step(&mut self, config: &ApproachConfig, now: Instant) -> Option<Step> {
        let step = match self.stage {
            Stage::Over => return None,
            Stage::Header => self.poll_header(config, now),
            Stage::First => self.poll_first(config, now),
            Stage::Handshake => None,
            Stage::Head => self.poll_head(config),
            Stage::Monitor => self.poll_monitor(config),
        };
        let step = step.or_else(|| self.give_up(now));
        match step {
            None | Some(Step::Proxied(_) | Step::Encrypt(_)) => {}
            Some(_) => self.stage = Stage::Over,
        }
        step
    }

    fn poll_header(&mut self, config: &ApproachConfig, now: Instant) -> Option<Step> {
        if self.input.is_empty() && !self.ended && self.entrance.is_irc() {
            return None;
        }
        if self.input.is_empty() || !proxy::may_be(&self.input) {
            return self.poll_first(config, now);
        }
        match proxy::parse(&self.input) {
            // The end settles it, and so does silence after empty lines.
            Ok(None) if self.ended || !self.waits_for_more() => self.poll_first(config, now),
            Ok(None) => None,
            Ok(Some(header)) => {
                self.input.drain(..header.bytes);
                self.stage = Stage::First;
                self.silent_at = now + config.silence;
                Some(Step::Proxied(header))
            }
            Err(malformed) => Some(Step::Refuse(malformed.into())),
        }
    }

    fn poll_first(&mut self, config: &ApproachConfig, now: Instant) -> Option<Step> {
        if self.entrance == Entrance::Ircs && !self.encrypted {
            return Some(self.encrypt());
        }
        if self.entrance.is_irc() {
            return Some(self.enter(false));
        }
        match sniff(&self.input, config.line_bytes_max, self.ended) {
            Opening::Tls if config.tls && !self.encrypted && self.input[0] == 0x16 => {
                Some(self.encrypt())
            }
            Opening::Http { reads: true } if config.pages.is_some() => {
                self.stage = Stage::Head;
                self.poll_head(config)
            }
            Opening::More if !self.ended => {
                let silent = self.silent_at <= now && !self.waits_for_more();
                silent.then(|| self.enter(true))
            }
            _ => Some(self.enter(false)),
        }
    }

    fn poll_head(&mut self, config: &ApproachConfig) -> Option<Step> {
        let pages = config.pages.as_ref()?;
        let asked = Asked { encrypted: self.encrypted, head_bytes_max: config.head_bytes_max };
        let step = match page::judge(pages, &self.input, asked) {
            Verdict::More => return None,
            Verdict::Answer(answer) => Step::Answer(answer),
            Verdict::Upgrade { protocol, greeting, bytes } => {
                self.input.drain(..bytes);
                Step::Upgrade { protocol, greeting, said: std::mem::take(&mut self.input) }
            }
        };
        Some(step)
    }

    fn poll_monitor(&self, config: &ApproachConfig) -> Option<Step> {
        match monitor::judge(&self.input, config.head_bytes_max)? {
            Ok(inquiry) => Some(Step::Inquire(inquiry)),
            Err(answer) => Some(Step::Answer(answer)),
        }
    }

    /// Whether silence would let in somebody who has begun what is no talk in the room.
    fn waits_for_more(&self) -> bool {
        let begins = match self.input.first() {
            None => false,
            // Empty lines alone may begin a header, and are typed too.
            Some(b'\r') if self.input.len() <= EMPTY_LINES_BYTES => false,
            Some(0x16) => true,
            _ => page::may_be(&self.input),
        };
        let is_header = self.stage == Stage::Header && proxy::may_be(&self.input);
        begins || (is_header && self.input.len() > EMPTY_LINES_BYTES) || self.entrance.is_irc()
    }

    fn give_up(&self, now: Instant) -> Option<Step> {
        let in_time = self.due > now;
        match self.stage {
            Stage::Head | Stage::Monitor if self.ended || !in_time => {
                Some(Step::Answer(page::too_slow()))
            }
            Stage::Handshake | Stage::Header | Stage::First if self.ended => {
                Some(Step::Refuse(Fault::Gone))
            }
            _ if in_time => None,
            _ => Some(Step::Refuse(Fault::TooSlow)),
        }
    }

    fn encrypt(&mut self) -> Step {
        self.stage = Stage::Handshake;
        Step::Encrypt(std::mem::take(&mut self.input))
    }

    fn enter(&mut self, silent: bool) -> Step {
        Step::Enter { said: std::mem::take(&mut self.input), silent }
    }
}

#[cfg(test)]
mod tests;
