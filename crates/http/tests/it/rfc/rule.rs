//! One row of the table: a request, and everything that its answer has to be.
//!
//! In the texts `{etag}`, `{date}`, `{earlier}` and `{later}` are of `/hello.txt`, `{part}` is how
//! a part of it starts, `{8 x}` is `xxxxxxxx`, and a character up to U+00FF is one byte.

/// When `/hello.txt` was changed.
pub(crate) const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
/// The same in seconds since 1970.
pub(crate) const DATE_SECONDS: u64 = 784_111_777;
const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const PART: &str =
    "\r\n--BOUNDARY\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes ";
const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
/// What `/hello.txt` has in it.
pub(crate) const HELLO: &str = "hello, world\n";

/// What is sent.
#[derive(Clone, Copy, Debug)]
enum Request {
    /// These bytes.
    Raw(&'static str),
    /// This request line, `Host: a`, these field lines, each with its CRLF, and an empty line.
    Head(&'static str, &'static str),
}

/// What the answer's body has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content {
    /// Anything.
    Any,
    /// Exactly this.
    Is(&'static str),
    /// This is somewhere in it.
    Has(&'static str),
}

/// A rule, and a request that shows whether it is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// The RFC and its section, as `9112 5.2`.
    pub(crate) section: &'static str,
    /// What the rule is about; no two rows of a section have the same.
    pub(crate) name: &'static str,
    request: Request,
    body: &'static str,
    /// The answer's status.
    pub(crate) status: u16,
    /// Whether the server closes after the answer.
    pub(crate) closes: bool,
    /// Fields that the answer has: `*` is any value.
    pub(crate) has: &'static [(&'static str, &'static str)],
    /// Fields that the answer has not.
    pub(crate) lacks: &'static [&'static str],
    /// The answer's body.
    pub(crate) content: Content,
    /// What is sent once `100 Continue` has come, which then has to come.
    pub(crate) after_continue: Option<&'static str>,
    /// Whether the client sends no more after the request.
    pub(crate) cut: bool,
}

/// A rule about these bytes.
pub(crate) const fn raw(section: &'static str, name: &'static str, bytes: &'static str) -> Rule {
    Rule {
        section,
        name,
        request: Request::Raw(bytes),
        body: "",
        status: 200,
        closes: false,
        has: &[],
        lacks: &[],
        content: Content::Any,
        after_continue: None,
        cut: false,
    }
}

/// A rule about a request with this line and, beside `Host: a`, these field lines.
pub(crate) const fn ask(
    section: &'static str,
    name: &'static str,
    line: &'static str,
    fields: &'static str,
) -> Rule {
    Rule { request: Request::Head(line, fields), ..raw(section, name, "") }
}

impl Rule {
    /// The request has this body.
    pub(crate) const fn body(self, body: &'static str) -> Rule {
        Rule { body, ..self }
    }

    /// It is answered with `status`, and the connection goes on.
    pub(crate) const fn gives(self, status: u16) -> Rule {
        Rule { status, closes: false, ..self }
    }

    /// It is answered with `status`, and the server closes.
    pub(crate) const fn ends(self, status: u16) -> Rule {
        Rule { status, closes: true, ..self }
    }

    /// The answer has these fields.
    pub(crate) const fn has(self, has: &'static [(&'static str, &'static str)]) -> Rule {
        Rule { has, ..self }
    }

    /// The answer has none of these fields.
    pub(crate) const fn lacks(self, lacks: &'static [&'static str]) -> Rule {
        Rule { lacks, ..self }
    }

    /// The answer's body is exactly this.
    pub(crate) const fn is(self, body: &'static str) -> Rule {
        Rule { content: Content::Is(body), ..self }
    }

    /// The answer's body has this in it.
    pub(crate) const fn says(self, part: &'static str) -> Rule {
        Rule { content: Content::Has(part), ..self }
    }

    /// `100 Continue` has to come, then this is sent.
    pub(crate) const fn after_continue(self, body: &'static str) -> Rule {
        Rule { after_continue: Some(body), ..self }
    }

    /// The client shuts its side after the request.
    pub(crate) const fn cut(self) -> Rule {
        Rule { cut: true, ..self }
    }

    /// The bytes of the request.
    pub(crate) fn bytes(&self, etag: &str) -> Vec<u8> {
        let text = match self.request {
            Request::Raw(bytes) => bytes.to_owned(),
            Request::Head(line, fields) => format!("{line}\r\nHost: a\r\n{fields}\r\n"),
        };
        let text = filled(&(text + self.body), etag);
        text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
    }

    /// The request's method, as far as the answer depends on it.
    pub(crate) fn method(&self) -> &'static str {
        let (Request::Raw(start) | Request::Head(start, _)) = self.request;
        if start.starts_with("HEAD ") { "HEAD" } else { "GET" }
    }

    /// Whether it asks for the file that is there in several codings.
    pub(crate) fn is_about_codings(&self) -> bool {
        let (Request::Raw(start) | Request::Head(start, _)) = self.request;
        start.contains(" /coded ")
    }

    /// The section and the name.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.section, self.name)
    }
}

/// `text` with what stands in braces put in.
pub(crate) fn filled(text: &str, etag: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (inside, after) = after.split_once('}').unwrap();
        out.push_str(before);
        match inside {
            "etag" => out.push_str(etag),
            "date" => out.push_str(DATE),
            "earlier" => out.push_str(EARLIER),
            "part" => out.push_str(PART),
            "later" => out.push_str(LATER),
            _ => {
                let (times, piece) = inside.split_once(' ').unwrap();
                out.push_str(&piece.repeat(times.parse().unwrap()));
            }
        }
        rest = after;
    }
    out + rest
}
