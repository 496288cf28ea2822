//! Filters that the kernel runs over packets: classic BPF, as a list of tests that all must hold.

use std::net::{IpAddr, SocketAddr};

/// One instruction of classic BPF, in the order of the kernel's `sock_filter`.
///
/// # Source
/// linux/filter.h; McCanne, Jacobson: The BSD Packet Filter, 1993.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// What to do.
    pub code: u16,
    /// Instructions to skip where a comparison holds.
    pub if_true: u8,
    /// Instructions to skip where it does not.
    pub if_false: u8,
    /// The constant or the offset.
    pub value: u32,
}

const fn step(code: u16, value: u32) -> Instruction {
    Instruction { code, if_true: 0, if_false: 0, value }
}

const fn load_word(at: u32) -> Instruction {
    step(0x20, at)
}

const fn load_half(at: u32) -> Instruction {
    step(0x28, at)
}

const fn load_byte(at: u32) -> Instruction {
    step(0x30, at)
}

/// Loads the half word so far behind the IPv4 header, whose length goes into X before.
const fn load_half_behind_ipv4(at: u32) -> [Instruction; 2] {
    [step(0xb1, 0), step(0x48, at)]
}

const fn and(mask: u32) -> Instruction {
    step(0x54, mask)
}

const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
/// As many bytes of a packet as there are.
const ACCEPT: Instruction = step(RETURN, u32::MAX);
const REFUSE: Instruction = step(RETURN, 0);

/// Where things are in an IPv4 header.
const IPV4_FRAGMENT: u32 = 6;
const IPV4_PROTOCOL: u32 = 9;
const IPV4_ADDRESSES: [u32; 2] = [12, 16];
/// Where things are in an IPv6 header.
const IPV6_NEXT: u32 = 6;
const IPV6_ADDRESSES: [u32; 2] = [8, 24];
const IPV6_LEN: u32 = 40;
const TCP: u32 = 6;

/// What loads a value, and the value that it must be.
type Test = (Vec<Instruction>, u32);

/// A program for the kernel that picks packets, which start at their network header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(Vec<Instruction>);

impl Filter {
    /// The program of these instructions, as
    /// [`Socket::attach_filter`](crate::Socket::attach_filter) shows one. The kernel checks it
    /// when it is attached: 1 to 4096 instructions, jumps forward only, and a return at the end.
    #[must_use]
    pub fn new(program: Vec<Instruction>) -> Self {
        Self(program)
    }

    /// Picks the TCP segments between the port `local` of this machine and `remote`, both ways;
    /// an IPv4 address in an IPv6 one counts as IPv4. Fragments but the first, and IPv6 headers
    /// with extensions, are left out.
    #[must_use]
    pub fn tcp(local: u16, remote: SocketAddr) -> Self {
        let mut program = Vec::new();
        let ip = remote.ip().to_canonical();
        for remote_is_source in [true, false] {
            let ports =
                if remote_is_source { [remote.port(), local] } else { [local, remote.port()] };
            let mut tests = header_tests(ip);
            tests.extend(address_tests(ip, usize::from(!remote_is_source)));
            for (at, port) in [0, 2].into_iter().zip(ports) {
                let load = match ip {
                    IpAddr::V4(_) => load_half_behind_ipv4(at).to_vec(),
                    IpAddr::V6(_) => vec![load_half(IPV6_LEN + at)],
                };
                tests.push((load, port.into()));
            }
            append(&mut program, tests);
        }
        program.push(REFUSE);
        Self(program)
    }

    /// The program.
    #[must_use]
    pub fn instructions(&self) -> &[Instruction] {
        &self.0
    }
}

/// That it is TCP over the family of `ip`.
fn header_tests(ip: IpAddr) -> Vec<Test> {
    match ip {
        IpAddr::V4(_) => vec![
            (vec![load_byte(0), and(0xf0)], 0x40),
            (vec![load_byte(IPV4_PROTOCOL)], TCP),
            (vec![load_half(IPV4_FRAGMENT), and(0x1fff)], 0),
        ],
        IpAddr::V6(_) => {
            vec![(vec![load_byte(0), and(0xf0)], 0x60), (vec![load_byte(IPV6_NEXT)], TCP)]
        }
    }
}

/// That the source (`which` 0) or the destination (1) is `ip`.
fn address_tests(ip: IpAddr, which: usize) -> Vec<Test> {
    match ip {
        IpAddr::V4(ip) => vec![(vec![load_word(IPV4_ADDRESSES[which])], ip.into())],
        IpAddr::V6(ip) => {
            let places = [0, 4, 8, 12].map(|at| IPV6_ADDRESSES[which] + at);
            let bits = ip.to_bits();
            let words = [96, 64, 32, 0].map(|shift| (bits >> shift) & u128::from(u32::MAX));
            let word = |word| u32::try_from(word).expect("32 bits were kept");
            places.into_iter().zip(words).map(|(at, w)| (vec![load_word(at)], word(w))).collect()
        }
    }
}

/// Appends what accepts where all tests hold, and goes on behind itself where one does not.
fn append(program: &mut Vec<Instruction>, tests: Vec<Test>) {
    let len: usize = tests.iter().map(|(load, _)| load.len() + 1).sum();
    let mut done = 0;
    for (load, value) in tests {
        done += load.len() + 1;
        program.extend(load);
        let to_end = len - done + 1;
        let if_false = u8::try_from(to_end).expect("a block of fewer than 256 instructions");
        program.push(Instruction { code: JUMP_IF_EQUAL, if_true: 0, if_false, value });
    }
    program.push(ACCEPT);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel does with a program of ours.
    fn accepts(filter: &Filter, packet: &[u8]) -> bool {
        let load = |at: usize, len: usize| -> Option<u32> {
            let bytes = packet.get(at..at + len)?;
            Some(bytes.iter().fold(0, |all, byte| all << 8 | u32::from(*byte)))
        };
        let (mut a, mut x, mut at) = (0, 0, 0);
        loop {
            let step = filter.0[at];
            let value = usize::try_from(step.value).unwrap();
            at += 1;
            let loaded = match step.code {
                0x20 => load(value, 4),
                0x28 => load(value, 2),
                0x30 => load(value, 1),
                0x48 => load(x + value, 2),
                0xb1 => {
                    x = usize::try_from(load(value, 1).unwrap_or(0) & 15).unwrap() * 4;
                    continue;
                }
                0x54 => Some(a & step.value),
                0x15 => {
                    at += usize::from(if a == step.value { step.if_true } else { step.if_false });
                    continue;
                }
                0x06 => return step.value > 0,
                code => panic!("{code:#x}"),
            };
            // Beyond the end of the packet the kernel refuses it.
            let Some(loaded) = loaded else { return false };
            a = loaded;
        }
    }

    fn ipv4(source: [u8; 4], ports: [u16; 2], destination: [u8; 4], options: usize) -> Vec<u8> {
        let words = u8::try_from(5 + options).unwrap();
        let mut packet = vec![0x40 | words, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0];
        packet.extend(source);
        packet.extend(destination);
        packet.extend(vec![1; options * 4]);
        packet.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
        packet.extend([0; 16]);
        packet
    }

    #[test]
    fn both_ways_of_one_ipv4_connection_pass_and_nothing_else() {
        let (me, you) = ([10, 0, 0, 1], [10, 0, 0, 2]);
        for remote in ["10.0.0.2:80", "[::ffff:10.0.0.2]:80"] {
            let filter = Filter::tcp(4000, remote.parse().unwrap());
            for options in [0, 3, 10] {
                assert!(accepts(&filter, &ipv4(me, [4000, 80], you, options)));
                assert!(accepts(&filter, &ipv4(you, [80, 4000], me, options)));
                assert!(!accepts(&filter, &ipv4(me, [80, 4000], you, options)));
                assert!(!accepts(&filter, &ipv4(you, [4000, 80], me, options)));
                assert!(!accepts(&filter, &ipv4(me, [4000, 81], you, options)));
                assert!(!accepts(&filter, &ipv4(me, [4001, 80], you, options)));
                assert!(!accepts(&filter, &ipv4(me, [4000, 80], me, options)));
            }
            let good = ipv4(me, [4000, 80], you, 0);
            for (at, value) in [(0, 0x65), (9, 17), (7, 1)] {
                let mut bad = good.clone();
                bad[at] = value;
                assert!(!accepts(&filter, &bad), "byte {at}");
            }
            for len in 0..24 {
                assert!(!accepts(&filter, &good[..len]), "{len} bytes");
            }
        }
    }

    #[test]
    fn on_loopback_both_ways_have_the_same_addresses() {
        let me = [127, 0, 0, 1];
        let filter = Filter::tcp(4000, "127.0.0.1:80".parse().unwrap());
        assert!(accepts(&filter, &ipv4(me, [4000, 80], me, 0)));
        assert!(accepts(&filter, &ipv4(me, [80, 4000], me, 0)));
        assert!(!accepts(&filter, &ipv4(me, [4001, 80], me, 0)));
        assert!(!accepts(&filter, &ipv4(me, [80, 4001], me, 0)));
    }

    #[test]
    fn every_bit_of_an_ipv6_address_counts() {
        let ip = [0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        let filter = Filter::tcp(4000, (ip, 443).into());
        let mut packet = vec![0x60, 0, 0, 0, 0, 20, 6, 64];
        packet.extend(ip);
        packet.extend([0xfe; 16]);
        packet.extend([443_u16, 4000].iter().flat_map(|port| port.to_be_bytes()));
        assert!(accepts(&filter, &packet));
        for at in 8..24 {
            let mut other = packet.clone();
            other[at] ^= 1;
            assert!(!accepts(&filter, &other), "byte {at}");
        }
        let (source, destination) = (packet[8..24].to_vec(), packet[24..40].to_vec());
        packet[8..24].copy_from_slice(&destination);
        packet[24..40].copy_from_slice(&source);
        assert!(!accepts(&filter, &packet), "its ports are still the other way round");
        packet[40..44].rotate_left(2);
        assert!(accepts(&filter, &packet));
    }
}
