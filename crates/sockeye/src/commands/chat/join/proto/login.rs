//! How one is let in: capabilities, the login to an account, a name that is free.
//!
//! # Source
//! ircv3.net/specs/extensions/capability-negotiation, sasl-3.2

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::limits::SILENCE;
use super::link::Phase;
use super::message::Message;
use super::room::Kind;
use super::scram::Scram;
use super::state::State;

/// What is asked for where it is offered.
const WANTED: &[&str] = &[
    "account-notify",
    "account-tag",
    "away-notify",
    "batch",
    "chghost",
    "draft/chathistory",
    "draft/read-marker",
    "echo-message",
    "extended-join",
    "invite-notify",
    "labeled-response",
    "message-tags",
    "multi-prefix",
    "server-time",
    "setname",
    "standard-replies",
    "userhost-in-names",
];
/// A name that is in use gets so many further characters at most.
const NICK_TRIES: usize = 8;
/// What one AUTHENTICATE holds.
const AUTHENTICATE_BYTES: usize = 400;

impl State {
    /// Says who one is.
    pub(super) fn begin_login(&mut self) {
        self.link.nick.clone_from(&self.settings.nick);
        self.link.send("CAP LS 302");
        if let Some(password) = self.settings.server_password.clone() {
            self.link.send(&format!("PASS :{password}"));
        }
        let nick = self.link.nick.clone();
        self.link.send(&format!("NICK {nick}"));
        self.link.send(&format!("USER {} 0 * :{nick}", user_of(&nick)));
    }

    /// What the server says about capabilities.
    pub(super) fn hear_cap(&mut self, message: &Message) {
        self.link.is_irc = true;
        let words = message.last();
        match message.param(1) {
            "LS" => {
                self.offer(words);
                if message.param(2) != "*" || message.params.len() < 4 {
                    self.request();
                }
            }
            "NEW" => {
                self.offer(words);
                self.request();
            }
            "ACK" => self.agree(words),
            "NAK" => self.end_negotiation(),
            "DEL" => {
                for name in words.split(' ') {
                    self.link.caps.remove(name);
                    self.link.offered.remove(name);
                }
            }
            _ => {}
        }
    }

    fn offer(&mut self, words: &str) {
        for word in words.split(' ').filter(|word| !word.is_empty()).take(100) {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            self.link.offered.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Asks for what is wanted and not had.
    fn request(&mut self) {
        let mut wanted: Vec<&str> = WANTED
            .iter()
            .copied()
            .filter(|name| self.link.offered.contains_key(*name) && !self.link.has(name))
            .collect();
        let login = self.link.phase == Phase::Login && self.settings.account.is_some();
        if login && self.link.offered.contains_key("sasl") && !self.link.has("sasl") {
            wanted.push("sasl");
        }
        if wanted.is_empty() {
            self.end_negotiation();
        } else {
            self.link.send(&format!("CAP REQ :{}", wanted.join(" ")));
        }
    }

    fn agree(&mut self, words: &str) {
        for word in words.split(' ').filter(|word| !word.is_empty()) {
            match word.strip_prefix('-') {
                Some(gone) => drop(self.link.caps.remove(gone)),
                // What was not asked for is not agreed upon.
                None if WANTED.contains(&word) || word == "sasl" => {
                    self.link.caps.insert(word.to_owned());
                }
                None => {}
            }
        }
        if self.link.phase == Phase::Login && !self.link.logging_in {
            if self.link.has("sasl") {
                self.begin_sasl();
            } else {
                self.end_negotiation();
            }
        }
    }

    fn end_negotiation(&mut self) {
        if self.link.phase != Phase::Login {
            return;
        }
        if self.settings.account.is_some() && !self.link.has("sasl") {
            self.refuse("the server has no login to accounts (SASL)");
            return;
        }
        self.link.send("CAP END");
    }

    /// The login has failed for good.
    pub(super) fn refuse(&mut self, why: &str) {
        self.refused = Some(why.to_owned());
        self.link.send("QUIT");
        self.drop_link(why);
    }

    fn begin_sasl(&mut self) {
        let Some((account, password)) = self.settings.account.clone() else { return };
        let offered = self.link.offered.get("sasl").cloned().unwrap_or_default();
        let has = |name: &str| offered.is_empty() || offered.split(',').any(|word| word == name);
        if !offered.is_empty() && has("SCRAM-SHA-256") {
            let nonce = self.nonce();
            self.link.scram = Some(Scram::new(&account, &password, nonce));
            self.link.send("AUTHENTICATE SCRAM-SHA-256");
        } else if !self.settings.private {
            self.refuse(
                "the server takes the password only in the clear, and this connection is not \
                 private: use ircs://",
            );
            return;
        } else if has("PLAIN") {
            self.link.send("AUTHENTICATE PLAIN");
        } else {
            self.refuse("the server has no login that this client knows");
            return;
        }
        self.link.logging_in = true;
    }

    /// The server goes on with the login.
    pub(super) fn hear_authenticate(&mut self, message: &Message) {
        if !self.link.logging_in || self.link.challenge.len() > 20 * AUTHENTICATE_BYTES {
            return;
        }
        let part = message.param(0);
        if part != "+" {
            self.link.challenge.push_str(part);
            if part.len() == AUTHENTICATE_BYTES {
                return;
            }
        }
        let challenge = std::mem::take(&mut self.link.challenge);
        let challenge = BASE64.decode(challenge).unwrap_or_default();
        match self.sasl_answer(&String::from_utf8_lossy(&challenge)) {
            Ok(answer) => self.authenticate(&answer),
            Err(why) => {
                self.link.send("AUTHENTICATE *");
                self.refuse(&format!("the login failed: {why}"));
            }
        }
    }

    fn sasl_answer(&mut self, challenge: &str) -> Result<String, &'static str> {
        match &mut self.link.scram {
            Some(scram) if challenge.is_empty() => Ok(scram.first()),
            Some(scram) if scram.is_answered() => scram.finish(challenge).map(|()| String::new()),
            Some(scram) => scram.answer(challenge),
            None => {
                let (account, password) =
                    self.settings.account.as_ref().ok_or("there is no account")?;
                Ok(format!("\0{account}\0{password}"))
            }
        }
    }

    fn authenticate(&mut self, answer: &str) {
        let encoded = BASE64.encode(answer);
        let mut rest = encoded.as_str();
        while rest.len() >= AUTHENTICATE_BYTES {
            let (part, after) = rest.split_at(AUTHENTICATE_BYTES);
            self.link.send(&format!("AUTHENTICATE {part}"));
            rest = after;
        }
        let last = if rest.is_empty() { "+" } else { rest };
        self.link.send(&format!("AUTHENTICATE {last}"));
    }

    /// What became of the login: 902 to 907.
    pub(super) fn hear_sasl_end(&mut self, message: &Message) {
        if !std::mem::take(&mut self.link.logging_in) {
            return;
        }
        let scram = self.link.scram.take();
        match message.command.as_str() {
            "903" | "907" if scram.as_ref().is_some_and(|scram| !scram.is_verified()) => {
                self.refuse("the server did not show that it knows the password");
            }
            "903" | "907" => self.end_negotiation(),
            _ => {
                let why = super::text::shown(message.last());
                self.refuse(&format!("the login to the account failed: {why}"));
            }
        }
    }

    /// The name cannot be had: another one is tried, before one is in.
    pub(super) fn hear_nick_refused(&mut self, message: &Message) {
        if self.link.phase != Phase::Login {
            self.hear_alert(message);
            return;
        }
        let tries = self.link.nick.len().saturating_sub(self.settings.nick.len());
        if tries >= NICK_TRIES || message.command == "432" {
            let why = super::text::shown(message.last());
            self.refuse(&format!("the name {} cannot be had: {why}", self.link.nick));
            return;
        }
        self.link.nick.push('_');
        let nick = self.link.nick.clone();
        self.tell(0, Kind::Info, &format!("the name is in use; {nick} is tried"));
        self.link.send(&format!("NICK {nick}"));
    }

    /// One is in: 001.
    pub(super) fn hear_welcome(&mut self, message: &Message) {
        self.link.is_irc = true;
        message.param(0).clone_into(&mut self.link.nick);
        self.link.phase = Phase::Ready;
        self.link.tries = 0;
        self.link.due = Some(self.now.at + SILENCE);
        self.tell(0, Kind::Info, message.last());
        self.ask();
        self.join_wanted();
    }

    /// Joins the rooms that are wanted, all at first and those that were joined later.
    fn join_wanted(&mut self) {
        if self.link.epoch == 1 || self.rooms.iter().len() == 1 {
            for name in self.settings.rooms.clone() {
                let fold = self.fold(&name);
                self.go_to.get_or_insert_with(|| fold.clone());
                self.link.send(&format!("JOIN {name}"));
            }
            return;
        }
        let wanted: Vec<String> = self
            .rooms
            .iter()
            .filter_map(|room| room.wanted.as_ref().map(|key| format!("{} {key}", room.name)))
            .collect();
        for room in wanted {
            self.link.send(format!("JOIN {room}").trim_end());
        }
    }
}

/// The user's name that goes with a nick: letters and digits of ASCII.
fn user_of(nick: &str) -> String {
    let user: String = nick.chars().filter(char::is_ascii_alphanumeric).take(9).collect();
    if user.is_empty() { "sockeye".to_owned() } else { user.to_ascii_lowercase() }
}
