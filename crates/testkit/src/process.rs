//! A program under test: spawned, waited for by its ready line, killed on drop by its own id.
//!
//! Nothing here sleeps: lines come through a channel, the end through a pidfd. Every wait has
//! [`DEADLINE`], after which the test fails with all that the program has said.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long each wait may take before the test fails.
pub const DEADLINE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Out,
    Err,
}

/// A running program. Its output is read all the time, so that it never blocks on a full pipe.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pidfd: OwnedFd,
    lines: Receiver<(Stream, Vec<u8>)>,
    readers: Vec<JoinHandle<()>>,
    said: Vec<(Stream, Vec<u8>)>,
    looked_at: usize,
    /// The other end of the program's standard input; `None` once closed.
    pub stdin: Option<ChildStdin>,
}

/// What a program that has ended left behind.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Everything it wrote to standard output.
    pub stdout: Vec<u8>,
    /// Everything it wrote to standard error.
    pub stderr: Vec<u8>,
}

impl Finished {
    /// The exit code; `None` where a signal ended it.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Standard output as text, what is not UTF-8 replaced.
    #[must_use]
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text, what is not UTF-8 replaced.
    #[must_use]
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

impl Process {
    /// Starts `command` with pipes for all three streams.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[track_caller]
    #[must_use]
    pub fn spawn(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let pidfd = pidfd_open(pid(&child), PidfdFlags::empty()).expect("a pidfd of our child");
        let (sender, lines) = channel();
        let out = child.stdout.take().expect("standard output is piped");
        let err = child.stderr.take().expect("standard error is piped");
        let readers = vec![read(out, Stream::Out, sender.clone()), read(err, Stream::Err, sender)];
        let stdin = child.stdin.take();
        Self { child, pidfd, lines, readers, said: Vec::new(), looked_at: 0, stdin }
    }

    /// Runs `command` to its end, with `input` as its standard input.
    ///
    /// # Panics
    /// Where it cannot be started or does not end in time.
    #[track_caller]
    #[must_use]
    pub fn run(command: &mut Command, input: &[u8]) -> Finished {
        let mut process = Self::spawn(command);
        let stdin = process.stdin.take();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || {
            // A program that ends without reading it all is no fault of the test.
            drop(std::io::Write::write_all(&mut stdin.expect("just taken"), &input));
        });
        let finished = process.finish();
        writer.join().expect("the writer does not panic");
        finished
    }

    /// Waits for the next line on either stream that starts with `prefix`, such as
    /// `listening http `, and gives back the rest of that line.
    ///
    /// # Panics
    /// Where the program ends or the deadline passes first.
    #[track_caller]
    pub fn wait_for(&mut self, prefix: &str) -> String {
        self.wait(prefix, |line| line.strip_prefix(prefix).map(|rest| rest.trim_end().to_owned()))
    }

    /// Waits for the next line on either stream that has `text` in it, such as a line of the log.
    ///
    /// # Panics
    /// As [`Process::wait_for`].
    #[track_caller]
    pub fn wait_for_text(&mut self, text: &str) {
        self.wait(text, |line| line.contains(text).then_some(()));
    }

    #[track_caller]
    fn wait<T>(&mut self, what: &str, found: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            while let Some((_, line)) = self.said.get(self.looked_at) {
                self.looked_at += 1;
                if let Some(found) = found(&String::from_utf8_lossy(line)) {
                    return found;
                }
            }
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.said.push(line),
                Err(RecvTimeoutError::Timeout) => panic!("no {what:?} in time\n{}", self.talk()),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("it ended without {what:?}\n{}", self.talk())
                }
            }
        }
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends `signal` to this process alone.
    ///
    /// # Panics
    /// Where it has been waited for already.
    pub fn signal(&self, signal: Signal) {
        kill_process(pid(&self.child), signal).expect("a child that was not waited for");
    }

    /// Waits for the end; the input is closed first where it is still open.
    ///
    /// # Panics
    /// Where the deadline passes first.
    #[track_caller]
    #[must_use]
    pub fn finish(mut self) -> Finished {
        self.stdin = None;
        if !self.ends_by(Instant::now() + DEADLINE) {
            panic!("it did not end in time\n{}", self.talk());
        }
        let status = self.child.wait().expect("a child of ours");
        for reader in self.readers.drain(..) {
            reader.join().expect("a reader does not panic");
        }
        self.said.extend(self.lines.try_iter());
        let (stdout, stderr) = (self.bytes(Stream::Out), self.bytes(Stream::Err));
        Finished { status, stdout, stderr }
    }

    /// Sends `signal` and waits for the end.
    ///
    /// # Panics
    /// Where the deadline passes first.
    #[track_caller]
    #[must_use]
    pub fn stop(self, signal: Signal) -> Finished {
        self.signal(signal);
        self.finish()
    }

    fn ends_by(&self, deadline: Instant) -> bool {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).expect("a deadline of seconds");
            let mut fds = [PollFd::new(&self.pidfd, PollFlags::IN)];
            match poll(&mut fds, Some(&timeout)) {
                Ok(0) => return false,
                Ok(_) => return true,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => panic!("poll: {error}"),
            }
        }
    }

    fn bytes(&self, stream: Stream) -> Vec<u8> {
        let of_it = self.said.iter().filter(|(from, _)| *from == stream);
        of_it.flat_map(|(_, line)| line.iter().copied()).collect()
    }

    fn talk(&mut self) -> String {
        self.said.extend(self.lines.try_iter());
        let all: Vec<u8> = self.said.iter().flat_map(|(_, line)| line.clone()).collect();
        format!("it said:\n{}", String::from_utf8_lossy(&all))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Killing fails only where it has been waited for, and then there is nothing to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// Reads `from` to its end; each line, newline included, goes to `to`.
fn read(
    from: impl Read + Send + 'static,
    stream: Stream,
    to: Sender<(Stream, Vec<u8>)>,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        loop {
            let mut line = Vec::new();
            match from.read_until(b'\n', &mut line) {
                Ok(1..) if to.send((stream, line)).is_ok() => {}
                _ => return,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn it_waits_for_the_ready_line_on_either_stream() {
        let mut process = Process::spawn(&mut sh("echo noise; echo ready 17 >&2; cat; exit 3"));
        assert_eq!(process.wait_for("ready "), "17");
        process.stdin.as_mut().unwrap().write_all(b"more\n").unwrap();
        let finished = process.finish();
        assert_eq!(finished.code(), Some(3));
        assert_eq!(
            (finished.out().as_str(), finished.err().as_str()),
            ("noise\nmore\n", "ready 17\n")
        );
    }

    #[test]
    fn a_signal_ends_it() {
        let mut process = Process::spawn(&mut sh("trap 'exit 7' TERM; echo ready; read x; exit 1"));
        process.wait_for("ready");
        process.signal(Signal::KILL);
        assert_eq!(process.finish().code(), None);
    }

    #[test]
    fn input_and_output_larger_than_a_pipe_do_not_block() {
        let input = vec![b'x'; 300_000];
        let finished = Process::run(&mut Command::new("cat"), &input);
        assert!(finished.stdout == input);
    }

    #[test]
    #[should_panic(expected = "it ended without")]
    fn an_early_end_fails_at_once() {
        Process::spawn(&mut sh("echo so long")).wait_for("ready");
    }

    #[test]
    fn dropping_it_kills_it() {
        let mut process = Process::spawn(&mut sh("echo ready; read x"));
        process.wait_for("ready");
        let id = Pid::from_child(&process.child);
        drop(process);
        assert!(rustix::process::test_kill_process(id).is_err());
    }
}
