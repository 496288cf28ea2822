//! Happy eyeballs: connects by whichever address of a host answers first, and shows the race.
//!
//!     cargo run --example happy_eyeballs HOST:PORT
//!
//! `create_connection("HOST:PORT").open()` does all this in one call.

use std::time::{Duration, Instant};

use sockeye_socket::{Connecting, Result, Selector, Socket, ToAddress, create_connection};

fn main() -> Result<()> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "localhost:22".to_owned());
    let start = Instant::now();
    match race(addr.as_str(), Duration::from_secs(5)) {
        Ok(socket) => println!("{} after {:?}", socket.getpeername()?, start.elapsed()),
        // Names every address that was tried, and what became of it.
        Err(error) => println!("{error}"),
    }
    Ok(())
}

/// Connects with a selector, as a program would that waits for other sockets at the same time.
pub(crate) fn race(addr: impl ToAddress, timeout: Duration) -> Result<Socket> {
    let mut selector = Selector::new()?;
    let mut connecting: Connecting = create_connection(addr).timeout(timeout).start()?;
    loop {
        let now = Instant::now();
        if let Some(socket) = connecting.advance(&mut selector, &"the race", now)? {
            return Ok(socket);
        }
        let wait = connecting.poll_timeout().map(|at| at.saturating_duration_since(now));
        for (what, events) in selector.select(wait)? {
            println!("{what}: {events:?}");
        }
    }
}
