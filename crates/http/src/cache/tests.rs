//! The cache alone, on a real folder with real events: what is kept, what ends it, its limits.

use std::fs;
use std::path::Path;

use super::*;
use crate::access::UserId;
use crate::config::{Config, Listing, Root};
use crate::files::{Found, Way};
use crate::listing::Asked;
use crate::proto::answer;
use crate::proto::head::{Head, Method};
use crate::proto::plan::Plan;
use crate::proto::status::Status;

const BOUNDS: Bounds =
    Bounds { entries_max: 8, bytes_max: 256 * 1024, files_max: 2, watches_max: 4 };

struct Ground {
    folder: tempfile::TempDir,
    files: Files,
    cache: Cache,
    now: Instant,
}

impl Ground {
    fn new(bounds: Bounds) -> Ground {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c", "d/a", "d/index.html", "d/e/a", "f/a", "g/a", "h/a"] {
            write(folder.path(), name, name);
        }
        write(folder.path(), "large1", &"x".repeat(40_000));
        write(folder.path(), "large2", &"x".repeat(40_000));
        write(folder.path(), "large3", &"x".repeat(40_000));
        let config = Config { root: Root::Dir(folder.path().to_owned()), ..Config::default() };
        let files = Files::new(&config).unwrap();
        Ground { folder, files, cache: Cache::new(bounds), now: Instant::now() }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Asks as a worker does. Says whether it was kept, and with which size.
    fn ask(&mut self, target: &str) -> (bool, Option<u64>) {
        let target = Target::parse(target, Method::Get).unwrap();
        self.cache.handle_received();
        if let Some(entry) = self.cache.get(&target, self.now) {
            return (true, Some(entry.facts.size));
        }
        let cover = self.cache.cover(&target);
        let mut way = Way::Plain;
        let Found::File(open) = self.files.find(&target, &mut way) else { return (false, None) };
        let when = (cover, self.now);
        if way == Way::Plain && self.cache.admits(&target, &open, &self.files, when) {
            let is_small = open.facts.size <= BODY_BYTES_MAX;
            let plan = answer::whole(&open.facts, 2_000_000_000);
            let body = if is_small { vec![0; open.facts.size.try_into().unwrap()] } else { vec![] };
            let entry = Entry {
                ready: Rc::new(Ready::new(&plan, &body)),
                facts: open.facts.clone(),
                path: open.path.clone(),
                open: (!is_small).then(|| Arc::clone(&open)),
            };
            self.cache.insert(&target, entry, &open.file, when);
        }
        (false, Some(open.facts.size))
    }

    fn warm(&mut self, target: &str) {
        self.ask(target);
        self.ask(target);
        assert!(self.ask(target).0, "{target} is not kept");
    }

    fn check_accounts(&mut self) {
        let all = || self.cache.map.files.values().chain(self.cache.map.folders.values());
        assert_eq!(self.cache.map.bytes, all().map(|kept| kept.bytes).sum::<usize>());
        let files = all().filter(|kept| kept.entry.open.is_some()).count();
        assert_eq!(self.cache.map.open_files, files);
        self.cache.listings.check_accounts();
        assert!(self.cache.bytes() <= self.cache.bounds.bytes_max);
        assert!(files <= self.cache.bounds.files_max);
        assert!(self.cache.amount() <= self.cache.bounds.entries_max);
        assert!(self.cache.order.len() <= 2 * self.cache.bounds.entries_max);
        assert!(self.cache.watches.len() <= self.cache.bounds.watches_max);
    }
}

fn write(folder: &Path, name: &str, content: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

#[test]
fn it_is_kept_from_the_time_when_its_folders_are_watched() {
    let mut ground = Ground::new(BOUNDS);
    assert_eq!(ground.ask("/d/a"), (false, Some(3)));
    assert_eq!(ground.cache.watches.len(), 2);
    assert_eq!(ground.ask("/d/a"), (false, Some(3)));
    assert_eq!(ground.ask("/d/a"), (true, Some(3)));
    // The folder is known now.
    assert_eq!(ground.ask("/d/"), (false, Some(12)));
    assert_eq!(ground.ask("/d/"), (true, Some(12)));
    assert_eq!(ground.ask("/nothing"), (false, None));
    ground.check_accounts();
}

#[test]
fn every_kind_of_change_ends_it_at_once() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    type Change = fn(&Path);
    let changes: &[(&str, Change)] = &[
        ("rewritten", |at| fs::write(at.join("d/e/a"), "longer than before").unwrap()),
        ("truncated", |at| {
            fs::OpenOptions::new().write(true).open(at.join("d/e/a")).unwrap().set_len(1).unwrap();
        }),
        ("replaced", |at| fs::rename(at.join("a"), at.join("d/e/a")).unwrap()),
        ("deleted", |at| fs::remove_file(at.join("d/e/a")).unwrap()),
        ("moved away", |at| fs::rename(at.join("d/e/a"), at.join("x")).unwrap()),
        ("chmod", |at| {
            fs::set_permissions(at.join("d/e/a"), fs::Permissions::from_mode(0o600)).unwrap();
        }),
        ("touched", |at| {
            let file = fs::File::options().write(true).open(at.join("d/e/a")).unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        }),
        ("folder renamed", |at| fs::rename(at.join("d/e"), at.join("d/z")).unwrap()),
        ("folder above renamed", |at| fs::rename(at.join("d"), at.join("z")).unwrap()),
        ("folder replaced by a link", |at| {
            fs::rename(at.join("d"), at.join("z")).unwrap();
            symlink("z", at.join("d")).unwrap();
        }),
        ("folder replaced by another", |at| {
            fs::rename(at.join("d"), at.join("z")).unwrap();
            write(at, "d/e/a", "of another folder");
        }),
        ("folder closed", |at| {
            fs::set_permissions(at.join("d"), fs::Permissions::from_mode(0o700)).unwrap();
        }),
        ("everything deleted", |at| fs::remove_dir_all(at.join("d")).unwrap()),
    ];
    for (what, change) in changes {
        let mut ground = Ground::new(BOUNDS);
        ground.warm("/d/e/a");
        change(ground.folder.path());
        let (was_kept, size) = ground.ask("/d/e/a");
        assert!(!was_kept, "{what}: kept");
        let real = fs::metadata(ground.path("d/e/a")).ok().map(|meta| meta.len());
        assert_eq!(size, real, "{what}");
        ground.check_accounts();
    }
}

#[test]
fn an_index_file_that_comes_first_counts_at_once() {
    let mut ground = Ground::new(BOUNDS);
    let config = Config {
        root: Root::Dir(ground.folder.path().to_owned()),
        index: vec!["first".to_owned(), "index.html".to_owned()],
        ..Config::default()
    };
    ground.files = Files::new(&config).unwrap();
    ground.warm("/d/");
    write(ground.folder.path(), "d/first", "I");
    assert_eq!(ground.ask("/d/"), (false, Some(1)));
}

#[test]
fn what_stands_beside_stays() {
    let mut ground = Ground::new(BOUNDS);
    ground.warm("/d/a");
    ground.warm("/a");
    fs::write(ground.path("d/other"), "x").unwrap();
    fs::write(ground.path("b"), "x").unwrap();
    fs::create_dir(ground.path("d/new")).unwrap();
    fs::rename(ground.path("f"), ground.path("ff")).unwrap();
    assert!(ground.ask("/d/a").0 && ground.ask("/a").0);
}

#[test]
fn a_way_with_links_is_never_kept() {
    let mut ground = Ground::new(BOUNDS);
    std::os::unix::fs::symlink("d", ground.path("link")).unwrap();
    std::os::unix::fs::symlink("a", ground.path("file-link")).unwrap();
    for _ in 0..3 {
        assert_eq!(ground.ask("/link/a"), (false, Some(3)));
        assert_eq!(ground.ask("/file-link"), (false, Some(1)));
        assert_eq!(ground.ask("/link/"), (false, Some(12)));
    }
    assert_eq!(ground.cache.map.len(), 0);
}

#[test]
fn without_watches_it_is_kept_for_a_second() {
    let mut ground = Ground::new(Bounds { watches_max: 0, ..BOUNDS });
    assert_eq!(ground.ask("/d/a"), (false, Some(3)));
    fs::write(ground.path("d/a"), "changed").unwrap();
    assert_eq!(ground.ask("/d/a"), (true, Some(3)));
    ground.now += LIFETIME;
    assert_eq!(ground.ask("/d/a"), (false, Some(7)));
    // What goes out by sendfile is looked at each time: its bytes are not kept.
    ground.ask("/large1");
    assert!(ground.ask("/large1").0);
    fs::write(ground.path("large1"), "x".repeat(50_000)).unwrap();
    assert_eq!(ground.ask("/large1"), (false, Some(50_000)));
    ground.check_accounts();
}

#[test]
fn limits_hold_and_nothing_waits_for_them() {
    let mut ground = Ground::new(BOUNDS);
    let targets = ["/a", "/b", "/c", "/d/a", "/d/", "/d/e/a", "/f/a", "/g/a", "/h/a"];
    for _ in 0..4 {
        for target in targets.iter().chain(&["/large1", "/large2", "/large3"]) {
            assert!(ground.ask(target).1.is_some(), "{target}");
            ground.check_accounts();
        }
    }
    assert_eq!(ground.cache.map.len(), BOUNDS.entries_max);
    assert_eq!(ground.cache.watches.len(), BOUNDS.watches_max);
    ground.now += LIFETIME;
    for _ in 0..3 {
        for target in ["/large1", "/large2", "/large3"] {
            ground.ask(target);
        }
    }
    assert_eq!(ground.cache.map.open_files, BOUNDS.files_max);
    // Memory: two answers of 40 bytes do not fit beside each other.
    let mut ground = Ground::new(Bounds { bytes_max: 1500, ..BOUNDS });
    for target in ["/a", "/b", "/a", "/b", "/c"] {
        ground.ask(target);
    }
    assert_eq!(ground.cache.map.len(), 1);
    ground.check_accounts();
}

#[test]
fn watches_that_nothing_needs_make_room_for_others() {
    let mut ground = Ground::new(BOUNDS);
    for target in ["/d/e/a", "/d/e/a", "/f/a"] {
        ground.ask(target);
    }
    assert_eq!(ground.cache.watches.len(), 4);
    ground.warm("/g/a");
    ground.now += LIFETIME * 2;
    ground.cache.expire(ground.now);
    ground.warm("/h/a");
    let target = Target::parse("/h/a", Method::Get).unwrap();
    assert_eq!(ground.cache.cover(&target), Cover::Watched);
    ground.check_accounts();
}

#[test]
fn what_nobody_asks_for_ends() {
    let mut ground = Ground::new(BOUNDS);
    ground.warm("/large1");
    ground.warm("/d/a");
    assert!(!ground.cache.is_empty());
    ground.cache.sweep(ground.now);
    assert_eq!(ground.cache.map.len(), 2);
    ground.cache.sweep(ground.now + LIFETIME);
    assert!(ground.cache.is_empty());
    ground.check_accounts();
    ground.now += LIFETIME;
    ground.warm("/d/a");
}

#[test]
fn descriptors_are_given_back_where_they_are_short() {
    let mut ground = Ground::new(BOUNDS);
    ground.warm("/a");
    ground.warm("/large1");
    assert!(ground.cache.make_room(ground.now));
    assert!(!ground.cache.make_room(ground.now));
    assert_eq!(ground.cache.map.len(), 0);
    ground.check_accounts();
    // Memory is not what is short.
    ground.warm("/a");
    for _ in 0..3 {
        assert!(!ground.ask("/large1").0);
    }
    ground.now += SHORTAGE;
    ground.warm("/large1");
}

#[test]
fn a_storm_of_events_hides_none() {
    let mut ground = Ground::new(BOUNDS);
    ground.warm("/d/a");
    ground.warm("/a");
    // Never the same twice in a row, which the system would make one of.
    for _ in 0..1000 {
        fs::write(ground.path("b"), "").unwrap();
        fs::write(ground.path("c"), "").unwrap();
    }
    fs::write(ground.path("d/a"), "changed").unwrap();
    assert!(ground.ask("/a").0);
    assert_eq!(ground.ask("/d/a"), (false, Some(7)));
    ground.check_accounts();
}

#[test]
fn a_lost_event_ends_everything() {
    let queued = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let queued: usize = queued.trim().parse().unwrap();
    let mut ground = Ground::new(BOUNDS);
    ground.warm("/d/a");
    ground.warm("/a");
    for round in 0..=queued / 2 {
        fs::OpenOptions::new().write(true).open(ground.path("b")).unwrap().set_len(0).unwrap();
        let file = fs::OpenOptions::new().write(true).open(ground.path("c")).unwrap();
        file.set_len(u64::try_from(round % 2).unwrap()).unwrap();
    }
    // This one is lost.
    fs::write(ground.path("d/a"), "changed").unwrap();
    assert_eq!(ground.ask("/d/a"), (false, Some(7)));
    assert!(!ground.ask("/a").0);
    ground.check_accounts();
    ground.warm("/d/a");
    fs::write(ground.path("d/a"), "again").unwrap();
    assert_eq!(ground.ask("/d/a"), (false, Some(5)));
}

impl Ground {
    /// Asks for the listing of `target` as a worker does. Says whether it was kept.
    fn list(&mut self, target: &str) -> bool {
        self.list_as(target, None)
    }

    /// The same, by `user`.
    fn list_as(&mut self, target: &str, user: Option<UserId>) -> bool {
        let (target, shown) = self.shown(target, user);
        self.cache.handle_received();
        if self.cache.listing(&target, &shown, self.now).is_some() {
            return true;
        }
        if let Some(place) = self.place(&target, shown) {
            self.cache.insert_listing(&place, listing(1000));
        }
        false
    }

    fn shown(&self, target: &str, user: Option<UserId>) -> (Target, Shown) {
        let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes();
        let head = Head::parse(head).unwrap();
        let target = Target::of(&head).unwrap();
        let asked = Asked::of(&head, &target, Listing::Html);
        (target, Shown { asked, user })
    }

    fn place(&mut self, target: &Target, shown: Shown) -> Option<ListingPlace> {
        let cover = self.cache.cover(target);
        let mut way = Way::Plain;
        let Found::Folder(_) = self.files.find(target, &mut way) else { return None };
        let when = (cover, self.now);
        self.cache.listing_place(target, shown, &self.files, when).filter(|_| way == Way::Plain)
    }

    /// Asks for what is not there as a worker does. Says whether that was known.
    fn miss(&mut self, target: &str) -> bool {
        let target = Target::parse(target, Method::Get).unwrap();
        self.cache.handle_received();
        if self.cache.is_missing(&target, self.now) {
            return true;
        }
        let cover = self.cache.cover(&target);
        let mut way = Way::Plain;
        if matches!(self.files.find(&target, &mut way), Found::Missing) && way == Way::Plain {
            self.cache.insert_missing(&target, &self.files, (cover, self.now));
        }
        false
    }
}

fn listing(bytes: usize) -> Ready {
    let plan = Plan::new(Status::OK).with_content("text/html", vec![b'x'; bytes]);
    Ready::of_bytes(&plan).unwrap()
}

#[test]
fn every_change_of_a_folder_ends_its_listing_at_once() {
    use std::os::unix::fs::PermissionsExt;
    type Change = fn(&Path);
    let changes: &[(&str, Change)] = &[
        ("a file came", |at| fs::write(at.join("f/b"), "").unwrap()),
        ("a folder came", |at| fs::create_dir(at.join("f/b")).unwrap()),
        ("moved here", |at| fs::rename(at.join("a"), at.join("f/b")).unwrap()),
        ("moved away", |at| fs::rename(at.join("f/a"), at.join("b")).unwrap()),
        ("renamed", |at| fs::rename(at.join("f/a"), at.join("f/z")).unwrap()),
        ("deleted", |at| fs::remove_file(at.join("f/a")).unwrap()),
        ("grown", |at| fs::write(at.join("f/a"), "longer than before").unwrap()),
        ("touched", |at| {
            let file = fs::File::options().write(true).open(at.join("f/a")).unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        }),
        ("an index came", |at| fs::write(at.join("f/index.html"), "").unwrap()),
        ("closed", |at| {
            fs::set_permissions(at.join("f"), fs::Permissions::from_mode(0o700)).unwrap();
        }),
        ("replaced", |at| {
            fs::rename(at.join("f"), at.join("z")).unwrap();
            write(at, "f/b", "of another folder");
        }),
        ("gone", |at| fs::remove_dir_all(at.join("f")).unwrap()),
    ];
    for (what, change) in changes {
        let mut ground = Ground::new(BOUNDS);
        assert_eq!([(); 3].map(|()| ground.list("/f/")), [false, false, true]);
        change(ground.folder.path());
        assert!(!ground.list("/f/"), "{what}");
        ground.check_accounts();
    }
}

#[test]
fn a_listing_that_was_read_before_a_change_is_not_kept() {
    let mut ground = Ground::new(BOUNDS);
    ground.list("/f/");
    let (target, shown) = ground.shown("/f/", None);
    let place = ground.place(&target, shown).unwrap();
    assert!(ground.place(&target, shown).is_none(), "two make the same");
    write(ground.folder.path(), "f/b", "");
    ground.cache.insert_listing(&place, listing(10));
    assert!(!ground.list("/f/"), "it is of before the change");
    assert!(ground.list("/f/"));
    // One that belongs to a place that was given up does not get into the next one.
    ground.now += LIFETIME;
    let old = ground.place(&target, shown).unwrap();
    ground.now += LIFETIME;
    let new = ground.place(&target, shown).unwrap();
    ground.cache.insert_listing(&old, listing(10));
    assert!(ground.cache.listing(&target, &shown, ground.now).is_none());
    ground.cache.insert_listing(&new, listing(20));
    let kept = ground.cache.listing(&target, &shown, ground.now).unwrap();
    assert_eq!(kept.body_bytes(), 20);
    ground.check_accounts();
}

#[test]
fn a_listing_is_kept_for_who_asked_and_as_it_was_asked_for() {
    let mut ground = Ground::new(BOUNDS);
    ground.list("/f/");
    let [one, other] = [1, 2].map(UserId::number);
    for (target, user) in
        [("/f/", None), ("/f/", one), ("/f/", other), ("/f/?json", one), ("/f/?sort=size", one)]
    {
        assert!(!ground.list_as(target, user), "{target} {user:?} is another's");
        assert!(ground.list_as(target, user), "{target} {user:?}");
    }
    ground.check_accounts();
    ground.cache.forget();
    assert!(!ground.list("/f/"));
    ground.check_accounts();
}

#[test]
fn listings_end_and_leave_room() {
    let mut ground = Ground::new(BOUNDS);
    ground.list("/f/");
    assert!(!ground.list("/f/") && ground.list("/f/"));
    ground.now += LIFETIME;
    assert!(!ground.list("/f/"), "older than it may be");
    let (target, shown) = ground.shown("/f/?text", None);
    let place = ground.place(&target, shown).unwrap();
    ground.cache.insert_listing(&place, listing(BOUNDS.bytes_max / LISTINGS_PART));
    assert!(ground.cache.listing(&target, &shown, ground.now).is_none(), "larger than their part");
    ground.check_accounts();
    let places = (0..9).map(|n| ground.shown("/f/", UserId::number(n)));
    let places: Vec<_> = places.collect();
    places.iter().for_each(|(target, shown)| drop(ground.place(target, *shown)));
    ground.check_accounts();
    assert_eq!(ground.cache.amount(), BOUNDS.entries_max);
    ground.now += LIFETIME;
    ground.cache.sweep(ground.now);
    assert_eq!((ground.cache.amount(), ground.cache.bytes()), (0, 0));
    ground.cache.sweep(ground.now);
    assert!(ground.cache.is_empty());
}

#[test]
fn what_comes_into_being_is_found_at_once() {
    use std::os::unix::fs::symlink;
    type Change = fn(&Path);
    let changes: &[(&str, Change)] = &[
        ("written", |at| fs::write(at.join("d/e/x"), "new").unwrap()),
        ("moved", |at| fs::rename(at.join("c"), at.join("d/e/x")).unwrap()),
        ("linked", |at| fs::hard_link(at.join("c"), at.join("d/e/x")).unwrap()),
        ("linked by a symbolic link", |at| symlink("a", at.join("d/e/x")).unwrap()),
        ("another folder in its place", |at| {
            fs::rename(at.join("d"), at.join("z")).unwrap();
            write(at, "d/e/x", "of another folder");
        }),
        ("another folder above", |at| {
            fs::rename(at.join("d/e"), at.join("z")).unwrap();
            write(at, "d/e/x", "of another folder");
        }),
    ];
    for (what, change) in changes {
        let mut ground = Ground::new(BOUNDS);
        assert_eq!([(); 3].map(|()| ground.miss("/d/e/x")), [false, false, true]);
        change(ground.folder.path());
        assert!(!ground.miss("/d/e/x"), "{what}");
        assert!(ground.ask("/d/e/x").1.is_some(), "{what}: not found");
        ground.check_accounts();
    }
}

#[test]
fn what_is_not_there_is_kept_where_a_folder_tells_of_it_and_not_for_long() {
    let mut ground = Ground::new(BOUNDS);
    for target in ["/d/no/x", "/a/x", "/d/no/", "/no/"] {
        assert_eq!([(); 3].map(|()| ground.miss(target)), [false; 3], "{target}");
    }
    assert!(!ground.miss("/x") && ground.miss("/x"));
    // Names at random take no room from files.
    for n in 0..100 {
        ground.miss(&format!("/x{n}"));
    }
    ground.check_accounts();
    assert_eq!(ground.cache.missing.len(), BOUNDS.entries_max / MISSING_PART);
    ground.warm("/a");
    ground.now += LIFETIME;
    assert!(!ground.miss("/x"), "older than it may be");
    ground.cache.sweep(ground.now + LIFETIME);
    assert_eq!((ground.cache.missing.len(), ground.cache.missing.bytes()), (0, 0));
}
