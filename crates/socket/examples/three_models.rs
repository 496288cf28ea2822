//! One server in three models: threads, a selector, tokio. What it says is written once, as a
//! `Protocol`; the models only carry it.
//!
//!     cargo run --features tokio --example three_models threads|select|tokio [ADDR]
//!
//! then `nc 127.0.0.1 65432`: it answers each line in capitals, until `bye`. Ctrl-C
//! stops it gracefully, a second one at once.

use std::io::Result;
use std::ops::ControlFlow;
use std::time::Duration;

use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;
use sockeye_socket::protocol::{Arrival, Buffer, Dialogue, Protocol};
use sockeye_socket::server::{Report, SelectServer, ThreadingServer};
use sockeye_socket::{Shutdown, Socket, aio, create_server};

const LINE_BYTES_MAX: usize = 512;
const IDLE: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(10);

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let model = words.next().unwrap_or_default();
    let addr = words.next().unwrap_or_else(|| "127.0.0.1:65432".to_owned());
    let listener = create_server(addr.as_str()).bind()?;
    println!("listening on {}", listener.getsockname()?);
    let shutdown = Shutdown::new()?;
    stop_on_ctrl_c(&shutdown)?;
    match model.as_str() {
        "threads" => println!("{:?}", with_threads(listener, &shutdown)?),
        "select" => println!("{:?}", with_a_selector(listener, &shutdown)?),
        "tokio" => println!("{:?}", with_tokio(listener, &shutdown)?),
        _ => println!("usage: three_models threads|select|tokio [ADDR]"),
    }
    Ok(())
}

/// The first Ctrl-C starts the grace, the second ends it. A thread waits for them: a signal handler
/// may not do that.
pub(crate) fn stop_on_ctrl_c(shutdown: &Shutdown) -> Result<()> {
    let (mut signals, shutdown) = (Signals::new([SIGINT])?, shutdown.clone());
    std::thread::spawn(move || {
        for (before, _signal) in signals.forever().enumerate() {
            match before {
                0 => shutdown.start(GRACE),
                _ => shutdown.now(),
            }
        }
    });
    Ok(())
}

/// What each client gets, whoever carries it.
fn capitals(arrival: Arrival) -> impl Protocol + Send + 'static {
    println!("{} is here", arrival.peer);
    let answer = |line: &[u8], out: &mut Buffer| {
        out.push(&line.to_ascii_uppercase());
        out.push(b"\n");
        if line == b"bye" { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    Dialogue::new(LINE_BYTES_MAX, answer).idle(IDLE, arrival.now)
}

/// A thread for each client.
pub(crate) fn with_threads(listener: Socket, shutdown: &Shutdown) -> Result<Report> {
    Ok(ThreadingServer::new(listener)?.serve(shutdown, capitals)?)
}

/// One loop for all clients.
pub(crate) fn with_a_selector(listener: Socket, shutdown: &Shutdown) -> Result<Report> {
    Ok(SelectServer::new(listener)?.serve(shutdown, capitals)?)
}

/// A task for each client.
pub(crate) fn with_tokio(listener: Socket, shutdown: &Shutdown) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(aio::Server::new(listener)?.serve(shutdown, capitals))?)
}
