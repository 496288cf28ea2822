//! Options meet the kernel: what is set is read back, and does what it says.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use sockeye_socket::opt::{self, GetValue, Opt, SetValue};
use sockeye_socket::{Socket, errno, socketpair};
use sockeye_testkit::{Need, need};

use crate::tcp_pair;

/// Sets an option and reads it back.
#[track_caller]
fn keeps<T>(socket: &Socket, option: Opt<T>, value: T)
where
    T: SetValue + GetValue + Clone + PartialEq + std::fmt::Debug,
{
    let set = socket.setsockopt(option, value.clone());
    set.unwrap_or_else(|error| panic!("{}: {error}", option.label()));
    assert_eq!(socket.getsockopt(option).unwrap(), value, "{}", option.label());
}

#[test]
fn what_is_set_is_read_back() {
    let tcp = Socket::tcp4().unwrap();
    for option in [
        opt::SO_REUSEADDR,
        opt::SO_REUSEPORT,
        opt::SO_KEEPALIVE,
        opt::SO_OOBINLINE,
        opt::SO_DONTROUTE,
        opt::SO_TIMESTAMP,
        opt::TCP_NODELAY,
        opt::TCP_CORK,
        opt::TCP_QUICKACK,
        opt::TCP_FASTOPEN_CONNECT,
        opt::IP_FREEBIND,
        opt::IP_RECVERR,
        opt::IP_BIND_ADDRESS_NO_PORT,
    ] {
        keeps(&tcp, option, true);
        keeps(&tcp, option, false);
    }
    keeps(&tcp, opt::SO_LINGER, Some(Duration::from_secs(3)));
    keeps(&tcp, opt::SO_LINGER, None);
    keeps(&tcp, opt::SO_RCVLOWAT, 7);
    keeps(&tcp, opt::SO_PRIORITY, 5);
    keeps(&tcp, opt::SO_INCOMING_CPU, 0);
    keeps(&tcp, opt::SO_MAX_PACING_RATE, 1_000_000);
    keeps(&tcp, opt::TCP_KEEPIDLE, 11);
    keeps(&tcp, opt::TCP_KEEPINTVL, 12);
    keeps(&tcp, opt::TCP_KEEPCNT, 13);
    keeps(&tcp, opt::TCP_SYNCNT, 4);
    keeps(&tcp, opt::TCP_LINGER2, 20);
    keeps(&tcp, opt::TCP_USER_TIMEOUT, 1_500);
    keeps(&tcp, opt::TCP_NOTSENT_LOWAT, 16_384);
    keeps(&tcp, opt::TCP_CONGESTION, "reno".to_owned());
    keeps(&tcp, opt::IP_TTL, 33);
    keeps(&tcp, opt::IP_TOS, 0x10);
    keeps(&tcp, opt::IP_MINTTL, 2);
    keeps(&tcp, opt::IP_MTU_DISCOVER, 2);
    assert_eq!((tcp.getsockopt(opt::SO_TYPE).unwrap(), tcp.proto().unwrap()), (1, 6));
    assert_eq!(tcp.getsockopt(opt::SO_DOMAIN).unwrap(), tcp.family().raw());
    assert_ne!(tcp.getsockopt(opt::SO_COOKIE).unwrap(), 0);
}

#[test]
fn datagrams_have_options_too() {
    let udp = Socket::udp4().unwrap();
    for option in [
        opt::SO_BROADCAST,
        opt::SO_RXQ_OVFL,
        opt::SO_TIMESTAMPNS,
        opt::IP_PKTINFO,
        opt::IP_RECVTTL,
        opt::IP_RECVTOS,
        opt::IP_RECVORIGDSTADDR,
        opt::IP_MULTICAST_LOOP,
        opt::IP_MULTICAST_ALL,
        opt::UDP_GRO,
        opt::UDP_CORK,
    ] {
        keeps(&udp, option, true);
        keeps(&udp, option, false);
    }
    keeps(&udp, opt::UDP_SEGMENT, 512);
    keeps(&udp, opt::IP_MULTICAST_TTL, 3);
    udp.setsockopt(opt::SO_RCVBUF, 10_000).unwrap();
    assert_eq!(udp.getsockopt(opt::SO_RCVBUF).unwrap(), 20_000);
    udp.connect("127.0.0.1:9").unwrap();
    assert_eq!(udp.getsockopt(opt::IP_MTU).unwrap(), 65_535);
}

#[test]
fn ipv6_has_its_own() {
    if !need(Need::Ipv6) {
        return;
    }
    let udp = Socket::udp6().unwrap();
    for option in [
        opt::IPV6_V6ONLY,
        opt::IPV6_RECVPKTINFO,
        opt::IPV6_RECVHOPLIMIT,
        opt::IPV6_RECVTCLASS,
        opt::IPV6_RECVERR,
        opt::IPV6_DONTFRAG,
        opt::IPV6_FREEBIND,
        opt::IPV6_MULTICAST_LOOP,
    ] {
        keeps(&udp, option, true);
        keeps(&udp, option, false);
    }
    keeps(&udp, opt::IPV6_UNICAST_HOPS, 44);
    keeps(&udp, opt::IPV6_TCLASS, 0x20);
    keeps(&udp, opt::IPV6_MULTICAST_HOPS, 5);
    keeps(&udp, opt::IPV6_MULTICAST_IF, 1);
    keeps(&udp, opt::IPV6_MTU_DISCOVER, 2);
}

#[test]
fn a_group_is_heard_until_it_is_left() {
    let group = Ipv4Addr::new(239, 255, 83, 83);
    let hears = Socket::udp4().unwrap();
    hears.setsockopt(opt::IP_MULTICAST_ALL, false).unwrap();
    hears.bind((group, 0)).unwrap();
    let port = hears.getsockname().unwrap().port().unwrap();
    let membership = opt::Membership::new(group).on_address(Ipv4Addr::LOCALHOST);
    hears.setsockopt(opt::IP_ADD_MEMBERSHIP, membership).unwrap();
    let says = Socket::udp4().unwrap();
    says.setsockopt(opt::IP_MULTICAST_IF, opt::Membership::new(group).on_interface(1)).unwrap();
    says.sendto(b"hello all", (group, port)).unwrap();
    hears.settimeout(Duration::from_secs(60)).unwrap();
    assert_eq!(hears.recv(100).unwrap(), b"hello all");
    hears.setsockopt(opt::IP_DROP_MEMBERSHIP, membership).unwrap();
    let error = hears.setsockopt(opt::IP_DROP_MEMBERSHIP, membership).unwrap_err();
    assert_eq!(error.errno(), Some(errno::EADDRNOTAVAIL));
    // One source of it only: what another says is not heard.
    let source = Ipv4Addr::new(127, 0, 0, 2);
    let only = opt::SourceMembership { group, address: Ipv4Addr::LOCALHOST, source };
    hears.setsockopt(opt::IP_ADD_SOURCE_MEMBERSHIP, only).unwrap();
    says.sendto(b"from 127.0.0.1", (group, port)).unwrap();
    let chosen = Socket::udp4().unwrap();
    chosen.bind((source, 0)).unwrap();
    chosen.setsockopt(opt::IP_MULTICAST_IF, opt::Membership::new(group).on_interface(1)).unwrap();
    chosen.sendto(b"from 127.0.0.2", (group, port)).unwrap();
    assert_eq!(hears.recv(100).unwrap(), b"from 127.0.0.2");
}

#[test]
fn an_ipv6_group_is_joined_until_it_is_left() {
    if !need(Need::Ipv6) {
        return;
    }
    // Loopback has no route for multicasts over IPv6: ask the kernel who is a member.
    let joined = || {
        let groups = std::fs::read_to_string("/proc/net/igmp6").unwrap();
        groups.contains("ff120000000000000000000000005353")
    };
    let group: Ipv6Addr = "ff12::5353".parse().unwrap();
    let udp = Socket::udp6().unwrap();
    let membership = opt::Membership6 { group, interface: 1 };
    assert!(!joined());
    udp.setsockopt(opt::IPV6_JOIN_GROUP, membership).unwrap();
    assert!(joined());
    udp.setsockopt(opt::IPV6_LEAVE_GROUP, membership).unwrap();
    assert!(!joined());
}

#[test]
fn the_kernel_says_who_is_at_the_other_end() {
    let (a, _b) = socketpair().unwrap();
    let peer = a.getsockopt(opt::SO_PEERCRED).unwrap();
    assert_eq!(peer.pid, std::process::id());
    assert_eq!(peer.uid, rustix::process::geteuid().as_raw());
    assert_eq!(peer.gid, rustix::process::getegid().as_raw());
    keeps(&a, opt::SO_PASSCRED, true);
}

#[test]
fn a_connection_tells_its_state() {
    let (client, conn) = tcp_pair();
    client.sendall(b"some bytes").unwrap();
    conn.recv(100).unwrap();
    let info = client.getsockopt(opt::TCP_INFO).unwrap();
    assert_eq!(info.state_name(), "established");
    assert!(info.snd_mss > 0 && info.snd_cwnd > 0 && info.rtt > Duration::ZERO);
    drop(conn);
    client.recv(1).unwrap();
    assert_eq!(client.getsockopt(opt::TCP_INFO).unwrap().state_name(), "close-wait");
}

#[test]
fn what_needs_privilege_works_with_it() {
    if !need(Need::Root) {
        return;
    }
    let udp = Socket::udp4().unwrap();
    keeps(&udp, opt::SO_BINDTODEVICE, "lo".to_owned());
    keeps(&udp, opt::SO_MARK, 7);
    udp.setsockopt(opt::SO_RCVBUFFORCE, 64 << 20).unwrap();
    assert_eq!(udp.getsockopt(opt::SO_RCVBUF).unwrap(), 128 << 20);
    let error = udp.setsockopt(opt::SO_BINDTODEVICE, "no-such-if".to_owned()).unwrap_err();
    assert_eq!(error.errno(), Some(errno::ENODEV));
}

#[test]
fn any_option_can_be_had_by_its_numbers() {
    let udp = Socket::udp4().unwrap();
    let (level, name) = (opt::IP_TTL.level(), opt::IP_TTL.name());
    udp.setsockopt(opt::raw(level, name), 9_i32).unwrap();
    assert_eq!(udp.getsockopt(opt::raw::<Vec<u8>>(level, name)).unwrap(), 9_i32.to_ne_bytes());
    let error = udp.getsockopt(opt::raw::<i32>(level, 9_999)).unwrap_err();
    assert_eq!(error.errno(), Some(errno::ENOPROTOOPT));
}
