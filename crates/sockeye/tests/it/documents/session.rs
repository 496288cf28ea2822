//! A terminal that types what a document shows. Nothing here sleeps: lines and ends come through
//! channels, every wait has a deadline, and what is started is stopped by its own id.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use sockeye_socket::{Socket, opt};

use super::markdown::Step;
use super::pattern::{GAP, matches};

/// How long a command, or a line that is waited for, may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// The ports of the documents; each stands for a free one.
const PORTS: [u16; 4] = [8080, 9000, 6000, 9001];

/// What README's second command does is done by who runs this test.
const NOT_RUN_AGAIN: &str = "cargo test --workspace";

/// The commands that listen until they are stopped.
const SERVERS: [&str; 5] =
    ["sockeye up", "sockeye serve", "sockeye chat serve", "sockeye receive", "sockeye listen"];

/// Folders, ports and environment in which a document's commands run.
pub(super) struct Place {
    folder: tempfile::TempDir,
    /// Bound, so that nobody else is given them; not listening, so that a server can be.
    ports: Vec<(u16, u16, Socket)>,
}

enum Event {
    Line(String),
    Exit(Option<i32>),
}

/// A command under way, or over.
struct Job {
    id: u32,
    command: String,
    background: bool,
    /// What it said and nobody has asked for yet.
    said: VecDeque<String>,
    exit: Option<Option<i32>>,
}

/// One block's session.
struct Terminal<'a> {
    place: &'a Place,
    jobs: Vec<Job>,
    sender: Sender<(usize, Event)>,
    events: Receiver<(usize, Event)>,
}

impl Place {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["bin", "home", "home/share", "home/site", "work", "work/dist"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let binary = Path::new(env!("CARGO_BIN_EXE_sockeye"));
        std::os::unix::fs::symlink(binary, folder.path().join("bin/sockeye")).unwrap();
        let reserve = |port| {
            let socket = reservation();
            (port, socket.getsockname().unwrap().port().unwrap(), socket)
        };
        Self { folder, ports: PORTS.map(reserve).into() }
    }

    /// Types the commands one after another, then stops what still runs.
    pub(super) fn run(&self, at: &str, steps: &[Step]) {
        let (sender, events) = channel();
        let mut terminal = Terminal { place: self, jobs: Vec::new(), sender, events };
        for step in steps {
            let at = format!("{at}: {}", step.command);
            let said = terminal.type_in(&at, &step.command);
            if let Some(shown) = &step.shown {
                terminal.compare(&at, shown, &said);
            }
        }
        terminal.stop(at);
    }

    /// Runs a command of the running text with its counterpart, if it needs one.
    pub(super) fn run_one_liner(&self, at: &str, command: &str) {
        let command = command
            .replace("HOST:80", "HOST:8080")
            .replace("--to HOST ", "--to HOST:6000 ")
            .replace("HOST", "127.0.0.1")
            // Nobody sits at a terminal who could be asked.
            .replace("--password ~", "--password-file ~/word ~")
            .replace("FILE", "~/file");
        std::fs::write(self.folder.path().join("home/word"), "some word\n").unwrap();
        std::fs::write(self.folder.path().join("work/dist/index.html"), "a page").unwrap();
        std::fs::write(self.folder.path().join("home/file"), "some bytes").unwrap();
        let counterpart = match command.split(' ').nth(1) {
            Some("send") => Some("sockeye receive --plain-md5 -b 6000 &"),
            Some("chat") if command.contains(" join") => Some("sockeye chat serve -b 9000 &"),
            Some("scan" | "connect") => Some("sockeye serve -b 8080 --timeout-header 1s ~/share &"),
            _ => None,
        };
        let all = counterpart.into_iter().chain([command.as_str()]);
        let step = |command: &str| Step { command: command.to_owned(), shown: None };
        self.run(at, &all.map(step).collect::<Vec<_>>());
    }

    fn command(&self, typed: &str, background: bool) -> Command {
        let root = self.folder.path();
        let path = std::env::var("PATH").unwrap_or_default();
        let port = |number: usize| self.ports[number].1;
        let ported = swap(typed, self.ports.iter().map(|(shown, real, _)| (*shown, *real)));
        // In the background the shell steps aside, so that an exit code is the command's own.
        let exec = if background && !ported.contains(['|', ';', '(']) { "exec " } else { "" };
        let mut bash = Command::new("bash");
        // Both streams in one order, as a terminal shows them.
        bash.args(["-c", &format!("exec 2>&1\n{exec}{ported}")])
            .env_clear()
            .env("PATH", format!("{}:{path}", root.join("bin").display()))
            .env("HOME", root.join("home"))
            .env("LC_ALL", "C.UTF-8")
            .env("SOCKEYE_SERVE_PORT", port(0).to_string())
            .env("SOCKEYE_UP_BIND", format!(":{}", port(0)))
            .env("SOCKEYE_UP_CHAT_LISTEN", format!(":{}", port(1)))
            .env("SOCKEYE_UP_RECEIVE_LISTEN", format!("127.0.0.1:{}", port(2)))
            .env("SOCKEYE_CHAT_SERVE_BIND", format!(":{}", port(1)))
            .env("SOCKEYE_RECEIVE_BIND", format!("127.0.0.1:{}", port(2)))
            .env("SOCKEYE_SEND_TO", format!("127.0.0.1:{}", port(2)))
            .current_dir(root.join("work"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0);
        bash
    }
}

impl Terminal<'_> {
    /// Gives what a command in the foreground said.
    fn type_in(&mut self, at: &str, command: &str) -> Vec<String> {
        if command == NOT_RUN_AGAIN {
            return Vec::new();
        }
        let command = command.replace("cargo run --release -- ", "sockeye ");
        if command.contains("COMMAND --help") {
            self.every_help(at);
            return Vec::new();
        }
        if let Some(name) = command.strip_prefix("wait ") {
            let (name, echo) = name.split_once(';').map_or((name, ""), |halves| halves);
            let code = self.wait(at, self.named(at, name));
            return if echo.is_empty() { Vec::new() } else { vec![code.to_string()] };
        }
        if let Some(rest) = command.strip_prefix("kill ") {
            let (signal, name) = rest.split_once(' ').unwrap_or(("-TERM", rest));
            let job = self.named(at, name);
            self.jobs[job].signal(signal);
            self.wait(at, job);
            return Vec::new();
        }
        let serves = SERVERS.iter().any(|server| command.starts_with(server))
            && !command.contains([';', '|'])
            && !command.contains("--help");
        let background = command.ends_with('&') || serves;
        let job = self.start(command.trim_end_matches('&').trim(), background);
        if serves {
            self.hear_until(at, "listening …", |terminal| {
                terminal.jobs[job].said.iter().any(|line| line.starts_with("listening "))
            });
        }
        if background {
            return Vec::new();
        }
        let code = self.wait(at, job);
        let said = Vec::from(std::mem::take(&mut self.jobs[job].said));
        assert!(code == 0, "{at}: ended with {code}\n{}", said.join("\n"));
        said
    }

    /// Every command has help with examples, or parts that have.
    fn every_help(&mut self, at: &str) {
        let listed = self.type_in(at, "sockeye --help");
        let commands = listed.iter().skip_while(|line| *line != "Commands:").skip(1);
        let names: Vec<&str> = commands.map_while(|line| line.split_whitespace().next()).collect();
        assert!(names.len() > 5, "{at}: {names:?}");
        for name in names {
            let help = self.type_in(at, &format!("sockeye {name} --help"));
            let tells =
                |line: &String| line.trim_start().starts_with("sockeye ") || line == "Commands:";
            assert!(help.iter().any(tells), "{at}: {name}");
        }
    }

    fn start(&mut self, command: &str, background: bool) -> usize {
        let mut child = self.place.command(command, background).spawn().unwrap();
        let (id, output) = (child.id(), child.stdout.take().unwrap());
        let (job, sender) = (self.jobs.len(), self.sender.clone());
        let back: Vec<(u16, u16)> = self.place.ports.iter().map(|(a, b, _)| (*b, *a)).collect();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while output.by_ref().take(1 << 20).read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                let text = String::from_utf8_lossy(&line);
                let text = swap(text.trim_end_matches('\n'), back.iter().copied());
                // Who waits may have given up.
                let _ = sender.send((job, Event::Line(text)));
                line.clear();
            }
            let code = child.wait().ok().and_then(|status| status.code());
            let _ = sender.send((job, Event::Exit(code)));
        });
        let (command, said) = (command.to_owned(), VecDeque::new());
        self.jobs.push(Job { id, command, background, said, exit: None });
        job
    }

    /// The job that the document calls `%N`, the Nth in the background, or `$!`, the last.
    fn named(&self, at: &str, name: &str) -> usize {
        let mut background = (0..self.jobs.len()).filter(|&job| self.jobs[job].background);
        let found = match name {
            "$!" => background.next_back(),
            _ => name
                .strip_prefix('%')
                .and_then(|number| number.parse::<usize>().ok())
                .and_then(|number| background.nth(number - 1)),
        };
        found.unwrap_or_else(|| panic!("{at}: there is no job {name:?}"))
    }

    /// Takes what the jobs say until `done`.
    fn hear_until(&mut self, at: &str, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !done(self) {
            match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok((job, Event::Line(line))) => self.jobs[job].said.push_back(line),
                Ok((job, Event::Exit(code))) => self.jobs[job].exit = Some(code),
                Err(_) => panic!("{at}: waited in vain for {what:?}; said:\n{}", self.talk()),
            }
            let running = self.jobs.iter().any(|job| job.exit.is_none());
            let over = !running && !done(self);
            assert!(!over, "{at}: all ended without {what:?}; said:\n{}", self.talk());
        }
    }

    /// Waits for the end; gives the exit code, -1 for a signal's end.
    fn wait(&mut self, at: &str, job: usize) -> i32 {
        self.hear_until(at, "the end", |terminal| terminal.jobs[job].exit.is_some());
        self.jobs[job].exit.flatten().unwrap_or(-1)
    }

    /// Each shown line is the next of what the command said, or is said in the background.
    fn compare(&mut self, at: &str, shown: &[String], said: &[String]) {
        let mut said = said;
        let mut gap = false;
        for line in shown {
            if line == GAP {
                gap = true;
                continue;
            }
            let reach = if gap { said.len() } else { said.len().min(1) };
            if let Some(position) = said[..reach].iter().position(|other| matches(line, other)) {
                said = &said[position + 1..];
                gap = false;
            } else {
                let what = format!("{line}; the command said {said:#?}");
                self.hear_until(at, &what, |terminal| terminal.was_said(line));
            }
        }
        assert!(gap || said.is_empty(), "{at}: said more than is shown:\n{}", said.join("\n"));
    }

    /// Takes `line` and what came before it from a job in the background.
    fn was_said(&mut self, line: &str) -> bool {
        self.jobs.iter_mut().any(|job| {
            let position = job.said.iter().position(|other| matches(line, other));
            position.is_some_and(|position| job.said.drain(..=position).count() > 0)
        })
    }

    fn talk(&self) -> String {
        let lines = self
            .jobs
            .iter()
            .flat_map(|job| job.said.iter().map(|line| format!("{}: {line}\n", job.command)));
        lines.collect()
    }

    /// Stops what still runs, gracefully. Servers of ours end with 0 then, jobs with 143.
    fn stop(&mut self, at: &str) {
        for number in 0..self.jobs.len() {
            let was_running = self.jobs[number].exit.is_none();
            self.jobs[number].signal("-TERM");
            let code = self.wait(at, number);
            let ours = self.jobs[number].command.starts_with("sockeye");
            let good = !ours || !was_running || matches!(code, 0 | 143);
            let talk = self.talk();
            assert!(good, "{at}: {}: ended with {code}:\n{talk}", self.jobs[number].command);
        }
    }
}

impl Job {
    /// Signals the whole pipeline, as a terminal does.
    fn signal(&self, signal: &str) {
        if self.exit.is_none() {
            let signal = match signal {
                "-TERM" => Signal::TERM,
                "-INT" => Signal::INT,
                "-KILL" | "-9" => Signal::KILL,
                other => panic!("kill {other}: the test does not know this signal"),
            };
            let group = Pid::from_raw(self.id.cast_signed()).unwrap();
            // It may have ended by itself.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.signal("-KILL");
    }
}

/// A port that every address of this machine has free, the remains of other tests' connections
/// counted: a port that is free on loopback may not be on all interfaces.
fn reservation() -> Socket {
    let (socket, everywhere) = match Socket::tcp6() {
        Ok(socket) => {
            socket.setsockopt(opt::IPV6_V6ONLY, false).unwrap();
            (socket, "::")
        }
        Err(_) => (Socket::tcp4().unwrap(), ""),
    };
    socket.setsockopt(opt::SO_REUSEADDR, true).unwrap();
    socket.bind((everywhere, 0)).unwrap();
    socket
}

/// Puts other numbers in the place of ports, where they stand alone.
fn swap(text: &str, ports: impl Iterator<Item = (u16, u16)>) -> String {
    let ports: Vec<(String, u16)> = ports.map(|(from, to)| (from.to_string(), to)).collect();
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let digits =
            rest[start..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - start);
        let (before, number) = (&rest[..start], &rest[start..start + digits]);
        out.push_str(before);
        match ports.iter().find(|(from, _)| from == number) {
            Some((_, to)) => out.push_str(&to.to_string()),
            None => out.push_str(number),
        }
        rest = &rest[start + digits..];
    }
    out + rest
}

#[test]
fn ports_are_swapped_where_they_stand_alone() {
    let ports = [(8080, 1), (9000, 2)];
    let text = "-p 8080,9000 x18080 80801 :9000/";
    assert_eq!(swap(text, ports.into_iter()), "-p 1,2 x18080 80801 :2/");
}
