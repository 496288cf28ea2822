//! Answers for who asks in plain HTTP where there is TLS.
//!
//! # Source
//! RFC 9110, sections 4.2.2, 15.4.9 and 15.5.20.

use super::head::{Head, is_authority};
use super::plan::Plan;
use super::status::{PeerError, Status};
use super::target::Target;

/// The port that an `https` URL has where it names none.
const HTTPS_PORT: u16 = 443;

/// Sends who asks with `head` to the same thing at `port`, by TLS. The host is the one that was
/// asked for, so that a certificate for it fits; who named none cannot be sent anywhere.
pub fn to_https(head: &Head, port: u16) -> Plan {
    location(head, port).map_or_else(
        |error| Plan::text(error.status, error.why),
        |location| {
            let plan = Plan::text(Status::PERMANENT_REDIRECT, "this is found by https only");
            plan.with_header("Location", location)
        },
    )
}

/// Tells who speaks plain HTTP at a port with TLS.
pub fn wrong_scheme() -> Plan {
    Plan::text(Status::BAD_REQUEST, "this port speaks TLS: its URLs start with https://")
}

fn location(head: &Head, port: u16) -> Result<String, PeerError> {
    let target = Target::of(head)?;
    if target.is_server() {
        return Err(PeerError::new(Status::MISDIRECTED_REQUEST, "this is found by https only"));
    }
    let host = target.host().or(head.host()).filter(|host| is_authority(host.as_bytes()));
    let host = host.ok_or(PeerError::bad("no Host field, so that there is no https URL either"))?;
    let port = if port == HTTPS_PORT { String::new() } else { format!(":{port}") };
    let whole = head.target();
    let path = match target.host() {
        Some(_) => {
            let authority = whole.split_once("://").map_or(whole, |(_, authority)| authority);
            &authority[authority.find(['/', '?']).unwrap_or(authority.len())..]
        }
        None => whole,
    };
    let path = path.strip_prefix('/').unwrap_or(path);
    Ok(format!("https://{}{port}/{path}", without_port(host)))
}

fn without_port(host: &str) -> &str {
    let after_literal = host.rfind(']').map_or(0, |end| end + 1);
    match host[after_literal..].find(':') {
        Some(colon) => &host[..after_literal + colon],
        None => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(head: &str, port: u16) -> Result<String, u16> {
        let plan = to_https(&Head::parse(head.as_bytes().to_vec()).unwrap(), port);
        match plan.headers.get("location") {
            Some(location) if plan.status == Status::PERMANENT_REDIRECT => {
                Ok(String::from_utf8(location.to_vec()).unwrap())
            }
            _ => Err(plan.status.code()),
        }
    }

    #[test]
    fn the_same_thing_is_named_at_the_other_port() {
        for (line, host, location) in [
            ("GET /a%20b?c=d", "hub:8080", "https://hub:8443/a%20b?c=d"),
            ("POST /", "hub", "https://hub:8443/"),
            ("GET /", "[::1]:80", "https://[::1]:8443/"),
            ("GET /", "[::1]", "https://[::1]:8443/"),
            ("GET http://other:1/x/y?z=//", "hub", "https://other:8443/x/y?z=//"),
            ("GET http://other", "hub", "https://other:8443/"),
            ("GET http://other?x", "hub", "https://other:8443/?x"),
        ] {
            let head = format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            assert_eq!(asked(&head, 8443), Ok(location.to_owned()), "{line}");
        }
        let head = "GET /x HTTP/1.1\r\nHost: hub:80\r\n\r\n";
        assert_eq!(asked(head, 443), Ok("https://hub/x".to_owned()));
    }

    #[test]
    fn who_named_no_place_is_sent_nowhere() {
        assert_eq!(asked("GET / HTTP/1.0\r\n\r\n", 443), Err(400));
        assert_eq!(asked("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 443), Err(421));
        assert_eq!(asked("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 443), Err(501));
        assert_eq!(asked("GET //evil/ HTTP/1.1\r\nHost: a\r\n\r\n", 443), Err(404));
        assert_eq!(asked("GET /%2e%2e/ HTTP/1.1\r\nHost: a\r\n\r\n", 443), Err(404));
    }
}
