//! A second implementation as oracle: every request of the table goes to hyper too. Both sides have
//! a handler that takes whatever it is given, so what is compared is which requests are seen, with
//! which bodies, what is refused, and whether the connection goes on. docs/http-differences.md
//! lists every difference, and nothing else.

use std::convert::Infallible;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use sockeye_http::{Answer, Config, Mount, Plan, Status};

use crate::harness::{Client, config, folder, start};
use crate::rfc::{Rule, rules};

/// Sent behind each request: who answers this has kept the connection.
const AFTER: &str = "PUT /after HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nafter";
const BODY_BYTES_MAX: u64 = 1 << 20;
const DIFFERENCES: &str = include_str!("../../../../docs/http-differences.md");

/// What a handler saw, for a header field.
fn seen(method: &str, body: &[u8]) -> String {
    let shown = body.escape_ascii().to_string();
    match shown.get(..24) {
        Some(start) => format!("{method} {start}… {}", body.len()),
        None => format!("{method} {shown}"),
    }
}

/// Our side: a mount at the root.
fn see(request: &sockeye_http::Request<'_>) -> Answer {
    let method = request.method_name().to_owned();
    Answer::Receive(
        BODY_BYTES_MAX,
        Box::new(move |body| {
            let mut content = Vec::new();
            match body.read_to_end(&mut content) {
                Ok(_) => Plan::new(Status::OK).with_header("X-Seen", seen(&method, &content)),
                Err(_) => Plan::new(Status::BAD_REQUEST),
            }
        }),
    )
}

/// The other side: the same as a service.
async fn serve(request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let method = request.method().to_string();
    let mut response = Response::new(Empty::new());
    match request.into_body().collect().await {
        Ok(body) => {
            let seen = seen(&method, &body.to_bytes());
            response.headers_mut().insert("x-seen", seen.as_bytes().try_into().unwrap());
        }
        Err(_) => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    Ok(response)
}

/// Starts hyper on a free port, for as long as the test runs.
fn hyper() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let tasks = tokio::task::LocalSet::new();
        tasks.block_on(&runtime, async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let mut http = hyper::server::conn::http1::Builder::new();
                http.half_close(true);
                let connection = http.serve_connection(TokioIo::new(stream), service_fn(serve));
                tokio::task::spawn_local(async move {
                    // A client that is wrong is what this is for.
                    let _ = connection.await;
                });
            }
        });
    });
    address
}

/// What comes back for `rule`: what was seen or the status, and whether the connection goes on.
fn outcome(address: SocketAddr, rule: &Rule) -> String {
    let mut client = Client::to(address);
    let mut sent = rule.bytes("\"a\"");
    sent.extend_from_slice(rule.after_continue.unwrap_or_default().as_bytes());
    if !rule.cut {
        sent.extend_from_slice(AFTER.as_bytes());
    }
    client.send_what_is_taken(sent);
    // Who has closed already cannot be told that nothing follows.
    let _ = client.stream.shutdown(Shutdown::Write);
    let mut said = Vec::new();
    while let Some(one) = next(&mut client, if said.is_empty() { rule.method() } else { "GET" }) {
        said.push(one);
    }
    match said.last().map(String::as_str) {
        Some("PUT after") => *said.last_mut().unwrap() = "goes on".to_owned(),
        _ => said.push("closes".to_owned()),
    }
    said.join(", ")
}

fn next(client: &mut Client, method: &str) -> Option<String> {
    while client.has_more() {
        let response = client.response_to(method);
        if response.status >= 200 {
            let status = response.status.to_string();
            return Some(response.header("x-seen").map_or(status, str::to_owned));
        }
    }
    None
}

/// The rows of the tables: rule, ours, hyper's.
fn documented() -> Vec<[String; 3]> {
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let mut cell = || Some(cells.next()?.trim_matches(['`', '|', ' ']).to_owned());
        let row = [cell()?, cell()?, cell()?];
        row[0].contains(|c: char| c.is_ascii_digit()).then_some(row)
    };
    DIFFERENCES.lines().filter_map(row).collect()
}

#[test]
fn hyper_sees_the_same_but_for_the_documented_differences() {
    let folder = folder();
    let mounts = vec![Mount { prefix: String::new(), handler: Arc::new(see) }];
    let server = start(Config { mounts, ..config(folder.path()) });
    let hyper = hyper();
    let mut found = Vec::new();
    for rule in rules() {
        let (ours, theirs) = (outcome(server.address, rule), outcome(hyper, rule));
        if ours != theirs {
            found.push([rule.title(), ours, theirs]);
        }
    }
    let mut documented = documented();
    documented.sort();
    found.sort();
    let list: String = found.iter().map(|row| format!("| {} |\n", row.join(" | "))).collect();
    assert!(documented == found, "docs/http-differences.md is to list:\n{list}");
}
