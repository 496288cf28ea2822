//! The layers over a small command of their own.

use std::io::Write;

use clap::{Arg, ArgAction, Command};

use super::*;
use crate::args::Layers;

fn command() -> Command {
    let flag = |name: &'static str| Arg::new(name).long(name);
    Command::new("sockeye")
        .arg(flag("config").global(true))
        .arg(flag("verbose").short('v').global(true).action(ArgAction::Count))
        .arg(flag("log-format").global(true))
        .subcommand(
            Command::new("serve")
                .arg(flag("port").short('p').conflicts_with("bind"))
                .arg(flag("bind").short('b').action(ArgAction::Append))
                .arg(flag("hidden").action(ArgAction::SetTrue))
                .arg(flag("spa").num_args(0..=1).require_equals(true))
                .arg(Arg::new("DIR")),
        )
        .subcommand(Command::new("chat").subcommand(Command::new("serve").arg(flag("max-clients"))))
}

fn merged(argv: &str, env: Environment, file: &str) -> Result<String, LayerError> {
    let argv: Vec<OsString> = argv.split(' ').map(OsString::from).collect();
    let mut seen = survey(&command(), &argv);
    let mut written = tempfile::NamedTempFile::new().unwrap();
    written.write_all(file.as_bytes()).unwrap();
    seen.config = Some(written.path().into());
    let file = File::of(&command(), &seen, &env)?;
    let all = merge(&command(), argv, &seen, &Layers { environment: env, file })?;
    let words: Vec<String> = all.into_iter().map(|word| word.into_string().unwrap()).collect();
    Ok(words.join(" "))
}

#[test]
fn flags_beat_the_environment_and_the_environment_beats_the_file() {
    let file = "[serve]\nport = 3\nhidden = true";
    let env = || Environment::from([("SOCKEYE_SERVE_PORT", "2")]);
    assert_eq!(merged("sockeye serve -p 1", env(), file).unwrap(), "sockeye serve --hidden -p 1");
    assert_eq!(
        merged("sockeye serve d", env(), file).unwrap(),
        "sockeye serve --port=2 --hidden d"
    );
    assert_eq!(
        merged("sockeye serve", Environment::default(), file).unwrap(),
        "sockeye serve --port=3 --hidden"
    );
}

#[test]
fn a_flag_silences_what_conflicts_with_it_in_lower_layers() {
    let env = Environment::from([("SOCKEYE_SERVE_PORT", "2")]);
    assert_eq!(merged("sockeye serve -b :1", env, "").unwrap(), "sockeye serve -b :1");
    let env = || Environment::from([("SOCKEYE_SERVE_BIND", ":2")]);
    assert_eq!(merged("sockeye serve -p 1", env(), "").unwrap(), "sockeye serve -p 1");
    let file = "[serve]\nport = 3";
    assert_eq!(merged("sockeye serve", env(), file).unwrap(), "sockeye serve --bind=:2");
}

#[test]
fn a_list_is_replaced_whole() {
    let file = "[serve]\nbind = [':1', ':2']";
    assert_eq!(
        merged("sockeye serve", Environment::default(), file).unwrap(),
        "sockeye serve --bind=:1 --bind=:2"
    );
    let env = || Environment::from([("SOCKEYE_SERVE_BIND", ":3,:4")]);
    assert_eq!(merged("sockeye serve", env(), file).unwrap(), "sockeye serve --bind=:3 --bind=:4");
    assert_eq!(merged("sockeye serve -b:5", env(), file).unwrap(), "sockeye serve -b:5");
}

#[test]
fn nested_commands_counts_and_optional_values() {
    let env = Environment::from([
        ("SOCKEYE_CHAT_SERVE_MAX_CLIENTS", "9"),
        ("SOCKEYE_VERBOSE", "2"),
        ("SOCKEYE_LOG_FORMAT", "json"),
    ]);
    assert_eq!(
        merged("sockeye chat serve", env, "[chat.serve]\nmax_clients = 4").unwrap(),
        "sockeye chat serve --max-clients=9 --verbose --verbose --log-format=json"
    );
    for (text, spa) in [("true", " --spa"), ("false", ""), ("app.html", " --spa=app.html")] {
        let env = Environment::from([("SOCKEYE_SERVE_SPA", text)]);
        let expected = format!("sockeye serve{spa}");
        assert_eq!(merged("sockeye serve", env, "").unwrap(), expected);
    }
}

#[test]
fn a_directory_named_like_a_command_is_a_directory() {
    let argv: Vec<OsString> =
        ["sockeye", "-v", "--log-format", "json", "serve", "serve"].map(OsString::from).to_vec();
    let seen = survey(&command(), &argv);
    assert_eq!((seen.path, seen.insert_at), (vec!["serve".to_owned()], 5));
    assert_eq!(seen.given, ["verbose", "log-format"]);
}

#[test]
fn mistakes_are_named() {
    let message = |file: &str| {
        let text = merged("sockeye serve", Environment::default(), file).unwrap_err().to_string();
        text.split_once(": ").map_or(text.clone(), |(_, rest)| rest.to_owned())
    };
    assert_eq!(
        message("[serve]\nprot = 1"),
        "there is no setting `prot`; `sockeye serve --help` lists them"
    );
    assert_eq!(message("nope = 1"), "there is no setting `nope`; `sockeye --help` lists them");
    assert_eq!(message("[serve]\nhidden = 'x'"), "expected true or false");
    assert_eq!(message("[serve]\nport = [1]"), "expected a string or a number");
    assert!(message("[serve").contains("TOML") || !message("[serve").is_empty());
    let env = Environment::from([("SOCKEYE_SERVE_HIDDEN", "maybe")]);
    let error = merged("sockeye serve", env, "").unwrap_err().to_string();
    assert_eq!(error, "SOCKEYE_SERVE_HIDDEN, `hidden`: expected true or false");
}

proptest::proptest! {
    // Each case reads a file.
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(128))]

    /// Whatever the layers say: the command line stays as it is, a flag comes from the highest
    /// layer that has it, and what is merged once is complete.
    #[test]
    fn the_highest_layer_that_says_something_wins(
        cli in proptest::sample::select(&CLI[..]),
        env in proptest::sample::subsequence(&ENV[..], 0..ENV.len()),
        file in proptest::sample::subsequence(&FILE[..], 0..FILE.len()),
    ) {
        let pairs: BTreeMap<String, OsString> =
            env.iter().map(|(name, value)| ((*name).to_owned(), value.into())).collect();
        let file = format!("log_format = 'json'\n[serve]\n{}", file.join("\n"));
        let argv = format!("sockeye serve{cli}");
        let once = merged(&argv, Environment(pairs.clone()), &file).unwrap();
        let twice = merged(&once, Environment(pairs), &file).unwrap();
        proptest::prop_assert_eq!(&twice, &once, "merged again");
        let added = once.strip_prefix("sockeye serve").and_then(|rest| rest.strip_suffix(cli));
        let added: Vec<&str> = added.expect("the command line stays").split_whitespace().collect();
        let has = |words: &[&str], start: &str| words.iter().any(|word| word.starts_with(start));
        let names: Vec<&str> = env.iter().map(|(name, _)| *name).collect();
        let typed = cli.contains("-p") || cli.contains("-b");
        let set = names.contains(&"SOCKEYE_SERVE_PORT") || names.contains(&"SOCKEYE_SERVE_BIND");
        let lower = ["--port=3", "--bind=:3"].map(|word| added.contains(&word));
        proptest::prop_assert!(!(typed || set) || lower == [false; 2], "{}", once);
        proptest::prop_assert!(!typed || !(has(&added, "--port") || has(&added, "--bind")));
        proptest::prop_assert!(added.contains(&"--log-format=json"));
        let hidden = added.iter().filter(|word| **word == "--hidden").count();
        proptest::prop_assert!(hidden + usize::from(cli.contains("--hidden")) <= 1);
        proptest::prop_assert!(!names.contains(&"SOCKEYE_SERVE_HIDDEN") || hidden == 0);
    }

    /// Any file is read or refused in words that name it, without what acts on a terminal.
    #[test]
    fn any_file_is_read_or_refused(
        file in "(\\[?(serve|chat\\.serve|bind|port|spa|hidden|verbose|\\PC|\x1b)\\]? ?=? ?\
            (1|-1|2.5|true|'a'|\\['a'\\]|\\{\\}|\u{202e})?\n){0,4}",
    ) {
        match merged("sockeye serve", Environment::default(), &file) {
            Ok(words) => proptest::prop_assert!(words.starts_with("sockeye serve"), "{}", words),
            Err(error) => proptest::prop_assert!(!error.to_string().is_empty()),
        }
    }
}

/// What the environment may say.
const ENV: [(&str, &str); 4] = [
    ("SOCKEYE_SERVE_PORT", "2"),
    ("SOCKEYE_SERVE_BIND", ":2"),
    ("SOCKEYE_SERVE_HIDDEN", "no"),
    ("SOCKEYE_SERVE_SPA", "false"),
];

/// What the file may say of `serve`.
const FILE: [&str; 4] = ["port = 3", "bind = [':3']", "hidden = true", "spa = 'a.html'"];

/// What the command line may say.
const CLI: [&str; 6] = ["", " --port=1", " -p 1", " -b :1", " --hidden", " d"];
