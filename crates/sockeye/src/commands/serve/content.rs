//! The flags of `sockeye serve` that say what is served and how it is shown.

use clap::ValueEnum;
use sockeye_edge::tree::Symlinks;
use sockeye_http::{ArchiveFormat, BasePath, Coding, Config, ErrorPage, Listing, Redirect, Rule};

/// What is served.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Content")]
pub(super) struct ContentArgs {
    /// A file that stands for its folder (repeatable; the first that exists counts)
    #[arg(long, value_name = "FILE", default_value = "index.html", value_delimiter = ',')]
    index: Vec<String>,
    /// Show folders even where they have an index file
    #[arg(long, conflicts_with = "index")]
    no_index: bool,
    /// How folders are shown, unless a request asks for another form (?json, ?text, Accept)
    #[arg(long, value_enum, default_value = "html")]
    listing: ListingArg,
    /// The forms in which a folder can be had as one file, by ?zip, ?tar or ?tar.gz
    #[arg(long, value_enum, value_name = "FORM", value_delimiter = ',')]
    archive: Vec<ArchiveArg>,
    /// Send a.js.br, a.js.zst or a.js.gz for a.js where the client takes that
    #[arg(long)]
    precompressed: bool,
    /// Compress text of up to 4 MiB when it is asked for
    #[arg(short = 'C', long, value_enum, value_name = "CODING", value_delimiter = ',')]
    compress: Vec<CodingArg>,
    /// Send who asks for FROM to TO, for example /old/**=/new/** (repeatable)
    #[arg(long, value_name = "FROM=TO", value_parser = Redirect::parse)]
    redirect: Vec<Redirect>,
    /// Serve about.html as /about, and lead there from its file's name
    #[arg(long)]
    clean_urls: bool,
    /// The page that people get where there is nothing of the name [index.html]
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "index.html"
    )]
    spa: Option<String>,
    /// A page for an error, for example 404=404.html (repeatable)
    #[arg(long, value_name = "STATUS=FILE", value_parser = ErrorPage::parse)]
    error_page: Vec<ErrorPage>,
    /// The path below which everything is, for servers behind a proxy
    #[arg(long, value_name = "/PATH", default_value = "/", hide_default_value = true)]
    base_path: BasePath,
    /// Serve names that start with a dot too
    #[arg(long)]
    hidden: bool,
    /// Which symbolic links are followed
    #[arg(long, value_enum, default_value = "within")]
    symlinks: SymlinksArg,
    /// Keep nothing of files between requests: open each of them anew
    #[arg(long)]
    no_cache: bool,
    /// The media type of an extension (repeatable)
    #[arg(long, value_name = "EXT=TYPE", value_parser = mime)]
    mime: Vec<(String, String)>,
    /// A header field for the files that a pattern matches (repeatable)
    #[arg(long, value_name = "GLOB: NAME: VALUE", value_parser = Rule::parse)]
    header: Vec<Rule>,
    /// The Cache-Control of the files that a pattern matches (repeatable)
    #[arg(long, value_name = "GLOB=VALUE", value_parser = cache_control)]
    cache_control: Vec<Rule>,
}

impl ContentArgs {
    /// What every address ends with; no slash in front.
    pub(super) fn below(&self) -> String {
        self.base_path.link().trim_start_matches('/').to_owned()
    }

    /// Whether symbolic links may lead out of what is served.
    pub(super) fn follows_links_anywhere(&self) -> bool {
        matches!(self.symlinks, SymlinksArg::Follow)
    }

    /// Puts them into `config`.
    pub(super) fn apply(&self, config: &mut Config) {
        config.index = if self.no_index { Vec::new() } else { self.index.clone() };
        config.listing = match self.listing {
            ListingArg::Html => Listing::Html,
            ListingArg::Json => Listing::Json,
            ListingArg::Text => Listing::Text,
            ListingArg::Off => Listing::Off,
        };
        config.archives = self.archive.iter().map(|form| form.format()).collect();
        config.precompressed = self.precompressed;
        config.compress = self.compress.iter().map(|coding| coding.coding()).collect();
        config.redirects = self.redirect.clone();
        config.clean_urls = self.clean_urls;
        config.spa = self.spa.as_ref().map(|path| path.trim_start_matches('/').to_owned());
        config.error_pages = self.error_page.clone();
        config.base_path = self.base_path.clone();
        config.hidden = self.hidden;
        config.symlinks = match self.symlinks {
            SymlinksArg::Never => Symlinks::Never,
            SymlinksArg::Within => Symlinks::Within,
            SymlinksArg::Follow => Symlinks::Follow,
        };
        config.media_types = self.mime.clone();
        config.headers = [self.cache_control.clone(), self.header.clone()].concat();
        config.cache = !self.no_cache;
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ListingArg {
    /// A page
    Html,
    /// JSON
    Json,
    /// One name a line
    Text,
    /// Not at all: 404
    Off,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SymlinksArg {
    /// None
    Never,
    /// Those that stay within the folder
    Within,
    /// All, wherever they lead
    Follow,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ArchiveArg {
    /// A zip, which every system opens
    Zip,
    /// A tar
    Tar,
    /// A tar, compressed by gzip
    #[value(name = "tar.gz")]
    TarGz,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum CodingArg {
    /// Brotli
    Br,
    /// Zstandard
    Zstd,
    /// Gzip
    Gzip,
}

impl CodingArg {
    fn coding(self) -> Coding {
        match self {
            CodingArg::Br => Coding::Brotli,
            CodingArg::Zstd => Coding::Zstd,
            CodingArg::Gzip => Coding::Gzip,
        }
    }
}

impl ArchiveArg {
    fn format(self) -> ArchiveFormat {
        match self {
            ArchiveArg::Zip => ArchiveFormat::Zip,
            ArchiveArg::Tar => ArchiveFormat::Tar,
            ArchiveArg::TarGz => ArchiveFormat::TarGz,
        }
    }
}

fn mime(text: &str) -> Result<(String, String), String> {
    let right = |kind: &str| {
        let graphic = kind.chars().all(|c| c.is_ascii_graphic() || c == ' ');
        graphic && kind.split_once('/').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty())
    };
    match text.split_once('=') {
        Some((extension, kind)) if !extension.is_empty() && right(kind) => {
            Ok((extension.to_owned(), kind.to_owned()))
        }
        _ => Err("write it like md=text/plain".to_owned()),
    }
}

fn cache_control(text: &str) -> Result<Rule, String> {
    let (glob, value) = text.split_once('=').ok_or("write it like '*.css=max-age=3600'")?;
    Rule::new(glob, "Cache-Control", value)
}
