//! One protocol under one of the servers, to be measured: `c10k-server MODEL WHAT`, where MODEL is
//! `threads`, `threads-64k` (with stacks of 64 KiB), `select`, `tokio` (one thread) or `functions`
//! (a blocking function for each thread, the echo only), and WHAT is
//!
//! - `echo`: what comes goes back;
//! - `room SIZE`: every SIZE connections, in the order in which they come, are one room;
//! - `refuse`: one line is read and answered with 100 KiB, whatever is sent besides.
//!
//! It says `listening ADDRESS` and ends by a signal, or after 20 minutes.

use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::Duration;

use sockeye_socket::protocol::{Arrival, Buffer, Dialogue, Echo, Protocol, Room};
use sockeye_socket::server::{Limits, Report, SelectServer, ThreadingServer};
use sockeye_socket::{Result, Shutdown, Socket, aio, create_server};

const CONNECTIONS_MAX: usize = 15_000;
const LINE_BYTES_MAX: usize = 128;
const QUEUE_BYTES_MAX: usize = 64 * 1024;
const REFUSAL_BYTES: usize = 100 * 1024;
const TIME_MAX: Duration = Duration::from_secs(20 * 60);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let served = match words[..] {
        [model, "echo"] => serve(model, |_| Echo::new()),
        [model, "room", size] => match size.parse() {
            Ok(size) => serve(model, rooms_of(size)),
            Err(_) => return usage(),
        },
        [model, "refuse"] => serve(model, |_| refusal()),
        _ => return usage(),
    };
    match served {
        Ok(Some(report)) => {
            println!("{report:?}");
            ExitCode::SUCCESS
        }
        Ok(None) => usage(),
        Err(error) => {
            eprintln!("c10k-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!(
        "usage: c10k-server threads|threads-64k|select|tokio|functions echo|room SIZE|refuse"
    );
    ExitCode::from(2)
}

fn rooms_of(size: usize) -> impl FnMut(Arrival) -> sockeye_socket::protocol::Member {
    let new = || Room::new(LINE_BYTES_MAX, QUEUE_BYTES_MAX);
    let (mut room, mut members) = (new(), 0);
    move |arrival| {
        if members == size {
            (room, members) = (new(), 0);
        }
        members += 1;
        room.join(arrival.wake)
    }
}

fn refusal() -> impl Protocol + Send + 'static {
    Dialogue::new(LINE_BYTES_MAX, |_: &[u8], answer: &mut Buffer| {
        answer.push(&[b'n'; REFUSAL_BYTES]);
        ControlFlow::Break(())
    })
}

/// `None` where there is no such model.
fn serve<P, F>(model: &str, factory: F) -> Result<Option<Report>>
where
    P: Protocol + Send + 'static,
    F: FnMut(Arrival) -> P,
{
    let listener = create_server("127.0.0.1:0").bind()?;
    println!("listening {}", listener.getsockname()?);
    let shutdown = Shutdown::new()?;
    let stop = shutdown.clone();
    std::thread::spawn(move || {
        if !stop.wait(Some(TIME_MAX)) {
            stop.now();
        }
    });
    let limits = Limits { connections_max: CONNECTIONS_MAX, ..Limits::default() };
    match model {
        "threads" => ThreadingServer::new(listener)?.limits(limits).serve(&shutdown, factory),
        "threads-64k" => {
            let server = ThreadingServer::new(listener)?.limits(limits).stack_bytes(64 << 10);
            server.serve(&shutdown, factory)
        }
        "select" => SelectServer::new(listener)?.limits(limits).serve(&shutdown, factory),
        "functions" => ThreadingServer::new(listener)?.limits(limits).serve_with(&shutdown, echo),
        "tokio" => {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let Ok(runtime) = runtime.enable_all().build() else { return Ok(None) };
            runtime.block_on(aio::serve(listener, limits, &shutdown, factory))
        }
        _ => return Ok(None),
    }
    .map(Some)
}

/// The echo as a function that waits.
fn echo(socket: &Socket, _peer: &sockeye_socket::Address) -> Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match socket.recv_into(&mut buffer)? {
            0 => return Ok(()),
            bytes => socket.sendall(&buffer[..bytes])?,
        }
    }
}
