//! What a worker keeps of what was asked for: written answers about files, small bodies, open
//! descriptors of larger files, listings of folders, and names of which there is nothing. Each
//! worker has its own, so nothing is locked or shared.
//!
//! Rules:
//! 1. Only what the tree itself opened is kept, and only where no symbolic link is on the way.
//! 2. Nothing is kept for longer than [`LIFETIME`]; then it is opened again.
//! 3. Where the folders on the way are watched, a change ends it earlier: before any request
//!    that the server receives after the change's system call has returned. Listings and names of
//!    which there is nothing are kept only there.
//! 4. Entries, bytes, descriptors and watches have limits. At the limit nothing more is kept until
//!    something ends; nothing that works waits for it.

mod listings;
mod missing;
mod ready;
mod watches;

use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::Limits;
use crate::files::{Files, Open};
use crate::proto::answer::Facts;
use crate::proto::target::Target;
use listings::Listings;
pub(crate) use listings::{Place as ListingPlace, Shown};
use missing::Missing;
pub(crate) use ready::Ready;
use watches::{Change, Watches, folders_above, is_at_or_below};

/// How long something is kept at most.
pub(crate) const LIFETIME: Duration = Duration::from_secs(1);
/// Bodies up to here are kept with their heads, to be sent in one call.
pub(crate) const BODY_BYTES_MAX: u64 = 32 * 1024;
/// How long no descriptor is kept after there were too few of them: longer than the longest pause
/// of the acceptor, which finds room then.
const SHORTAGE: Duration = Duration::from_secs(2);
/// What an entry costs beside its answer and its path.
const ENTRY_BYTES: usize = 512;
/// Folders this deep are not watched.
const DEPTH_MAX: usize = 32;
/// Listings have this part of the bytes at most, so that they leave room for files.
const LISTINGS_PART: usize = 2;
/// Names of which there is nothing have this part of entries and bytes at most: whoever asks for
/// names at random takes no room from files.
const MISSING_PART: usize = 4;

/// How much one worker may keep.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Files.
    pub(crate) entries_max: usize,
    /// Bytes of answers, paths and what they need.
    pub(crate) bytes_max: usize,
    /// Descriptors of larger files.
    pub(crate) files_max: usize,
    /// Watched folders.
    pub(crate) watches_max: usize,
}

impl Bounds {
    /// The share of each of so many `workers`.
    pub(crate) fn share(limits: &Limits, workers: usize) -> Bounds {
        let workers = workers.max(1);
        Bounds {
            entries_max: limits.cache_entries_max / workers,
            bytes_max: limits.cache_bytes_max / workers,
            files_max: limits.cache_files_max / workers,
            watches_max: limits.cache_watches_max / workers,
        }
    }
}

/// A file that is kept.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The answer to a plain GET.
    pub(crate) ready: Rc<Ready>,
    /// What is known of the file.
    pub(crate) facts: Facts,
    /// The path that header rules are matched against.
    pub(crate) path: Vec<u8>,
    /// The file, where its body is not in the answer.
    pub(crate) open: Option<Arc<Open>>,
}

#[derive(Debug)]
struct Kept {
    entry: Entry,
    until: Instant,
    serial: u64,
    bytes: usize,
    is_covered: bool,
}

/// Files by the path of the target; index files by the path of their folder.
#[derive(Debug, Default)]
struct Map {
    files: HashMap<Vec<u8>, Kept>,
    folders: HashMap<Vec<u8>, Kept>,
    /// What all of it costs.
    bytes: usize,
    /// How many have their descriptor kept.
    open_files: usize,
}

/// An entry's place, in the order in which they end.
#[derive(Debug)]
struct Place {
    path: Vec<u8>,
    is_folder: bool,
    serial: u64,
    until: Instant,
}

/// How the file of a target may be kept, found out before it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cover {
    /// Every folder on the way is watched.
    Watched,
    /// A folder is not watched yet.
    Unwatched,
}

/// The cache of one worker.
#[derive(Debug)]
pub(crate) struct Cache {
    map: Map,
    listings: Listings,
    missing: Missing,
    order: VecDeque<Place>,
    bounds: Bounds,
    serials: u64,
    watches: Watches,
    /// Until when no descriptors are kept.
    short_until: Option<Instant>,
    /// Until when no watch is looked for that could end.
    watches_full_until: Option<Instant>,
    /// Whether something was received since events were read last.
    is_stale: bool,
}

impl Cache {
    pub(crate) fn new(bounds: Bounds) -> Cache {
        Cache {
            map: Map::default(),
            listings: Listings::default(),
            missing: Missing::default(),
            order: VecDeque::new(),
            bounds,
            serials: 0,
            watches: Watches::new(bounds.watches_max),
            short_until: None,
            watches_full_until: None,
            is_stale: true,
        }
    }

    /// Something has been received: what changed before it counts for it.
    pub(crate) fn handle_received(&mut self) {
        self.is_stale = true;
    }

    /// What is kept of the file that `target` names.
    pub(crate) fn get(&mut self, target: &Target, now: Instant) -> Option<&mut Entry> {
        self.refresh();
        let kept = self.map.side(target.is_folder()).get_mut(target.path())?;
        // Bytes that go with the facts of others would be worse than old ones.
        let is_same = kept.is_covered || kept.entry.open.as_ref().is_none_or(|open| open.is_same());
        (now < kept.until && is_same).then_some(&mut kept.entry)
    }

    /// Whether the folders on the way to `target` are watched; to be asked before it is opened.
    pub(crate) fn cover(&self, target: &Target) -> Cover {
        if self.watches.cover(folders_of(target)) { Cover::Watched } else { Cover::Unwatched }
    }

    /// Whether `open`, which `target` names, is to be kept now. Where its folders were not watched
    /// when it was opened they are from now on, and it is kept the next time.
    pub(crate) fn admits(
        &mut self,
        target: &Target,
        open: &Open,
        files: &Files,
        (cover, now): (Cover, Instant),
    ) -> bool {
        self.expire(now);
        let is_small = open.facts.size <= BODY_BYTES_MAX;
        if self.amount() >= self.bounds.entries_max
            || self.order.len() >= self.bounds.entries_max.saturating_mul(2)
            || (!is_small && self.map.open_files >= self.bounds.files_max)
            || (!is_small && self.short_until.is_some_and(|until| now < until))
        {
            return false;
        }
        cover == Cover::Watched || !self.watch(target, files, now)
    }

    /// Keeps `entry`, unless it is too large. Say with `cover` how its folders were watched before
    /// it was opened.
    pub(crate) fn insert(
        &mut self,
        target: &Target,
        entry: Entry,
        file: &std::fs::File,
        (cover, now): (Cover, Instant),
    ) {
        let bytes = ENTRY_BYTES + entry.ready.bytes().len() + 2 * target.path().len();
        if self.bytes().saturating_add(bytes) > self.bounds.bytes_max {
            return;
        }
        let is_covered = cover == Cover::Watched && Watches::is_called(file, &entry.path);
        let (path, is_folder) = (target.path().to_vec(), target.is_folder());
        self.serials += 1;
        let (serial, until) = (self.serials, now + LIFETIME);
        let kept = Kept { entry, until, serial, bytes, is_covered };
        self.map.insert(path.clone(), is_folder, kept);
        self.order.push_back(Place { path, is_folder, serial, until });
    }

    /// The listing of the folder that `target` names, as it is `shown`.
    pub(crate) fn listing(
        &mut self,
        target: &Target,
        shown: &Shown,
        now: Instant,
    ) -> Option<&mut Rc<Ready>> {
        self.refresh();
        self.listings.get(target.path(), shown, now)
    }

    /// A place for the listing of the folder that `target` names, to be taken before the folder is
    /// read. Where its folders were not watched when it was opened, which `cover` says, they are
    /// from now on, and there is a place the next time.
    pub(crate) fn listing_place(
        &mut self,
        target: &Target,
        shown: Shown,
        files: &Files,
        (cover, now): (Cover, Instant),
    ) -> Option<ListingPlace> {
        self.expire(now);
        if self.amount() >= self.bounds.entries_max || !self.has_room_for(target.path()) {
            return None;
        }
        if cover == Cover::Unwatched {
            self.watch(target, files, now);
            return None;
        }
        self.listings.take_place(target.path(), shown, now)
    }

    /// Keeps a listing, unless its folder has changed since the place was taken or it is too large.
    pub(crate) fn insert_listing(&mut self, place: &ListingPlace, ready: Ready) {
        self.is_stale = true;
        self.refresh();
        let (bytes, max) = (ready.bytes().len(), self.bounds.bytes_max);
        let listings = self.listings.bytes().saturating_add(bytes);
        if listings <= max / LISTINGS_PART && self.bytes().saturating_add(bytes) <= max {
            self.listings.fill(place, ready);
        }
    }

    /// Whether there is known to be nothing that `target` names.
    pub(crate) fn is_missing(&mut self, target: &Target, now: Instant) -> bool {
        if target.is_folder() || self.missing.len() == 0 {
            return false;
        }
        self.refresh();
        self.missing.contains(target.path(), now)
    }

    /// There is nothing that `target` names: keeps that, or watches its folders, so that it can be
    /// kept the next time. Say with `cover` how they were watched before it was looked for.
    pub(crate) fn insert_missing(
        &mut self,
        target: &Target,
        files: &Files,
        (cover, now): (Cover, Instant),
    ) {
        // What is missing is watched by the folder in which it would be: that has to be there.
        if target.is_folder()
            || self.amount() >= self.bounds.entries_max
            || self.missing.len() >= self.bounds.entries_max / MISSING_PART
            || self.missing.bytes() >= self.bounds.bytes_max / MISSING_PART
            || !self.has_room_for(target.path())
        {
            return;
        }
        match cover {
            Cover::Watched => self.missing.insert(target.path(), now),
            Cover::Unwatched => drop(self.watch(target, files, now)),
        }
    }

    /// The answer where there is nothing, as a page or as text; `write` makes it the first time.
    pub(crate) fn nothing(
        &mut self,
        is_page: bool,
        write: impl FnOnce() -> Option<Ready>,
    ) -> Option<&mut Rc<Ready>> {
        self.missing.answer(is_page, write)
    }

    /// Whether there are bytes left for an entry that has no answer yet.
    fn has_room_for(&self, path: &[u8]) -> bool {
        self.bytes() + ENTRY_BYTES + path.len() <= self.bounds.bytes_max
    }

    /// How much is kept.
    fn amount(&self) -> usize {
        self.map.len() + self.listings.len() + self.missing.len()
    }

    /// What it costs.
    fn bytes(&self) -> usize {
        self.map.bytes + self.listings.bytes() + self.missing.bytes()
    }

    /// Ends what is over. To be called once in a while, so that nothing that nobody asks for any
    /// more holds memory, descriptors or watches.
    pub(crate) fn sweep(&mut self, now: Instant) {
        self.is_stale = true;
        self.refresh();
        self.expire(now);
        self.listings.expire(now);
        self.missing.expire(now);
        if self.amount() == 0 {
            self.watches.keep(|_| false);
        }
    }

    /// Whether nothing is kept or watched.
    pub(crate) fn is_empty(&self) -> bool {
        self.amount() == 0 && self.order.is_empty() && self.watches.are_empty()
    }

    /// Ends everything that is kept: it would not be answered like that any more.
    pub(crate) fn forget(&mut self) {
        self.order.clear();
        self.map = Map::default();
        self.listings.remove_below(b"");
        self.missing = Missing::default();
    }

    /// Descriptors are short: ends everything that is kept, and keeps none of them for a while.
    /// Says whether some came free.
    pub(crate) fn make_room(&mut self, now: Instant) -> bool {
        self.short_until = Some(now + SHORTAGE);
        let had_files = self.map.open_files > 0;
        self.forget();
        had_files
    }

    /// Reads what has changed, where that may matter.
    fn refresh(&mut self) {
        if !std::mem::take(&mut self.is_stale) {
            return;
        }
        let Cache { map, listings, missing, watches, .. } = self;
        watches.read(|change| match change {
            Change::Everything | Change::Below(_) => {
                let folder = if let Change::Below(folder) = change { folder } else { b"" };
                map.remove_below(folder);
                listings.remove_below(folder);
                missing.remove_below(folder);
            }
            Change::Name(folder, path) => {
                map.remove(path, false);
                map.remove(folder, true);
                listings.remove(folder);
                missing.remove(path);
            }
        });
    }

    /// Watches the folders of `target`. Says whether they are all watched.
    fn watch(&mut self, target: &Target, files: &Files, now: Instant) -> bool {
        if folders_of(target).count() > DEPTH_MAX {
            return false;
        }
        if !self.watches.have_room() {
            self.free_watches(now);
        }
        folders_of(target).all(|path| self.watches.watch(path, || files.folder_at(path)))
    }

    /// Ends watches of folders in which nothing is kept; looks for them once in a while only.
    fn free_watches(&mut self, now: Instant) {
        if self.watches_full_until.is_some_and(|until| now < until) {
            return;
        }
        self.watches_full_until = Some(now + LIFETIME);
        let mut needed = self.map.folders_in_use();
        let listed = self.listings.folders();
        needed.extend(listed.flat_map(|folder| folders_above(folder).chain([folder])));
        needed.extend(self.missing.names().flat_map(folders_above));
        self.watches.keep(|folder| needed.contains(folder));
    }

    fn expire(&mut self, now: Instant) {
        while let Some(place) = self.order.pop_front() {
            if now < place.until {
                return self.order.push_front(place);
            }
            let kept = self.map.side(place.is_folder).get(&place.path);
            if kept.is_some_and(|kept| kept.serial == place.serial) {
                self.map.remove(&place.path, place.is_folder);
            }
        }
    }
}

impl Map {
    fn side(&mut self, is_folder: bool) -> &mut HashMap<Vec<u8>, Kept> {
        if is_folder { &mut self.folders } else { &mut self.files }
    }

    fn len(&self) -> usize {
        self.files.len() + self.folders.len()
    }

    fn insert(&mut self, path: Vec<u8>, is_folder: bool, kept: Kept) {
        self.remove(&path, is_folder);
        self.bytes += kept.bytes;
        self.open_files += usize::from(kept.entry.open.is_some());
        self.side(is_folder).insert(path, kept);
    }

    fn remove(&mut self, path: &[u8], is_folder: bool) {
        if let Some(kept) = self.side(is_folder).remove(path) {
            self.bytes -= kept.bytes;
            self.open_files -= usize::from(kept.entry.open.is_some());
        }
    }

    /// Removes what is covered by the watch of `folder` or of one below it.
    fn remove_below(&mut self, folder: &[u8]) {
        for is_folder in [false, true] {
            let lost = |path: &Vec<u8>, _: &mut Kept| is_at_or_below(path, folder);
            let lost: Vec<Kept> =
                self.side(is_folder).extract_if(lost).map(|(_, kept)| kept).collect();
            self.bytes -= lost.iter().map(|kept| kept.bytes).sum::<usize>();
            self.open_files -= lost.iter().filter(|kept| kept.entry.open.is_some()).count();
        }
    }

    /// The folders whose watches what is kept needs.
    fn folders_in_use(&self) -> HashSet<&[u8]> {
        let files = self.files.iter().filter(|(_, kept)| kept.is_covered);
        let folders = self.folders.iter().filter(|(_, kept)| kept.is_covered);
        let above_files = files.flat_map(|(path, _)| folders_above(path));
        let folders = folders.flat_map(|(path, _)| folders_above(path).chain([path.as_slice()]));
        above_files.chain(folders).collect()
    }
}

/// The folders on the way to the file of `target`, the root first.
fn folders_of(target: &Target) -> impl Iterator<Item = &[u8]> {
    let itself = (target.is_folder() && !target.path().is_empty()).then(|| target.path());
    folders_above(target.path()).chain(itself)
}

#[cfg(test)]
mod tests;
