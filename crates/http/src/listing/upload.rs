//! The part of a folder's page that takes files, where the one who asks may put some there.

use maud::{Markup, html};

use super::document::icon;

/// A form that works by itself; folders, dropping and progress are for those with scripts.
pub(super) fn form() -> Markup {
    html! {
        form.upload #upload method="post" action="./" enctype="multipart/form-data"
            aria-label="Upload" {
            div.pick {
                input #pick type="file" name="file" multiple;
                label.button for="pick" { (icon("up")) "Upload files" }
                span.scripted {
                    input #pick-folder type="file" webkitdirectory;
                    label.button for="pick-folder" { span.hide { "Upload " } "a folder" }
                }
                button.button type="submit" { (icon("up")) "Upload" }
                span.scripted { span.hint { "or drop them anywhere on this page" } }
            }
            p #told role="status" {}
            ul.jobs #jobs aria-label="Uploads" {}
        }
        div.overlay #overlay hidden { p { "Drop to upload into this folder" } }
    }
}
