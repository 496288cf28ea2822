//! TLS in the loop: Python's ssl and openssl as second implementations.

use std::process::Command;
use std::time::Duration;

use sockeye_chat::{Config, Entrance, Event, Purpose};
use sockeye_edge::tls::{Source, Tls};
use sockeye_testkit::{Need, Process, need};

use crate::support::{Running, at, calm, start};

fn secure(config: Config) -> Config {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let (tls, _) = Tls::load(Source::SelfSigned { folder: None, names }).unwrap();
    Config { tls: Some(tls), ircs: vec!["127.0.0.1:0".parse().unwrap()], ..config }
}

/// Starts a script with the room's port and that of IRC inside of TLS.
fn python(script: &str, room: &Running) -> Process {
    let ircs = at(room, Purpose::Guests(Entrance::Ircs)).port().to_string();
    let ports = [room.address.port().to_string(), ircs];
    Process::spawn(Command::new("python3").args(["-c", script]).args(ports))
}

const COMMON: &str = r#"
import json, os, socket, ssl, subprocess, sys, tempfile
port, ircs = int(sys.argv[1]), int(sys.argv[2])
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
def connect(port=port, context=context, first=b""):
    raw = socket.create_connection(("127.0.0.1", port), 30)
    raw.sendall(first)
    return context.wrap_socket(raw, server_hostname="localhost")
def until(tls, text):
    got = b""
    while text not in got:
        more = tls.recv(65536)
        assert more, (text, got[-200:])
        got += more
    return got
"#;

const ROOM: &str = r#"
for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
    context.minimum_version = context.maximum_version = version
    silent = connect()
    until(silent, b"/help lists the commands\n")
    silent.sendall(b"said inside\n" * 3)
    silent.sendall("x".encode() * 4000 + b"\n")
    silent.sendall(b"/who\n")
    until(silent, b"* in #lobby")
    # Half-close: what was said before the close_notify counts, and what comes back is read.
    silent.close()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    half = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    raw = socket.create_connection(("127.0.0.1", port), 30)
    def pump():
        out = outgoing.read()
        if out: raw.sendall(out)
    def turn(step):
        while True:
            try: return step()
            except ssl.SSLWantReadError:
                pump()
                more = raw.recv(65536)
                incoming.write(more) if more else incoming.write_eof()
            finally: pump()
    turn(half.do_handshake)
    half.write(b"/who\nlast words")
    try: half.unwrap()
    except ssl.SSLWantReadError: pass
    pump()
    raw.shutdown(socket.SHUT_WR)
    got = b""
    while True:
        try: more = turn(lambda: half.read(65536))
        except ssl.SSLZeroReturnError: break
        if not more: break
        got += more
    assert b"* in #lobby" in got, got
    print("heard", flush=True)
print("done", flush=True)
"#;

#[test]
fn a_silent_client_hears_a_talking_one_is_heard_and_a_half_close_counts() {
    if !need(Need::Program("python3")) {
        return;
    }
    let room = start(secure(calm()));
    let mut plain = room.join();
    let mut python = python(&format!("{COMMON}{ROOM}"), &room);
    for number in [2, 4] {
        let nick = format!("plain-{number}");
        assert_eq!(plain.line(), format!("* {nick} joined"));
        for _ in 0..3 {
            assert_eq!(plain.line(), format!("<{nick}> said inside"));
        }
        assert_eq!(plain.line(), format!("<{nick}> {}", "x".repeat(4000)));
        assert_eq!(plain.line(), format!("* {nick} left"));
        let nick = format!("plain-{}", number + 1);
        assert_eq!(plain.line(), format!("* {nick} joined"));
        assert_eq!(plain.line(), format!("<{nick}> last words"));
        assert_eq!(plain.line(), format!("* {nick} left"));
        python.wait_for("heard");
    }
    python.wait_for("done");
}

const BIG: &str = r#"
tls = connect()
until(tls, b"/help lists the commands\n")
print("in", flush=True)
got = until(tls, b"<plain-1> the end\n")
assert got.count(b"y" * 4000) == 200, got.count(b"y" * 4000)
print("done", flush=True)
"#;

#[test]
fn much_comes_through_in_order() {
    if !need(Need::Program("python3")) {
        return;
    }
    let room = start(secure(calm()));
    let mut plain = room.join();
    let mut python = python(&format!("{COMMON}{BIG}"), &room);
    python.wait_for("in");
    plain.until("* plain-2 joined\n");
    for _ in 0..200 {
        plain.send(format!("{}\n", "y".repeat(4000)));
    }
    plain.send("the end\n");
    python.wait_for("done");
}

const REFUSED: &str = r#"
irc = connect(ircs)
irc.sendall(b"hello\r\n")
assert until(irc, b"\r\n").startswith(b"ERROR :"), "nothing but IRC"
http = connect()
http.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
got = until(http, b"</code>")
assert got.startswith(b"HTTP/1.1 200 OK\r\n"), got
assert http.recv(100) == b"", "close_notify"
post = connect()
post.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nhello")
assert until(post, b"\r\n").startswith(b"HTTP/1.1 400 ")
twice = connect()
inner = ssl.MemoryBIO(), ssl.MemoryBIO()
hello = context.wrap_bio(*inner)
try: hello.do_handshake()
except ssl.SSLWantReadError: pass
twice.sendall(inner[1].read())
assert twice.recv(100) == b"", "TLS inside of TLS"
# No close_notify: what may be a part of a line is not said.
cut = connect()
until(cut, b"/help lists the commands\n")
cut.sendall(b"half a li")
cut.shutdown(socket.SHUT_WR)
try:
    while cut.recv(65536): pass
except (ssl.SSLError, OSError): pass
for junk in (b"\x16\x03\x01\x00\x05hello", b"\x16\x03\x01\xff\xff" + b"x" * 70000):
    raw = socket.create_connection(("127.0.0.1", port), 30)
    try:
        raw.sendall(junk)
        while raw.recv(65536): pass
    except OSError: pass
print("done", flush=True)
"#;

#[test]
fn inside_of_tls_the_first_line_is_judged_again() {
    if !need(Need::Program("python3")) {
        return;
    }
    let room = start(secure(calm()));
    let mut plain = room.join();
    let mut python = python(&format!("{COMMON}{REFUSED}"), &room);
    python.wait_for("done");
    assert_eq!(plain.line(), "* plain-2 joined");
    assert_eq!(plain.line(), "* plain-2 left");
    let events = room.events.lock().unwrap();
    let failed = events.iter().filter(|event| matches!(event, Event::NotEntered { .. })).count();
    assert_eq!(failed, 2, "{events:?}");
}

const RESUMED: &str = r#"
folder = tempfile.mkdtemp()
make = "openssl req -x509 -nodes -days 2 -subj /CN=anna -newkey ec".split()
subprocess.run(make + [
    "-pkeyopt", "ec_paramgen_curve:P-256", "-out", folder + "/c.pem", "-keyout", folder + "/k.pem"],
    check=True, stderr=subprocess.DEVNULL)
context.load_cert_chain(folder + "/c.pem", folder + "/k.pem")
first = connect()
until(first, b"/help lists the commands\n")
raw = socket.create_connection(("127.0.0.1", port), 30)
again = context.wrap_socket(raw, session=first.session, server_hostname="localhost")
until(again, b"/help lists the commands\n")
assert again.session_reused
# Browsers are not asked.
context.set_alpn_protocols(["h2", "http/1.1"])
web = connect()
assert web.selected_alpn_protocol() == "http/1.1"
print("done", flush=True)
"#;

#[test]
fn who_has_a_certificate_may_show_it_and_come_again() {
    if !need(Need::Program("python3")) || !need(Need::Program("openssl")) {
        return;
    }
    let room = start(secure(calm()));
    python(&format!("{COMMON}{RESUMED}"), &room).wait_for("done");
}

const SLOW: &str = r#"
slow = socket.create_connection(("127.0.0.1", ircs), 30)
half = socket.create_connection(("127.0.0.1", port), 30)
half.sendall(b"\x16\x03\x01")
for raw in (slow, half): assert raw.recv(10) == b""
print("done", flush=True)
"#;

#[test]
fn half_a_handshake_is_given_up() {
    if !need(Need::Program("python3")) {
        return;
    }
    let entering = Duration::from_millis(300);
    let room = start(secure(Config { entering, ..calm() }));
    python(&format!("{COMMON}{SLOW}"), &room).wait_for("done");
    let events = room.events.lock().unwrap();
    let slow = |event: &Event| matches!(event, Event::NotEntered { why, .. } if why == "too slow");
    assert_eq!(events.iter().filter(|event| slow(event)).count(), 2, "{events:?}");
}

#[test]
fn a_stop_says_goodbye_inside_of_tls() {
    if !need(Need::Program("openssl")) {
        return;
    }
    let room = start(secure(calm()));
    let place = room.address.to_string();
    let args = ["s_client", "-quiet", "-connect", &place];
    let mut openssl = Process::spawn(Command::new("openssl").args(args));
    openssl.wait_for_text("/help lists the commands");
    let report = room.stop();
    assert_eq!(report.cut_off, 0);
    openssl.wait_for_text("* the server is stopping");
    let done = openssl.finish();
    assert!(!done.err().contains("unexpected eof"), "{}", done.err());
}
