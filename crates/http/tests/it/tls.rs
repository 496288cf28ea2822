//! TLS around the same answers, with rustls as the client. (curl and openssl meet the binary.)

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls::{DigitallySignedStruct, SignatureScheme};
use sockeye_edge::tls::{Source, Tls};
use sockeye_http::{Answer, Config, Event, Limits, Mount, Plan, Request, Status};
use tempfile::TempDir;

use crate::harness::{PATIENCE, Running, config, folder, pattern, start};

const LONG: Duration = Duration::from_secs(600);

/// A server with TLS, and what its clients trust.
pub(crate) struct Secure {
    pub(crate) server: Running,
    pub(crate) tls: Tls,
    kept: TempDir,
}

/// A client's side.
pub(crate) type Client = StreamOwned<ClientConnection, TcpStream>;

/// Starts a server with a certificate of its own.
pub(crate) fn secure(config: Config) -> Secure {
    let kept = tempfile::tempdir().unwrap();
    let path = renew(kept.path());
    let source = Source::Files { certificates: path.clone(), key: path };
    let (tls, _) = Tls::load(source).unwrap();
    let server = start(Config { tls: Some(tls.clone()), ..config });
    Secure { server, tls, kept }
}

/// Puts a new certificate, with its key, into `folder`.
fn renew(folder: &Path) -> PathBuf {
    let made = tempfile::tempdir_in(folder).unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    Tls::load(Source::SelfSigned { folder: Some(made.path().to_owned()), names }).unwrap();
    let path = folder.join("certificate.pem");
    std::fs::rename(made.path().join("self-signed.pem"), &path).unwrap();
    path
}

impl Secure {
    /// The path of the certificate, with its key.
    pub(crate) fn certificate(&self) -> String {
        self.kept.path().join("certificate.pem").to_str().unwrap().to_owned()
    }

    fn trust(&self, protocols: &[&str]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_file(self.certificate()).unwrap();
        roots.add(certificate).unwrap();
        let builder = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into());
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    /// Connects; the handshake comes with the first byte.
    pub(crate) fn connect(&self) -> Client {
        connect(self.server.address, &self.trust(&["http/1.1"]))
    }

    /// Sends `request`, which ends the connection, and gives all that comes.
    fn ask(&self, request: &str) -> Vec<u8> {
        let mut client = self.connect();
        client.write_all(request.as_bytes()).unwrap();
        let mut said = Vec::new();
        // Without the word that nothing more comes, this is an error.
        client.read_to_end(&mut said).unwrap();
        said
    }
}

fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> Client {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let name = "localhost".try_into().unwrap();
    let connection = ClientConnection::new(Arc::clone(config), name).unwrap();
    StreamOwned::new(connection, stream)
}

fn without_date(said: &[u8]) -> Vec<u8> {
    let lines = said.split_inclusive(|byte| *byte == b'\n');
    lines.filter(|line| !line.starts_with(b"Date: ")).collect::<Vec<_>>().concat()
}

fn mounts() -> Vec<Mount> {
    let handler = |request: &Request<'_>| match request.rest() {
        b"count" => {
            let count = |body: &mut dyn Read| {
                let mut content = Vec::new();
                let read = body.read_to_end(&mut content);
                let text = format!("{read:?}").into_bytes();
                Plan::new(Status::CREATED).with_content("text/plain", text)
            };
            Answer::Receive(1 << 20, Box::new(count))
        }
        b"made" => {
            let plan = Plan::new(Status::OK);
            Answer::Stream(plan, Box::new(|out| out.write_all(&pattern(200_000))))
        }
        b"echo" => Answer::Takeover(Box::new(|fd, leftover, _| echo(fd, leftover))),
        _ => Answer::Pass,
    };
    vec![Mount { prefix: "~".to_owned(), handler: Arc::new(handler) }]
}

/// Sends what was left over back, and then everything that comes.
fn echo(fd: OwnedFd, leftover: Vec<u8>) {
    std::thread::spawn(move || {
        let mut stream = TcpStream::from(fd);
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").unwrap();
        stream.write_all(&leftover).unwrap();
        // Where the other side has gone there is nobody to send to.
        let _ = std::io::copy(&mut stream.try_clone().unwrap(), &mut stream);
    });
}

#[test]
fn the_same_is_said_with_tls_and_without() {
    let folder = folder();
    let plain = start(Config { mounts: mounts(), ..config(folder.path()) });
    let secure = secure(Config { mounts: mounts(), ..config(folder.path()) });
    let body = "x".repeat(100_000);
    for (start, rest) in [
        ("GET /hello.txt", "\r\n"),
        ("HEAD /large.bin", "\r\n"),
        ("GET /large.bin", "\r\n"),
        ("GET /large.bin", "Range: bytes=1000-280000\r\n\r\n"),
        ("GET /large.bin", "Range: bytes=0-9,70000-200000,299999-\r\n\r\n"),
        ("GET /empty", "\r\n"),
        ("GET /", "\r\n"),
        ("GET /sub", "\r\n"),
        ("GET /none", "Accept: text/html\r\n\r\n"),
        ("GET /~/made", "\r\n"),
        ("POST /~/count", &format!("Content-Length: {}\r\n\r\n{body}", body.len())),
        ("POST /~/count", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        ("PUT /hello.txt", "Content-Length: 3\r\n\r\nabc"),
        ("GET", "\r\n"),
    ] {
        let request = format!("{start} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{rest}");
        let mut client = plain.connect();
        client.send(&request);
        let (theirs, ours) = (client.rest(), secure.ask(&request));
        let shown = |said: &[u8]| without_boundary(&without_date(said));
        assert!(shown(&theirs) == shown(&ours), "{start}: {}", ours.escape_ascii());
    }
}

/// The boundary of parts is another one each time.
fn without_boundary(said: &[u8]) -> Vec<u8> {
    let text = said.escape_ascii().to_string();
    match text.split_once("boundary=") {
        Some((_, rest)) => text.replace(&rest[..16], "").into_bytes(),
        None => text.into_bytes(),
    }
}

#[test]
fn a_connection_goes_on_and_takes_requests_in_any_pieces() {
    let folder = folder();
    let secure = secure(config(folder.path()));
    let mut client = secure.connect();
    let request = b"GET /hello.txt HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for byte in request.repeat(2) {
        client.write_all(&[byte]).unwrap();
    }
    client.write_all(&request.repeat(20)).unwrap();
    client.write_all(b"GET /large.bin HTTP/1.0\r\n\r\n").unwrap();
    let mut said = Vec::new();
    client.read_to_end(&mut said).unwrap();
    let hellos = said.windows(14).filter(|window| window == b"\nhello, world\n").count();
    assert_eq!(hellos, 22);
    assert!(said.ends_with(&pattern(300_000)));
}

#[test]
fn a_file_that_gets_shorter_is_no_clean_end() {
    const BYTES: u64 = 64 << 20;
    let folder = folder();
    let file = std::fs::File::create(folder.path().join("shrinks")).unwrap();
    file.set_len(BYTES).unwrap();
    let secure = secure(config(folder.path()));
    let mut client = secure.connect();
    client.write_all(b"GET /shrinks HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    client.read_exact(&mut [0]).unwrap();
    file.set_len(10).unwrap();
    let error = client.read_to_end(&mut Vec::new()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset));
    assert!(matches!(secure.server.events.recv_timeout(PATIENCE).unwrap(), Event::Cut { .. }));
}

#[test]
fn slow_handshakes_are_gone_after_the_header_timeout() {
    let folder = folder();
    let limits = Limits { header_timeout: Duration::from_millis(300), ..Limits::default() };
    let secure = secure(Config { limits, ..config(folder.path()) });
    let mut slow: Vec<TcpStream> = Vec::new();
    for start in [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"] {
        for _ in 0..10 {
            let mut stream = TcpStream::connect(secure.server.address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(start).unwrap();
            slow.push(stream);
        }
    }
    for stream in &mut slow {
        let ended = stream.read(&mut [0; 100]);
        let reset = ErrorKind::ConnectionReset;
        assert!(matches!(&ended, Ok(0)) || ended.is_err_and(|error| error.kind() == reset));
        let event = secure.server.events.recv_timeout(PATIENCE).unwrap();
        assert!(matches!(event, Event::TimedOut { stage: "handshake", .. }), "{event:?}");
    }
    // The head has what the handshake has left of that time.
    let mut client = secure.connect();
    client.write_all(b"GET /hello.txt HTTP/1.1\r\n").unwrap();
    let mut said = String::new();
    client.read_to_string(&mut said).unwrap();
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
}

#[test]
fn a_shutdown_does_not_wait_for_who_says_nothing() {
    let folder = folder();
    let limits = Limits { header_timeout: LONG, idle_timeout: LONG, ..Limits::default() };
    let secure = secure(Config { limits, ..config(folder.path()) });
    let _silent = TcpStream::connect(secure.server.address).unwrap();
    let mut idle = secure.connect();
    idle.write_all(b"GET /hello.txt HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    idle.read_exact(&mut [0]).unwrap();
    let report = secure.server.stop(LONG);
    assert_eq!((report.cut, report.requests), (0, 1));
    idle.read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn who_speaks_plain_http_is_told() {
    let folder = folder();
    let secure = secure(config(folder.path()));
    let response = secure.server.get("/hello.txt", "");
    assert_eq!(response.status, 400);
    assert!(response.text().contains("this port speaks TLS"), "{}", response.text());
    assert_eq!(secure.server.ask("nonsense\r\n\r\n").status, 400);
    let mut client = secure.server.connect();
    client.send(b"\x16\x03\x01\x00\x05hello");
    client.rest();
    let event = secure.server.events.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(event, Event::NoTls { .. }), "{event:?}");
}

#[test]
fn more_connections_than_allowed_are_closed_before_any_handshake() {
    let folder = folder();
    let limits = Limits { connections_max: 1, ..Limits::default() };
    let secure = secure(Config { limits, ..config(folder.path()) });
    let mut first = secure.connect();
    first.write_all(b"GET /hello.txt HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    first.read_exact(&mut [0]).unwrap();
    let mut second = secure.server.connect();
    assert!(second.is_closed());
    let event = secure.server.events.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(event, Event::Refused { .. }), "{event:?}");
}

#[test]
fn a_connection_is_taken_over_by_way_of_a_relay() {
    let folder = folder();
    let secure = secure(Config { mounts: mounts(), ..config(folder.path()) });
    let mut client = secure.connect();
    client.write_all(b"GET /~/echo HTTP/1.1\r\nHost: localhost\r\n\r\nleftover ").unwrap();
    let head = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
    let mut said = vec![0; head.len() + 9];
    client.read_exact(&mut said).unwrap();
    assert_eq!(said, [&head[..], b"leftover "].concat());
    let large = pattern(1 << 20);
    for piece in large.chunks(50_000) {
        client.write_all(piece).unwrap();
        let mut back = vec![0; piece.len()];
        client.read_exact(&mut back).unwrap();
        assert!(back == piece);
    }
    client.conn.send_close_notify();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"");
    assert_eq!(secure.server.stop(LONG).cut, 0, "the relay has ended");
}

#[test]
fn a_relay_ends_with_who_took_the_connection() {
    let folder = folder();
    let handler = |_: &Request<'_>| Answer::Takeover(Box::new(|fd, _, _| drop(fd)));
    let limits = Limits { drain_timeout: Duration::from_millis(100), ..Limits::default() };
    let mounts = vec![Mount { prefix: "~".to_owned(), handler: Arc::new(handler) }];
    let secure = secure(Config { mounts, limits, ..config(folder.path()) });
    let mut client = secure.connect();
    client.write_all(b"GET /~/x HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    client.read_to_end(&mut Vec::new()).unwrap();
    // This side stays open, and the server ends all the same.
    assert_eq!(secure.server.stop(LONG).cut, 0);
}

#[test]
fn a_plain_port_sends_on_to_https() {
    let folder = folder();
    let redirect = vec!["127.0.0.1:0".parse().unwrap()];
    let secure = secure(Config { redirect, ..config(folder.path()) });
    let port = secure.server.address.port();
    let mut client = crate::harness::Client::to(secure.server.redirects[0]);
    client.send("GET /a%20b?c HTTP/1.1\r\nHost: hub.example:80\r\n\r\n");
    let response = client.response();
    assert_eq!(response.status, 308);
    let location = format!("https://hub.example:{port}/a%20b?c");
    assert_eq!(response.header("location"), Some(&*location));
    client.send("POST /x HTTP/1.1\r\nHost: hub\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!(client.response().status, 308);
    client.send("GET /x HTTP/1.0\r\n\r\n");
    assert_eq!(client.response().status, 400);
    client.send_what_is_taken("GET /x HTTP/1.1\r\nHost: a b\r\n\r\n");
    assert!(client.rest().starts_with(b"HTTP/1.1 400 ") || client.is_closed());
}

#[test]
fn a_redirect_needs_somewhere_to_go() {
    let folder = folder();
    let redirect = vec!["127.0.0.1:0".parse().unwrap()];
    let config = Config { redirect, ..config(folder.path()) };
    let error = sockeye_http::Server::bind(config, Arc::new(|_: &Event| {})).unwrap_err();
    assert_eq!(error.to_string(), "a redirect to https needs TLS at a port");
}

#[test]
fn a_reload_under_load_fails_no_request() {
    let folder = folder();
    let secure = secure(config(folder.path()));
    let done = AtomicBool::new(false);
    let first = secure.tls.fingerprint();
    // They trust any certificate: it is another one each time.
    let (address, trust) = (secure.server.address, trust_anyone());
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut kept = connect(address, &trust);
                    let mut asked = 0;
                    while !done.load(Ordering::Relaxed) {
                        hello(&mut kept);
                        hello(&mut connect(address, &trust));
                        asked += 2;
                    }
                    asked
                })
            })
            .collect();
        for _ in 0..20 {
            renew(secure.kept.path());
            secure.tls.reload().unwrap();
            hello(&mut connect(address, &trust));
        }
        done.store(true, Ordering::Relaxed);
        let asked: u32 = clients.into_iter().map(|client| client.join().unwrap()).sum();
        assert!(asked >= 8, "{asked}");
    });
    assert_ne!(secure.tls.fingerprint(), first);
    hello(&mut secure.connect());
}

/// Trusts whoever has the key of the certificate that they show.
#[derive(Debug)]
struct Anyone(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

fn trust_anyone() -> Arc<ClientConfig> {
    let provider = aws_lc_rs::default_provider();
    let anyone = Anyone(provider.signature_verification_algorithms);
    let builder = ClientConfig::builder_with_provider(provider.into());
    let builder = builder.with_safe_default_protocol_versions().unwrap().dangerous();
    Arc::new(builder.with_custom_certificate_verifier(Arc::new(anyone)).with_no_client_auth())
}

/// Asks for a file and reads it.
fn hello(client: &mut Client) {
    client.write_all(b"GET /hello.txt HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"\r\n\r\nhello, world\n") {
        let mut buffer = [0; 1024];
        match client.read(&mut buffer).unwrap() {
            0 => panic!("the connection ended: {}", said.escape_ascii()),
            count => said.extend_from_slice(&buffer[..count]),
        }
    }
}
