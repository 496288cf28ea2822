//! The HTML of folders and errors. No script; the one stylesheet is allowed by its digest.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};
use sockeye_edge::printable::Printable;

use super::{Entry, Folder, Key, Order, human};
use crate::proto::date;
use crate::proto::plan::Plan;
use crate::proto::status::Status;
use crate::proto::target::encode_segment;

const STYLE: &str = include_str!("style.css");

/// Nothing may be loaded, run, framed or posted; only our own stylesheet counts.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'self'"
    )
});

/// Drawn once, used by each row.
const ICONS: &str = concat!(
    r#"<svg class="defs" aria-hidden="true">"#,
    r#"<symbol id="d" viewBox="0 0 20 16"><path d="M2 0h5l2 2h9a2 2 0 0 1 2 2v10"#,
    r#"a2 2 0 0 1-2 2H2a2 2 0 0 1-2-2V2a2 2 0 0 1 2-2z"/></symbol>"#,
    r#"<symbol id="f" viewBox="0 0 20 16"><path d="M4 0h8l4 4v12H4zm7.5 1.5V5H15z" "#,
    r#"fill-rule="evenodd"/></symbol></svg>"#,
);

pub(super) fn folder_page(plan: Plan, folder: &Folder<'_>, order: Order) -> Plan {
    let title = folder
        .target
        .segments()
        .next_back()
        .map_or_else(|| "Files".to_owned(), |segment| Printable::new(segment).to_string());
    let body = html! {
        header {
            h1 { (crumbs(folder)) }
            p { (count(folder)) }
        }
        main {
            table {
                thead { tr {
                    (column("Name", Key::Name, order))
                    (column("Size", Key::Size, order))
                    (column("Changed (UTC)", Key::Modified, order))
                } }
                tbody {
                    @if !folder.target.path().is_empty() {
                        tr { td colspan="3" {
                            a href="../" { (icon("d")) span { "Parent folder" } }
                        } }
                    }
                    @for entry in &folder.entries { (row(entry)) }
                }
            }
            @if folder.entries.is_empty() { p.empty { "This folder is empty." } }
            @if folder.is_cut { p.empty { "There is more than this page shows." } }
        }
    };
    let plan = plan.with_content("text/html; charset=utf-8", document(&title, &body));
    with_policy(plan)
}

/// A page that says why there is nothing here.
pub(crate) fn error_page(status: Status, why: &str) -> Plan {
    let body = html! {
        header { h1 { (status.code()) " " (status.reason()) } }
        main { p.empty { (why) "." } p.empty { a href="/" { "All files" } } }
    };
    let content = document(status.reason(), &body);
    with_policy(Plan::new(status).with_content("text/html; charset=utf-8", content))
}

fn with_policy(plan: Plan) -> Plan {
    plan.with_header("Content-Security-Policy", POLICY.as_bytes())
        .with_header("Referrer-Policy", "same-origin")
}

fn document(title: &str, body: &Markup) -> Vec<u8> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (PreEscaped(ICONS)) (body) }
        }
    };
    page.into_string().into_bytes()
}

fn icon(id: &str) -> Markup {
    html! { svg.icon aria-hidden="true" { use href={ "#" (id) } {} } }
}

/// The path from the root, each folder but the last a link.
fn crumbs(folder: &Folder<'_>) -> Markup {
    let mut link = String::from("/");
    let segments: Vec<&[u8]> = folder.target.segments().collect();
    let mut links = Vec::new();
    for segment in &segments {
        encode_segment(segment, &mut link);
        link.push('/');
        links.push((link.clone(), Printable::new(segment).to_string()));
    }
    let last = links.pop();
    html! {
        nav aria-label="Path" {
            @if let Some((_, name)) = last {
                a href="/" { "Files" }
                @for (link, name) in &links { span.sep { "/" } a href=(link) { bdi { (name) } } }
                span.sep { "/" } bdi aria-current="page" { (name) }
            } @else {
                span aria-current="page" { "Files" }
            }
        }
    }
}

fn count(folder: &Folder<'_>) -> String {
    let folders = folder.entries.iter().filter(|entry| entry.is_folder).count();
    let files = folder.entries.len() - folders;
    let bytes: u64 = folder.entries.iter().map(|entry| entry.size).fold(0, u64::saturating_add);
    let plural = |number, one: &str, more: &str| {
        if number == 1 { format!("1 {one}") } else { format!("{number} {more}") }
    };
    let mut text = plural(folders, "folder", "folders") + ", " + &plural(files, "file", "files");
    if files > 0 {
        text.push_str(", ");
        text.push_str(&human(bytes));
    }
    text
}

/// A column's head: a link that sorts by it, or turns the order round.
fn column(name: &str, key: Key, order: Order) -> Markup {
    let word = match key {
        Key::Name => "name",
        Key::Size => "size",
        Key::Modified => "time",
    };
    let current = order.key == key;
    let turn = if current && !order.descending { "&order=desc" } else { "" };
    let sorted = match (current, order.descending) {
        (false, _) => None,
        (true, false) => Some("ascending"),
        (true, true) => Some("descending"),
    };
    html! {
        th scope="col" aria-sort=[sorted] { a href={ "?sort=" (word) (turn) } { (name) } }
    }
}

fn row(entry: &Entry) -> Markup {
    let size = (!entry.is_folder).then_some(entry.size);
    html! {
        tr {
            td { a href=(entry.link()) {
                (icon(if entry.is_folder { "d" } else { "f" })) bdi { (entry.shown()) }
            } }
            td { @if let Some(size) = size { span title={ (size) " bytes" } { (human(size)) } } }
            td { @if let Some(modified) = entry.modified {
                time datetime=(date::iso(modified)) { (date::minute(modified)) }
            } }
        }
    }
}
