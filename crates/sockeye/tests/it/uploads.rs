//! `sockeye serve --upload` from outside, with curl as the other side.

use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use sockeye_testkit::{Finished, Need, Process, need};

/// Serves `path` with `args`; gives the URL, which ends with a slash.
fn serve(path: &Path, args: &[&str]) -> (Process, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.arg("serve").args(args).arg(path);
    let mut server = Process::spawn(&mut command);
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

fn file(folder: &Path, name: &str, content: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn curl_puts_posts_moves_and_removes() {
    if !need(Need::Program("curl")) {
        return;
    }
    let (site, mine) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::create_dir(site.path().join("in")).unwrap();
    let one = file(mine.path(), "one.txt", b"one");
    let two = file(mine.path(), "two.txt", &vec![b'2'; 2_000_000]);
    let args = ["-p", "0", "--upload=./in/", "--allow-delete", "--allow-mkdir"];
    let (server, url) = serve(site.path(), &args);
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    let inside = format!("{url}in/");
    // curl asks first where a file is large (Expect).
    assert_eq!(status(&["-T", &one, &inside]), "201");
    assert_eq!(status(&["-T", &two, &inside]), "201");
    assert_eq!(status(&["-T", &two, &inside]), "204");
    assert_eq!(std::fs::read(site.path().join("in/two.txt")).unwrap().len(), 2_000_000);
    assert_eq!(status(&["-T", &one, &url]), "405");
    let (one, two) = (format!("f=@{one}"), format!("f=@{two};filename=deep/er/two.txt"));
    let kept = curl(&["-F", &one, "-F", &two, "-F", "note=hello", &inside]).out();
    assert_eq!(kept, "/in/one%20%281%29.txt\n/in/deep/er/two.txt\n");
    let to = format!("Destination: {inside}moved.txt");
    let from = format!("{inside}one.txt");
    assert_eq!(status(&["-X", "MOVE", "-H", &to, &from]), "201");
    assert_eq!(curl(&[&format!("{inside}moved.txt")]).out(), "one");
    assert_eq!(status(&["-X", "MKCOL", &format!("{inside}new")]), "201");
    assert_eq!(status(&["-X", "DELETE", &format!("{inside}deep/")]), "204");
    let text = curl(&[&format!("{inside}?text")]).out();
    assert_eq!(text, "new/\nmoved.txt\none (1).txt\ntwo.txt\n");
    let head = curl(&["-I", &format!("{inside}two.txt")]).out();
    assert!(head.contains("Content-Disposition: attachment"), "{head}");
    assert!(head.contains("Content-Security-Policy: sandbox"), "{head}");
    let foreign = ["-X", "DELETE", "-H", "Origin: http://evil.example", &inside];
    assert_eq!(status(&foreign), "403");
    let ended = server.stop(Signal::TERM);
    assert_eq!(ended.code(), Some(0), "{}", ended.err());
    assert!(ended.err().contains("for this machine only"), "{}", ended.err());
}

#[test]
fn an_upload_goes_on_after_the_server_was_killed() {
    if !need(Need::Program("curl")) {
        return;
    }
    let (site, mine) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let numbers = (0..5_000_000_u32).flat_map(u32::to_le_bytes);
    let content: Vec<u8> = numbers.collect();
    let big = file(mine.path(), "big", &content);
    let (server, url) = serve(site.path(), &["-p", "0", "-u"]);
    let target = format!("{url}big?part=key");
    let mut upload = Command::new("curl");
    upload.args(["-sS", "--limit-rate", "4M", "-T", &big, &target]);
    let upload = Process::spawn(&mut upload);
    let offset = |target: &str| -> Option<u64> {
        let head = curl(&["-I", target]).out();
        let line = head.lines().find_map(|line| line.strip_prefix("Upload-Offset: "));
        line.map(|text| text.trim().parse().unwrap())
    };
    while offset(&target).is_none_or(|bytes| bytes < 1_000_000) {
        std::thread::yield_now();
    }
    assert_eq!(status(&["-T", &big, &target]), "409", "somebody has it");
    assert_eq!(server.stop(Signal::KILL).code(), None);
    drop(upload);
    assert!(!site.path().join("big").exists());

    let (_server, url) = serve(site.path(), &["-p", "0", "-u"]);
    let target = format!("{url}big?part=key");
    let have = offset(&target).unwrap();
    assert!((1_000_000..20_000_000).contains(&have), "{have}");
    assert_eq!(status(&["-C", &(have - 1).to_string(), "-T", &big, &target]), "409");
    assert_eq!(status(&["-C", &have.to_string(), "-T", &big, &target]), "201");
    assert!(std::fs::read(site.path().join("big")).unwrap() == content);
    assert_eq!(offset(&target), None);
}

#[test]
fn flags_that_make_no_sense_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |args: &[&str], code: i32, word: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
        let ended = Process::run(command.arg("serve").args(args).arg(folder.path()), b"");
        assert_eq!(ended.code(), Some(code), "{args:?}: {}", ended.err());
        assert!(ended.err().contains(word), "{args:?}: {}", ended.err());
    };
    fails(&["-p", "0", "-u=none"], 3, "none");
    fails(&["-p", "0", "-u=../up"], 3, "a name of dots");
    fails(&["--max-upload", "1M"], 2, "--upload");
    fails(&["-u", "--max-upload", "much"], 2, "is not a size");
}
