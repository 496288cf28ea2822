//! Where the data of the user is kept.

use std::path::PathBuf;

/// The user's folder for Sockeye's data; none where no variable says where.
pub(crate) fn folder() -> Option<PathBuf> {
    let absolute =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".local/share")))
        .map(|data| data.join("sockeye"))
}
