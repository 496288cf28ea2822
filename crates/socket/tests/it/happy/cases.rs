//! What only one of the drivers has: addresses that come later, giving up, lookups beside each
//! other.

use std::time::{Duration, Instant};

use sockeye_socket::happy::Config;
use sockeye_socket::{
    AF_INET, AF_INET6, AF_UNSPEC, Address, Connecting, Error, Family, Result, Selector, Socket,
    ToAddress, create_connection, create_server, errno,
};

use super::{connecting_to, ms};
use crate::connect::{full_listener, nobody};

const LONG: Duration = Duration::from_secs(60);

/// Drives it to its end.
fn finish(connecting: &mut Connecting, selector: &mut Selector<u8>) -> Result<Socket> {
    loop {
        let now = Instant::now();
        if let Some(socket) = connecting.advance(selector, &1, now)? {
            return Ok(socket);
        }
        let wait = connecting.poll_timeout().map(|at| at.saturating_duration_since(now));
        selector.select(wait.or(Some(LONG)))?.for_each(drop);
    }
}

#[test]
fn addresses_may_come_while_it_connects() {
    let server = create_server("127.0.0.1:0").bind().unwrap();
    let addr = server.getsockname().unwrap();
    let mut selector = Selector::new().unwrap();
    let mut connecting = Connecting::new(Config::default(), None, Instant::now());
    assert!(connecting.advance(&mut selector, &1, Instant::now()).unwrap().is_none());
    assert_eq!((selector.len(), connecting.poll_timeout()), (0, None));
    // IPv4 waits for the answer about IPv6.
    let start = Instant::now();
    connecting.handle_addresses(AF_INET, [nobody()], start);
    assert_eq!(connecting.poll_timeout(), Some(start + ms(50)));
    connecting.handle_unresolved(AF_INET6, Error::os("resolve", errno::EIO), start);
    assert!(connecting.poll_timeout().unwrap() <= start);
    connecting.handle_addresses(AF_INET, [addr.clone()], start);
    let socket = finish(&mut connecting, &mut selector).unwrap();
    assert_eq!(socket.getpeername().unwrap(), addr);
}

#[test]
fn it_is_given_up_without_a_trace() {
    let (hole, _clients) = full_listener("127.0.0.1:0");
    let silent = hole.getsockname().unwrap();
    let mut selector = Selector::new().unwrap();
    let mut connecting = create_connection(&silent).start().unwrap();
    assert!(connecting.advance(&mut selector, &1, Instant::now()).unwrap().is_none());
    assert_eq!((selector.len(), connecting_to(&silent)), (1, 1));
    connecting.cancel(&mut selector);
    assert_eq!((selector.len(), connecting_to(&silent)), (0, 0));
    // It may be moved to another thread.
    fn is_send<T: Send>(_: &T) {}
    is_send(&create_connection(&silent).start().unwrap());
}

#[test]
fn a_name_stands_in_the_error_of_its_addresses() {
    #[derive(Clone)]
    struct Named(Vec<Address>);
    impl ToAddress for Named {
        fn to_address(&self, family: Family) -> Result<Address> {
            self.0.to_address(family)
        }
        fn to_addresses(&self, family: Family) -> Result<Vec<Address>> {
            self.0.to_addresses(family)
        }
        fn unresolved(&self) -> Option<String> {
            Some("example.org:80".to_owned())
        }
    }
    // The system may give one port twice.
    let a = nobody();
    let b = std::iter::repeat_with(nobody).find(|b| *b != a).unwrap();
    let expected = format!(
        "connect example.org:80: 2 addresses failed: {a}: connection refused (ECONNREFUSED); \
         {b}: connection refused (ECONNREFUSED)"
    );
    let named = Named(vec![a, b]);
    let error = create_connection(named.clone()).open().unwrap_err();
    assert_eq!(error.to_string(), expected);
    let mut connecting = create_connection(named.clone()).start().unwrap();
    let error = finish(&mut connecting, &mut Selector::new().unwrap()).unwrap_err();
    assert_eq!(error.to_string(), expected);
    #[cfg(feature = "tokio")]
    for apart in [false, true] {
        let mut builder = sockeye_socket::aio::create_connection(named.clone());
        if apart {
            builder = builder.resolution_delay(ms(50));
        }
        let error = crate::aio::run(builder.open()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn no_address_at_all_is_an_error() {
    let none: Vec<Address> = Vec::new();
    assert!(create_connection(none.clone()).open().is_err());
    let now = Instant::now();
    let mut connecting = Connecting::new(Config::default(), None, now);
    connecting.handle_addresses(AF_UNSPEC, none, now);
    let error = connecting.advance(&mut Selector::new().unwrap(), &1, now).unwrap_err();
    assert_eq!(error.to_string(), "connect: no address to connect to");
}

#[cfg(feature = "tokio")]
mod on_tokio {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{Arc, Mutex};

    use sockeye_socket::aio;

    use super::super::three_of;
    use super::*;
    use crate::aio::run;

    /// A name whose lookup of IPv6 (or of both families) hangs until the sender is dropped.
    #[derive(Clone)]
    struct Hanging {
        v4: Vec<Address>,
        hangs: Arc<Mutex<Receiver<()>>>,
    }

    fn hanging(v4: impl IntoIterator<Item = Address>) -> (Hanging, Sender<()>) {
        let (sender, receiver) = channel();
        let v4 = v4.into_iter().collect();
        (Hanging { v4, hangs: Arc::new(Mutex::new(receiver)) }, sender)
    }

    impl ToAddress for Hanging {
        fn to_address(&self, family: Family) -> Result<Address> {
            self.v4.to_address(family)
        }
        fn to_addresses(&self, family: Family) -> Result<Vec<Address>> {
            if family != AF_INET {
                let _ = self.hangs.lock().unwrap().recv();
            }
            self.v4.to_addresses(family)
        }
        fn unresolved(&self) -> Option<String> {
            Some("slow.example:80".to_owned())
        }
    }

    #[test]
    fn a_lookup_that_hangs_counts_and_does_not_outlast_the_timeout() {
        let (name, release) = hanging([nobody()]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let start = Instant::now();
        let connection = aio::create_connection(name).timeout(ms(80));
        let error = runtime.block_on(connection.open()).unwrap_err();
        assert!(error.is_timeout() && start.elapsed() >= ms(80), "{error}");
        assert_eq!(error.to_string(), "connect slow.example:80: timed out");
        // The runtime waits for its thread.
        drop(release);
    }

    #[test]
    fn families_looked_up_apart_do_not_wait_for_each_other() {
        let server = create_server("127.0.0.1:0").bind().unwrap();
        let addr = server.getsockname().unwrap();
        let (name, release) = hanging([nobody(), addr.clone()]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let start = Instant::now();
        let connection = aio::create_connection(name).resolution_delay(ms(50));
        let socket = runtime.block_on(connection.open()).unwrap();
        assert!(start.elapsed() >= ms(50));
        assert_eq!(socket.get_ref().getpeername().unwrap(), addr);
        drop(release);
    }

    #[test]
    fn where_no_family_resolves_that_is_the_error() {
        run(async {
            for builder in [
                aio::create_connection(("name.invalid", 80)),
                aio::create_connection(("name.invalid", 80)).resolution_delay(ms(50)),
            ] {
                let error = builder.open().await.unwrap_err();
                assert!(error.is_lookup(), "{error}");
            }
            let error = aio::create_connection("nonsense").open().await.unwrap_err();
            assert!(error.to_string().contains("not HOST:PORT"), "{error}");
        });
    }

    #[test]
    fn a_future_that_is_dropped_closes_everything() {
        let (hole, _clients) = full_listener("0.0.0.0:0");
        let silent = three_of(hole.getsockname().unwrap().port().unwrap());
        run(async {
            let connection = aio::create_connection(silent.clone()).attempt_delay(ms(10));
            let mut opening = Box::pin(connection.open());
            while connecting_to(&silent[0]) < 3 {
                let timed = tokio::time::timeout(ms(15), &mut opening).await;
                assert!(timed.is_err(), "nobody answers");
            }
            drop(opening);
            assert_eq!(connecting_to(&silent[0]), 0);
        });
    }

    #[test]
    fn a_future_may_be_sent_to_another_thread() {
        fn is_send<T: Send>(future: T) -> T {
            future
        }
        let server = create_server("127.0.0.1:0").bind().unwrap();
        let addr = server.getsockname().unwrap();
        let connection = aio::create_connection(vec![nobody(), addr]);
        run(async { tokio::spawn(is_send(connection.open())).await.unwrap().unwrap() });
    }
}
