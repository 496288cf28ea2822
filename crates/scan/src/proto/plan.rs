//! The whole of a scan as numbers: every target times every port, in a seeded order, in shards.

use super::permutation::Permutation;
use super::ports::PortSet;
use super::targets::{Target, TargetSet};

/// Every probe of a scan, numbered in the order in which they are sent.
#[derive(Debug, Clone)]
pub struct Plan {
    targets: TargetSet,
    ports: PortSet,
    order: Permutation,
}

/// One pair of target and port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Probe {
    /// The target's index in its set.
    pub host: u64,
    /// The target.
    pub target: Target,
    /// The port, `1..=65535`.
    pub port: u16,
}

/// What is wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// No address is left.
    #[error("no target is left (multicast, broadcast, 0/8 and 240/4 are never scanned)")]
    NoTargets,
    /// No port was chosen.
    #[error("no port was chosen")]
    NoPorts,
    /// More probes than can be numbered.
    #[error("{addresses} addresses times {ports} ports are too many")]
    TooMany {
        /// Addresses asked for.
        addresses: u128,
        /// Ports asked for.
        ports: usize,
    },
    /// More than `ADDRESSES_MAX` addresses, without being told that this is wanted.
    #[error("{0} addresses are more than 65536: say --authorised if you may scan them")]
    ManyAddresses(u128),
    /// A run of public addresses that is wider than a /24, without being told so.
    #[error("{0} public addresses in a row are more than a /24: say --authorised if you may")]
    PublicRange(u128),
}

/// Addresses that may be scanned without `--authorised`.
pub const ADDRESSES_MAX: u128 = 65_536;
/// Public addresses in a row that may be scanned without `--authorised`.
pub const PUBLIC_RUN_MAX: u128 = 256;
/// Probes that can be numbered.
const PROBES_MAX: u64 = u64::MAX / 4;

impl Plan {
    /// Numbers the probes of `targets` times `ports` in the order that `seed` stands for.
    ///
    /// # Errors
    /// `PlanError` where nothing or too much would be scanned, or where it needs `authorised`.
    pub fn new(
        targets: TargetSet,
        ports: PortSet,
        seed: u64,
        authorised: bool,
    ) -> Result<Self, PlanError> {
        let addresses = targets.len();
        let ports_len = ports.len();
        if addresses == 0 {
            return Err(PlanError::NoTargets);
        }
        if ports_len == 0 {
            return Err(PlanError::NoPorts);
        }
        if addresses > ADDRESSES_MAX && !authorised {
            return Err(PlanError::ManyAddresses(addresses));
        }
        if targets.public_run() > PUBLIC_RUN_MAX && !authorised {
            return Err(PlanError::PublicRange(targets.public_run()));
        }
        let len = u64::try_from(addresses)
            .ok()
            .and_then(|hosts| hosts.checked_mul(u64::try_from(ports_len).ok()?))
            .filter(|len| *len <= PROBES_MAX)
            .ok_or(PlanError::TooMany { addresses, ports: ports_len })?;
        Ok(Self { targets, ports, order: Permutation::new(len, seed) })
    }

    /// Counts the probes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.order.len()
    }

    /// Tells whether there is no probe: never, for a plan that was made.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Gives the targets.
    #[must_use]
    pub fn targets(&self) -> &TargetSet {
        &self.targets
    }

    /// Gives the ports.
    #[must_use]
    pub fn ports(&self) -> &PortSet {
        &self.ports
    }

    /// Gives the probe at `position` of the order, or `None` past the end.
    #[must_use]
    pub fn at(&self, position: u64) -> Option<Probe> {
        let index = self.order.at(position)?;
        let ports = u64::try_from(self.ports.len()).ok()?;
        let host = index / ports;
        let target = self.targets.pick(u128::from(host))?;
        let port = self.ports.pick(usize::try_from(index % ports).ok()?)?;
        Some(Probe { host, target, port })
    }
}

/// Every `count`-th position of the order, from `index` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: u32,
}

impl Shard {
    /// The only shard of a scan that is not divided.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Makes the shard `index`, counted from 0, of `count`.
    #[must_use]
    pub fn new(index: u32, count: u32) -> Option<Self> {
        (index < count).then_some(Self { index, count })
    }

    /// Divides this shard once more: the part `index`, counted from 0, of `count`.
    #[must_use]
    pub fn part(&self, index: u32, count: u32) -> Option<Self> {
        let index = index.checked_mul(self.count)?.checked_add(self.index)?;
        Self::new(index, self.count.checked_mul(count)?)
    }

    /// Gives the first position.
    #[must_use]
    pub fn first(&self) -> u64 {
        u64::from(self.index)
    }

    /// Gives the distance from one position to the next.
    #[must_use]
    pub fn step(&self) -> u64 {
        u64::from(self.count)
    }

    /// Counts its positions in an order of `len`.
    #[must_use]
    pub fn len_of(&self, len: u64) -> u64 {
        len.saturating_sub(self.first()).div_ceil(self.step())
    }

    /// Walks its positions in an order of `len`.
    pub fn positions(&self, len: u64) -> impl Iterator<Item = u64> + use<> {
        let (first, step) = (self.first(), self.step());
        (0..self.len_of(len)).map(move |turn| first + turn * step)
    }
}

impl std::str::FromStr for Shard {
    type Err = ShardError;

    /// Reads `1/4`: the first of four.
    fn from_str(text: &str) -> Result<Self, ShardError> {
        let (index, count) = text.split_once('/').ok_or(ShardError)?;
        let index: u32 = index.parse().map_err(|_| ShardError)?;
        let count = count.parse().map_err(|_| ShardError)?;
        index.checked_sub(1).and_then(|index| Self::new(index, count)).ok_or(ShardError)
    }
}

/// A shard that is not written `1/4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a shard is written 1/4: the first of four")]
pub struct ShardError;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::targets::Span;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn targets(first: &str, last: &str) -> TargetSet {
        TargetSet::new(&[Span::new(first.parse().unwrap(), last.parse().unwrap()).unwrap()], &[])
    }

    #[test]
    fn what_needs_to_be_said() {
        let plan = |first, last, authorised| {
            Plan::new(targets(first, last), PortSet::top(1), 0, authorised).map(|plan| plan.len())
        };
        assert_eq!(plan("10.0.0.0", "10.0.255.255", false), Ok(65_536));
        assert_eq!(plan("10.0.0.0", "10.1.0.0", false), Err(PlanError::ManyAddresses(65_537)));
        assert_eq!(plan("10.0.0.0", "10.1.0.0", true), Ok(65_537));
        assert_eq!(plan("8.8.8.0", "8.8.8.255", false), Ok(256));
        assert_eq!(plan("8.8.8.0", "8.8.9.0", false), Err(PlanError::PublicRange(257)));
        assert_eq!(plan("8.8.8.0", "8.8.9.0", true), Ok(257));
        assert_eq!(plan("224.0.0.1", "224.0.0.9", true), Err(PlanError::NoTargets));
        let huge =
            Plan::new(targets("fd00::", "fd00::ffff:ffff:ffff:ffff"), PortSet::all(), 0, true);
        assert!(matches!(huge, Err(PlanError::TooMany { ports: 65_535, .. })));
        let none = Plan::new(targets("10.0.0.1", "10.0.0.1"), PortSet::top(0), 0, true);
        assert!(matches!(none, Err(PlanError::NoPorts)));
    }

    #[test]
    fn every_pair_once() {
        let plan = Plan::new(targets("10.0.0.0", "10.0.0.9"), PortSet::top(50), 3, false).unwrap();
        let seen: BTreeSet<Probe> = (0..plan.len()).map(|i| plan.at(i).unwrap()).collect();
        assert_eq!(seen.len(), 500);
        assert_eq!(plan.at(500), None);
    }

    #[test]
    fn shards_are_read() {
        assert_eq!("1/4".parse(), Ok(Shard { index: 0, count: 4 }));
        assert_eq!("4/4".parse(), Ok(Shard { index: 3, count: 4 }));
        for text in ["", "1", "0/4", "5/4", "1/0", "-1/4", "a/b", "1/4/4"] {
            assert_eq!(text.parse::<Shard>(), Err(ShardError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn shards_of_shards_are_disjoint_and_complete(
            len in 0_u64..500, outer in 1_u32..7, inner in 1_u32..5,
        ) {
            let mut seen = Vec::new();
            for index in 0..outer {
                for part in 0..inner {
                    let shard = Shard::new(index, outer).unwrap().part(part, inner).unwrap();
                    let before = seen.len();
                    seen.extend(shard.positions(len));
                    prop_assert_eq!(shard.len_of(len), u64::try_from(seen.len() - before).unwrap());
                }
            }
            seen.sort_unstable();
            prop_assert!(seen.into_iter().eq(0..len));
        }
    }
}
