//! One script over the three drivers: they run the same machine, so they end in the same way.

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use sockeye_socket::{
    Address, ConnectionBuilder, Error, Result, Selector, Socket, create_connection, create_server,
};
use sockeye_testkit::{Need, need};

use super::ms;
use crate::connect::{full_listener, nobody};

const LONG: Duration = Duration::from_secs(60);

/// What is asked for.
#[derive(Debug, Clone, Default)]
struct Request {
    addrs: Vec<Address>,
    timeout: Option<Duration>,
    delay: Option<Duration>,
    source: Option<Address>,
    sequential: bool,
}

impl Request {
    fn to(addrs: impl IntoIterator<Item = Address>) -> Self {
        Self { addrs: addrs.into_iter().collect(), timeout: Some(LONG), ..Self::default() }
    }

    fn builder(&self) -> ConnectionBuilder<Vec<Address>> {
        let mut builder = create_connection(self.addrs.clone()).timeout(self.timeout);
        if let Some(delay) = self.delay {
            builder = builder.attempt_delay(delay);
        }
        if let Some(source) = &self.source {
            builder = builder.source(source.clone());
        }
        if self.sequential { builder.sequential() } else { builder }
    }
}

fn blocking(request: &Request) -> Result<Socket> {
    let socket = request.builder().open()?;
    assert!(socket.getblocking() && socket.gettimeout().is_none());
    Ok(socket)
}

fn with_a_selector(request: &Request) -> Result<Socket> {
    let mut selector = Selector::new()?;
    let mut connecting = request.builder().start()?;
    let socket = loop {
        let now = Instant::now();
        match connecting.advance(&mut selector, &"connecting", now) {
            Ok(None) => {}
            ended => break ended,
        }
        let wait = connecting.poll_timeout().map(|at| at.saturating_duration_since(now));
        let tokens = selector.select(wait)?.map(|(token, events)| (*token, events));
        assert!(
            tokens.into_iter().all(|(token, events)| token == "connecting" && events.is_writable())
        );
    };
    assert!(selector.is_empty(), "nothing is left in the selector");
    assert_eq!(connecting.poll_timeout(), None);
    assert!(connecting.advance(&mut selector, &"late", Instant::now())?.is_none());
    let socket = socket?.expect("it ended");
    assert!(!socket.getblocking());
    socket.setblocking(true)?;
    Ok(socket)
}

#[cfg(feature = "tokio")]
fn on_tokio(request: &Request) -> Result<Socket> {
    let mut builder = sockeye_socket::aio::create_connection(request.addrs.clone());
    builder = builder.timeout(request.timeout);
    if let Some(delay) = request.delay {
        builder = builder.attempt_delay(delay);
    }
    if let Some(source) = &request.source {
        builder = builder.source(source.clone());
    }
    if request.sequential {
        builder = builder.sequential();
    }
    crate::aio::run(async {
        let socket = builder.open().await?;
        // The write readiness that told of the connection is still there.
        socket.sendall(b"").await?;
        socket.writable().await?;
        socket.into_inner()
    })
}

type Driver = fn(&Request) -> Result<Socket>;

const DRIVERS: &[(&str, Driver)] = &[
    ("blocking", blocking),
    ("selector", with_a_selector),
    #[cfg(feature = "tokio")]
    ("tokio", on_tokio),
];

/// How it ended, without what differs from run to run.
#[derive(Debug, PartialEq)]
enum Ending {
    /// Connected to this.
    To(Address),
    Failed {
        kind: ErrorKind,
        text: String,
        attempts: Vec<(Address, ErrorKind)>,
    },
}

fn ending(opened: &Result<Socket>) -> Ending {
    match opened {
        Ok(socket) => Ending::To(socket.getpeername().unwrap()),
        Err(error) => Ending::Failed {
            kind: error.kind(),
            text: error.to_string(),
            attempts: error.attempts().iter().map(|(a, error)| (a.clone(), error.kind())).collect(),
        },
    }
}

/// Runs `request` with every driver: each takes `at_least` so long, and all end in the same way,
/// which is given back.
fn all_drivers(request: &Request, at_least: Duration, judge: impl Fn(&Result<Socket>)) -> Ending {
    let mut endings = DRIVERS.iter().map(|(name, driver)| {
        let start = Instant::now();
        let opened = driver(request);
        let took = start.elapsed();
        assert!(took >= at_least && took < LONG, "{name} took {took:?}: {opened:?}");
        judge(&opened);
        ending(&opened)
    });
    let first = endings.next().unwrap();
    for (ending, (name, _)) in endings.zip(&DRIVERS[1..]) {
        assert_eq!(ending, first, "{name} ends otherwise");
    }
    first
}

/// Every driver connects to `server`, and what it gives works.
fn all_connect(request: &Request, at_least: Duration, server: &Socket) {
    let addr = server.getsockname().unwrap();
    let ending = all_drivers(request, at_least, |opened| {
        let client = opened.as_ref().expect("a connection");
        let (conn, peer) = server.accept().unwrap();
        assert_eq!(peer, client.getsockname().unwrap());
        client.sendall(b"hello").unwrap();
        assert_eq!(conn.recv(10).unwrap(), b"hello");
        if let Some(source) = &request.source {
            assert_eq!(peer.ip(), source.ip());
        }
    });
    assert_eq!(ending, Ending::To(addr));
}

fn all_fail(request: &Request, at_least: Duration) -> Error {
    all_drivers(request, at_least, |opened| assert!(opened.is_err(), "{opened:?}"));
    request.builder().open().unwrap_err()
}

fn server(addr: &str) -> Socket {
    create_server(addr).bind().unwrap()
}

fn name_of(socket: &Socket) -> Address {
    socket.getsockname().unwrap()
}

#[test]
fn a_refusal_is_passed_over() {
    let server = server("127.0.0.1:0");
    all_connect(&Request::to([nobody(), nobody(), name_of(&server)]), Duration::ZERO, &server);
    let request = Request { timeout: None, ..Request::to([nobody(), name_of(&server)]) };
    all_connect(&request, Duration::ZERO, &server);
}

#[test]
fn silence_costs_one_delay_and_the_silent_one_is_closed() {
    let (hole, _clients) = full_listener("127.0.0.1:0");
    let server = server("127.0.0.1:0");
    let silent = name_of(&hole);
    let request = Request {
        // Alone it would take two minutes.
        timeout: None,
        delay: Some(ms(40)),
        ..Request::to([silent.clone(), name_of(&server)])
    };
    all_connect(&request, ms(40), &server);
    assert_eq!(super::connecting_to(&silent), 0);
    // One after another, it takes its share of the time.
    let request = Request { sequential: true, timeout: Some(ms(1000)), delay: None, ..request };
    all_connect(&request, ms(500), &server);
    assert_eq!(super::connecting_to(&silent), 0);
}

#[test]
fn where_all_refuse_each_has_its_error() {
    let addrs = [nobody(), nobody(), nobody()];
    for sequential in [false, true] {
        let request = Request { sequential, ..Request::to(addrs.clone()) };
        let error = all_fail(&request, Duration::ZERO);
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let refused = |addr: &Address| {
            (addr.clone(), format!("connect {addr}: connection refused (ECONNREFUSED)"))
        };
        let told: Vec<_> = error
            .attempts()
            .iter()
            .map(|(addr, error)| (addr.clone(), error.to_string()))
            .collect();
        assert_eq!(told, addrs.iter().map(refused).collect::<Vec<_>>());
    }
    // With one address it is that one's error.
    let error = all_fail(&Request::to([nobody()]), Duration::ZERO);
    assert!(error.attempts().is_empty() && error.address().is_some(), "{error}");
}

#[test]
fn the_deadline_is_that_of_all_addresses_together() {
    // One full listener behind many addresses.
    let (hole, _clients) = full_listener("0.0.0.0:0");
    let silent = super::three_of(name_of(&hole).port().unwrap());
    let timeout = Some(ms(900));
    let request = Request { timeout, ..Request::to(silent.clone()) };
    let error = all_fail(&request, ms(900));
    assert!(error.is_timeout() && error.errno().is_none(), "{error}");
    // Each had its turn, and none had a timeout of its own.
    assert_eq!(error.attempts().len(), 3);
    let timeout = Some(ms(100));
    let error = all_fail(&Request { timeout, ..Request::to([silent[0].clone()]) }, ms(100));
    assert_eq!(error.to_string(), format!("connect {}: timed out", silent[0]));
    let error = all_fail(&Request { timeout: Some(Duration::ZERO), ..request }, Duration::ZERO);
    assert_eq!(error.to_string(), "connect: timed out before 3 addresses could be tried");
    assert_eq!(super::connecting_to(&silent[0]), 0);
}

#[test]
fn the_source_is_kept_and_passes_other_families_over() {
    let server = server("127.0.0.1:0");
    let source: Address = "127.0.0.9:0".parse().unwrap();
    let ours = [nobody(), name_of(&server)];
    let others: Address = "[::1]:9".parse().unwrap();
    let request = Request {
        source: Some(source.clone()),
        ..Request::to([[others.clone()].as_slice(), &ours].concat())
    };
    all_connect(&request, Duration::ZERO, &server);
    let error = all_fail(&Request { addrs: vec![others], ..request.clone() }, Duration::ZERO);
    assert_eq!(error.to_string(), "address: no address of the family in the list");
    // An address of nobody here.
    let source: Address = "192.0.2.1:0".parse().unwrap();
    let error = all_fail(&Request { source: Some(source), ..request }, Duration::ZERO);
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    assert!(error.to_string().contains("bind 192.0.2.1:0: "), "{error}");
}

#[test]
fn a_source_with_a_port_is_used_once_at_a_time() {
    let (hole, _clients) = full_listener("127.0.0.1:0");
    let server = server("127.0.0.1:0");
    for (_, driver) in DRIVERS {
        // A port that nobody has; each driver gets another one, since the last one's is in use.
        let source: Address = (Ipv4Addr::new(127, 0, 0, 77), nobody().port().unwrap()).into();
        let request = Request {
            source: Some(source.clone()),
            timeout: Some(ms(1000)),
            delay: Some(ms(10)),
            ..Request::to([name_of(&hole), name_of(&server)])
        };
        let start = Instant::now();
        let client = driver(&request).unwrap();
        assert!(start.elapsed() >= ms(500), "not both at once");
        assert_eq!(client.getsockname().unwrap(), source);
        server.accept().unwrap();
    }
}

#[test]
fn families_alone_and_together() {
    let v4 = server("127.0.0.1:0");
    all_connect(&Request::to([name_of(&v4)]), Duration::ZERO, &v4);
    if !need(Need::Ipv6) {
        return;
    }
    let v6 = server("[::1]:0");
    all_connect(&Request::to([name_of(&v6)]), Duration::ZERO, &v6);
    // The first address says which family is first, and both listen.
    all_connect(&Request::to([name_of(&v6), name_of(&v4)]), Duration::ZERO, &v6);
    all_connect(&Request::to([name_of(&v4), name_of(&v6)]), Duration::ZERO, &v4);
    let closed = name_of(&server("[::1]:0"));
    all_connect(&Request::to([closed, name_of(&v4)]), Duration::ZERO, &v4);
}

#[test]
fn unix_listeners_are_waited_for() {
    let hole = create_server("unix:").backlog(0).bind().unwrap();
    let addr = name_of(&hole);
    let timed = Request { timeout: Some(ms(60)), ..Request::to([addr.clone()]) };
    let mut clients = Vec::new();
    while let Ok(client) = timed.builder().open() {
        clients.push(client);
    }
    let error = all_fail(&timed, ms(60));
    assert_eq!(error.to_string(), format!("connect {addr}: timed out"));
    // A second address is tried beside it, and the first one's socket waits no more.
    let server = create_server("unix:").bind().unwrap();
    let both = Request { delay: Some(ms(20)), ..Request::to([addr.clone(), name_of(&server)]) };
    for (name, driver) in DRIVERS {
        let client = driver(&both).unwrap();
        assert_eq!(client.getpeername().unwrap(), name_of(&server), "{name}");
        server.accept().unwrap();
    }
    // There is room meanwhile.
    for (name, driver) in DRIVERS {
        let ticks = crate::Ticks::every(ms(30));
        let request = Request::to([addr.clone()]);
        let waiting = crate::spawn(move || driver(&request).map(|socket| socket.getpeername()));
        ticks.tick();
        hole.accept().unwrap();
        assert_eq!(waiting.join().unwrap().unwrap().unwrap(), addr, "{name}");
    }
    let error = all_fail(&Request::to(["unix:/nonexistent/x".parse().unwrap()]), Duration::ZERO);
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
