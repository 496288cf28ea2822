//! A form without files, and a query: `name=value` pairs, percent-encoded.
//!
//! # Source
//! WHATWG URL, section 5.1 (`application/x-www-form-urlencoded`).

/// Finds the first value of `name`, decoded; bytes that are not UTF-8 are replaced.
pub fn value(pairs: &str, name: &str) -> Option<String> {
    let found = pairs.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(key) == name).then_some(value)
    });
    found.map(decoded)
}

fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_and_decoded() {
        let form = "nick=anna&text=1+%2B+1+%3D+2+gr%C3%BCn%0A&text=no&flag&=x";
        assert_eq!(value(form, "nick").as_deref(), Some("anna"));
        assert_eq!(value(form, "text").as_deref(), Some("1 + 1 = 2 grün\n"));
        assert_eq!(value(form, "flag").as_deref(), Some(""));
        assert_eq!(value(form, "nic"), None);
        assert_eq!(value("a=%ff%", "a").as_deref(), Some("\u{fffd}%"));
        assert_eq!(value("", "a"), None);
    }
}
