//! Changes, rights and archives, the same in every way of speaking: HTTP/1.1 and HTTP/2, each plain
//! and with TLS, with curl as the other side.

use std::process::Command;

use sockeye_http::{ArchiveFormat, Config};
use sockeye_testkit::{Finished, Need, Process, need};

use crate::access::auth;
use crate::harness::{Running, folder, pattern, start};
use crate::tls::secure;
use crate::writes::{ALL, names, writable};

/// One way to speak to a server of its own.
struct Way {
    name: &'static str,
    args: Vec<String>,
    url: String,
    folder: tempfile::TempDir,
    _kept: Box<dyn std::any::Any>,
}

impl Way {
    /// What curl makes of `path` with more arguments.
    fn curl(&self, path: &str, args: &[&str]) -> Finished {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", "60"]).args(&self.args).args(args);
        Process::run(curl.arg(format!("{}{path}", self.url)), b"one")
    }

    /// Status and version of the answer, as `201 2`.
    fn say(&self, path: &str, args: &[&str]) -> String {
        let fixed = ["-o", "/dev/null", "-w", "%{http_code} %{http_version}"];
        let said = self.curl(path, &[&fixed[..], args].concat());
        assert!(said.code() == Some(0), "{} {path} {args:?}: {}", self.name, said.err());
        said.out()
    }

    /// The status alone; the version is the one that was wanted.
    fn status(&self, path: &str, args: &[&str]) -> u16 {
        let said = self.say(path, args);
        let (status, version) = said.split_once(' ').unwrap();
        let wanted = if self.name.starts_with("HTTP/2") { "2" } else { "1.1" };
        assert_eq!(version, wanted, "{} {path}", self.name);
        status.parse().unwrap()
    }
}

/// Every way, each with a folder of its own.
fn ways(config: impl Fn(&std::path::Path) -> Config) -> Vec<Way> {
    let plain = |name, version: &str| {
        let folder = folder();
        let server: Running = start(config(folder.path()));
        let url = format!("http://{}", server.address);
        let args = vec![version.to_owned()];
        Way { name, args, url, folder, _kept: Box::new(server) }
    };
    let safe = |name, version: &str| {
        let folder = folder();
        let secure = secure(config(folder.path()));
        let url = format!("https://localhost:{}", secure.server.address.port());
        let args = vec![version.to_owned(), "--cacert".to_owned(), secure.certificate()];
        Way { name, args, url, folder, _kept: Box::new(secure) }
    };
    vec![
        plain("HTTP/1.1", "--http1.1"),
        plain("HTTP/2", "--http2-prior-knowledge"),
        safe("HTTP/1.1 with TLS", "--http1.1"),
        safe("HTTP/2 with TLS", "--http2"),
    ]
}

fn file(folder: &tempfile::TempDir, name: &str, content: &[u8]) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn uploads_moves_and_removals() {
    if !need(Need::Program("curl")) {
        return;
    }
    let mine = tempfile::tempdir().unwrap();
    let (small, big) = (file(&mine, "one", b"one"), file(&mine, "big", &pattern(3_000_000)));
    for way in ways(|folder| writable(folder, "", ALL)) {
        let name = way.name;
        assert_eq!(way.status("/a", &["-T", &small]), 201, "{name}");
        assert_eq!(way.status("/a", &["-T", &big]), 204, "{name}");
        let there = way.curl("/a", &[]);
        assert!(there.stdout == pattern(3_000_000), "{name}");
        // Without a length: curl reads it from its input.
        assert_eq!(way.status("/b", &["-T", "-"]), 201, "{name}");
        assert_eq!(way.status("/b", &["-T", &big, "-H", "If-None-Match: *"]), 412, "{name}");
        assert_eq!(way.curl("/b", &[]).out(), "one", "{name}");
        let (one, two) = (format!("f=@{small};filename=b"), format!("f=@{big};filename=d/e"));
        let kept = way.curl("/", &["-F", &one, "-F", &two, "-F", "note=x"]);
        assert_eq!(kept.out(), "/b%20%281%29\n/d/e\n", "{name}");
        assert_eq!(way.status("/", &["-F", "f=@/dev/null;filename=../x"]), 400, "{name}");
        assert_eq!(way.status("/", &["-d", "name=made"]), 415, "{name}");
        assert_eq!(way.status("/new", &["-X", "MKCOL"]), 201, "{name}");
        assert_eq!(way.status("/new", &["-X", "MKCOL"]), 405, "{name}");
        let to = format!("Destination: {}/new/moved", way.url);
        assert_eq!(way.status("/a", &["-X", "MOVE", "-H", &to]), 201, "{name}");
        assert_eq!(way.status("/a", &["-X", "DELETE"]), 404, "{name}");
        assert_eq!(way.status("/d/", &["-X", "DELETE"]), 204, "{name}");
        let foreign = ["-X", "DELETE", "-H", "Origin: http://evil.example"];
        assert_eq!(way.status("/b", &foreign), 403, "{name}");
        assert_eq!(names(&way.folder.path().join("new")), ["moved"], "{name}");
        assert!(!way.folder.path().join("d").exists(), "{name}");
        assert_eq!(std::fs::read(way.folder.path().join("b (1)")).unwrap(), b"one", "{name}");
    }
}

#[test]
fn a_part_goes_on_where_it_was_cut() {
    if !need(Need::Program("curl")) {
        return;
    }
    let mine = tempfile::tempdir().unwrap();
    let content = pattern(2_000_000);
    let big = file(&mine, "big", &content);
    let begun = file(&mine, "begun", &content[..700_000]);
    for way in ways(|folder| writable(folder, "", ALL)) {
        let name = way.name;
        let target = "/big?part=k";
        // As if it were all of it: the rest never comes.
        let cut = ["-X", "PUT", "-T", &begun, "-H", "Content-Range: bytes 0-699999/2000000"];
        assert_eq!(way.status(target, &cut), 202, "{name}");
        let head = way.curl(target, &["-I"]).out().to_ascii_lowercase();
        assert!(head.contains("upload-offset: 700000\r\n"), "{name}: {head}");
        assert_eq!(way.status("/big", &[]), 404, "{name}");
        assert_eq!(way.status(target, &["-C", "699999", "-T", &big]), 409, "{name}");
        assert_eq!(way.status(target, &["-C", "700000", "-T", &big]), 201, "{name}");
        assert!(way.curl("/big", &[]).stdout == content, "{name}");
        assert_eq!(way.status(target, &["-I"]), 404, "{name}");
    }
}

#[test]
fn who_may_and_who_is_asked() {
    if !need(Need::Program("curl")) {
        return;
    }
    let rules =
        ["anna:HASH@/:rw", "bob:HASH@/sub:r", "anonymous@/with-index:r", "anonymous@/drop:w"];
    let mine = tempfile::tempdir().unwrap();
    let small = file(&mine, "one", b"one");
    let servers = ways(|folder| {
        std::fs::create_dir(folder.join("drop")).unwrap();
        Config { auth: auth(&rules), ..writable(folder, "", ALL) }
    });
    for way in servers {
        let name = way.name;
        let (anna, bob, wrong) = ("anna:password", "bob:password", "anna:passwort");
        for (path, user, expected) in [
            ("/hello.txt", None, 401),
            ("/hello.txt", Some(wrong), 401),
            ("/hello.txt", Some(anna), 200),
            ("/hello.txt", Some(bob), 403),
            ("/sub/inner.html", Some(bob), 200),
            ("/sub/inner.html", Some(anna), 403),
            ("/with-index/", None, 200),
            ("/drop/", None, 403),
        ] {
            let args = user.map_or(vec![], |user| vec!["-u", user]);
            assert_eq!(way.status(path, &args), expected, "{name} {path} {user:?}");
        }
        let asked = way.curl("/hello.txt", &["-i"]).out().to_ascii_lowercase();
        assert!(asked.contains("www-authenticate: basic realm=\"sockeye\""), "{name}: {asked}");
        assert_eq!(way.status("/new", &["-T", &small]), 401, "{name}");
        assert_eq!(way.status("/new", &["-T", &small, "-u", bob]), 403, "{name}");
        assert_eq!(way.status("/new", &["-T", &small, "-u", anna]), 201, "{name}");
        assert_eq!(way.status("/drop/x", &["-T", &small]), 201, "{name}");
        assert_eq!(way.status("/drop/x", &[]), 403, "{name}");
        assert_eq!(way.status("/with-index/x", &["-T", &small]), 403, "{name}");
        assert_eq!(names(&way.folder.path().join("drop")), ["x"], "{name}");
    }
}

#[test]
fn archives_are_the_same_and_leave_out_the_same() {
    if !need(Need::Program("curl")) || !need(Need::Program("bsdtar")) {
        return;
    }
    let rules = ["anna:HASH@/sub:r"];
    let archives = vec![ArchiveFormat::Zip, ArchiveFormat::Tar, ArchiveFormat::TarGz];
    let servers = ways(|folder| Config {
        auth: auth(&rules),
        archives: archives.clone(),
        ..crate::harness::config(folder)
    });
    for way in servers {
        let name = way.name;
        for form in ["zip", "tar", "tar.gz"] {
            let contents = |user: &[&str]| {
                let made = way.curl(&format!("/?{form}"), user);
                assert_eq!(made.code(), Some(0), "{name} {form}: {}", made.err());
                let listed = Process::run(Command::new("bsdtar").args(["-tf", "-"]), &made.stdout);
                let out = listed.out();
                let files = out.lines().filter(|line| !line.ends_with('/'));
                let mut files: Vec<String> =
                    files.map(|line| line.rsplit('/').next().unwrap().to_owned()).collect();
                files.sort();
                files.join(" ")
            };
            assert_eq!(
                contents(&[]),
                "empty hello.txt index.html large.bin token",
                "{name} {form}"
            );
            let all = "empty hello.txt index.html inner.html large.bin token";
            assert_eq!(contents(&["-u", "anna:password"]), all, "{name} {form}");
        }
        assert_eq!(way.status("/sub/?zip", &[]), 401, "{name}");
        assert_eq!(way.status("/?zip", &["-I"]), 200, "{name}");
    }
}
