//! Lines of IRC: ended by CR, LF or both; tags have a limit of their own.

use std::time::Instant;

use super::super::irc::{Input, counts};
use super::super::websocket::{CloseCode, Received};
use super::{Request, Session, SessionConfig};

/// Whether a line, without its end, keeps to the limits: its tags, and the rest of it.
fn fits(config: &SessionConfig, line: &[u8]) -> bool {
    let space = line.iter().position(|byte| *byte == b' ');
    let tags = match (line.first(), space) {
        (Some(b'@'), Some(space)) => space + 1,
        (Some(b'@'), None) => line.len(),
        _ => 0,
    };
    // What a client sends is half of what a line may have with the server's own tags.
    tags <= config.irc_tags_bytes_max.div_ceil(2)
        && line.len() - tags + 2 <= config.irc_line_bytes_max
}

fn input(config: &SessionConfig, line: &[u8]) -> Input {
    if !fits(config, line) {
        return Input::TooLong;
    }
    match std::str::from_utf8(line) {
        Ok(text) if !text.contains('\0') => Input::Line(text.to_owned()),
        Ok(text) => Input::Line(text.replace('\0', "")),
        Err(_) => Input::NotUtf8,
    }
}

impl Session {
    /// Leaves out the rest of a line that was too long; `false` while its end has not come.
    fn skip_irc(&mut self) -> bool {
        let end = self.rest().iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        self.at = end.map_or(self.input.len(), |end| self.at + end);
        self.skipping = end.is_none();
        !self.skipping
    }

    pub(super) fn poll_irc(&mut self, config: &SessionConfig, now: Instant) -> Option<Request> {
        if !self.speaks_irc {
            self.speaks_irc = true;
            return Some(Request::StartIrc);
        }
        if self.skipping && !self.skip_irc() {
            return self.end();
        }
        let blank = self.rest().iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        self.at += blank;
        let end = self.rest().iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let most = config.irc_line_bytes_max + config.irc_tags_bytes_max;
        let length = match end {
            Some(length) => length,
            None if self.rest().len() > most => self.rest().len(),
            None => return self.end(),
        };
        let input = input(config, &self.rest()[..length]);
        if counts(&input) && !self.take_token(config.flood, now) {
            return self.tell_throttled();
        }
        self.at += length;
        self.skipping = end.is_none();
        Some(Request::Irc(input))
    }

    pub(super) fn poll_irc_web(&mut self, config: &SessionConfig, now: Instant) -> Option<Request> {
        if !self.started {
            self.started = true;
            return Some(Request::StartIrc);
        }
        loop {
            if let Some(line) = self.web.as_mut()?.line.take() {
                let bytes = line.trim_end_matches(['\r', '\n']);
                let input = if bytes.contains(['\r', '\n']) {
                    Input::Line(bytes.replace(['\r', '\n'], " "))
                } else {
                    input(config, bytes.as_bytes())
                };
                if counts(&input) && !self.take_token(config.flood, now) {
                    self.web.as_mut()?.line = Some(line);
                    return self.tell_throttled();
                }
                return Some(Request::Irc(input));
            }
            let Some(received) = self.web.as_mut()?.receiver.poll_received() else {
                return self.end();
            };
            match received {
                Ok(Received::Text(text)) => self.web.as_mut()?.line = Some(text),
                Ok(Received::Binary(bytes)) => match String::from_utf8(bytes) {
                    Ok(text) => self.web.as_mut()?.line = Some(text),
                    Err(_) => return Some(Request::Irc(Input::NotUtf8)),
                },
                Ok(Received::Pong(_)) => {}
                Ok(Received::Ping(payload)) => return Some(Request::Pong(payload)),
                Ok(Received::Close(code, _)) => return self.close(code, ""),
                Err(error) => {
                    let code: Option<CloseCode> = Some(error.code);
                    return self.close(code, error.why);
                }
            }
        }
    }
}
