//! Numeric replies.

use super::super::message::Message;
use super::super::room::Kind;
use super::super::state::State;

impl State {
    /// Takes a numeric reply.
    pub(in super::super) fn hear_numeric(&mut self, message: &Message) {
        match message.command.as_str() {
            "001" => self.hear_welcome(message),
            "005" => {
                let count = message.params.len().saturating_sub(2);
                let words = message.params.iter().skip(1).take(count).map(String::as_str);
                self.link.support.take(words);
            }
            "332" => {
                let Some(at) = self.room_at(message, 1) else { return };
                message.last().clone_into(&mut self.rooms.room_mut(at).topic);
                self.tell(at, Kind::Info, &format!("the topic is: {}", message.last()));
            }
            "331" => self.answer(message, "there is no topic"),
            "333" => self.hear_topic_by(message),
            "353" => self.hear_names(message),
            "366" => self.hear_names_end(message),
            "352" => self.hear_who(message),
            "396" => {
                let user = self.link.mask.as_deref().and_then(|mask| mask.split('@').next());
                let user = user.unwrap_or_default();
                self.link.mask = Some(format!("{user}@{}", message.param(1)));
            }
            "900" => self.answer(message, message.last()),
            "902" | "903" | "904" | "905" | "906" | "907" => self.hear_sasl_end(message),
            "432" | "433" | "436" | "437" => self.hear_nick_refused(message),
            "421" if message.param(1) == "CAP" => {}
            "372" | "375" | "376" | "422" => self.tell(0, Kind::Info, message.last()),
            "002" | "003" | "004" | "251" | "252" | "253" | "254" | "255" | "265" | "266"
            | "250" | "221" | "042" | "020" => self.tell(0, Kind::Info, &message.from(1)),
            "315" | "318" | "369" | "323" | "321" | "908" => {}
            command if command.starts_with(['4', '5']) => self.hear_alert(message),
            _ => self.answer(message, &message.from(1)),
        }
    }

    /// Tells an answer where it was asked for.
    fn answer(&mut self, message: &Message, text: &str) {
        let at = self.room_at(message, 1).unwrap_or_else(|| self.rooms.at());
        self.tell(at, Kind::Info, text);
    }

    /// Something was not possible.
    pub(in super::super) fn hear_alert(&mut self, message: &Message) {
        if let Some(label) = message.tag("label") {
            self.refuse_line(label);
        }
        let by_room = self.room_at(message, 1);
        if by_room.is_none() && self.link.support.is_room(message.param(1)) {
            self.go_to = None;
        }
        let at = by_room.unwrap_or_else(|| self.rooms.at());
        self.tell(at, Kind::Alert, &message.from(1));
    }

    /// Some of the names of a room: 353.
    fn hear_names(&mut self, message: &Message) {
        let Some(at) = self.room_at(message, 2) else {
            self.answer(message, &message.from(1));
            return;
        };
        if !self.rooms.room(at).naming {
            self.tell(at, Kind::Info, &format!("here: {}", message.last()));
            return;
        }
        let names: Vec<&str> = message.last().split(' ').filter(|name| !name.is_empty()).collect();
        for name in names {
            let (signs, mask) = self.link.support.split_signs(name);
            let nick = mask.split('!').next().unwrap_or_default();
            let fold = self.fold(nick);
            let (signs, nick) = (signs.to_owned(), nick.to_owned());
            self.rooms.room_mut(at).meet(fold, &nick, &signs);
        }
    }

    fn hear_names_end(&mut self, message: &Message) {
        let Some(at) = self.room_at(message, 1) else { return };
        let room = self.rooms.room_mut(at);
        if std::mem::take(&mut room.naming) {
            let count = room.members.len();
            let people = if count == 1 { "one person is" } else { "people are" };
            let text = match count {
                1 => format!("{people} here"),
                count => format!("{count} {people} here"),
            };
            self.tell(at, Kind::Info, &text);
        }
    }

    /// Somebody of `/who`: 352.
    fn hear_who(&mut self, message: &Message) {
        let (user, host, nick) = (message.param(2), message.param(3), message.param(5));
        let away = if message.param(6).starts_with('G') { ", away" } else { "" };
        let name = message.last().split_once(' ').map_or("", |(_, name)| name);
        let text = format!("{nick} ({user}@{host}{away}) {name}");
        self.answer(message, &text);
    }
}
