//! What a folder shows: a page, JSON or plain text. Pure but for the reading of the folder, which
//! is done elsewhere; names are escaped, links percent-encoded, and nothing is listed that a
//! request could not fetch. docs/listing.md says what the forms hold and what a query may ask.

mod document;
mod kind;
mod page;
mod query;
mod table;
mod upload;

use sockeye_edge::printable::Printable;

use crate::config::Listing;
use crate::proto::archive::Format;
use crate::proto::date;
use crate::proto::head::Head;
use crate::proto::plan::Plan;
use crate::proto::status::Status;
use crate::proto::target::{Target, encode_segment};

use query::{Query, name_key};

pub(crate) use document::error_page;
pub(crate) use kind::Kind;

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The bytes of the name.
    pub(crate) name: Vec<u8>,
    /// What it is.
    pub(crate) kind: Kind,
    /// Bytes of a file, 0 of a folder.
    pub(crate) size: u64,
    /// Seconds since 1970 of the last change.
    pub(crate) modified: Option<u64>,
}

impl Entry {
    pub(crate) fn is_folder(&self) -> bool {
        self.kind == Kind::Folder
    }

    /// The link from the folder's page.
    fn link(&self) -> String {
        let mut link = String::from("./");
        encode_segment(&self.name, &mut link);
        if self.is_folder() {
            link.push('/');
        }
        link
    }

    /// The name as people can read it without being deceived.
    fn shown(&self) -> String {
        let slash = if self.is_folder() { "/" } else { "" };
        format!("{}{slash}", Printable::new(&self.name))
    }
}

/// Whether a request can fetch something called `name`.
pub(crate) fn is_servable(name: &[u8], hidden: bool) -> bool {
    let well_known = name == b".well-known";
    (hidden || well_known || !name.starts_with(b"."))
        && !name.iter().any(|byte| byte.is_ascii_control() || *byte == b'\\')
}

/// What a request asks to see of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    form: Listing,
    query: Query,
}

impl Asked {
    /// What `head`, which is for `target`, asks for; `usual` is the form where it does not say.
    pub(crate) fn of(head: &Head, target: &Target, usual: Listing) -> Asked {
        Asked { form: form(head, target, usual), query: Query::of(target.query()) }
    }
}

/// The form that a request asks for: `?html`, `?json`, `?text`, else by `Accept`, else `usual`.
fn form(head: &Head, target: &Target, usual: Listing) -> Listing {
    if usual == Listing::Off {
        return usual;
    }
    for word in target.query().unwrap_or("").split('&') {
        match word {
            "html" => return Listing::Html,
            "json" => return Listing::Json,
            "text" => return Listing::Text,
            _ => {}
        }
    }
    let forms = [
        (Listing::Html, "text/html"),
        (Listing::Json, "application/json"),
        (Listing::Text, "text/plain"),
    ];
    let mut best = (usual, quality(head, forms.iter().find(|form| form.0 == usual)));
    for form in &forms {
        let found = quality(head, Some(form));
        if found > best.1 {
            best = (form.0, found);
        }
    }
    best.0
}

/// Thousandths of the weight that `Accept` gives a form; the most exact range counts (RFC 9110,
/// section 12.5.1).
fn quality(head: &Head, form: Option<&(Listing, &str)>) -> u32 {
    let Some((_, media_type)) = form else { return 0 };
    let family = media_type.split('/').next().unwrap_or("");
    let mut best = (0, if head.field("accept").is_none() { 1000 } else { 0 });
    for range in head.list("accept") {
        let range = String::from_utf8_lossy(range).to_ascii_lowercase();
        let mut parts = range.split(';').map(str::trim);
        let exactness = match parts.next() {
            Some(name) if name == *media_type => 3,
            Some(name) if name.strip_suffix("/*") == Some(family) => 2,
            Some("*/*") => 1,
            _ => continue,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1000, weight);
        if exactness > best.0 {
            best = (exactness, weight);
        }
    }
    best.1
}

fn weight(text: &str) -> u32 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    let whole: u32 = whole.parse().unwrap_or(0);
    (whole * 1000 + digits.parse().unwrap_or(0)).min(1000)
}

/// Whether the request would rather see a page than plain text.
pub(crate) fn wants_page(head: &Head) -> bool {
    head.list("accept").any(|range| range.to_ascii_lowercase().starts_with(b"text/html"))
}

/// A folder's entries in the form that was asked for.
pub(crate) struct Folder<'a> {
    /// Where the request was for.
    pub(crate) target: &'a Target,
    /// What is in it.
    pub(crate) entries: Vec<Entry>,
    /// Whether there is more than is shown.
    pub(crate) is_cut: bool,
    /// What can be had besides.
    pub(crate) offers: Offers<'a>,
}

/// What a folder's page offers besides its links, as far as the server does it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Offers<'a> {
    /// The most bytes of a picture that is shown as one.
    pub(crate) picture_bytes_max: u64,
    /// The forms in which the folder can be had as one file.
    pub(crate) archives: &'a [Format],
    /// Whether the one who asks may put files into the folder.
    pub(crate) upload: bool,
}

impl Folder<'_> {
    /// The whole answer.
    pub(crate) fn plan(mut self, Asked { form, query }: Asked) -> Plan {
        let places = self.sort(query);
        let plan = Plan::new(Status::OK);
        let plan = match form {
            Listing::Json => plan.with_content("application/json", self.json()),
            Listing::Text => plan.with_content("text/plain; charset=utf-8", self.text()),
            Listing::Html | Listing::Off => page::folder_page(plan, &self, query, &places),
        };
        plan.with_header("Vary", "Accept").with_header("Cache-Control", "no-cache")
    }

    /// Puts the entries in order, and gives back each one's place among all by name.
    fn sort(&mut self, query: Query) -> Vec<usize> {
        self.entries.sort_by_cached_key(|entry| {
            (!entry.is_folder(), name_key(&entry.name), entry.name.clone())
        });
        let entries = std::mem::take(&mut self.entries);
        let mut placed: Vec<(usize, Entry)> = entries.into_iter().enumerate().collect();
        placed.sort_by(|a, b| query.compare(a, b));
        let (places, entries) = placed.into_iter().unzip();
        self.entries = entries;
        places
    }

    fn text(&self) -> Vec<u8> {
        let mut text: String = self.entries.iter().map(|entry| entry.shown() + "\n").collect();
        if self.is_cut {
            text.push_str("…\n");
        }
        text.into_bytes()
    }

    fn json(&self) -> Vec<u8> {
        let entry = |entry: &Entry| {
            serde_json::json!({
                "name": String::from_utf8_lossy(&entry.name),
                "kind": if entry.is_folder() { "folder" } else { "file" },
                "url": entry.link(),
                "size": (!entry.is_folder()).then_some(entry.size),
                "modified": entry.modified.map(date::iso),
            })
        };
        let value = serde_json::json!({
            "path": self.target.folder_link(),
            "entries": self.entries.iter().map(entry).collect::<Vec<_>>(),
            "complete": !self.is_cut,
        });
        let mut json = value.to_string().into_bytes();
        json.push(b'\n');
        json
    }
}

/// `1.2 MiB`.
fn human(bytes: u64) -> String {
    const UNITS: &[&str] = &["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    let mut shift = 10;
    while bytes >> shift >= 1024 && unit + 1 < UNITS.len() {
        unit += 1;
        shift += 10;
    }
    let whole = bytes >> shift;
    let tenths = ((bytes - (whole << shift)) >> (shift - 10)) * 10 / 1024;
    format!("{whole}.{tenths} {}", UNITS[unit])
}

#[cfg(test)]
mod tests;
