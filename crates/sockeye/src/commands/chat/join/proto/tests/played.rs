//! For tests: a server of IRC that is played by hand, and a client that talks to it.

use std::time::{Duration, Instant};

use super::super::{Action, Key, Now, Settings, Speak, State};

/// The moment at which each test begins: 24 November 2026, 20:15.
pub(crate) const START_MS: i64 = 1_795_551_300_000;

/// How the client is set.
pub(crate) fn settings() -> Settings {
    Settings {
        place: "irc.test".to_owned(),
        speak: Speak::Auto,
        nick: "anna".to_owned(),
        nick_is_chosen: true,
        rooms: vec!["#lobby".to_owned()],
        account: None,
        server_password: None,
        private: true,
        scrollback_lines: 1000,
        zone: Box::new(|_| 0),
        seed: [7; 32],
    }
}

/// A client with time and a server in one's own hands.
pub(crate) struct Played {
    /// The client.
    pub(crate) state: State,
    began: Instant,
    elapsed: Duration,
}

impl Played {
    /// One that is connected, and has said who it is.
    pub(crate) fn new(settings: Settings) -> Played {
        let began = Instant::now();
        let now = Now { at: began, unix_ms: START_MS };
        let mut played =
            Played { state: State::new(settings, now), began, elapsed: Duration::ZERO };
        played.state.handle_connected(now);
        played
    }

    /// One that is in `#lobby` with these capabilities, with `bob` as its operator.
    pub(crate) fn in_lobby(caps: &str) -> Played {
        let mut played = Played::new(settings());
        played.log_in(caps);
        played
    }

    /// Lets the client in and into its room.
    pub(crate) fn log_in(&mut self, caps: &str) {
        self.sent();
        self.hear(&[&format!(":irc.test CAP * LS :{caps}")]);
        if !caps.is_empty() {
            let wanted = self.sent().join(" ");
            let wanted = wanted.strip_prefix("CAP REQ :").unwrap().to_owned();
            self.hear(&[&format!(":irc.test CAP * ACK :{wanted}")]);
        }
        assert_eq!(self.sent(), ["CAP END"]);
        self.hear(&[
            ":irc.test 001 anna :Welcome",
            ":irc.test 005 anna CHANTYPES=# PREFIX=(ov)@+ NETWORK=TestNet CHATHISTORY=3 :are had",
            ":irc.test PONG irc.test :sockeye",
        ]);
        self.enter();
    }

    /// Lets the client into `#lobby`.
    pub(crate) fn enter(&mut self) {
        self.hear(&[
            ":anna!a@host JOIN #lobby",
            ":irc.test 332 anna #lobby :a place to talk",
            ":irc.test 353 anna = #lobby :anna @bob",
            ":irc.test 366 anna #lobby :End",
        ]);
        self.sent();
    }

    /// The time.
    pub(crate) fn now(&self) -> Now {
        let ms = i64::try_from(self.elapsed.as_millis()).unwrap();
        Now { at: self.began + self.elapsed, unix_ms: START_MS + ms }
    }

    /// Time goes by, and what is due happens.
    pub(crate) fn wait(&mut self, time: Duration) {
        self.elapsed += time;
        self.state.handle_timeout(self.now());
    }

    /// The server says these lines.
    pub(crate) fn hear(&mut self, lines: &[&str]) {
        for line in lines {
            let now = self.now();
            self.state.handle_received(format!("{line}\r\n").as_bytes(), now);
        }
    }

    /// What the client has sent since.
    pub(crate) fn sent(&mut self) -> Vec<String> {
        let bytes = self.state.poll_transmit().to_vec();
        self.state.handle_transmitted(bytes.len());
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    /// What the driver is to do.
    pub(crate) fn actions(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.state.poll_action()).collect()
    }

    /// A key is pressed.
    pub(crate) fn press(&mut self, key: Key) {
        let now = self.now();
        self.state.handle_key(key, now);
    }

    /// A line is typed, and Enter.
    pub(crate) fn say(&mut self, line: &str) {
        line.chars().for_each(|c| self.press(Key::Char(c)));
        self.press(Key::Enter);
    }

    /// The connection is lost; a minute later it is there again.
    pub(crate) fn reconnect(&mut self) {
        let now = self.now();
        self.state.handle_closed("gone", now);
        self.wait(Duration::from_secs(60));
        assert_eq!(self.actions(), [Action::Connect]);
        let now = self.now();
        self.state.handle_connected(now);
    }

    /// What is shown of the room that is looked at, without what is before the text of each row.
    pub(crate) fn texts(&self) -> Vec<String> {
        let room = self.state.rooms.current();
        room.lines.iter().map(|line| self.state.line_in_words(line)).collect()
    }

    /// The lines of people alone.
    pub(crate) fn talk(&self) -> Vec<String> {
        self.texts().into_iter().filter(|text| text.starts_with('<')).collect()
    }
}
