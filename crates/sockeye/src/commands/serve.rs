//! `sockeye serve`: flags become the file server's `Config`, its events the log.

mod access;
mod args;
mod content;
mod countdown;
mod sandbox;
mod writes;

use std::process::{Command, Stdio};
use std::sync::Arc;

use sockeye_http::{Event, Server};
use sockeye_socket::{Address, Socket};

pub(crate) use self::args::Args;
use self::countdown::Countdown;

use crate::banner;
use crate::context::{Context, inherited_sockets, raise_descriptors};
use crate::exit::Exit;
use crate::output::{self, ReadyLine};

/// Serves until a signal.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let mut config = args.config()?;
    config.auth = args.access.auth(!context.global.check_config)?;
    let inherited = inherited_sockets()?;
    let places = match inherited.is_empty() {
        true => config.listen.iter().map(|place| place.address().clone()).collect(),
        false => inherited.iter().map(Socket::getsockname).collect::<Result<Vec<_>, _>>()?,
    };
    args.access.check_places(places.iter(), false)?;
    if context.only_checks() {
        return Ok(Exit::DONE);
    }
    config.access_log = args.access_log(context)?;
    // A connection that is being answered has its file open as well.
    let connections = config.limits.connections_max.saturating_mul(2);
    raise_descriptors(connections.saturating_add(config.limits.cache_files_max));
    let countdown = Countdown::new(args.times, args.server.grace);
    let counted = Arc::clone(&countdown);
    let sink = Arc::new(move |event: &Event| match event {
        Event::Downloaded { .. } => counted.handle_download(),
        event => log(event),
    });
    let server = match inherited.is_empty() {
        true => Server::bind(config, sink)?,
        false => Server::with_listeners(config, inherited, sink)?,
    };
    let addresses = server.addresses();
    let ready: Vec<ReadyLine> = addresses
        .iter()
        .map(|address| ReadyLine { what: "http", place: site(args, address) })
        .collect();
    let report = context.serve(
        &args.server,
        &ready,
        || args.shut_in(),
        |shutdown| {
            greet(args, context, &addresses);
            countdown.start(shutdown, args.expire)?;
            Ok(server.run(shutdown)?)
        },
    )?;
    tracing::info!(
        connections = report.connections,
        requests = report.requests,
        bytes = report.bytes,
        cut = report.cut,
        log_lines_lost = report.log_lines_lost,
        "the server has stopped"
    );
    Ok(Exit::DONE)
}

/// A URL where there can be one.
pub(crate) fn place(address: &Address) -> String {
    match address.socket_addr() {
        Some(address) => format!("http://{address}/"),
        None => address.to_string(),
    }
}

/// The same with the path below which everything is.
fn site(args: &Args, address: &Address) -> String {
    match address.socket_addr() {
        Some(_) => place(address) + &args.below(),
        None => place(address),
    }
}

/// Tells the person under which addresses others reach the server.
fn greet(args: &Args, context: &Context, addresses: &[Address]) {
    let urls: Vec<String> = addresses
        .iter()
        .flat_map(|address| {
            let port = address.port().unwrap_or_default();
            let below = args.below();
            let url = move |ip| format!("http://{}:{port}/{below}", banner::host(ip));
            banner::reachable(address).into_iter().map(url)
        })
        .collect();
    if !context.global.quiet {
        if args.keeps_to_itself() {
            output::note(
                "for this machine only, since anybody could change files: -b :8080 opens it",
            );
        }
        let known: Vec<String> = addresses.iter().map(|address| site(args, address)).collect();
        for url in urls.iter().filter(|url| !known.contains(url)) {
            output::note(format_args!("reachable at {url}"));
        }
    }
    let Some(url) = urls.first() else { return };
    if args.qr
        && let Some(code) = banner::qr(url, context.global.color.on_stderr())
    {
        output::note(format_args!("\n{code}  {url}\n"));
    }
    if args.open {
        open_browser(url);
    }
}

fn open_browser(url: &str) {
    let mut opener = Command::new("xdg-open");
    opener.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match opener.spawn() {
        // Waited for, so that it does not stay as a zombie.
        Ok(mut child) => drop(std::thread::spawn(move || child.wait())),
        Err(error) => output::note(format_args!("cannot open {url}: xdg-open: {error}")),
    }
}

/// Puts an event into the log.
pub(crate) fn log(event: &Event) {
    match event {
        Event::Refused { peer, why } => tracing::warn!(%peer, why, "a connection was refused"),
        Event::Paused { pause } => {
            let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(pause_ms, "no descriptors left: new connections wait");
        }
        Event::TimedOut { peer, stage } => tracing::info!(%peer, stage, "a peer was too slow"),
        Event::Cut { peer } => {
            tracing::warn!(%peer, "a file changed or failed while it was sent");
        }
        Event::LogFailed { why } => tracing::error!(why, "the access log cannot be written"),
        _ => {}
    }
}
