//! The files of the page, in the binary. Their address holds a hash of all of them, so that a
//! browser keeps them for good and a new version is a new address.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use sockeye_http::{Answer, Handler, Plan, Request, Status};

macro_rules! assets {
    ($($name:literal: $media_type:literal),+ $(,)?) => {
        &[$(($name, $media_type, include_str!(concat!("../../assets/", $name)))),+]
    };
}

/// Name, media type, content.
const ASSETS: &[(&str, &str, &str)] = assets! {
    "app.js": "text/javascript; charset=utf-8",
    "drop.js": "text/javascript; charset=utf-8",
    "files.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "look.js": "text/javascript; charset=utf-8",
    "room.js": "text/javascript; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "words.js": "text/javascript; charset=utf-8",
};

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    ASSETS.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
});

/// The part of the address that changes with the contents.
pub(super) fn version() -> &'static str {
    &VERSION
}

/// Answers for `/~assets/VERSION/NAME`.
pub(super) struct Assets;

impl Handler for Assets {
    fn handle(&self, request: &Request<'_>) -> Answer {
        if !super::reads(request) {
            return super::only("GET, HEAD");
        }
        let found = std::str::from_utf8(request.rest()).ok().and_then(|rest| {
            let (version, name) = rest.split_once('/')?;
            ASSETS.iter().find(|asset| asset.0 == name).map(|asset| (version, asset))
        });
        let Some((asked, (_, media_type, content))) = found else {
            return Answer::Plan(Plan::text(Status::NOT_FOUND, "the page has no such part"));
        };
        let tag = format!("\"{}\"", version());
        let current = asked == version();
        let keep = if current { "private, max-age=31536000, immutable" } else { "no-cache" };
        let plan = if request.has("If-None-Match", &tag) {
            Plan::new(Status::NOT_MODIFIED)
        } else {
            Plan::new(Status::OK)
                .with_content(media_type, content.as_bytes())
                .with_header("Content-Security-Policy", "default-src 'none'")
                .with_header("Cross-Origin-Resource-Policy", "same-origin")
        };
        Answer::Plan(plan.with_header("ETag", tag).with_header("Cache-Control", keep))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole page weighs so much at most, before compression (issue 3).
    const BYTES_MAX: usize = 60 * 1024;

    #[test]
    fn the_page_is_light_and_complete() {
        let page = include_str!("../../assets/page.html");
        let drop = include_str!("../../assets/drop.html");
        let all = ASSETS.iter().map(|asset| asset.2.len()).sum::<usize>() + page.len() + drop.len();
        assert!(all <= BYTES_MAX, "{all} bytes");
        for (name, _, content) in ASSETS {
            for (at, _) in content.match_indices("from './") {
                let wanted = content[at + 8..].split('\'').next().unwrap();
                assert!(ASSETS.iter().any(|asset| asset.0 == wanted), "{name} wants {wanted}");
            }
        }
        assert!(!page.contains(" style=") && !page.contains("<script>") && !page.contains(" on"));
    }
}
