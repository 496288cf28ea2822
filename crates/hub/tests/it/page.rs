//! The page by raw sockets: what it says, what it takes, whom it refuses.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use sockeye_edge::listen::ListenAddr;
use sockeye_hub::config::Part;
use sockeye_hub::{Config, Server, page};
use sockeye_socket::Shutdown;
use sockeye_testkit::{Need, Process, need};

const DEADLINE: Duration = Duration::from_secs(30);

struct Hub {
    files: SocketAddr,
    chat: SocketAddr,
    shutdown: Shutdown,
    thread: Option<JoinHandle<()>>,
    _share: tempfile::TempDir,
    inbox: tempfile::TempDir,
}

fn start(change: impl FnOnce(&mut page::Config)) -> Hub {
    let (share, inbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::create_dir(share.path().join("sub")).unwrap();
    std::fs::write(share.path().join("a & b.html"), "<script>x</script>").unwrap();
    std::fs::write(share.path().join("a.pdf"), "%PDF").unwrap();
    std::fs::write(share.path().join(".hidden"), "x").unwrap();
    let listen = vec![ListenAddr::loopback(0)];
    let root = sockeye_http::Root::Dir(share.path().to_path_buf());
    let mut page = page::Config {
        title: "anna's <hub>".to_owned(),
        room: "#lobby".to_owned(),
        drop: Some(inbox.path().to_path_buf()),
        ..page::Config::default()
    };
    change(&mut page);
    let config = Config {
        files: Some(sockeye_http::Config { root, listen: listen.clone(), ..Default::default() }),
        chat: Some(sockeye_chat::Config { listen, ..Default::default() }),
        page: Some(page),
        ..Config::default()
    };
    let sink: sockeye_hub::Sink = Arc::new(|_| {});
    let server = Server::bind(config, &sink).unwrap();
    let of = |part| {
        let listening = server.listening();
        let found = listening.iter().find(|listening| listening.part == part);
        found.unwrap().address.socket_addr().unwrap()
    };
    let (files, chat) = (of(Part::Files), of(Part::Chat));
    let shutdown = Shutdown::new().unwrap();
    let ours = shutdown.clone();
    let thread = std::thread::spawn(move || {
        server.run(&ours).unwrap();
    });
    Hub { files, chat, shutdown, thread: Some(thread), _share: share, inbox }
}

impl Hub {
    /// Sends a request with this first line, fields and body; the whole answer.
    fn ask(&self, line: &str, fields: &[&str], body: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.files).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut head = format!("{line} HTTP/1.1\r\nConnection: close\r\n");
        if !fields.iter().any(|field| field.starts_with("Host:")) {
            head += &format!("Host: {}\r\n", self.files);
        }
        for field in fields {
            head += &format!("{field}\r\n");
        }
        if !body.is_empty() {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path}"), &[], b"")
    }

    fn room(&self) -> BufReader<TcpStream> {
        let stream = TcpStream::connect(self.chat).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut room = BufReader::new(stream);
        while !heard(&mut room).contains("/help lists the commands") {}
        room
    }

    fn kept(&self, name: &str) -> PathBuf {
        self.inbox.path().join(name)
    }

    fn kept_count(&self) -> usize {
        std::fs::read_dir(self.inbox.path()).unwrap().count()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.shutdown.start(DEADLINE);
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

fn heard(room: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    room.read_line(&mut line).unwrap();
    line
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or_default()
}

#[test]
fn the_page_shows_files_and_room_without_scripts() {
    let hub = start(|_| ());
    let said = hub.ask("POST /~say", &[], b"nick=web&text=gr%C3%BCn+%3Cb%3E");
    assert_eq!(status(&said), "303", "{said}");
    assert!(said.contains("\r\nLocation: /#room\r\n"), "{said}");
    let page = hub.get("/");
    assert!(page.contains("\r\nContent-Security-Policy: default-src 'none'; script-src 'self'"));
    assert!(page.contains("<title>anna's &lt;hub&gt;</title>"), "{page}");
    assert!(page.contains("href=\"/a%20%26%20b.html\""), "{page}");
    assert!(page.contains("<bdi>a &amp; b.html</bdi>") && page.contains("href=\"/sub/\""));
    assert!(page.contains("grün &lt;b&gt;") && !page.contains(".hidden"), "{page}");
    assert!(page.contains("action=\"/~drop\"") && !page.contains("{{"), "{page}");
    let script = page.split("src=\"").nth(1).unwrap().split('"').next().unwrap();
    let script = hub.get(script);
    assert!(script.contains("Cache-Control: private, max-age=31536000, immutable"), "{script}");
    let tag = script.split("ETag: ").nth(1).unwrap().split('\r').next().unwrap();
    let again = format!("If-None-Match: {tag}");
    assert_eq!(status(&hub.ask("GET /~assets/x/app.js", &[&again], b"")), "304");
    assert_eq!(status(&hub.get("/~assets/x/none.js")), "404");
    let listing = hub.get("/?json");
    assert!(listing.contains("\"kind\":\"folder\"") && listing.contains("a & b.html"), "{listing}");
    assert_eq!(status(&hub.ask("HEAD /", &[], b"")), "200");
    let file = hub.get("/a%20&%20b.html");
    assert!(file.contains("\r\nContent-Security-Policy: sandbox allow-downloads\r\n"), "{file}");
    assert!(hub.get("/a.pdf").contains("Content-Security-Policy: default-src 'none'; object-src"));
    // A listing is no stored page: it keeps its own policy.
    let listing = hub.get("/sub/");
    assert!(listing.contains("\r\nContent-Security-Policy: default-src 'none'; style-src 'sha256"));
}

#[test]
fn what_is_dropped_is_kept_whole_under_a_free_name_and_told() {
    let hub = start(|_| ());
    let mut room = hub.room();
    let dropped = hub.ask("PUT /~drop/plan%20%C3%BC.txt", &[], b"one");
    assert_eq!(status(&dropped), "201", "{dropped}");
    assert_eq!(heard(&mut room), "* 127.0.0.1 dropped plan ü.txt (3 B)\n");
    let again = hub.ask("PUT /~drop/plan%20%C3%BC.txt?as=plain-1", &[], b"three");
    assert!(again.contains("\r\nX-Saved-As: plan%20%C3%BC%20%281%29%2Etxt\r\n"), "{again}");
    assert_eq!(heard(&mut room), "* plain-1 dropped plan ü (1).txt (5 B)\n");
    assert_eq!(std::fs::read(hub.kept("plan ü.txt")).unwrap(), b"one");
    assert_eq!(std::fs::read(hub.kept("plan ü (1).txt")).unwrap(), b"three");

    let mut stream = TcpStream::connect(hub.files).unwrap();
    let head = "PUT /~drop/c.bin?as=nobody HTTP/1.1\r\nHost: x.localhost\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    stream.write_all(format!("{head}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(heard(&mut room), "* 127.0.0.1 dropped c.bin (5 B)\n");

    let form = "--Xy\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a/../f.txt\"\r\n\
                \r\nfrom a form\r\n--Xy\r\nContent-Disposition: form-data; name=\"file\"; \
                filename=\"\"\r\n\r\n\r\n--Xy--\r\n";
    let content = "Content-Type: multipart/form-data; boundary=Xy";
    assert_eq!(status(&hub.ask("POST /~drop", &[content], form.as_bytes())), "303");
    assert_eq!(heard(&mut room), "* 127.0.0.1 dropped f.txt (11 B)\n");
    assert_eq!(std::fs::read(hub.kept("f.txt")).unwrap(), b"from a form");
    assert_eq!(hub.kept_count(), 4);
    assert_eq!(status(&hub.get("/plan%20%C3%BC.txt")), "404", "the inbox is not served");
}

#[test]
fn what_is_not_whole_or_has_a_bad_name_is_not_kept() {
    let hub = start(|_| ());
    let cut = format!(
        "PUT /~drop/half.bin HTTP/1.1\r\nHost: {}\r\nContent-Length: 100\r\n\r\nhalf",
        hub.files
    );
    let mut stream = TcpStream::connect(hub.files).unwrap();
    stream.write_all(cut.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    drop(std::io::read_to_string(&mut stream));
    for name in [".bashrc", "..", "a%2Fb", "a/b", "%E2%80%AEfdp.exe", "a%0Ab", "%20"] {
        let answer = hub.ask(&format!("PUT /~drop/{name}"), &[], b"x");
        assert!(matches!(status(&answer), "400" | "404"), "{name}: {answer}");
    }
    let content = "Content-Type: multipart/form-data; boundary=Xy";
    let half = "--Xy\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\nhalf";
    assert_eq!(status(&hub.ask("POST /~drop", &[content], half.as_bytes())), "400");
    assert_eq!(status(&hub.ask("POST /~drop", &[], half.as_bytes())), "400");
    assert_eq!(status(&hub.ask("GET /~drop", &[], b"")), "405");
    assert_eq!(status(&hub.ask("DELETE /~drop/x", &[], b"")), "405");
    assert_eq!(hub.kept_count(), 0, "nothing is left behind");

    let full = start(|page| page.limits.free_bytes_min = u64::MAX);
    assert_eq!(status(&full.ask("PUT /~drop/x", &[], b"x")), "507");
    let none = start(|page| page.drop = None);
    assert_eq!(status(&none.ask("PUT /~drop/x", &[], b"x")), "405");
    assert!(!none.get("/").contains("/~drop"));
}

#[test]
fn other_sites_and_foreign_names_are_refused() {
    let hub = start(|page| page.guard.hosts = vec!["hub.local".to_owned()]);
    for (host, expected) in [
        ("evil.example", "421"),
        ("evil.example:8080", "421"),
        ("hub.local", "200"),
        ("localhost", "200"),
    ] {
        assert_eq!(status(&hub.ask("GET /", &[&format!("Host: {host}")], b"")), expected, "{host}");
    }
    let own = format!("Origin: http://{}", hub.files);
    let say = |fields: &[&str]| hub.ask("POST /~say", fields, b"nick=x&text=y");
    assert_eq!(status(&say(&[&own, "Sec-Fetch-Site: same-origin"])), "303");
    assert_eq!(status(&say(&["Origin: http://evil.example"])), "403");
    assert_eq!(status(&say(&["Origin: null"])), "403");
    assert_eq!(status(&say(&["Sec-Fetch-Site: cross-site"])), "403");
    assert_eq!(status(&say(&[&own, "Sec-Fetch-Site: same-site"])), "403");
    let foreign = ["Origin: http://evil.example"];
    assert_eq!(status(&hub.ask("PUT /~drop/x", &foreign, b"x")), "403");
    assert_eq!(status(&hub.ask("DELETE /a", &foreign, b"")), "403");
    assert_eq!(status(&hub.ask("GET /", &foreign, b"")), "200");
    let upgrade = |origin: &str| {
        let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
        let fields = [
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            key,
            origin,
            "Sec-WebSocket-Protocol: sockeye.1",
            "Connection: Upgrade",
        ];
        let mut stream = TcpStream::connect(hub.files).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let head = format!(
            "GET /~chat HTTP/1.1\r\nHost: {}\r\n{}\r\n\r\n",
            hub.files,
            fields.join("\r\n")
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        String::from_utf8(answer.to_vec()).unwrap()
    };
    assert_eq!(upgrade(&own), "HTTP/1.1 101");
    assert_eq!(upgrade("Origin: http://evil.example"), "HTTP/1.1 403");
    assert_eq!(upgrade("Origin: null"), "HTTP/1.1 403");
    let plain = hub.get("/~chat");
    assert!(status(&plain) == "426" && plain.contains("\r\nUpgrade: websocket\r\n"), "{plain}");
}

#[test]
fn a_password_protects_everything() {
    let hub = start(|page| page.password = Some("secret".to_owned()));
    for path in ["/", "/a%20&%20b.html", "/?json", "/~chat", "/~assets/x/app.js", "/none"] {
        let answer = hub.get(path);
        assert_eq!(status(&answer), "401", "{path}");
        assert!(answer.contains("\r\nWWW-Authenticate: Basic realm=\"sockeye\""), "{answer}");
    }
    let right = "Authorization: Basic YW5uYTpzZWNyZXQ=";
    assert_eq!(status(&hub.ask("GET /", &[right], b"")), "200");
    assert_eq!(status(&hub.ask("PUT /~drop/x", &[], b"x")), "401");
    let wrong = "Authorization: Basic YW5uYTpndWVzcw==";
    for _ in 0..10 {
        assert_eq!(status(&hub.ask("GET /", &[wrong], b"")), "401");
    }
    assert_eq!(status(&hub.ask("GET /", &[right], b"")), "429");
}

const TALK: &str = r#"
import json, sys
from websockets.sync.client import connect
base = "127.0.0.1:%s" % sys.argv[1]
with connect("ws://%s/~chat" % base, subprotocols=["sockeye.1"], origin="http://" + base) as ws:
    welcome = json.loads(ws.recv(10))
    assert welcome["type"] == "welcome", welcome
    ws.send("/nick anna")
    ws.recv(10)
    ws.send("hello from the page")
    assert json.loads(ws.recv(10))["text"] == "hello from the page"
    print("ready", flush=True)
    heard = json.loads(ws.recv(30))
    assert (heard["type"], heard["text"]) == ("notice", "anna dropped f (1 B)"), heard
"#;

#[test]
fn python_s_client_is_in_the_same_room_as_nc() {
    if !need(Need::PythonModule("websockets")) {
        return;
    }
    let hub = start(|_| ());
    let mut room = hub.room();
    let port = hub.files.port().to_string();
    let mut python = Process::spawn(Command::new("python3").args(["-c", TALK, &port]));
    python.wait_for("ready");
    let lines: Vec<String> = (0..3).map(|_| heard(&mut room)).collect();
    assert_eq!(
        lines,
        ["* plain-2 joined\n", "* plain-2 is now anna\n", "<anna> hello from the page\n",]
    );
    assert_eq!(status(&hub.ask("PUT /~drop/f?as=anna", &[], b"x")), "201");
    assert_eq!(heard(&mut room), "* anna dropped f (1 B)\n");
    assert_eq!(heard(&mut room), "* anna left\n");
    let finished = python.finish();
    assert_eq!(finished.code(), Some(0), "{}", finished.err());
}

#[test]
fn the_inbox_is_read_by_others_only_where_it_is_shared() {
    let hub = start(|page| page.share_inbox = true);
    let mut room = hub.room();
    assert_eq!(status(&hub.ask("PUT /~drop/a%20b.html", &[], b"<script>")), "201");
    assert_eq!(heard(&mut room), "* 127.0.0.1 dropped a b.html (8 B): /~inbox/a%20b.html\n");
    let file = hub.get("/~inbox/a%20b.html");
    assert!(file.ends_with("\r\n\r\n<script>"), "{file}");
    assert!(file.contains("Content-Disposition: attachment; filename*=UTF-8''a%20b.html\r\n"));
    assert!(file.contains("Content-Type: application/octet-stream\r\n"), "{file}");
    assert!(file.contains("Content-Security-Policy: sandbox\r\n"), "{file}");
    std::fs::write(hub.kept(".part"), "x").unwrap();
    let list = hub.get("/~inbox/");
    assert!(list.contains("href=\"/~inbox/a%20b.html\"") && !list.contains(".part"), "{list}");
    assert!(hub.get("/").contains("href=\"/~inbox/\""));
    for hidden in ["/~inbox/.part", "/~inbox/none", "/~inbox/a/b"] {
        assert_eq!(status(&hub.get(hidden)), "404", "{hidden}");
    }
    assert_eq!(status(&hub.ask("DELETE /~inbox/a%20b.html", &[], b"")), "405");

    let closed = start(|_| ());
    assert_eq!(status(&closed.ask("PUT /~drop/a.txt", &[], b"x")), "201");
    assert_eq!(status(&closed.get("/~inbox/a.txt")), "404");
    assert_eq!(status(&closed.get("/~inbox/")), "404");
    assert!(!closed.get("/").contains("~inbox"));
}

#[test]
fn the_documented_limits_are_the_defaults() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/limits.md");
    let text = std::fs::read_to_string(path).unwrap();
    let page::Limits {
        drops_max,
        free_bytes_min,
        say_bytes_max,
        wrong_passwords_max,
        rows_max,
        lines_max,
    } = page::Limits::default();
    let rows = [
        ("drops_max", drops_max.to_string()),
        ("free_bytes_min", free_bytes_min.to_string()),
        ("say_bytes_max", say_bytes_max.to_string()),
        ("wrong_passwords_max", wrong_passwords_max.to_string()),
        ("rows_max", rows_max.to_string()),
        ("lines_max", lines_max.to_string()),
    ];
    for (name, value) in &rows {
        assert!(text.contains(&format!("| `page::Limits::{name}` | {value} |")), "{name}");
    }
    assert_eq!(text.matches("`page::Limits::").count(), rows.len());
}
