//! A protocol behind a pointer: a factory that chooses gives a `Box<dyn Protocol + Send>`.

use std::time::Instant;

use super::{Close, Protocol};

/// ```
/// use sockeye_socket::protocol::{Arrival, Dialogue, Echo, Protocol};
/// use std::ops::ControlFlow;
///
/// /// At the first listener an echo, at the others lines in capitals.
/// fn choose(arrival: Arrival) -> Box<dyn Protocol + Send> {
///     if arrival.listener == 0 {
///         return Box::new(Echo::new());
///     }
///     Box::new(Dialogue::new(512, |line, answer| {
///         answer.push(&line.to_ascii_uppercase());
///         answer.push(b"\n");
///         ControlFlow::Continue(())
///     }))
/// }
/// # use sockeye_socket::{Shutdown, create_server, server::ThreadingServer};
/// # let server = ThreadingServer::new(create_server("127.0.0.1:0").bind()?)?;
/// # let shutdown = Shutdown::new()?;
/// # shutdown.now();
/// server.serve(&shutdown, choose)?;
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
impl<P: Protocol + ?Sized> Protocol for Box<P> {
    fn recv_buffer(&mut self) -> &mut [u8] {
        (**self).recv_buffer()
    }

    fn handle_received(&mut self, bytes: usize, now: Instant) {
        (**self).handle_received(bytes, now);
    }

    fn handle_eof(&mut self, now: Instant) {
        (**self).handle_eof(now);
    }

    fn poll_transmit(&self) -> &[u8] {
        (**self).poll_transmit()
    }

    fn handle_transmitted(&mut self, bytes: usize, now: Instant) {
        (**self).handle_transmitted(bytes, now);
    }

    fn poll_close(&self) -> Option<Close> {
        (**self).poll_close()
    }

    fn want_read(&self) -> bool {
        (**self).want_read()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        (**self).poll_timeout()
    }

    fn handle_timeout(&mut self, now: Instant) {
        (**self).handle_timeout(now);
    }

    fn handle_wake(&mut self, now: Instant) {
        (**self).handle_wake(now);
    }

    fn handle_shutdown(&mut self, now: Instant) {
        (**self).handle_shutdown(now);
    }
}
