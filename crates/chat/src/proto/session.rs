//! One connection's input: bytes in, requests out.
//!
//! Rules:
//! 1. The first line classifies; silence only starts the room's output.
//! 2. A line is whole or refused: what is longer than the limit is told, never cut.
//! 3. A throttled client loses nothing: its lines wait, and nothing more is read meanwhile.
//! 4. At most one read and one line are held: `line_bytes_max` plus what one `handle_received`
//!    gave.

use std::time::{Duration, Instant};

use super::irc::Input;
use super::sniff::{self, Opening, sniff};
use super::websocket::{self, CloseCode, Received, Receiver};
use super::{Arrival, Bucket, Charset, Command, Entrance, Rate, Voice};

/// What all sessions of a server have in common.
#[derive(Debug, Clone, Copy)]
pub struct SessionConfig {
    /// Bytes are passed on as they come; nothing is understood.
    pub classic: bool,
    /// A line may have so many bytes, without its end.
    pub line_bytes_max: usize,
    /// After so much silence a client that has said nothing is in the room.
    pub silence: Duration,
    /// How fast one client may speak; `None`: as it likes.
    pub flood: Option<Rate>,
    /// What plain clients speak that do not speak UTF-8.
    pub charset: Charset,
    /// A line of IRC may have so many bytes, with its end, without its tags.
    pub irc_line_bytes_max: usize,
    /// The tags of a line of IRC may have so many bytes.
    pub irc_tags_bytes_max: usize,
}

impl Default for SessionConfig {
    fn default() -> Self {
        SessionConfig {
            classic: false,
            line_bytes_max: 4096,
            silence: Duration::from_millis(250),
            flood: Some(Rate { burst: 5, per_second: 2 }),
            charset: Charset::default(),
            irc_line_bytes_max: 512,
            irc_tags_bytes_max: 8191,
        }
    }
}

/// What a session asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Wants to be in the room. Comes once, before any command.
    Start,
    /// Speaks IRC. Comes once, before any line.
    StartIrc,
    /// Sent a line of IRC.
    Irc(Input),
    /// Typed something.
    Command(Command),
    /// Typed a line that was too long; it is gone.
    TooLong,
    /// Types too fast: what it typed waits.
    Throttled,
    /// Speaks what is not served here: to be answered so, and closed.
    Refuse(Opening),
    /// Has ended its side, and all that it said is dealt with.
    End,
    /// A WebSocket's ping, to be answered.
    Pong(Vec<u8>),
    /// A WebSocket ends: to be answered so, and closed.
    Close(Option<CloseCode>, &'static str),
}

/// What a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// The first line tells.
    #[default]
    Lines,
    /// WebSocket frames, after the upgrade.
    WebSocket,
    /// IRC in WebSocket frames, after the upgrade: a line in each.
    IrcWebSocket,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Opening,
    Plain,
    Classic,
    Web,
    Irc,
    Done,
}

/// The state of one connection's input.
#[derive(Debug)]
pub struct Session {
    stage: Stage,
    entrance: Entrance,
    started: bool,
    speaks_irc: bool,
    ended: bool,
    /// Empty lines came first and are gone: no PROXY header can follow.
    past_start: bool,
    skipping: bool,
    told: bool,
    voice: Voice,
    bucket: Bucket,
    throttled: Option<Instant>,
    silent_at: Option<Instant>,
    input: Vec<u8>,
    at: usize,
    web: Option<Box<Web>>,
}

/// A WebSocket's input, and the line that waits because its client types too fast.
#[derive(Debug)]
struct Web {
    receiver: Receiver,
    line: Option<String>,
    irc: bool,
}

/// A WebSocket's message may be so many times as long as a line: what is a little too long is told.
const WEB_MESSAGE_FACTOR: usize = 4;

impl Session {
    /// Starts a session at `now` of somebody who may speak what he likes.
    pub fn new(config: &SessionConfig, now: Instant) -> Session {
        Session::of(config, &Arrival::default(), now)
    }

    /// Starts the session of somebody who has come so.
    pub fn of(config: &SessionConfig, arrival: &Arrival, now: Instant) -> Session {
        let waits = !config.classic && !arrival.entrance.is_irc();
        Session {
            stage: if config.classic { Stage::Classic } else { Stage::Opening },
            entrance: arrival.entrance,
            started: false,
            speaks_irc: false,
            ended: false,
            past_start: false,
            skipping: false,
            told: false,
            voice: Voice::default(),
            bucket: Bucket::default(),
            throttled: None,
            silent_at: waits.then(|| if arrival.silent { now } else { now + config.silence }),
            input: Vec::new(),
            at: 0,
            web: None,
        }
    }

    /// Starts the session of a WebSocket whose upgrade is answered; `irc`: that carries IRC.
    pub fn of_websocket(config: &SessionConfig, irc: bool, now: Instant) -> Session {
        let message_bytes_max = if irc {
            config.irc_line_bytes_max + config.irc_tags_bytes_max
        } else {
            config.line_bytes_max.saturating_mul(WEB_MESSAGE_FACTOR)
        };
        let limits = websocket::Limits { message_bytes_max, ..websocket::Limits::default() };
        let web = Web { receiver: Receiver::new(limits), line: None, irc };
        let session = Session::new(config, now);
        Session { stage: Stage::Web, silent_at: None, web: Some(Box::new(web)), ..session }
    }

    /// Takes bytes that came.
    pub fn handle_received(&mut self, config: &SessionConfig, bytes: &[u8], now: Instant) {
        if self.stage == Stage::Done || self.ended {
            return;
        }
        if self.silent_at.is_some() {
            self.silent_at = Some(now + config.silence);
        }
        match &mut self.web {
            Some(web) => web.receiver.handle_received(bytes),
            None => self.input.extend_from_slice(bytes),
        }
    }

    /// The peer has ended its side; what it said before still counts.
    pub fn handle_eof(&mut self) {
        self.ended = true;
        self.silent_at = None;
    }

    /// No more requests: the session is over.
    pub fn finish(&mut self) {
        self.stage = Stage::Done;
        self.input = Vec::new();
        self.web = None;
        self.at = 0;
        self.silent_at = None;
        self.throttled = None;
    }

    /// Gives the next request, until `None`.
    pub fn poll_request(&mut self, config: &SessionConfig, now: Instant) -> Option<Request> {
        let request = match self.stage {
            Stage::Done => None,
            Stage::Classic => self.poll_classic(),
            Stage::Opening => self.poll_opening(config, now),
            Stage::Plain => self.poll_plain(config, now),
            Stage::Web if self.web.as_ref().is_some_and(|web| web.irc) => {
                self.poll_irc_web(config, now)
            }
            Stage::Web => self.poll_web(config, now),
            Stage::Irc => self.poll_irc(config, now),
        };
        if request.is_none() {
            self.release();
        }
        request
    }

    /// When `poll_request` will have something without further bytes.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.throttled.or(self.silent_at)
    }

    /// Whether more bytes are welcome.
    pub fn want_read(&self, config: &SessionConfig) -> bool {
        let open = self.stage != Stage::Done && !self.ended;
        let most = match self.stage {
            Stage::Irc => config.irc_line_bytes_max + config.irc_tags_bytes_max,
            _ => config.line_bytes_max,
        };
        open && self.throttled.is_none() && self.held_bytes() <= most
    }

    /// What the client has shown to speak.
    pub fn voice(&self) -> Voice {
        self.voice
    }

    /// How many bytes wait here that are not understood yet.
    pub fn held_bytes(&self) -> usize {
        let web = self.web.as_ref().map_or(0, |web| web.receiver.unread_bytes());
        self.input.len() - self.at + web
    }

    fn poll_classic(&mut self) -> Option<Request> {
        if !self.started {
            self.started = true;
            return Some(Request::Start);
        }
        if self.input.is_empty() {
            return self.end();
        }
        Some(Request::Command(Command::Raw(std::mem::take(&mut self.input))))
    }

    fn poll_opening(&mut self, config: &SessionConfig, now: Instant) -> Option<Request> {
        if self.past_start {
            self.drop_blank_lines();
        }
        match sniff(self.rest(), config.line_bytes_max, self.ended) {
            Opening::More if self.ended => self.end(),
            Opening::More => {
                self.drop_blank_lines();
                if self.silent_at.is_some_and(|at| at <= now) { self.start() } else { None }
            }
            Opening::Plain(_) if self.entrance.is_irc() => {
                self.finish();
                Some(Request::Refuse(Opening::Irc))
            }
            Opening::Plain(blank) => {
                self.at += blank;
                self.stage = Stage::Plain;
                self.start().or_else(|| self.poll_plain(config, now))
            }
            Opening::Irc => {
                let blank = self.rest().iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
                self.at += blank;
                self.silent_at = None;
                self.stage = Stage::Irc;
                self.poll_irc(config, now)
            }
            refused => {
                self.finish();
                Some(Request::Refuse(refused))
            }
        }
    }

    fn poll_plain(&mut self, config: &SessionConfig, now: Instant) -> Option<Request> {
        loop {
            if self.skipping && !self.skip() {
                return self.end();
            }
            let newline = self.rest().iter().position(|byte| *byte == b'\n');
            let length = newline.unwrap_or(self.rest().len());
            let line = &self.rest()[..length];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let long = line.len() > config.line_bytes_max;
            if newline.is_none() && (length == 0 || !(long || self.ended)) {
                return self.end();
            }
            let (text, voice) = config.charset.decode(line);
            let command = if long { None } else { Command::parse(&text) };
            self.voice = voice.unwrap_or(self.voice);
            if (long || command.is_some()) && !self.take_token(config.flood, now) {
                return self.tell_throttled();
            }
            self.at += newline.map_or(length, |at| at + 1);
            if long {
                self.skipping = newline.is_none();
                return Some(Request::TooLong);
            }
            if let Some(command) = command {
                return Some(Request::Command(command));
            }
        }
    }

    fn poll_web(&mut self, config: &SessionConfig, now: Instant) -> Option<Request> {
        if !self.started {
            return self.start();
        }
        loop {
            if let Some(line) = self.web.as_mut()?.line.take() {
                let long = line.len() > config.line_bytes_max;
                let command = if long { None } else { Command::parse(&line) };
                if (long || command.is_some()) && !self.take_token(config.flood, now) {
                    self.web.as_mut()?.line = Some(line);
                    return self.tell_throttled();
                }
                match command {
                    Some(command) => return Some(Request::Command(command)),
                    None if long => return Some(Request::TooLong),
                    None => {}
                }
            }
            let Some(received) = self.web.as_mut()?.receiver.poll_received() else {
                return self.end();
            };
            match received {
                Ok(Received::Text(text)) => self.web.as_mut()?.line = Some(text),
                Ok(Received::Pong(_)) => {}
                Ok(Received::Ping(payload)) => return Some(Request::Pong(payload)),
                Ok(Received::Close(code, _)) => return self.close(code, ""),
                Ok(Received::Binary(_)) => {
                    return self.close(Some(CloseCode::UNSUPPORTED), "only texts are taken here");
                }
                Err(error) => return self.close(Some(error.code), error.why),
            }
        }
    }

    fn close(&mut self, code: Option<CloseCode>, why: &'static str) -> Option<Request> {
        self.finish();
        Some(Request::Close(code, why))
    }

    /// Leaves out the rest of a line that was too long; `false` while its end has not come.
    fn skip(&mut self) -> bool {
        let newline = self.rest().iter().position(|byte| *byte == b'\n');
        self.at = newline.map_or(self.input.len(), |at| self.at + at + 1);
        self.skipping = newline.is_none();
        !self.skipping
    }

    fn take_token(&mut self, rate: Option<Rate>, now: Instant) -> bool {
        let Some(rate) = rate else { return true };
        self.told &= !self.bucket.is_full(now);
        self.throttled = self.bucket.take(rate, now).err();
        self.throttled.is_none()
    }

    /// Says it once, until the bucket has been full again.
    fn tell_throttled(&mut self) -> Option<Request> {
        let first = !self.told;
        self.told = true;
        first.then_some(Request::Throttled)
    }

    fn start(&mut self) -> Option<Request> {
        self.silent_at = None;
        let first = !self.started;
        self.started = true;
        first.then_some(Request::Start)
    }

    fn end(&mut self) -> Option<Request> {
        if !self.ended {
            return None;
        }
        self.finish();
        Some(Request::End)
    }

    /// Empty lines decide nothing and must not pile up; they may begin a PROXY header.
    fn drop_blank_lines(&mut self) {
        if self.past_start || !sniff::may_be_proxy(self.rest()) {
            let blank = self.rest().iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
            self.past_start |= blank > 0;
            self.at += blank;
        }
    }

    fn rest(&self) -> &[u8] {
        &self.input[self.at..]
    }

    /// Gives back what is used up; an idle client holds no buffer.
    fn release(&mut self) {
        if self.at == self.input.len() {
            self.input = Vec::new();
        } else {
            self.input.drain(..self.at);
        }
        self.at = 0;
    }
}

mod irc;

#[cfg(test)]
mod tests;
