//! Numbered datagrams and what became of them: `connect -u --probe` asks, `listen -u --echo`
//! answers. What they decide is in `proto`, without a socket or a clock; docs/probe.md has the
//! format on the wire and what each number means.

mod answer;
mod ask;
mod json;
pub(crate) mod proto;
mod text;

pub(crate) use answer::answer;
pub(crate) use ask::{Ask, ask};
