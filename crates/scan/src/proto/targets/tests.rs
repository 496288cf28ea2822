//! Sets of targets against a plain set of addresses.

use super::*;
use crate::proto::target::TargetSpec;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn spans(texts: &[&str]) -> Vec<Span> {
    texts
        .iter()
        .map(|text| match text.parse().unwrap() {
            TargetSpec::Span(span) => span,
            TargetSpec::Name(name) => panic!("{name} is a name"),
        })
        .collect()
}

fn set(include: &[&str], exclude: &[&str]) -> TargetSet {
    TargetSet::new(&spans(include), &spans(exclude))
}

fn all(set: &TargetSet) -> Vec<String> {
    (0..set.len()).map(|i| set.pick(i).unwrap().ip.to_string()).collect()
}

#[test]
fn overlapping_targets_count_once() {
    let set = set(&["10.0.0.2-4", "10.0.0.1-2", "10.0.0.5", "::1", "10.0.0.3"], &[]);
    assert_eq!(all(&set), ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "::1"]);
    assert_eq!(set.spans().len(), 2);
    assert_eq!(set.pick(6), None);
    assert_eq!(set.pick(u128::MAX), None);
}

#[test]
fn exclusions_cut_holes() {
    let set = set(&["10.0.0.0/29"], &["10.0.0.0", "10.0.0.2-3", "10.0.0.7", "9.0.0.0/8", "::1"]);
    assert_eq!(all(&set), ["10.0.0.1", "10.0.0.4", "10.0.0.5", "10.0.0.6"]);
    assert!(self::set(&["10.0.0.0/29"], &["10.0.0.0/8"]).is_empty());
}

#[test]
fn what_is_never_asked() {
    let never = [
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "ff02::1",
        "ff00::/64",
    ];
    for text in never {
        assert!(set(&[text], &[]).is_empty(), "{text}");
    }
    assert_eq!(set(&["0.0.0.0/0"], &[]).len(), (224 - 1) << 24);
}

#[test]
fn ipv4_hidden_in_ipv6_is_ipv4() {
    let hidden = set(&["::ffff:10.0.0.7"], &[]);
    assert_eq!(all(&hidden), ["10.0.0.7"]);
    assert!(set(&["::ffff:10.0.0.7"], &["10.0.0.0/8"]).is_empty());
    assert!(set(&["::ffff:224.0.0.1"], &[]).is_empty());
    assert_eq!(all(&set(&["::ffff:10.0.0.0/126"], &["10.0.0.1"])).len(), 3);
    assert_eq!(set(&["::/64"], &[]).len(), (1 << 64) - 1 - (1 << 32));
}

#[test]
fn zones_are_kept_apart_and_excluded_together() {
    let link = |scope| Span::one("fe80::1".parse().unwrap(), scope);
    let both = TargetSet::new(&[link(2), link(3), link(2)], &[]);
    assert_eq!(both.len(), 2);
    assert_eq!(both.pick(1).unwrap().socket_addr(80).to_string(), "[fe80::1%3]:80");
    assert_eq!(TargetSet::new(&[link(2), link(3)], &[link(3)]).len(), 1);
    assert!(TargetSet::new(&[link(2), link(3)], &[link(0)]).is_empty());
}

#[test]
fn public_runs() {
    assert_eq!(set(&["10.0.0.0/8", "127.0.0.1", "fd00::/64", "::1"], &[]).public_run(), 0);
    assert_eq!(set(&["1.1.1.1"], &[]).public_run(), 1);
    assert_eq!(set(&["8.8.8.0/24", "8.8.9.0/24"], &[]).public_run(), 512);
    assert_eq!(set(&["9.255.255.0-10.0.0.9"], &[]).public_run(), 256);
    assert_eq!(set(&["2001:4860::/120"], &[]).public_run(), 256);
}

#[test]
fn a_huge_set_costs_nothing() {
    let set = set(&["fd00::/64", "0.0.0.0/0"], &["10.0.0.0/8"]);
    assert!(set.spans().len() < 6);
    assert!(set.pick(set.len() - 1).is_some());
    assert_eq!(set.pick(set.len()), None);
}

proptest! {
    #[test]
    fn same_as_a_plain_set(
        include in prop::collection::vec((0_u32..300, 0_u32..40), 0..8),
        exclude in prop::collection::vec((0_u32..300, 0_u32..40), 0..8),
    ) {
        let base = u32::from(Ipv4Addr::new(10, 0, 0, 0));
        let span = |(first, more): &(u32, u32)| {
            let ip = |offset| IpAddr::from(Ipv4Addr::from(base + offset));
            Span::new(ip(*first), ip(first + more)).unwrap()
        };
        let plain = |list: &[(u32, u32)]| -> BTreeSet<u32> {
            list.iter().flat_map(|(first, more)| *first..=first + more).collect()
        };
        let expected: Vec<IpAddr> = plain(&include)
            .difference(&plain(&exclude))
            .map(|offset| Ipv4Addr::from(base + offset).into())
            .collect();
        let include: Vec<Span> = include.iter().map(span).collect();
        let exclude: Vec<Span> = exclude.iter().map(span).collect();
        let set = TargetSet::new(&include, &exclude);
        let found: Vec<IpAddr> = (0..set.len()).map(|i| set.pick(i).unwrap().ip).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(set.pick(set.len()), None);
    }
}
