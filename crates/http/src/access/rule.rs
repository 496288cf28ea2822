//! One rule of access as the operator writes it.
//!
//! ```text
//! rule   = user [ ":" hash ] "@" path ":" rights
//! user   = name / "anonymous"      ; a name has neither ":" nor "/"
//! hash   = an argon2id hash        ; needed in one rule of each name; never for anonymous
//! path   = "/" *( segment [ "/" ] )
//! rights = "r" / "w" / "rw"
//! ```

use std::fmt;
use std::str::FromStr;

use sockeye_edge::password::{PasswordError, PasswordHash};

use super::Rights;
use crate::site_path::{SitePath, SitePathError};

/// The user that everybody is.
const ANONYMOUS: &str = "anonymous";

/// Who may do what below a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthRule {
    /// The user's name; `None`: everybody.
    pub(super) user: Option<String>,
    /// What its password is checked against, where the rule says it.
    pub(super) hash: Option<PasswordHash>,
    pub(super) path: SitePath,
    pub(super) rights: Rights,
}

/// Why a rule, or a set of them, makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The text is no rule.
    #[error("write it like 'anna:HASH@/path:rw' or 'anonymous@/:r'; `sockeye passwd` makes hashes")]
    Form,
    /// The rights are none.
    #[error("the rights are r, w or rw, not `{0}`")]
    Rights(String),
    /// The name can be no user's.
    #[error("`{0}` is no user's name: no slash, no control character, not empty")]
    Name(String),
    /// The path can be no path.
    #[error(transparent)]
    Path(#[from] SitePathError),
    /// The hash cannot be checked.
    #[error("the hash of {user}: {source}")]
    Hash {
        /// Whose.
        user: String,
        /// What is wrong with it.
        source: PasswordError,
    },
    /// Everybody knows no password.
    #[error("`anonymous` is everybody, and has no hash")]
    Anonymous,
    /// No rule says a user's hash.
    #[error("no rule says the hash of {0}: write it like {0}:HASH@/path:r")]
    NoHash(String),
    /// Two rules say different hashes.
    #[error("two rules say different hashes of {0}; one is enough")]
    TwoHashes(String),
    /// Two rules are about the same.
    #[error("two rules are about {user} at {path}")]
    Twice {
        /// Whom.
        user: String,
        /// Where.
        path: SitePath,
    },
}

impl FromStr for AuthRule {
    type Err = AuthError;

    fn from_str(text: &str) -> Result<AuthRule, AuthError> {
        // Neither a name nor a hash has both.
        let (who, _) = text.split_once("@/").ok_or(AuthError::Form)?;
        let place = &text[who.len() + 1..];
        let (path, rights) = place.rsplit_once(':').ok_or(AuthError::Form)?;
        let (name, hash) = who.split_once(':').unwrap_or((who, ""));
        let rights = rights.parse().map_err(|()| AuthError::Rights(shown(rights)))?;
        let path: SitePath = path.parse()?;
        if name.is_empty() || name.contains(|c: char| c == '/' || c.is_control()) {
            return Err(AuthError::Name(shown(name)));
        }
        let hash = match hash {
            "" => None,
            _ if name == ANONYMOUS => return Err(AuthError::Anonymous),
            hash => {
                Some(hash.parse().map_err(|source| AuthError::Hash { user: shown(name), source })?)
            }
        };
        let user = (name != ANONYMOUS).then(|| name.to_owned());
        Ok(AuthRule { user, hash, path, rights })
    }
}

impl fmt::Display for AuthRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.user.as_deref().unwrap_or(ANONYMOUS))?;
        if let Some(hash) = &self.hash {
            write!(f, ":{hash}")?;
        }
        write!(f, "@{}:{}", self.path, self.rights)
    }
}

fn shown(text: &str) -> String {
    text.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str =
        "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$FqGkmHNGCd0BRW2kBt6fPZ2pPmyGwwChL8FGUhTOSSI";

    fn rule(text: &str) -> Result<AuthRule, AuthError> {
        text.replace("HASH", HASH).parse()
    }

    #[test]
    fn rules_are_read_and_written() {
        for (text, user, has_hash, path, rights) in [
            ("anna:HASH@/:rw", Some("anna"), true, "", "rw"),
            ("a@b.c:HASH@/x:r", Some("a@b.c"), true, "x", "r"),
            ("anna@/x/y/:w", Some("anna"), false, "x/y", "w"),
            ("anna:@/x:r", Some("anna"), false, "x", "r"),
            ("anonymous@/:r", None, false, "", "r"),
            ("anonymous:@/a:b@/c:r", None, false, "a:b@/c", "r"),
            ("grün und blau@/ü:r", Some("grün und blau"), false, "ü", "r"),
        ] {
            let rule = rule(text).unwrap();
            assert_eq!(rule.user.as_deref(), user, "{text}");
            assert_eq!(rule.hash.is_some(), has_hash, "{text}");
            assert_eq!((rule.path.as_str(), rule.rights.to_string().as_str()), (path, rights));
            assert_eq!(rule.to_string().parse(), Ok(rule));
        }
    }

    #[test]
    fn what_is_no_rule_is_said() {
        for (text, why) in [
            ("", "write it like"),
            ("anna", "write it like"),
            ("anna:HASH", "write it like"),
            ("anna:HASH@x:r", "write it like"),
            ("anna:HASH@/", "write it like"),
            ("anna:HASH@/x:", "the rights"),
            ("anna:HASH@/x:wr", "the rights"),
            ("anna:HASH@/x:r ", "the rights"),
            ("anna:secret@/x:r", "no argon2id hash"),
            ("anonymous:HASH@/x:r", "has no hash"),
            (":HASH@/x:r", "no user's name"),
            ("a\u{1}:HASH@/x:r", "no user's name"),
            ("a/b:HASH@/x:r", "no user's name"),
            ("anna@//x:r", "no path"),
            ("anna@/x//y:r", "no path"),
            ("anna@/../x:r", "no path"),
            ("anna@/x\\y:r", "no path"),
        ] {
            let error = rule(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
            assert!(!error.contains("argon2id$"), "{error}");
        }
    }
}
