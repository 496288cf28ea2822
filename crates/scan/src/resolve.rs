//! From targets as they are written to a set of addresses: the only place that asks the resolver.

use crate::proto::target::TargetSpec;
use crate::proto::targets::{Span, Target, TargetSet};
use crate::{Error, Result};
use sockeye_socket::resolve::lookup;
use std::net::{IpAddr, SocketAddr};

/// Which addresses to take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Version {
    /// Both; of a name the first IPv4 address, else the first IPv6 one.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl Version {
    fn takes(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }

    fn number(self) -> u8 {
        if self == Self::V6 { 6 } else { 4 }
    }
}

/// What to resolve.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// What to scan.
    pub include: Vec<TargetSpec>,
    /// What never to scan; of a name, all its addresses.
    pub exclude: Vec<TargetSpec>,
    /// Which addresses to take.
    pub version: Version,
    /// Refuse names instead of resolving them.
    pub no_dns: bool,
}

/// A name that was resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The name as it was written.
    pub name: String,
    /// Its address in the set.
    pub target: Target,
    /// Its other addresses, which are not scanned.
    pub others: Vec<IpAddr>,
}

/// The addresses to scan, and the names that some of them were given by.
#[derive(Debug, Clone, Default)]
pub struct Resolved {
    /// The addresses.
    pub targets: TargetSet,
    /// The names.
    pub names: Vec<Named>,
    /// Names that do not resolve, each with the resolver's answer; the others are scanned.
    pub unknown: Vec<String>,
}

/// Resolves names and makes the set; blocks for as long as the system's resolver does.
///
/// # Errors
/// No target resolves, an excluded name does not, a name is not to be resolved, or an address is of
/// the wrong family.
pub fn resolve(wanted: &Wanted) -> Result<Resolved> {
    let (mut names, mut unknown) = (Vec::new(), Vec::new());
    let mut include = Vec::with_capacity(wanted.include.len());
    for spec in &wanted.include {
        match spec {
            TargetSpec::Span(span) if wanted.version.takes(span.first()) => include.push(*span),
            TargetSpec::Span(span) => {
                let (address, version) = (span.first(), wanted.version.number());
                return Err(Error::WrongFamily { address, version });
            }
            TargetSpec::Name(name) => {
                let found = addresses(name, wanted.no_dns);
                match found.and_then(|found| choose(name, &found, wanted.version)) {
                    Ok(named) => {
                        include.push(Span::one(named.target.ip, named.target.scope));
                        names.push(named);
                    }
                    Err(Error::Name { source }) => unknown.push(source),
                    Err(error) => return Err(error),
                }
            }
        }
    }
    if include.is_empty() && !unknown.is_empty() {
        return Err(Error::Name { source: unknown.swap_remove(0) });
    }
    let mut exclude = Vec::with_capacity(wanted.exclude.len());
    for spec in &wanted.exclude {
        match spec {
            TargetSpec::Span(span) => exclude.push(*span),
            TargetSpec::Name(name) => {
                let found = addresses(name, wanted.no_dns)?;
                exclude.extend(found.iter().map(|target| Span::one(target.ip, target.scope)));
            }
        }
    }
    let unknown = unknown.iter().map(ToString::to_string).collect();
    Ok(Resolved { targets: TargetSet::new(&include, &exclude), names, unknown })
}

fn addresses(name: &str, no_dns: bool) -> Result<Vec<Target>> {
    // An address with a zone is no name: the resolver only looks the interface up.
    if no_dns && !name.contains('%') {
        return Err(Error::NameNotWanted { name: name.to_owned() });
    }
    let found = lookup(name, 0).map_err(|source| Error::Name { source })?;
    Ok(found.into_iter().map(target_of).collect())
}

fn target_of(address: SocketAddr) -> Target {
    let scope = match address {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(address) => address.scope_id(),
    };
    Target { ip: address.ip().to_canonical(), scope }
}

fn choose(name: &str, found: &[Target], version: Version) -> Result<Named> {
    let fitting = || found.iter().filter(|target| version.takes(target.ip));
    let target = fitting().find(|target| target.ip.is_ipv4()).or_else(|| fitting().next());
    let target = *target.ok_or_else(|| {
        let version = version.number();
        Error::NoAddress { name: name.to_owned(), version }
    })?;
    let others = found.iter().filter(|other| **other != target).map(|other| other.ip).collect();
    Ok(Named { name: name.to_owned(), target, others })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(ip: &str) -> Target {
        Target { ip: ip.parse().unwrap(), scope: 0 }
    }

    fn wanted(include: &[&str], version: Version) -> Wanted {
        let include = include.iter().map(|text| text.parse().unwrap()).collect();
        Wanted { include, version, no_dns: true, ..Wanted::default() }
    }

    #[test]
    fn of_a_name_one_address_is_taken() {
        let found = [target("::1"), target("10.0.0.1"), target("10.0.0.2")];
        let any = choose("x", &found, Version::Any).unwrap();
        assert_eq!((any.target, any.others.len()), (found[1], 2));
        assert_eq!(choose("x", &found, Version::V6).unwrap().target, found[0]);
        let none = choose("x", &found[1..], Version::V6);
        assert!(matches!(none, Err(Error::NoAddress { version: 6, .. })));
    }

    #[test]
    fn families_and_names_are_as_asked() {
        assert_eq!(resolve(&wanted(&["10.0.0.0/30"], Version::V4)).unwrap().targets.len(), 4);
        let wrong = resolve(&wanted(&["10.0.0.1"], Version::V6));
        assert!(matches!(wrong, Err(Error::WrongFamily { version: 6, .. })));
        let name = resolve(&wanted(&["localhost"], Version::Any));
        assert!(matches!(name, Err(Error::NameNotWanted { .. })));
        let zone = resolve(&wanted(&["fe80::1%lo"], Version::Any)).unwrap();
        assert_eq!(zone.targets.pick(0).unwrap().scope, 1);
    }

    #[test]
    fn one_unknown_name_does_not_stop_the_others_but_an_excluded_one_does() {
        let mut wanted = wanted(&["no.such.host.invalid", "10.0.0.1"], Version::Any);
        wanted.no_dns = false;
        let resolved = resolve(&wanted).unwrap();
        assert_eq!(resolved.targets.len(), 1);
        assert_eq!(resolved.unknown.len(), 1);
        assert!(resolved.unknown[0].contains("no.such.host.invalid"), "{:?}", resolved.unknown);
        let only = Wanted { include: wanted.include[..1].to_vec(), ..wanted.clone() };
        assert!(matches!(resolve(&only), Err(Error::Name { .. })));
        wanted.exclude = vec!["no.such.host.invalid".parse().unwrap()];
        assert!(matches!(resolve(&wanted), Err(Error::Name { .. })));
    }

    #[test]
    fn localhost_is_this_machine() {
        let mut wanted = wanted(&["localhost"], Version::Any);
        wanted.no_dns = false;
        let resolved = resolve(&wanted).unwrap();
        assert!(resolved.names[0].target.ip.is_loopback());
        wanted.exclude = vec!["localhost".parse().unwrap()];
        assert!(resolve(&wanted).unwrap().targets.is_empty());
    }
}
