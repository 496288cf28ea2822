//! One room: who is in it, what it is about, and who may come in and speak.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::irc::message::matches;
use super::super::{ClientId, RoomName, Text, fold};
use super::Person;

/// The ranks in a room, the highest first: bit, mode, and the sign before a name.
pub(crate) const RANKS: [(u8, char, char); 5] =
    [(16, 'q', '~'), (8, 'a', '&'), (4, 'o', '@'), (2, 'h', '%'), (1, 'v', '+')];
/// Who has one of these runs the room.
pub(crate) const OPERATORS: u8 = 16 | 8 | 4;
/// Who has one of these may put others out.
pub(crate) const HALF_OPERATORS: u8 = OPERATORS | 2;
/// The modes of a room that are on or off.
pub(crate) const FLAGS: &str = "CMRimnst";

/// What a room is about.
#[derive(Debug, Clone)]
pub(crate) struct Topic {
    pub(crate) text: Text,
    pub(crate) by: Arc<str>,
    pub(crate) unix_s: u64,
}

/// One mask of a list.
#[derive(Debug, Clone)]
pub(crate) struct Mask {
    pub(crate) text: Arc<str>,
    pub(crate) folded: String,
    pub(crate) by: Arc<str>,
    pub(crate) unix_s: u64,
}

/// The masks of a room.
#[derive(Debug, Default)]
pub(crate) struct Masks {
    pub(crate) bans: Vec<Mask>,
    pub(crate) exceptions: Vec<Mask>,
    pub(crate) invitations: Vec<Mask>,
}

impl Masks {
    /// The list of a mode.
    pub(crate) fn list(&self, mode: char) -> Option<&Vec<Mask>> {
        match mode {
            'b' => Some(&self.bans),
            'e' => Some(&self.exceptions),
            'I' => Some(&self.invitations),
            _ => None,
        }
    }

    pub(super) fn list_mut(&mut self, mode: char) -> Option<&mut Vec<Mask>> {
        match mode {
            'b' => Some(&mut self.bans),
            'e' => Some(&mut self.exceptions),
            'I' => Some(&mut self.invitations),
            _ => None,
        }
    }
}

/// Why somebody cannot come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barred {
    /// There are as many as may be.
    Full,
    /// Only who is invited comes in.
    InviteOnly,
    /// A mask shuts him out.
    Banned,
    /// The key is missing or wrong.
    Key,
    /// Only who is logged in comes in.
    Account,
}

/// A room.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) name: RoomName,
    /// Exists without members.
    pub(crate) fixed: bool,
    pub(crate) created_unix_s: u64,
    pub(crate) members: Vec<ClientId>,
    pub(crate) ranks: BTreeMap<ClientId, u8>,
    pub(crate) topic: Option<Topic>,
    pub(crate) flags: BTreeSet<char>,
    pub(crate) key: Option<Arc<str>>,
    pub(crate) limit: Option<usize>,
    pub(crate) masks: Masks,
    pub(crate) invited: BTreeSet<ClientId>,
    /// The account that the room belongs to.
    pub(crate) founder: Option<Arc<str>>,
}

impl Room {
    pub(super) fn new(name: RoomName, fixed: bool, created_unix_s: u64) -> Room {
        Room {
            name,
            fixed,
            created_unix_s,
            members: Vec::new(),
            ranks: BTreeMap::new(),
            topic: None,
            flags: if fixed { BTreeSet::from(['n']) } else { BTreeSet::from(['n', 't']) },
            key: None,
            limit: None,
            masks: Masks::default(),
            invited: BTreeSet::new(),
            founder: None,
        }
    }

    /// The ranks of somebody; 0 where he has none or is not here.
    pub(crate) fn rank(&self, client: ClientId) -> u8 {
        self.ranks.get(&client).copied().unwrap_or(0)
    }

    pub(crate) fn is(&self, flag: char) -> bool {
        self.flags.contains(&flag)
    }

    /// Whether somebody may come in.
    pub(crate) fn admits(&self, person: &Person, key: Option<&str>) -> Result<(), Barred> {
        let owns = self.founder.is_some() && self.founder == person.who.account;
        if owns {
            return Ok(());
        }
        let invited = self.invited.contains(&person.client);
        let expected = self.masks.invitations.iter().any(|mask| fits(mask, person));
        if self.key.as_deref().is_some_and(|right| key != Some(right)) && !invited {
            return Err(Barred::Key);
        }
        if self.limit.is_some_and(|limit| self.members.len() >= limit) && !invited {
            return Err(Barred::Full);
        }
        if self.is('i') && !invited && !expected {
            return Err(Barred::InviteOnly);
        }
        if self.is('R') && person.who.account.is_none() && !invited {
            return Err(Barred::Account);
        }
        if self.is_banned(person) && !invited && !expected {
            return Err(Barred::Banned);
        }
        Ok(())
    }

    /// Whether a mask shuts somebody out, and none lets him in.
    pub(crate) fn is_banned(&self, person: &Person) -> bool {
        let hit = |masks: &[Mask]| masks.iter().any(|mask| fits(mask, person));
        hit(&self.masks.bans) && !hit(&self.masks.exceptions)
    }

    /// Whether somebody may speak here.
    pub(crate) fn lets_speak(&self, person: &Person) -> bool {
        let rank = self.rank(person.client);
        if self.is('n') && !person.rooms.contains(&self.name) {
            return false;
        }
        if rank > 0 {
            return true;
        }
        if self.is('m') || (self.is('M') && person.who.account.is_none()) {
            return false;
        }
        let silences =
            |masks: &[Mask]| masks.iter().any(|mask| fits(mask, person) || is_muting(mask, person));
        !silences(&self.masks.bans) || silences(&self.masks.exceptions)
    }

    /// The modes, as they are shown: the key only to members.
    pub(crate) fn modes(&self, shows_key: bool) -> String {
        let mut shown: String = "+".to_owned();
        shown.extend(&self.flags);
        let mut values = String::new();
        if let Some(key) = &self.key {
            shown.push('k');
            values.push(' ');
            values.push_str(if shows_key { key } else { "*" });
        }
        if let Some(limit) = self.limit {
            shown.push('l');
            values.push(' ');
            values.push_str(&limit.to_string());
        }
        shown + &values
    }
}

/// The signs before somebody's name: all of them, or the highest.
pub(crate) fn signs(rank: u8, all: bool) -> String {
    let signs = RANKS.iter().filter(|(bit, ..)| rank & bit != 0).map(|(_, _, sign)| *sign);
    if all { signs.collect() } else { signs.take(1).collect() }
}

/// The bit of a rank's mode.
pub(crate) fn rank_bit(mode: char) -> Option<u8> {
    RANKS.iter().find(|(_, letter, _)| *letter == mode).map(|(bit, ..)| *bit)
}

/// The bit of a rank's sign, with those of all higher ones.
pub(crate) fn at_least(sign: char) -> Option<u8> {
    let (bit, ..) = RANKS.iter().find(|(_, _, shown)| *shown == sign)?;
    Some(!(bit - 1) & 31)
}

fn fits(mask: &Mask, person: &Person) -> bool {
    fits_text(&mask.folded, person)
}

/// `m:mask` keeps from speaking alone; `a:account` is about who is logged in.
fn fits_text(folded: &str, person: &Person) -> bool {
    if let Some(account) = folded.strip_prefix("a:") {
        return person.who.account.as_deref().is_some_and(|name| matches(account, &fold(name)));
    }
    if folded.starts_with("m:") {
        return false;
    }
    matches(folded, &person.mask)
}

fn is_muting(mask: &Mask, person: &Person) -> bool {
    mask.folded.strip_prefix("m:").is_some_and(|rest| fits_text(rest, person))
}
