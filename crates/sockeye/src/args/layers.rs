//! The layers below the command line: environment and file. What they set and the command line
//! does not becomes ordinary arguments, so that clap is the only parser and judge.
//!
//! ```text
//! variable = "SOCKEYE_" *( COMMAND "_" ) FLAG      ; upper case, `-` as `_`; lists by commas,
//!                                                  ; rules of access one a line
//! file     = *( flag "=" value ) *( "[" command *( "." command ) "]" *( flag "=" value ) )
//! ```
//!
//! A flag of a higher layer replaces the lower one's, lists included, and silences every flag of
//! a lower layer that conflicts with it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{Arg, ArgAction, Command};
use toml::{Table, Value};

/// Lists whose items have commas of their own; in the environment they stand one a line.
const ONE_A_LINE: &[&str] = &["auth"];

/// What is wrong below the command line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LayerError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// The file is not TOML.
    #[error("the configuration file {} is not valid TOML: {source}", path.display())]
    Syntax { path: PathBuf, source: Box<toml::de::Error> },
    /// A table or key that nothing reads.
    #[error("{place}: there is no setting `{key}`; `sockeye {command}--help` lists them")]
    Unknown { place: String, key: String, command: String },
    /// A value of the wrong kind.
    #[error("{place}: expected {expected}")]
    Kind { place: String, expected: &'static str },
}

/// The variables whose names start with `SOCKEYE_`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// Takes them from the process.
    pub(crate) fn of_process() -> Environment {
        let ours = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value));
        let all = std::env::vars_os().filter_map(ours);
        Environment(all.filter(|(name, _)| name.starts_with("SOCKEYE_")).collect())
    }

    /// The file that `SOCKEYE_CONFIG` names; an empty value names none.
    fn config(&self) -> Option<&OsString> {
        self.0.get("SOCKEYE_CONFIG").filter(|path| !path.is_empty())
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Environment {
        Environment(pairs.into_iter().map(|(n, v)| (n.into(), v.into())).collect())
    }
}

/// What the command line says already.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The words of the command, such as `chat serve`.
    path: Vec<String>,
    /// Where further arguments of that command may be inserted.
    insert_at: usize,
    /// The ids of the arguments that were given.
    given: Vec<String>,
    /// The value of `--config`.
    config: Option<OsString>,
}

/// Finds the command and the arguments that a command line names, without judging it.
pub(crate) fn survey(command: &Command, argv: &[OsString]) -> Seen {
    let mut root = command.clone();
    root.build();
    let mut at = &root;
    let mut seen = Seen { insert_at: 1, ..Seen::default() };
    let mut words = argv.iter().enumerate().skip(1);
    while let Some((index, word)) = words.next() {
        let text = word.to_string_lossy();
        if text == "--" {
            break;
        }
        let (arg, value) = if let Some(long) = text.strip_prefix("--") {
            let (name, value) = split_value(long);
            (find_long(at, name), value.map(str::to_owned))
        } else if let Some(shorts) = text.strip_prefix('-').filter(|rest| !rest.is_empty()) {
            last_short(at, shorts, &mut seen.given)
        } else {
            if let Some(next) = at.find_subcommand(text.as_ref()) {
                at = next;
                seen.path.push(next.get_name().to_owned());
                seen.insert_at = index + 1;
            }
            continue;
        };
        let Some(arg) = arg else { continue };
        seen.given.push(arg.get_id().to_string());
        let value = value.map(OsString::from).or_else(|| {
            needs_value(arg).then(|| words.next().map(|(_, word)| word.clone())).flatten()
        });
        if arg.get_id() == "config" {
            seen.config = value;
        }
    }
    seen
}

fn split_value(long: &str) -> (&str, Option<&str>) {
    long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)))
}

/// Notes every flag of a cluster such as `-vvp 80`; gives the one that takes the value.
fn last_short<'a>(
    at: &'a Command,
    shorts: &str,
    given: &mut Vec<String>,
) -> (Option<&'a Arg>, Option<String>) {
    for (index, short) in shorts.char_indices() {
        let Some(arg) = at.get_arguments().find(|arg| arg.get_short() == Some(short)) else {
            return (None, None);
        };
        if takes_value(arg) {
            let rest = &shorts[index + short.len_utf8()..];
            let value = rest.strip_prefix('=').unwrap_or(rest);
            return (Some(arg), (!value.is_empty()).then(|| value.to_owned()));
        }
        given.push(arg.get_id().to_string());
    }
    (None, None)
}

fn find_long<'a>(at: &'a Command, name: &str) -> Option<&'a Arg> {
    at.get_arguments()
        .find(|arg| arg.get_long_and_visible_aliases().is_some_and(|all| all.contains(&name)))
}

fn takes_value(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
}

/// Tells whether the value may stand in the next word (an optional one needs `=`).
fn needs_value(arg: &Arg) -> bool {
    takes_value(arg) && arg.get_num_args().is_none_or(|range| range.min_values() > 0)
}

/// The configuration file, checked against the commands that there are.
#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    path: Option<PathBuf>,
    name: String,
    table: Table,
}

impl File {
    /// Where it is, where there is one.
    pub(super) fn path(&self) -> Option<PathBuf> {
        self.path.clone()
    }

    /// Reads the file that `--config` or `SOCKEYE_CONFIG` names; an empty one where none is.
    pub(crate) fn of(
        command: &Command,
        seen: &Seen,
        env: &Environment,
    ) -> Result<File, LayerError> {
        let Some(path) = seen.config.as_ref().or_else(|| env.config()) else {
            return Ok(File::default());
        };
        let path = PathBuf::from(path);
        let text = std::fs::read_to_string(&path)
            .map_err(|source| LayerError::Unreadable { path: path.clone(), source })?;
        let name = path.display().to_string();
        let place = Some(path.clone());
        let table =
            text.parse().map_err(|source| LayerError::Syntax { path, source: Box::new(source) })?;
        let mut root = command.clone();
        root.build();
        check(&root, &table, &name, "")?;
        Ok(File { path: place, name, table })
    }
}

/// Refuses every key that is neither a flag nor a command of `at`, all the way down.
fn check(at: &Command, table: &Table, place: &str, words: &str) -> Result<(), LayerError> {
    for (key, value) in table {
        match (at.find_subcommand(key), value) {
            (Some(next), Value::Table(inner)) => {
                check(next, inner, &format!("{place}, [{words}{key}]"), &format!("{words}{key} "))?;
            }
            _ if settable(at).any(|(arg, long)| names(long, key) && arg.get_id() != "config") => {}
            _ => {
                let (place, key) = (place.to_owned(), key.clone());
                return Err(LayerError::Unknown { place, key, command: words.to_owned() });
            }
        }
    }
    Ok(())
}

/// Compares a flag's name with a key of the file, which may use `_` for `-`.
fn names(long: &str, key: &str) -> bool {
    long == key.replace('_', "-")
}

/// Lists the flags of a command that a lower layer may set, with their long names.
fn settable(at: &Command) -> impl Iterator<Item = (&Arg, &str)> {
    let all = at.get_arguments().filter_map(|arg| Some((arg, arg.get_long()?)));
    all.filter(|(_, long)| !matches!(*long, "help" | "version"))
}

/// Inserts what the lower layers set and `argv` does not say.
pub(crate) fn merge(
    command: &Command,
    mut argv: Vec<OsString>,
    seen: &Seen,
    layers: &super::Layers,
) -> Result<Vec<OsString>, LayerError> {
    let mut root = command.clone();
    root.build();
    let mut given = seen.given.clone();
    let mut extra = Vec::new();
    let mut at = &root;
    let mut levels = vec![at];
    for word in &seen.path {
        at = at.find_subcommand(word).expect("survey found this command");
        levels.push(at);
    }
    let mut from_environment = |arg: &Arg, long: &str, words: &[String]| {
        let (name, value) = variable(words, long, &layers.environment)?;
        Some(from_text(arg, long, &name, value))
    };
    let mut from_file = |arg: &Arg, long: &str, words: &[String]| {
        let value = lookup(&layers.file.table, words, long)?;
        Some(from_toml(arg, long, &layers.file.name, value))
    };
    add(&levels, &seen.path, &mut given, &mut extra, &mut from_environment)?;
    add(&levels, &seen.path, &mut given, &mut extra, &mut from_file)?;
    argv.splice(seen.insert_at..seen.insert_at, extra);
    Ok(argv)
}

type Source<'a> =
    dyn FnMut(&Arg, &str, &[String]) -> Option<Result<Vec<OsString>, LayerError>> + 'a;

/// Adds one layer: the command's own name for a flag first, then the names of the levels above it
/// (a global flag may stand at the top of the file).
fn add(
    levels: &[&Command],
    path: &[String],
    given: &mut Vec<String>,
    extra: &mut Vec<OsString>,
    source: &mut Source<'_>,
) -> Result<(), LayerError> {
    let leaf = levels[levels.len() - 1];
    let before = given.clone();
    for (arg, long) in settable(leaf).filter(|(arg, _)| arg.get_id() != "config") {
        let mut higher =
            leaf.get_arguments().filter(|arg| before.iter().any(|g| arg.get_id() == g));
        if higher.any(|higher| excludes(leaf, higher, arg)) {
            continue;
        }
        let depths = (0..levels.len()).rev();
        let known = depths.filter(|depth| settable(levels[*depth]).any(|(_, name)| name == long));
        for depth in known {
            if let Some(words) = source(arg, long, &path[..depth]) {
                extra.extend(words?);
                given.push(arg.get_id().to_string());
                break;
            }
        }
    }
    Ok(())
}

/// Tells whether one of two flags leaves no place for the other: they are the same, or either
/// says that it conflicts (clap knows only of the one that says so).
fn excludes(leaf: &Command, one: &Arg, other: &Arg) -> bool {
    let says = |one: &Arg, other: &Arg| {
        leaf.get_arg_conflicts_with(one).iter().any(|rival| rival.get_id() == other.get_id())
    };
    one.get_id() == other.get_id() || says(one, other) || says(other, one)
}

fn variable<'a>(words: &[String], long: &str, env: &'a Environment) -> Option<(String, &'a OsStr)> {
    let mut name = String::from("SOCKEYE_");
    for word in words.iter().map(String::as_str).chain([long]) {
        if !name.ends_with("SOCKEYE_") {
            name.push('_');
        }
        name.push_str(&word.to_ascii_uppercase().replace('-', "_"));
    }
    let value = env.0.get(&name)?;
    Some((name, value.as_os_str()))
}

fn lookup<'a>(table: &'a Table, words: &[String], long: &str) -> Option<&'a Value> {
    let inner = words.iter().try_fold(table, |table, word| table.get(word)?.as_table())?;
    inner.iter().find(|(key, _)| names(long, key)).map(|(_, value)| value)
}

fn from_text(
    arg: &Arg,
    long: &str,
    name: &str,
    value: &OsStr,
) -> Result<Vec<OsString>, LayerError> {
    let text = value.to_string_lossy();
    if !takes_value(arg) {
        let value = match text.as_ref() {
            "true" | "yes" | "on" => Value::Boolean(true),
            "false" | "no" | "off" | "" => Value::Boolean(false),
            other => other.parse().map_or(Value::String(other.to_owned()), Value::Integer),
        };
        return from_toml(arg, long, name, &value);
    }
    if matches!(arg.get_action(), ArgAction::Append) {
        let between = if ONE_A_LINE.contains(&long) { '\n' } else { ',' };
        let items = text.split(between).filter(|item| !item.is_empty() || between == ',');
        let words = items.flat_map(|item| match needs_value(arg) {
            true => vec![assign(long, item)],
            false => optional(long, item),
        });
        return Ok(words.collect());
    }
    if !needs_value(arg) {
        return Ok(optional(long, &text));
    }
    let mut word = OsString::from(format!("--{long}="));
    word.push(value);
    Ok(vec![word])
}

fn from_toml(
    arg: &Arg,
    long: &str,
    name: &str,
    value: &Value,
) -> Result<Vec<OsString>, LayerError> {
    let fail = |expected| Err(LayerError::Kind { place: format!("{name}, `{long}`"), expected });
    if !takes_value(arg) {
        return match (arg.get_action(), value) {
            (ArgAction::Count, Value::Integer(n @ 0..=9)) => {
                Ok((0..*n).map(|_| OsString::from(format!("--{long}"))).collect())
            }
            (_, Value::Boolean(true) | Value::Integer(1)) => Ok(vec![format!("--{long}").into()]),
            (_, Value::Boolean(false) | Value::Integer(0)) => Ok(Vec::new()),
            (ArgAction::Count, _) => fail("a number from 0 to 9"),
            _ => fail("true or false"),
        };
    }
    let words = |value: &Value| match value {
        Value::String(text) if !needs_value(arg) => Some(optional(long, text)),
        Value::String(text) => Some(vec![assign(long, text)]),
        Value::Integer(number) => Some(vec![assign(long, &number.to_string())]),
        Value::Float(number) => Some(vec![assign(long, &number.to_string())]),
        Value::Boolean(on) if !needs_value(arg) => Some(optional(long, &on.to_string())),
        _ => None,
    };
    match value {
        Value::Array(items) if matches!(arg.get_action(), ArgAction::Append) => {
            let all: Option<Vec<_>> = items.iter().map(words).collect();
            all.map_or_else(|| fail("a list of strings or numbers"), |all| Ok(all.concat()))
        }
        single => words(single).map_or_else(|| fail("a string or a number"), Ok),
    }
}

fn assign(long: &str, value: &str) -> OsString {
    format!("--{long}={value}").into()
}

/// A flag whose value may be left out: `true` is the bare flag, `false` none.
fn optional(long: &str, text: &str) -> Vec<OsString> {
    match text {
        "true" => vec![format!("--{long}").into()],
        "false" => Vec::new(),
        value => vec![assign(long, value)],
    }
}

#[cfg(test)]
mod tests;
