//! In which form a folder is sent as one file, and what each form is called.

/// How many folders deep an archive may go.
pub const DEPTH_MAX: usize = 64;

/// A form of archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `?zip`
    Zip,
    /// `?tar`
    Tar,
    /// `?tar.gz`
    TarGz,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 3] = [Format::Zip, Format::Tar, Format::TarGz];

    /// The word that asks for it in a query, and what its file's name ends with.
    pub fn word(self) -> &'static str {
        match self {
            Format::Zip => "zip",
            Format::Tar => "tar",
            Format::TarGz => "tar.gz",
        }
    }

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Zip => "application/zip",
            Format::Tar => "application/x-tar",
            Format::TarGz => "application/gzip",
        }
    }

    /// What `query` asks for; the first word that is a form counts.
    pub fn asked(query: Option<&str>) -> Option<Format> {
        let words = query.unwrap_or_default().split('&');
        words.into_iter().find_map(|word| Format::ALL.into_iter().find(|form| form.word() == word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_the_query_asks() {
        for (query, expected) in [
            (None, None),
            (Some(""), None),
            (Some("zip"), Some(Format::Zip)),
            (Some("sort=size&tar.gz"), Some(Format::TarGz)),
            (Some("tar&zip"), Some(Format::Tar)),
            (Some("zip=1"), None),
            (Some("ZIP"), None),
        ] {
            assert_eq!(Format::asked(query), expected, "{query:?}");
        }
    }
}
