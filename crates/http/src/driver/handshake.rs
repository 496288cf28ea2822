//! The start of a connection to a port with TLS. The handshake has the time of the first head, and
//! shares it with that; who speaks plain HTTP instead is told so in plain HTTP.

use std::io;
use std::rc::Rc;
use std::time::Instant;

use sockeye_socket::{Address, aio};
use tokio::time::timeout_at;

use super::by_hyper::{Opened, serve_http2};
use super::connection::{LAST_CHANCE, Start, serve};
use super::encrypted::Encrypted;
use super::lane::Lane;
use super::watched::Stream;
use super::worker::Worker;
use crate::event::Event;

/// The first byte of TLS: a handshake record.
const HANDSHAKE: u8 = 0x16;

/// Serves one connection until it ends.
pub(super) async fn secure(worker: Rc<Worker>, socket: aio::Socket, peer: Address) {
    let accepted = Instant::now();
    let mut first = [0];
    match in_time(&worker, accepted, async { Ok(socket.peek(&mut first).await?) }).await {
        Ok(1..) if first[0] == HANDSHAKE => {}
        // Nobody is there who could be told anything.
        Ok(0) => return,
        Ok(_) => {
            let start = Start { lane: Lane::NotTls, accepted };
            return serve(worker, Stream::Plain(socket), peer, start).await;
        }
        Err(error) => return report(&worker, peer, &error),
    }
    let Some(acceptor) = worker.lanes.acceptor.clone() else { return };
    match in_time(&worker, accepted, acceptor.accept(socket)).await {
        Ok(tls) => {
            let is_http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
            let stream = Stream::Tls(Box::new(Encrypted::new(tls)));
            if is_http2 {
                let opened = Opened { stream, received: Vec::new(), peer, accepted };
                return serve_http2(worker, opened).await;
            }
            serve(worker, stream, peer, Start { lane: Lane::Plain, accepted }).await;
        }
        Err(error) => report(&worker, peer, &error),
    }
}

/// Waits for `step`, for as long as the head of a connection may take, and less in a shutdown.
async fn in_time<T>(
    worker: &Worker,
    accepted: Instant,
    step: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let timed_out = |_| io::Error::from(io::ErrorKind::TimedOut);
    let mut step = std::pin::pin!(step);
    let stop = async {
        if !worker.stopping.get() {
            worker.stop.notified().await;
        }
        tokio::time::sleep(LAST_CHANCE).await;
    };
    let deadline = accepted + worker.service.limits.header_timeout;
    tokio::select! {
        biased;
        done = timeout_at(deadline.into(), &mut step) => done.map_err(timed_out)?,
        () = stop => Err(io::ErrorKind::TimedOut.into()),
    }
}

fn report(worker: &Worker, peer: Address, error: &io::Error) {
    (worker.sink)(&match error.kind() {
        io::ErrorKind::TimedOut => Event::TimedOut { peer, stage: "handshake" },
        _ => Event::NoTls { peer, why: error.to_string() },
    });
}
