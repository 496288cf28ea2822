//! Media types of files, by name; text gets its charset.

use std::collections::HashMap;

/// Types that the registry of `mime_guess` lacks or has in a form that browsers do not want.
const OURS: &[(&str, &str)] = &[
    ("avif", "image/avif"),
    ("cjs", "text/javascript"),
    ("gpx", "application/gpx+xml"),
    ("ipynb", "application/json"),
    ("jsonl", "application/jsonl"),
    ("jxl", "image/jxl"),
    ("lock", "text/plain"),
    ("log", "text/plain"),
    ("m4a", "audio/mp4"),
    ("mjs", "text/javascript"),
    ("opus", "audio/ogg"),
    ("toml", "text/plain"),
    ("ts", "text/plain"),
    ("wasm", "application/wasm"),
    ("webmanifest", "application/manifest+json"),
    ("yaml", "text/plain"),
    ("yml", "text/plain"),
    ("zst", "application/zstd"),
];

/// Files without an extension that are text by custom.
const TEXT_NAMES: &[&str] = &[
    "authors",
    "changelog",
    "copying",
    "dockerfile",
    "install",
    "licence",
    "license",
    "makefile",
    "news",
    "notice",
    "readme",
    "todo",
];

/// What a file is when nobody knows.
const UNKNOWN: &str = "application/octet-stream";

/// Media types by extension: the operator's first.
#[derive(Debug, Default)]
pub(crate) struct MediaTypes {
    configured: HashMap<String, String>,
}

impl MediaTypes {
    /// `configured` has pairs of an extension (without the dot, any case) and a type.
    pub(crate) fn new(configured: &[(String, String)]) -> MediaTypes {
        let lower = |(extension, media_type): &(String, String)| {
            (extension.trim_start_matches('.').to_ascii_lowercase(), media_type.clone())
        };
        MediaTypes { configured: configured.iter().map(lower).collect() }
    }

    /// The type of the file called `name`.
    pub(crate) fn of(&self, name: &[u8]) -> String {
        let name = std::str::from_utf8(name).unwrap_or("").to_ascii_lowercase();
        let Some((_, extension)) = name.rsplit_once('.') else {
            let text = TEXT_NAMES.contains(&name.as_str());
            return if text { with_charset("text/plain") } else { UNKNOWN.to_owned() };
        };
        if let Some(configured) = self.configured.get(extension) {
            return configured.clone();
        }
        let ours = OURS.iter().find(|(ours, _)| *ours == extension).map(|(_, found)| *found);
        let guessed = || mime_guess::from_ext(extension).first_raw();
        with_charset(ours.or_else(guessed).unwrap_or(UNKNOWN))
    }
}

/// Whether data of this type have been compressed already, so that doing it again is of no use.
pub(crate) fn is_dense(media_type: &str) -> bool {
    const DENSE: &[&str] = &[
        "application/epub+zip",
        "application/gzip",
        "application/java-archive",
        "application/ogg",
        "application/pdf",
        "application/vnd.rar",
        "application/x-7z-compressed",
        "application/x-bzip2",
        "application/x-rar-compressed",
        "application/x-xz",
        "application/zip",
        "application/zstd",
        "font/woff",
        "font/woff2",
    ];
    const PLAIN: &[&str] = &["image/bmp", "image/svg+xml", "image/tiff", "audio/midi"];
    let name = media_type.split(';').next().unwrap_or_default().trim();
    let family = name.split('/').next().unwrap_or_default();
    DENSE.contains(&name)
        || name.starts_with("application/vnd.openxmlformats-officedocument.")
        || name.starts_with("application/vnd.oasis.opendocument.")
        || (matches!(family, "image" | "audio" | "video") && !PLAIN.contains(&name))
}

/// Whether data of this type are text, or shrink as text does.
pub(crate) fn is_text(media_type: &str) -> bool {
    const TEXT: &[&str] = &[
        "application/javascript",
        "application/json",
        "application/jsonl",
        "application/manifest+json",
        "application/rtf",
        "application/wasm",
        "application/x-sh",
        "application/xml",
        "image/bmp",
        "image/svg+xml",
    ];
    let name = media_type.split(';').next().unwrap_or_default().trim();
    let is_text = name.starts_with("text/") || TEXT.contains(&name);
    is_text || name.ends_with("+xml") || name.ends_with("+json")
}

/// Text is said to be UTF-8: what else is there.
fn with_charset(media_type: &str) -> String {
    if media_type.starts_with("text/") {
        format!("{media_type}; charset=utf-8")
    } else {
        media_type.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_by_name() {
        let types = MediaTypes::new(&[(".FOO".to_owned(), "x/foo".to_owned())]);
        for (name, expected) in [
            ("a.html", "text/html; charset=utf-8"),
            ("A.HTML", "text/html; charset=utf-8"),
            ("a.css", "text/css; charset=utf-8"),
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.mjs", "text/javascript; charset=utf-8"),
            ("a.txt", "text/plain; charset=utf-8"),
            ("a.json", "application/json"),
            ("a.svg", "image/svg+xml"),
            ("a.png", "image/png"),
            ("a.tar.gz", "application/gzip"),
            ("a.wasm", "application/wasm"),
            ("a.webmanifest", "application/manifest+json"),
            ("README", "text/plain; charset=utf-8"),
            ("a.foo", "x/foo"),
            ("program", UNKNOWN),
            ("a.nobodyknows", UNKNOWN),
            ("a.", UNKNOWN),
            ("", UNKNOWN),
        ] {
            assert_eq!(types.of(name.as_bytes()), expected, "{name}");
        }
        assert_eq!(types.of(b"\xff.html"), UNKNOWN);
    }

    #[test]
    fn what_is_text() {
        let types = MediaTypes::new(&[]);
        for (name, text) in [
            ("a.html", true),
            ("a.js", true),
            ("a.json", true),
            ("a.svg", true),
            ("a.wasm", true),
            ("a.atom", true),
            ("a.webmanifest", true),
            ("a.png", false),
            ("a.pdf", false),
            ("a", false),
        ] {
            assert_eq!(is_text(&types.of(name.as_bytes())), text, "{name}");
        }
    }

    #[test]
    fn what_is_compressed_already() {
        let types = MediaTypes::new(&[]);
        for (name, dense) in [
            ("a.zip", true),
            ("a.jar", true),
            ("a.docx", true),
            ("a.odt", true),
            ("a.jpg", true),
            ("a.mp4", true),
            ("a.mp3", true),
            ("a.woff2", true),
            ("a.zst", true),
            ("a.xz", true),
            ("a.7z", true),
            ("a.svg", false),
            ("a.bmp", false),
            ("a.tar", false),
            ("a.html", false),
            ("a.wasm", false),
            ("a", false),
        ] {
            assert_eq!(is_dense(&types.of(name.as_bytes())), dense, "{name}");
        }
    }
}
