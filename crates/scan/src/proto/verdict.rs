//! What became of a probe, and why.

use super::targets::Target;
use std::fmt;
use std::time::Duration;

/// The state of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum State {
    /// Something accepted the connection.
    Open,
    /// The host refused: nothing listens there.
    Closed,
    /// Nobody answered, or something on the way said no.
    Filtered,
    /// This machine could not ask.
    Unresolved,
}

impl State {
    /// Gives the word for it, as in nmap.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Filtered => "filtered",
            Self::Unresolved => "unresolved",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// Why a port has its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// The handshake was completed.
    SynAck,
    /// The host answered with a reset.
    Reset,
    /// The kernel had picked the asked port as its own: so nobody else has it.
    SelfConnect,
    /// No answer to any attempt.
    NoResponse,
    /// The host cannot be reached (ICMP, or no answer to ARP or ND).
    HostUnreachable,
    /// The network cannot be reached (ICMP, or no route).
    NetUnreachable,
    /// A rule of this machine forbids it.
    Prohibited,
    /// No descriptor was left.
    NoDescriptors,
    /// No local port was left.
    NoLocalPort,
    /// No memory was left for the socket.
    NoBuffers,
    /// The system refused for another reason: its error number.
    System(i32),
}

impl Reason {
    /// Gives the word for it; a system's error number is left out.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SynAck => "syn-ack",
            Self::Reset => "reset",
            Self::SelfConnect => "self-connect",
            Self::NoResponse => "no-response",
            Self::HostUnreachable => "host-unreachable",
            Self::NetUnreachable => "net-unreachable",
            Self::Prohibited => "prohibited",
            Self::NoDescriptors => "no-descriptors",
            Self::NoLocalPort => "no-local-port",
            Self::NoBuffers => "no-buffers",
            Self::System(_) => "system-error",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// What a backend learnt about one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The port answered: its state is known.
    Answer(State, Reason),
    /// This machine lacked something for the moment; the attempt does not count.
    Pressure(Reason),
}

/// The last word about one port of one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The target's index in its set.
    pub host: u64,
    /// The target.
    pub target: Target,
    /// The port, `1..=65535`.
    pub port: u16,
    /// Its state.
    pub state: State,
    /// Why.
    pub reason: Reason,
    /// From the probe to its answer, where it is known which probe was answered.
    pub rtt: Option<Duration>,
    /// How many probes were sent, `0` where none could be.
    pub attempts: u8,
}
