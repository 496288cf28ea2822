//! `sockeye receive`: takes a file from whoever connects.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::ValueEnum;
use sockeye_edge::listen::ListenAddr;
use sockeye_edge::printable::Printable;
use sockeye_socket::{Events, Selector, Shutdown};
use sockeye_transfer::receive::Server;
use sockeye_transfer::{Ask, Output, Overwrite, Question, ReceiveConfig};

use crate::args::{ServerArgs, bytes, count, duration};
use crate::commands::progress::{self, View};
use crate::context::{Context, announce, become_user, inherited_sockets};
use crate::exit::{Exit, usage};
use crate::output::{self, ReadyLine, Stream};
use crate::signals::Stop;

/// How long a question waits for its answer.
const ANSWER_WAIT: Duration = Duration::from_secs(120);

/// Arguments of `sockeye receive`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sockeye receive --plain-md5               take one file as ./received_file
  sockeye receive --plain-md5 -b :6000 in   from other machines too, into the folder in
  (md5sum <F | cut -c1-32 | tr -d '\\n'; cat F) | nc -N 127.0.0.1 6000
                                            what a sender without Sockeye types

Exit codes: 0 received, 2 usage, 3 failed, 4 local file or disk, 6 corrupted,
7 connection lost, 10 refused, 130 interrupted.")]
pub(crate) struct Args {
    /// Folder to save in
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Speak the tutorial's protocol: 32 digits of MD5, then the bytes (not encrypted)
    #[arg(long)]
    plain_md5: bool,
    /// Where to listen (default 127.0.0.1:6000; repeatable)
    #[arg(short, long, value_name = "ADDR")]
    bind: Vec<ListenAddr>,
    /// What to save as where the peer sends no name
    #[arg(long, value_name = "NAME", default_value = "received_file")]
    name: String,
    /// Accept without asking
    #[arg(short, long)]
    yes: bool,
    /// End with the first transfer (the default)
    #[arg(long, conflicts_with = "keep")]
    once: bool,
    /// Go on after a transfer
    #[arg(long)]
    keep: bool,
    /// What happens to a file of the same name (default ask on a terminal, else never)
    #[arg(long, value_enum, value_name = "POLICY")]
    overwrite: Option<Policy>,
    /// Refuse larger files
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    max_size: Option<u64>,
    /// Write to stdout as the bytes come; heed the exit code
    #[arg(long, conflicts_with_all = ["name", "overwrite", "json"])]
    stdout: bool,
    /// How long a peer may stall
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    timeout: Duration,
    /// Connections at once
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = count)]
    max_conns: usize,
    /// Print events as JSON lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// What happens to a file of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Policy {
    /// Refuse the transfer
    Never,
    /// Ask on the terminal
    Ask,
    /// Replace it, once the new one is whole
    Always,
    /// Replace it by a newer one (not with --plain-md5, which carries no times)
    Newer,
    /// Save under another name
    Rename,
}

impl Args {
    /// Makes the engine's configuration, without anybody to ask.
    ///
    /// # Errors
    /// Where the protocol is not chosen, or cannot do what is asked.
    pub(crate) fn config(&self) -> anyhow::Result<ReceiveConfig> {
        progress::check_protocol(self.plain_md5, self.timeout)?;
        let default = ReceiveConfig::default();
        let output = if self.stdout {
            Output::Stream(Arc::new(Mutex::new(std::io::stdout())))
        } else {
            Output::File { dir: self.dir.clone(), name: self.name.clone() }
        };
        Ok(ReceiveConfig {
            listen: if self.bind.is_empty() { default.listen.clone() } else { self.bind.clone() },
            output,
            overwrite: match self.overwrite {
                None | Some(Policy::Never) => Overwrite::Never,
                Some(Policy::Always | Policy::Ask) => Overwrite::Always,
                Some(Policy::Rename) => Overwrite::Rename,
                Some(Policy::Newer) => {
                    return Err(usage("--overwrite newer: --plain-md5 carries no times"));
                }
            },
            file_mode: 0o666 & !umask(),
            keep: self.keep,
            size_bytes_max: self.max_size,
            idle_timeout: self.timeout,
            header_timeout: default.header_timeout.min(self.timeout),
            connections_max: self.max_conns,
            ..default
        })
    }

    /// Adds the questions that a person at a terminal is asked.
    fn with_questions(
        &self,
        mut config: ReceiveConfig,
        view: &Arc<View>,
        shutdown: &Shutdown,
    ) -> anyhow::Result<ReceiveConfig> {
        let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        let ask_to_replace = match self.overwrite {
            None => terminal && !self.yes && !self.stdout,
            Some(policy) => policy == Policy::Ask,
        };
        if ask_to_replace && !terminal {
            return Err(usage("--overwrite ask needs a terminal"));
        }
        if ask_to_replace {
            config.overwrite = Overwrite::Always;
        }
        let ask_always = terminal && !self.yes;
        if ask_always || ask_to_replace {
            let (view, shutdown, one) = (Arc::clone(view), shutdown.clone(), Mutex::new(()));
            config.ask = Some(Ask::new(move |question| {
                let Question::Accept { replaces, .. } = question else { return false };
                if !ask_always && !replaces {
                    return true;
                }
                let _turn = one.lock();
                view.aside(|| put(question, &shutdown)).unwrap_or(false)
            }));
        }
        Ok(config)
    }
}

/// What new files must not permit; as far as the system tells, else all but the owner's bits.
fn umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let told = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    told.and_then(|digits| u32::from_str_radix(digits.trim(), 8).ok()).unwrap_or(0o077)
}

/// Asks at the terminal; no answer is no.
fn put(question: &Question<'_>, shutdown: &Shutdown) -> anyhow::Result<bool> {
    let Question::Accept { peer, name, replaces, .. } = question else { return Ok(false) };
    let place = name.map_or_else(String::new, |name| format!(" {}", Printable::new(name)));
    let consequence = if *replaces { ", replacing the one that is there" } else { "" };
    eprint!("{peer} wants to send{place}{consequence}. Accept? [y/N] ");
    let mut selector = Selector::new()?;
    selector.register(&std::io::stdin(), Events::READ, true)?;
    selector.register(shutdown, Events::READ, false)?;
    let answered = selector.select(Some(ANSWER_WAIT))?.any(|(stdin, _)| *stdin);
    if !answered || shutdown.is_started() {
        output::note("");
        return Ok(false);
    }
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes" | "YES"))
}

/// Receives until the transfer, or with `--keep` a signal, ends it.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let config = args.config()?;
    if context.only_checks() {
        return Ok(Exit::DONE);
    }
    let grace = if args.keep { args.server.grace } else { Duration::ZERO };
    let stop = Stop::new()?;
    let data_on_stdout = args.stdout || args.json;
    let results = if args.stdout { Stream::Stderr } else { Stream::Stdout };
    let view = View::new(&context.global, args.json, results);
    let config = args.with_questions(config, &view, stop.shutdown())?;
    let inherited = inherited_sockets()?;
    let server = match inherited.is_empty() {
        true => Server::bind(config, view.sink()),
        false => Server::with_listeners(config, inherited, view.sink()),
    };
    let server = match server {
        Ok(server) => server,
        Err(error) => return view.conclude(error, &stop),
    };
    become_user(&args.server)?;
    stop.listen(grace)?;
    let ready = |address: &sockeye_socket::Address| ReadyLine {
        what: "receive",
        place: address.to_string(),
    };
    let ready: Vec<ReadyLine> = server.addresses().iter().map(ready).collect();
    announce(&ready, if data_on_stdout { Stream::Stderr } else { Stream::Stdout })?;
    match server.run(stop.shutdown()) {
        Ok(_) => Ok(Exit::DONE),
        Err(error) => view.conclude(error, &stop),
    }
}
