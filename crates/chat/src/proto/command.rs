//! What a plain client can type.
//!
//! ```text
//! line    = "/" command [ SP argument ] / "//" text / text
//! ```
//! Two slashes say a line that begins with one.

use super::Text;

/// One line of a plain client, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Says something to the room.
    Say(Text),
    /// `/me`: says what one does.
    Act(Text),
    /// `/nick`: takes another name.
    Nick(String),
    /// `/who`: lists who is here.
    Who,
    /// `/rooms`: lists the rooms.
    Rooms,
    /// `/join`: goes to another room.
    Join(String),
    /// `/help`: lists the commands.
    Help,
    /// `/quit`: leaves.
    Quit,
    /// A command that there is not.
    Unknown(String),
    /// A command that lacks its argument, with the way it is written.
    Incomplete(&'static str),
    /// Bytes of the classic room, passed on as they are.
    Raw(Vec<u8>),
}

impl Command {
    /// Understands a line; `None` where a terminal would show nothing.
    pub fn parse(line: &str) -> Option<Command> {
        let text = Text::new(line);
        if text.is_blank() {
            return None;
        }
        let Some(rest) = text.as_str().strip_prefix('/') else { return Some(Command::Say(text)) };
        if rest.starts_with('/') {
            return Some(Command::Say(Text::new(rest)));
        }
        let (word, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let argument = argument.trim();
        Some(match word.to_ascii_lowercase().as_str() {
            "me" if argument.is_empty() => Command::Incomplete("/me TEXT"),
            "me" => Command::Act(Text::new(argument)),
            "nick" if argument.is_empty() => Command::Incomplete("/nick NAME"),
            "nick" => Command::Nick(argument.to_owned()),
            "join" if argument.is_empty() => Command::Incomplete("/join ROOM"),
            "join" => Command::Join(argument.to_owned()),
            "who" | "names" => Command::Who,
            "rooms" | "list" => Command::Rooms,
            "help" | "?" => Command::Help,
            "quit" | "exit" => Command::Quit,
            _ => Command::Unknown(word.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_messages() {
        assert_eq!(Command::parse(" hi / there "), Some(Command::Say(Text::new(" hi / there "))));
        assert_eq!(Command::parse("//etc"), Some(Command::Say(Text::new("/etc"))));
        assert_eq!(Command::parse("  "), None);
        assert_eq!(Command::parse("\x1b\x07"), None);
    }

    #[test]
    fn commands_are_known_in_any_case() {
        assert_eq!(Command::parse("/NICK  anna "), Some(Command::Nick("anna".into())));
        assert_eq!(Command::parse("/me waves"), Some(Command::Act(Text::new("waves"))));
        assert_eq!(Command::parse("/who"), Some(Command::Who));
        assert_eq!(Command::parse("/quit bye"), Some(Command::Quit));
        assert_eq!(Command::parse("/nick"), Some(Command::Incomplete("/nick NAME")));
        assert_eq!(Command::parse("/etc/passwd"), Some(Command::Unknown("etc/passwd".into())));
        assert_eq!(Command::parse("/"), Some(Command::Unknown(String::new())));
    }
}
