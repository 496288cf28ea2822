//! `sockeye connect ADDR`: what `nc HOST PORT` does, with the time of the handshake and what the
//! kernel knows about the connection.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use sockeye_socket::{
    AF_UNSPEC, Address, Error, Family, SOCK_DGRAM, Socket, ToAddress, create_connection,
};

use super::packets;
use super::probe::{self, ProbeArgs};
use super::talk::{TalkArgs, converse, exit_of, millis, tell_tcp_info, transport};
use crate::context::Context;
use crate::exit::{Exit, Failure, usage};
use crate::relay::{Net, Terminal};
use crate::signals::Stop;
use crate::{interruptible, output};

/// Arguments of `sockeye connect`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sockeye connect example.org:80
  sockeye connect example.org 80           as with nc
  sockeye connect -z -w 2 10.0.0.7:22      exit code 0 if it is open, 1 if not
  printf 'GET / HTTP/1.0\\n\\n' | sockeye connect -C -N localhost:8080
  sockeye connect -U /run/app.sock
  sockeye connect -z --packet-trace example.org:80   the handshake, packet by packet
  sockeye connect -u --probe --count 100 --interval 20ms 10.0.0.7:7000
                                           against `sockeye listen -u --echo :7000`
Exit codes: 0 done, 1 -z found it closed or nothing came back, 2 usage, 3 failed, 130 interrupted")]
pub(crate) struct Args {
    /// Where to: HOST:PORT, PORT (this machine), unix:PATH or unix:@NAME
    #[arg(value_name = "ADDR")]
    address: String,
    /// The port, where ADDR is a host alone
    #[arg(value_name = "PORT")]
    port: Option<u16>,
    #[command(flatten)]
    talk: TalkArgs,
    /// Connect from this address (IP or IP:PORT)
    #[arg(short, long, value_name = "ADDR", value_parser = source)]
    source: Option<SocketAddr>,
    /// Only find out whether it is open, send nothing (UDP: one empty datagram)
    #[arg(short = 'z', long, conflicts_with_all = ["half_close", "crlf", "hex"])]
    zero: bool,
    /// Show the packets of the handshake on stderr (TCP; needs CAP_NET_RAW)
    #[arg(long, conflicts_with_all = ["udp", "unix"])]
    packet_trace: bool,
    #[command(flatten)]
    probe: ProbeArgs,
}

/// How long an open UDP port has to refuse a probe.
const UDP_PROBE: Duration = Duration::from_secs(1);

/// Connects and carries, or probes.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let place = place(args)?;
    if (args.packet_trace || args.probe.is_wanted()) && place.starts_with("unix:") {
        return Err(usage("--packet-trace and --probe are for IP addresses"));
    }
    let ask =
        args.probe.is_wanted().then(|| args.probe.ask(args.talk.wait, context)).transpose()?;
    if context.only_checks() {
        return Ok(Exit::DONE);
    }
    let stop = Stop::install(Duration::ZERO)?;
    let goal = Goal {
        place,
        datagrams: args.talk.udp,
        wait: args.talk.wait,
        source: args.source,
        probe: args.zero,
        trace: args.packet_trace,
        verbose: context.global.verbose > 0,
    };
    let Some(opened) = interruptible::run(&stop, move || goal.open())? else {
        return Ok(stop.interrupted().unwrap_or(Exit::INTERRUPTED));
    };
    let socket = match opened {
        Ok(socket) => socket,
        Err(error) if packets::is_forbidden(&error) => {
            return Err(Failure::new(Exit::FAILED, packets::FORBIDDEN).into());
        }
        Err(error) if args.zero && !error.is_lookup() => {
            return Err(Failure::new(Exit::NEGATIVE, error).into());
        }
        Err(error) => return Err(error.into()),
    };
    if args.zero {
        return Ok(Exit::DONE);
    }
    if let Some(ask) = ask {
        return probe::run(&socket, ask, &stop);
    }
    let mut net = Net::connected(socket);
    let mut terminal = Terminal::new()?;
    let options = args.talk.options(false);
    let ended = converse(&mut net, &mut terminal, options, None, (&stop, context))?;
    Ok(exit_of(ended, &stop))
}

/// The address in one text that the library reads.
fn place(args: &Args) -> anyhow::Result<String> {
    let text = args.address.as_str();
    if args.talk.unix {
        return match args.port {
            None => Ok(args.talk.place(text)),
            Some(_) => Err(usage("a unix socket has no port")),
        };
    }
    if let Some(port) = args.port {
        let host = text.trim_start_matches('[').trim_end_matches(']');
        return Ok(if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        });
    }
    if text.parse::<u16>().is_ok() {
        return Ok(format!("127.0.0.1:{text}"));
    }
    match text.strip_prefix(':') {
        Some(port) if port.parse::<u16>().is_ok() => Ok(format!("127.0.0.1:{port}")),
        _ if text.starts_with("unix:") || text.contains(':') => Ok(text.to_owned()),
        _ => Err(usage(format_args!("`{text}` has no port; write {text}:PORT or {text} PORT"))),
    }
}

/// An address to connect from: its port may be left out.
fn source(text: &str) -> Result<SocketAddr, String> {
    let ip = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    ip.map(|ip| SocketAddr::new(ip, 0)).or_else(|_| text.parse()).map_err(|_| {
        format!("`{text}` is not an IP address of this machine, with or without :PORT")
    })
}

/// What is to be connected.
struct Goal {
    place: String,
    datagrams: bool,
    wait: Option<Duration>,
    source: Option<SocketAddr>,
    probe: bool,
    trace: bool,
    verbose: bool,
}

impl Goal {
    /// Tries the addresses of the place in turn, each with its share of the time.
    fn open(self) -> Result<Socket, Error> {
        let family = self.source.map_or(AF_UNSPEC, |source| Address::from(source).family());
        let addrs = self.place.to_addresses(family)?;
        let deadline = self.wait.and_then(|wait| Instant::now().checked_add(wait));
        let mut rest = u32::try_from(addrs.len()).unwrap_or(u32::MAX);
        let mut last = None;
        for addr in &addrs {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()) / rest);
            rest -= 1;
            let start = Instant::now();
            let opened = match addr.family() {
                _ if self.datagrams => self.open_datagrams(addr),
                _ => self.connect(addr, left),
            };
            match opened {
                Ok(socket) => {
                    self.tell(&socket, start.elapsed());
                    return Ok(socket);
                }
                Err(error) => {
                    if self.verbose && rest > 0 {
                        output::note(format_args!("{error}; trying the next address"));
                    }
                    last = Some(error);
                }
            }
        }
        Err(last.expect("a place has an address"))
    }

    fn connect(&self, addr: &Address, timeout: Option<Duration>) -> Result<Socket, Error> {
        if let Some(remote) = addr.socket_addr().filter(|_| self.trace) {
            return packets::connect(remote, self.source, timeout);
        }
        let connection = create_connection(addr).timeout(timeout);
        match self.source {
            Some(source) => connection.source(source).open(),
            None => connection.open(),
        }
    }

    fn open_datagrams(&self, addr: &Address) -> Result<Socket, Error> {
        let socket = Socket::new(addr.family(), SOCK_DGRAM, 0)?;
        match self.source {
            Some(source) => socket.bind(source)?,
            // Without a name of its own nobody could answer.
            None if addr.family() == Family::Unix => socket.bind("unix:")?,
            None => {}
        }
        socket.connect(addr)?;
        if self.probe {
            self.probe_datagrams(&socket).map_err(|error| match error.address() {
                Some(_) => error,
                None => error.about(addr),
            })?;
        }
        Ok(socket)
    }

    /// An empty datagram: a closed port refuses it, an open one answers or says nothing.
    fn probe_datagrams(&self, socket: &Socket) -> Result<(), Error> {
        socket.send(b"")?;
        socket.settimeout(self.wait.unwrap_or(UDP_PROBE))?;
        match socket.recv(1) {
            Err(error) if !error.is_timeout() => Err(error),
            _ => socket.settimeout(None),
        }
    }

    /// What `-v` says: where from and to, and how long the handshake took.
    fn tell(&self, socket: &Socket, took: Duration) {
        if !self.verbose {
            return;
        }
        let what = transport(socket);
        let peer = socket.getpeername().map(|addr| addr.to_string()).unwrap_or_default();
        match (self.datagrams, self.probe) {
            (true, true) => output::note(format_args!("{what} {peer} is open or filtered")),
            (true, false) => output::note(format_args!("sending {what} to {peer}")),
            (false, _) => {
                let me = socket.getsockname().map(|addr| addr.to_string()).unwrap_or_default();
                let took = millis(took);
                output::note(format_args!("connected {what} to {peer} from {me} in {took}"));
                tell_tcp_info(socket);
            }
        }
    }
}
