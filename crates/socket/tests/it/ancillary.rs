//! Python's `sendmsg` and `recvmsg` as the oracle: the same control bytes come out of buffers of
//! every length, and go both ways between the two.

use std::fmt::Write as _;
use std::io::{IoSlice, Read, Seek, Write};
use std::time::Duration;

use sockeye_socket::cmsg::{Control, Outgoing};
use sockeye_socket::{
    AF_UNIX, Message, SOCK_DGRAM, Socket, create_server, opt, recv_fds, send_fds, socketpair_of,
};
use sockeye_testkit::{Need, need};

use crate::oracle::python;
use crate::spawn;

/// Each case prints one line for each length of the control buffer, 0 to 64 (and more): flags, then
/// level, type and content of each message; of descriptors how many bytes they are, of credentials
/// all but the process.
const EVERY_LENGTH: &str = r#"
import array, os, socket
from socket import *
def text(level, kind, data):
    if (level, kind) == (SOL_SOCKET, SCM_RIGHTS):
        for fd in array.array("i", data): os.close(fd)
        return f"{level}.{kind}:{len(data)} bytes"
    if (level, kind) == (SOL_SOCKET, SCM_CREDENTIALS):
        data = b"\0" * len(data[:4]) + data[4:]
    return f"{level}.{kind}:{data.hex()}"
def lines(name, pair, control):
    for n in range(0, 130):
        a, b, addr = pair()
        a.sendmsg([b"x"], control(a), 0, *addr)
        data, ancdata, flags, _ = b.recvmsg(10, n)
        print(name, n, flags, *(text(*one) for one in ancdata))
        a.close(); b.close()
def unix(passcred):
    def pair():
        a, b = socketpair(AF_UNIX, SOCK_DGRAM)
        b.setsockopt(SOL_SOCKET, SO_PASSCRED, passcred)
        return a, b, ()
    return pair
def udp():
    a, b = socket(AF_INET, SOCK_DGRAM), socket(AF_INET, SOCK_DGRAM)
    b.bind(("127.0.0.1", 0))
    for name in 8, 12, 13: b.setsockopt(IPPROTO_IP, name, 1)
    return a, b, (b.getsockname(),)
rights = lambda n: lambda s: [(SOL_SOCKET, SCM_RIGHTS, array.array("i", [s.fileno()] * n))]
nothing = lambda s: []
lines("rights", unix(0), rights(1))
lines("three", unix(0), rights(3))
lines("credentials", unix(1), nothing)
lines("both", unix(1), rights(3))
lines("datagram", udp, nothing)
"#;

type Pair = Box<dyn Fn() -> (Socket, Socket)>;

/// The same lines by our own calls.
fn every_length() -> String {
    let unix = |passcred: bool| -> Pair {
        Box::new(move || {
            let (a, b) = socketpair_of(AF_UNIX, SOCK_DGRAM, 0).unwrap();
            b.setsockopt(opt::SO_PASSCRED, passcred).unwrap();
            (a, b)
        })
    };
    let udp: Pair = Box::new(|| {
        let (a, b) = (Socket::udp4().unwrap(), Socket::udp4().unwrap());
        b.bind(("127.0.0.1", 0)).unwrap();
        for option in [opt::IP_PKTINFO, opt::IP_RECVTTL, opt::IP_RECVTOS] {
            b.setsockopt(option, true).unwrap();
        }
        a.connect(b.getsockname().unwrap()).unwrap();
        (a, b)
    });
    let cases: [(&str, Pair, usize); 5] = [
        ("rights", unix(false), 1),
        ("three", unix(false), 3),
        ("credentials", unix(true), 0),
        ("both", unix(true), 3),
        ("datagram", udp, 0),
    ];
    let mut lines = String::new();
    for (name, pair, rights) in cases {
        for n in 0..130 {
            let (a, b) = pair();
            let fds = vec![std::os::fd::AsFd::as_fd(&a); rights];
            let control = if rights == 0 { &[][..] } else { &[Outgoing::Rights(&fds)] };
            a.sendmsg(&[IoSlice::new(b"x")], control, None).unwrap();
            let message = b.recvmsg(10, n).unwrap();
            writeln!(lines, "{name} {n} {}{}", message.flags.bits(), texts(message)).unwrap();
        }
    }
    lines
}

fn texts(message: Message) -> String {
    let text = |control| {
        if let Control::Rights(fds) = control {
            return format!(" 1.1:{} bytes", fds.len() * 4);
        }
        let mut raw = control.into_raw();
        if (raw.level, raw.kind) == (1, 2) {
            raw.data.iter_mut().take(4).for_each(|byte| *byte = 0);
        }
        format!(" {}.{}:{}", raw.level, raw.kind, hex(&raw.data))
    };
    message.control.into_iter().map(text).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn buffers_of_every_length_give_what_they_give_in_python() {
    if !need(Need::Program("python3")) {
        return;
    }
    let (ours, theirs) = (every_length(), python(EVERY_LENGTH));
    assert_eq!(ours.lines().count(), 5 * 130);
    for (ours, theirs) in ours.lines().zip(theirs.lines()) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(ours, theirs);
}

#[test]
fn control_messages_go_both_ways() {
    if !need(Need::Program("python3")) {
        return;
    }
    let ours = Socket::udp4().unwrap();
    ours.bind(("127.0.0.1", 0)).unwrap();
    ours.settimeout(Duration::from_secs(60)).unwrap();
    for option in [opt::IP_RECVTTL, opt::IP_RECVTOS] {
        ours.setsockopt(option, true).unwrap();
    }
    let script = format!(
        "from socket import *\n\
         import struct\n\
         s = socket(AF_INET, SOCK_DGRAM); s.bind(('127.0.0.1', 0)); s.settimeout(60)\n\
         for name in (12, 13): s.setsockopt(IPPROTO_IP, name, 1)\n\
         control = [(IPPROTO_IP, IP_TTL, struct.pack('i', 9)), (IPPROTO_IP, IP_TOS, b'\\x20')]\n\
         s.sendmsg([b'from python'], control, 0, ('127.0.0.1', {}))\n\
         data, ancdata, flags, addr = s.recvmsg(100, 100)\n\
         print(data.decode(), flags, *(f'{{l}}.{{t}}:{{d.hex()}}' for l, t, d in ancdata))",
        ours.getsockname().unwrap().port().unwrap()
    );
    let said = spawn(move || python(&script));
    let message = ours.recvmsg(100, 100).unwrap();
    assert_eq!(message.data, b"from python");
    assert!(matches!(message.control[..], [Control::Ttl(9), Control::Tos(0x20)]), "{message:?}");
    let parts = [IoSlice::new(b"from "), IoSlice::new(b"rust")];
    let control = [Outgoing::Ttl(5), Outgoing::Tos(0x40)];
    ours.sendmsg(&parts, &control, message.address.as_ref()).unwrap();
    assert_eq!(said.join().unwrap(), "from rust 0 0.2:05000000 0.1:40\n");
}

#[test]
fn descriptors_go_both_ways() {
    if !need(Need::Program("python3")) {
        return;
    }
    let place = format!("unix:@sockeye-ancillary-{}", std::process::id());
    let server = create_server(&place).bind().unwrap();
    let script = format!(
        "import os, socket, tempfile\n\
         s = socket.socket(socket.AF_UNIX); s.settimeout(60); s.connect('\\0{}')\n\
         data, fds, flags, addr = socket.recv_fds(s, 100, 4)\n\
         os.write(fds[1], b'written by python')\n\
         file = tempfile.TemporaryFile(); file.write(b'from python'); file.seek(0)\n\
         socket.send_fds(s, [b'one', b'two'], [file.fileno(), fds[0]])\n\
         print(data.decode(), len(fds), flags)",
        place.trim_start_matches("unix:@")
    );
    let said = spawn(move || python(&script));
    server.settimeout(Duration::from_secs(60)).unwrap();
    let (conn, _) = server.accept().unwrap();
    conn.settimeout(Duration::from_secs(60)).unwrap();
    let mut file = tempfile::tempfile().unwrap();
    send_fds(&conn, b"two files", &[&tempfile::tempfile().unwrap(), &file]).unwrap();
    let (data, mut fds) = recv_fds(&conn, 100, 4).unwrap();
    assert_eq!((&data[..], fds.len()), (&b"onetwo"[..], 2));
    let mut text = String::new();
    std::fs::File::from(fds.remove(0)).read_to_string(&mut text).unwrap();
    assert_eq!(text, "from python");
    std::fs::File::from(fds.remove(0)).write_all(b"still open").unwrap();
    assert_eq!(said.join().unwrap(), "two files 2 0\n");
    file.rewind().unwrap();
    text.clear();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "written by python");
}
