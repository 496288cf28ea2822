//! A connection with an async function, as a task. The function owns its socket; a second
//! descriptor of it stays here, to tell it of the end, to cut it off, and to close it gracefully.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

use super::reception::{Guest, Host, Order, Unserved};
use crate::addr::Address;
use crate::aio::Socket;
use crate::event::Event;
use crate::protocol::Outcome;
use crate::server::{Limits, is_gone, reset};
use crate::socket::How;

/// Has a function talk to each connection.
pub(super) struct Functions<H> {
    handler: Arc<H>,
    limits: Limits,
    orders: watch::Sender<Option<Order>>,
    /// Held for the second descriptor of the next guest, who else would be let in and then refused.
    place: Option<Event>,
}

impl<H> Functions<H> {
    pub(super) fn new(handler: H, limits: Limits) -> Self {
        let orders = watch::Sender::new(None);
        Self { handler: Arc::new(handler), limits, orders, place: None }
    }
}

impl<H, T, E> Host for Functions<H>
where
    H: Fn(Socket, Address) -> T + Send + Sync + 'static,
    T: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<io::Error> + Send + 'static,
{
    fn has_place(&mut self) -> bool {
        self.place = self.place.take().or_else(|| Event::new().ok());
        self.place.is_some()
    }

    fn welcome(&mut self, guest: Guest<Socket>, tasks: &mut JoinSet<Outcome>) -> Option<Unserved> {
        let Guest { socket, peer, .. } = guest;
        self.place = None;
        let Ok(twin) = socket.get_ref().dup() else {
            reset(socket.get_ref());
            return Some(Unserved::Refused);
        };
        let (handler, limits) = (Arc::clone(&self.handler), self.limits.clone());
        let mut orders = self.orders.subscribe();
        tasks.spawn(async move {
            let twin = Twin(Some(twin));
            let talk = async { handler(socket, peer).await.map_err(Into::into) };
            let talked = tokio::select! {
                biased;
                talked = talk => Some(talked),
                () = twin.obey(&mut orders) => None,
            };
            match talked {
                Some(Ok(())) => twin.finish(&limits, &mut orders).await,
                Some(Err(error)) if is_gone(&error) && !is_cut(&orders) => Outcome::Reset,
                Some(Err(_)) if !is_cut(&orders) => Outcome::Aborted,
                _ => Outcome::Cut,
            }
        });
        None
    }

    fn order(&mut self, order: Order) {
        self.orders.send_replace(Some(order));
    }

    fn bury(&mut self, _: Id) {}
}

fn is_cut(orders: &watch::Receiver<Option<Order>>) -> bool {
    *orders.borrow() == Some(Order::Cut)
}

/// The second descriptor of a function's socket. Dropped, it resets the connection: the function
/// failed, panicked, or was dropped with its task.
struct Twin(Option<crate::Socket>);

impl Twin {
    /// Ends the stream that the function reads when the end begins, and comes back when the grace
    /// is over.
    async fn obey(&self, orders: &mut watch::Receiver<Option<Order>>) {
        if orders.wait_for(Option::is_some).await.is_ok() {
            if let Some(socket) = &self.0 {
                // One that is not connected any more needs no end.
                let _ = socket.shutdown(How::Read);
            }
        }
        cut(orders).await;
    }

    /// Closes gracefully, as long as there is grace. Whatever the peer does, it was sent
    /// everything.
    async fn finish(
        mut self,
        limits: &Limits,
        orders: &mut watch::Receiver<Option<Order>>,
    ) -> Outcome {
        let now = Instant::now();
        let deadline = now.checked_add(limits.drain_timeout).unwrap_or(now);
        if let Some(Ok(socket)) = self.0.take().map(Socket::new) {
            tokio::select! {
                _ = socket.close_gracefully(deadline, limits.drain_bytes_max) => {}
                () = cut(orders) => {}
            }
        }
        Outcome::Finished
    }
}

/// Waits for the end of the grace.
async fn cut(orders: &mut watch::Receiver<Option<Order>>) {
    // Without a server there is nobody who cuts: it drops the tasks too.
    let _ = orders.wait_for(|order| *order == Some(Order::Cut)).await;
}

impl Drop for Twin {
    fn drop(&mut self) {
        if let Some(socket) = self.0.take() {
            reset(&socket);
        }
    }
}
