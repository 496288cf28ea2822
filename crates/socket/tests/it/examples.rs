//! The examples do what they say.

use std::io::Write;

use sockeye_socket::frame::FramedError;
use sockeye_socket::{Socket, create_server, send_fds, socketpair};

use crate::{spawn, tcp_pair};

#[path = "../../examples/framed_chat.rs"]
#[expect(dead_code, reason = "main is not called here")]
mod framed_chat;
#[path = "../../examples/happy_eyeballs.rs"]
#[expect(dead_code, reason = "main is not called here")]
mod happy_eyeballs;
#[path = "../../examples/pass_descriptor.rs"]
#[expect(dead_code, reason = "main is not called here")]
mod pass_descriptor;
#[path = "../../examples/tcp_client.rs"]
#[expect(dead_code, reason = "main is not called here")]
mod tcp_client;
#[path = "../../examples/tcp_server.rs"]
#[expect(dead_code, reason = "main is not called here")]
mod tcp_server;
#[cfg(feature = "tokio")]
#[path = "../../examples/three_models.rs"]
#[expect(dead_code, reason = "main is not called here")]
mod three_models;
#[path = "../../examples/udp_client.rs"]
#[expect(dead_code, reason = "main is not called here")]
mod udp_client;
#[path = "../../examples/udp_server.rs"]
#[expect(dead_code, reason = "main is not called here")]
mod udp_server;

#[test]
fn the_tcp_client_gets_its_own_words_back() {
    let server = create_server("127.0.0.1:0").bind().unwrap();
    let addr = server.getsockname().unwrap().to_string();
    let serving = spawn(move || tcp_server::echo(&server.accept().unwrap().0).unwrap());
    let words = vec![b'x'; 100_000];
    assert!(tcp_client::ask(&addr, &words).unwrap() == words);
    assert_eq!(serving.join().unwrap(), 100_000);
}

#[test]
fn the_udp_client_is_answered_in_capitals() {
    let server = Socket::udp4().unwrap();
    server.bind("127.0.0.1:0").unwrap();
    let addr = server.getsockname().unwrap().to_string();
    let serving = spawn(move || udp_server::answer_one(&server).unwrap());
    assert_eq!(udp_client::ask(&addr, b"Hello, world").unwrap(), b"HELLO, WORLD");
    serving.join().unwrap();
}

#[test]
fn a_descriptor_comes_with_its_file() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"what is in it").unwrap();
    let (a, b) = socketpair().unwrap();
    send_fds(&a, b"a name", &[file.reopen().unwrap()]).unwrap();
    let (name, content) = pass_descriptor::receive_file(&b).unwrap();
    assert_eq!((name.as_str(), content.as_slice()), ("a name", &b"what is in it"[..]));
}

#[test]
fn the_framed_chat_keeps_borders_and_refuses_what_is_too_long() {
    let (a, b) = tcp_pair();
    let (mut a, mut b) = (framed_chat::chat(a), framed_chat::chat(b));
    for message in [&b"one"[..], b"", b"three\nlines\n"] {
        a.send(message).unwrap();
    }
    for message in [&b"one"[..], b"", b"three\nlines\n"] {
        assert_eq!(b.recv().unwrap(), Some(message));
    }
    a.get_ref().sendall(&[0xff; 4]).unwrap();
    assert!(matches!(b.recv(), Err(FramedError::Frame(_))));
}

#[test]
fn the_race_is_won_by_the_address_that_answers() {
    let server = create_server("127.0.0.1:0").bind().unwrap();
    let right = server.getsockname().unwrap();
    let closed = create_server("127.0.0.2:0").bind().unwrap().getsockname().unwrap();
    let both = [closed, right.clone()];
    let timeout = std::time::Duration::from_secs(60);
    let socket = happy_eyeballs::race(&both[..], timeout).unwrap();
    assert_eq!(socket.getpeername().unwrap(), right);
}

#[cfg(feature = "tokio")]
#[test]
fn one_server_answers_alike_in_three_models() {
    use sockeye_socket::{Shutdown, server::Report};
    type Serve = fn(Socket, &Shutdown) -> std::io::Result<Report>;
    let models: [Serve; 3] =
        [three_models::with_threads, three_models::with_a_selector, three_models::with_tokio];
    for serve in models {
        let listener = create_server("127.0.0.1:0").bind().unwrap();
        let addr = listener.getsockname().unwrap().to_string();
        let shutdown = Shutdown::new().unwrap();
        let stop = shutdown.clone();
        let serving = spawn(move || serve(listener, &shutdown).unwrap());
        assert_eq!(tcp_client::ask(&addr, b"hello\nbye\n").unwrap(), b"HELLO\nBYE\n");
        stop.start(std::time::Duration::from_secs(60));
        let report = serving.join().unwrap();
        assert_eq!((report.accepted, report.finished), (1, 1));
    }
}

/// In a process of its own: the signal is for all of it.
#[cfg(feature = "tokio")]
#[test]
fn ctrl_c_stops_the_three_models() {
    const CHILD: &str = "SOCKEYE_CTRL_C";
    if std::env::var_os(CHILD).is_none() {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "examples::ctrl_c_stops_the_three_models"]).env(CHILD, "1");
        let output = child.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    use signal_hook::{consts::SIGINT, low_level::raise};
    let shutdown = sockeye_socket::Shutdown::new().unwrap();
    three_models::stop_on_ctrl_c(&shutdown).unwrap();
    let listener = create_server("127.0.0.1:0").bind().unwrap();
    let client = sockeye_socket::create_connection(listener.getsockname().unwrap());
    let client = client.open().unwrap();
    let stop = shutdown.clone();
    let serving = spawn(move || three_models::with_threads(listener, &stop).unwrap());
    client.sendall(b"hello\n").unwrap();
    client.recv_exact(&mut [0; 6]).unwrap();
    raise(SIGINT).unwrap();
    assert!(shutdown.wait(None) && !shutdown.is_expired());
    // The grace: the client is told, and may still read.
    assert_eq!(client.recv(1).unwrap(), b"");
    raise(SIGINT).unwrap();
    let report = serving.join().unwrap();
    assert!(shutdown.is_expired());
    assert_eq!((report.accepted, report.finished), (1, 1));
}
