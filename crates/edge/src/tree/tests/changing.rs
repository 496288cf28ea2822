//! Folders made and removed, names renamed, parts resumed and swept: each change where it belongs
//! and nowhere else.

use super::*;
use sockeye_testkit::privilege::without_capabilities;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

fn is_exists<T: std::fmt::Debug>(result: Result<T, TreeError>) -> bool {
    matches!(result, Err(TreeError::Exists { .. }))
}

fn is_missing<T: std::fmt::Debug>(result: Result<T, TreeError>) -> bool {
    matches!(result, Err(TreeError::NotFound { .. }))
}

#[test]
fn folders_are_made_one_or_many() {
    for resolver in BOTH {
        let ground = Ground::new();
        let tree = ground.tree(Symlinks::Never, resolver);
        tree.make_folder(&path("new")).unwrap();
        tree.make_folder(&path("new/inner")).unwrap();
        assert!(tree.open_file(&path("new/inner")).unwrap().meta.is_dir);
        assert!(is_exists(tree.make_folder(&path("new"))));
        assert!(is_exists(tree.make_folder(&path("a"))));
        assert!(is_exists(tree.make_folder(&Segments::root())));
        assert!(is_missing(tree.make_folder(&path("none/inner"))));
        assert!(is_missing(tree.make_folder(&path("a/inner"))));
        tree.make_folders(&path("new/x/y/z")).unwrap();
        tree.make_folders(&path("new/x/y")).unwrap();
        tree.make_folders(&Segments::root()).unwrap();
        assert_eq!(ground.names("new/x/y"), ["z"]);
        assert!(is_missing(tree.make_folders(&path("a/x/y"))));
    }
}

#[test]
fn what_is_removed_is_what_was_named() {
    for resolver in BOTH {
        let ground = Ground::new();
        let tree = ground.tree(Symlinks::Never, resolver);
        ground.link("dir/out", "../../outside");
        ground.link("dir/file", "../a");
        fs::create_dir_all(ground.root().join("dir/deep/.hidden")).unwrap();
        fs::write(ground.root().join("dir/deep/.hidden/x"), "x").unwrap();
        fs::write(ground.root().join("dir/caf\u{e9}"), "x").unwrap();

        let error = tree.remove_file(&path("dir")).unwrap_err();
        assert!(matches!(error, TreeError::NotAFile { .. }), "{error:?}");
        assert!(is_missing(tree.remove_folder(&path("a"), 100)));
        assert!(is_missing(tree.remove_file(&path("none"))));
        assert!(is_exists(tree.remove_folder(&Segments::root(), 100)));
        let error = tree.remove_folder(&path("dir/out"), 100).unwrap_err();
        assert!(matches!(error, TreeError::NotFound { .. } | TreeError::Forbidden { .. }));
        tree.remove_file(&path("dir/file")).unwrap();
        assert_eq!(fs::read(ground.root().join("a")).unwrap(), b"in a");

        let before = ground.names("dir");
        let error = tree.remove_folder(&path("dir"), 5).unwrap_err();
        assert!(matches!(error, TreeError::TooMany { entries_max: 5, .. }), "{error:?}");
        assert_eq!(ground.names("dir"), before, "nothing is removed of what is too much");
        assert_eq!(tree.remove_folder(&path("dir"), 6).unwrap(), 7);
        assert_eq!(ground.names(""), ["a"]);
        assert_eq!(fs::read(ground.outside().join("secret")).unwrap(), SECRET);
        tree.remove_file(&path("a")).unwrap();
        assert_eq!(ground.names(""), [""; 0]);
    }
}

#[test]
fn what_may_not_be_removed_stays_and_is_said() {
    let ground = Ground::new();
    fs::create_dir(ground.root().join("dir/locked")).unwrap();
    fs::write(ground.root().join("dir/locked/x"), "x").unwrap();
    let locked = ground.root().join("dir/locked");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    let tree = ground.tree(Symlinks::Never, Resolver::Openat2);
    let error = without_capabilities(|| tree.remove_folder(&path("dir"), 100)).unwrap_err();
    let TreeError::Io { source, .. } = error else { panic!("{error:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::PermissionDenied);
    assert_eq!(ground.names("dir/locked"), ["x"]);
}

#[test]
fn names_are_renamed_within_the_tree() {
    for resolver in BOTH {
        let ground = Ground::new();
        let tree = ground.tree(Symlinks::Never, resolver);
        let rename = |from: &str, to: &str, replaces| tree.rename(&path(from), &path(to), replaces);
        rename("a", "dir/c", false).unwrap();
        assert_eq!(contents(&tree, "dir/c").unwrap(), b"in a");
        assert!(is_exists(rename("dir/c", "dir/b", false)));
        rename("dir/c", "dir/b", true).unwrap();
        assert_eq!(contents(&tree, "dir/b").unwrap(), b"in a");
        rename("dir", "moved", false).unwrap();
        assert_eq!(ground.names("moved"), ["b"]);

        fs::create_dir(ground.root().join("empty")).unwrap();
        fs::write(ground.root().join("file"), "file").unwrap();
        assert!(is_exists(rename("file", "empty", true)), "a file over a folder");
        assert!(is_exists(rename("empty", "file", true)), "a folder over a file");
        assert!(is_exists(rename("empty", "moved", true)), "a folder over a full one");
        rename("moved", "empty", true).unwrap();
        assert_eq!(ground.names("empty"), ["b"]);
        assert!(is_missing(rename("none", "x", true)));
        assert!(is_missing(rename("file", "none/x", true)));
        for (from, to) in [("empty", "empty/inside"), ("empty", "empty/x/y"), ("", "x")] {
            let Err(TreeError::Io { source, .. }) = rename(from, to, true) else { panic!() };
            assert_eq!(source.kind(), std::io::ErrorKind::InvalidInput);
        }
        assert!(is_exists(tree.rename(&path("file"), &Segments::root(), true)));
    }
}

#[test]
fn a_part_goes_on_where_it_stopped() {
    for resolver in BOTH {
        let ground = Ground::new();
        let tree = ground.tree(Symlinks::Never, resolver);
        let new = path("dir/new");
        assert_eq!(tree.part_bytes(&new, 7).unwrap(), None);
        assert_eq!(tree.part_bytes(&path("none/new"), 7).unwrap(), None);
        let mut temp = tree.resume_temp(&new, 7).unwrap();
        temp.write_all(b"first, ").unwrap();
        assert!(matches!(tree.resume_temp(&new, 7), Err(TreeError::Busy { .. })));
        let other = tree.resume_temp(&new, 8).unwrap();
        other.discard();
        assert_eq!(tree.part_bytes(&new, 8).unwrap(), None);
        temp.sync().unwrap();
        drop(temp);
        assert_eq!(tree.part_bytes(&new, 7).unwrap(), Some(7));
        assert_eq!(ground.names("dir"), [&*format!(".new.{:032x}.sockeye-part", 7), "b"]);

        // Another process of the same folder, later.
        let tree = ground.tree(Symlinks::Never, resolver);
        let temp = tree.resume_temp(&new, 7).unwrap();
        assert_eq!(temp.bytes().unwrap(), 7);
        std::os::unix::fs::FileExt::write_all_at(temp.file(), b"then more", 7).unwrap();
        temp.commit(Overwrite::Never).unwrap();
        assert_eq!(contents(&tree, "dir/new").unwrap(), b"first, then more");
        assert_eq!(ground.names("dir"), ["b", "new"]);

        let mut temp = tree.resume_temp(&new, 7).unwrap();
        assert_eq!(temp.bytes().unwrap(), 0, "a new one, not the file that it became");
        temp.write_all(b"wrong").unwrap();
        temp.clear().unwrap();
        assert_eq!(temp.bytes().unwrap(), 0);
        temp.discard();
        assert_eq!(contents(&tree, "dir/new").unwrap(), b"first, then more");
    }
}

#[test]
fn a_part_is_never_somebody_elses_file() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let ground = Ground::new();
    let tree = ground.tree(Symlinks::Never, Resolver::Openat2);
    let hidden = |id: u128| format!("dir/.new.{id:032x}.sockeye-part");
    ground.link(&hidden(1), "../../outside/secret");
    assert!(matches!(tree.resume_temp(&path("dir/new"), 1), Err(TreeError::Forbidden { .. })));
    assert_eq!(tree.part_bytes(&path("dir/new"), 1).unwrap(), None);
    mknodat(CWD, ground.root().join(hidden(2)), FileType::Fifo, Mode::RWXU, 0).unwrap();
    assert!(matches!(tree.resume_temp(&path("dir/new"), 2), Err(TreeError::NotAFile { .. })));
    assert_eq!(tree.part_bytes(&path("dir/new"), 2).unwrap(), None);
    assert_eq!(fs::read(ground.outside().join("secret")).unwrap(), SECRET);
    let long = "é".repeat(127);
    for name in [&long[..254], &long[..252]] {
        let temp = tree.resume_temp(&path(name), u128::MAX).unwrap();
        temp.commit(Overwrite::Never).unwrap();
    }
}

#[test]
fn one_of_many_has_the_part() {
    let ground = Ground::new();
    let tree = ground.tree(Symlinks::Never, Resolver::Openat2);
    std::thread::scope(|scope| {
        for writer in 0..8_u8 {
            let tree = &tree;
            scope.spawn(move || {
                let mut turns = 0;
                while turns < 20 {
                    let Ok(mut temp) = tree.resume_temp(&path("dir/one"), 5) else {
                        std::thread::yield_now();
                        continue;
                    };
                    turns += 1;
                    temp.clear().unwrap();
                    (0..10).for_each(|_| temp.write_all(&[writer; 100]).unwrap());
                    if writer % 2 == 0 {
                        temp.commit(Overwrite::Always).unwrap();
                    }
                }
            });
        }
    });
    let text = contents(&tree, "dir/one").unwrap();
    assert!(text.len() == 1000 && text.iter().all(|byte| *byte == text[0]));
}

#[test]
fn old_parts_go_and_others_stay() {
    let ground = Ground::new();
    let tree = ground.tree(Symlinks::Never, Resolver::Openat2);
    fs::create_dir(ground.root().join("dir/deep")).unwrap();
    drop(tree.resume_temp(&path("dir/deep/old"), 1).unwrap());
    drop(tree.resume_temp(&path("dir/new"), 2).unwrap());
    let held = tree.resume_temp(&path("held"), 3).unwrap();
    let written = tree.create_temp(&path("written")).unwrap();
    ground.link("dir/.link.sockeye-part", "../a");
    fs::write(ground.root().join("plain.sockeye-part"), "no dot").unwrap();
    fs::create_dir(ground.root().join(".folder.sockeye-part")).unwrap();
    let past = SystemTime::now() - Duration::from_secs(1000);
    for name in ["dir/deep", "dir", ""] {
        for name in ground.names(name).iter().map(|other| ground.root().join(name).join(other)) {
            if name.is_file() && !name.to_str().unwrap().contains(".new.") {
                fs::File::options().append(true).open(name).unwrap().set_modified(past).unwrap();
            }
        }
    }
    let before = SystemTime::now() - Duration::from_secs(500);
    let swept = tree.remove_old_parts(&Segments::root(), before, 1, &|| false).unwrap();
    assert_eq!(swept, Swept { removed: 0, is_cut: true });
    let swept = tree.remove_old_parts(&Segments::root(), before, 100, &|| true).unwrap();
    assert_eq!(swept, Swept { removed: 0, is_cut: true });
    let swept = tree.remove_old_parts(&path("dir"), before, 100, &|| false).unwrap();
    assert_eq!(swept, Swept { removed: 1, is_cut: false });
    let swept = tree.remove_old_parts(&Segments::root(), before, 100, &|| false).unwrap();
    assert_eq!(swept, Swept { removed: 0, is_cut: false }, "those in use stay");
    drop((held, written));
    let swept = tree.remove_old_parts(&Segments::root(), before, 100, &|| false).unwrap();
    assert_eq!(swept, Swept { removed: 1, is_cut: false });
    assert_eq!(tree.part_bytes(&path("dir/new"), 2).unwrap(), Some(0));
    assert_eq!(ground.names(""), [".folder.sockeye-part", "a", "dir", "plain.sockeye-part"]);
    assert!(is_missing(tree.remove_old_parts(&path("none"), before, 100, &|| false)));
}
