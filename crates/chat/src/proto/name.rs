//! Nicks and names of rooms, checked once where they come in.
//!
//! ```text
//! nick = first *31( letter / digit / special / "-" )     ; letters and digits of any script
//! first = letter / special
//! special = "_" / "[" / "]" / "\" / "`" / "^" / "{" / "}" / "|"
//! room = "#" 1*63( any but space, comma, control characters )
//! ```
//!
//! # Source
//! RFC 2812, section 2.3.1, widened to letters and digits of every script.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A nick may have so many characters.
pub(super) const NICK_CHARS_MAX: usize = 32;
/// The name of a room may have so many characters.
pub(super) const ROOM_CHARS_MAX: usize = 64;
/// Nicks that the server gives begin so; nobody may take one.
pub(super) const PLAIN_PREFIX: &str = "plain-";

/// The name of a person in the rooms. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nick(Arc<str>);

/// Why a nick was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NickError {
    /// Nothing was given.
    #[error("a name is needed, such as /nick anna")]
    Empty,
    /// More than `NICK_CHARS_MAX` characters.
    #[error("a name has at most {NICK_CHARS_MAX} characters")]
    Long,
    /// A digit or hyphen at the start.
    #[error("a name does not begin with a digit or a hyphen")]
    Start,
    /// A character that is not allowed.
    #[error("a name has letters, digits and -_[]\\`^{{}}| only")]
    Character,
    /// A name that only the server gives.
    #[error("names that begin with plain- are given by the server")]
    Reserved,
}

impl Nick {
    /// Checks a nick that somebody asks for.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub fn new(name: &str) -> Result<Nick, NickError> {
        let first = name.chars().next().ok_or(NickError::Empty)?;
        if name.chars().nth(NICK_CHARS_MAX).is_some() {
            return Err(NickError::Long);
        }
        if !name.chars().all(is_nick_char) {
            return Err(NickError::Character);
        }
        if first == '-' || first.is_numeric() {
            return Err(NickError::Start);
        }
        let nick = Nick(name.into());
        if nick.fold().starts_with(PLAIN_PREFIX) {
            return Err(NickError::Reserved);
        }
        Ok(nick)
    }

    /// The name that the server gives to the `number`th plain client.
    pub fn plain(number: u64) -> Nick {
        Nick(format!("{PLAIN_PREFIX}{number}").into())
    }

    /// The nick as it is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What two nicks have in common when they count as the same.
    pub fn fold(&self) -> String {
        fold(&self.0)
    }
}

/// What two names have in common when they count as the same: case makes no difference, and
/// `[]\\~` are the capitals of `{}|^`.
pub fn fold(name: &str) -> String {
    let scandinavian = |c| match c {
        '[' => '{',
        ']' => '}',
        '\\' => '|',
        '~' => '^',
        c => c,
    };
    if name.is_ascii() {
        return name.chars().map(|c| scandinavian(c.to_ascii_lowercase())).collect();
    }
    name.chars().flat_map(char::to_lowercase).map(scandinavian).collect()
}

/// Letters without a glyph would make names that cannot be seen.
fn is_nick_char(c: char) -> bool {
    let blank = matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}');
    (c.is_alphanumeric() && !blank)
        || matches!(c, '-' | '_' | '[' | ']' | '\\' | '`' | '^' | '{' | '}' | '|')
}

impl Serialize for Nick {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A kept nick may be one that only the server gives, but nothing that no nick can be.
impl<'de> Deserialize<'de> for Nick {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Nick, D::Error> {
        let name = String::deserialize(deserializer)?;
        match Nick::new(&name) {
            Ok(nick) => Ok(nick),
            Err(NickError::Reserved) => Ok(Nick(name.into())),
            Err(error) => Err(de::Error::custom(error)),
        }
    }
}

impl fmt::Display for Nick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Nick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The name of a room, such as `#lobby`. Cheap to clone.
///
/// Two names are equal where they count as the same.
#[derive(Clone)]
pub struct RoomName {
    shown: Arc<str>,
    folded: Arc<str>,
}

/// Why a name of a room was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the name of a room is # and up to 63 characters without spaces or commas, not '{name}'")]
pub struct RoomNameError {
    name: String,
}

impl RoomName {
    /// The name as it is shown.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// What two names have in common when they count as the same.
    pub fn folded(&self) -> &Arc<str> {
        &self.folded
    }
}

impl PartialEq for RoomName {
    fn eq(&self, other: &RoomName) -> bool {
        self.folded == other.folded
    }
}

impl Eq for RoomName {}

impl PartialOrd for RoomName {
    fn partial_cmp(&self, other: &RoomName) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RoomName {
    fn cmp(&self, other: &RoomName) -> Ordering {
        self.folded.cmp(&other.folded)
    }
}

impl Hash for RoomName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded.hash(state);
    }
}

impl FromStr for RoomName {
    type Err = RoomNameError;

    fn from_str(name: &str) -> Result<RoomName, RoomNameError> {
        let good = |c: char| !c.is_whitespace() && !c.is_control() && c != ',';
        let mut shown = String::new();
        super::clean(&mut shown, name);
        let long = name.chars().nth(ROOM_CHARS_MAX).is_some();
        if name.len() < 2
            || !name.starts_with('#')
            || long
            || !name.chars().all(good)
            || shown != name
        {
            return Err(RoomNameError { name: shown });
        }
        Ok(RoomName { shown: name.into(), folded: fold(name).into() })
    }
}

impl Serialize for RoomName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.shown)
    }
}

impl<'de> Deserialize<'de> for RoomName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RoomName, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.shown, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nicks_of_every_script_pass() {
        for good in ["anna", "Anna_1", "小明", "José", "[bot]", "a-b", "x".repeat(32).as_str()] {
            assert_eq!(Nick::new(good).map(|n| n.to_string()), Ok(good.to_owned()));
        }
    }

    #[test]
    fn what_could_deceive_is_refused() {
        let long = "x".repeat(33);
        let cases = [
            ("", NickError::Empty),
            (long.as_str(), NickError::Long),
            ("1st", NickError::Start),
            ("-x", NickError::Start),
            ("a b", NickError::Character),
            ("a\x1b[m", NickError::Character),
            ("a\u{200d}b", NickError::Character),
            ("\u{3164}", NickError::Character),
            ("a>", NickError::Character),
            ("*", NickError::Character),
            ("plain-7", NickError::Reserved),
            ("PLAIN-7", NickError::Reserved),
        ];
        for (name, error) in cases {
            assert_eq!(Nick::new(name), Err(error), "{name:?}");
        }
    }

    #[test]
    fn case_makes_no_second_person() {
        assert_eq!(Nick::new("Anna").unwrap().fold(), Nick::new("aNNA").unwrap().fold());
    }

    #[test]
    fn rooms_are_the_same_whatever_the_case() {
        let room = |name: &str| name.parse::<RoomName>().expect("a room");
        assert_eq!(room("#Chan[1]~"), room("#cHAN{1}^"));
        assert_eq!(room("#Ä"), room("#ä"));
        assert_ne!(room("#a"), room("#b"));
        assert_eq!(room("#Lobby").to_string(), "#Lobby");
    }

    #[test]
    fn rooms_have_a_hash_and_no_space() {
        assert!("#lobby".parse::<RoomName>().is_ok());
        assert!("#聊天".parse::<RoomName>().is_ok());
        for bad in ["", "#", "lobby", "#a b", "#a,b", "#a\x07", "#a\u{202e}"] {
            assert!(bad.parse::<RoomName>().is_err(), "{bad:?}");
        }
    }
}
