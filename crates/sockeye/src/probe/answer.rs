//! The echo on a socket: takes datagrams as they come and answers those of probers.

use std::time::Instant;

use sockeye_socket::{Events, Selector, Shutdown, Socket};

use super::proto::echo::{Counts, Echo};

/// The longest datagram that there is.
const DATAGRAM_BYTES_MAX: usize = 65_536;
/// Datagrams that are taken before the shutdown is looked at again.
const BATCH_MAX: u32 = 256;

/// Answers probers until it is stopped.
///
/// # Errors
/// The socket cannot be read any more.
pub(crate) fn answer(socket: &Socket, shutdown: &Shutdown) -> anyhow::Result<Counts> {
    let mut selector = Selector::new()?;
    selector.register(socket, Events::READ, ())?;
    selector.register(shutdown, Events::READ, ())?;
    socket.setblocking(false)?;
    let mut echo = Echo::new();
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    while !shutdown.is_started() {
        drop(selector.select(None)?);
        for _ in 0..BATCH_MAX {
            let (len, from) = match socket.recvfrom_into(&mut buffer) {
                Err(error) if error.would_block() => break,
                received => received?,
            };
            let datagram = &mut buffer[..len];
            let Some(place) = from.socket_addr() else { continue };
            if echo.handle_received(datagram, place, Instant::now()) {
                // What cannot be sent is lost on the way back, and is counted there.
                let _ = socket.sendto(datagram, &from);
            }
        }
    }
    Ok(echo.counts())
}
