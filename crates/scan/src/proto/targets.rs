//! Which addresses to ask: sorted spans with prefix sums, never a list of addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// Addresses of one family that follow each other, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    v6: bool,
    /// The interface of link-local addresses; 0 where there is none.
    scope: u32,
    first: u128,
    last: u128,
}

/// One address to ask, with its interface where it is link-local.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// The address.
    pub ip: IpAddr,
    /// The index of the interface, 0 for none.
    pub scope: u32,
}

impl Target {
    /// Gives the address of one port, with the interface.
    #[must_use]
    pub fn socket_addr(&self, port: u16) -> SocketAddr {
        match self.ip {
            IpAddr::V4(ip) => SocketAddr::from((ip, port)),
            IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, self.scope).into(),
        }
    }
}

impl Span {
    /// Makes a span of one address; an IPv4 address mapped into IPv6 becomes IPv4.
    #[must_use]
    pub fn one(address: IpAddr, scope: u32) -> Self {
        let address = address.to_canonical();
        let value = value(address);
        Self { v6: address.is_ipv6(), scope, first: value, last: value }
    }

    /// Makes a span from `first` to `last`; `None` where it ends before it starts or families
    /// differ.
    #[must_use]
    pub fn new(first: IpAddr, last: IpAddr) -> Option<Self> {
        let (a, b) = (first.to_canonical(), last.to_canonical());
        let (first, last) = if a.is_ipv4() == b.is_ipv4() { (a, b) } else { (first, last) };
        let same_family = first.is_ipv4() == last.is_ipv4();
        let (v6, first, last) = (first.is_ipv6(), value(first), value(last));
        (same_family && first <= last).then_some(Self { v6, scope: 0, first, last })
    }

    /// Counts the addresses; a target that was written holds 2^64 of them at most.
    #[must_use]
    pub fn len(&self) -> u128 {
        (self.last - self.first).saturating_add(1)
    }

    /// Tells whether it holds nothing: never.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Tells whether it holds IPv6 addresses.
    #[must_use]
    pub fn is_ipv6(&self) -> bool {
        self.v6
    }

    /// Gives the smallest address.
    #[must_use]
    pub fn first(&self) -> IpAddr {
        self.address(self.first)
    }

    fn address(&self, value: u128) -> IpAddr {
        if self.v6 {
            return Ipv6Addr::from(value).into();
        }
        let value = u32::try_from(value).expect("an IPv4 span holds 32-bit values");
        Ipv4Addr::from(value).into()
    }

    fn hit_by(&self, other: &Self) -> bool {
        self.v6 == other.v6
            && (other.scope == 0 || other.scope == self.scope)
            && self.first <= other.last
            && other.first <= self.last
    }
}

fn value(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

const fn v4(first: [u8; 4], last: [u8; 4]) -> Span {
    Span { v6: false, scope: 0, first: be(first), last: be(last) }
}

const fn be([a, b, c, d]: [u8; 4]) -> u128 {
    u128::from_be_bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d])
}

const fn v6(first: u128, bits: u32) -> Span {
    Span { v6: true, scope: 0, first, last: first | (u128::MAX >> bits) }
}

/// What is never asked: this network, multicast, reserved and broadcast addresses, and IPv4
/// hidden in IPv6, which would slip past the exclusions.
const NEVER: [Span; 5] = [
    v4([0, 0, 0, 0], [0, 255, 255, 255]),
    v4([224, 0, 0, 0], [255, 255, 255, 255]),
    Span { v6: true, scope: 0, first: 0, last: 0 },
    v6(0xffff << 32, 96),
    v6(0xff << 120, 8),
];

/// What belongs to nobody in the public Internet.
///
/// # Source
/// IANA's special-purpose address registries (RFC 6890 and successors).
const NOT_PUBLIC: [Span; 12] = [
    v4([10, 0, 0, 0], [10, 255, 255, 255]),
    v4([100, 64, 0, 0], [100, 127, 255, 255]),
    v4([127, 0, 0, 0], [127, 255, 255, 255]),
    v4([169, 254, 0, 0], [169, 254, 255, 255]),
    v4([172, 16, 0, 0], [172, 31, 255, 255]),
    v4([192, 0, 2, 0], [192, 0, 2, 255]),
    v4([192, 168, 0, 0], [192, 168, 255, 255]),
    v4([198, 18, 0, 0], [198, 19, 255, 255]),
    v4([198, 51, 100, 0], [198, 51, 100, 255]),
    v4([203, 0, 113, 0], [203, 0, 113, 255]),
    // All but 2000::/3, in the two halves around it.
    Span { v6: true, scope: 0, first: 0, last: (0x2000 << 112) - 1 },
    Span { v6: true, scope: 0, first: 0x4000 << 112, last: u128::MAX },
];

/// A set of addresses: each once, in order, with the exclusions taken out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetSet {
    spans: Vec<Span>,
    /// How many addresses stand before each span.
    before: Vec<u128>,
    len: u128,
}

impl TargetSet {
    /// Makes the set of what `include` names and `exclude` does not.
    ///
    /// 0.0.0.0/8, 224.0.0.0/4, 240.0.0.0/4, `::`, ff00::/8 and IPv4-mapped IPv6 are always left
    /// out.
    #[must_use]
    pub fn new(include: &[Span], exclude: &[Span]) -> Self {
        let spans = merged(include.to_vec());
        let spans = without(&without(&spans, &NEVER), exclude);
        let mut before = Vec::with_capacity(spans.len());
        let mut len = 0_u128;
        for span in &spans {
            before.push(len);
            len = len.saturating_add(span.len());
        }
        Self { spans, before, len }
    }

    /// Counts the addresses.
    #[must_use]
    pub fn len(&self) -> u128 {
        self.len
    }

    /// Tells whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Gives the address at `index`, counted from the smallest, IPv4 first.
    #[must_use]
    pub fn pick(&self, index: u128) -> Option<Target> {
        let span = self.before.partition_point(|before| *before <= index).checked_sub(1)?;
        let (span, offset) = (self.spans[span], index - self.before[span]);
        let target = Target { ip: span.address(span.first + offset), scope: span.scope };
        (offset < span.len()).then_some(target)
    }

    /// Counts the addresses of the largest run of public addresses, 0 where none is public.
    #[must_use]
    pub fn public_run(&self) -> u128 {
        without(&self.spans, &NOT_PUBLIC).iter().map(Span::len).max().unwrap_or(0)
    }

    /// Gives the spans, sorted and apart from each other.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }
}

fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut result: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match result.last_mut() {
            Some(last)
                if (last.v6, last.scope) == (span.v6, span.scope)
                    && span.first <= last.last.saturating_add(1) =>
            {
                last.last = last.last.max(span.last);
            }
            _ => result.push(span),
        }
    }
    result
}

/// Takes `minus` out of `spans`, which are sorted and apart.
fn without(spans: &[Span], minus: &[Span]) -> Vec<Span> {
    let minus = merged(minus.to_vec());
    let mut left = Vec::with_capacity(spans.len());
    for span in spans {
        let mut rest = Some(*span);
        let mut cuts: Vec<&Span> = minus.iter().filter(|cut| span.hit_by(cut)).collect();
        cuts.sort_unstable_by_key(|cut| cut.first);
        for cut in cuts {
            let Some(mut open) = rest.take() else { break };
            if cut.last < open.first {
                rest = Some(open);
                continue;
            }
            if open.first < cut.first {
                left.push(Span { last: open.last.min(cut.first - 1), ..open });
            }
            if cut.last < open.last {
                open.first = open.first.max(cut.last + 1);
                rest = Some(open);
            }
        }
        left.extend(rest);
    }
    left
}

#[cfg(test)]
#[path = "targets/tests.rs"]
mod tests;
