//! What `connect` and `listen` have in common: their flags, the conversation, and what `-v` says
//! about it.

use std::time::{Duration, Instant};

use sockeye_socket::{Kind, Socket, opt};

use crate::args::duration;
use crate::context::Context;
use crate::exit::Exit;
use crate::output;
use crate::relay::{Ended, Net, Options, Relay, Terminal};
use crate::signals::Stop;

/// Flags of both commands, named as nc names them.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct TalkArgs {
    /// UDP: each read of stdin is a datagram (with -U: unix datagrams)
    #[arg(short, long)]
    pub(crate) udp: bool,
    /// A unix socket: ADDR is its path, or @NAME
    #[arg(short = 'U', long)]
    pub(crate) unix: bool,
    /// End our direction once stdin has ended
    #[arg(short = 'N', long)]
    pub(crate) half_close: bool,
    /// Give up connecting, or a silent conversation, after so long
    #[arg(short = 'w', long, value_name = "TIME", value_parser = duration)]
    pub(crate) wait: Option<Duration>,
    /// Send line ends as CR LF
    #[arg(short = 'C', long)]
    pub(crate) crlf: bool,
    /// Show a hex dump of both directions in place of the bytes
    #[arg(long)]
    pub(crate) hex: bool,
}

impl TalkArgs {
    pub(crate) fn options(&self, end_with_peer: bool) -> Options {
        Options {
            half_close: self.half_close,
            idle: self.wait,
            crlf: self.crlf,
            hex: self.hex,
            end_with_peer,
        }
    }

    /// The address as the library writes it: `-U PATH` is `unix:PATH`.
    pub(crate) fn place(&self, text: &str) -> String {
        if self.unix && !text.starts_with("unix:") {
            return format!("unix:{text}");
        }
        text.to_owned()
    }
}

/// What the ready line and `-v` call the transport.
pub(crate) fn transport(socket: &Socket) -> &'static str {
    use sockeye_socket::Family;
    match (socket.family(), socket.kind()) {
        (Family::Unix, Kind::Dgram) => "unixgram",
        (Family::Unix, _) => "unix",
        (_, Kind::Dgram) => "udp",
        _ => "tcp",
    }
}

/// Carries one conversation to its end and says with `-v` what it was like.
///
/// # Errors
/// The connection broke, or stdin or stdout cannot be used.
pub(crate) fn converse(
    net: &mut Net,
    terminal: &mut Terminal,
    options: Options,
    first: Option<&[u8]>,
    (stop, context): (&Stop, &Context),
) -> anyhow::Result<Ended> {
    let start = Instant::now();
    let mut relay = Relay::new(net, terminal, options)?;
    if let Some(first) = first {
        relay.received(first);
    }
    let ended = relay.run(stop.shutdown());
    let (sent, received) = relay.totals();
    if context.global.verbose > 0 {
        let took = start.elapsed().as_secs_f64();
        output::note(format_args!("sent {sent} bytes, received {received} bytes in {took:.3} s"));
        tell_tcp_info(net.socket());
    }
    let ended = ended?;
    if ended == Ended::Idle && context.global.verbose > 0 {
        output::note("the conversation was silent for the time that -w allows");
    }
    Ok(ended)
}

/// The exit code of a job whose conversation is over.
pub(crate) fn exit_of(ended: Ended, stop: &Stop) -> Exit {
    match ended {
        Ended::Stopped => stop.interrupted().unwrap_or(Exit::INTERRUPTED),
        Ended::Done | Ended::Idle | Ended::StdoutClosed => Exit::DONE,
    }
}

/// What the kernel measured, in one line.
pub(crate) fn tell_tcp_info(socket: &Socket) {
    if transport(socket) != "tcp" {
        return;
    }
    // A connection that is gone has none.
    let Ok(info) = socket.getsockopt(opt::TCP_INFO) else { return };
    output::note(format_args!(
        "tcp {}: rtt {} (varies by {}), mss {} out and {} in, path mtu {}, window {} segments, \
         {} sent again",
        info.state_name(),
        millis(info.rtt),
        millis(info.rttvar),
        info.snd_mss,
        info.rcv_mss,
        info.pmtu,
        info.snd_cwnd,
        info.total_retrans,
    ));
}

/// A time in milliseconds, exact to the microsecond.
pub(crate) fn millis(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1000.0)
}
