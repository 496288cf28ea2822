//! `sockeye chat join`: a pleasant client on a terminal, plain lines everywhere else.

use std::io::{self, IsTerminal, Read};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sockeye_socket::{Address, How, Socket, create_connection};

use super::terminal;
use crate::context::Context;
use crate::exit::Exit;
use crate::output;
use crate::signals::Stop;

const PORT: u16 = 9000;
/// Connecting may take so long.
const CONNECT: Duration = Duration::from_secs(10);

/// Arguments of `sockeye chat join`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  sockeye chat join\n  sockeye chat join --nick anna 192.168.1.20\n  \
                  date | sockeye chat join --plain 192.168.1.20:9000"
)]
pub(crate) struct Args {
    /// The room's host, or HOST:PORT, or only the port
    #[arg(value_name = "ADDR", default_value = "localhost")]
    address: Target,
    /// The name to have there
    #[arg(long, value_name = "NAME", value_parser = nick)]
    nick: Option<String>,
    /// Copy stdin to the room and the room to stdout, for scripts and screen readers
    #[arg(long)]
    plain: bool,
}

/// Where a room is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Host(String, u16),
    Unix(Address),
}

impl std::str::FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Target, String> {
        if text.starts_with("unix:") {
            return text.parse().map(Target::Unix).map_err(|error| format!("{error}"));
        }
        if let Ok(port) = text.parse() {
            return Ok(Target::Host("localhost".to_owned(), port));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                let port = port.parse().map_err(|_| format!("'{port}' is not a port"))?;
                (host, port)
            }
            _ => (text, PORT),
        };
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        if host.contains(char::is_whitespace) {
            return Err("a host has no spaces".to_owned());
        }
        let host = if host.is_empty() { "localhost" } else { host };
        Ok(Target::Host(host.to_owned(), port))
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Target::Host(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Target::Host(host, port) => write!(f, "{host}:{port}"),
            Target::Unix(address) => write!(f, "{address}"),
        }
    }
}

fn nick(name: &str) -> Result<String, String> {
    let checked = sockeye_chat::proto::Nick::new(name);
    checked.map(|nick| nick.to_string()).map_err(|error| error.to_string())
}

/// Talks until one of both sides ends.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    if context.only_checks() {
        return Ok(Exit::DONE);
    }
    let socket = connect(&args.address)?;
    let stop = Stop::install(Duration::ZERO)?;
    let registration = stop.shutdown().register(&socket)?;
    if let Some(nick) = &args.nick {
        socket.sendall(format!("/nick {nick}\n").as_bytes())?;
    }
    let socket = Arc::new(socket);
    let on_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let done = if on_terminal && !args.plain {
        terminal::talk(&socket, &args.address.to_string(), context.global.color.on_stdout())
    } else {
        copy(&socket).map(|()| false)
    };
    drop(registration);
    if let Some(exit) = stop.interrupted() {
        return Ok(exit);
    }
    if done? {
        output::note("the room has ended the connection");
    }
    Ok(Exit::DONE)
}

fn connect(target: &Target) -> anyhow::Result<Socket> {
    let socket = match target {
        Target::Host(host, port) => {
            create_connection((host.as_str(), *port)).timeout(CONNECT).open()
        }
        Target::Unix(address) => create_connection(address).timeout(CONNECT).open(),
    };
    socket.with_context(|| format!("no room answers at {target}; `sockeye chat serve` opens one"))
}

/// Copies stdin to the room and the room to stdout. The end of stdin is the end of what we say: the
/// room is heard until it ends its side.
fn copy(socket: &Arc<Socket>) -> anyhow::Result<()> {
    let writer = Arc::clone(socket);
    // It may wait for a stdin that never ends: nobody waits for the thread.
    std::thread::Builder::new().name("stdin".into()).spawn(move || {
        let mut buffer = vec![0; 16 << 10];
        let mut stdin = io::stdin().lock();
        while let Ok(count) = stdin.read(&mut buffer) {
            if count == 0 || writer.sendall(&buffer[..count]).is_err() {
                break;
            }
        }
        // The connection may be over already.
        let _ = writer.shutdown(How::Write);
    })?;
    let to_terminal = io::stdout().is_terminal();
    let mut lines = Lines::default();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match socket.recv_into(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) if to_terminal => {
                for line in lines.take(&buffer[..count]) {
                    output::bytes(format!("{line}\n").as_bytes())?;
                }
            }
            Ok(count) => output::bytes(&buffer[..count])?,
            Err(error) => return Err(error).context("the connection to the room is lost"),
        }
    }
}

/// Cuts what a room sends into lines that a terminal may show, however long the wait between parts.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pending: Vec<u8>,
}

/// A line that is longer is shown in parts.
const LINE_BYTES_MAX: usize = 64 << 10;

impl Lines {
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        self.pending.extend_from_slice(bytes);
        let mut lines = Vec::new();
        let mut start = 0;
        while let Some(at) = self.pending[start..].iter().position(|byte| *byte == b'\n') {
            lines.push(shown(&self.pending[start..start + at]));
            start += at + 1;
        }
        self.pending.drain(..start);
        if self.pending.len() > LINE_BYTES_MAX {
            lines.push(shown(&std::mem::take(&mut self.pending)));
        }
        lines
    }
}

/// A server is a stranger too: nothing of it acts on the terminal.
fn shown(line: &[u8]) -> String {
    let mut out = String::new();
    sockeye_chat::proto::clean(&mut out, &String::from_utf8_lossy(line));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_a_port_or_both() {
        let host = |host: &str, port| Ok(Target::Host(host.to_owned(), port));
        assert_eq!("9001".parse(), host("localhost", 9001));
        assert_eq!("pi".parse(), host("pi", PORT));
        assert_eq!("pi:7".parse(), host("pi", 7));
        assert_eq!("[::1]:7".parse(), host("::1", 7));
        assert_eq!("[::1]".parse(), host("::1", PORT));
        assert_eq!("fe80::1".parse(), host("fe80::1", PORT));
        assert_eq!(":7".parse(), host("localhost", 7));
        assert!("pi:x".parse::<Target>().is_err());
        assert!("a b".parse::<Target>().is_err());
        assert_eq!(Target::Host("::1".into(), 7).to_string(), "[::1]:7");
    }

    #[test]
    fn lines_are_whole_and_harmless() {
        let mut lines = Lines::default();
        assert!(lines.take(b"<a> h\xc3").is_empty());
        assert_eq!(lines.take(b"\xbc\n\x1b[2J* x\r\nrest"), ["<a> hü", "[2J* x"]);
        assert_eq!(lines.take(&vec![b'x'; LINE_BYTES_MAX]).len(), 1);
    }
}
