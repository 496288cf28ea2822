//! Control buffers whole, cut at every byte, and with lengths that lie; every kind against bytes
//! laid out by hand.
#![cfg(target_os = "linux")]

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::Socket;

/// A header as C has it on 64 bits: the length takes eight bytes, level and kind four each.
fn header(len: u64, level: i32, kind: i32) -> Vec<u8> {
    [&len.to_ne_bytes()[..], &level.to_ne_bytes(), &kind.to_ne_bytes()].concat()
}

fn parsed(control: &[u8]) -> Vec<(i32, i32, Vec<u8>)> {
    messages(control).map(|(level, kind, data)| (level, kind, data.to_vec())).collect()
}

fn raw(level: i32, kind: i32, data: &[u8]) -> Outgoing<'_> {
    Outgoing::Raw { level, kind, data }
}

#[test]
fn lengths_are_those_of_c() {
    for (data, with_header, with_padding) in
        [(0, 16, 16), (1, 17, 24), (4, 20, 24), (8, 24, 24), (9, 25, 32), (12, 28, 32)]
    {
        assert_eq!((len(data), space(data)), (with_header, with_padding), "{data} bytes");
    }
    assert_eq!((len(usize::MAX), space(usize::MAX)), (usize::MAX, usize::MAX));
}

#[test]
fn every_cut_gives_what_is_there() {
    let whole = encode(&[raw(1, 2, b"twelve bytes"), raw(3, 4, b""), raw(5, 6, b"x")]);
    let starts = [0, 32, 48];
    assert_eq!(whole.len(), 72);
    for cut in 0..=whole.len() {
        let mut expected = Vec::new();
        for (start, (level, kind, data)) in
            starts.into_iter().zip([(1, 2, "twelve bytes"), (3, 4, ""), (5, 6, "x")])
        {
            if cut >= start + 16 {
                let there = data.len().min(cut - start - 16);
                expected.push((level, kind, data.as_bytes()[..there].to_vec()));
            }
        }
        assert_eq!(parsed(&whole[..cut]), expected, "cut at {cut}");
    }
}

#[test]
fn a_length_beyond_the_buffer_is_cut_off() {
    for said in [17, 18, 19, 20, 24, 25, 1 << 20, u64::MAX - 16, u64::MAX - 1, u64::MAX] {
        let mut control = header(said, 1, 2);
        control.extend(b"abc");
        let there = usize::try_from(said - 16).unwrap_or(usize::MAX).min(3);
        assert_eq!(parsed(&control), [(1, 2, b"abc"[..there].to_vec())], "{said}");
    }
}

#[test]
fn a_length_below_the_header_ends_it() {
    for said in [0, 1, 8, 15] {
        let control = [encode(&[raw(1, 2, b"x")]), header(said, 3, 4), header(16, 5, 6)].concat();
        assert_eq!(parsed(&control), [(1, 2, b"x".to_vec())], "{said}");
    }
}

/// Bytes by hand, in the machine's order, and what they are.
fn samples() -> Vec<(i32, i32, Vec<u8>, String)> {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let longs = |longs: &[i64]| longs.iter().flat_map(|long| long.to_ne_bytes()).collect();
    let ipv6 = Ipv6Addr::from([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
    let pktinfo: Vec<u8> = [words(&[3]), vec![10, 0, 0, 1], vec![10, 0, 0, 255]].concat();
    let pktinfo6 = [&ipv6.octets()[..], &5_u32.to_ne_bytes()].concat();
    let refused = |origin: u8| [words(&[111]), vec![origin, 3, 3, 0], words(&[1, 2])].concat();
    let inet = [&2_u16.to_ne_bytes()[..], &[0, 0, 192, 0, 2, 1], &[0; 8]].concat();
    let inet6 = [
        &10_u16.to_ne_bytes()[..],
        &[0, 7],
        &1_u32.to_ne_bytes(),
        &ipv6.octets(),
        &4_u32.to_ne_bytes(),
    ]
    .concat();
    let list = [
        (1, 2, words(&[7, 8, 9]), "Credentials(Credentials { pid: 7, uid: 8, gid: 9 })"),
        (1, 29, longs(&[12, 345_678]), "Timestamp(12.345678s)"),
        (1, 35, longs(&[12, 345_678_901]), "TimestampNs(12.345678901s)"),
        (1, 40, words(&[77]), "Dropped(77)"),
        (
            0,
            8,
            pktinfo,
            "PacketInfo(PacketInfo { interface: 3, local: Some(10.0.0.1), \
             destination: 10.0.0.255 })",
        ),
        (
            41,
            50,
            pktinfo6,
            "PacketInfo(PacketInfo { interface: 5, local: Some(2001:db8::9), \
             destination: 2001:db8::9 })",
        ),
        (0, 2, words(&[64]), "Ttl(64)"),
        (41, 52, words(&[255]), "HopLimit(255)"),
        (0, 1, vec![0xb8], "Tos(184)"),
        (41, 67, words(&[0xb8]), "TrafficClass(184)"),
        (17, 104, words(&[1400]), "SegmentSize(1400)"),
        (
            0,
            11,
            [refused(2), inet].concat(),
            "Error(ExtendedError { family: Inet, errno: 111, origin: Icmp, kind: 3, code: 3, \
             info: 1, data: 2, offender: Some(192.0.2.1:0) })",
        ),
        (
            0,
            11,
            [refused(1), vec![0; 16]].concat(),
            "Error(ExtendedError { family: Inet, errno: 111, origin: Local, kind: 3, code: 3, \
             info: 1, data: 2, offender: None })",
        ),
        (
            41,
            25,
            [refused(3), inet6].concat(),
            "Error(ExtendedError { family: Inet6, errno: 111, origin: Icmp6, kind: 3, code: 3, \
             info: 1, data: 2, offender: Some([2001:db8::9%4]:7) })",
        ),
        (
            41,
            25,
            [refused(200), vec![0; 28]].concat(),
            "Error(ExtendedError { family: Inet6, errno: 111, origin: Other(200), kind: 3, \
             code: 3, info: 1, data: 2, offender: None })",
        ),
    ];
    list.into_iter().map(|(level, kind, data, shown)| (level, kind, data, shown.into())).collect()
}

#[test]
fn every_kind_is_read_and_written_as_the_kernel_has_it() {
    for (level, kind, data, shown) in samples() {
        let bytes = Raw { level, kind, data };
        let control = Control::from_raw(bytes.clone());
        assert_eq!(format!("{control:?}"), shown);
        assert_eq!(control.into_raw(), bytes, "{shown}");
    }
}

#[test]
fn other_lengths_of_a_kind_stay_bytes() {
    for (level, kind, data, shown) in samples() {
        for len in (0..data.len()).chain([data.len() + 1, data.len() + 8]) {
            let mut data = data.clone();
            data.resize(len, 0);
            let bytes = Raw { level, kind, data };
            let Control::Other(other) = Control::from_raw(bytes.clone()) else {
                panic!("{shown} with {len} bytes");
            };
            assert_eq!(other, bytes);
        }
    }
}

#[test]
fn values_out_of_range_stay_bytes() {
    let words = |words: &[i32]| words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let longs = |longs: &[i64]| longs.iter().flat_map(|long| long.to_ne_bytes()).collect();
    let padded_error: Vec<u8> = [words(&[111]), vec![2, 3, 3, 1], words(&[0; 6])].concat();
    let unix_error: Vec<u8> =
        [words(&[111, 0, 0, 0]), 1_u16.to_ne_bytes().to_vec(), vec![0; 14]].concat();
    let cases: [(i32, i32, Vec<u8>); 10] = [
        (0, 2, words(&[256])),
        (0, 2, words(&[-1])),
        (41, 52, words(&[-1])),
        (17, 104, words(&[65_536])),
        (1, 29, longs(&[-1, 0])),
        (1, 29, longs(&[0, 1_000_000])),
        (1, 35, longs(&[0, 1_000_000_000])),
        (1, 35, longs(&[0, -1])),
        (0, 11, padded_error),
        (0, 11, unix_error),
    ];
    for (level, kind, data) in cases {
        let bytes = Raw { level, kind, data };
        assert!(matches!(Control::from_raw(bytes), Control::Other(_)), "{level} {kind}");
    }
}

#[test]
fn numbers_in_bytes_own_no_descriptor() {
    let bytes = Raw { level: 1, kind: libc::SCM_RIGHTS, data: 0_i32.to_ne_bytes().to_vec() };
    let Control::Other(other) = Control::from_raw(bytes.clone()) else { panic!("a descriptor") };
    assert_eq!(other, bytes);
}

/// A descriptor, and the other end of it, which notices when it is closed.
fn descriptor() -> (OwnedFd, Socket) {
    let (fd, other) = crate::socketpair().unwrap();
    other.setblocking(false).unwrap();
    (fd.detach(), other)
}

fn is_closed(other: &Socket) -> bool {
    match other.recv(1) {
        Ok(end) => end.is_empty(),
        Err(error) => !error.would_block(),
    }
}

#[test]
fn descriptors_go_to_the_messages_that_they_came_with() {
    // What the numbers are does not matter here, only how many.
    let numbers = |numbers: &[i32]| -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_ne_bytes()).collect()
    };
    let (two, one, gone) = (numbers(&[7, 8]), numbers(&[9]), numbers(&[-3]));
    let buffer = encode(&[
        raw(1, libc::SCM_RIGHTS, &two),
        raw(1, libc::SCM_CREDENTIALS, &[0; 12]),
        raw(1, SCM_PIDFD, &one),
        raw(1, SCM_PIDFD, &gone),
        raw(0, libc::SCM_RIGHTS, &two),
        raw(1, libc::SCM_RIGHTS, &one),
    ]);
    let (fds, others): (Vec<OwnedFd>, Vec<Socket>) = (0..5).map(|_| descriptor()).unzip();
    let all: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let controls = received(&buffer, fds);
    let closed: Vec<bool> = others.iter().map(is_closed).collect();
    assert_eq!(closed, [false, false, false, false, true], "the one that no message has");
    assert_eq!(controls.len(), 6);
    let Control::Rights(first) = &controls[0] else { panic!("{controls:?}") };
    assert_eq!(first.iter().map(AsRawFd::as_raw_fd).collect::<Vec<_>>(), all[..2]);
    assert!(matches!(controls[1], Control::Credentials(_)));
    assert!(matches!(&controls[2], Control::PidFd(fd) if fd.as_raw_fd() == all[2]));
    assert!(matches!(&controls[3], Control::Other(raw) if raw.data == gone));
    assert!(matches!(&controls[4], Control::Other(raw) if raw.data == two), "another layer's");
    let Control::Rights(last) = &controls[5] else { panic!("{controls:?}") };
    assert_eq!(last[0].as_raw_fd(), all[3]);
    drop(controls);
    assert!(others.iter().all(is_closed));
}

#[test]
fn into_raw_gives_descriptors_up() {
    let (fd, other) = descriptor();
    let number = fd.as_raw_fd();
    let raw = Control::Rights(vec![fd]).into_raw();
    assert_eq!((raw.level, raw.kind), (1, 1));
    assert_eq!(raw.data, number.to_ne_bytes());
    assert!(!is_closed(&other), "it is the caller's now");
}

#[test]
fn what_is_sent_is_laid_out_as_the_kernel_reads_it() {
    let who = Credentials { pid: 1, uid: 2, gid: 3 };
    let four = Outgoing::PacketInfo { interface: 3, source: Ipv4Addr::new(10, 0, 0, 1).into() };
    let six = Outgoing::PacketInfo { interface: 3, source: Ipv6Addr::LOCALHOST.into() };
    let int = |value: u32| value.to_ne_bytes().to_vec();
    let cases = [
        (Outgoing::Credentials(who), (1, 2, [int(1), int(2), int(3)].concat())),
        (four, (0, 8, [int(3), vec![10, 0, 0, 1], vec![0; 4]].concat())),
        (six, (41, 50, [vec![0; 15], vec![1], int(3)].concat())),
        (Outgoing::Ttl(9), (0, 2, int(9))),
        (Outgoing::HopLimit(9), (41, 52, int(9))),
        (Outgoing::Tos(9), (0, 1, int(9))),
        (Outgoing::TrafficClass(9), (41, 67, int(9))),
        (Outgoing::SegmentSize(900), (17, 103, 900_u16.to_ne_bytes().to_vec())),
    ];
    for (outgoing, bytes) in cases {
        assert_eq!(parsed(&encode(&[outgoing])), [bytes], "{outgoing:?}");
    }
}

#[test]
fn times_that_the_kernel_cannot_have_are_cut() {
    let raw = Control::Timestamp(Duration::MAX).into_raw();
    assert_eq!(raw.data[..8], i64::MAX.to_ne_bytes());
}

proptest! {
    #[test]
    fn what_is_encoded_is_parsed(
        list in prop::collection::vec(
            (any::<i32>(), any::<i32>(), prop::collection::vec(any::<u8>(), 0..40)),
            0..6,
        ),
    ) {
        let outgoing: Vec<_> =
            list.iter().map(|(level, kind, data)| raw(*level, *kind, data)).collect();
        let bytes = encode(&outgoing);
        prop_assert_eq!(bytes.len(), list.iter().map(|one| space(one.2.len())).sum::<usize>());
        prop_assert_eq!(parsed(&bytes), list);
    }

    #[test]
    fn an_offender_is_any_address(ip: [u8; 16], port: u16, flow: u32, scope: u32, four: bool) {
        let offender = if four {
            SocketAddr::from(([ip[0], ip[1], ip[2], ip[3]], port))
        } else {
            std::net::SocketAddrV6::new(ip.into(), port, flow, scope).into()
        };
        let family = if four { crate::AF_INET } else { crate::AF_INET6 };
        let (errno, origin, kind, code, info, data) = (1, Origin::Icmp, 2, 3, 4, 5);
        let offender = Some(offender);
        let error = ExtendedError { family, errno, origin, kind, code, info, data, offender };
        let raw = Control::Error(error).into_raw();
        prop_assert!(matches!(Control::from_raw(raw), Control::Error(again) if again == error));
    }
}
