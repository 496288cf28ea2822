//! What must hold for every rule of access, and for every field that says who asks.

use sockeye_http::{Auth, AuthError, AuthRule, Credentials};

/// A rule that is read shows itself as text that is read as the same; alone it is refused only
/// where it lacks a hash; and nothing of a mistake shows a secret that stands in a hash's place.
pub(crate) fn http_auth_rule(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let rule: AuthRule = match text.parse() {
        Ok(rule) => rule,
        Err(error) => return assert!(!error.to_string().chars().any(char::is_control)),
    };
    let shown = rule.to_string();
    assert_eq!(shown.parse(), Ok(rule.clone()), "{shown}");
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
    let (who, place) = shown.split_once("@/").expect("a rule has a place");
    assert!(place.ends_with(":r") || place.ends_with(":w") || place.ends_with(":rw"));
    let alone = Auth::new(std::slice::from_ref(&rule));
    let needs_hash = !who.contains(':') && who != "anonymous";
    assert_eq!(matches!(alone, Err(AuthError::NoHash(_))), needs_hash, "{shown}");
    assert_eq!(alone.is_ok(), !needs_hash, "{shown}");
    assert!(Auth::new(&[rule.clone(), rule]).is_err(), "the same twice: {shown}");
}

/// What is read are a name and a password of plain text; a plain encoder writes a field that is
/// read as the same; spaces around and the scheme's case change nothing.
pub(crate) fn http_credentials(input: &[u8]) {
    let Some(credentials) = Credentials::basic(input) else { return };
    let pair = format!("{}:{}", credentials.user(), credentials.password());
    assert!(!credentials.user().contains(':') && !pair.contains(char::is_control), "{pair:?}");
    for field in [format!("Basic {}", encode(&pair)), format!("bAsIC   {}  ", encode(&pair))] {
        assert_eq!(Credentials::basic(field.as_bytes()), Some(credentials.clone()), "{field:?}");
    }
}

/// RFC 4648, section 4, by the book.
fn encode(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut coded = String::new();
    for three in text.as_bytes().chunks(3) {
        let byte = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4_usize {
            let index = usize::try_from(bits >> (18 - 6 * place) & 63).expect("six bits");
            coded.push(if place > three.len() { '=' } else { char::from(LETTERS[index]) });
        }
    }
    coded
}
