//! Order, forms, escaping.

use super::*;
use crate::proto::head::Method;

fn entry(name: &[u8], is_folder: bool, size: u64, modified: u64) -> Entry {
    let kind = if is_folder { Kind::Folder } else { Kind::File };
    Entry { name: name.to_vec(), kind, size, modified: Some(modified) }
}

fn entries() -> Vec<Entry> {
    vec![
        entry(b"b.txt", false, 5, 30),
        entry(b"A.txt", false, 2000, 10),
        entry(b"z", true, 0, 20),
        entry(b"<script>alert(\"1\")</script> & co", false, 1, 5),
        entry("gpj.\u{202e}exe".as_bytes(), false, 1, 1),
        entry(b"\xff\xfe", false, 1, 2),
        entry(b"100% #1?.txt", false, 1, 3),
        entry(b"c:d", false, 1, 4),
    ]
}

const OFFERS: Offers<'static> = Offers { picture_bytes_max: 1000, archives: &[], upload: false };

fn asked(target: &Target, form: Listing) -> Asked {
    Asked { form, query: Query::of(target.query()) }
}

fn listed(query: &str, form: Listing) -> String {
    let target = Target::parse(&format!("/some%20dir/{query}"), Method::Get).unwrap();
    let folder = Folder { target: &target, entries: entries(), is_cut: false, offers: OFFERS };
    let plan = folder.plan(asked(&target, form));
    assert_eq!(plan.status, Status::OK);
    content(plan)
}

fn content(plan: Plan) -> String {
    let crate::proto::plan::Body::Bytes(bytes) = plan.body else { panic!("no bytes") };
    String::from_utf8(bytes.into_owned()).unwrap()
}

fn names(query: &str) -> Vec<String> {
    listed(query, Listing::Text).lines().map(str::to_owned).collect()
}

#[test]
fn folders_come_first_in_every_order() {
    assert_eq!(names("")[0], "z/");
    assert_eq!(names("?order=desc")[0], "z/");
    let by_size = names("?sort=size&order=desc");
    assert_eq!(by_size[..3], ["z/", "A.txt", "b.txt"]);
    let by_time = names("?sort=time&order=desc");
    assert_eq!(by_time[..3], ["z/", "b.txt", "A.txt"]);
    let by_name = names("");
    let at = |name| by_name.iter().position(|found| found == name).unwrap();
    assert!(at("A.txt") < at("b.txt") && at("b.txt") < at("c:d"));
}

#[test]
fn numbers_in_names_count_by_their_value() {
    let target = Target::parse("/", Method::Get).unwrap();
    let entries = ["x10.png", "X9.png", "x1", "x10"]
        .iter()
        .map(|name| entry(name.as_bytes(), false, 1, 1))
        .chain([entry(b"folder 2", true, 0, 1), entry(b"folder 10", true, 0, 1)]);
    let mut folder =
        Folder { target: &target, entries: entries.collect(), is_cut: false, offers: OFFERS };
    folder.sort(Query::of(None));
    let names: Vec<String> = folder.entries.iter().map(Entry::shown).collect();
    assert_eq!(names, ["folder 2/", "folder 10/", "x1", "X9.png", "x10", "x10.png"]);
    let places = folder.sort(Query::of(Some("order=desc")));
    assert_eq!(places, [1, 0, 5, 4, 3, 2]);
    let again = folder.sort(Query::of(Some("sort=size&order=desc")));
    assert_eq!(again, places, "what is equal is ordered by name");
}

#[test]
fn links_keep_what_was_asked_for() {
    let page = listed("?sort=size&view=grid", Listing::Html);
    for link in [
        "href=\"./z/?sort=size&amp;view=grid\"",
        "href=\"../?sort=size&amp;view=grid\"",
        "href=\"/?sort=size&amp;view=grid\"",
        "href=\"./?view=grid\" data-sort=\"name\"",
        "href=\"./?sort=size&amp;order=desc&amp;view=grid\" data-sort=\"size\"",
        "href=\"./?sort=size\" data-view=\"list\"",
        "href=\"./A.txt\"",
    ] {
        assert!(page.contains(link), "{link} in {page}");
    }
    assert!(page.contains("<html lang=\"en\" data-view=\"grid\">"));
    assert!(page.contains("aria-sort=\"ascending\"><a href=\"./?sort=size&amp;order=desc"));
}

#[test]
fn small_pictures_are_shown_in_the_grid_alone() {
    let target = |query| Target::parse(query, Method::Get).unwrap();
    let picture = |name: &[u8], size| Entry { kind: Kind::Picture, ..entry(name, false, size, 1) };
    let page = |query| {
        let entries = vec![
            picture(b"a\".png", 1000),
            picture(b"large.png", 1001),
            picture(b"empty.png", 0),
            Entry { kind: Kind::Image, ..entry(b"b.tiff", false, 9, 1) },
        ];
        let target = target(query);
        let folder = Folder { target: &target, entries, is_cut: false, offers: OFFERS };
        content(folder.plan(asked(&target, Listing::Html)))
    };
    let grid = page("/?view=grid");
    assert_eq!(grid.matches("<img").count(), 1);
    assert!(grid.contains("<img src=\"./a%22.png\" alt=\"Picture\" loading=\"lazy\""));
    let list = page("/");
    assert_eq!((list.matches("<img").count(), list.matches(" data-picture").count()), (0, 1));
}

#[test]
fn uploads_are_offered_to_who_may() {
    let target = Target::parse("/a/", Method::Get).unwrap();
    let plan = |upload| {
        let offers = Offers { upload, ..OFFERS };
        let folder = Folder { target: &target, entries: vec![], is_cut: false, offers };
        folder.plan(asked(&target, Listing::Html))
    };
    let (with, without) = (content(plan(true)), content(plan(false)));
    assert!(with.contains("<form class=\"upload\" id=\"upload\" method=\"post\" action=\"./\""));
    assert!(with.contains("<input id=\"pick\" type=\"file\" name=\"file\" multiple>"));
    assert!(!without.contains("<form") && !without.contains("type=\"file\""));
}

#[test]
fn archives_are_offered_where_there_are_some() {
    let target = Target::parse("/a/", Method::Get).unwrap();
    let page = |archives, entries| {
        let offers = Offers { archives, ..OFFERS };
        let folder = Folder { target: &target, entries, is_cut: false, offers };
        content(folder.plan(asked(&target, Listing::Html)))
    };
    let both = page(&[Format::Zip, Format::TarGz], entries());
    assert!(both.contains("href=\"./?zip\" download") && both.contains("href=\"./?tar.gz\""));
    assert!(!both.contains("?tar\""));
    assert!(!page(&[], entries()).contains(" download"));
    let empty = page(&[Format::Zip], vec![]);
    assert!(empty.contains("class=\"archives\" aria-label=\"This folder as one file\" hidden"));
}

#[test]
fn the_page_escapes_names_and_encodes_links() {
    let page = listed("", Listing::Html);
    assert!(!page.contains("<script>alert") && page.contains("&lt;script&gt;"));
    assert!(page.contains("href=\"./%3Cscript%3Ealert%28%221%22%29%3C%2Fscript%3E%20%26%20co\""));
    assert!(page.contains("href=\"./%FF%FE\""));
    assert!(page.contains("href=\"./100%25%20%231%3F.txt\""));
    assert!(page.contains("href=\"./c%3Ad\""));
    assert!(page.contains("href=\"./z/\"") && page.contains("href=\"../\""));
    assert!(!page.contains('\u{202e}'));
    assert!(page.contains("<title>some dir</title>") && page.contains("<bdi>\\xff\\xfe</bdi>"));
    assert!(page.contains("<bdi>gpj.\\u{202e}exe</bdi>"));
}

#[test]
fn json_is_whole() {
    let json: serde_json::Value = serde_json::from_str(&listed("", Listing::Json)).unwrap();
    assert_eq!(json["path"], "/some%20dir/");
    let entries = json["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 8);
    let first = serde_json::json!({
        "name": "z", "kind": "folder", "url": "./z/", "size": null,
        "modified": "1970-01-01T00:00:20Z",
    });
    assert_eq!(entries[0], first);
}

#[test]
fn the_form_follows_the_query_then_accept() {
    let form = |target: &str, accept: &str, usual| {
        let accept =
            if accept.is_empty() { String::new() } else { format!("Accept: {accept}\r\n") };
        let text = format!("GET {target} HTTP/1.0\r\n{accept}\r\n");
        let head = Head::parse(text.into_bytes()).unwrap();
        super::form(&head, &Target::of(&head).unwrap(), usual)
    };
    for (target, accept, usual, expected) in [
        ("/", "", Listing::Html, Listing::Html),
        ("/", "", Listing::Json, Listing::Json),
        ("/", "*/*", Listing::Html, Listing::Html),
        ("/", "*/*", Listing::Text, Listing::Text),
        ("/", "application/json", Listing::Html, Listing::Json),
        ("/", "text/html;q=0.5, application/json", Listing::Html, Listing::Json),
        ("/", "text/html, application/json;q=0.9", Listing::Json, Listing::Html),
        ("/", "text/*, text/html;q=0", Listing::Html, Listing::Text),
        ("/", "image/png", Listing::Html, Listing::Html),
        ("/?json", "text/html", Listing::Html, Listing::Json),
        ("/?sort=size&text", "", Listing::Html, Listing::Text),
        ("/?json", "", Listing::Off, Listing::Off),
    ] {
        assert_eq!(form(target, accept, usual), expected, "{target} {accept} {usual:?}");
    }
}

#[test]
fn what_cannot_be_fetched_is_not_listed() {
    for (name, hidden, expected) in [
        (&b"a"[..], false, true),
        (b".git", false, false),
        (b".git", true, true),
        (b".well-known", false, true),
        (b"a\nb", true, false),
        (b"a\\b", true, false),
    ] {
        assert_eq!(is_servable(name, hidden), expected, "{}", name.escape_ascii());
    }
}

#[test]
fn sizes_for_people() {
    for (bytes, text) in [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024 * 1024 - 1, "1023.9 KiB"),
        (1 << 30, "1.0 GiB"),
        (u64::MAX, "15.9 EiB"),
    ] {
        assert_eq!(human(bytes), text);
    }
}
