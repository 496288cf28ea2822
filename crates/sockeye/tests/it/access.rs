//! `sockeye serve` with passwords, with curl as the other side.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use sockeye_testkit::{Finished, Need, Process, need};

/// Of `password`, as cheap as can be.
const HASH: &str =
    "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$FqGkmHNGCd0BRW2kBt6fPZ2pPmyGwwChL8FGUhTOSSI";

fn sockeye(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).args(args);
    command
}

/// Starts a server, waits until it is ready; gives its URL, which ends with a slash.
fn start(command: &mut Command, path: &Path) -> (Process, String) {
    let mut server = Process::spawn(command.arg(path));
    let url = server.wait_for("listening http ");
    (server, url)
}

fn curl(args: &[&str]) -> Finished {
    Process::run(Command::new("curl").args(["-sS", "--max-time", "60"]).args(args), b"")
}

/// The status of an answer.
fn status(args: &[&str]) -> String {
    curl(&[&["-o", "/dev/null", "-w", "%{http_code}"], args].concat()).out()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("private")).unwrap();
    fs::write(folder.path().join("private/a.txt"), "a\n").unwrap();
    fs::write(folder.path().join("b.txt"), "b\n").unwrap();
    folder
}

const LOOPBACK: [&str; 3] = ["serve", "-b", "127.0.0.1:0"];

#[test]
fn a_hash_of_passwd_opens_a_folder_from_flags_the_environment_and_a_file() {
    if !need(Need::Program("curl")) {
        return;
    }
    let folder = folder();
    let made = Process::run(&mut sockeye(&["passwd"]), "grün & blau".as_bytes()).out();
    let rule = format!("anna:{}@/private:r", made.trim());
    let file = folder.path().join("rules");
    fs::write(&file, format!("# who may do what\n{rule}\nanonymous@/rules:w\n")).unwrap();
    let toml = folder.path().join("toml");
    fs::write(&toml, format!("[serve]\nauth = ['{rule}', 'anonymous@/rules:w']\n")).unwrap();
    let config = ["--config", toml.to_str().unwrap()];
    let by_flag = ["--auth", &rule, "-a", "anonymous@/rules:w"];
    let by_file = ["--auth-file", file.to_str().unwrap()];
    let mut by_environment = sockeye(&LOOPBACK);
    by_environment.env("SOCKEYE_SERVE_AUTH", format!("{rule}\nanonymous@/rules:w\n"));
    for (name, mut command) in [
        ("flag", sockeye(&[&LOOPBACK[..], &by_flag].concat())),
        ("file", sockeye(&[&LOOPBACK[..], &by_file].concat())),
        ("environment", by_environment),
        ("configuration", sockeye(&[&LOOPBACK[..], &config].concat())),
    ] {
        let (server, url) = start(&mut command, folder.path());
        let private = format!("{url}private/a.txt");
        assert_eq!(status(&[&private]), "401", "{name}");
        assert_eq!(curl(&["-u", "anna:grün & blau", &private]).out(), "a\n", "{name}");
        assert_eq!(status(&["-u", "anna:grün & grau", &private]), "401", "{name}");
        assert_eq!(status(&["-u", "anna:grün & blau", "-X", "DELETE", &private]), "403", "{name}");
        assert_eq!(status(&[&format!("{url}rules")]), "403", "{name}");
        let listing = curl(&[&format!("{url}?text")]).out();
        assert!(listing.contains("b.txt") && !listing.contains("private"), "{name}: {listing}");
        let ended = server.stop(Signal::TERM);
        assert_eq!(ended.code(), Some(0), "{name}: {}", ended.err());
        assert!(!ended.err().contains("blau"), "{name}: {}", ended.err());
    }
}

#[test]
fn one_password_comes_from_the_first_line_of_a_file() {
    if !need(Need::Program("curl")) {
        return;
    }
    let folder = folder();
    let word = folder.path().join("word");
    fs::write(&word, "open: sesame\nnot this\n").unwrap();
    let mut command = sockeye(&LOOPBACK);
    let (_server, url) = start(command.arg("--password-file").arg(&word), folder.path());
    let target = format!("{url}private/a.txt");
    assert_eq!(status(&[&target]), "401");
    assert_eq!(status(&["-u", ":open: sesame", &target]), "200");
    assert_eq!(status(&["-u", "anybody:open: sesame", &target]), "200");
    assert_eq!(status(&["-u", "anybody:not this", &target]), "401");
    assert_eq!(status(&["--digest", "-u", "anybody:open: sesame", &target]), "401");
}

#[test]
fn passwords_do_not_travel_in_the_clear_unless_they_are_told_to() {
    let folder = folder();
    let path = folder.path().to_str().unwrap();
    let word = folder.path().join("word");
    fs::write(&word, "secret\n").unwrap();
    let rule = format!("anna:{HASH}@/:rw");
    let by_rule = ["-a", &rule, path];
    let by_password = ["--password-file", word.to_str().unwrap(), path];
    for access in [&by_rule, &by_password] {
        for place in [&[][..], &["-p", "0"], &["-b", "0.0.0.0:0"], &["-b", "127.0.0.1:0,[::]:0"]] {
            let args = [&["serve", "--check-config"], place, &access[..]].concat();
            let ended = Process::run(&mut sockeye(&args), b"");
            assert_eq!(ended.code(), Some(2), "{args:?}: {}", ended.err());
            assert!(ended.err().contains("in the clear"), "{args:?}: {}", ended.err());
            let args = [&args[..], &["--insecure-auth"]].concat();
            let ended = Process::run(&mut sockeye(&args), b"");
            assert_eq!(ended.code(), Some(0), "{args:?}: {}", ended.err());
        }
        for place in ["127.0.0.1:0", "[::1]:0", "8080", "unix:/nowhere/x.sock"] {
            let args = [&["serve", "--check-config", "-b", place], &access[..]].concat();
            let ended = Process::run(&mut sockeye(&args), b"");
            assert_eq!(ended.code(), Some(0), "{args:?}: {}", ended.err());
        }
    }
}

/// Judges a text by Prometheus's own parser; prints a name and a value a line.
const PARSE: &str = "
import sys
from prometheus_client.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.read()):
    assert family.documentation, family.name
    for sample in family.samples:
        print(family.type, sample.name, sorted(sample.labels.items()), float(sample.value))
";

#[test]
fn prometheus_reads_the_numbers() {
    if !need(Need::Program("curl")) || !need(Need::PythonModule("prometheus_client")) {
        return;
    }
    let folder = folder();
    let (_server, url) = start(sockeye(&LOOPBACK).arg("--metrics"), folder.path());
    assert_eq!(status(&[&format!("{url}b.txt")]), "200");
    assert_eq!(status(&["-I", &format!("{url}none")]), "404");
    let text = curl(&[&format!("{url}~metrics")]).out();
    let mut python = Command::new("python3");
    let judged = Process::run(python.args(["-c", PARSE]), text.as_bytes());
    assert_eq!(judged.code(), Some(0), "{}\n{text}", judged.err());
    for line in [
        "counter sockeye_http_requests_total [('method', 'GET'), ('status', '2xx')] 1.0",
        "counter sockeye_http_requests_total [('method', 'HEAD'), ('status', '4xx')] 1.0",
        "counter sockeye_http_connections_total [] 3.0",
        "gauge sockeye_http_connections_open [] ",
        "histogram sockeye_http_request_duration_seconds_bucket [('le', '0.0001')] ",
        "histogram sockeye_http_request_duration_seconds_count [] 2.0",
    ] {
        assert!(judged.out().contains(line), "{line}\n{}", judged.out());
    }
}

#[test]
fn over_http2_it_is_judged_and_counted_alike() {
    if !need(Need::Program("curl")) {
        return;
    }
    let folder = folder();
    let rule = format!("anna:{HASH}@/private:r");
    let mut command = sockeye(&LOOPBACK);
    command.args(["--metrics", "--cors", "-a", &rule]);
    let (_server, url) = start(&mut command, folder.path());
    let private = format!("{url}private/a.txt");
    let http2 = |args: &[&str]| curl(&[&["--http2-prior-knowledge", "-i"], args].concat()).out();
    for _ in 0..3 {
        let refused = http2(&[&private]);
        assert!(refused.starts_with("HTTP/2 401") && refused.contains("www-authenticate: Basic"));
        let read = http2(&["-u", "anna:password", &private]);
        assert!(read.starts_with("HTTP/2 200") && read.ends_with("a\n"), "{read}");
        assert!(read.contains("access-control-allow-origin: *"), "{read}");
    }
    let numbers = curl(&[&format!("{url}~metrics")]).out();
    for line in [
        "sockeye_http_requests_total{method=\"GET\",status=\"2xx\"} 3\n",
        "sockeye_http_requests_total{method=\"GET\",status=\"4xx\"} 3\n",
        "sockeye_http_request_duration_seconds_count 6\n",
        "sockeye_http_connections_total 7\n",
    ] {
        assert!(numbers.contains(line), "{line}{numbers}");
    }
}

#[test]
fn flags_about_access_do_what_they_say() {
    if !need(Need::Program("curl")) {
        return;
    }
    let folder = folder();
    let mut command = sockeye(&LOOPBACK);
    command.args(["--health=/well", "--rate", "5:1/s", "--cors=https://a.example,http://b:3000"]);
    let (_server, url) = start(&mut command, folder.path());
    let allowed = |origin: &str| {
        let said = curl(&["-i", "-H", &format!("Origin: {origin}"), &format!("{url}b.txt")]).out();
        said.contains(&format!("Access-Control-Allow-Origin: {origin}\r\n"))
    };
    assert!(allowed("http://b:3000") && !allowed("http://c:3000"));
    assert_eq!(curl(&[&format!("{url}well")]).out(), "ok\n");
    let statuses = status(&[&format!("{url}b.txt?[1-50]")]);
    assert!(statuses.contains("429"), "{statuses}");
    let mut command = sockeye(&LOOPBACK);
    command.env("SOCKEYE_SERVE_CORS", "true").env("SOCKEYE_SERVE_HEALTH", "true");
    let (_server, url) = start(&mut command, folder.path());
    let said = curl(&["-i", &format!("{url}~health")]).out();
    assert!(said.contains("Access-Control-Allow-Origin: *") && said.ends_with("ok\n"), "{said}");
    for (args, why) in [
        (&["--cors=https://a/b"][..], "no origin"),
        (&["--cors", "--cors=https://a"], "either the pages of all sites or of some"),
        (&["--rate", "0/s"], "numbers from 1"),
        (&["--health=well"], "begins with a slash"),
        (&["--metrics=/"], "stand in for the root"),
        (&["--metrics=/x", "--health=/x"], "are both at /x"),
    ] {
        let all = [&LOOPBACK[..], args, &[folder.path().to_str().unwrap()]].concat();
        let ended = Process::run(&mut sockeye(&all), b"");
        assert_eq!(ended.code(), Some(2), "{args:?}: {}", ended.err());
        assert!(ended.err().contains(why), "{args:?}: {}", ended.err());
    }
}

#[test]
fn mistakes_in_rules_are_named() {
    let folder = folder();
    let rules = folder.path().join("rules");
    fs::write(&rules, format!("anna:{HASH}@/:rw\nanna:{HASH}@/x\n")).unwrap();
    let rules = rules.to_str().unwrap();
    let two = [&format!("anna:{HASH}@/:r"), "-a", &format!("anna:{HASH}@/:w")];
    let cases: [(&[&str], &str); 8] = [
        (&["-a", "anna:secret@/:rw"], "no argon2id hash"),
        (&["-a", "anna@/:rw"], "no rule says the hash of anna"),
        (&["-a", "anonymous@/:x"], "r, w or rw"),
        (&[&["-a"], &two[..]].concat(), "two rules are about anna at /"),
        (&["--auth-file", rules], "rules, line 2"),
        (&["--auth-file", "/nowhere"], "/nowhere"),
        (&["--password", "-a", "anonymous@/:r"], "cannot be used with"),
        (&["--password"], "--password-file FILE"),
    ];
    for (args, why) in cases {
        let all = [&LOOPBACK[..], args, &[folder.path().to_str().unwrap()]].concat();
        let ended = Process::run(&mut sockeye(&all), b"");
        assert!([Some(2), Some(3)].contains(&ended.code()), "{args:?}: {}", ended.err());
        assert!(ended.err().contains(why), "{args:?}: {}", ended.err());
    }
}

/// The configuration of a server that asks for `rule` at `/private`, with this field in answers.
fn settings(rule: &str, field: &str) -> String {
    format!("[serve]\nauth = ['{rule}']\nheader = ['*: X-Set: {field}']\n")
}

#[test]
fn a_hangup_exchanges_rules_and_fields_and_a_mistake_changes_nothing() {
    if !need(Need::Program("curl")) || !need(Need::Program("setsid")) {
        return;
    }
    let (folder, outside) = (folder(), tempfile::tempdir().unwrap());
    let toml = outside.path().join("toml");
    let write = |text: &str| {
        // As editors do it: the file is another one.
        let new = outside.path().join("new");
        fs::write(&new, text).unwrap();
        fs::rename(&new, &toml).unwrap();
    };
    let anna = format!("anna:{HASH}@/private:r");
    write(&settings(&anna, "one"));
    let mut command = Command::new("setsid");
    command.arg(env!("CARGO_BIN_EXE_sockeye")).args(LOOPBACK).args(["-v", "--config"]).arg(&toml);
    let (mut server, url) = start(&mut command, folder.path());
    let private = format!("{url}private/a.txt");
    let seen = |user: &str| {
        let head = curl(&["-i", "-u", &format!("{user}:password"), &private]).out();
        let field = head.lines().find_map(|line| line.strip_prefix("X-Set: ")).unwrap_or("none");
        (head.split(' ').nth(1).unwrap().to_owned(), field.trim().to_owned())
    };
    let is = |status: &str, field: &str| (status.to_owned(), field.to_owned());
    assert_eq!((seen("anna"), seen("bob")), (is("200", "one"), is("401", "none")));
    write(&settings(&anna.replace("anna", "bob"), "two"));
    server.signal(Signal::HUP);
    server.wait_for_text("are as configured now");
    assert_eq!((seen("anna"), seen("bob")), (is("401", "none"), is("200", "two")));
    for mistake in [
        settings("bob:hunter2@/private:r", "three"),
        settings(&anna, "three").replace("X-Set", "Content-Length"),
        "[serve".to_owned(),
        "[serve]\nmax-conns = 'x'\n".to_owned(),
        "[serve]\npassword = true\n".to_owned(),
    ] {
        write(&mistake);
        server.signal(Signal::HUP);
        server.wait_for_text("the old one stays");
        assert_eq!((seen("anna"), seen("bob")), (is("401", "none"), is("200", "two")));
    }
    fs::remove_file(&toml).unwrap();
    server.signal(Signal::HUP);
    server.wait_for_text("the old one stays");
    write("[serve]\nheader = ['*: X-Set: four']\n");
    server.signal(Signal::HUP);
    server.wait_for_text("are as configured now");
    assert_eq!(seen("bob"), is("200", "four"));
    assert_eq!(status(&[&private]), "200", "nobody is asked any more");
    let ended = server.stop(Signal::TERM);
    assert_eq!(ended.code(), Some(0), "{}", ended.err());
    assert!(!ended.err().contains("hunter2"), "{}", ended.err());
}

#[test]
fn rules_of_serve_do_not_hold_for_the_page_of_up() {
    let folder = folder();
    let toml = folder.path().join("toml");
    fs::write(&toml, format!("[serve]\nauth = 'anna:{HASH}@/:rw'\n")).unwrap();
    let config = ["--config", toml.to_str().unwrap()];
    let args =
        [&["up", "--check-config"], &config[..], &[folder.path().to_str().unwrap()]].concat();
    let ended = Process::run(&mut sockeye(&args), b"");
    assert_eq!(ended.code(), Some(2), "{}", ended.err());
    assert!(ended.err().contains("--password protects"), "{}", ended.err());
}
