//! The HTML of folders and errors. Its stylesheet and scripts are in it, allowed by their digests;
//! nothing else may run, and only pictures of this server are loaded.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};
use sockeye_edge::printable::Printable;

use super::query::{Query, View};
use super::{Folder, human, table};
use crate::proto::archive::Format;
use crate::proto::plan::Plan;
use crate::proto::status::Status;
use crate::proto::target::encode_segment;

const STYLE: &str = include_str!("style.css");
/// Drawn once, used by each row.
const ICONS: &str = include_str!("icons.svg");
/// Runs before anything is shown.
const EARLY: &str = include_str!("early.js");
const SCRIPT: &str = include_str!("page.js");

/// What a folder's page may do.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; style-src {}; script-src {} {}; img-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'self'",
        digest(STYLE),
        digest(EARLY),
        digest(SCRIPT),
    )
});

/// What an error's page may do.
static ERROR_POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; style-src {}; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'self'",
        digest(STYLE),
    )
});

fn digest(content: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(content.as_bytes())))
}

pub(super) fn folder_page(plan: Plan, folder: &Folder<'_>, query: Query, places: &[usize]) -> Plan {
    let segments: Vec<&[u8]> = folder.target.segments().collect();
    let title = segments
        .last()
        .map_or_else(|| "Files".to_owned(), |segment| Printable::new(segment).to_string());
    let is_empty = folder.entries.is_empty();
    let body = html! {
        header {
            div {
                (crumbs(folder.target.base(), &segments, query))
                h1 { bdi { (title) } }
                p.about { (about(folder)) }
            }
            @if !is_empty { (archives(folder.offers.archives)) }
        }
        main {
            (tools(query, is_empty))
            p.hide #said role="status" {}
            (table::table(folder, query, places))
            p.note #none hidden { "No name here has that in it." }
            @if is_empty { p.note { "This folder is empty." } }
            @if folder.is_cut {
                p.note { "There is more than the " (folder.entries.len()) " that are shown here." }
            }
        }
    };
    let content = document(&title, query.view, Some(SCRIPT), &body);
    with_policy(plan.with_content("text/html; charset=utf-8", content), &POLICY)
}

/// A page that says why there is nothing here; `home` is the link to what there is.
pub(crate) fn error_page(status: Status, why: &str, home: &str) -> Plan {
    let body = html! {
        main.error {
            p.code aria-hidden="true" { (status.code()) }
            h1 { span.hide { (status.code()) " " } (status.reason()) }
            p.why { (why) "." }
            p { a.button href=(home) { (icon("folder")) "All files" } }
        }
    };
    let title = format!("{status}");
    let content = document(&title, View::List, None, &body);
    with_policy(Plan::new(status).with_content("text/html; charset=utf-8", content), &ERROR_POLICY)
}

fn with_policy(plan: Plan, policy: &str) -> Plan {
    plan.with_header("Content-Security-Policy", policy)
        .with_header("Referrer-Policy", "same-origin")
}

fn document(title: &str, view: View, script: Option<&str>, body: &Markup) -> Vec<u8> {
    let page = html! {
        (DOCTYPE)
        html lang="en" data-view=(view.word()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
                @if let Some(script) = script {
                    script { (PreEscaped(EARLY)) }
                    script type="module" { (PreEscaped(script)) }
                }
            }
            body { (PreEscaped(ICONS)) (body) }
        }
    };
    page.into_string().into_bytes()
}

pub(super) fn icon(name: &str) -> Markup {
    html! { svg.(name) aria-hidden="true" { use href={ "#i-" (name) } {} } }
}

/// The way from the root to the folder above.
fn crumbs(base: &str, segments: &[&[u8]], query: Query) -> Markup {
    let Some((_, above)) = segments.split_last() else { return html! {} };
    let mut path = format!("{base}/");
    let mut links = vec![(query.of_folder(&path), "Files".to_owned())];
    for segment in above {
        encode_segment(segment, &mut path);
        path.push('/');
        links.push((query.of_folder(&path), Printable::new(segment).to_string()));
    }
    html! {
        nav.crumbs aria-label="Path" {
            ol { @for (link, name) in &links { li { a.in href=(link) { bdi { (name) } } } } }
        }
    }
}

/// The folder as one file, in the forms that there are.
fn archives(forms: &[Format]) -> Markup {
    html! {
        @if !forms.is_empty() {
            nav.archives aria-label="This folder as one file" {
                @for form in forms {
                    a.button href={ "./?" (form.word()) } download {
                        (icon("save")) span.hide { "Download as " } (form.word())
                    }
                }
            }
        }
    }
}

/// How much is in the folder.
fn about(folder: &Folder<'_>) -> String {
    let folders = folder.entries.iter().filter(|entry| entry.is_folder()).count();
    let files = folder.entries.len() - folders;
    let bytes: u64 = folder.entries.iter().map(|entry| entry.size).fold(0, u64::saturating_add);
    let mut parts = Vec::new();
    let mut count = |number, one: &str, more: &str| match number {
        0 => {}
        1 => parts.push(format!("1 {one}")),
        _ => parts.push(format!("{number} {more}")),
    };
    count(folders, "folder", "folders");
    count(files, "file", "files");
    if files > 0 {
        parts.push(human(bytes));
    }
    if parts.is_empty() { "Nothing here yet".to_owned() } else { parts.join(", ") }
}

/// The filter, for those with scripts, and the views.
fn tools(query: Query, is_empty: bool) -> Markup {
    let view = |view: View, name: &str| {
        let is_current = query.view == view;
        html! {
            a href=(query.seen_as(view).here()) data-view=(view.word())
                aria-current=[is_current.then_some("true")] {
                (icon(view.word())) span { (name) }
            }
        }
    };
    html! {
        @if !is_empty {
            div.tools {
                label.filter {
                    span.hide { "Filter by name" }
                    input #filter type="search" placeholder="Filter" autocomplete="off"
                        spellcheck="false" aria-keyshortcuts="/";
                    kbd aria-hidden="true" { "/" }
                }
                p #count role="status" {}
                nav.views aria-label="View" {
                    (view(View::List, "List"))
                    (view(View::Grid, "Grid"))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What every folder's page carries besides its rows, before compression.
    const BYTES_MAX: usize = 24 * 1024;

    #[test]
    fn style_and_scripts_are_light_and_whole() {
        let all = [STYLE, ICONS, EARLY, SCRIPT];
        assert!(all.iter().map(|part| part.len()).sum::<usize>() <= BYTES_MAX);
        for part in all {
            assert!(!part.contains("</script") && !part.contains("</style"), "ends too early");
            assert!(!part.contains("http:") && !part.contains("https:"), "asks elsewhere");
        }
    }

    #[test]
    fn a_policy_allows_what_is_in_the_page_and_nothing_inline_else() {
        let plan = error_page(Status::NOT_FOUND, "x < y", "/");
        let policy = plan.headers.get("Content-Security-Policy").unwrap();
        let policy = String::from_utf8(policy.to_vec()).unwrap();
        assert!(policy.contains(&digest(STYLE)) && !policy.contains("script-src"), "{policy}");
        let crate::proto::plan::Body::Bytes(page) = plan.body else { panic!("no bytes") };
        let page = String::from_utf8(page.into_owned()).unwrap();
        assert!(page.contains("x &lt; y.") && !page.contains("<script"));
        assert!(POLICY.contains(&digest(SCRIPT)) && POLICY.contains(&digest(EARLY)));
        assert!(!POLICY.contains("-inline"));
    }
}
