//! What every page of ours is framed by: style, icons, scripts, and a policy that allows these by
//! their digests. Nothing else may run, and only pictures of this server are loaded.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::query::View;
use crate::proto::plan::Plan;
use crate::proto::status::Status;

const STYLE: &str = include_str!("style.css");
/// Drawn once, used by each row.
const ICONS: &str = include_str!("icons.svg");
/// Runs before anything is shown.
const EARLY: &str = include_str!("early.js");
const BROWSE: &str = include_str!("page.js");
const UPLOAD: &str = include_str!("upload.js");

/// What a page may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum May {
    /// Be looked at.
    Show,
    /// Sort, filter, show pictures.
    Browse,
    /// That, and send files to where it came from.
    Upload,
}

static POLICIES: LazyLock<[String; 3]> =
    LazyLock::new(|| [May::Show, May::Browse, May::Upload].map(May::make_policy));

impl May {
    fn scripts(self) -> &'static [&'static str] {
        match self {
            May::Show => &[],
            May::Browse => &[BROWSE],
            May::Upload => &[BROWSE, UPLOAD],
        }
    }

    fn policy(self) -> &'static str {
        let [show, browse, upload] = &*POLICIES;
        match self {
            May::Show => show,
            May::Browse => browse,
            May::Upload => upload,
        }
    }

    fn make_policy(self) -> String {
        let mut policy = format!("default-src 'none'; style-src {}", digest(STYLE));
        if self != May::Show {
            policy += &format!("; img-src 'self'; script-src {}", digest(EARLY));
            for script in self.scripts() {
                policy += &format!(" {}", digest(script));
            }
        }
        policy += match self {
            May::Upload => "; connect-src 'self'; form-action 'self'",
            May::Show | May::Browse => "; form-action 'none'",
        };
        policy + "; base-uri 'none'; frame-ancestors 'self'"
    }
}

fn digest(content: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(content.as_bytes())))
}

/// A page.
pub(super) struct Page<'a> {
    /// What the browser's window is called.
    pub(super) title: &'a str,
    /// How its table is laid out.
    pub(super) view: View,
    /// What it may do.
    pub(super) may: May,
    /// What is on it.
    pub(super) body: Markup,
}

impl Page<'_> {
    /// Makes it the content of `plan`.
    pub(super) fn on(self, plan: Plan) -> Plan {
        let policy = self.may.policy();
        plan.with_content("text/html; charset=utf-8", self.document().into_string().into_bytes())
            .with_header("Content-Security-Policy", policy)
            .with_header("Referrer-Policy", "same-origin")
    }

    fn document(self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" data-view=(self.view.word()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) }
                    @if self.may != May::Show { script { (PreEscaped(EARLY)) } }
                    @for script in self.may.scripts() {
                        script type="module" { (PreEscaped(script)) }
                    }
                }
                body { (PreEscaped(ICONS)) (self.body) }
            }
        }
    }
}

/// A page that says why there is nothing here; `home` is the link to what there is.
pub(crate) fn error_page(status: Status, why: &str, home: &str) -> Plan {
    let body = html! {
        main.error {
            p.code aria-hidden="true" { (status.code()) }
            h1 { span.hide { (status.code()) " " } (status.reason()) }
            p.why { (why) "." }
            p { a.button href=(home) { (icon("folder")) "All files" } }
        }
    };
    let title = status.to_string();
    Page { title: &title, view: View::List, may: May::Show, body }.on(Plan::new(status))
}

/// One of the pictures that every page has.
pub(super) fn icon(name: &str) -> Markup {
    html! { svg.(name) aria-hidden="true" { use href={ "#i-" (name) } {} } }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What every folder's page carries besides its rows, before compression.
    const BYTES_MAX: usize = 32 * 1024;

    #[test]
    fn style_and_scripts_are_light_and_whole() {
        let all = [STYLE, ICONS, EARLY, BROWSE, UPLOAD];
        assert!(all.iter().map(|part| part.len()).sum::<usize>() <= BYTES_MAX);
        for part in all {
            assert!(!part.contains("</script") && !part.contains("</style"), "ends too early");
            assert!(!part.contains("http:") && !part.contains("https:"), "asks elsewhere");
        }
    }

    #[test]
    fn a_policy_allows_what_is_in_the_page_and_nothing_inline_else() {
        let plan = error_page(Status::NOT_FOUND, "x < y", "/");
        let policy = plan.headers.get("Content-Security-Policy").unwrap();
        assert_eq!(policy, May::Show.policy().as_bytes());
        let crate::proto::plan::Body::Bytes(page) = plan.body else { panic!("no bytes") };
        let page = String::from_utf8(page.into_owned()).unwrap();
        assert!(page.contains("x &lt; y.") && !page.contains("<script"));
        for may in [May::Show, May::Browse, May::Upload] {
            let policy = may.policy();
            assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("-inline"));
            for (part, allowed) in [
                (digest(STYLE), true),
                (digest(EARLY), may != May::Show),
                (digest(BROWSE), may != May::Show),
                (digest(UPLOAD), may == May::Upload),
                ("form-action 'self'".to_owned(), may == May::Upload),
                ("connect-src".to_owned(), may == May::Upload),
                ("img-src 'self'".to_owned(), may != May::Show),
            ] {
                assert_eq!(policy.contains(&part), allowed, "{part} in {policy}");
            }
        }
    }
}
