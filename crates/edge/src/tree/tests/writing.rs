//! Temporary files: committed by each policy, dropped, on a full disk, in a folder that refuses.

use super::*;
use sockeye_testkit::privilege::{with_read_only, with_tmpfs, without_capabilities};
use sockeye_testkit::{Need, need};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

fn write(tree: &Tree, name: &str, text: &str, how: Overwrite) -> Result<String, TreeError> {
    let mut temp = tree.create_temp(&path(name))?;
    temp.write_all(text.as_bytes()).unwrap();
    temp.commit(how).map(|name| name.into_string().unwrap())
}

#[test]
fn a_file_is_hidden_until_committed_and_gone_when_dropped() {
    let ground = Ground::new();
    for resolver in BOTH {
        let tree = ground.tree(Symlinks::Never, resolver);
        let mut temp = tree.create_temp(&path("dir/new")).unwrap();
        temp.write_all(b"half").unwrap();
        assert_eq!(ground.names("dir"), [".new.sockeye-part", "b"]);
        let part = fs::metadata(ground.root().join("dir/.new.sockeye-part")).unwrap();
        assert_eq!(part.permissions().mode() & 0o7777, 0o600);
        drop(temp);
        assert_eq!(ground.names("dir"), ["b"]);

        assert_eq!(write(&tree, "dir/new", "whole", Overwrite::Never).unwrap(), "new");
        assert_eq!(ground.names("dir"), ["b", "new"]);
        assert_eq!(contents(&tree, "dir/new").unwrap(), b"whole");
        fs::remove_file(ground.root().join("dir/new")).unwrap();
    }
}

#[test]
fn two_writers_of_one_name_do_not_meet() {
    let ground = Ground::new();
    let tree = ground.tree(Symlinks::Never, Resolver::Openat2);
    let mut first = tree.create_temp(&path("dir/new")).unwrap();
    let mut second = tree.create_temp(&path("dir/new")).unwrap();
    let names = ground.names("dir");
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(
        names[..2]
            .iter()
            .all(|name| { name.starts_with(".new.") && name.ends_with(".sockeye-part") })
    );
    first.write_all(b"first").unwrap();
    second.write_all(b"second").unwrap();
    second.commit(Overwrite::Never).unwrap();
    let error = first.commit(Overwrite::Never).unwrap_err();
    assert!(matches!(error, TreeError::Exists { .. }), "{error:?}");
    assert_eq!(contents(&tree, "dir/new").unwrap(), b"second");
    assert_eq!(ground.names("dir"), ["b", "new"]);
}

#[test]
fn each_policy_does_what_it_says() {
    let ground = Ground::new();
    let tree = ground.tree(Symlinks::Never, Resolver::Openat2);
    let error = write(&tree, "a", "new", Overwrite::Never).unwrap_err();
    assert!(matches!(error, TreeError::Exists { .. }), "{error:?}");
    assert_eq!(contents(&tree, "a").unwrap(), b"in a");
    assert_eq!(write(&tree, "a", "new", Overwrite::Always).unwrap(), "a");
    assert_eq!(contents(&tree, "a").unwrap(), b"new");

    for (name, expected) in [
        ("x.txt", "x.txt"),
        ("x.txt", "x (1).txt"),
        ("x.txt", "x (2).txt"),
        (".dot", ".dot"),
        (".dot", ".dot (1)"),
        ("plain", "plain"),
        ("plain", "plain (1)"),
    ] {
        assert_eq!(write(&tree, name, expected, Overwrite::Rename).unwrap(), expected);
        assert_eq!(contents(&tree, expected).unwrap(), expected.as_bytes());
    }
    let long = "é".repeat(125) + ".txt";
    assert_eq!(write(&tree, &long, "1", Overwrite::Rename).unwrap(), long);
    let second = write(&tree, &long, "2", Overwrite::Rename).unwrap();
    assert!(second.ends_with("é (1).txt") && second.len() <= 255, "{second}");
    let dots = ".".repeat(254) + "x";
    assert_eq!(write(&tree, &dots, "1", Overwrite::Rename).unwrap(), dots);
    assert!(write(&tree, &dots, "2", Overwrite::Rename).unwrap().len() <= 255);
    assert!(!ground.names("").iter().any(|name| name.contains("sockeye-part")));
}

#[test]
fn a_folder_is_never_replaced() {
    let ground = Ground::new();
    fs::create_dir(ground.root().join("empty")).unwrap();
    let tree = ground.tree(Symlinks::Never, Resolver::Openat2);
    for name in ["dir", "empty"] {
        for how in [Overwrite::Never, Overwrite::Always] {
            let error = write(&tree, name, "x", how).unwrap_err();
            assert!(matches!(error, TreeError::Exists { .. }), "{name}: {error:?}");
        }
        assert_eq!(write(&tree, name, "x", Overwrite::Rename).unwrap(), format!("{name} (1)"));
    }
    for (name, missing) in [("none/x", true), ("a/x", true)] {
        let error = tree.create_temp(&path(name)).unwrap_err();
        assert_eq!(matches!(error, TreeError::NotFound { .. }), missing, "{error:?}");
    }
    let error = tree.create_temp(&Segments::root()).unwrap_err();
    assert!(matches!(error, TreeError::NotAFile { .. }), "{error:?}");
}

#[test]
fn no_mode_makes_a_setuid_program() {
    let ground = Ground::new();
    let tree = ground.tree(Symlinks::Never, Resolver::Openat2);
    let temp = tree.create_temp(&path("run")).unwrap();
    temp.set_mode(0o6755).unwrap();
    assert_eq!(temp.path(), &path("run"));
    temp.commit(Overwrite::Never).unwrap();
    assert_eq!(tree.open_file(&path("run")).unwrap().meta.mode, 0o755);
}

#[test]
fn the_longest_name_still_has_a_hidden_one() {
    let ground = Ground::new();
    let tree = ground.tree(Symlinks::Never, Resolver::Openat2);
    for name in ["x".repeat(255), "日".repeat(85)] {
        let (one, two) = (tree.create_temp(&path(&name)), tree.create_temp(&path(&name)));
        let hidden = ground.names("").into_iter().filter(|name| name.starts_with('.')).count();
        assert_eq!(hidden, 2);
        assert_eq!(one.unwrap().commit(Overwrite::Never).unwrap(), name.as_str());
        drop(two);
    }
}

#[test]
fn a_full_disk_says_so_and_keeps_nothing() {
    if !need(Need::MountNamespace) {
        return;
    }
    let ground = Ground::new();
    with_tmpfs(&ground.root(), 1 << 20, || {
        let tree = ground.tree(Symlinks::Never, Resolver::Openat2);
        let mut temp = tree.create_temp(&path("big")).unwrap();
        let error = temp.write_all(&vec![1; 2 << 20]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        let error = TreeError::at(temp.path().as_path(), rustix::io::Errno::NOSPC);
        assert!(matches!(error, TreeError::NoSpace { .. }));
        assert_eq!(tree.free_bytes().unwrap(), 0);
        drop(temp);
        assert_eq!(ground.names(""), [""; 0]);
        assert!(tree.free_bytes().unwrap() >= 1 << 19);
        write(&tree, "small", "fits again", Overwrite::Never).unwrap();
    });
}

#[test]
fn a_read_only_file_system_says_so() {
    if !need(Need::MountNamespace) {
        return;
    }
    let ground = Ground::new();
    with_read_only(&ground.root(), || {
        for resolver in BOTH {
            let tree = ground.tree(Symlinks::Never, resolver);
            let error = tree.create_temp(&path("new")).unwrap_err();
            assert!(matches!(error, TreeError::ReadOnly { .. }), "{error:?}");
            assert_eq!(contents(&tree, "a").unwrap(), b"in a");
        }
    });
}

#[test]
fn a_folder_that_may_not_be_written_says_so() {
    let ground = Ground::new();
    fs::set_permissions(ground.root().join("dir"), fs::Permissions::from_mode(0o555)).unwrap();
    let tree = ground.tree(Symlinks::Never, Resolver::Openat2);
    let error = without_capabilities(|| tree.create_temp(&path("dir/new"))).unwrap_err();
    let TreeError::Io { source, .. } = error else { panic!("{error:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::PermissionDenied);
    assert_eq!(ground.names("dir"), ["b"]);
}

#[test]
fn a_drop_box_may_be_written_without_being_read() {
    let ground = Ground::new();
    fs::set_permissions(ground.root().join("dir"), fs::Permissions::from_mode(0o300)).unwrap();
    let tree = ground.tree(Symlinks::Never, Resolver::Openat2);
    without_capabilities(|| write(&tree, "dir/new", "x", Overwrite::Never)).unwrap();
    assert_eq!(contents(&tree, "dir/new").unwrap(), b"x");
}
