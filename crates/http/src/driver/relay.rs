//! A connection with TLS that is taken over: who takes it gets one end of a pair of sockets, and
//! what is said there is passed on here until both sides have ended.

use std::future::Future;
use std::os::fd::OwnedFd;
use std::time::Duration;

use sockeye_socket::{Socket, aio, opt, socketpair};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, split};

use super::encrypted::Encrypted;

/// A silent peer is asked whether it is there after so many seconds, ...
const KEEPALIVE_IDLE_SECONDS: u32 = 60;
/// ... again after so many more, ...
const KEEPALIVE_INTERVAL_SECONDS: u32 = 15;
/// ... and counts as gone after so many questions.
const KEEPALIVE_PROBES: u32 = 4;

/// Gives one end of a pair away, and passes on. When who has it has closed, the peer has `patience`
/// to end its side.
pub(super) async fn relay(tls: Encrypted, give: impl FnOnce(OwnedFd), patience: Duration) {
    let Ok((ours, theirs)) = socketpair() else { return };
    let Ok(ours) = aio::Socket::new(ours) else { return };
    keep_alive(tls.socket());
    give(theirs.detach());
    let (from_peer, to_peer) = split(tls.into_inner());
    let (from_taker, to_taker) = split(ours);
    let mut inward = std::pin::pin!(pass(from_peer, to_taker));
    let outward = pass(from_taker, to_peer);
    both(inward.as_mut(), outward, patience).await;
}

async fn both(
    inward: impl Future<Output = ()> + Unpin,
    outward: impl Future<Output = ()>,
    patience: Duration,
) {
    let mut inward = inward;
    let mut outward = std::pin::pin!(outward);
    tokio::select! {
        () = &mut inward => outward.await,
        () = &mut outward => drop(tokio::time::timeout(patience, inward).await),
    }
}

/// Passes bytes on until their end, and the end too. A side that fails has ended.
async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    let _ = copy(&mut from, &mut to).await;
    let _ = to.shutdown().await;
}

/// The taker cannot ask the system to look after the connection: it has a socket of this machine.
fn keep_alive(socket: &Socket) {
    // Not for unix sockets, whose peers cannot vanish without a word.
    if socket.setsockopt(opt::SO_KEEPALIVE, true).is_ok() {
        let _ = socket.setsockopt(opt::TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS);
        let _ = socket.setsockopt(opt::TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SECONDS);
        let _ = socket.setsockopt(opt::TCP_KEEPCNT, KEEPALIVE_PROBES);
    }
}
