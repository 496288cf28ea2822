//! How the bytes of plain clients become text, and text becomes bytes for them.
//!
//! A line that is UTF-8 is taken as UTF-8. Any other is decoded by the charset that the operator
//! named or, without one, with replacement characters; raw bytes are never passed on. A client that
//! has spoken the charset is answered in it.

use std::borrow::Cow;

use encoding_rs::{EncoderResult, Encoding, UTF_8};

/// The charset of plain clients that do not speak UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Charset(Option<&'static Encoding>);

/// What a client has shown to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Voice {
    /// UTF-8, or nothing yet that would tell.
    #[default]
    Utf8,
    /// The operator's charset.
    Charset,
}

impl Charset {
    /// Finds a charset by a label of the WHATWG Encoding Standard (`gbk`, `windows-1252`, ..).
    ///
    /// `None` where there is no such label, or where the encoding has no bytes for a line end.
    pub fn named(label: &str) -> Option<Charset> {
        let encoding = Encoding::for_label_no_replacement(label.as_bytes())?;
        if !encoding.is_ascii_compatible() {
            return None;
        }
        Some(Charset((encoding != UTF_8).then_some(encoding)))
    }

    /// The standard's name of the charset.
    pub fn name(self) -> &'static str {
        self.0.unwrap_or(UTF_8).name()
    }

    /// Decodes one line; says what it shows about the client where it shows anything.
    pub fn decode(self, line: &[u8]) -> (Cow<'_, str>, Option<Voice>) {
        match std::str::from_utf8(line) {
            Ok(text) if line.is_ascii() => (Cow::Borrowed(text), None),
            Ok(text) => (Cow::Borrowed(text), Some(Voice::Utf8)),
            Err(_) => match self.0 {
                Some(encoding) => {
                    let (text, _) = encoding.decode_without_bom_handling(line);
                    (text, Some(Voice::Charset))
                }
                None => (String::from_utf8_lossy(line), None),
            },
        }
    }

    /// Encodes a line; `?` stands for what the charset does not have.
    pub fn encode(self, text: &str) -> Vec<u8> {
        let Some(encoding) = self.0 else { return text.as_bytes().to_vec() };
        let mut encoder = encoding.new_encoder();
        let mut out = Vec::with_capacity(text.len() * 2 + 16);
        let mut rest = text;
        loop {
            let (result, read) =
                encoder.encode_from_utf8_to_vec_without_replacement(rest, &mut out, true);
            rest = &rest[read..];
            match result {
                EncoderResult::InputEmpty => return out,
                EncoderResult::OutputFull => out.reserve(rest.len() * 2 + 16),
                EncoderResult::Unmappable(_) => out.push(b'?'),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf8_stays_and_other_bytes_are_replaced() {
        let none = Charset::default();
        assert_eq!(none.decode(b"hi"), ("hi".into(), None));
        assert_eq!(none.decode("聊天".as_bytes()), ("聊天".into(), Some(Voice::Utf8)));
        assert_eq!(none.decode(b"a\xffb"), ("a\u{fffd}b".into(), None));
        assert_eq!(none.encode("聊天"), "聊天".as_bytes());
    }

    #[test]
    fn gbk_is_decoded_and_encoded() {
        let gbk = Charset::named("gbk").unwrap();
        assert_eq!(gbk.name(), "GBK");
        let bytes = b"\xc4\xe3\xba\xc3";
        assert_eq!(gbk.decode(bytes), ("你好".into(), Some(Voice::Charset)));
        assert_eq!(gbk.encode("你好\n"), b"\xc4\xe3\xba\xc3\n");
        assert_eq!(Charset::named("latin1").unwrap().encode("ü你!"), b"\xfc?!");
    }

    #[test]
    fn charsets_without_a_line_end_or_a_name_are_refused() {
        for label in ["utf-16le", "nonsense", "replacement", ""] {
            assert_eq!(Charset::named(label), None, "{label}");
        }
        assert_eq!(Charset::named("utf-8"), Some(Charset::default()));
    }
}
