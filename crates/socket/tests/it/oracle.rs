//! Python's `socket` as the oracle: the same operations give the same results and errno there and
//! here, and the two talk to each other.

use std::process::Command;
use std::time::Duration;

use sockeye_socket::{
    AF_INET, AF_INET6, AF_UNIX, Family, How, Kind, SOCK_DGRAM, SOCK_STREAM, Socket, opt,
};
use sockeye_testkit::{Need, need};

/// Runs the oracle's script; each line of it prints `name=result`.
pub(crate) fn python(script: &str) -> String {
    let output = Command::new("python3").args(["-c", script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

const SCRIPT: &str = r#"
import socket
S = socket.socket
def show(name, f):
    try: r = f(); r = "ok" if r is None else str(r)
    except TimeoutError as e: r = "timeout" if e.errno is None else f"errno {e.errno}"
    except socket.gaierror: r = "lookup"
    except OSError as e: r = f"errno {e.errno}"
    print(f"{name}={r}")
def closed_port():
    s = S(); s.bind(("127.0.0.1", 0)); a = s.getsockname(); s.close(); return a
for fam, fname in ((socket.AF_INET, "inet"), (socket.AF_UNIX, "unix")):
    for kind, kname in ((socket.SOCK_STREAM, "stream"), (socket.SOCK_DGRAM, "dgram")):
        n = f"{fname}.{kname}."
        show(n + "recv", lambda: S(fam, kind).shutdown(socket.SHUT_WR))
        show(n + "listen", lambda: S(fam, kind).listen(1))
        show(n + "accept", lambda: S(fam, kind).accept())
        show(n + "getpeername", lambda: S(fam, kind).getpeername())
        show(n + "send", lambda: S(fam, kind).send(b"x"))
        def timed(t):
            s = S(fam, kind); s.settimeout(t)
            if fam == socket.AF_INET and kind == socket.SOCK_DGRAM: s.bind(("127.0.0.1", 0))
            s.recv(1)
        show(n + "recv.timed", lambda: timed(0.02))
        show(n + "recv.nonblocking", lambda: timed(0))
show("connect_ex.refused", lambda: S().connect_ex(closed_port()))
def ex(t):
    s = S(); s.settimeout(t); return s.connect_ex(closed_port())
show("connect_ex.timed", lambda: ex(5))
show("connect_ex.nonblocking", lambda: ex(0))
def bind_twice():
    a = S(); a.bind(("127.0.0.1", 0)); a.listen(); S().bind(a.getsockname())
show("bind.twice", bind_twice)
show("bind.foreign", lambda: S().bind(("192.0.2.1", 0)))
show("bind.nowhere", lambda: S(socket.AF_UNIX).bind("/nonexistent/x"))
show("connect.nowhere", lambda: S(socket.AF_UNIX).connect("/nonexistent/x"))
show("connect.lookup", lambda: S().connect(("name.invalid", 1)))
show("connect.family", lambda: S(socket.AF_INET).connect(("::1", 1)))
U = S(socket.AF_INET, socket.SOCK_DGRAM)
show("sendto.long", lambda: U.sendto(bytes(70000), ("127.0.0.1", 9)))
show("default.timeout", lambda: S().gettimeout())
def option(level, name):
    return S().getsockopt(level, name)
show("opt.type", lambda: option(socket.SOL_SOCKET, socket.SO_TYPE))
show("opt.keepalive", lambda: option(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
show("opt.reuse", lambda: option(socket.SOL_SOCKET, socket.SO_REUSEADDR))
show("opt.rcvbuf", lambda: option(socket.SOL_SOCKET, socket.SO_RCVBUF))
show("opt.nodelay", lambda: option(socket.IPPROTO_TCP, socket.TCP_NODELAY))
show("opt.unknown", lambda: option(socket.IPPROTO_TCP, 9999))
def reset():
    s = socket.create_server(("127.0.0.1", 0)); c = socket.create_connection(s.getsockname())
    p, _ = s.accept(); c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    c.close(); p.recv(1)
show("recv.reset", reset)
def broken():
    a, b = socket.socketpair(); b.close(); a.send(b"x")
show("send.broken", broken)
def ended():
    a, b = socket.socketpair(); b.close(); return len(a.recv(1))
show("recv.ended", ended)
"#;

/// Our side of the script, in the same words.
#[derive(Default)]
struct Ours(Vec<String>);

impl Ours {
    fn show<T: ToString>(&mut self, name: &str, result: sockeye_socket::Result<T>) {
        let result = match result {
            Ok(value) => match value.to_string() {
                empty if empty.is_empty() => "ok".to_owned(),
                value => value,
            },
            Err(error) => match error.errno() {
                Some(errno) => format!("errno {errno}"),
                None if error.is_timeout() => "timeout".to_owned(),
                None if error.is_lookup() => "lookup".to_owned(),
                None => error.to_string(),
            },
        };
        self.0.push(format!("{name}={result}"));
    }

    fn done<T>(&mut self, name: &str, result: sockeye_socket::Result<T>) {
        self.show(name, result.map(|_| String::new()));
    }

    fn of_kind(&mut self, family: Family, kind: Kind) {
        let family_name = if family == AF_INET { "inet" } else { "unix" };
        let kind_name = if kind == SOCK_STREAM { "stream" } else { "dgram" };
        let name = |op: &str| format!("{family_name}.{kind_name}.{op}");
        let socket = || Socket::new(family, kind, 0).unwrap();
        self.done(&name("recv"), socket().shutdown(How::Write));
        self.done(&name("listen"), socket().listen(1));
        self.done(&name("accept"), socket().accept());
        self.done(&name("getpeername"), socket().getpeername());
        self.show(&name("send"), socket().send(b"x"));
        for (op, timeout) in [("recv.timed", 20), ("recv.nonblocking", 0)] {
            let socket = socket();
            socket.settimeout(Duration::from_millis(timeout)).unwrap();
            if (family, kind) == (AF_INET, SOCK_DGRAM) {
                socket.bind(("127.0.0.1", 0)).unwrap();
            }
            self.done(&name(op), socket.recv(1));
        }
    }

    fn of_connections(&mut self) {
        let tcp = || Socket::tcp4().unwrap();
        let closed = || {
            let socket = tcp();
            socket.bind("127.0.0.1:0").unwrap();
            socket.getsockname().unwrap()
        };
        self.show("connect_ex.refused", Ok(tcp().connect_ex(closed())));
        for (name, timeout) in [("connect_ex.timed", 5), ("connect_ex.nonblocking", 0)] {
            let socket = tcp();
            socket.settimeout(Duration::from_secs(timeout)).unwrap();
            self.show(name, Ok(socket.connect_ex(closed())));
        }
        let first = tcp();
        first.bind("127.0.0.1:0").unwrap();
        first.listen(128).unwrap();
        self.done("bind.twice", tcp().bind(first.getsockname().unwrap()));
        self.done("bind.foreign", tcp().bind("192.0.2.1:0"));
        let unix = || Socket::new(AF_UNIX, SOCK_STREAM, 0).unwrap();
        self.done("bind.nowhere", unix().bind("unix:/nonexistent/x"));
        self.done("connect.nowhere", unix().connect("unix:/nonexistent/x"));
        self.done("connect.lookup", tcp().connect(("name.invalid", 1)));
        self.done("connect.family", tcp().connect(("::1", 1)));
        let udp = Socket::udp4().unwrap();
        self.done("sendto.long", udp.sendto(&vec![0; 70_000], "127.0.0.1:9"));
    }

    fn of_options(&mut self) {
        let tcp = Socket::tcp4().unwrap();
        self.show("default.timeout", Ok(tcp.gettimeout().map_or("ok", |_| "some")));
        self.show("opt.type", tcp.getsockopt(opt::SO_TYPE));
        self.show("opt.keepalive", tcp.getsockopt(opt::SO_KEEPALIVE).map(i32::from));
        self.show("opt.reuse", tcp.getsockopt(opt::SO_REUSEADDR).map(i32::from));
        self.show("opt.rcvbuf", tcp.getsockopt(opt::SO_RCVBUF));
        self.show("opt.nodelay", tcp.getsockopt(opt::TCP_NODELAY).map(i32::from));
        self.show("opt.unknown", tcp.getsockopt(opt::raw::<i32>(6, 9999)));
    }

    fn of_ends(&mut self) {
        let (client, conn) = crate::tcp_pair();
        client.setsockopt(opt::SO_LINGER, Some(Duration::ZERO)).unwrap();
        drop(client);
        self.done("recv.reset", conn.recv(1));
        let (a, b) = sockeye_socket::socketpair().unwrap();
        drop(b);
        self.done("send.broken", a.send(b"x"));
        self.show("recv.ended", a.recv(1).map(|data| data.len()));
    }
}

#[test]
fn the_same_operations_end_as_in_python() {
    if !need(Need::Program("python3")) {
        return;
    }
    let mut ours = Ours::default();
    for family in [AF_INET, AF_UNIX] {
        for kind in [SOCK_STREAM, SOCK_DGRAM] {
            ours.of_kind(family, kind);
        }
    }
    ours.of_connections();
    ours.of_options();
    ours.of_ends();
    let theirs = python(SCRIPT);
    let theirs: Vec<&str> = theirs.lines().collect();
    assert_eq!(ours.0, theirs);
}

#[test]
fn addresses_read_as_python_writes_them() {
    if !need(Need::Program("python3")) || !need(Need::Ipv6) {
        return;
    }
    let server = Socket::new(AF_INET6, SOCK_STREAM, 0).unwrap();
    server.setsockopt(opt::IPV6_V6ONLY, false).unwrap();
    server.bind(("", 0)).unwrap();
    server.listen(5).unwrap();
    let port = server.getsockname().unwrap().port().unwrap();
    let script = format!(
        "import socket\n\
         for host in ('127.0.0.1', '::1'):\n\
         \x20   with socket.create_connection((host, {port})) as s:\n\
         \x20       s.sendall(repr(s.getsockname()).encode()); s.shutdown(socket.SHUT_WR)\n\
         \x20       print(s.recv(100).decode())"
    );
    let answers = crate::spawn(move || python(&script));
    let mut sent = String::new();
    for family in [AF_INET, AF_INET6] {
        let (conn, peer) = server.accept().unwrap();
        let ip = peer.canonical_ip().unwrap();
        assert_eq!(ip.is_ipv4(), family == AF_INET);
        let port = peer.port().unwrap();
        let expected = match family {
            AF_INET => format!("('{ip}', {port})"),
            _ => format!("('{ip}', {port}, 0, 0)"),
        };
        let mut said = Vec::new();
        std::io::Read::read_to_end(&mut &conn, &mut said).unwrap();
        assert_eq!(String::from_utf8(said).unwrap(), expected);
        conn.sendall(expected.as_bytes()).unwrap();
        sent += &(expected + "\n");
    }
    assert_eq!(answers.join().unwrap(), sent);
}
