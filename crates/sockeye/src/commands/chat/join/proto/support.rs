//! What a server says that it has (numeric 005).

use std::collections::BTreeMap;

use super::fold::Folding;
use super::limits::{HISTORY_PAGE_LINES, SUPPORT_MAX};

/// The names and values of 005.
#[derive(Debug, Default)]
pub(crate) struct Support(BTreeMap<String, String>);

impl Support {
    /// Takes the words of one 005.
    pub(crate) fn take<'a>(&mut self, words: impl Iterator<Item = &'a str>) {
        for word in words {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            if let Some(gone) = name.strip_prefix('-') {
                self.0.remove(gone);
            } else if self.0.len() < SUPPORT_MAX {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Which names count as the same.
    pub(crate) fn folding(&self) -> Folding {
        self.value("CASEMAPPING").map(Folding::named).unwrap_or_default()
    }

    /// Whether a name is that of a room.
    pub(crate) fn is_room(&self, name: &str) -> bool {
        let types = self.value("CHANTYPES").unwrap_or("#&");
        name.chars().next().is_some_and(|first| types.contains(first))
    }

    /// The room that a message to its operators or voices (`@#room`) belongs to.
    pub(crate) fn room_of<'a>(&self, target: &'a str) -> &'a str {
        let status = self.value("STATUSMSG").unwrap_or("");
        let rest = target.trim_start_matches(|c| status.contains(c));
        if self.is_room(rest) { rest } else { target }
    }

    /// The modes that members can have and their signs, the highest first: `(ov)@+`.
    fn prefixes(&self) -> impl Iterator<Item = (char, char)> {
        let value = self.value("PREFIX").unwrap_or("(ov)@+");
        let (modes, signs) =
            value.strip_prefix('(').and_then(|v| v.split_once(')')).unwrap_or(("", ""));
        modes.chars().zip(signs.chars())
    }

    /// The sign of a member's mode.
    pub(crate) fn sign_of(&self, mode: char) -> Option<char> {
        self.prefixes().find(|(m, _)| *m == mode).map(|(_, sign)| sign)
    }

    /// The place of a sign among all, the highest first.
    pub(crate) fn rank_of(&self, sign: char) -> Option<usize> {
        self.prefixes().position(|(_, s)| s == sign)
    }

    /// A name of a list of names: its signs, then the name.
    pub(crate) fn split_signs<'a>(&self, name: &'a str) -> (&'a str, &'a str) {
        let end = name.find(|c| self.rank_of(c).is_none()).unwrap_or(name.len());
        name.split_at(end)
    }

    /// Whether a mode of a room comes with a parameter.
    pub(crate) fn has_param(&self, mode: char, adds: bool) -> bool {
        if self.sign_of(mode).is_some() {
            return true;
        }
        let groups = self.value("CHANMODES").unwrap_or("b,k,l,imnpst");
        let group = groups.split(',').position(|group| group.contains(mode));
        match group {
            Some(0 | 1) => true,
            Some(2) => adds,
            _ => false,
        }
    }

    /// How many lines of history may be asked for at once.
    pub(crate) fn history_page(&self) -> usize {
        let most = self.value("CHATHISTORY").and_then(|value| value.parse().ok()).unwrap_or(0);
        if most == 0 { HISTORY_PAGE_LINES } else { HISTORY_PAGE_LINES.min(most) }
    }

    /// The name of the network.
    pub(crate) fn network(&self) -> Option<&str> {
        self.value("NETWORK")
    }

    /// The longest line in bytes, its end included.
    pub(crate) fn line_bytes(&self) -> usize {
        let most = self.value("LINELEN").and_then(|value| value.parse().ok()).unwrap_or(512);
        most.clamp(512, 8192)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_had_and_can_be_taken_back() {
        let mut support = Support::default();
        assert!(support.is_room("#a") && !support.is_room("a"));
        support.take(["PREFIX=(qov)~@+", "CHANTYPES=#", "STATUSMSG=~@+", "LINELEN=x"].into_iter());
        assert_eq!(support.sign_of('q'), Some('~'));
        assert_eq!(support.split_signs("@+anna"), ("@+", "anna"));
        assert_eq!(support.room_of("@#a"), "#a");
        assert_eq!(support.room_of("@a"), "@a");
        assert!(!support.is_room("&a"));
        assert_eq!(support.line_bytes(), 512);
        support.take(["-CHANTYPES", "CHATHISTORY=20"].into_iter());
        assert!(support.is_room("&a"));
        assert_eq!(support.history_page(), 20);
    }

    #[test]
    fn modes_have_parameters_where_the_server_says_so() {
        let mut support = Support::default();
        support.take(["CHANMODES=beI,k,l,imnst"].into_iter());
        let has = |mode, adds| support.has_param(mode, adds);
        assert!(has('b', false) && has('k', false) && has('l', true) && has('o', true));
        assert!(!has('l', false) && !has('m', true) && !has('?', true));
    }
}
