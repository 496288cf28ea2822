//! What a request asks of a listing: order and view, from the query and back into links.
//!
//! ```text
//! query = pair *( "&" pair )
//! pair  = "sort=" ( "name" / "size" / "time" ) / "order=" ( "asc" / "desc" )
//!       / "view=" ( "list" / "grid" ) / "html" / "json" / "text"
//! ```
//! The last pair of a kind counts; what is not understood is left alone.

use std::cmp::Ordering;

use super::Entry;

/// What the entries are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Name,
    Size,
    Time,
}

impl Key {
    pub(super) fn word(self) -> &'static str {
        match self {
            Key::Name => "name",
            Key::Size => "size",
            Key::Time => "time",
        }
    }
}

/// How the page shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    List,
    Grid,
}

impl View {
    pub(super) fn word(self) -> &'static str {
        match self {
            View::List => "list",
            View::Grid => "grid",
        }
    }
}

/// What a query says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) key: Key,
    pub(super) descending: bool,
    pub(super) view: View,
    /// Whether the page itself was asked for, where data might be usual.
    is_html: bool,
}

impl Query {
    /// Reads what stood after the `?`.
    pub(super) fn of(query: Option<&str>) -> Query {
        let mut found =
            Query { key: Key::Name, descending: false, view: View::List, is_html: false };
        for pair in query.unwrap_or("").split('&') {
            match pair {
                "sort=name" => found.key = Key::Name,
                "sort=size" => found.key = Key::Size,
                "sort=time" => found.key = Key::Time,
                "order=asc" => found.descending = false,
                "order=desc" => found.descending = true,
                "view=list" => found.view = View::List,
                "view=grid" => found.view = View::Grid,
                "html" => found.is_html = true,
                _ => {}
            }
        }
        found
    }

    /// The query with its `?`, empty where it says nothing but the usual.
    pub(super) fn link(self) -> String {
        let mut link = String::new();
        let mut push = |pair: &[&str]| {
            link.push(if link.is_empty() { '?' } else { '&' });
            pair.iter().for_each(|part| link.push_str(part));
        };
        if self.is_html {
            push(&["html"]);
        }
        if self.key != Key::Name {
            push(&["sort=", self.key.word()]);
        }
        if self.descending {
            push(&["order=desc"]);
        }
        if self.view != View::List {
            push(&["view=", self.view.word()]);
        }
        link
    }

    /// The link from a folder's page to itself.
    pub(super) fn here(self) -> String {
        self.of_folder("./")
    }

    /// The link to a folder at `path`, shown as this one is.
    pub(super) fn of_folder(self, path: &str) -> String {
        path.to_owned() + &self.link()
    }

    /// What the head of the column `key` leads to: the other way round, or its usual way, which
    /// has the largest and the newest first.
    pub(super) fn sorted_by(self, key: Key) -> Query {
        let descending = if self.key == key { !self.descending } else { key != Key::Name };
        Query { key, descending, ..self }
    }

    /// The same in another view.
    pub(super) fn seen_as(self, view: View) -> Query {
        Query { view, ..self }
    }

    /// Compares entries, each with its place among all by name. Folders come first in any order.
    pub(super) fn compare(self, a: &(usize, Entry), b: &(usize, Entry)) -> Ordering {
        let ((a_place, a), (b_place, b)) = (a, b);
        let by_key = match self.key {
            Key::Name => Ordering::Equal,
            Key::Size => a.size.cmp(&b.size),
            Key::Time => a.modified.cmp(&b.modified),
        };
        let order = by_key.then(a_place.cmp(b_place));
        let order = if self.descending { order.reverse() } else { order };
        b.is_folder().cmp(&a.is_folder()).then(order)
    }
}

/// Bytes that compare as people order names: whatever the case, and numbers by their value.
///
/// A run of digits becomes `0`, how many digits it has without zeros in front, and these.
pub(super) fn name_key(name: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + 8);
    for chunk in name.utf8_chunks() {
        let mut text = chunk.valid();
        while !text.is_empty() {
            let is_number = text.starts_with(|c: char| c.is_ascii_digit());
            let end = text.find(|c: char| c.is_ascii_digit() != is_number).unwrap_or(text.len());
            let (run, rest) = text.split_at(end);
            if is_number {
                let digits = run.trim_start_matches('0');
                let length = u16::try_from(digits.len()).unwrap_or(u16::MAX);
                key.push(b'0');
                key.extend_from_slice(&length.to_be_bytes());
                key.extend_from_slice(digits.as_bytes());
            } else {
                key.extend_from_slice(run.to_lowercase().as_bytes());
            }
            text = rest;
        }
        key.extend_from_slice(chunk.invalid());
    }
    key
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_query_says_is_what_its_link_says() {
        for (query, link) in [
            ("", ""),
            ("sort=name&order=asc&view=list", ""),
            ("sort=size", "?sort=size"),
            ("order=desc", "?order=desc"),
            ("view=grid&sort=time&order=desc", "?sort=time&order=desc&view=grid"),
            ("sort=size&sort=name", ""),
            ("html&sort=size", "?html&sort=size"),
            ("sort=Size&x=%3Cscript%3E&json", ""),
        ] {
            assert_eq!(Query::of(Some(query)).link(), link, "{query}");
        }
        assert_eq!(Query::of(None).link(), "");
    }

    #[test]
    fn a_columns_head_turns_the_order_round() {
        let query = Query::of(Some("view=grid"));
        let by_size = query.sorted_by(Key::Size);
        assert_eq!(by_size.link(), "?sort=size&order=desc&view=grid");
        assert_eq!(by_size.sorted_by(Key::Size).link(), "?sort=size&view=grid");
        assert_eq!(query.sorted_by(Key::Name).link(), "?order=desc&view=grid");
        assert_eq!(by_size.sorted_by(Key::Name).link(), "?view=grid");
        assert_eq!(by_size.seen_as(View::List).link(), "?sort=size&order=desc");
    }

    #[test]
    fn numbers_count_by_their_value_and_case_does_not() {
        let ordered = [
            "", "1", "2", "010", "10b", "100", "a", "A1", "a01b", "a2", "a10", "a10.1", "a10.9",
            "a10.10", "b", "Ba", "bb", "z", "Ä", "äb",
        ];
        for pair in ordered.windows(2) {
            assert!(name_key(pair[0].as_bytes()) < name_key(pair[1].as_bytes()), "{pair:?}");
        }
        assert_eq!(name_key(b"a01"), name_key(b"A1"));
        assert!(name_key(b"a\xff1") < name_key(b"a\xff10"));
        let long = "9".repeat(80_000);
        assert!(name_key(b"8") < name_key(long.as_bytes()));
    }

    proptest! {
        #[test]
        fn numbers_are_ordered_as_numbers(a: u64, b: u64, zeros in 0..4usize) {
            let name = |n: u64, zeros| {
                name_key(format!("x{}{n}.y", "0".repeat(zeros)).as_bytes())
            };
            prop_assert_eq!(name(a, zeros).cmp(&name(b, 0)), a.cmp(&b));
        }
    }
}
