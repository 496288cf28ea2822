//! What only happens beyond 4 GiB, judged by others, in files that are mostly holes.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;
use std::process::Command;

use sockeye_testkit::{Need, need};

use super::*;

const HELLO: &[u8] = b"hello, hello, hello, hello";

fn entry(name: &[u8], kind: Kind, is_large: bool) -> Entry<'_> {
    Entry { name, kind, modified: 784_111_777, is_large }
}

/// Writes a zip whose entries start at `offset`, where an entry that is only a hole could end.
fn zip_at(offset: u64, path: &Path, is_large: bool) {
    let mut file = File::create(path).unwrap();
    file.seek(SeekFrom::Start(offset)).unwrap();
    let mut zip = Zip { out: Counted { out: file, bytes: offset }, central: vec![], entries: 0 };
    zip.entry(&entry(b"d/", Kind::Folder, false), &mut io::empty()).unwrap();
    zip.entry(&entry(b"d/stored", Kind::Stored, is_large), &mut &*HELLO).unwrap();
    zip.entry(&entry(b"d/deflated", Kind::Deflated, is_large), &mut &*HELLO).unwrap();
    zip.finish().unwrap();
}

#[test]
fn python_reads_entries_beyond_4_gib() {
    if !need(Need::Program("python3")) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zip");
    zip_at(5 << 30, &path, true);
    let script = "\
import sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None
for info in archive.infolist():
    print(info.filename, info.header_offset >> 30, info.file_size, info.date_time[:3])
assert archive.read('d/stored') == archive.read('d/deflated')
";
    let output = Command::new("python3").args(["-c", script]).arg(&path).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "d/ 5 0 (1994, 11, 6)\nd/stored 5 26 (1994, 11, 6)\nd/deflated 5 26 (1994, 11, 6)\n",
        "{output:?}"
    );
}

/// bsdtar reads from front to end: it finds the lengths behind the data, or not at all.
#[test]
fn bsdtar_finds_both_kinds_of_lengths_behind_deflated_data() {
    if !need(Need::Program("bsdtar")) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zip");
    for is_large in [false, true] {
        zip_at(0, &path, is_large);
        let output = Command::new("bsdtar")
            .args(["-xOf", "-", "d/deflated"])
            .stdin(File::open(&path).unwrap())
            .output()
            .unwrap();
        assert_eq!(output.stdout, HELLO, "{output:?}");
    }
}

#[test]
fn unzip_accepts_entries_with_64_bit_lengths() {
    if !need(Need::Program("unzip")) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zip");
    for is_large in [false, true] {
        zip_at(0, &path, is_large);
        let output = Command::new("unzip").arg("-t").arg(&path).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}
