//! Every name that is no segment, and listing.

use super::*;
use proptest::prelude::*;

#[test]
fn every_form_of_a_bad_path_is_refused() {
    let long = "x".repeat(256);
    let deep = vec!["d"; SEGMENTS_MAX + 1].join("/");
    for (text, fault) in [
        ("/", Fault::Empty),
        ("/a", Fault::Empty),
        ("//etc/passwd", Fault::Empty),
        ("a/", Fault::Empty),
        ("a//b", Fault::Empty),
        (".", Fault::Dots),
        ("..", Fault::Dots),
        ("./a", Fault::Dots),
        ("../a", Fault::Dots),
        ("a/..", Fault::Dots),
        ("a/../b", Fault::Dots),
        ("a/./b", Fault::Dots),
        ("../../../../etc/passwd", Fault::Dots),
        ("a\0", Fault::Nul),
        ("a\0/../b", Fault::Nul),
        ("a\nb", Fault::Control),
        ("\x1b[2J", Fault::Control),
        ("a\x7f", Fault::Control),
        ("a\\b", Fault::Backslash),
        ("..\\..\\etc", Fault::Backslash),
        (long.as_str(), Fault::NameTooLong),
        (deep.as_str(), Fault::TooDeep),
    ] {
        let error = Segments::from_relative(text.as_bytes()).unwrap_err();
        let TreeError::BadPath { fault: found, .. } = &error else { panic!("{text:?}: {error}") };
        assert_eq!(*found, fault, "{text:?}");
        let shown = error.to_string();
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
    }
}

#[test]
fn odd_names_that_are_only_names_are_kept() {
    let long = "x".repeat(255);
    for name in ["...", "..a", "a..", ".a", " ", "%2e%2e", "~", "*", "a:b", "\u{202e}x", &long] {
        let segments = path(name);
        assert_eq!(segments.as_path(), Path::new(name));
        assert_eq!(segments.len(), 1);
    }
    let bytes = Segments::from_relative(b"\xff/\xfe").unwrap();
    assert_eq!(bytes.iter().collect::<Vec<_>>(), [b"\xff", b"\xfe"]);
}

#[test]
fn odd_names_are_written_and_read_back() {
    let ground = Ground::new();
    for resolver in BOTH {
        let tree = ground.tree(Symlinks::Within, resolver);
        for name in [&b"..."[..], b"\xff\xfe", b" ", b"%2e%2e", "\u{202e}x".as_bytes()] {
            let segments = Segments::from_relative(name).unwrap();
            let mut temp = tree.create_temp(&segments).unwrap();
            std::io::Write::write_all(&mut temp, name).unwrap();
            temp.commit(Overwrite::Always).unwrap();
            let opened = tree.open_file(&segments).unwrap();
            assert_eq!(
                std::io::read_to_string(opened.file).ok(),
                String::from_utf8(name.into()).ok()
            );
        }
    }
}

#[test]
fn a_path_takes_itself_apart() {
    let whole = path("a/b/c");
    assert_eq!(whole.name().unwrap(), "c");
    assert_eq!(whole.parent().unwrap(), path("a/b"));
    assert_eq!(path("a").parent().unwrap(), Segments::root());
    assert_eq!(Segments::root().parent(), None);
    assert_eq!(Segments::root().name(), None);
    assert_eq!(Segments::root().as_path(), Path::new("."));
    assert!(Segments::from_relative(b"").unwrap().is_empty());
    let mut grown = Segments::root();
    grown.push(b"a").unwrap();
    for bad in [&b""[..], b"..", b"x/y", b"\0"] {
        assert!(grown.push(bad).is_err());
        assert_eq!(grown, path("a"));
    }
    assert_eq!(grown.join(b"b").unwrap().join(b"c").unwrap(), whole);
}

proptest! {
    #[test]
    fn what_passes_is_relative_clean_and_itself(
        bytes in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        if let Ok(segments) = Segments::from_relative(&bytes) {
            prop_assert_eq!(segments.iter().collect::<Vec<_>>().join(&b'/'), bytes);
            prop_assert_eq!(segments.iter().count(), segments.len());
            for part in segments.iter() {
                prop_assert!(!part.is_empty() && part != b"." && part != b"..");
                prop_assert!(part.iter().all(|byte| *byte >= 0x20 && *byte != 0x7f));
            }
        }
    }

    #[test]
    fn dots_among_slashes_never_pass(text in "[./]{1,8}") {
        let passes = Segments::from_relative(text.as_bytes()).is_ok();
        let clean = text.split('/').all(|part| part.len() > 2);
        prop_assert_eq!(passes, clean);
    }
}

#[test]
fn a_folder_is_listed_with_kinds_sizes_and_links_resolved() {
    let ground = Ground::new();
    ground.link("in", "dir/b");
    ground.link("to-dir", "dir");
    ground.link("dir/up", "../a");
    ground.link("out", "../outside/secret");
    ground.link("absolute", ground.root().join("a"));
    ground.link("broken", "nowhere");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        ground.root().join("fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    let list = |tree: &Tree, name: &str| {
        let folder = tree.open_file(&path(name)).unwrap();
        let entries = tree.read_dir(&folder).unwrap().map(Result::unwrap);
        let mut all: Vec<_> =
            entries.map(|e| (e.name.into_string().unwrap(), e.kind, e.size)).collect();
        all.sort_by(|one, two| one.0.cmp(&two.0));
        all.into_iter().filter(|(_, kind, _)| *kind != Kind::Dir).collect::<Vec<_>>()
    };
    for resolver in BOTH {
        let within = list(&ground.tree(Symlinks::Within, resolver), "");
        let kinds: Vec<(&str, Kind)> = within.iter().map(|(n, k, _)| (n.as_str(), *k)).collect();
        let link = Kind::Symlink;
        assert_eq!(
            kinds,
            [
                ("a", Kind::File),
                ("absolute", link),
                ("broken", link),
                ("fifo", Kind::Other),
                ("in", Kind::File),
                ("out", link),
            ]
        );
        assert_eq!(within[4].2, 4, "the size of what the link points at");
        let below = list(&ground.tree(Symlinks::Within, resolver), "dir");
        assert_eq!(below[1], ("up".to_owned(), Kind::File, 4));
        let never = list(&ground.tree(Symlinks::Never, resolver), "");
        let links = never.iter().filter(|(_, kind, _)| *kind == link).count();
        assert_eq!(links, 5, "{never:?}");
        let follow = list(&ground.tree(Symlinks::Follow, resolver), "");
        assert!(follow.contains(&("out".to_owned(), Kind::File, 19)), "{follow:?}");
    }
}

#[test]
fn a_file_is_no_folder_and_listing_twice_starts_anew() {
    let ground = Ground::new();
    let tree = ground.tree(Symlinks::Within, Resolver::Openat2);
    let file = tree.open_file(&path("a")).unwrap();
    assert!(matches!(tree.read_dir(&file), Err(TreeError::NotFound { .. })));
    let folder = tree.open_file(&Segments::root()).unwrap();
    for _ in 0..2 {
        assert_eq!(tree.read_dir(&folder).unwrap().count(), 2);
    }
}
