//! What must hold of what a scan is told to ask: lists of ports, and of targets.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sockeye_scan::{PortSet, Span, TargetSet, TargetSpec, parse_list};

/// So many addresses are compared one by one.
const ADDRESSES_MAX: u128 = 600;

/// A list of ports is the union of its items, in any order; and what it shows is read as itself.
pub(crate) fn scan_ports(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let items = || text.split(',').map(PortSet::parse);
    let set = match PortSet::parse(text) {
        Ok(set) => set,
        Err(error) => {
            assert!(items().any(|item| item.as_ref() == Err(&error)), "{error} is of no item");
            assert!(!error.to_string().contains(char::is_control), "{error}");
            return;
        }
    };
    assert!(!set.is_empty() && !set.iter().any(|port| port == 0));
    assert!(set.iter().zip(set.iter().skip(1)).all(|(a, b)| a < b), "sorted, each once");
    let union: BTreeSet<u16> =
        items().flat_map(|item| item.expect("an item").iter().collect::<Vec<_>>()).collect();
    assert!(set.iter().eq(union.iter().copied()), "the union of the items");
    for item in text.split(',').map(str::trim) {
        if let Some((first, last)) = numbers(item) {
            assert!((first..=last).all(|port| union.contains(&port)), "{item}");
        }
    }
    let shown: Vec<String> = runs(&set).iter().map(|(a, b)| format!("{a}-{b}")).collect();
    assert_eq!(PortSet::parse(&shown.join(",")), Ok(set));
}

/// The ends of an item of digits, read apart from the parser.
fn numbers(item: &str) -> Option<(u16, u16)> {
    if item == "-" {
        return Some((1, u16::MAX));
    }
    let (first, last) = item.split_once('-').unwrap_or((item, item));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let or = |text: &str, default| if text.is_empty() { Some(default) } else { text.parse().ok() };
    (digits(first) && digits(last)).then_some((or(first, 1)?, or(last, u16::MAX)?))
}

fn runs(set: &PortSet) -> Vec<(u16, u16)> {
    let mut runs: Vec<(u16, u16)> = Vec::new();
    for port in set.iter() {
        match runs.last_mut() {
            Some((_, last)) if port - *last == 1 => *last = port,
            _ => runs.push((port, port)),
        }
    }
    runs
}

/// `input` is a list of targets and, behind a `!`, a list of those that are left out.
pub(crate) fn scan_targets(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (include, exclude) = text.split_once('!').unwrap_or((text, ""));
    let (include, exclude) = (spans(include), spans(exclude));
    let set = TargetSet::new(&include, &exclude);
    let count = set.len();
    assert_eq!(set.is_empty(), count == 0);
    assert_eq!(set.pick(set.len()), None);
    let sum: u128 = set.spans().iter().map(Span::len).sum();
    assert_eq!(sum, set.len());
    assert!(TargetSet::new(&include, &include).is_empty(), "nothing is left of itself");
    assert_eq!(TargetSet::new(set.spans(), &exclude), set, "it is at rest");
    let among = |spans: &[Span], ip: IpAddr| spans.iter().any(|span| has(span, ip));
    let mut before = None;
    for index in 0..set.len().min(ADDRESSES_MAX) {
        let target = set.pick(index).expect("it is in the set");
        assert!(before < Some(target), "in order, each once");
        before = Some(target);
        assert!(among(&include, target.ip) && !among(&exclude, target.ip), "{}", target.ip);
        assert!(!is_never_asked(target.ip), "{}", target.ip);
    }
    if include.iter().map(Span::len).sum::<u128>() <= ADDRESSES_MAX {
        let all: BTreeSet<IpAddr> = include.iter().flat_map(addresses).collect();
        let left = |ip: &&IpAddr| !is_never_asked(**ip) && !among(&exclude, **ip);
        assert_eq!(u128::try_from(all.iter().filter(left).count()), Ok(set.len()));
    }
}

/// The spans of a list; what is wrong is told on its line, without what acts on a terminal.
fn spans(list: &str) -> Vec<Span> {
    let targets = match parse_list(list) {
        Ok(targets) => targets,
        Err((line, error)) => {
            assert!(line >= 1 && line <= list.lines().count());
            assert!(!error.to_string().contains(char::is_control), "{error}");
            return Vec::new();
        }
    };
    let mut spans = Vec::new();
    for target in targets {
        match target {
            TargetSpec::Span(span) => {
                let shown = format!("{}-{}", span.first(), last(&span));
                assert_eq!(shown.parse(), Ok(TargetSpec::Span(span)), "{shown}");
                spans.push(span);
            }
            TargetSpec::Name(name) => {
                assert!(!name.is_empty() && name.len() <= 253 && !name.starts_with('-'));
                assert!(!name.contains(|c: char| c.is_control() || c.is_whitespace() || c == '/'));
                assert!(name.parse::<IpAddr>().is_err(), "{name} is an address");
            }
        }
    }
    spans
}

fn last(span: &Span) -> IpAddr {
    match span.first() {
        IpAddr::V4(ip) => {
            let more = u32::try_from(span.len() - 1).expect("at most 2^32 of them");
            Ipv4Addr::from(u32::from(ip) + more).into()
        }
        IpAddr::V6(ip) => Ipv6Addr::from(u128::from(ip) + (span.len() - 1)).into(),
    }
}

fn has(span: &Span, ip: IpAddr) -> bool {
    span.first().is_ipv4() == ip.is_ipv4() && span.first() <= ip && ip <= last(span)
}

fn addresses(span: &Span) -> Vec<IpAddr> {
    let next = |ip: &IpAddr| -> Option<IpAddr> {
        Some(match ip {
            IpAddr::V4(ip) => Ipv4Addr::from(u32::from(*ip).checked_add(1)?).into(),
            IpAddr::V6(ip) => Ipv6Addr::from(u128::from(*ip).checked_add(1)?).into(),
        })
    };
    let last = last(span);
    std::iter::successors(Some(span.first()), next).take_while(|ip| *ip <= last).collect()
}

/// By the standard library's words: this network, multicast, reserved, broadcast, and IPv4 in
/// IPv6.
fn is_never_asked(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.octets()[0] == 0 || ip.octets()[0] >= 224,
        IpAddr::V6(ip) => ip.is_unspecified() || ip.is_multicast() || ip.to_ipv4_mapped().is_some(),
    }
}
