//! What the end of a connect means: the system's error numbers as outcomes.

use crate::proto::verdict::{Outcome, Reason, State};
use sockeye_socket::errno;

/// Reads the error number of a connect that has ended, `0` where it succeeded.
///
/// Only a refusal is closed. A shortage of this machine says nothing about the port.
pub(super) fn outcome_of(error: i32) -> Outcome {
    let filtered = |reason| Outcome::Answer(State::Filtered, reason);
    match error {
        // A reset after the handshake: somebody had accepted it. Before, it is a refusal.
        0 | errno::ECONNRESET | errno::EPIPE => Outcome::Answer(State::Open, Reason::SynAck),
        errno::ECONNREFUSED => Outcome::Answer(State::Closed, Reason::Reset),
        errno::ETIMEDOUT => filtered(Reason::NoResponse),
        errno::EHOSTUNREACH | errno::EHOSTDOWN => filtered(Reason::HostUnreachable),
        errno::ENETUNREACH | errno::ENETDOWN | errno::ENONET => filtered(Reason::NetUnreachable),
        errno::EACCES | errno::EPERM => filtered(Reason::Prohibited),
        errno::EMFILE | errno::ENFILE => Outcome::Pressure(Reason::NoDescriptors),
        errno::EADDRNOTAVAIL | errno::EADDRINUSE | errno::EAGAIN => {
            Outcome::Pressure(Reason::NoLocalPort)
        }
        errno::ENOBUFS | errno::ENOMEM => Outcome::Pressure(Reason::NoBuffers),
        other => Outcome::Answer(State::Unresolved, Reason::System(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_is_closed() {
        for error in 1..200 {
            let closed = matches!(outcome_of(error), Outcome::Answer(State::Closed, _));
            assert_eq!(closed, error == errno::ECONNREFUSED, "{error}");
        }
        assert_eq!(outcome_of(0), Outcome::Answer(State::Open, Reason::SynAck));
    }
}
