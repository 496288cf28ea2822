//! Pages that the operator has for errors.

use crate::proto::status::Status;

/// A page for the answers of one status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorPage {
    code: u16,
    path: String,
}

impl ErrorPage {
    /// Reads `404=FILE`; the file is one of those that are served.
    ///
    /// # Errors
    /// What is wrong, as a sentence's end.
    pub fn parse(text: &str) -> Result<ErrorPage, String> {
        let (code, path) = text.split_once('=').ok_or("write it like 404=404.html")?;
        let code = code.parse().ok().filter(|code| (400..600).contains(code));
        let code = code.ok_or("a status of an error is a number from 400 to 599")?;
        let path = path.strip_prefix('/').unwrap_or(path);
        if path.is_empty() {
            return Err("the file's name is missing".to_owned());
        }
        Ok(ErrorPage { code, path: path.to_owned() })
    }

    /// Whether it is for answers with `status`.
    pub(crate) fn is_for(&self, status: Status) -> bool {
        self.code == status.code()
    }

    /// The file, from the root.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_checked() {
        let page = ErrorPage::parse("404=/a/b.html").unwrap();
        assert_eq!(page.path(), "a/b.html");
        assert!(page.is_for(Status::NOT_FOUND) && !page.is_for(Status::FORBIDDEN));
        for text in ["", "404", "404=", "404=/", "200=a", "4x4=a", "600=a", "=a"] {
            assert!(ErrorPage::parse(text).is_err(), "{text:?}");
        }
    }
}
