//! The table of a folder's entries. It is one table in both views: the grid is the same rows laid
//! out as cards, so that people who listen to it have one thing to learn. The roles are spelled
//! out because some browsers forget them where a table is laid out otherwise.

use maud::{Markup, html};

use super::document::icon;
use super::query::{Key, Query, View};
use super::{Entry, Folder, Kind, human};
use crate::proto::date;

/// The table. `places` has each entry's place among all by name.
pub(super) fn table(folder: &Folder<'_>, query: Query, places: &[usize]) -> Markup {
    let is_by_name = query.key == Key::Name && !query.descending;
    let place = |place: &usize| (!is_by_name).then_some(*place);
    let rows = folder.entries.iter().zip(places.iter().map(place));
    html! {
        table role="table" {
            thead role="rowgroup" hidden[folder.entries.is_empty()] {
                tr role="row" {
                    (column(html! { "Name" }, Key::Name, query))
                    (column(html! { "Size" }, Key::Size, query))
                    (column(html! { "Changed" span.utc { " (UTC)" } }, Key::Time, query))
                }
            }
            @if !folder.target.path().is_empty() {
                tbody.up role="rowgroup" {
                    tr role="row" {
                        td role="cell" colspan="3" {
                            a.in href=(query.of_folder("../")) { (icon("up")) "Parent folder" }
                        }
                    }
                }
            }
            tbody #rows role="rowgroup" {
                @for (entry, place) in rows {
                    (row(entry, place, query, folder.offers.picture_bytes_max))
                }
            }
        }
    }
}

/// A column's head: a link that sorts by it, or turns the order round.
fn column(name: Markup, key: Key, query: Query) -> Markup {
    let sorted = match (query.key == key, query.descending) {
        (false, _) => None,
        (true, false) => Some("ascending"),
        (true, true) => Some("descending"),
    };
    html! {
        th role="columnheader" scope="col" aria-sort=[sorted] {
            a href=(query.sorted_by(key).here()) data-sort=(key.word()) { (name) }
        }
    }
}

fn row(entry: &Entry, place: Option<usize>, query: Query, picture_bytes_max: u64) -> Markup {
    let is_folder = entry.is_folder();
    let link = if is_folder { query.of_folder(&entry.link()) } else { entry.link() };
    let is_picture = entry.kind == Kind::Picture && (1..=picture_bytes_max).contains(&entry.size);
    html! {
        tr.dir[is_folder] role="row" data-n=[place] data-picture[is_picture] {
            td role="cell" {
                a.in[is_folder] href=(link) {
                    (icon(entry.kind.icon()))
                    @if is_picture && query.view == View::Grid {
                        img src=(link) alt="Picture" loading="lazy" decoding="async";
                    }
                    bdi { (entry.shown()) }
                }
            }
            td role="cell" {
                @if !is_folder {
                    data value=(entry.size) title={ (entry.size) " bytes" } { (human(entry.size)) }
                }
            }
            td role="cell" {
                @if let Some(modified) = entry.modified {
                    time datetime=(date::iso(modified)) { (date::minute(modified)) }
                }
            }
        }
    }
}
