//! Symbolic links: within, out, absolute, magic, in circles.

use super::*;

fn refused(tree: &Tree, name: &str) {
    let error = tree.open_file(&path(name)).unwrap_err();
    assert!(matches!(error, TreeError::Forbidden { .. }), "{name}: {error:?}");
}

#[test]
fn relative_links_within_are_followed_and_others_refused() {
    let ground = Ground::new();
    let outside = ground.outside();
    ground.link("file", "a");
    ground.link("folder", "dir");
    ground.link("dir/up", "../a");
    ground.link("dir/around", "../dir/../dir/./b");
    ground.link("chain", "dir/around");
    ground.link("here", ".");
    ground.link("dir/back", "..");
    ground.link("slash", "dir/");
    ground.link("out", "../outside/secret");
    ground.link("out-folder", "../outside");
    ground.link("in-and-out", "dir/../../outside/secret");
    ground.link("out-and-in", "../root/a");
    ground.link("absolute", outside.join("secret"));
    ground.link("absolute-inside", ground.root().join("a"));
    ground.link("top", "/");
    for resolver in BOTH {
        let tree = ground.tree(Symlinks::Within, resolver);
        for (name, text) in [
            ("file", "in a"),
            ("folder/b", "in b"),
            ("dir/up", "in a"),
            ("dir/around", "in b"),
            ("chain", "in b"),
            ("here/here/here/a", "in a"),
            ("dir/back/dir/back/a", "in a"),
            ("slash/b", "in b"),
        ] {
            assert_eq!(contents(&tree, name).unwrap(), text.as_bytes(), "{name}");
        }
        for name in [
            "out",
            "out-folder",
            "out-folder/secret",
            "in-and-out",
            "out-and-in",
            "absolute",
            "absolute-inside",
            "top",
            "top/etc/passwd",
        ] {
            refused(&tree, name);
        }
        assert!(tree.open_file(&path("here")).unwrap().meta.is_dir);
        assert!(tree.open_file(&path("dir/back")).unwrap().meta.is_dir);
    }
}

#[test]
fn never_refuses_every_link() {
    let ground = Ground::new();
    ground.link("file", "a");
    ground.link("folder", "dir");
    ground.link("out", "../outside/secret");
    for resolver in BOTH {
        let tree = ground.tree(Symlinks::Never, resolver);
        for name in ["file", "folder", "folder/b", "out"] {
            refused(&tree, name);
        }
    }
}

#[test]
fn follow_goes_where_links_point() {
    let ground = Ground::new();
    ground.link("out", "../outside/secret");
    ground.link("absolute", ground.outside());
    for resolver in BOTH {
        let tree = ground.tree(Symlinks::Follow, resolver);
        assert_eq!(contents(&tree, "out").unwrap(), SECRET);
        assert_eq!(contents(&tree, "absolute/secret").unwrap(), SECRET);
    }
}

#[test]
fn magic_links_are_refused() {
    let process = Path::new("/proc/self");
    for resolver in BOTH {
        let tree = Tree::open_by(process, Symlinks::Within, resolver).unwrap();
        for name in ["root", "cwd", "exe", "root/etc/passwd", "fd/0"] {
            refused(&tree, name);
        }
    }
    let tree = Tree::open(process, Symlinks::Follow).unwrap();
    for name in ["root/etc/passwd", "exe", "fd/0"] {
        refused(&tree, name);
    }
}

#[test]
fn links_that_lead_nowhere_end() {
    let ground = Ground::new();
    ground.link("self", "self");
    ground.link("one", "two");
    ground.link("two", "one");
    ground.link("grow", "grow/grow");
    ground.link("broken", "nowhere");
    let wide = vec!["dir/.."; 500].join("/") + "/a";
    ground.link("wide", &wide);
    for number in 0..=41 {
        let target = if number == 0 { "a".to_owned() } else { format!("hop{}", number - 1) };
        ground.link(&format!("hop{number}"), target);
    }
    for resolver in BOTH {
        let tree = ground.tree(Symlinks::Within, resolver);
        for name in ["self", "one", "grow", "hop40", "hop41"] {
            refused(&tree, name);
        }
        assert_eq!(contents(&tree, "hop39").unwrap(), b"in a");
        assert_eq!(contents(&tree, "wide").unwrap(), b"in a");
        let error = tree.open_file(&path("broken")).unwrap_err();
        assert!(matches!(error, TreeError::NotFound { .. }), "{error:?}");
    }
}

#[test]
fn a_file_is_not_written_through_a_link_out() {
    let ground = Ground::new();
    ground.link("out-folder", "../outside");
    ground.link("absolute", ground.outside());
    ground.link("final", "../outside/secret");
    for resolver in BOTH {
        let tree = ground.tree(Symlinks::Within, resolver);
        for name in ["out-folder/new", "absolute/new"] {
            let error = tree.create_temp(&path(name)).unwrap_err();
            assert!(matches!(error, TreeError::Forbidden { .. }), "{error:?}");
        }
        // A link under the final name is replaced itself; what it points at stays as it was.
        let mut temp = tree.create_temp(&path("final")).unwrap();
        std::io::Write::write_all(&mut temp, b"new").unwrap();
        temp.commit(Overwrite::Always).unwrap();
        assert_eq!(contents(&tree, "final").unwrap(), b"new");
        assert_eq!(fs::read(ground.outside().join("secret")).unwrap(), SECRET);
        assert_eq!(fs::read_dir(ground.outside()).unwrap().count(), 1);
        fs::remove_file(ground.root().join("final")).unwrap();
        ground.link("final", "../outside/secret");
    }
}

#[test]
fn a_plain_path_has_no_links_whatever_the_tree_follows() {
    let ground = Ground::new();
    ground.link("file", "a");
    ground.link("folder", "dir");
    for resolver in BOTH {
        for symlinks in [Symlinks::Never, Symlinks::Within, Symlinks::Follow] {
            let tree = ground.tree(symlinks, resolver);
            assert!(tree.open_plain(&path("a")).is_ok());
            assert!(tree.open_plain(&path("dir/b")).is_ok());
            assert!(tree.open_plain(&path("dir")).unwrap().meta.is_dir);
            for name in ["file", "folder", "folder/b"] {
                let error = tree.open_plain(&path(name)).unwrap_err();
                assert!(matches!(error, TreeError::Forbidden { .. }), "{name}: {error:?}");
            }
            let error = tree.open_plain(&path("nothing")).unwrap_err();
            assert!(matches!(error, TreeError::NotFound { .. }), "{error:?}");
        }
    }
}
