//! The page itself, made so that it shows the files and the last lines also without scripts.

use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use maud::{Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use sockeye_chat::{Handle, Said};
use sockeye_edge::Printable;
use sockeye_edge::tree::{Entry, Kind, Segments, Tree};
use sockeye_http::proto::date;
use sockeye_http::{Answer, Handler, Plan, Request, Status};

use super::{Limits, assets};
use crate::room::size;

const PAGE: &str = include_str!("../../assets/page.html");
const DROP: &str = include_str!("../../assets/drop.html");

/// Only our own parts, nothing inline, framed by nobody.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// What a path's segment keeps as it is.
pub(super) const SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What the page is made of.
pub(super) struct Index {
    pub(super) tree: Tree,
    pub(super) hidden: bool,
    pub(super) drops: bool,
    pub(super) shares: bool,
    pub(super) title: String,
    pub(super) room_name: String,
    pub(super) room: Handle,
    pub(super) limits: Limits,
}

/// Answers for `/` itself, unless its listing is asked for as data.
pub(super) struct AtRoot(pub(super) Arc<Index>);

impl Handler for AtRoot {
    fn handle(&self, request: &Request<'_>) -> Answer {
        let data = request.query().is_some_and(|query| {
            query.split('&').any(|word| matches!(word, "json" | "text" | "html"))
        });
        if !request.path().is_empty() || !super::reads(request) || data {
            return Answer::Pass;
        }
        let index = Arc::clone(&self.0);
        Answer::Receive(0, Box::new(move |_body| index.plan()))
    }
}

impl Index {
    fn plan(&self) -> Plan {
        Plan::new(Status::OK)
            .with_content("text/html; charset=utf-8", self.page().into_bytes())
            .with_header("Content-Security-Policy", POLICY)
            .with_header("Referrer-Policy", "same-origin")
            .with_header("Cross-Origin-Opener-Policy", "same-origin")
            .with_header("Cache-Control", "no-store")
    }

    fn page(&self) -> String {
        let rows = self.rows();
        let people = self.room.present().unwrap_or_default();
        let lines = self.room.recent(self.limits.lines_max).unwrap_or_default();
        let here = people.iter().filter(|person| person.room == self.room_name);
        let inbox = if self.shares { "<a href=\"/~inbox/\">inbox</a>" } else { "inbox" };
        let shared = ("inbox", inbox.to_owned());
        let pieces = [
            ("title", html! { (self.title) }.into_string()),
            ("room", html! { (self.room_name) }.into_string()),
            ("version", assets::version().to_owned()),
            ("empty_hidden", if rows.is_empty() { "" } else { " hidden" }.to_owned()),
            ("rows", rows.into_iter().map(Markup::into_string).collect()),
            ("drop", if self.drops { fill(DROP, &[shared]) } else { String::new() }),
            ("people", html! { @for person in here { li { bdi.who { (person.nick) } } } }.into()),
            ("lines", html! { @for said in &lines { (line(said)) } }.into_string()),
        ];
        fill(PAGE, &pieces)
    }

    fn rows(&self) -> Vec<Markup> {
        let opened = self.tree.open_file(&Segments::root());
        let Ok(entries) = opened.and_then(|opened| {
            self.tree.read_dir(&opened).map(|all| {
                all.filter_map(Result::ok).filter(|entry| self.shows(entry)).collect::<Vec<_>>()
            })
        }) else {
            return Vec::new();
        };
        let mut entries = entries;
        let key = |entry: &Entry| (entry.kind != Kind::Dir, entry.name.to_ascii_lowercase());
        entries.sort_by_cached_key(key);
        entries.iter().take(self.limits.rows_max).map(row).collect()
    }

    fn shows(&self, entry: &Entry) -> bool {
        let name = entry.name.as_bytes();
        let servable = !name.iter().any(|byte| byte.is_ascii_control() || *byte == b'\\');
        servable
            && (self.hidden || !name.starts_with(b"."))
            && matches!(entry.kind, Kind::Dir | Kind::File)
    }
}

fn row(entry: &Entry) -> Markup {
    let folder = entry.kind == Kind::Dir;
    let name = Printable::new(entry.name.as_bytes()).to_string();
    let slash = if folder { "/" } else { "" };
    let href = format!("/{}{slash}", percent_encode(entry.name.as_bytes(), SEGMENT));
    let seconds = u64::try_from(entry.mtime_ns / 1_000_000_000).unwrap_or_default();
    html! {
        tr {
            td { a.name href=(href) {
                i.i.i-folder[folder].i-file[!folder] aria-hidden="true" {}
                bdi { (name) }
            } }
            td.num { @if !folder { (size(entry.size)) } }
            td.when { time datetime=(date::iso(seconds)) { (date::minute(seconds)) } }
            td.get { @if !folder {
                a href=(href) download title="Download" aria-label={ "Download " (name) } {
                    i.i.i-save aria-hidden="true" {}
                }
            } }
        }
    }
}

fn line(said: &Said) -> Markup {
    let seconds = said.unix_ms / 1000;
    html! {
        p.said {
            bdi.who { (said.nick) }
            time datetime=(date::iso(seconds)) { (date::minute(seconds)) }
            span.text dir="auto" { (said.text) }
        }
    }
}

/// Puts each piece in the place of its `{{name}}`; what a piece says is not looked at again.
fn fill(template: &str, pieces: &[(&str, String)]) -> String {
    let mut out = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        out.push_str(before);
        if let Some((_, piece)) = pieces.iter().find(|(known, _)| *known == name) {
            out.push_str(piece);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_not_looked_at_again() {
        let pieces = [("a", "{{b}} <".to_owned()), ("b", "x".to_owned())];
        assert_eq!(fill("1 {{a}} 2 {{b}} {{c}}3", &pieces), "1 {{b}} < 2 x 3");
        assert_eq!(fill("open {{a", &pieces), "open {{b}} <");
    }

    #[test]
    fn what_people_write_is_text() {
        let said = Said {
            unix_ms: 0,
            nick: "<i>".into(),
            text: "<script>\"&".into(),
            style: sockeye_chat::proto::Style::Line,
        };
        let shown = line(&said).into_string();
        assert!(shown.contains("&lt;script&gt;") && !shown.contains("<script>"), "{shown}");
        assert!(shown.contains("datetime=\"1970-01-01T00:00:00Z\""), "{shown}");
    }
}
