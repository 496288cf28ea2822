//! Files, room and inbox under one shutdown; what arrives is a line of the room.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown as How, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use sockeye_edge::listen::ListenAddr;
use sockeye_hub::config::Part;
use sockeye_hub::{Config, Error, Report, Server};
use sockeye_socket::Shutdown;
use sockeye_transfer::{Output, Overwrite, ReceiveConfig};

/// The MD5 of `hello`, from RFC 1321's reference program.
const MD5_OF_HELLO: &str = "5d41402abc4b2a76b9719d911017c592";

struct Hub {
    files: SocketAddr,
    chat: SocketAddr,
    receive: SocketAddr,
    shutdown: Shutdown,
    thread: JoinHandle<Result<Report, String>>,
    share: tempfile::TempDir,
    inbox: tempfile::TempDir,
}

impl Hub {
    fn start() -> Hub {
        let (share, inbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let any = vec![ListenAddr::loopback(0)];
        let root = sockeye_http::Root::Dir(share.path().to_path_buf());
        let output =
            Output::File { dir: inbox.path().to_path_buf(), name: "received_file".to_owned() };
        let config = Config {
            files: Some(sockeye_http::Config { root, listen: any.clone(), ..Default::default() }),
            chat: Some(sockeye_chat::Config { listen: any.clone(), ..Default::default() }),
            receive: Some(ReceiveConfig {
                listen: any,
                output,
                overwrite: Overwrite::Rename,
                keep: true,
                ..ReceiveConfig::default()
            }),
            ..Config::default()
        };
        let sink: sockeye_hub::Sink = Arc::new(|_| {});
        let server = Server::bind(config, &sink).unwrap();
        let of = |part| {
            let listening = server.listening();
            let found = listening.iter().find(|listening| listening.part == part);
            found.unwrap().address.socket_addr().unwrap()
        };
        let (files, chat, receive) = (of(Part::Files), of(Part::Chat), of(Part::Receive));
        let shutdown = Shutdown::new().unwrap();
        let ours = shutdown.clone();
        let thread =
            std::thread::spawn(move || server.run(&ours).map_err(|error| error.to_string()));
        Hub { files, chat, receive, shutdown, thread, share, inbox }
    }

    fn stop(self) -> Report {
        self.shutdown.start(Duration::from_secs(10));
        self.thread.join().unwrap().unwrap()
    }
}

fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

#[test]
fn a_received_file_is_a_line_of_the_room_and_the_files_are_served() {
    let hub = Hub::start();
    std::fs::write(hub.share.path().join("a.txt"), "a file").unwrap();
    let mut room = BufReader::new(connect(hub.chat));
    let mut line = String::new();
    room.read_line(&mut line).unwrap();
    assert!(line.contains("plain-1"), "{line}");

    let mut sender = connect(hub.receive);
    sender.write_all(format!("{MD5_OF_HELLO}hello").as_bytes()).unwrap();
    sender.shutdown(How::Write).unwrap();
    line.clear();
    room.read_line(&mut line).unwrap();
    assert_eq!(line, "* received received_file (5 B) from 127.0.0.1\n");
    assert_eq!(std::fs::read(hub.inbox.path().join("received_file")).unwrap(), b"hello");

    let mut browser = connect(hub.files);
    browser.write_all(b"GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let answer = std::io::read_to_string(browser).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("a file"), "{answer}");

    let report = hub.stop();
    assert!(report.files.is_some() && report.chat.is_some() && report.receive.is_some());
}

#[test]
fn a_stop_ends_every_part() {
    let hub = Hub::start();
    let idle = connect(hub.files);
    let mut room = BufReader::new(connect(hub.chat));
    room.read_line(&mut String::new()).unwrap();
    let ports = [hub.files, hub.chat, hub.receive];
    hub.stop();
    drop(idle);
    for port in ports {
        assert!(TcpStream::connect(port).is_err(), "{port} still listens");
    }
}

#[test]
fn nothing_to_run_is_an_error() {
    let sink: sockeye_hub::Sink = Arc::new(|_| {});
    assert!(matches!(Server::bind(Config::default(), &sink), Err(Error::Nothing)));
}
