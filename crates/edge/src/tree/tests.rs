//! Hostile names, links, races, crashes and full disks against [`Tree`], each by openat2 and by
//! the walk that stands in for it.

mod changing;
mod crash;
mod links;
mod names;
mod races;
mod writing;

use super::*;
use std::fs;
use std::io::Read;

const BOTH: [Resolver; 2] = [Resolver::Openat2, Resolver::Walk];
const SECRET: &[u8] = b"outside of the root";

/// `root/` to open, and `outside/secret` beside it that must never be read.
struct Ground {
    folder: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("root")).unwrap();
        fs::create_dir(folder.path().join("outside")).unwrap();
        fs::write(folder.path().join("outside/secret"), SECRET).unwrap();
        let ground = Self { folder };
        fs::create_dir(ground.root().join("dir")).unwrap();
        fs::write(ground.root().join("a"), "in a").unwrap();
        fs::write(ground.root().join("dir/b"), "in b").unwrap();
        ground
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    fn outside(&self) -> PathBuf {
        self.folder.path().join("outside")
    }

    fn tree(&self, symlinks: Symlinks, resolver: Resolver) -> Tree {
        let tree = Tree::open_by(&self.root(), symlinks, resolver).unwrap();
        assert_eq!(tree.root.resolver, resolver);
        tree
    }

    fn link(&self, name: &str, target: impl AsRef<Path>) {
        std::os::unix::fs::symlink(target, self.root().join(name)).unwrap();
    }

    /// The names in a folder of the root, hidden ones too, in order.
    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.root().join(folder)).unwrap();
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<String> =
            entries.map(|entry| name(entry).into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn path(text: &str) -> Segments {
    Segments::from_relative(text.as_bytes()).unwrap()
}

fn contents(tree: &Tree, name: &str) -> Result<Vec<u8>, TreeError> {
    let mut opened = tree.open_file(&path(name))?;
    let mut all = Vec::new();
    opened.file.read_to_end(&mut all).unwrap();
    Ok(all)
}

#[test]
fn files_and_folders_open_with_their_facts() {
    let ground = Ground::new();
    for resolver in BOTH {
        for symlinks in [Symlinks::Never, Symlinks::Within, Symlinks::Follow] {
            let tree = ground.tree(symlinks, resolver);
            assert_eq!(contents(&tree, "a").unwrap(), b"in a");
            assert_eq!(contents(&tree, "dir/b").unwrap(), b"in b");
            let file = tree.open_file(&path("dir/b")).unwrap();
            let expected = fs::metadata(ground.root().join("dir/b")).unwrap();
            assert_eq!(file.meta.size, 4);
            assert!(!file.meta.is_dir);
            assert_eq!(file.meta.modified(), expected.modified().ok());
            assert_eq!(file.meta.inode, std::os::unix::fs::MetadataExt::ino(&expected));
            assert!(tree.open_file(&path("dir")).unwrap().meta.is_dir);
            assert!(tree.open_file(&Segments::root()).unwrap().meta.is_dir);
            for missing in ["b", "a/b", "dir/c", "no/way"] {
                let error = tree.open_file(&path(missing)).unwrap_err();
                assert!(matches!(error, TreeError::NotFound { .. }), "{missing}: {error}");
                assert_eq!(error.path(), Path::new(missing));
            }
        }
    }
}

#[test]
fn what_is_neither_file_nor_folder_is_refused_without_waiting() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let ground = Ground::new();
    let fifo = ground.root().join("fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RWXU, 0).unwrap();
    let socket = sockeye_socket::Socket::unix().unwrap();
    let at = format!("unix:{}", ground.root().join("socket").display());
    socket.bind(at.parse::<sockeye_socket::Address>().unwrap()).unwrap();
    for resolver in BOTH {
        let tree = ground.tree(Symlinks::Within, resolver);
        for name in ["fifo", "socket"] {
            let error = tree.open_file(&path(name)).unwrap_err();
            assert!(matches!(error, TreeError::NotAFile { .. }), "{name}: {error}");
        }
    }
    let devices = Tree::open(Path::new("/dev"), Symlinks::Never).unwrap();
    for name in ["null", "zero", "tty"] {
        let error = devices.open_file(&path(name)).unwrap_err();
        assert!(matches!(error, TreeError::NotAFile { .. }), "{name}: {error}");
    }
}

#[test]
fn the_root_must_be_a_folder() {
    let ground = Ground::new();
    for (name, missing) in [("a", true), ("none", true)] {
        let error = Tree::open(&ground.root().join(name), Symlinks::Within).unwrap_err();
        assert_eq!(matches!(error, TreeError::NotFound { .. }), missing, "{error}");
    }
    let tree = Tree::open(&ground.root(), Symlinks::Within).unwrap();
    assert!(tree.free_bytes().unwrap() > 0);
    assert_eq!(tree.path(), ground.root());
}

#[test]
fn the_root_stays_itself_when_it_is_renamed() {
    let ground = Ground::new();
    for resolver in BOTH {
        let tree = ground.tree(Symlinks::Within, resolver);
        let elsewhere = ground.folder.path().join("elsewhere");
        fs::rename(ground.root(), &elsewhere).unwrap();
        assert_eq!(contents(&tree, "dir/b").unwrap(), b"in b");
        fs::rename(&elsewhere, ground.root()).unwrap();
    }
}

#[test]
fn what_may_not_be_read_is_said_to_be_so() {
    use std::os::unix::fs::PermissionsExt;
    let ground = Ground::new();
    let locked = ground.root().join("a");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    for resolver in BOTH {
        let tree = ground.tree(Symlinks::Within, resolver);
        let opened =
            sockeye_testkit::privilege::without_capabilities(|| tree.open_file(&path("a")));
        let Err(TreeError::Io { source, .. }) = opened else { panic!("expected EACCES") };
        assert_eq!(source.kind(), std::io::ErrorKind::PermissionDenied);
    }
}
