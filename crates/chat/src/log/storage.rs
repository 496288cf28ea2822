//! Where a history is kept and how, and the lock on its folder.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{Error, Result};

/// The file of the history in its folder.
const DATABASE: &str = "history.db";
/// The file whose lock says that the folder is in use.
const LOCK: &str = "lock";

/// What has to happen before anybody hears of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The system has it: it outlives the process.
    #[default]
    Normal,
    /// The disk has it (fdatasync): it outlives the machine's power.
    Full,
}

/// A history in a folder. Everything that a client can drive has its limit here.
#[derive(Debug, Clone)]
pub struct Storage {
    /// The folder; it is made where it is missing, for its owner alone.
    pub dir: PathBuf,
    /// What has to happen before anybody hears of an event.
    pub durability: Durability,
    /// What is older goes; `None`: nothing does.
    pub retention: Option<Duration>,
    /// So many events may wait to be kept; then no lines are taken.
    pub queue_max: usize,
    /// So many events are kept at once at most.
    pub batch_max: usize,
    /// So long one commit gathers events at most.
    pub batch_time: Duration,
    /// So many questions about the past may wait.
    pub questions_max: usize,
    /// So many entries are in an answer at most.
    pub answer_lines_max: usize,
    /// So long the search for an answer may take.
    pub answer_time: Duration,
    /// Whether a room starts, with its last lines in memory, where another process has the folder.
    pub or_memory: bool,
}

impl Storage {
    /// A history in this folder, with everything else as usual.
    pub fn new(dir: impl Into<PathBuf>) -> Storage {
        Storage {
            dir: dir.into(),
            durability: Durability::Normal,
            retention: Some(Duration::from_secs(30 * 24 * 3600)),
            queue_max: 1024,
            batch_max: 64,
            batch_time: Duration::from_millis(5),
            questions_max: 256,
            answer_lines_max: 1000,
            answer_time: Duration::from_secs(2),
            or_memory: false,
        }
    }
}

/// The path of the history in a folder.
pub(super) fn database(dir: &Path) -> PathBuf {
    dir.join(DATABASE)
}

/// Makes the folder and the file where they are missing, and locks the folder for as long as what
/// comes back is held.
pub(super) fn occupy(dir: &Path) -> Result<File> {
    let failed = |doing| move |source| Error::Data { path: dir.to_owned(), doing, source };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed("make it"))?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut lock = options.open(dir.join(LOCK)).map_err(failed("write in it"))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(in_use(dir, &mut lock)),
        Err(TryLockError::Error(source)) => return Err(failed("lock it")(source)),
    }
    // The number is only for people who look.
    let _ =
        lock.set_len(0).and_then(|()| lock.write_all(std::process::id().to_string().as_bytes()));
    options.open(database(dir)).map_err(failed("write in it"))?;
    Ok(lock)
}

/// Has the disk know the names in the folder, and the folder's own: what a file holds is no use
/// after a power cut without its name.
pub(super) fn sync_names(dir: &Path) -> Result<()> {
    let failed = |source| Error::Data { path: dir.to_owned(), doing: "sync it", source };
    for folder in [Some(dir), dir.parent()].into_iter().flatten() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder).and_then(|opened| opened.sync_all()).map_err(failed)?;
    }
    Ok(())
}

fn in_use(dir: &Path, lock: &mut File) -> Error {
    let mut holder = String::new();
    let _ = lock.take(20).read_to_string(&mut holder);
    Error::DataInUse { path: dir.to_owned(), holder: holder.trim().parse().ok() }
}
