//! `sockeye listen ADDR`: what `nc -l` does. One peer at a time; the ready line goes to stderr,
//! since stdout carries what the peer says.

use std::time::Duration;

use anyhow::Context as _;
use sockeye_edge::listen::{self, ListenAddr};
use sockeye_socket::{Acceptor, Address, Family, SOCK_DGRAM, Shutdown, Socket, opt};

use super::probe;
use super::talk::{TalkArgs, converse, exit_of, transport};
use crate::context::Context;
use crate::exit::{Exit, usage};
use crate::output::{self, ReadyLine, Stream};
use crate::relay::{Ended, Net, Terminal};
use crate::signals::Stop;

/// Arguments of `sockeye listen`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sockeye listen 9000                      this machine only
  sockeye listen :9000 >received           every interface
  sockeye listen -k -v :9000               one peer after another
  sockeye listen -u --hex :5353
  sockeye listen -U /tmp/app.sock
  sockeye listen -u --echo :7000           answers `sockeye connect -u --probe HOST:7000`
Prints `listening tcp ADDR` on stderr once peers can come; port 0 takes a free one.
Exit codes: 0 done, 2 usage, 3 failed, 130 interrupted (0 with -k or --echo)")]
pub(crate) struct Args {
    /// Where: PORT (this machine only), :PORT (every interface), IP:PORT, unix:PATH, unix:@NAME
    #[arg(value_name = "ADDR")]
    address: String,
    #[command(flatten)]
    talk: TalkArgs,
    /// Go on with the next peer when one has gone
    #[arg(short, long)]
    keep: bool,
    /// Answer the datagrams of `connect -u --probe`, and nothing else
    #[arg(
        long,
        requires = "udp",
        conflicts_with_all = ["unix", "half_close", "wait", "crlf", "hex"]
    )]
    echo: bool,
}

/// Listens and carries.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let wanted: ListenAddr = args.talk.place(&args.address).parse().map_err(usage)?;
    if context.only_checks() {
        return Ok(Exit::DONE);
    }
    if args.echo && wanted.address().family() == Family::Unix {
        return Err(usage("--echo is for IP addresses"));
    }
    let stop = Stop::install(Duration::ZERO)?;
    if args.echo {
        let socket = open_datagrams(&wanted)?;
        ready(&socket)?;
        return probe::echo(&socket, context, &stop);
    }
    let session = Session { args, context, stop: &stop };
    let ended = if args.talk.udp { session.datagrams(&wanted) } else { session.stream(&wanted) }?;
    // What listens for one peer after another is a server, and ends well by a signal.
    if args.keep && ended == Ended::Stopped { Ok(Exit::DONE) } else { Ok(exit_of(ended, &stop)) }
}

struct Session<'a> {
    args: &'a Args,
    context: &'a Context,
    stop: &'a Stop,
}

impl Session<'_> {
    fn stream(&self, wanted: &ListenAddr) -> anyhow::Result<Ended> {
        let listener = listen::open(wanted)?;
        let file = SocketFile::of(&listener);
        let mut terminal = Terminal::new()?;
        ready(&listener)?;
        let mut acceptor = Acceptor::new(listener)?;
        while let Some((socket, peer)) = acceptor.accept(self.stop.shutdown())? {
            self.tell(format_args!("{peer} is connected"));
            if !self.args.keep {
                // Whoever comes now is refused instead of waiting for nothing.
                drop((acceptor, file));
                return self.talk(&mut Net::connected(socket), &mut terminal, None);
            }
            match self.talk(&mut Net::connected(socket), &mut terminal, None) {
                Ok(Ended::Done | Ended::Idle) => self.tell(format_args!("{peer} has gone")),
                Ok(over) => return Ok(over),
                // What breaks one connection is the peer's affair.
                Err(error) if error.is::<sockeye_socket::Error>() => {
                    let what = output::with_causes(error.as_ref());
                    output::note(format_args!("{peer}: {what}"));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Ended::Stopped)
    }

    /// Without `-k` the first to send is the peer; with it everybody may, and who sent last is
    /// answered.
    fn datagrams(&self, wanted: &ListenAddr) -> anyhow::Result<Ended> {
        let socket = open_datagrams(wanted)?;
        let _file = SocketFile::of(&socket);
        let mut terminal = Terminal::new()?;
        ready(&socket)?;
        if self.args.keep {
            return self.talk(&mut Net::anybody(socket), &mut terminal, None);
        }
        let mut first = vec![0; 65_536];
        let Some((n, peer)) = first_datagram(&socket, self.stop.shutdown(), &mut first)? else {
            return Ok(Ended::Stopped);
        };
        self.tell(format_args!("{peer} sends"));
        // A unix peer without a name cannot be answered, but may go on sending.
        let mut net = match peer {
            Address::Unix(sockeye_socket::UnixName::Unnamed) => Net::anybody(socket),
            peer => {
                socket.connect(peer)?;
                Net::connected(socket)
            }
        };
        self.talk(&mut net, &mut terminal, Some(&first[..n]))
    }

    fn talk(
        &self,
        net: &mut Net,
        terminal: &mut Terminal,
        first: Option<&[u8]>,
    ) -> anyhow::Result<Ended> {
        let options = self.args.talk.options(true);
        converse(net, terminal, options, first, (self.stop, self.context))
    }

    fn tell(&self, text: std::fmt::Arguments<'_>) {
        if self.context.global.verbose > 0 {
            output::note(text);
        }
    }
}

fn ready(socket: &Socket) -> anyhow::Result<()> {
    let place = socket.getsockname()?.to_string();
    output::ready(&ReadyLine { what: transport(socket), place }, Stream::Stderr)
}

fn open_datagrams(wanted: &ListenAddr) -> anyhow::Result<Socket> {
    let address = wanted.address();
    let socket = Socket::new(address.family(), SOCK_DGRAM, 0)?;
    if address.family() == Family::Inet6 {
        // `:PORT` is every interface of both families.
        let everywhere = wanted.to_string().starts_with(':');
        socket.setsockopt(opt::IPV6_V6ONLY, !everywhere)?;
    }
    socket.bind(address).with_context(|| format!("cannot listen on {wanted}"))?;
    Ok(socket)
}

/// Waits for the first datagram; `None` where a signal comes first.
fn first_datagram(
    socket: &Socket,
    shutdown: &Shutdown,
    buffer: &mut [u8],
) -> anyhow::Result<Option<(usize, Address)>> {
    use sockeye_socket::{Events, Selector};
    let mut selector = Selector::new()?;
    selector.register(socket, Events::READ, ())?;
    selector.register(shutdown, Events::READ, ())?;
    socket.setblocking(false)?;
    while !shutdown.is_started() {
        match socket.recvfrom_into(buffer) {
            Err(error) if error.would_block() => drop(selector.select(None)?),
            received => return Ok(Some(received?)),
        }
    }
    Ok(None)
}

/// The file of a unix socket, removed at the end.
struct SocketFile(Option<std::path::PathBuf>);

impl SocketFile {
    fn of(socket: &Socket) -> SocketFile {
        SocketFile(socket.getsockname().ok().and_then(|addr| addr.path().map(Into::into)))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // Somebody may have removed it already.
            let _ = std::fs::remove_file(path);
        }
    }
}
