//! A user's name and password as HTTP's Basic scheme carries them.
//!
//! ```text
//! credentials = "Basic" 1*SP token68        ; base64 of user ":" password, in UTF-8
//! ```
//! # Source
//! RFC 7617; RFC 9110, section 11.4.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a request says of who asks. It shows nothing of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pair: String,
    colon: usize,
}

impl Credentials {
    /// Reads the value of an `Authorization` field; nothing where it is of another scheme or
    /// malformed.
    pub fn basic(field: &[u8]) -> Option<Credentials> {
        let (scheme, coded) = std::str::from_utf8(field).ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let pair = String::from_utf8(STANDARD.decode(coded.trim_matches(' ')).ok()?).ok()?;
        // RFC 7617, section 2: neither of the two has control characters.
        let colon = pair.find(':').filter(|_| !pair.contains(char::is_control))?;
        Some(Credentials { pair, colon })
    }

    /// The name; without a colon.
    pub fn user(&self) -> &str {
        &self.pair[..self.colon]
    }

    /// The password.
    pub fn password(&self) -> &str {
        &self.pair[self.colon + 1..]
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(field: &[u8]) -> Option<(String, String)> {
        let credentials = Credentials::basic(field)?;
        Some((credentials.user().to_owned(), credentials.password().to_owned()))
    }

    fn pair(user: &str, password: &str) -> Option<(String, String)> {
        Some((user.to_owned(), password.to_owned()))
    }

    #[test]
    fn rfc7617_2_a_name_and_a_password() {
        assert_eq!(
            read(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            pair("Aladdin", "open sesame"),
            "the example of section 2"
        );
        // The example of section 2.1: the pound sign in UTF-8.
        assert_eq!(read(b"Basic dGVzdDoxMjPCow=="), pair("test", "123\u{a3}"));
        assert_eq!(read(b"bAsIc   Ojo6 "), pair("", "::"), "only the first colon divides");
        assert_eq!(read(b"Basic Og=="), pair("", ""));
    }

    #[test]
    fn rfc9110_11_4_everything_else_says_nothing() {
        for field in [
            &b""[..],
            b"Basic",
            b"Basic ",
            b"Basic  ",
            b"Bearer Og==",
            b"BasicOg==",
            b"Basic\tOg==",
            b"Basic Og",
            b"Basic Og==Og==",
            b"Basic Og==, Basic Og==",
            b"Basic dGVzdA==",
            b"Basic dGVzdDoxMjOj",
            b"Basic YTphCg==",
            b"Basic \xff",
        ] {
            assert_eq!(read(field), None, "{}", field.escape_ascii());
        }
    }

    proptest::proptest! {
        #[test]
        fn what_a_client_writes_is_read(user in "[^:\\p{Cc}]{0,12}", password in "\\PC{0,12}") {
            let coded = STANDARD.encode(format!("{user}:{password}"));
            let field = format!("Basic {coded}");
            proptest::prop_assert_eq!(read(field.as_bytes()), pair(&user, &password));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, text in "[Bb]asic [A-Za-z0-9+/=, ]{0,24}") {
            let _ = (read(&bytes), read(text.as_bytes()));
        }
    }
}
