//! `sockeye passwd`: what it prints, judged by the reference implementation; what it never shows.

use std::process::Command;

use sockeye_testkit::{Finished, Need, Process, need};

fn sockeye() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).arg("passwd");
    command
}

fn python(script: &str, args: &[&str]) -> Finished {
    Process::run(Command::new("python3").args(["-c", script]).args(args), b"")
}

#[test]
fn a_line_of_stdin_becomes_a_hash() {
    let ended = Process::run(&mut sockeye(), "grün und blau\nnot this\n".as_bytes());
    assert_eq!(ended.code(), Some(0), "{}", ended.err());
    let hash = ended.out();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && hash.ends_with('\n'), "{hash}");
    assert_eq!(hash.lines().count(), 1);
    let again = Process::run(&mut sockeye(), "grün und blau\n".as_bytes()).out();
    assert_ne!(again, hash, "each has its own salt");
    if !need(Need::PythonModule("argon2")) {
        return;
    }
    let script = "import sys, argon2; argon2.PasswordHasher().verify(sys.argv[1], sys.argv[2])";
    let judged = python(script, &[hash.trim(), "grün und blau"]);
    assert_eq!(judged.code(), Some(0), "{}", judged.err());
    assert_ne!(python(script, &[hash.trim(), "grün und grau"]).code(), Some(0));
}

#[test]
fn nothing_is_no_password() {
    for input in [&b""[..], b"\n"] {
        let ended = Process::run(&mut sockeye(), input);
        assert_eq!(ended.code(), Some(2), "{}", ended.err());
        assert!(ended.err().contains("a password is needed"), "{}", ended.err());
        assert_eq!(ended.out(), "");
    }
    let argv = Process::run(sockeye().arg("secret"), b"");
    assert_eq!(argv.code(), Some(2), "never as an argument");
}

/// Runs a command on a terminal of its own; for each prompt that is shown types a line. Prints what
/// the terminal showed, whether it echoes at the end, and the exit status.
const ON_A_TERMINAL: &str = r#"
import os, pty, signal, sys, termios
master, slave = pty.openpty()
child = os.fork()
if child == 0:
    os.setsid()
    os.close(master)
    for number in range(3):
        os.dup2(slave, number)
    os.execv(sys.argv[1], [sys.argv[1], "passwd"])
shown = b""
for number, line in enumerate(sys.argv[2:], 1):
    while shown.count(b": ") < number:
        shown += os.read(master, 1000)
    echo = termios.tcgetattr(slave)[3] & termios.ECHO
    assert not echo, "the terminal shows what is typed"
    if line == "SIGINT":
        os.kill(child, signal.SIGINT)
    else:
        os.write(master, line.encode())
_, status = os.waitpid(child, 0)
echo = termios.tcgetattr(slave)[3] & termios.ECHO
os.set_blocking(master, False)
try:
    while True:
        shown += os.read(master, 1000)
except BlockingIOError:
    pass
sys.stdout.buffer.write(shown)
print("echo", bool(echo), "exit", os.waitstatus_to_exitcode(status))
"#;

#[test]
fn a_terminal_is_asked_twice_and_shows_nothing() {
    if !need(Need::Program("python3")) {
        return;
    }
    let typed = |lines: &[&str]| {
        let ended = python(ON_A_TERMINAL, &[&[env!("CARGO_BIN_EXE_sockeye")], lines].concat());
        assert_eq!(ended.code(), Some(0), "{}", ended.err());
        let shown = ended.out();
        assert!(!shown.contains("secret"), "{shown}");
        shown
    };
    let shown = typed(&["secret\n", "secret\n"]);
    assert!(shown.contains("Password: ") && shown.contains("The same again: "), "{shown}");
    assert!(shown.contains("$argon2id$v=19$") && shown.contains("echo True exit 0"), "{shown}");
    let shown = typed(&["secret\n", "secrets\n"]);
    assert!(shown.contains("two different passwords"), "{shown}");
    assert!(shown.contains("echo True exit 2") && !shown.contains("$argon2id$"), "{shown}");
    let shown = typed(&["secret\n", "SIGINT"]);
    assert!(shown.contains("echo True exit 130"), "{shown}");
}
