//! Every command of README.md and docs/from-the-tutorial.md runs, and its output is compared.
//!
//! | fence | what the test does |
//! |---|---|
//! | `sh` | runs each line; a server is waited for and stopped |
//! | `console` | runs what follows `$ `, compares what is shown below it (see `pattern`) |
//! | `console root` | the same, where the test runs as root |
//! | `rust` | nothing here: it is compiled and run with the documentation of `sockeye-socket` |
//! | `text` | nothing: diagrams and formats, which hold no command |
//!
//! In a session a command that ends with `&` runs until its block ends, `kill` and `wait`
//! speak of the Nth of them (`%N`) or the last (`$!`), and what these say appears wherever the
//! document shows it.
//! The ports 8080, 9000, 9001 and 6000 stand for free ones. How many blocks of each kind and how
//! many commands a document has is written down here, so that none is left out unseen.

mod markdown;
mod pattern;
mod session;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use markdown::{Block, blocks, commands_in_text};
use session::Place;
use sockeye_testkit::{Need, need};

/// Programs that a block may use and that not every machine has.
const TOOLS: &[&str] = &["curl", "nc", "md5sum", "python3", "nmap", "ss"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

/// Runs all blocks of a document, one after another in one folder; gives how many of each kind
/// there are, and how many commands of ours they have.
fn run(document: &str) -> BTreeMap<String, usize> {
    let text = fs::read_to_string(root().join(document)).unwrap();
    let place = Place::new();
    let mut counts = BTreeMap::new();
    for block in blocks(&text) {
        *counts.entry(block.kind.clone()).or_default() += 1;
        let at = format!("{document}:{}", block.line);
        let steps = match block.kind.as_str() {
            "sh" => block.lines(),
            "console" | "console root" => block.steps(&at),
            "rust" | "text" => {
                assert!(!has_a_command(&block), "{at}: a command in a block that is not run");
                continue;
            }
            other => panic!("{at}: the test does not know what to do with a {other:?} block"),
        };
        *counts.entry("commands".to_owned()).or_default() += steps.len();
        if is_possible(&block) {
            place.run(&at, &steps);
        }
    }
    counts
}

fn has_a_command(block: &Block) -> bool {
    block
        .body
        .lines()
        .any(|line| line.trim_start().trim_start_matches("$ ").starts_with("sockeye "))
}

/// Asks for what the block needs; says SKIPPED where it is not there.
fn is_possible(block: &Block) -> bool {
    let says = |tool: &str| {
        let words = block.body.split(|c: char| c.is_whitespace() || "()|;$<".contains(c));
        words.into_iter().any(|word| word == tool)
    };
    let root = block.kind != "console root" || need(Need::Root);
    root && TOOLS.iter().filter(|tool| says(tool)).all(|tool| need(Need::Program(tool)))
}

fn counts(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    expected.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect()
}

#[test]
fn every_command_of_the_tutorial_document_runs() {
    let found = run("docs/from-the-tutorial.md");
    assert_eq!(
        found,
        counts(&[("commands", 47), ("console", 12), ("console root", 1), ("rust", 8), ("text", 3)])
    );
}

#[test]
fn every_command_block_of_the_readme_runs() {
    let found = run("README.md");
    assert_eq!(found, counts(&[("commands", 2), ("sh", 1)]));
}

#[test]
fn the_readme_begins_with_the_two_commands() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let first = blocks(&text).next().unwrap();
    let commands: Vec<String> = first.lines().into_iter().map(|step| step.command).collect();
    assert_eq!(commands, ["cargo run --release -- up .", "cargo test --workspace"]);
}

#[test]
fn every_one_liner_of_the_documents_runs() {
    for (document, expected) in [("README.md", 16), ("docs/from-the-tutorial.md", 1)] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        let commands = commands_in_text(&text);
        for command in &commands {
            Place::new().run_one_liner(&format!("{document}: `{command}`"), command);
        }
        assert_eq!(commands.len(), expected, "{document}: {commands:#?}");
    }
}

#[test]
fn the_programs_are_tests_of_the_socket_crate() {
    let lib = fs::read_to_string(root().join("crates/socket/src/lib.rs")).unwrap();
    assert!(lib.contains("include_str!(\"../../../docs/from-the-tutorial.md\")"));
}

#[test]
fn links_between_the_documents_lead_somewhere() {
    let mut links = 0;
    for document in ["README.md", "docs/from-the-tutorial.md", "ARCHITECTURE.md"] {
        let path = root().join(document);
        let text = fs::read_to_string(&path).unwrap();
        let headings = markdown::anchors(&text);
        for link in markdown::links(&text) {
            links += 1;
            if let Some(anchor) = link.strip_prefix('#') {
                assert!(
                    headings.iter().any(|h| h == anchor),
                    "{document}: #{anchor}: {headings:?}"
                );
            } else if !link.contains("://") {
                let file = link.split('#').next().unwrap();
                assert!(path.parent().unwrap().join(file).exists(), "{document}: {link}");
            }
        }
    }
    assert!(links > 10, "only {links} links were found");
}
