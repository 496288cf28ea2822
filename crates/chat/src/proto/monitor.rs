//! What a monitor asks at its own port: `/metrics` and `/health`, by GET or HEAD.

use super::page::{answer_of, refusal, without_body};

/// What a monitor wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// The numbers.
    Metrics,
    /// Whether the server answers.
    Health,
}

/// A monitor's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inquiry {
    /// What it asks for.
    pub topic: Topic,
    /// Whether the answer has a body: GET, not HEAD.
    pub has_body: bool,
}

impl Inquiry {
    /// The whole answer, with this media type and body.
    pub fn answer(self, media_type: &str, body: &str) -> Vec<u8> {
        let answer = answer_of("200 OK", media_type, ("", body.as_bytes()));
        if self.has_body { answer } else { without_body(answer) }
    }
}

/// What the first bytes at a monitor's port come to.
pub(super) fn judge(input: &[u8], head_bytes_max: usize) -> Option<Result<Inquiry, Vec<u8>>> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut fields);
    let parsed = request.parse(input);
    if input.len() > head_bytes_max {
        return Some(Err(refusal("431 Request Header Fields Too Large", "That is too long.")));
    }
    match parsed {
        Ok(httparse::Status::Partial) => None,
        Ok(httparse::Status::Complete(_)) => Some(inquiry(&request)),
        Err(_) => Some(Err(refusal("400 Bad Request", "This is no request of HTTP/1.1."))),
    }
}

fn inquiry(request: &httparse::Request<'_, '_>) -> Result<Inquiry, Vec<u8>> {
    let has_body = match request.method {
        Some("GET") => true,
        Some("HEAD") => false,
        _ => return Err(refusal("405 Method Not Allowed", "Only GET and HEAD are understood.")),
    };
    let path = request.path.unwrap_or_default();
    match path.split_once('?').map_or(path, |(path, _)| path) {
        "/metrics" => Ok(Inquiry { topic: Topic::Metrics, has_body }),
        "/health" => Ok(Inquiry { topic: Topic::Health, has_body }),
        _ => Err(refusal("404 Not Found", "There is /metrics and /health.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(input: &str) -> Result<Inquiry, String> {
        for cut in 0..input.len() {
            assert_eq!(judge(&input.as_bytes()[..cut], 512), None, "at {cut}");
        }
        let judged = judge(input.as_bytes(), 512).expect("whole");
        judged.map_err(|answer| String::from_utf8(answer).expect("text"))
    }

    #[test]
    fn numbers_and_health_and_nothing_else() {
        let (topic, has_body) = (Topic::Metrics, true);
        assert_eq!(judged("GET /metrics HTTP/1.1\r\n\r\n"), Ok(Inquiry { topic, has_body }));
        let health = judged("HEAD /health?x HTTP/1.0\r\nA: b\r\n\r\n").expect("asked");
        assert_eq!(health, Inquiry { topic: Topic::Health, has_body: false });
        let answer = String::from_utf8(health.answer("text/plain", "ok\n")).expect("text");
        assert!(answer.contains("Content-Length: 3\r\n") && answer.ends_with("\r\n\r\n"));
        assert!(judged("GET / HTTP/1.1\r\n\r\n").unwrap_err().starts_with("HTTP/1.1 404 "));
        assert!(judged("POST /metrics HTTP/1.1\r\n\r\n").unwrap_err().contains(" 405 "));
        let broken = judge(b"hello\r\n", 512).expect("whole").unwrap_err();
        assert!(broken.starts_with(b"HTTP/1.1 400 "));
        let long = judge(format!("GET /{}", "x".repeat(512)).as_bytes(), 512).expect("whole");
        assert!(long.unwrap_err().starts_with(b"HTTP/1.1 431 "));
    }
}
