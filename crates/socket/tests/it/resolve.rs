//! Names: as Python's `socket` knows them (`oracle`), from many threads at once, and in databases
//! of the test's own (`own`).

mod oracle;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod own;

use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::sync::Barrier;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sockeye_socket::resolve::{self, AI_NUMERICHOST, Hints};
use sockeye_socket::{
    AF_INET, errno, getaddrinfo, getfqdn, gethostbyaddr, gethostbyname, gethostbyname_ex,
    gethostname, getprotobyname, getservbyname, getservbyport, has_dualstack_ipv6, has_ipv6,
    if_indextoname, if_nameindex, if_nametoindex, sethostname,
};
use sockeye_testkit::privilege::{with_hostname, without_capabilities};
use sockeye_testkit::{Need, need};

/// The first words and the aliases of a database such as `/etc/services`, each with what stands
/// beside it (`80/tcp`).
fn entries(path: &str) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [name, number, aliases @ ..] = &*words {
            let names = [name].into_iter().chain(aliases);
            found.extend(names.map(|name| ((*name).to_owned(), (*number).to_owned())));
        }
    }
    found
}

/// One question to the databases and what was answered, as text.
fn ask(question: usize, name: &str, number: &str) -> String {
    let (number, protocol) = number.split_once('/').unwrap_or((number, ""));
    match question % 4 {
        0 => format!("{:?}", getservbyname(name, protocol)),
        1 => format!("{:?}", getservbyport(number.parse().unwrap_or_default(), protocol)),
        2 => format!("{:?}", getprotobyname(protocol)),
        _ => format!("{:?}", gethostbyname_ex("localhost")),
    }
}

#[test]
fn threads_get_the_answers_to_their_own_questions() {
    const THREADS: usize = 16;
    const QUESTIONS: usize = 1500;
    let mut names = entries("/etc/services");
    names.push(("nosuch".to_owned(), "1/nosuch".to_owned()));
    let alone: Vec<Vec<String>> = names
        .iter()
        .map(|(name, number)| (0..4).map(|question| ask(question, name, number)).collect())
        .collect();
    let start = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (names, alone, start) = (&names, &alone, &start);
            scope.spawn(move || {
                start.wait();
                for step in 0..QUESTIONS {
                    let at = (thread * 7919 + step * 31) % names.len();
                    let (name, number) = &names[at];
                    let question = thread + step;
                    assert_eq!(ask(question, name, number), alone[at][question % 4]);
                }
            });
        }
    });
}

#[test]
fn the_machines_name_is_seen_and_set() {
    let before = gethostname();
    assert!(!before.is_empty());
    if need(Need::UtsNamespace) {
        with_hostname("a.test.example", || {
            assert_eq!(gethostname(), "a.test.example");
            sethostname("b").unwrap();
            assert_eq!(gethostname(), "b");
            let error = sethostname(&"x".repeat(65)).unwrap_err();
            assert_eq!(error.errno(), Some(errno::EINVAL));
            assert_eq!(gethostname(), "b");
        });
    }
    let error = without_capabilities(|| sethostname(&before)).unwrap_err();
    assert_eq!(error.errno(), Some(errno::EPERM));
    let text = format!("sethostname {before}: operation not permitted (EPERM)");
    assert_eq!(error.to_string(), text);
    assert_eq!(gethostname(), before);
}

#[test]
fn the_full_name_of_nobody_is_this_machines() {
    let own = getfqdn(&gethostname());
    assert!(!own.is_empty());
    for name in ["", " ", "0.0.0.0", "::"] {
        assert_eq!(getfqdn(name), own);
    }
}

#[test]
fn localhost_is_here() {
    assert!(gethostbyname("localhost").unwrap().is_loopback());
    let host = gethostbyname_ex("localhost").unwrap();
    assert!(host.addresses.contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)), "{host:?}");
    let found = getaddrinfo("localhost", 80, Hints::default()).unwrap();
    assert!(found.iter().all(|info| info.address.is_local()), "{found:?}");
    let numeric = Hints { flags: AI_NUMERICHOST, ..Hints::default() };
    let error = getaddrinfo("localhost", 80, numeric).unwrap_err();
    assert_eq!(error.lookup_name(), Some("EAI_NONAME"));
}

/// In a process of its own, since the limit is the whole process's.
#[test]
fn without_descriptors_the_systems_errno_is_kept() {
    const CHILD: &str = "SOCKEYE_WITHOUT_DESCRIPTORS";
    if std::env::var_os(CHILD).is_none() {
        let name = "resolve::without_descriptors_the_systems_errno_is_kept";
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(0), ..before }).unwrap();
    let inet = Hints { family: AF_INET, ..Hints::default() };
    for error in [
        getaddrinfo("localhost", 80, inet).unwrap_err(),
        gethostbyname("localhost").unwrap_err(),
        gethostbyname_ex("localhost").unwrap_err(),
        resolve::lookup_family("localhost", 80, AF_INET).unwrap_err(),
    ] {
        assert!(error.is_lookup(), "{error}");
        assert_eq!(error.lookup_code(), Some(resolve::EAI_SYSTEM), "{error}");
        assert_eq!(error.errno(), Some(errno::EMFILE), "{error}");
    }
    let error = if_nameindex().unwrap_err();
    assert_eq!(error.to_string(), "if_nameindex: too many open files (EMFILE)");
    // glibc says less of these.
    assert!(getservbyname("http", "tcp").is_err());
    assert!(getservbyport(80, "tcp").is_err());
    assert!(getprotobyname("tcp").is_err());
    assert!(gethostbyaddr("127.0.0.1").unwrap_err().is_lookup());
    assert!(if_nametoindex("lo").is_err() && if_indextoname(1).is_err());
    assert!(!has_ipv6() && !has_dualstack_ipv6());
    // A sanitizer reads files at the end.
    setrlimit(Resource::Nofile, before).unwrap();
}
