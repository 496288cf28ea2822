//! The frame: help, version, usage errors, layers, completions, manual pages, exit codes.

use std::process::{Command, Output, Stdio};

/// Runs the binary with a clean environment.
fn sockeye(args: &[&str]) -> Output {
    with_env(args, &[])
}

fn with_env(args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.args(args).envs(env.iter().copied()).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn help_names_every_command_and_ends_with_0() {
    let output = sockeye(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let commands = [
        "up",
        "serve",
        "chat",
        "send",
        "receive",
        "scan",
        "connect",
        "listen",
        "passwd",
        "completions",
        "man",
    ];
    for command in commands {
        assert!(text(&output.stdout).contains(command), "{command}");
        let help = sockeye(&[command, "--help"]);
        assert_eq!(help.status.code(), Some(0));
        assert!(text(&help.stdout).contains("Example"), "{command} --help shows no example");
    }
    assert!(text(&sockeye(&["--version"]).stdout).starts_with("sockeye 0."));
}

#[test]
fn a_wrong_command_line_ends_with_2_and_says_what_is_wrong() {
    let too_many = ["serve", "--check-config", "--threads", "100000"];
    let none = ["receive", "--plain-md5", "--check-config", "--max-conns", "0"];
    let wrong: [&[&str]; 6] =
        [&["nonsense"], &["man", "--nonsense"], &["completions", "cobol"], &too_many, &none, &[]];
    for args in wrong {
        let output = sockeye(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn a_wrong_file_or_variable_ends_with_2_and_names_the_place() {
    let output = sockeye(&["--config", "/nowhere/x.toml", "man"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("/nowhere/x.toml"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.toml");
    std::fs::write(&file, "[man]\nnope = 1\n").unwrap();
    let output = sockeye(&["--config", file.to_str().unwrap(), "man"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("no setting `nope`"), "{}", text(&output.stderr));
    let output = with_env(&["man"], &[("SOCKEYE_COLOR", "green")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("green"));
}

#[test]
fn a_setting_may_come_from_the_environment_or_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let [by_env, by_file] = ["env", "file"].map(|name| folder.path().join(name));
    let output = with_env(&["man"], &[("SOCKEYE_MAN_DIR", by_env.to_str().unwrap())]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
    assert!(by_env.join("sockeye-man.1").is_file());
    let file = folder.path().join("s.toml");
    std::fs::write(&file, format!("[man]\ndir = {by_file:?}\n")).unwrap();
    let config = [("SOCKEYE_CONFIG", file.to_str().unwrap())];
    assert_eq!(with_env(&["man"], &config).status.code(), Some(0));
    assert!(by_file.join("sockeye.1").is_file());
}

#[test]
fn check_config_runs_nothing() {
    let output = sockeye(&["man", "--check-config"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.is_empty());
}

#[test]
fn completions_and_the_manual_are_printed() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = sockeye(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        assert!(text(&output.stdout).contains("completions"), "{shell}");
    }
    assert!(text(&sockeye(&["man"]).stdout).starts_with(".ie"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sockeye"))
        .args(["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}
