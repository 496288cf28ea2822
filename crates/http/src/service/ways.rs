//! What is elsewhere, and what stands for what is not there: redirects, clean addresses, a page for
//! everything, pages for errors.

use std::sync::Arc;

use super::{Asking, NOTHING, Reply, Service};
use crate::config::Config;
use crate::error::Error;
use crate::files::{Files, Found, Way};
use crate::listing::wants_page;
use crate::pages::ErrorPage;
use crate::proto::coding::Accepted;
use crate::proto::head::{Head, Method};
use crate::proto::plan::{Body, Plan};
use crate::proto::status::{PeerError, Status};
use crate::proto::target::Target;
use crate::redirect::Redirect;

/// What the extension of a page is, which clean addresses leave out.
const EXTENSION: &[u8] = b".html";

/// What leads elsewhere.
pub(super) struct Ways {
    redirects: Vec<Redirect>,
    clean_urls: bool,
    index: Vec<String>,
    /// The page that stands for every address of an application.
    spa: Option<Vec<u8>>,
    error_pages: Vec<ErrorPage>,
}

impl Ways {
    /// Whether a page may stand for what is not there.
    pub(super) fn has_pages(&self) -> bool {
        let is_for_nothing = |page: &ErrorPage| page.is_for(Status::NOT_FOUND);
        self.clean_urls || self.spa.is_some() || self.error_pages.iter().any(is_for_nothing)
    }

    /// Looks whether the files are there.
    ///
    /// # Errors
    /// One is not.
    pub(super) fn new(config: &Config, files: &Files) -> Result<Ways, Error> {
        let pages = config.error_pages.iter().map(ErrorPage::path);
        for path in pages.chain(config.spa.iter().map(String::as_str)) {
            if files.page(path.as_bytes()).is_none() {
                let path = path.escape_debug();
                return Err(Error::Rule(format!("there is no file `{path}` in what is served")));
            }
        }
        Ok(Ways {
            redirects: config.redirects.clone(),
            clean_urls: config.clean_urls,
            index: config.index.clone(),
            spa: config.spa.clone().map(String::into_bytes),
            error_pages: config.error_pages.clone(),
        })
    }
}

/// What the answer depends on where a page stands for everything.
const VARY: &str = "Accept, Sec-Fetch-Mode";
/// The same where files have codings.
const VARY_CODED: &str = "Accept, Accept-Encoding, Sec-Fetch-Mode";

impl Service {
    /// Where `target` is instead of where it was asked for, if the operator says so.
    pub(super) fn elsewhere(&self, target: &Target) -> Option<Reply> {
        let redirected = self.ways.redirects.iter().find_map(|rule| rule.location(target));
        let clean = || Some(with_query(self.clean_link(target)?, target));
        let location = redirected.or_else(clean);
        location.map(|location| moved(location, "it is elsewhere"))
    }

    /// The clean link of a page that is asked for by its file's name. There is none where it would
    /// lead to something else.
    fn clean_link(&self, target: &Target) -> Option<String> {
        let stem = target.path().strip_suffix(EXTENSION)?;
        if !self.ways.clean_urls || target.is_folder() || stem.is_empty() || stem.ends_with(b"/") {
            return None;
        }
        let found = |target: &Target| self.files.find(target, &mut Way::Any);
        if !matches!(found(target), Found::File(_)) {
            return None;
        }
        let name = target.segments().next_back().unwrap_or_default();
        if self.ways.index.iter().any(|index| index.as_bytes() == name) {
            let folder = &target.path()[..target.path().len() - name.len()];
            let folder = folder.strip_suffix(b"/").unwrap_or(folder);
            return Some(target.sibling(folder, true).folder_link());
        }
        let clean = target.sibling(stem, false);
        matches!(found(&clean), Found::Missing).then(|| clean.file_link())
    }

    /// The answer for `target`, which names nothing itself: a page without its extension, the page
    /// of the application where a person goes there, or an error.
    pub(super) fn missing_reply(
        self: &Arc<Self>,
        (head, accepted): (&Head, Option<Accepted>),
        target: &Target,
        asking: &Asking<'_>,
    ) -> Reply {
        if self.ways.clean_urls && !target.is_folder() {
            let page = target.sibling(&[target.path(), EXTENSION].concat(), false);
            if let Found::File(open) = self.files.find(&page, &mut Way::Any) {
                return self.found_reply((head, accepted), target, open, asking);
            }
        }
        let page = self.ways.spa.as_ref().filter(|_| is_navigation(head));
        let reply = match page.and_then(|path| self.files.page(path)) {
            Some(open) => self.found_reply((head, accepted), target, Arc::new(open), asking),
            None => self.error_reply(head, NOTHING),
        };
        if self.ways.spa.is_none() {
            return reply;
        }
        let field = if self.codings.vary() { VARY_CODED } else { VARY };
        let vary = move |mut plan: Plan| {
            plan.headers.set("Vary", field);
            plan
        };
        match reply {
            Reply::Plan(plan) => Reply::Plan(vary(plan)),
            Reply::File(plan, open) => Reply::File(vary(plan), open),
            Reply::Job(job) => Reply::Job(Box::new(move || vary(job()))),
            reply => reply,
        }
    }

    /// The answer to a peer's mistake: the operator's page, or what [`Service::error`] says.
    pub(super) fn error_reply(&self, head: &Head, error: PeerError) -> Reply {
        let reads = matches!(head.method(), Method::Get | Method::Head);
        let page = self.ways.error_pages.iter().find(|page| page.is_for(error.status));
        let Some(open) =
            page.filter(|_| reads).and_then(|page| self.files.page(page.path().as_bytes()))
        else {
            return Reply::Plan(self.error(head, error));
        };
        let mut plan = Plan::new(error.status)
            .with_header("Content-Type", &open.facts.media_type)
            .with_header("X-Content-Type-Options", "nosniff")
            .with_header("Cache-Control", "no-cache");
        plan.body = Body::File(0..open.facts.size);
        Reply::File(plan, Arc::new(open))
    }
}

/// The answer that says where it is.
pub(super) fn moved(location: String, why: &str) -> Reply {
    let plan = Plan::text(Status::MOVED_PERMANENTLY, why);
    // Else caches, and browsers, might keep the answer for good.
    let plan = plan.with_header("Cache-Control", "no-cache");
    Reply::Plan(plan.with_header("Location", location))
}

/// `link`, and the query of `target`.
pub(super) fn with_query(mut link: String, target: &Target) -> String {
    if let Some(query) = target.query() {
        link.push('?');
        link.push_str(query);
    }
    link
}

/// Whether a person goes to a page, and no script fetches data: browsers say so by
/// `Sec-Fetch-Mode`, others by what they accept.
fn is_navigation(head: &Head) -> bool {
    matches!(head.method(), Method::Get | Method::Head)
        && wants_page(head)
        && head.field("sec-fetch-mode").is_none_or(|mode| mode == b"navigate")
}
