//! Fuzz corpora as ordinary tests.

use std::fs;
use std::path::Path;

/// Runs `body` on every file of `fuzz/corpus/TARGET`, in the order of their names, and on the empty
/// input.
///
/// # Panics
/// Where there is no corpus, or `body` panics; the file is named then.
pub fn replay(target: &str, body: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    replay_folder(&folder, body);
}

fn replay_folder(folder: &Path, body: impl Fn(&[u8])) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder:?} is empty");
    body(b"");
    for file in files {
        // The harness shows this only where the body panics.
        println!("replaying {}", file.display());
        body(&fs::read(&file).expect("a corpus file"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "no_such_target")]
    fn a_corpus_that_is_missing_fails() {
        replay("no_such_target", |_| ());
    }

    #[test]
    #[should_panic(expected = "is empty")]
    fn a_corpus_without_files_fails() {
        let empty = tempfile::tempdir().expect("a folder");
        replay_folder(empty.path(), |_| ());
    }

    #[test]
    fn the_empty_input_and_every_file_are_replayed() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["b", "a"] {
            fs::write(folder.path().join(name), name).expect("a file");
        }
        let seen = std::cell::RefCell::new(Vec::new());
        replay_folder(folder.path(), |input| seen.borrow_mut().push(input.to_vec()));
        assert_eq!(seen.into_inner(), [b"".to_vec(), b"a".to_vec(), b"b".to_vec()]);
    }
}
