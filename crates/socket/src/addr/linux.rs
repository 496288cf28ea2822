//! The addresses that only Linux has: of packet, netlink and vsock sockets. Their text is made of
//! numbers, so that it says the same on every machine.
//!
//! ```text
//! packet  = "packet:" interface ":" protocol [":" kind ":" hardware ":" *( hex hex )]
//! netlink = "netlink:" pid ":" groups
//! vsock   = "vsock:" cid ":" port
//! ```
//!
//! `protocol`, `groups` and `hardware` are decimal or `0x` and hexadecimal; `interface` is a name
//! or a number; a cid or a port that is `-1` means any.

use std::fmt;

use super::parse::zone_index;

/// Where a packet socket is, or where a packet came from.
///
/// # Source
/// packet(7), `struct sockaddr_ll`
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct PacketAddr {
    /// The number of the interface; 0 is every one.
    pub interface: u32,
    /// The protocol as Ethernet numbers it, such as `0x0800` for IPv4 (in the machine's own byte
    /// order; Python wants `htons` here for sending and gives it swapped back).
    pub protocol: u16,
    /// Towards whom it went: [`HOST`](Self::HOST), [`OUTGOING`](Self::OUTGOING) and the like.
    pub kind: u8,
    /// The interface's hardware, by its ARP number: 1 Ethernet, 772 loopback.
    pub hardware: u16,
    /// The hardware address, at most 8 bytes.
    pub address: Vec<u8>,
}

impl PacketAddr {
    /// The address to bind a packet socket to: one interface (0 for all) and one protocol.
    #[must_use]
    pub fn new(interface: u32, protocol: u16) -> Self {
        Self { interface, protocol, ..Self::default() }
    }
}

/// Where a netlink socket is.
///
/// # Source
/// netlink(7), `struct sockaddr_nl`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct NetlinkAddr {
    /// The port number; 0 is the kernel, and lets the kernel choose when bound.
    pub pid: u32,
    /// The multicast groups, a bit for each.
    pub groups: u32,
}

/// Where a socket between a virtual machine and its host is.
///
/// # Source
/// vsock(7), `struct sockaddr_vm`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VsockAddr {
    /// The machine: 1 is this one.
    pub cid: u32,
    /// The port.
    pub port: u32,
}

impl VsockAddr {
    /// Any machine (`VMADDR_CID_ANY`): for listening.
    pub const CID_ANY: u32 = u32::MAX;
    /// The host of the virtual machines (`VMADDR_CID_HOST`).
    pub const CID_HOST: u32 = 2;
    /// A port of the kernel's choice (`VMADDR_PORT_ANY`).
    pub const PORT_ANY: u32 = u32::MAX;
}

impl PacketAddr {
    /// It went to this host (`PACKET_HOST`).
    pub const HOST: u8 = 0;
    /// It went to everybody on the link (`PACKET_BROADCAST`).
    pub const BROADCAST: u8 = 1;
    /// It went to a group (`PACKET_MULTICAST`).
    pub const MULTICAST: u8 = 2;
    /// It went to another host, and was seen because the interface is promiscuous
    /// (`PACKET_OTHERHOST`).
    pub const OTHERHOST: u8 = 3;
    /// This host sent it (`PACKET_OUTGOING`).
    pub const OUTGOING: u8 = 4;
}

impl fmt::Display for PacketAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "packet:{}:{:#06x}:{}:{}:",
            self.interface, self.protocol, self.kind, self.hardware
        )?;
        self.address.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for NetlinkAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "netlink:{}:{:#x}", self.pid, self.groups)
    }
}

impl fmt::Display for VsockAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("vsock")?;
        for number in [self.cid, self.port] {
            match number {
                u32::MAX => f.write_str(":-1")?,
                number => write!(f, ":{number}")?,
            }
        }
        Ok(())
    }
}

/// What follows `packet:`.
pub(super) fn packet(text: &str) -> Result<PacketAddr, &'static str> {
    let why = "not packet:INTERFACE:PROTOCOL, as in packet:eth0:0x0800";
    let mut parts = text.split(':');
    let interface = parts.next().and_then(zone_index).ok_or("no such network interface")?;
    let protocol = parts.next().and_then(number).and_then(|n| u16::try_from(n).ok()).ok_or(why)?;
    let mut addr = PacketAddr::new(interface, protocol);
    if let Some(kind) = parts.next() {
        addr.kind = number(kind).and_then(|n| u8::try_from(n).ok()).ok_or(why)?;
        let hardware = parts.next().and_then(number).and_then(|n| u16::try_from(n).ok());
        addr.hardware = hardware.ok_or(why)?;
        addr.address = parts.next().and_then(hex).ok_or("not a hardware address in hex digits")?;
    }
    if parts.next().is_some() { Err(why) } else { Ok(addr) }
}

/// What follows `netlink:`.
pub(super) fn netlink(text: &str) -> Result<NetlinkAddr, &'static str> {
    let parse = |text: &str| {
        let (pid, groups) = text.split_once(':')?;
        Some(NetlinkAddr { pid: number(pid)?, groups: number(groups)? })
    };
    parse(text).ok_or("not netlink:PID:GROUPS, as in netlink:0:0x1")
}

/// What follows `vsock:`.
pub(super) fn vsock(text: &str) -> Result<VsockAddr, &'static str> {
    let or_any = |text: &str| if text == "-1" { Some(u32::MAX) } else { number(text) };
    let parse = |text: &str| {
        let (cid, port) = text.split_once(':')?;
        Some(VsockAddr { cid: or_any(cid)?, port: or_any(port)? })
    };
    parse(text).ok_or("not vsock:CID:PORT, as in vsock:2:1234")
}

/// Digits only, or `0x` and hexadecimal ones.
fn number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    // from_str_radix takes a sign, and so must not see one.
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain.then(|| u32::from_str_radix(digits, radix).ok()).flatten()
}

/// At most 8 bytes, two digits each.
fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0 && digits.len() <= 16)?;
    Some(digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect())
}
