//! The files of the room's page, as they are served: comment lines and indentation stay at home.
//!
//! Rule: the page is this server's own. It loads nothing from elsewhere, has no script or style in
//! its markup, and all of it weighs at most 64 kB before compression.

/// What may run in the page, and where it may connect: `Content-Security-Policy`.
pub const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// A file of the page.
#[derive(Debug)]
pub struct Asset {
    /// Its name beside the page; empty for the page itself.
    pub name: &'static str,
    /// Its `Content-Type`.
    pub media_type: &'static str,
    /// What is served.
    pub text: String,
}

macro_rules! assets {
    ($($file:literal $name:literal $media_type:literal;)*) => {
        &[$(($name, $media_type, include_str!(concat!("../../assets/", $file)))),*]
    };
}

/// Name, media type, source.
const SOURCES: &[(&str, &str, &str)] = assets! {
    "page.html" "" "text/html; charset=utf-8";
    "icon.svg" "icon.svg" "image/svg+xml";
    "style.css" "style.css" "text/css; charset=utf-8";
    "app.js" "app.js" "text/javascript; charset=utf-8";
    "compose.js" "compose.js" "text/javascript; charset=utf-8";
    "dialogs.js" "dialogs.js" "text/javascript; charset=utf-8";
    "dom.js" "dom.js" "text/javascript; charset=utf-8";
    "enter.js" "enter.js" "text/javascript; charset=utf-8";
    "keys.js" "keys.js" "text/javascript; charset=utf-8";
    "lines.js" "lines.js" "text/javascript; charset=utf-8";
    "link.js" "link.js" "text/javascript; charset=utf-8";
    "receive.js" "receive.js" "text/javascript; charset=utf-8";
    "state.js" "state.js" "text/javascript; charset=utf-8";
    "text.js" "text.js" "text/javascript; charset=utf-8";
    "typed.js" "typed.js" "text/javascript; charset=utf-8";
    "view-log.js" "view-log.js" "text/javascript; charset=utf-8";
    "view-side.js" "view-side.js" "text/javascript; charset=utf-8";
    "wire.js" "wire.js" "text/javascript; charset=utf-8";
};

/// Finds a file of the page by its name beside the page; the page itself has none.
pub fn asset(name: &str) -> Option<Asset> {
    let found = SOURCES.iter().find(|source| source.0 == name);
    found.map(|&(name, media_type, source)| Asset { name, media_type, text: lean(source) })
}

/// Leaves out what browsers do not need. Lines stay lines, so that scripts mean the same.
fn lean(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let lines = source.lines().map(str::trim_start);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with("//")) {
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole page weighs so much at most, before compression.
    const BYTES_MAX: usize = 64_000;

    #[test]
    fn the_page_is_light() {
        let all: usize = SOURCES.iter().map(|source| lean(source.2).len()).sum();
        assert!(all <= BYTES_MAX, "{all} bytes");
    }

    #[test]
    fn the_page_is_complete_and_has_no_code_in_its_markup() {
        let page = asset("").unwrap().text;
        for mark in ["href=\"", "src=\""] {
            for wanted in page.split(mark).skip(1) {
                let name = wanted.split('"').next().unwrap();
                assert!(asset(name).is_some(), "the page wants {name}");
            }
        }
        for (each, _, source) in SOURCES {
            for wanted in source.split("from './").skip(1) {
                let name = wanted.split('\'').next().unwrap();
                assert!(asset(name).is_some(), "{each} wants {name}");
            }
        }
        assert!(!page.contains(" style=") && !page.contains("<script>"));
        for rest in page.split(" on").skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_lowercase()).unwrap();
            assert!(!rest[end..].starts_with('='), "{rest}");
        }
        assert!(asset("page.html").is_none() && asset("../Cargo.toml").is_none());
    }

    #[test]
    fn comments_and_indentation_stay_at_home() {
        assert_eq!(lean("// a\n  b; // c\n\n    // d\n e\n"), "b; // c\ne\n");
    }
}
