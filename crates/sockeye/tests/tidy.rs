//! The house rules that a compiler does not know, kept by reading the tree.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const LINE_MAX: usize = 100;
const FILE_LINES_MAX: usize = 700;
const LIB_LINES_MAX: usize = 120;
const ARCHITECTURE_LINES_MAX: usize = 200;

/// What a `proto` module may use: data, not the outside world.
const PROTO_MAY_USE: &[&str] = &[
    "crate::",
    "super::",
    "self::",
    "core::",
    "std::borrow::",
    "std::cmp::",
    "std::collections::",
    "std::convert::",
    "std::error::",
    "std::ffi::",
    "std::fmt",
    "std::hash::",
    "std::iter",
    "std::mem",
    "std::net::Ip",
    "std::net::{Ip",
    "std::net::Socket",
    "std::num::",
    "std::ops::",
    "std::rc::",
    "std::str",
    "std::string::",
    "std::sync::Arc",
    "std::time::Duration",
    "std::time::Instant",
    "std::time::{Duration, Instant}",
    "sockeye_socket::frame",
    "sockeye_socket::addr",
    "sockeye_chat::proto::irc",
    "sockeye_edge::bucket",
    "sockeye_edge::origin",
    "sockeye_edge::proxy",
    "sockeye_edge::printable",
    "sockeye_edge::Printable",
    "sockeye_testkit::",
    "encoding_rs::",
    "proptest::",
    "base64::",
    "hmac::",
    "sha1::",
    "sha2::",
    "unicode_segmentation::",
    "unicode_width::",
    "tungstenite::",
    "httparse",
    "memchr",
    "httpdate",
    "ipnet::",
    "maud::",
    "percent_encoding::",
    "serde::",
    "serde_json::",
    "siphasher::",
    "thiserror::",
];

/// Words that bring the outside world in without a `use`.
const PROTO_MUST_NOT_SAY: &[&str] = &[
    "Instant::now",
    "SystemTime",
    "std::fs",
    "std::env",
    "std::thread",
    "tokio",
    "io::Error",
    "std::process",
    "TcpStream",
    "UdpSocket",
];

/// Streams that only the socket crate and tests may name: every socket is a `sockeye_socket` one.
const FOREIGN_SOCKETS: &[&str] = &[
    "tokio::net",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "std::os::unix::net",
];

const ENGINES: &[&str] = &["http", "chat", "transfer", "scan"];

struct Source {
    path: PathBuf,
    /// The path from the root, with `/`.
    name: String,
    text: String,
}

impl Source {
    /// Tests may do what the code may not: sleep in a fake peer, use std's sockets as an oracle.
    fn is_test(&self) -> bool {
        ["/tests/", "/tests.rs", "/benches/", "/examples/", "crates/testkit/"]
            .iter()
            .any(|part| self.name.contains(part))
    }

    /// The text up to the unit tests beside the code.
    fn code(&self) -> &str {
        self.text.split("#[cfg(test)]\nmod ").next().unwrap_or_default()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

fn sources() -> Vec<Source> {
    let mut all = Vec::new();
    let mut folders: Vec<PathBuf> =
        ["crates", "bench", "fuzz", "conformance"].iter().map(|dir| root().join(dir)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                all.push(Source { text: fs::read_to_string(&path).unwrap(), path, name });
            }
        }
    }
    assert!(all.len() > 20, "the tree was not found");
    all
}

/// Collects what a rule finds in each source, and fails with all of it.
fn no_source(rule: &str, finds: impl Fn(&Source) -> Vec<String>) {
    let found: Vec<String> = sources()
        .iter()
        .flat_map(|source| finds(source).into_iter().map(|what| format!("{}: {what}", source.name)))
        .collect();
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

fn lines_that(text: &str, bad: impl Fn(&str) -> bool) -> Vec<String> {
    let numbered = text.lines().enumerate().filter(|(_, line)| bad(line));
    numbered.map(|(index, line)| format!("line {}: {}", index + 1, line.trim())).collect()
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

#[test]
fn every_file_says_first_what_lives_in_it() {
    no_source("the first line is `//!`", |source| {
        let good = source.text.starts_with("//!") || source.text.starts_with("#![no_main]\n//!");
        if good { vec![] } else { vec!["no `//!` at the top".into()] }
    });
}

#[test]
fn files_and_lines_are_short() {
    no_source("sizes", |source| {
        let lines = source.text.lines().count();
        let lib = source.path.ends_with("lib.rs");
        let max = if lib { LIB_LINES_MAX } else { FILE_LINES_MAX };
        let mut found = lines_that(&source.text, |line| line.chars().count() > LINE_MAX);
        if lines > max {
            found.push(format!("{lines} lines, at most {max}"));
        }
        found
    });
}

#[test]
fn proto_modules_know_no_outside_world() {
    no_source("proto is pure", |source| {
        if !source.name.contains("/proto/") || source.is_test() {
            return vec![];
        }
        lines_that(source.code(), |line| {
            let used = line.trim_start().trim_start_matches("pub(crate) ");
            let used = used.trim_start_matches("pub ").strip_prefix("use ");
            let foreign =
                used.is_some_and(|path| !PROTO_MAY_USE.iter().any(|ok| path.starts_with(ok)));
            let names = PROTO_MUST_NOT_SAY.iter().any(|word| line.contains(word));
            !is_comment(line) && (foreign || names)
        })
    });
}

#[test]
fn unsafe_lives_in_one_folder() {
    // Python gives descriptors as numbers (docs/decisions.md).
    let places = ["crates/socket/src/sys", "conformance/pysocket/src/descriptor.rs"];
    no_source("`unsafe` only in crates/socket/src/sys", |source| {
        let may = places.iter().any(|place| source.name.starts_with(place));
        if may || source.name.ends_with("tidy.rs") {
            return vec![];
        }
        let says = |line: &str| {
            !is_comment(line)
                && line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == "unsafe")
        };
        lines_that(&source.text, says)
    });
}

#[test]
fn every_socket_is_ours() {
    no_source("no foreign sockets outside crates/socket", |source| {
        // What measures us against std has to use both.
        let measures = source.name == "bench/load/src/bin/calls.rs";
        if source.name.starts_with("crates/socket/") || source.is_test() || measures {
            return vec![];
        }
        lines_that(source.code(), |line| {
            !is_comment(line) && FOREIGN_SOCKETS.iter().any(|name| line.contains(name))
        })
    });
}

#[test]
fn engines_do_not_print_exit_or_read_the_environment() {
    no_source("engines report events", |source| {
        let binary = source.name.starts_with("crates/sockeye/");
        if binary || !source.name.starts_with("crates/") || source.is_test() {
            return vec![];
        }
        let words =
            ["println!", "eprintln!", "print!(", "dbg!(", "process::exit", "env::var", "env::args"];
        lines_that(source.code(), |line| {
            !is_comment(line) && words.iter().any(|word| line.contains(word))
        })
    });
}

#[test]
fn nothing_unfinished_and_no_test_that_sleeps() {
    let words = ["TODO", "FIXME", "XXX", "#[ignore"];
    no_source("finished work", |source| {
        if source.name.ends_with("tidy.rs") {
            return vec![];
        }
        lines_that(&source.text, |line| {
            let sleeps = source.name.contains("/tests/") && line.contains("thread::sleep");
            let excused = line.contains("// a peer's pace");
            words.iter().any(|word| line.contains(word)) || (sleeps && !excused)
        })
    });
}

#[test]
fn engines_do_not_depend_on_each_other() {
    for engine in ENGINES {
        let path = root().join("crates").join(engine).join("Cargo.toml");
        let manifest = fs::read_to_string(&path).unwrap();
        let others = ENGINES.iter().filter(|other| *other != engine);
        for other in others.chain([&"hub"]) {
            assert!(!manifest.contains(&format!("sockeye-{other}")), "{engine} depends on {other}");
        }
    }
}

#[test]
fn architecture_names_every_crate_and_stays_short() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    assert!(text.lines().count() <= ARCHITECTURE_LINES_MAX);
    let crates: BTreeSet<String> = fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for name in crates {
        assert!(text.contains(&format!("crates/{name}")), "ARCHITECTURE.md: crates/{name}");
    }
}

#[test]
fn every_crate_takes_its_lints_and_versions_from_the_workspace() {
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let path = entry.unwrap().path().join("Cargo.toml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("[lints]\nworkspace = true"), "{}", path.display());
        let versions = text.lines().filter(|line| {
            let pinned = line.contains("version = \"") || line.contains("= \"");
            pinned
                && !line.starts_with("name")
                && !line.starts_with("description")
                && !line.starts_with("rust-version")
                && !line.contains("path = ")
        });
        let found: Vec<&str> = versions.collect();
        assert!(found.is_empty(), "{}: {found:?}", path.display());
    }
}

#[test]
fn every_fuzz_target_has_a_small_corpus_that_a_test_replays() {
    const CORPUS_FILES_MAX: usize = 60;
    const CORPUS_BYTES_MAX: u64 = 200_000;
    let stems = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(root().join("fuzz").join(folder)).unwrap();
        let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
        entries.map(|entry| stem(entry.unwrap().path())).collect()
    };
    let targets = stems("fuzz_targets");
    assert_eq!(stems("corpus"), targets, "a corpus for each target, and no other");
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    let readme = fs::read_to_string(root().join("fuzz/README.md")).unwrap();
    let tests: String = sources().iter().filter(|s| s.is_test()).map(|s| &*s.text).collect();
    for target in targets {
        assert!(manifest.contains(&format!("name = \"{target}\"")), "fuzz/Cargo.toml: {target}");
        assert!(readme.contains(&format!("`{target}`")), "fuzz/README.md: {target}");
        assert!(tests.contains(&format!("replay(\"{target}\"")), "no test replays {target}");
        let files: Vec<u64> = fs::read_dir(root().join("fuzz/corpus").join(&target))
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .collect();
        assert!((1..=CORPUS_FILES_MAX).contains(&files.len()), "{target}: {}", files.len());
        assert!(files.iter().sum::<u64>() <= CORPUS_BYTES_MAX, "{target} is large");
    }
}
