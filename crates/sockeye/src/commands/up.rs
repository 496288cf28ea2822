//! `sockeye up`: files, room and inbox of this machine, on their three ports, under one shutdown.

mod page;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::ValueEnum;
use sockeye_chat::{Admit, History};
use sockeye_edge::Printable;
use sockeye_edge::activation::Inherited;
use sockeye_edge::listen::ListenAddr;
use sockeye_hub::config::Part;
use sockeye_hub::{Config, Event, Listening, Server};
use sockeye_socket::Address;
use sockeye_transfer::{Output, Overwrite};

use self::page::PageArgs;
use super::{Command, chat, serve};
use crate::args::ServerArgs;
use crate::banner;
use crate::certificate;
use crate::context::{Context, inherited, raise_descriptors};
use crate::data;
use crate::exit::{Exit, usage};
use crate::output::{self, ReadyLine};

/// What a file without a name of its own is saved as; the next ones get numbers.
const RECEIVED_NAME: &str = "received_file";

/// Descriptors that a hub asks the system for: its clients and the files that they read.
const DESCRIPTORS: usize = 20_000;

/// Where the room listens unless told otherwise, without a password and with one.
const CHAT_EVERYWHERE: &str = ":9000";
const CHAT_LOOPBACK: &str = "127.0.0.1:9000";

/// Arguments of `sockeye up`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The folder whose files are shared
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Where the files are served
    #[arg(short, long, value_name = "ADDR", default_value = ":8080")]
    bind: Vec<ListenAddr>,
    /// Where the room listens besides the page [default: :9000, with a password 127.0.0.1:9000]
    #[arg(long, value_name = "ADDR")]
    chat_listen: Option<ListenAddr>,
    /// Where the inbox listens (loopback unless told otherwise: it takes files from anyone)
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:6000")]
    receive_listen: ListenAddr,
    /// Run only these parts
    #[arg(long, value_enum, value_name = "PART", value_delimiter = ',')]
    only: Vec<PartName>,
    /// Where received files go; has to lie outside of DIR
    #[arg(long, value_name = "DIR")]
    inbox: Option<PathBuf>,
    /// Share DIR even where it is `/` or the home folder
    #[arg(short, long)]
    yes: bool,
    /// Serve files and page by https, with a certificate that is made here and kept
    #[arg(long)]
    tls: bool,
    /// Print no QR code
    #[arg(long)]
    no_qr: bool,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: ServerArgs,
}

const EXAMPLES: &str = "\
Examples:
  sockeye up                          this folder, a room and an inbox
  sockeye up ~/share --drop           and others may drop files into the inbox
  sockeye up ~/share --only files,chat
  sockeye up -b 127.0.0.1:0           files on a free port, for this machine alone

Flags of a part can be set in its table of the configuration: [serve], [chat.serve], [receive].";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PartName {
    Files,
    Chat,
    Drop,
    Receive,
}

impl Args {
    /// Tells whether there is a drop box: by its flag, or named among the parts.
    fn drops(&self) -> bool {
        self.page.drop || self.only.contains(&PartName::Drop)
    }

    fn runs(&self, part: PartName) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

/// Runs the hub until a signal stops it.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let dir = args.dir.canonicalize();
    let dir = dir.with_context(|| format!("cannot open the folder {}", args.dir.display()))?;
    if !dir.is_dir() {
        return Err(usage(format_args!(
            "{} is not a folder; `sockeye serve FILE` shares one file",
            args.dir.display()
        )));
    }
    if !context.global.check_config {
        confirm(args, &dir)?;
    }
    let mut config = config(args, context, &dir)?;
    if context.only_checks() {
        return Ok(Exit::DONE);
    }
    for Inherited { name, socket } in inherited()? {
        let named = |part: &Part| part.service() == name || part.to_string() == name;
        let part = Part::ALL.into_iter().find(named).ok_or_else(|| {
            usage(format_args!("LISTEN_FDNAMES has `{name}`; expected http, chat or receive"))
        })?;
        config.inherited.entry(part).or_default().push(socket);
    }
    raise_descriptors(DESCRIPTORS);
    let sink: sockeye_hub::Sink = Arc::new(log);
    let tls = config.files.as_ref().and_then(|files| files.tls.clone());
    let room_tls = config.chat.as_ref().and_then(|room| room.tls.clone());
    let room_tls = room_tls.filter(|room| !tls.as_ref().is_some_and(|tls| tls.is_same(room)));
    let server = Server::bind(config, &sink)?;
    let listening = server.listening();
    for (part, moved) in server.moved() {
        output::note(format_args!("{}; {part} takes {} instead", moved.because, moved.got));
    }
    let scheme = serve::scheme(tls.is_some());
    let ready = listening.iter().map(|listening| ready_line(scheme, listening));
    let redirects = server.redirects();
    let redirects = redirects.iter().map(serve::redirect_line);
    let side_doors = server.side_doors();
    let side_doors = side_doors.iter().map(chat::ready_line);
    let ready: Vec<ReadyLine> = ready.chain(redirects).chain(side_doors).collect();
    context.serve(
        &args.server,
        &ready,
        || Ok(()),
        |shutdown| {
            for tls in tls.iter().chain(&room_tls) {
                certificate::keep_fresh(tls, &context.hangups, shutdown)?;
            }
            greet(args, context, &dir, (scheme, &listening));
            if let Some(tls) = tls.as_ref().filter(|_| !context.global.quiet) {
                certificate::greet(tls);
            }
            Ok(server.run(shutdown)?)
        },
    )?;
    Ok(Exit::DONE)
}

/// Makes the parts' configurations: each part's own flags from its table, and what `up` sets.
fn config(args: &Args, context: &Context, dir: &Path) -> anyhow::Result<Config> {
    let mut config = Config { ports_tried_max: Config::PORTS_TRIED_MAX, ..Config::default() };
    if args.runs(PartName::Files) {
        let part = context.layers.part(&["serve"])?;
        let Command::Serve(part) = part else { unreachable!("`serve` parses as serve") };
        if part.asks() {
            return Err(usage(
                "the rules of access in [serve] do not hold for the page of `up`, which shows the \
                 names of all files; --password protects all of it",
            ));
        }
        let mut files = part.config()?;
        if !context.global.check_config {
            files.access_log = part.access_log(context)?;
        }
        files.root = sockeye_http::Root::Dir(dir.to_path_buf());
        files.listen.clone_from(&args.bind);
        part.tls.apply(&mut files, !context.global.check_config)?;
        if args.tls && files.tls.is_none() && !context.global.check_config {
            files.tls = Some(certificate::self_signed(certificate::Names(args.page.names()))?);
        }
        config.files = Some(files);
    }
    if args.runs(PartName::Chat) {
        let part = context.layers.part(&["chat", "serve"])?;
        let Command::Chat(part) = part else { unreachable!("`chat` parses as chat") };
        let mut room = part.room(!context.global.check_config)?;
        // One certificate for the page and the room, unless the room has its own.
        if room.tls.is_none() && !room.classic {
            room.tls = config.files.as_ref().and_then(|files| files.tls.clone());
        }
        room.names = args.page.names();
        // As with ports: a second hub of the same user finds its place beside the first.
        if let History::Stored(storage) = &mut room.history {
            storage.or_memory = true;
        }
        room.listen = vec![match &args.chat_listen {
            Some(listen) => listen.clone(),
            // Who types lines is asked for no password.
            None if args.page.is_locked() => CHAT_LOOPBACK.parse()?,
            None => CHAT_EVERYWHERE.parse()?,
        }];
        let guard = args.page.guard(false);
        room.admit = Some(Admit(Arc::new(move |peer: &Address| guard.admits(peer.canonical_ip()))));
        config.chat = Some(room);
    }
    if args.drops() && !args.runs(PartName::Files) {
        return Err(usage("the drop box stands on the page of the files: --only files,drop"));
    }
    let takes_files = args.runs(PartName::Receive) || args.drops();
    let inbox = if takes_files { Some(inbox(args, dir)?) } else { None };
    if config.files.is_some() {
        let room = config.chat.as_ref().and_then(|room| room.room.first().cloned());
        let asks = !context.global.check_config;
        let drop = inbox.clone().filter(|_| args.drops());
        let https = config.files.as_ref().is_some_and(|files| files.tls.is_some());
        let page = args.page.config(room.unwrap_or_default(), drop, (asks, https))?;
        config.page = Some(page);
    }
    if let Some(inbox) = inbox.filter(|_| args.runs(PartName::Receive)) {
        let part = context.layers.part(&["receive", "--plain-md5"])?;
        let Command::Receive(part) = part else { unreachable!("`receive` parses as receive") };
        let mut receive = part.config()?;
        receive.listen = vec![args.receive_listen.clone()];
        receive.output = Output::File { dir: inbox, name: RECEIVED_NAME.to_owned() };
        receive.overwrite = Overwrite::Rename;
        receive.keep = true;
        receive.ask = None;
        config.receive = Some(receive);
    }
    Ok(config)
}

/// Chooses the inbox and makes it. It lies outside of what is served.
fn inbox(args: &Args, served: &Path) -> anyhow::Result<PathBuf> {
    let inbox = match &args.inbox {
        Some(inbox) => inbox.clone(),
        None => data::folder().ok_or_else(no_inbox)?.join("inbox"),
    };
    let failed = || format!("cannot make the inbox {}", inbox.display());
    std::fs::create_dir_all(&inbox).with_context(failed)?;
    let inbox = inbox.canonicalize().with_context(failed)?;
    if inbox.starts_with(served) {
        return Err(usage(format_args!(
            "the inbox {} lies inside the shared folder, where everyone could read it; \
             choose another with --inbox DIR",
            inbox.display()
        )));
    }
    Ok(inbox)
}

fn no_inbox() -> anyhow::Error {
    usage("neither XDG_DATA_HOME nor HOME is set; name the inbox: --inbox DIR")
}

/// Asks before a whole machine or home is shared.
fn confirm(args: &Args, dir: &Path) -> anyhow::Result<()> {
    let home = std::env::var_os("HOME").and_then(|home| PathBuf::from(home).canonicalize().ok());
    let whole = dir == Path::new("/") || home.is_some_and(|home| home == dir);
    if args.yes || !whole || !args.runs(PartName::Files) {
        return Ok(());
    }
    let what = format!("{} would be readable by everyone on the network", dir.display());
    if !std::io::stdin().is_terminal() {
        return Err(usage(format_args!("{what}; share a smaller folder, or say --yes")));
    }
    let mut stderr = std::io::stderr().lock();
    write!(stderr, "{what}. Share it? [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(usage("not shared")),
    }
}

fn ready_line(scheme: &str, listening: &Listening) -> ReadyLine {
    match listening.part {
        Part::Files => serve::ready_line(scheme, &listening.address),
        Part::Chat | Part::Receive => {
            let place = listening.address.to_string();
            ReadyLine { what: listening.part.service(), place }
        }
    }
}

/// Tells the person what others type to get here.
fn greet(args: &Args, context: &Context, dir: &Path, (scheme, listening): (&str, &[Listening])) {
    if context.global.quiet {
        return;
    }
    let mut first_url = None;
    for part in listening {
        let port = part.address.port().unwrap_or_default();
        for ip in banner::reachable(&part.address) {
            let (label, how) = match part.part {
                Part::Files => ("files", format!("{scheme}://{}:{port}/", banner::host(ip))),
                Part::Chat => ("room", format!("nc {ip} {port}")),
                Part::Receive => {
                    ("inbox", format!("sockeye send --plain-md5 --to {} FILE", at(ip, port)))
                }
            };
            if part.part == Part::Files && first_url.is_none() {
                first_url = Some(how.clone());
            }
            output::note(format_args!("  {label:<6} {how}"));
        }
    }
    if let Some(url) = first_url {
        output::note(format_args!("  sharing {}", dir.display()));
        let qr = !args.no_qr && std::io::stderr().is_terminal();
        if let Some(code) = qr.then(|| banner::qr(&url, context.global.color.on_stderr())).flatten()
        {
            output::note(format_args!("\n{code}  {url}\n"));
        }
    }
    if let Some(firewall) = banner::firewall() {
        output::note(format_args!(
            "  {firewall} is active: others may need these ports to be allowed first"
        ));
    }
}

fn at(ip: std::net::IpAddr, port: u16) -> std::net::SocketAddr {
    (ip, port).into()
}

/// Puts the parts' events into the log.
fn log(event: &Event<'_>) {
    match event {
        Event::Files(event) => serve::log(event),
        Event::Chat(event) => chat::log(event),
        Event::Receive(event) => receive_log(event),
        _ => {}
    }
}

fn receive_log(event: &sockeye_transfer::Event) {
    use sockeye_transfer::Event as Inbox;
    match event {
        Inbox::Received(received) => tracing::info!(
            peer = %received.peer,
            bytes = received.bytes,
            name = received.name.as_deref().map(|name| Printable::new(name).to_string()),
            "received"
        ),
        Inbox::Failed { peer, error, .. } => tracing::warn!(%peer, %error, "nothing was received"),
        Inbox::AcceptPaused => tracing::warn!("no descriptors left: new senders wait"),
        _ => {}
    }
}
