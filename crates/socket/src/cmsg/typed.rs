//! The control messages whose kind is known, as the Linux kernel lays them out. Decoding is exact:
//! what it takes, encoding gives back byte by byte, and the rest stays bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::time::Duration;

use libc::{IPPROTO_IP, IPPROTO_IPV6, SOL_SOCKET, SOL_UDP};

use super::{Control, Outgoing, Raw};
use crate::addr::Family;
use crate::opt::{Credentials, GetValue};

/// Where a datagram came in.
///
/// # Source
/// ip(7), `struct in_pktinfo`; RFC 3542 section 6
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PacketInfo {
    /// The number of the interface that it came in on.
    pub interface: u32,
    /// The address of this machine to answer from; `None` where the kernel does not say: over IPv6,
    /// of what was sent to a group.
    pub local: Option<IpAddr>,
    /// The address that it was sent to, a group's or a broadcast's perhaps.
    pub destination: IpAddr,
}

impl PacketInfo {
    /// What to send along, so that an answer goes out where the question came in.
    #[must_use]
    pub fn reply(&self) -> Outgoing<'static> {
        let usual = match self.destination {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        Outgoing::PacketInfo { interface: self.interface, source: self.local.unwrap_or(usual) }
    }
}

/// What became of something that was sent before.
///
/// # Source
/// ip(7), `struct sock_extended_err`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ExtendedError {
    /// IPv4 or IPv6, by the socket.
    pub family: Family,
    /// The error's number, as in [`errno`](crate::errno); 0 for what is no error.
    pub errno: i32,
    /// Who says so.
    pub origin: Origin,
    /// The type of the ICMP message (Python's and C's `ee_type`).
    pub kind: u8,
    /// The code of the ICMP message.
    pub code: u8,
    /// More, by the error: the path's MTU in bytes for `EMSGSIZE`.
    pub info: u32,
    /// More, by the origin.
    pub data: u32,
    /// The router or host that says so, where one does.
    pub offender: Option<SocketAddr>,
}

/// Who says that something became of what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// Nobody.
    None,
    /// This machine.
    Local,
    /// An ICMP message.
    Icmp,
    /// An ICMPv6 message.
    Icmp6,
    /// The clock of the sending side: a timestamp.
    TxStatus,
    /// Sending without a copy: the buffers are free again.
    ZeroCopy,
    /// The scheduler of times to send at.
    TxTime,
    /// Another, by its number.
    Other(u8),
}

const ORIGINS: [Origin; 7] = [
    Origin::None,
    Origin::Local,
    Origin::Icmp,
    Origin::Icmp6,
    Origin::TxStatus,
    Origin::ZeroCopy,
    Origin::TxTime,
];

impl Origin {
    fn of(number: u8) -> Self {
        ORIGINS.get(usize::from(number)).copied().unwrap_or(Self::Other(number))
    }

    fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Local => 1,
            Self::Icmp => 2,
            Self::Icmp6 => 3,
            Self::TxStatus => 4,
            Self::ZeroCopy => 5,
            Self::TxTime => 6,
            Self::Other(number) => number,
        }
    }
}

/// Reads a structure field by field.
struct Fields<'b>(&'b [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_ne_bytes)
    }

    fn u16_be(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    fn ipv4(&mut self) -> Option<Ipv4Addr> {
        self.take::<4>().map(Ipv4Addr::from)
    }

    fn ipv6(&mut self) -> Option<Ipv6Addr> {
        self.take::<16>().map(Ipv6Addr::from)
    }

    /// The value, if the structure ends here.
    fn end<T>(self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }

    /// Goes over so many bytes of zero.
    fn zeroes<const N: usize>(&mut self) -> Option<()> {
        (self.take::<N>()? == [0; N]).then_some(())
    }
}

pub(super) fn decode(level: i32, kind: i32, data: &[u8]) -> Option<Control> {
    match (level, kind) {
        (SOL_SOCKET, libc::SCM_CREDENTIALS) if data.len() == Credentials::LEN => {
            Credentials::decode(data).map(Control::Credentials)
        }
        (SOL_SOCKET, libc::SCM_TIMESTAMP) => time(data, 1_000).map(Control::Timestamp),
        (SOL_SOCKET, libc::SCM_TIMESTAMPNS) => time(data, 1).map(Control::TimestampNs),
        (SOL_SOCKET, libc::SO_RXQ_OVFL) => {
            data.try_into().ok().map(u32::from_ne_bytes).map(Control::Dropped)
        }
        (IPPROTO_IP, libc::IP_PKTINFO) => packet_info_v4(data).map(Control::PacketInfo),
        (IPPROTO_IPV6, libc::IPV6_PKTINFO) => packet_info_v6(data).map(Control::PacketInfo),
        (IPPROTO_IP, libc::IP_TTL) => byte_in_int(data).map(Control::Ttl),
        (IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => byte_in_int(data).map(Control::HopLimit),
        (IPPROTO_IP, libc::IP_TOS) => <[u8; 1]>::try_from(data).ok().map(|[tos]| Control::Tos(tos)),
        (IPPROTO_IPV6, libc::IPV6_TCLASS) => byte_in_int(data).map(Control::TrafficClass),
        (IPPROTO_IP, libc::IP_RECVERR) => error(Family::Inet, data).map(Control::Error),
        (IPPROTO_IPV6, libc::IPV6_RECVERR) => error(Family::Inet6, data).map(Control::Error),
        (SOL_UDP, libc::UDP_GRO) => {
            let size = data.try_into().ok().map(i32::from_ne_bytes)?;
            u16::try_from(size).ok().map(Control::SegmentSize)
        }
        _ => None,
    }
}

fn byte_in_int(data: &[u8]) -> Option<u8> {
    u8::try_from(i32::from_ne_bytes(data.try_into().ok()?)).ok()
}

/// Seconds and a fraction of one, in units of so many nanoseconds.
fn time(data: &[u8], unit_ns: u32) -> Option<Duration> {
    let mut fields = Fields(data);
    let seconds = u64::try_from(libc::c_long::from_ne_bytes(fields.take()?)).ok()?;
    let units = u32::try_from(libc::c_long::from_ne_bytes(fields.take()?)).ok()?;
    let whole = units < 1_000_000_000 / unit_ns;
    fields.end(())?;
    whole.then(|| Duration::new(seconds, units * unit_ns))
}

fn packet_info_v4(data: &[u8]) -> Option<PacketInfo> {
    let mut fields = Fields(data);
    let (interface, local, destination) = (fields.u32()?, fields.ipv4()?, fields.ipv4()?);
    fields.end(PacketInfo { interface, local: Some(local.into()), destination: destination.into() })
}

fn packet_info_v6(data: &[u8]) -> Option<PacketInfo> {
    let mut fields = Fields(data);
    let (address, interface) = (fields.ipv6()?, fields.u32()?);
    let local = (!address.is_multicast()).then_some(address.into());
    fields.end(PacketInfo { interface, local, destination: address.into() })
}

fn error(family: Family, data: &[u8]) -> Option<ExtendedError> {
    let mut fields = Fields(data);
    let errno = i32::from_ne_bytes(fields.take()?);
    let [origin, kind, code, 0] = fields.take()? else { return None };
    let (info, more) = (fields.u32()?, fields.u32()?);
    let of = libc::c_ushort::from_ne_bytes(fields.take()?);
    let offender = match (i32::from(of), family) {
        (libc::AF_INET, Family::Inet) => {
            let (port, ip) = (fields.u16_be()?, fields.ipv4()?);
            fields.zeroes::<8>()?;
            Some(SocketAddr::V4(SocketAddrV4::new(ip, port)))
        }
        (libc::AF_INET6, Family::Inet6) => {
            let (port, flow) = (fields.u16_be()?, fields.u32()?);
            let (ip, scope) = (fields.ipv6()?, fields.u32()?);
            Some(SocketAddr::V6(SocketAddrV6::new(ip, port, flow, scope)))
        }
        (libc::AF_UNSPEC, Family::Inet) => fields.zeroes::<14>().map(|()| None)?,
        (libc::AF_UNSPEC, _) => fields.zeroes::<26>().map(|()| None)?,
        _ => return None,
    };
    let origin = Origin::of(origin);
    fields.end(ExtendedError { family, errno, origin, kind, code, info, data: more, offender })
}

/// The bytes of a message whose kind is here; descriptors have none.
pub(super) fn into_raw(control: &Control) -> Raw {
    let raw = |level, kind, data| Raw { level, kind, data };
    let int = |value: &u8| i32::from(*value).to_ne_bytes().to_vec();
    match control {
        Control::Credentials(who) => credentials(who),
        Control::Timestamp(time) => {
            let micros = time.subsec_micros();
            raw(SOL_SOCKET, libc::SCM_TIMESTAMP, seconds_and(time.as_secs(), micros))
        }
        Control::TimestampNs(time) => {
            let nanos = time.subsec_nanos();
            raw(SOL_SOCKET, libc::SCM_TIMESTAMPNS, seconds_and(time.as_secs(), nanos))
        }
        Control::PacketInfo(info) => {
            packet_info(info.interface, info.local.unwrap_or(info.destination), info.destination)
        }
        Control::Ttl(ttl) => raw(IPPROTO_IP, libc::IP_TTL, int(ttl)),
        Control::HopLimit(hops) => raw(IPPROTO_IPV6, libc::IPV6_HOPLIMIT, int(hops)),
        Control::Tos(tos) => raw(IPPROTO_IP, libc::IP_TOS, vec![*tos]),
        Control::TrafficClass(class) => raw(IPPROTO_IPV6, libc::IPV6_TCLASS, int(class)),
        Control::Error(error) => error_raw(error),
        Control::SegmentSize(bytes) => {
            raw(SOL_UDP, libc::UDP_GRO, i32::from(*bytes).to_ne_bytes().to_vec())
        }
        Control::Dropped(count) => raw(SOL_SOCKET, libc::SO_RXQ_OVFL, count.to_ne_bytes().to_vec()),
        Control::Other(other) => other.clone(),
        Control::Rights(_) | Control::PidFd(_) => Raw::default(),
    }
}

/// The bytes of a message to send; None where wire.rs has them.
pub(super) fn outgoing(message: &Outgoing<'_>) -> Option<Raw> {
    let int = |level, kind, value: u8| {
        let data = i32::from(value).to_ne_bytes().to_vec();
        Some(Raw { level, kind, data })
    };
    match message {
        Outgoing::Credentials(who) => Some(credentials(who)),
        // The kernel reads the source where it writes the local address, and no destination.
        Outgoing::PacketInfo { interface, source } => {
            let none = Ipv4Addr::UNSPECIFIED.into();
            Some(packet_info(*interface, *source, none))
        }
        Outgoing::Ttl(ttl) => int(IPPROTO_IP, libc::IP_TTL, *ttl),
        Outgoing::HopLimit(hops) => int(IPPROTO_IPV6, libc::IPV6_HOPLIMIT, *hops),
        Outgoing::Tos(tos) => int(IPPROTO_IP, libc::IP_TOS, *tos),
        Outgoing::TrafficClass(class) => int(IPPROTO_IPV6, libc::IPV6_TCLASS, *class),
        Outgoing::SegmentSize(bytes) => {
            let data = bytes.to_ne_bytes().to_vec();
            Some(Raw { level: SOL_UDP, kind: libc::UDP_SEGMENT, data })
        }
        Outgoing::Rights(_) | Outgoing::Raw { .. } => None,
    }
}

fn credentials(who: &Credentials) -> Raw {
    let data = [who.pid, who.uid, who.gid].iter().flat_map(|id| id.to_ne_bytes()).collect();
    Raw { level: SOL_SOCKET, kind: libc::SCM_CREDENTIALS, data }
}

fn seconds_and(seconds: u64, fraction: u32) -> Vec<u8> {
    let long = |value| libc::c_long::try_from(value).unwrap_or(libc::c_long::MAX);
    let fields: [u64; 2] = [seconds, fraction.into()];
    fields.iter().flat_map(|field| long(*field).to_ne_bytes()).collect()
}

fn packet_info(interface: u32, local: IpAddr, destination: IpAddr) -> Raw {
    let interface = interface.to_ne_bytes();
    match (local, destination) {
        (IpAddr::V6(address), _) => {
            let data = [&address.octets()[..], &interface].concat();
            Raw { level: IPPROTO_IPV6, kind: libc::IPV6_PKTINFO, data }
        }
        (IpAddr::V4(local), destination) => {
            let destination = match destination {
                IpAddr::V4(ip) => ip,
                IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
            };
            let data = [interface, local.octets(), destination.octets()].concat();
            Raw { level: IPPROTO_IP, kind: libc::IP_PKTINFO, data }
        }
    }
}

fn error_raw(error: &ExtendedError) -> Raw {
    let mut data = error.errno.to_ne_bytes().to_vec();
    data.extend([error.origin.number(), error.kind, error.code, 0]);
    data.extend(error.info.to_ne_bytes());
    data.extend(error.data.to_ne_bytes());
    let head = data.len();
    if let Some(offender) = error.offender {
        let family = if offender.is_ipv4() { Family::Inet } else { Family::Inet6 };
        let family = u16::try_from(family.raw()).unwrap_or_default();
        data.extend(family.to_ne_bytes());
        data.extend(offender.port().to_be_bytes());
    }
    match error.offender {
        Some(SocketAddr::V4(addr)) => data.extend(addr.ip().octets()),
        Some(SocketAddr::V6(addr)) => {
            data.extend(addr.flowinfo().to_ne_bytes());
            data.extend(addr.ip().octets());
            data.extend(addr.scope_id().to_ne_bytes());
        }
        None => {}
    }
    let (level, kind, address_bytes) = match error.family {
        Family::Inet => (IPPROTO_IP, libc::IP_RECVERR, 16),
        _ => (IPPROTO_IPV6, libc::IPV6_RECVERR, 28),
    };
    data.resize(head + address_bytes, 0);
    Raw { level, kind, data }
}
