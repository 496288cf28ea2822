//! https from outside: curl and openssl as clients, certificates exchanged while the server runs.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use sockeye_testkit::{Finished, Need, Process, need};
use tempfile::TempDir;

/// A folder to serve, below a folder that is home.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("share")).unwrap();
    fs::write(home.path().join("share/a.txt"), "a file\n").unwrap();
    home
}

fn sockeye(home: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", home.path()).current_dir(home.path()).args(args);
    command
}

fn run(program: &str, args: &[&str], folder: &Path) -> Finished {
    Process::run(Command::new(program).args(args).current_dir(folder), b"")
}

/// A certificate for localhost, as `NAME.pem` and `NAME.key`; gives its fingerprint.
fn certificate(home: &TempDir, name: &str) -> String {
    let (pem, key) = (format!("{name}.pem"), format!("{name}.key"));
    let made = run(
        "openssl",
        &[
            "req",
            "-x509",
            "-nodes",
            "-days",
            "2",
            "-newkey",
            "rsa:2048",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-out",
            &pem,
            "-keyout",
            &key,
        ],
        home.path(),
    );
    assert_eq!(made.code(), Some(0), "{}", made.err());
    let print = ["x509", "-noout", "-fingerprint", "-sha256", "-in", &pem];
    let printed = run("openssl", &print, home.path()).out();
    printed.trim().split_once('=').unwrap().1.to_owned()
}

/// The fingerprint that a server at `port` shows.
fn shown(home: &TempDir, port: &str) -> String {
    let script = format!(
        "openssl s_client -connect 127.0.0.1:{port} </dev/null 2>/dev/null |
         openssl x509 -noout -fingerprint -sha256"
    );
    let shown = run("sh", &["-c", &script], home.path()).out();
    shown.trim().split_once('=').map(|(_, print)| print.to_owned()).unwrap_or_default()
}

fn port(place: &str) -> String {
    place.trim_end_matches('/').rsplit_once(':').unwrap().1.to_owned()
}

#[test]
fn a_self_signed_server_stays_the_same_from_start_to_start() {
    if !need(Need::Program("curl")) || !need(Need::Program("openssl")) {
        return;
    }
    let home = home();
    let start = || {
        let args = ["serve", "-b", "127.0.0.1:0", "--tls-self-signed", "share"];
        let mut server = Process::spawn(&mut sockeye(&home, &args));
        let port = port(&server.wait_for("listening http https://"));
        let print = shown(&home, &port);
        let pem = ".local/share/sockeye/tls/self-signed.pem";
        let url = format!("https://localhost:{port}/a.txt");
        let got = run("curl", &["-sS", "--cacert", pem, "--http2", &url], home.path());
        assert_eq!(got.out(), "a file\n", "{}", got.err());
        let ended = server.stop(Signal::TERM);
        assert_eq!(ended.code(), Some(0));
        assert!(ended.err().contains(&format!("certificate SHA-256 {print}")), "{}", ended.err());
        print
    };
    assert_eq!(start(), start());
}

#[test]
fn old_versions_are_refused_and_protocols_negotiated() {
    if !need(Need::Program("openssl")) {
        return;
    }
    let home = home();
    let args = ["serve", "-b", "127.0.0.1:0", "--tls-self-signed", "share"];
    let mut server = Process::spawn(&mut sockeye(&home, &args));
    let address = format!("127.0.0.1:{}", port(&server.wait_for("listening http https://")));
    let ask = |args: &[&str]| {
        let fixed = ["s_client", "-connect", &address];
        run("openssl", &[&fixed[..], args].concat(), home.path())
    };
    for (version, name) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let said = ask(&[version, "-alpn", "h2,http/1.1"]);
        assert_eq!(said.code(), Some(0), "{}", said.err());
        assert!(said.out().contains(name) && said.out().contains("ALPN protocol: h2"), "{name}");
    }
    assert!(ask(&["-alpn", "http/1.1"]).out().contains("ALPN protocol: http/1.1"));
    assert!(ask(&[]).out().contains("No ALPN negotiated"));
    for old in ["-tls1", "-tls1_1"] {
        assert_ne!(ask(&[old, "-cipher", "ALL:@SECLEVEL=0"]).code(), Some(0), "{old}");
    }
    assert_ne!(ask(&["-alpn", "smtp"]).code(), Some(0));
}

#[test]
fn certificates_are_exchanged_while_it_runs_and_bad_ones_are_not() {
    if !need(Need::Program("curl")) || !need(Need::Program("openssl")) {
        return;
    }
    let home = home();
    let (first, second) = (certificate(&home, "live"), certificate(&home, "next"));
    let flags = ["--tls-cert", "live.pem", "--tls-key", "live.key"];
    let args = [&["serve", "-v", "-b", "127.0.0.1:0"][..], &flags, &["share"]].concat();
    // SIGHUP reloads where there is no terminal.
    let mut command = Command::new("setsid");
    let plain = sockeye(&home, &args);
    command.arg(plain.get_program()).args(plain.get_args()).current_dir(home.path());
    let mut server = Process::spawn(&mut command);
    let port = port(&server.wait_for("listening http https://"));
    assert_eq!(shown(&home, &port), first);
    let url = format!("https://localhost:{port}/a.txt");
    let get = |pem: &str| run("curl", &["-sS", "--cacert", pem, &url], home.path()).out();
    assert_eq!(get("live.pem"), "a file\n");

    let rename = |from: &str, to: &str| {
        fs::copy(home.path().join(from), home.path().join("new")).unwrap();
        fs::rename(home.path().join("new"), home.path().join(to)).unwrap();
    };
    fs::write(home.path().join("broken"), "no certificate").unwrap();
    rename("broken", "live.pem");
    server.wait_for_text("the new certificate cannot be used: the old one goes on");
    assert_eq!(shown(&home, &port), first);
    rename("next.pem", "live.pem");
    rename("next.key", "live.key");
    server.wait_for_text(&format!("the certificate was loaded again fingerprint=\"{second}\""));
    assert_eq!(shown(&home, &port), second);
    assert_eq!(get("next.pem"), "a file\n");
    server.signal(Signal::HUP);
    server.wait_for_text(&format!("the certificate was loaded again fingerprint=\"{second}\""));
    assert_eq!(server.stop(Signal::TERM).code(), Some(0));
}

#[test]
fn plain_http_is_sent_on() {
    if !need(Need::Program("curl")) {
        return;
    }
    let home = home();
    let more = ["--tls-self-signed", "--redirect-https", "127.0.0.1:0", "share"];
    let args = [&["serve", "-b", "127.0.0.1:0"][..], &more].concat();
    let mut server = Process::spawn(&mut sockeye(&home, &args));
    let https = port(&server.wait_for("listening http https://"));
    let http = port(&server.wait_for("listening redirect http://"));
    let url = format!("http://localhost:{http}/a.txt");
    let pem = ".local/share/sockeye/tls/self-signed.pem";
    let got = run("curl", &["-sSL", "--cacert", pem, "-w", "%{url_effective}", &url], home.path());
    assert_eq!(got.out(), format!("a file\nhttps://localhost:{https}/a.txt"), "{}", got.err());
    let url = format!("http://localhost:{https}/a.txt");
    let got = run("curl", &["-sS", &url], home.path());
    assert!(got.out().contains("this port speaks TLS"), "{}", got.out());
}

#[test]
fn flags_that_cannot_be_are_refused() {
    let home = home();
    for (args, code, said) in [
        (&["--redirect-https", "0"][..], 2, "--redirect-https needs"),
        (&["--tls-cert", "a.pem"], 2, "--tls-key"),
        (&["--tls-cert", "a.pem", "--tls-key", "a.key"], 3, "cannot read a.pem"),
    ] {
        let all = [&["serve", "-b", "127.0.0.1:0", "--check-config"], args, &["share"]].concat();
        let done = Process::run(&mut sockeye(&home, &all), b"");
        assert_eq!(done.code(), Some(code), "{}", done.err());
        assert!(done.err().contains(said), "{}", done.err());
    }
    let check = ["serve", "-b", "127.0.0.1:0", "--check-config", "--tls-self-signed", "share"];
    assert_eq!(Process::run(&mut sockeye(&home, &check), b"").code(), Some(0));
    assert!(!home.path().join(".local").exists(), "a check makes nothing");
}

#[test]
fn the_hub_has_its_page_and_its_room_by_https() {
    if !need(Need::Program("curl")) {
        return;
    }
    let home = home();
    let ports = ["--bind=127.0.0.1:0", "--chat-listen=127.0.0.1:0", "--receive-listen=127.0.0.1:0"];
    let args = [&["up", "share", "--tls", "--no-qr"][..], &ports].concat();
    let mut hub = Process::spawn(&mut sockeye(&home, &args));
    let port = port(&hub.wait_for("listening http https://"));
    let pem = ".local/share/sockeye/tls/self-signed.pem";
    let url = format!("https://localhost:{port}");
    let say = |origin: &str| {
        let origin = format!("Origin: {origin}");
        let form = ["-d", "nick=anna&text=hello", "-w", "%{http_code}", "-o", "/dev/null"];
        let place = format!("{url}/~say");
        let fixed = ["-sS", "--cacert", pem, "-H", &origin, &place];
        run("curl", &[&fixed[..], &form].concat(), home.path()).out()
    };
    assert_eq!(say(&url), "303");
    assert_eq!(say(&url.replace("https", "http")), "403");
    let upgrade = [
        "-sSNi",
        "--http1.1",
        "--max-time",
        "60",
        "--cacert",
        pem,
        "-H",
        "Connection: Upgrade",
        "-H",
        "Upgrade: websocket",
        "-H",
        "Sec-WebSocket-Version: 13",
        "-H",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "-H",
        "Sec-WebSocket-Protocol: sockeye.1",
    ];
    let place = format!("{url}/~chat");
    let mut client = Command::new("curl");
    client.args(upgrade).arg(&place).current_dir(home.path());
    let mut client = Process::spawn(&mut client);
    client.wait_for("HTTP/1.1 101 ");
    // The hub ends the room, and the relay with it.
    assert_eq!(hub.stop(Signal::TERM).code(), Some(0));
    drop(client);
}

#[test]
fn a_handshake_that_never_comes_is_gone_after_the_header_timeout() {
    let home = home();
    let more = ["-v", "--tls-self-signed", "--timeout-header", "300ms", "share"];
    let args = [&["serve", "-b", "127.0.0.1:0"][..], &more].concat();
    let mut server = Process::spawn(&mut sockeye(&home, &args));
    let port = port(&server.wait_for("listening http https://"));
    let mut slow = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    slow.write_all(b"\x16\x03").unwrap();
    server.wait_for_text("stage=\"handshake\"");
}
