//! Somebody swaps a folder for a link to the outside, again and again, while we open and write.

use super::*;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

/// How often the swapper swaps at most: bounded, so that a test that hangs ends.
const SWAPS_MAX: usize = 2_000_000;
const TRIES: usize = 3_000;

/// Runs `work` while `root/swap` is now a folder, now a link to `../outside`.
fn while_swapping(ground: &Ground, work: impl FnOnce()) {
    fs::create_dir(ground.root().join("swap")).unwrap();
    fs::write(ground.root().join("swap/secret"), "inside").unwrap();
    ground.link("other", "../outside");
    let (one, two) = (ground.root().join("swap"), ground.root().join("other"));
    let stop = AtomicBool::new(false);
    let (begun, begins) = std::sync::mpsc::channel();
    let swapped = std::thread::scope(|scope| {
        let swapper = scope.spawn(|| {
            let mut swapped = 0;
            while !stop.load(Ordering::Relaxed) && swapped < SWAPS_MAX {
                renameat_with(CWD, &one, CWD, &two, RenameFlags::EXCHANGE).unwrap();
                swapped += 1;
                if swapped == 2 {
                    begun.send(()).unwrap();
                }
            }
            swapped
        });
        begins.recv().unwrap();
        work();
        stop.store(true, Ordering::Relaxed);
        swapper.join().unwrap()
    });
    assert!(swapped > 1, "nothing was swapped meanwhile");
}

#[test]
fn reading_never_gets_outside() {
    for resolver in BOTH {
        for symlinks in [Symlinks::Never, Symlinks::Within] {
            let ground = Ground::new();
            let tree = ground.tree(symlinks, resolver);
            let (mut read, mut refused) = (0, 0);
            while_swapping(&ground, || {
                for _ in 0..TRIES {
                    match contents(&tree, "swap/secret") {
                        Ok(text) => {
                            assert_eq!(text, b"inside");
                            read += 1;
                        }
                        Err(TreeError::Forbidden { .. } | TreeError::NotFound { .. }) => {
                            refused += 1;
                        }
                        Err(error) => panic!("{error:?}"),
                    }
                }
            });
            assert_eq!(read + refused, TRIES);
        }
    }
}

#[test]
fn writing_never_gets_outside() {
    for resolver in BOTH {
        for symlinks in [Symlinks::Never, Symlinks::Within] {
            let ground = Ground::new();
            let tree = ground.tree(symlinks, resolver);
            let mut written = 0;
            while_swapping(&ground, || {
                for number in 0..TRIES / 10 {
                    let Ok(mut temp) = tree.create_temp(&path(&format!("swap/{number}"))) else {
                        continue;
                    };
                    temp.write_all(b"new").unwrap();
                    temp.commit(Overwrite::Never).unwrap();
                    written += 1;
                }
            });
            let outside: Vec<_> = fs::read_dir(ground.outside()).unwrap().collect();
            assert_eq!(outside.len(), 1, "{outside:?}");
            assert_eq!(fs::read(ground.outside().join("secret")).unwrap(), SECRET);
            let folder = ["swap", "other"]
                .into_iter()
                .find(|name| fs::symlink_metadata(ground.root().join(name)).unwrap().is_dir());
            assert_eq!(ground.names(folder.unwrap()).len(), written + 1);
        }
    }
}

#[test]
fn changes_never_reach_outside() {
    for resolver in BOTH {
        let ground = Ground::new();
        let tree = ground.tree(Symlinks::Never, resolver);
        fs::create_dir(ground.outside().join("full")).unwrap();
        fs::write(ground.outside().join("full/x"), "x").unwrap();
        let mut done = 0;
        while_swapping(&ground, || {
            // The swapper may be asleep while there is a link.
            for number in 0..TRIES * 100 {
                if number >= TRIES / 10 && done > 0 {
                    break;
                }
                let name = path(&format!("swap/{number}"));
                done += usize::from(tree.make_folder(&name).is_ok());
                done += usize::from(tree.rename(&name, &path("swap/renamed"), true).is_ok());
                done += usize::from(tree.remove_folder(&path("swap/full"), 10).is_ok());
                done += usize::from(tree.remove_folder(&path("swap/renamed"), 10).is_ok());
                done += usize::from(tree.rename(&path("swap/full"), &path("got"), true).is_ok());
                if let Ok(temp) = tree.resume_temp(&path("swap/part"), 1) {
                    temp.commit(Overwrite::Always).unwrap();
                    done += usize::from(tree.remove_file(&path("swap/part")).is_ok());
                }
                let now = std::time::SystemTime::now();
                let _ = tree.remove_old_parts(&path("swap"), now, 100, &|| false);
            }
        });
        assert!(done > 0, "nothing was changed");
        let mut outside: Vec<_> = fs::read_dir(ground.outside())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        outside.sort();
        assert_eq!(outside, ["full", "secret"]);
        assert_eq!(fs::read(ground.outside().join("secret")).unwrap(), SECRET);
        assert_eq!(fs::read(ground.outside().join("full/x")).unwrap(), b"x");
        assert!(!ground.root().join("got").exists());
    }
}

#[test]
fn a_folder_that_moves_out_takes_nobody_with_it() {
    // `dir/deep/link` climbs: while `deep` is moved out of the root its `..` leads elsewhere.
    for resolver in BOTH {
        let ground = Ground::new();
        fs::create_dir(ground.root().join("dir/deep")).unwrap();
        ground.link("dir/deep/link", "../../secret");
        fs::write(ground.root().join("secret"), "inside").unwrap();
        fs::create_dir_all(ground.outside().join("dir")).unwrap();
        let (one, two) = (ground.root().join("dir/deep"), ground.outside().join("dir/deep"));
        let tree = ground.tree(Symlinks::Within, resolver);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..SWAPS_MAX {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    fs::rename(&one, &two).unwrap();
                    fs::rename(&two, &one).unwrap();
                }
            });
            for _ in 0..TRIES {
                match contents(&tree, "dir/deep/link") {
                    Ok(text) => assert_eq!(text, b"inside"),
                    Err(
                        TreeError::NotFound { .. }
                        | TreeError::Forbidden { .. }
                        | TreeError::Io { .. },
                    ) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}

#[test]
fn of_many_writers_of_one_name_one_wins() {
    let ground = Ground::new();
    let tree = ground.tree(Symlinks::Never, Resolver::Openat2);
    let wins: usize = std::thread::scope(|scope| {
        let write = |number: usize| {
            let mut temp = tree.create_temp(&path("dir/one")).unwrap();
            temp.write_all(number.to_string().repeat(1000).as_bytes()).unwrap();
            usize::from(temp.commit(Overwrite::Never).is_ok())
        };
        let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || write(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(wins, 1);
    assert_eq!(ground.names("dir"), ["b", "one"]);
    let text = contents(&tree, "dir/one").unwrap();
    assert!(text.len() == 1000 && text.iter().all(|byte| *byte == text[0]));
}
