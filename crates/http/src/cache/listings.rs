//! The written listings that a worker keeps, each as one user sees a folder in one form and order.
//!
//! Rules:
//! 1. A place is taken before the folder is read, and any change of the folder takes it away again.
//!    Who comes back without a place keeps nothing: what was read may be of before the change.
//! 2. A place ends [`LIFETIME`] after it was taken, whatever came to be in it.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

use super::watches::is_at_or_below;
use super::{ENTRY_BYTES, LIFETIME, Ready};
use crate::access::UserId;
use crate::listing::Asked;

/// What makes one listing of a folder another than the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Form, order and view.
    pub(crate) asked: Asked,
    /// Who sees it: users may see different entries.
    pub(crate) user: Option<UserId>,
}

/// A place for a listing that is being made.
#[derive(Debug)]
pub(crate) struct Place {
    folder: Vec<u8>,
    serial: u64,
}

#[derive(Debug)]
struct Kept {
    shown: Shown,
    serial: u64,
    until: Instant,
    /// The answer, once it has been made.
    ready: Option<Rc<Ready>>,
}

impl Kept {
    /// What it costs at `folder`.
    fn bytes(&self, folder: &[u8]) -> usize {
        ENTRY_BYTES + folder.len() + self.ready.as_ref().map_or(0, |ready| ready.bytes().len())
    }
}

/// Listings by the path of their folder.
#[derive(Debug, Default)]
pub(super) struct Listings {
    folders: HashMap<Vec<u8>, Vec<Kept>>,
    serials: u64,
    len: usize,
    bytes: usize,
}

impl Listings {
    /// How many there are, those that are being made among them.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// What they cost.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The folders whose watches they need.
    pub(super) fn folders(&self) -> impl Iterator<Item = &[u8]> {
        self.folders.keys().map(Vec::as_slice)
    }

    /// The answer that is kept.
    pub(super) fn get(
        &mut self,
        folder: &[u8],
        shown: &Shown,
        now: Instant,
    ) -> Option<&mut Rc<Ready>> {
        let all = self.folders.get_mut(folder)?;
        let kept = all.iter_mut().find(|kept| kept.shown == *shown && now < kept.until)?;
        kept.ready.as_mut()
    }

    /// Takes a place, unless somebody has it already.
    pub(super) fn take_place(
        &mut self,
        folder: &[u8],
        shown: Shown,
        now: Instant,
    ) -> Option<Place> {
        self.expire_at(folder, now);
        let all = self.folders.entry(folder.to_vec()).or_default();
        if all.iter().any(|kept| kept.shown == shown) {
            return None;
        }
        self.serials += 1;
        let kept = Kept { shown, serial: self.serials, until: now + LIFETIME, ready: None };
        self.len += 1;
        self.bytes += kept.bytes(folder);
        all.push(kept);
        Some(Place { folder: folder.to_vec(), serial: self.serials })
    }

    /// Puts `ready` in its place, where that is still there.
    pub(super) fn fill(&mut self, place: &Place, ready: Ready) {
        let mut all = self.folders.get_mut(&place.folder).into_iter().flatten();
        if let Some(kept) = all.find(|kept| kept.serial == place.serial && kept.ready.is_none()) {
            self.bytes += ready.bytes().len();
            kept.ready = Some(Rc::new(ready));
        }
    }

    /// The folder has changed.
    pub(super) fn remove(&mut self, folder: &[u8]) {
        self.retain(folder, |_| false);
    }

    /// The folder, or anything below it, is another.
    pub(super) fn remove_below(&mut self, folder: &[u8]) {
        let lost = self.folders.keys().filter(|path| is_at_or_below(path, folder)).cloned();
        lost.collect::<Vec<_>>().iter().for_each(|path| self.remove(path));
    }

    /// Ends what is over.
    pub(super) fn expire(&mut self, now: Instant) {
        let all: Vec<_> = self.folders.keys().cloned().collect();
        all.iter().for_each(|path| self.expire_at(path, now));
    }

    fn expire_at(&mut self, folder: &[u8], now: Instant) {
        self.retain(folder, |kept| now < kept.until);
    }

    fn retain(&mut self, folder: &[u8], mut stays: impl FnMut(&Kept) -> bool) {
        let Some(all) = self.folders.get_mut(folder) else { return };
        all.retain(|kept| {
            let stays = stays(kept);
            if !stays {
                self.len -= 1;
                self.bytes -= kept.bytes(folder);
            }
            stays
        });
        if all.is_empty() {
            self.folders.remove(folder);
        }
    }
}

#[cfg(test)]
impl Listings {
    /// Checks that what is counted is there.
    pub(super) fn check_accounts(&self) {
        let all =
            self.folders.iter().flat_map(|(path, all)| all.iter().map(move |kept| (path, kept)));
        assert_eq!(self.len, all.clone().count());
        assert_eq!(self.bytes, all.map(|(path, kept)| kept.bytes(path)).sum::<usize>());
        assert!(self.folders.values().all(|all| !all.is_empty()));
    }
}
