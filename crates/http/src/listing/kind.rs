//! What kind of thing an entry is, by the media type that it would be served with: its icon, and
//! whether a browser can show it as a small picture.

/// The kinds that the page tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Folder,
    /// A picture that every browser shows.
    Picture,
    /// Any other image.
    Image,
    Video,
    Audio,
    Text,
    Code,
    Document,
    Archive,
    File,
}

/// Images that browsers show. In an `<img>` none of them, SVG included, runs a script.
const PICTURES: &[&str] =
    &["image/avif", "image/gif", "image/jpeg", "image/png", "image/svg+xml", "image/webp"];

/// Types that are programs or data in a text, besides what their family says.
const CODE: &[&str] = &[
    "application/json",
    "application/jsonl",
    "application/javascript",
    "application/manifest+json",
    "application/x-sh",
    "application/x-yaml",
    "application/xml",
    "text/css",
    "text/html",
    "text/javascript",
    "text/x-c",
    "text/xml",
];

/// What holds pages.
const DOCUMENTS: &[&str] = &[
    "application/epub+zip",
    "application/msword",
    "application/pdf",
    "application/postscript",
    "application/rtf",
];

/// Types of office programs begin so.
const OFFICE: &[&str] = &[
    "application/vnd.ms-",
    "application/vnd.oasis.opendocument.",
    "application/vnd.openxmlformats-officedocument.",
];

/// What holds other files.
const ARCHIVES: &[&str] = &[
    "application/gzip",
    "application/java-archive",
    "application/vnd.rar",
    "application/x-7z-compressed",
    "application/x-bzip",
    "application/x-bzip2",
    "application/x-compressed",
    "application/x-gzip",
    "application/x-rar-compressed",
    "application/x-tar",
    "application/x-xz",
    "application/zip",
    "application/zstd",
];

/// Extensions whose registered type says less than the name does.
const BY_NAME: &[(&str, Kind)] = &[
    ("c", Kind::Code),
    ("cpp", Kind::Code),
    ("deb", Kind::Archive),
    ("go", Kind::Code),
    ("h", Kind::Code),
    ("iso", Kind::Archive),
    ("java", Kind::Code),
    ("py", Kind::Code),
    ("rs", Kind::Code),
    ("sh", Kind::Code),
    ("toml", Kind::Code),
    ("ts", Kind::Code),
    ("yaml", Kind::Code),
    ("yml", Kind::Code),
    ("zst", Kind::Archive),
];

impl Kind {
    /// The kind of the file called `name`, which is served as `media_type`.
    pub(crate) fn of(name: &[u8], media_type: &str) -> Kind {
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        if PICTURES.contains(&essence) {
            return Kind::Picture;
        }
        let dot = name.iter().rposition(|&byte| byte == b'.');
        let extension = dot.map_or(&b""[..], |dot| &name[dot + 1..]);
        let by_name =
            BY_NAME.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(extension));
        match by_name {
            Some((_, kind)) => *kind,
            None => Kind::of_type(essence),
        }
    }

    fn of_type(essence: &str) -> Kind {
        if CODE.contains(&essence) {
            return Kind::Code;
        }
        if DOCUMENTS.contains(&essence) || OFFICE.iter().any(|start| essence.starts_with(start)) {
            return Kind::Document;
        }
        if ARCHIVES.contains(&essence) {
            return Kind::Archive;
        }
        match essence.split('/').next() {
            Some("image") => Kind::Image,
            Some("video") => Kind::Video,
            Some("audio") => Kind::Audio,
            Some("text") => Kind::Text,
            _ => Kind::File,
        }
    }

    /// The name of its icon.
    pub(super) fn icon(self) -> &'static str {
        match self {
            Kind::Folder => "folder",
            Kind::Picture | Kind::Image => "image",
            Kind::Video => "video",
            Kind::Audio => "audio",
            Kind::Text => "text",
            Kind::Code => "code",
            Kind::Document => "document",
            Kind::Archive => "archive",
            Kind::File => "file",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::MediaTypes;

    #[test]
    fn kinds_by_name() {
        let media = MediaTypes::new(&[("scan".to_owned(), "image/png".to_owned())]);
        for (name, kind) in [
            ("a.png", Kind::Picture),
            ("A.JPG", Kind::Picture),
            ("a.svg", Kind::Picture),
            ("a.avif", Kind::Picture),
            ("a.scan", Kind::Picture),
            ("a.tiff", Kind::Image),
            ("a.heic", Kind::Image),
            ("a.mp4", Kind::Video),
            ("a.flac", Kind::Audio),
            ("a.txt", Kind::Text),
            ("README", Kind::Text),
            ("a.html", Kind::Code),
            ("a.rs", Kind::Code),
            ("a.py", Kind::Code),
            ("a.ts", Kind::Code),
            ("a.yml", Kind::Code),
            ("a.pdf", Kind::Document),
            ("a.odt", Kind::Document),
            ("a.xlsx", Kind::Document),
            ("a.tar.gz", Kind::Archive),
            ("a.tar.zst", Kind::Archive),
            ("a.zip", Kind::Archive),
            ("a.7z", Kind::Archive),
            ("a.iso", Kind::Archive),
            ("a.deb", Kind::Archive),
            ("a", Kind::File),
            ("rs", Kind::File),
            ("", Kind::File),
        ] {
            assert_eq!(Kind::of(name.as_bytes(), &media.of(name.as_bytes())), kind, "{name}");
        }
        assert_eq!(Kind::of(b"\xff.png", "application/octet-stream"), Kind::File);
    }
}
