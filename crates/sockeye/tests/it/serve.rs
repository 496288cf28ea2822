//! `sockeye serve` from outside, with curl as the other side.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{FileExt, symlink};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use sockeye_testkit::{Finished, Need, Process, need};

fn sockeye(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).args(args);
    command
}

/// Serves `path` on a free port; gives the URL, which ends with a slash.
fn serve(path: &Path, args: &[&str]) -> (Process, String) {
    let path = path.to_str().unwrap();
    let all = [&["serve", "-b", "127.0.0.1:0"], args, &[path]].concat();
    let mut server = Process::spawn(&mut sockeye(&all));
    let url = server.wait_for("listening http ");
    (server, url)
}

fn curl(args: &[&str]) -> Finished {
    Process::run(
        Command::new("curl").args(["-sS", "--max-time", "60", "--path-as-is"]).args(args),
        b"",
    )
}

/// The status of an answer.
fn status(args: &[&str]) -> String {
    curl(&[&["-o", "/dev/null", "-w", "%{http_code}"], args].concat()).out()
}

#[test]
fn curl_gets_a_file_of_1_gib_byte_by_byte_the_same() {
    if !need(Need::Program("curl")) {
        return;
    }
    const GIB: u64 = 1 << 30;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sparse");
    let file = File::create(&path).unwrap();
    file.set_len(GIB).unwrap();
    for part in 0..64 {
        let marker = format!("part {part} of the file");
        file.write_all_at(marker.as_bytes(), part * (GIB / 64) + part * 4099).unwrap();
    }
    file.write_all_at(b"the end", GIB - 7).unwrap();
    let (server, url) = serve(folder.path(), &[]);
    let url = format!("{url}sparse");
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--max-time", "300", &url]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut curl = curl.spawn().unwrap();
    let mut compare = Command::new("cmp");
    compare.arg("-").arg(&path).stdin(curl.stdout.take().unwrap());
    let same = compare.status().unwrap();
    assert!(curl.wait().unwrap().success() && same.success());

    let end = format!("{}-", GIB - 7);
    assert_eq!(self::curl(&["-r", &end, &url]).out(), "the end");
    assert_eq!(status(&["-r", "5-9", &url]), "206");
    let etags = folder.path().join("etags");
    let etags = etags.to_str().unwrap();
    assert_eq!(status(&["-I", "--etag-save", etags, &url]), "200");
    assert_eq!(status(&["--etag-compare", etags, &url]), "304");
    let ended = server.stop(Signal::TERM);
    assert_eq!(ended.code(), Some(0), "{}", ended.err());
}

#[test]
fn nothing_outside_of_the_folder_leaks() {
    if !need(Need::Program("curl")) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    symlink("/etc/passwd", folder.path().join("evil")).unwrap();
    let (_server, url) = serve(folder.path(), &[]);
    for (path, expected) in [
        ("../../etc/passwd", "404"),
        ("/etc/passwd", "404"),
        ("%2e%2e/", "404"),
        ("..%2f", "404"),
        ("..%2f..%2fetc%2fpasswd", "404"),
        ("x%00", "400"),
        ("evil", "404"),
    ] {
        let target = format!("{url}{path}");
        assert_eq!(status(&[&target]), expected, "{target}");
        assert!(!curl(&[&target]).out().contains("root:"), "{target}");
    }
}

#[test]
fn one_file_and_its_name() {
    if !need(Need::Program("curl")) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("only.txt");
    std::fs::write(&path, "only this\n").unwrap();
    std::fs::write(folder.path().join("other.txt"), "not this\n").unwrap();
    let (_server, url) = serve(&path, &["--mime", "txt=text/x-only"]);
    assert_eq!(curl(&[&url]).out(), "only this\n");
    let named = format!("{url}only.txt");
    assert_eq!(curl(&["-o", "/dev/null", "-w", "%{content_type}", &named]).out(), "text/x-only");
    assert_eq!(status(&[&format!("{url}other.txt")]), "404");
}

#[test]
fn what_flags_say_is_done() {
    if !need(Need::Program("curl")) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("index.html"), "index").unwrap();
    std::fs::write(folder.path().join(".dot"), "dot").unwrap();
    let log = folder.path().join("log");
    let (server, url) = serve(
        folder.path(),
        &[
            "--no-index",
            "--listing",
            "text",
            "--hidden",
            "--header",
            "**: X-Extra: yes, really",
            "--cache-control",
            "*.html=max-age=60",
            "--head-bytes-max",
            "1KiB",
            "--access-log-file",
            log.to_str().unwrap(),
        ],
    );
    assert_eq!(curl(&[&url]).out(), ".dot\nindex.html\nlog\n");
    let head = curl(&["-I", &format!("{url}index.html")]).out();
    assert!(head.contains("X-Extra: yes, really") && head.contains("Cache-Control: max-age=60"));
    assert_eq!(status(&["-H", &format!("X: {}", "x".repeat(1024)), &url]), "431");
    let ended = server.stop(Signal::INT);
    assert_eq!(ended.code(), Some(0), "{}", ended.err());
    let log = std::fs::read_to_string(log).unwrap();
    assert_eq!(log.lines().count(), 3, "{log}");
    assert!(log.contains("\"HEAD /index.html HTTP/1.1\" 200 0 \"-\" \"curl/"), "{log}");
}

#[test]
fn mistakes_of_the_operator_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |args: &[&str], code: i32, word: &str| {
        let ended = Process::run(&mut sockeye(&[&["serve"], args].concat()), b"");
        assert_eq!(ended.code(), Some(code), "{args:?}: {}", ended.err());
        assert!(ended.err().contains(word), "{args:?}: {}", ended.err());
    };
    fails(&["/nowhere/at/all"], 3, "/nowhere/at/all");
    fails(&["/dev/null"], 3, "neither a folder nor a file");
    fails(&["-p", "1", "-b", "2"], 2, "cannot be used with");
    fails(&["--header", "*: Content-Length: 1"], 2, "Content-Length");
    fails(&["--mime", "x"], 2, "md=text/plain");
    fails(&["--max-conns", "0"], 2, "refuse everything");
    let (_server, url) = serve(folder.path(), &[]);
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    fails(&["-b", address], 3, address);
    let path = folder.path().to_str().unwrap();
    let checked = Process::run(&mut sockeye(&["serve", "--check-config", path]), b"");
    assert_eq!(checked.code(), Some(0));
}

/// Asks for `target` on `stream`, and reads the answer, which has so many bytes of body.
fn ask(stream: &mut TcpStream, target: &str, bytes: usize) {
    // In one piece: the second of two small ones would wait for the answer to the first.
    let request = format!("GET /{target} HTTP/1.1\r\nHost: a\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let (mut answer, mut buffer) = (Vec::new(), [0; 64 * 1024]);
    let end = loop {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "the connection ended");
        answer.extend_from_slice(&buffer[..count]);
        if let Some(at) = answer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4 + bytes;
        }
    };
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
    while answer.len() < end {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "the connection ended");
        answer.extend_from_slice(&buffer[..count]);
    }
}

#[test]
fn connections_go_before_files_that_are_kept_open() {
    const DESCRIPTORS: usize = 64;
    const FILES: usize = 40;
    const CONNECTIONS: usize = 30;
    const BYTES: usize = 40_000;
    let folder = tempfile::tempdir().unwrap();
    for number in 0..FILES {
        std::fs::write(folder.path().join(format!("large{number}")), [b'x'; BYTES]).unwrap();
    }
    std::fs::write(folder.path().join("small"), "small").unwrap();
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit -n {DESCRIPTORS}; exec \"$0\" \"$@\"")]);
    limited.arg(env!("CARGO_BIN_EXE_sockeye")).args(["serve", "-b", "127.0.0.1:0"]);
    let mut server = Process::spawn(limited.args(["--threads", "1"]).arg(folder.path()));
    let url = server.wait_for("listening http ");
    let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let connect = || {
        let stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    };
    let descriptors = || std::fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap().count();
    let mut busy = connect();
    let over = AtomicBool::new(false);
    let all = |stream: &mut TcpStream| {
        (0..FILES).for_each(|number| ask(stream, &format!("large{number}"), BYTES));
    };
    let started = Instant::now();
    while descriptors() < FILES {
        all(&mut busy);
        assert!(started.elapsed() < Duration::from_secs(60), "nothing is kept open");
    }
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                all(&mut busy);
            }
        });
        let mut connections: Vec<TcpStream> = (0..CONNECTIONS).map(|_| connect()).collect();
        let answered = std::panic::catch_unwind(AssertUnwindSafe(|| {
            connections.iter_mut().for_each(|stream| ask(stream, "small", 5));
        }));
        over.store(true, Ordering::Relaxed);
        answered.unwrap();
    });
    assert_eq!(server.stop(Signal::TERM).code(), Some(0));
}

#[test]
fn a_folder_is_one_file_where_that_is_allowed() {
    if !need(Need::Program("curl")) || !need(Need::Program("unzip")) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("notes")).unwrap();
    std::fs::write(folder.path().join("notes/a.txt"), "hello").unwrap();
    let zip = folder.path().join("notes.zip");
    let (server, url) = serve(folder.path(), &["--archive", "zip,tar.gz"]);
    let query = format!("{url}notes/?zip");
    curl(&["-f", "-o", zip.to_str().unwrap(), &query]);
    let mut unzip = Command::new("unzip");
    assert_eq!(Process::run(unzip.arg("-p").arg(&zip), b"").out(), "hello");
    // What is not allowed is the folder's page, as any other query.
    let media_type = ["-o", "/dev/null", "-w", "%{content_type}"];
    let tar = format!("{url}notes/?tar");
    assert_eq!(curl(&[&media_type[..], &[&tar]].concat()).out(), "text/html; charset=utf-8");
    drop(server);
}

#[test]
fn files_go_out_in_the_coding_that_is_wanted() {
    if !need(Need::Program("curl")) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let text = "a line of text\n".repeat(100);
    std::fs::write(folder.path().join("a.txt"), &text).unwrap();
    std::fs::write(folder.path().join("a.txt.br"), "not even brotli").unwrap();
    let (server, url) = serve(folder.path(), &["--precompressed", "-C", "zstd,gzip"]);
    let url = format!("{url}a.txt");
    let accept = |codings: &str| {
        let header = format!("Accept-Encoding: {codings}");
        let write = ["-o", "/dev/null", "-w", "%header{content-encoding}", "-H"];
        curl(&[&write[..], &[&header, &url]].concat()).out()
    };
    assert_eq!(accept("gzip, br"), "br");
    assert_eq!(accept("gzip, zstd;q=0.9"), "gzip");
    assert_eq!(accept("zstd"), "zstd");
    assert_eq!(accept("deflate"), "");
    let header = "Accept-Encoding: zstd, gzip";
    assert_eq!(curl(&["--compressed", "-H", header, &url]).out(), text);
    drop(server);
}

#[test]
fn a_site_behind_a_proxy_with_its_own_pages() {
    if !need(Need::Program("curl")) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("index.html", "start"), ("about.html", "about"), ("404.html", "oh no")] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let flags = [
        "--base-path=/site",
        "--clean-urls",
        "--error-page=404=404.html",
        "--redirect=/old/**=/**",
        "--spa",
    ];
    let (server, url) = serve(folder.path(), &flags);
    assert!(url.ends_with("/site/"), "{url}");
    let get = |path: &str| curl(&["-L", "-w", " %{http_code} %{num_redirects}", path]).out();
    assert_eq!(get(&url), "start 200 0");
    assert_eq!(get(&format!("{url}about")), "about 200 0");
    assert_eq!(get(&format!("{url}about.html")), "about 200 1");
    assert_eq!(get(&format!("{url}old/about.html")), "about 200 2");
    assert_eq!(get(&format!("{url}nothing")), "oh no 404 0");
    let nothing = format!("{url}nothing");
    assert_eq!(curl(&["-H", "Accept: text/html", &nothing]).out(), "start");
    drop(server);
}

#[test]
fn what_is_not_there_is_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    for (flag, says) in [
        ("--spa", "there is no file `index.html` in what is served"),
        ("--error-page=404=x.html", "there is no file `x.html` in what is served"),
        ("--redirect=/a=//b", "it leads to a path with one slash in front"),
        ("--redirect=/a=/a", "it would lead to itself"),
        ("--base-path=x", "a base path starts with a slash"),
    ] {
        let mut command = sockeye(&["serve", "-b", "127.0.0.1:0", flag, path]);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(says), "{flag}: {error}");
    }
}

#[test]
fn a_file_is_served_so_many_times_and_so_long() {
    if !need(Need::Program("curl")) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    std::fs::write(&path, "hello").unwrap();
    let (server, url) = serve(&path, &["--times", "2", "--expire", "1h"]);
    // A part, or a question, is no download.
    assert_eq!(curl(&["-r", "0-1", &url]).out(), "he");
    assert_eq!(status(&["-I", &url]), "200");
    assert_eq!(curl(&[&url]).out(), "hello");
    assert_eq!(curl(&[&url]).out(), "hello");
    assert_eq!(server.finish().code(), Some(0));
    // In HTTP/2 it is the same, and the last one comes whole.
    std::fs::write(&path, vec![b'x'; 3_000_000]).unwrap();
    let (server, url) = serve(&path, &["--times", "2"]);
    let get = |args: &[&str]| curl(&[&["--http2-prior-knowledge", &url], args].concat());
    assert_eq!(get(&["-r", "0-1"]).out(), "xx");
    assert!(get(&["-I"]).out().starts_with("HTTP/2 200"));
    let broken = get(&["--max-filesize", "1000", "-o", "/dev/null"]);
    assert_ne!(broken.code(), Some(0), "given up, it does not count");
    for _ in 0..2 {
        assert_eq!(get(&[]).stdout.len(), 3_000_000);
    }
    assert_eq!(server.finish().code(), Some(0));
    let (server, _) = serve(folder.path(), &["--expire", "100ms"]);
    assert_eq!(server.finish().code(), Some(0));
    let folder = folder.path().to_str().unwrap();
    let refused = Process::run(&mut sockeye(&["serve", "--times", "1", folder]), b"");
    assert_eq!(refused.code(), Some(2));
    assert!(refused.err().contains("name a file to serve"), "{}", refused.err());
}
