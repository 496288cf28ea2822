//! The inbox, where it is shared: a list, and each file to be saved and never shown.

use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use maud::{DOCTYPE, html};
use percent_encoding::percent_encode;
use sockeye_edge::Printable;
use sockeye_edge::tree::{Entry, Kind, Segments, Tree};
use sockeye_http::{Answer, Handler, Headers, Plan, Request, Status};

use super::index::{POLICY, SEGMENT};
use super::{Limits, assets};
use crate::room::size;

/// Answers for `/~inbox/` and `/~inbox/NAME`.
pub(super) struct Shared {
    pub(super) tree: Arc<Tree>,
    pub(super) limits: Limits,
}

impl Handler for Shared {
    fn handle(&self, request: &Request<'_>) -> Answer {
        if !super::reads(request) {
            return super::only("GET, HEAD");
        }
        let name = request.rest();
        if name.is_empty() {
            let (tree, rows_max) = (Arc::clone(&self.tree), self.limits.rows_max);
            return Answer::Receive(0, Box::new(move |_body| list(&tree, rows_max)));
        }
        let missing = || Answer::Plan(Plan::text(Status::NOT_FOUND, "the inbox has no such file"));
        let Ok(path) = Segments::from_relative(name) else { return missing() };
        if path.len() != 1 || name.starts_with(b".") {
            return missing();
        }
        match self.tree.open_file(&path) {
            Ok(opened) if !opened.meta.is_dir => {
                let mut headers = Headers::default();
                let encoded = percent_encode(name, SEGMENT);
                let disposition = format!("attachment; filename*=UTF-8''{encoded}");
                headers.push("Content-Disposition", disposition);
                headers.push("Content-Security-Policy", "sandbox");
                headers.push("Cache-Control", "no-cache");
                Answer::File(opened.file, "application/octet-stream".to_owned(), headers)
            }
            _ => missing(),
        }
    }
}

fn list(tree: &Tree, rows_max: usize) -> Plan {
    let opened = tree.open_file(&Segments::root());
    let entries = opened.and_then(|opened| {
        let visible =
            |entry: &Entry| entry.kind == Kind::File && !entry.name.as_bytes().starts_with(b".");
        let all = tree.read_dir(&opened)?;
        Ok(all.filter_map(Result::ok).filter(visible).collect::<Vec<_>>())
    });
    let Ok(mut entries) = entries else {
        return Plan::text(Status::INTERNAL_SERVER_ERROR, "the inbox cannot be read");
    };
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.mtime_ns));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Inbox" }
                link rel="stylesheet" href={ "/~assets/" (assets::version()) "/style.css" };
            }
            body.inbox {
                h1 { "Inbox" }
                p { a href="/" { "Back to the hub" } }
                ul {
                    @for entry in entries.iter().take(rows_max) {
                        li {
                            a href=(link(entry.name.as_bytes())) {
                                bdi { (Printable::new(entry.name.as_bytes())) }
                            }
                            " " small { (size(entry.size)) }
                        }
                    }
                }
            }
        }
    };
    Plan::new(Status::OK)
        .with_content("text/html; charset=utf-8", page.into_string().into_bytes())
        .with_header("Content-Security-Policy", POLICY)
        .with_header("Cache-Control", "no-store")
}

/// The address of a file of the inbox.
pub(super) fn link(name: &[u8]) -> String {
    format!("/~inbox/{}", percent_encode(name, SEGMENT))
}
