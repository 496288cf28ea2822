//! The page of a folder: where it is, what is in it, and what else can be done with it.

use maud::{Markup, html};
use sockeye_edge::printable::Printable;

use super::document::{May, Page, icon};
use super::query::{Query, View};
use super::{Folder, human, table, upload};
use crate::proto::archive::Format;
use crate::proto::plan::Plan;
use crate::proto::target::encode_segment;

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
            (archives(folder.offers.archives, is_empty))
        }
        main {
            @if folder.offers.upload { (upload::form()) }
            (tools(query, is_empty))
            p.hide #said role="status" {}
            (table::table(folder, query, places))
            p.note #none hidden { "No name here has that in it." }
            p.note #empty hidden[!is_empty] { "This folder is empty." }
            @if folder.is_cut {
                p.note { "There is more than the " (folder.entries.len()) " that are shown here." }
            }
        }
    };
    let may = if folder.offers.upload { May::Upload } else { May::Browse };
    Page { title: &title, view: query.view, may, body }.on(plan)
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
fn archives(forms: &[Format], is_empty: bool) -> Markup {
    html! {
        @if !forms.is_empty() {
            nav.archives aria-label="This folder as one file" hidden[is_empty] {
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
        div.tools hidden[is_empty] {
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
