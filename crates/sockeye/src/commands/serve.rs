//! `sockeye serve`: flags become the file server's `Config`, its events the log.

mod access;
mod args;
mod content;
mod countdown;
mod reload;
mod sandbox;
mod tls;
mod writes;

use std::process::{Command, Stdio};
use std::sync::Arc;

use sockeye_http::{Event, Server};
use sockeye_socket::{Address, Socket};

pub(crate) use self::args::Args;
use self::countdown::Countdown;
use self::reload::Reloading;

use crate::banner;
use crate::certificate;
use crate::context::{Context, inherited_sockets, raise_descriptors};
use crate::exit::Exit;
use crate::output::{self, ReadyLine};

/// Serves until a signal.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let mut config = args.config()?;
    config.auth = args.access.auth(!context.global.check_config)?;
    args.tls.apply(&mut config, !context.global.check_config)?;
    let inherited = inherited_sockets()?;
    let places: Vec<Address> = match inherited.is_empty() {
        true => config.listen.iter().map(|place| place.address().clone()).collect(),
        false => inherited.iter().map(Socket::getsockname).collect::<Result<Vec<_>, _>>()?,
    };
    args.access.check_places(places.iter(), args.tls.is_on())?;
    if context.only_checks() {
        return Ok(Exit::DONE);
    }
    let before = config.auth.clone();
    config.access_log = args.access_log(context)?;
    // A connection that is being answered has its file open as well.
    let connections = config.limits.connections_max.saturating_mul(2);
    raise_descriptors(connections.saturating_add(config.limits.cache_files_max));
    let tls = config.tls.clone();
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
    let reloading = Reloading {
        reload: server.reload(),
        places,
        encrypted: args.tls.is_on(),
        before,
        was_asked: args.access.asks_on_terminal(),
    };
    context.hangups.on_each(move || reloading.run());
    let addresses = server.addresses();
    let scheme = scheme(tls.is_some());
    let line = |address| ReadyLine { what: "http", place: site(args, scheme, address) };
    let redirects = server.redirects();
    let redirects = redirects.iter().map(redirect_line);
    let ready: Vec<ReadyLine> = addresses.iter().map(line).chain(redirects).collect();
    let report = context.serve(
        &args.server,
        &ready,
        || args.shut_in(context),
        |shutdown| {
            if let Some(tls) = &tls {
                certificate::keep_fresh(tls, &context.hangups, shutdown)?;
            }
            greet(args, context, scheme, &addresses);
            if let Some(tls) = tls.as_ref().filter(|_| !context.global.quiet) {
                certificate::greet(tls);
            }
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

/// The scheme of URLs.
pub(crate) fn scheme(is_encrypted: bool) -> &'static str {
    if is_encrypted { "https" } else { "http" }
}

/// What says that files are served at `address`.
pub(crate) fn ready_line(scheme: &str, address: &Address) -> ReadyLine {
    ReadyLine { what: "http", place: place(scheme, address) }
}

/// What says that `address` sends others on to https.
pub(crate) fn redirect_line(address: &Address) -> ReadyLine {
    ReadyLine { what: "redirect", place: place("http", address) }
}

/// A URL where there can be one.
fn place(scheme: &str, address: &Address) -> String {
    match address.socket_addr() {
        Some(address) => format!("{scheme}://{address}/"),
        None => address.to_string(),
    }
}

/// The same with the path below which everything is.
fn site(args: &Args, scheme: &str, address: &Address) -> String {
    match address.socket_addr() {
        Some(_) => place(scheme, address) + &args.below(),
        None => place(scheme, address),
    }
}

/// Tells the person under which addresses others reach the server.
fn greet(args: &Args, context: &Context, scheme: &str, addresses: &[Address]) {
    let urls: Vec<String> = addresses
        .iter()
        .flat_map(|address| {
            let port = address.port().unwrap_or_default();
            let below = args.below();
            let url = move |ip| format!("{scheme}://{}:{port}/{below}", banner::host(ip));
            banner::reachable(address).into_iter().map(url)
        })
        .collect();
    if !context.global.quiet {
        if args.keeps_to_itself() {
            output::note(
                "for this machine only, since anybody could change files: -b :8080 opens it",
            );
        }
        let known: Vec<String> =
            addresses.iter().map(|address| site(args, scheme, address)).collect();
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
        Event::NoTls { peer, why } => tracing::info!(%peer, why, "no TLS handshake"),
        Event::Cut { peer } => {
            tracing::warn!(%peer, "a file changed or failed while it was sent");
        }
        Event::LogFailed { why } => tracing::error!(why, "the access log cannot be written"),
        _ => {}
    }
}
