//! `connect --packet-trace`: the handshake as it goes over the wire, by a packet socket that
//! watches while the connection is made.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use sockeye_socket::packet::{Direction, Filter, Flags, Segment};
use sockeye_socket::{Address, Error, SOCK_STREAM, Socket, errno};

use super::talk::millis;
use crate::output;

/// How long to wait for the end of a handshake that has been seen in part.
const REST_WAIT: Duration = Duration::from_millis(200);
/// Headers of IP and TCP with all options are shorter.
const HEADERS_BYTES: usize = 256;
/// Segments that are shown; a connect that nobody answers repeats its SYN a few times only.
const SEGMENTS_MAX: usize = 64;

/// Watches one connection being made.
struct Watch {
    tap: Socket,
    /// Our own.
    port: u16,
    remote: SocketAddr,
}

/// Connects to `remote`, and shows on stderr what went over the wire, whether it worked or not.
///
/// # Errors
/// The connect's own, or this process may not watch packets.
pub(super) fn connect(
    remote: SocketAddr,
    source: Option<SocketAddr>,
    timeout: Option<Duration>,
) -> Result<Socket, Error> {
    let socket = Socket::new(Address::from(remote).family(), SOCK_STREAM, 0)?;
    let any = match remote {
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    // A port of our own beforehand, so that the kernel can look for it.
    socket.bind(source.unwrap_or_else(|| SocketAddr::new(any, 0)))?;
    let port = socket.getsockname()?.port().unwrap_or_default();
    let tap = Socket::packet(&Filter::tcp(port, remote))?;
    socket.settimeout(timeout)?;
    let connected = socket.connect(remote);
    if let Err(error) = (Watch { tap, port, remote }).show(connected.is_ok()) {
        // The connection is none the worse for it.
        output::note(error);
    }
    connected?;
    socket.settimeout(None)?;
    Ok(socket)
}

/// Tells whether the error is that this process may not watch packets.
pub(super) fn is_forbidden(error: &Error) -> bool {
    error.op() == "packet" && matches!(error.errno(), Some(errno::EPERM | errno::EACCES))
}

/// What to do about it.
pub(super) const FORBIDDEN: &str = "--packet-trace needs the right to watch packets (CAP_NET_RAW): \
    run it with sudo, or allow this program once and for all: \
    sudo setcap cap_net_raw+ep \"$(command -v sockeye)\"";

impl Watch {
    fn show(&self, connected: bool) -> Result<(), Error> {
        let mut lines = Lines::default();
        let deadline = Instant::now() + REST_WAIT;
        let mut buffer = [0; HEADERS_BYTES];
        let mut over = !connected;
        for _ in 0..SEGMENTS_MAX {
            // What a failed connect has sent is here already; of a good one the ACK may not be.
            let left = deadline.saturating_duration_since(Instant::now());
            self.tap.settimeout(if over { Duration::ZERO } else { left })?;
            let packet = match self.tap.recv_packet(&mut buffer) {
                Err(error) if error.would_block() || error.is_timeout() => break,
                received => received?,
            };
            // Loopback shows everything twice: on its way out, and coming in.
            if packet.loopback && packet.direction == Direction::Outgoing {
                continue;
            }
            let Ok(segment) = Segment::parse(&buffer[..packet.len]) else { continue };
            let ours = segment.source.port() == self.port
                && segment.destination.port() == self.remote.port();
            over |= segment.flags == Flags::ACK;
            if lines.first.is_none() {
                let (from, to) = (segment.source, segment.destination);
                let (me, peer) = if ours { (from, to) } else { (to, from) };
                output::note(format_args!("packets between {me} (us) and {peer}"));
            }
            output::note(lines.of(&segment, ours, packet.time));
        }
        if lines.first.is_none() {
            output::note("no packet was seen");
        }
        Ok(())
    }
}

/// Shows segments one after another.
#[derive(Default)]
struct Lines {
    first: Option<Duration>,
    /// The sequence numbers behind what each side sent, and who sent it.
    sent: BTreeMap<u32, &'static str>,
}

impl Lines {
    /// `     0.041 ms  <  SYN-ACK  seq 7 ack 9 (our 8 + 1)  window 65483  mss 1460, …`
    fn of(&mut self, segment: &Segment, ours: bool, time: Option<Duration>) -> String {
        let first = *self.first.get_or_insert(time.unwrap_or_default());
        let since = time.unwrap_or_default().saturating_sub(first);
        let (way, whose) = if ours { (">", "our") } else { ("<", "their") };
        let len = u32::try_from(segment.sequence_len()).unwrap_or(u32::MAX);
        let next = segment.sequence.wrapping_add(len);
        let mut line = format!(
            "{:>12}  {way}  {:<8} seq {}",
            millis(since),
            segment.flags.to_string(),
            segment.sequence
        );
        if segment.flags.contains(Flags::ACK) {
            line += &format!(" ack {}", segment.acknowledgement);
            if let Some(theirs) = self.sent.get(&segment.acknowledgement) {
                line += &format!(" ({theirs} seq + 1)");
            }
        }
        if segment.flags.contains(Flags::SYN) {
            self.sent.insert(next, whose);
        }
        line += &format!("  window {}", segment.window);
        if segment.payload_len > 0 {
            line += &format!("  {} bytes", segment.payload_len);
        }
        if !segment.options.is_empty() {
            let options: Vec<String> = segment.options.iter().map(ToString::to_string).collect();
            line += &format!("  {}", options.join(", "));
        }
        line
    }
}
