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
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
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
