//! The only way to skip a test.
//!
//! A test that wants something which not every machine has asks [`need`] first. Where it is missing
//! the test says so on standard error, past the test harness's capture, and returns. What the
//! environment variable `SOCKEYE_TEST_REQUIRE` names must be there: `all`, or a list of needs
//! with commas between them, such as `root,mount-namespace,curl`.

use std::fmt;
use std::io::Write;
use std::process::{Command, Stdio};

/// The variable that names the needs which may not be missing.
const REQUIRE: &str = "SOCKEYE_TEST_REQUIRE";

/// What a test may want of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// Running as root.
    Root,
    /// Making a mount namespace and mounting a tmpfs in it.
    MountNamespace,
    /// Making a network namespace.
    NetNamespace,
    /// Making a namespace with a host name of its own.
    UtsNamespace,
    /// IPv6 on the loopback interface.
    Ipv6,
    /// The openat2 system call.
    Openat2,
    /// A kernel that has Landlock, and has it on.
    Landlock,
    /// A program on the search path; its name is the need's name.
    Program(&'static str),
    /// A module that `python3` can import; the need's name is `python-` and its name.
    PythonModule(&'static str),
}

impl Need {
    /// Says why it is missing, or `None` where it is there.
    fn missing(self) -> Option<String> {
        match self {
            Self::Root if rustix::process::geteuid().is_root() => None,
            Self::Root => Some("not running as root".to_owned()),
            Self::MountNamespace => {
                fails(Command::new("unshare").args(["-m", "mount", "-t", "tmpfs", "none", "/mnt"]))
            }
            Self::NetNamespace => fails(Command::new("unshare").args(["-n", "true"])),
            Self::UtsNamespace => fails(Command::new("unshare").args(["-u", "true"])),
            Self::Ipv6 => no_ipv6(),
            Self::Openat2 => no_openat2(),
            Self::Landlock => no_landlock(),
            Self::Program(name) => no_program(name),
            Self::PythonModule(name) => {
                fails(Command::new("python3").args(["-c", &format!("import {name}")]))
            }
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "root",
            Self::MountNamespace => "mount-namespace",
            Self::NetNamespace => "net-namespace",
            Self::UtsNamespace => "uts-namespace",
            Self::Ipv6 => "ipv6",
            Self::Openat2 => "openat2",
            Self::Landlock => "landlock",
            Self::Program(name) => name,
            Self::PythonModule(name) => return write!(f, "python-{name}"),
        })
    }
}

/// Tells whether the machine has `need`; where not, says `SKIPPED test: need: reason` on standard
/// error, and the test returns at once:
///
/// ```
/// use sockeye_testkit::{Need, need};
/// fn downloads_with_curl() {
///     if !need(Need::Program("curl")) {
///         return;
///     }
///     // …
/// }
/// ```
///
/// # Panics
/// Where it is missing and `SOCKEYE_TEST_REQUIRE` names it.
#[must_use]
#[track_caller]
pub fn need(need: Need) -> bool {
    let Some(reason) = need.missing() else { return true };
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let required = std::env::var(REQUIRE).unwrap_or_default();
    let line = verdict(test, need, &reason, &required).unwrap_or_else(|error| panic!("{error}"));
    // Not `eprintln!`: the test harness keeps what that prints of a test that passes.
    drop(std::io::stderr().write_all(line.as_bytes()));
    false
}

/// The line that says that `test` is skipped, or the message that it may not be.
fn verdict(test: &str, need: Need, reason: &str, required: &str) -> Result<String, String> {
    if is_required(required, need) {
        return Err(format!("{test} needs {need}, which {REQUIRE} demands: {reason}"));
    }
    Ok(format!("SKIPPED {test}: {need}: {reason}\n"))
}

fn is_required(list: &str, need: Need) -> bool {
    let name = need.to_string();
    list.split(',').map(str::trim).any(|word| word == "all" || word == name)
}

fn fails(command: &mut Command) -> Option<String> {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
    match quiet.output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr);
            Some(text.lines().next().unwrap_or("refused without a word").to_owned())
        }
        Err(error) => Some(error.to_string()),
    }
}

fn no_program(name: &str) -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|dir| dir.join(name).is_file());
    (!found).then(|| format!("no {name} on the search path"))
}

fn no_ipv6() -> Option<String> {
    std::net::UdpSocket::bind("[::1]:0").err().map(|error| format!("[::1]: {error}"))
}

fn no_landlock() -> Option<String> {
    use landlock::{ABI, Access, AccessFs, Ruleset, RulesetAttr, RulesetStatus};
    // Only the thread that asks is shut in.
    let asked = std::thread::spawn(|| {
        let handled = Ruleset::default().handle_access(AccessFs::from_all(ABI::V1))?;
        handled.create()?.restrict_self().map(|status| status.ruleset)
    });
    match asked.join() {
        Ok(Ok(RulesetStatus::NotEnforced)) | Err(_) => Some("the kernel has none".to_owned()),
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
    }
}

fn no_openat2() -> Option<String> {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let opened = openat2(CWD, ".", flags, Mode::empty(), ResolveFlags::BENEATH);
    opened.err().map(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_there() {
        assert!(need(Need::Program("sh")));
        assert_eq!(no_program("no-such-program").as_deref().map(|s| &s[..5]), Some("no no"));
    }

    #[test]
    fn the_list_names_what_may_not_be_missing() {
        for (list, expected) in [
            ("", false),
            ("all", true),
            ("root", false),
            ("curl", true),
            ("root, curl", true),
            ("curly,cur", false),
        ] {
            assert_eq!(is_required(list, Need::Program("curl")), expected, "{list:?}");
        }
    }

    #[test]
    fn a_missing_need_skips_or_fails() {
        let program = Need::Program("no-such-program");
        let line = verdict("a::test", program, "gone", "root").unwrap();
        assert_eq!(line, "SKIPPED a::test: no-such-program: gone\n");
        let error = verdict("a::test", program, "gone", "all").unwrap_err();
        assert!(error.contains("which SOCKEYE_TEST_REQUIRE demands"), "{error}");
    }
}
