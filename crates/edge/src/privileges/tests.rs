//! Dropping for real, in a process of its own.

use super::*;
use sockeye_testkit::{Need, Process, need};
use std::process::Command;

/// Whom the child becomes; set only for the child.
const CHILD: &str = "SOCKEYE_TEST_DROP_TO";

#[test]
fn root_becomes_nobody_in_every_thread_for_good() {
    if let Ok(user) = std::env::var(CHILD) {
        return become_and_look(&user);
    }
    if !need(Need::Root) {
        return;
    }
    for user in ["nobody", "12345:54321"] {
        let finished = Process::run(
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "--nocapture"])
                .arg("privileges::tests::root_becomes_nobody_in_every_thread_for_good")
                .env(CHILD, user),
            b"",
        );
        assert_eq!(finished.code(), Some(0), "{}{}", finished.out(), finished.err());
        assert!(finished.out().contains("all given up"), "{}", finished.out());
    }
}

/// The child. The test harness's own thread runs beside this one and must change too.
fn become_and_look(text: &str) {
    let user: User = text.parse().unwrap();
    assert!(std::fs::read("/etc/shadow").is_ok(), "the child starts as root");
    drop_to(&user).unwrap();
    let denied = std::fs::read("/etc/shadow").unwrap_err();
    assert_eq!(denied.kind(), std::io::ErrorKind::PermissionDenied);
    let tasks: Vec<_> = std::fs::read_dir("/proc/self/task").unwrap().flatten().collect();
    assert!(tasks.len() > 1, "one thread proves nothing about the others");
    let of_child = std::thread::spawn(|| credentials("/proc/thread-self/status").unwrap());
    assert_eq!(of_child.join().unwrap(), credentials("/proc/self/status").unwrap());
    assert!(rustix::thread::no_new_privs().unwrap());
    assert!(nix::unistd::setuid(Uid::from_raw(0)).is_err());
    let socket = sockeye_socket::Socket::tcp4().unwrap();
    let low = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if low.is_ok_and(|text| text.trim() == "1024") {
        let error = socket.bind(("127.0.0.1", 1)).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
    }
    drop_to(&user).expect("who is it already may say so again");
    let other: User = "12346:54321".parse().unwrap();
    assert!(drop_to(&other).is_err(), "there is no second change");
    println!("\nall given up");
}

#[test]
fn users_are_names_or_numbers() {
    let nobody: User = "nobody".parse().unwrap();
    assert_eq!(nobody.name(), "nobody");
    let number = nobody.uid.to_string();
    assert_eq!(number.parse::<User>().unwrap(), nobody);
    let bare: User = "54321:54322".parse().unwrap();
    assert_eq!(bare.to_string(), "54321 (54321:54322)");
    assert_eq!(bare.groups, [Gid::from_raw(54322)]);
}

#[test]
fn who_is_not_there_or_is_root_is_refused() {
    for (text, expected) in [
        ("", "no user is called \"\""),
        ("no-such-user", "no user is called \"no-such-user\""),
        ("nobody:no-such-group", "no group is called \"no-such-group\""),
        ("nobody:", "no group is called \"\""),
        ("54321", "user 54321 has no entry"),
        ("root", "root is root"),
        ("0", "0 is root"),
        ("0:0", "0 is root"),
        ("+5", "no user is called \"+5\""),
        ("-1", "no user is called \"-1\""),
        ("4294967295", "no user is called \"4294967295\""),
        ("nobody:4294967295", "no group is called \"4294967295\""),
        ("a\0b", "cannot look the user up"),
    ] {
        let error = text.parse::<User>().unwrap_err().to_string();
        assert!(error.starts_with(expected) || text.contains('\0'), "{text:?}: {error}");
    }
}

#[test]
fn a_status_of_another_form_is_not_taken_for_a_good_one() {
    let good = "Uid:\t1\t1\t1\t1\nGid:\t2\t2\t2\t2\nGroups:\t9 2\nCapPrm:\t00\nCapEff:\t01\n";
    let found = parse_credentials(good).unwrap();
    assert_eq!(found.groups, [2, 9]);
    assert_eq!(found.capabilities, ["00", "01"]);
    for missing in ["Uid:", "Gid:", "Groups:", "CapPrm:", "CapEff:"] {
        assert_eq!(parse_credentials(&good.replace(missing, "X:")), None, "{missing}");
    }
    assert_eq!(parse_credentials(&good.replace("\t1\t1\t1\t1", "\t1\t1\t1")), None);
    assert_eq!(parse_credentials(&good.replace('9', "x")), None);
}
