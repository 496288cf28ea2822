//! Which coding of a file a client would rather have: `Accept-Encoding`, read once.
//!
//! ```text
//! Accept-Encoding = #( ( content-coding / "identity" / "*" ) [ OWS ";" OWS "q=" qvalue ] )
//! qvalue          = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3"0" ] )
//! ```
//! A member that is malformed is as if it were not there; of two about the same coding the first
//! counts. Where the field is missing anything may be sent, and the file itself is.
//!
//! # Source
//! RFC 9110, sections 8.4.1, 12.4.2, 12.4.3 and 12.5.3; RFC 7932 (br), RFC 8878 (zstd).

use super::head::Head;

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Coding {
    /// `br`
    Brotli,
    /// `zstd`
    Zstd,
    /// `gzip`
    Gzip,
}

impl Coding {
    /// All of them, the one that is usually smallest first.
    pub const ALL: [Coding; 3] = [Coding::Brotli, Coding::Zstd, Coding::Gzip];

    /// Its name in `Content-Encoding`.
    pub fn token(self) -> &'static str {
        match self {
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
            Coding::Gzip => "gzip",
        }
    }

    /// What the name of a file in this coding ends with.
    pub fn suffix(self) -> &'static str {
        match self {
            Coding::Brotli => ".br",
            Coding::Zstd => ".zst",
            Coding::Gzip => ".gz",
        }
    }

    /// Its place in [`Coding::ALL`].
    fn place(self) -> usize {
        match self {
            Coding::Brotli => 0,
            Coding::Zstd => 1,
            Coding::Gzip => 2,
        }
    }

    fn of(token: &[u8]) -> Option<Coding> {
        let is = |name: &str| token.eq_ignore_ascii_case(name.as_bytes());
        // RFC 9110, section 8.4.1.3: the old name of gzip.
        let gzip = is("x-gzip").then_some(Coding::Gzip);
        gzip.or_else(|| Coding::ALL.into_iter().find(|coding| is(coding.token())))
    }
}

/// What a client takes, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    codings: [Option<u16>; 3],
    identity: Option<u16>,
    others: Option<u16>,
}

impl Accepted {
    /// Reads the fields of `head`.
    pub fn of(head: &Head) -> Accepted {
        Accepted::parse(head.list("accept-encoding"))
    }

    /// Reads the members of the list.
    pub fn parse<'a>(members: impl Iterator<Item = &'a [u8]>) -> Accepted {
        let mut accepted = Accepted::default();
        for member in members {
            let mut parts = member.splitn(2, |&byte| byte == b';').map(<[u8]>::trim_ascii);
            let token = parts.next().unwrap_or_default();
            let Some(weight) = parts.next().map_or(Some(1000), weight) else { continue };
            let place = match Coding::of(token) {
                Some(coding) => &mut accepted.codings[coding.place()],
                None if token.eq_ignore_ascii_case(b"identity") => &mut accepted.identity,
                None if token == b"*" => &mut accepted.others,
                None => continue,
            };
            place.get_or_insert(weight);
        }
        accepted
    }

    /// Whether the file itself may be sent.
    pub fn takes_identity(&self) -> bool {
        self.identity.or(self.others) != Some(0)
    }

    /// Which of all codings may be sent, the most wanted first: only those that are wanted no less
    /// than the file itself. Codings that are wanted equally are in the order of [`Coding::ALL`].
    pub fn wanted(&self) -> Vec<Coding> {
        // Where nothing is said of the file itself, it is what is left.
        let least = self.identity.unwrap_or(1).max(1);
        let weight = |coding: &Coding| self.weight(*coding);
        let mut wanted: Vec<Coding> =
            Coding::ALL.into_iter().filter(|coding| weight(coding) >= least).collect();
        wanted.sort_by_key(|coding| std::cmp::Reverse(weight(coding)));
        wanted
    }

    fn weight(&self, coding: Coding) -> u16 {
        self.codings[coding.place()].or(self.others).unwrap_or(0)
    }
}

/// Reads `q=` and what follows, in thousandths.
fn weight(parameter: &[u8]) -> Option<u16> {
    let [b'q' | b'Q', b'=', whole, rest @ ..] = parameter else { return None };
    let digits = match rest {
        [] => rest,
        [b'.', digits @ ..] if digits.len() <= 3 => digits,
        _ => return None,
    };
    let all = |allowed: fn(&u8) -> bool| digits.iter().all(allowed);
    match whole {
        b'1' if all(|digit| *digit == b'0') => Some(1000),
        b'0' if all(u8::is_ascii_digit) => {
            let padded = digits.iter().chain(b"000").take(3);
            Some(padded.fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0')))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn accepted(list: &str) -> Accepted {
        let members = list.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        Accepted::parse(members.filter(|member| !member.is_empty()))
    }

    #[test]
    fn what_is_wanted_and_whether_the_file_itself_may_be_sent() {
        use Coding::{Brotli, Gzip, Zstd};
        for (list, wanted, identity) in [
            ("", &[][..], true),
            ("gzip, deflate, br, zstd", &[Brotli, Zstd, Gzip], true),
            ("gzip", &[Gzip], true),
            ("GZip", &[Gzip], true),
            ("x-gzip", &[Gzip], true),
            ("deflate", &[], true),
            ("gzip;q=0", &[], true),
            ("gzip;q=0.000", &[], true),
            ("gzip; q=0.001", &[Gzip], true),
            ("gzip;q=1, br;q=0.9", &[Gzip, Brotli], true),
            ("br;q=0.5, zstd;q=0.5, gzip;q=0.51", &[Gzip, Brotli, Zstd], true),
            ("*", &[Brotli, Zstd, Gzip], true),
            ("*;q=0", &[], false),
            ("*;q=0, gzip", &[Gzip], false),
            ("*;q=0, identity", &[], true),
            ("*;q=0.5, br;q=0", &[Zstd, Gzip], true),
            ("identity;q=0", &[], false),
            ("identity;q=0, br", &[Brotli], false),
            ("identity;q=0, *", &[Brotli, Zstd, Gzip], false),
            ("identity, gzip", &[Gzip], true),
            ("identity, gzip;q=0.9", &[], true),
            ("identity;q=0.5, gzip;q=0.9, br;q=0.1", &[Gzip], true),
            // Of two the first; what is malformed is not there.
            ("gzip;q=0, gzip", &[], true),
            ("gzip;q=2", &[], true),
            ("gzip;q=1.001", &[], true),
            ("gzip;q=0.1234", &[], true),
            ("gzip;q=.5", &[], true),
            ("gzip;q=", &[], true),
            ("gzip;q", &[], true),
            ("gzip;level=9", &[], true),
            ("gzip;q=0.5;x", &[], true),
            ("gzip;q=-1", &[], true),
            ("gzip;q=0,5, br", &[Brotli], true),
            ("gzip;", &[], true),
            ("gzip ; Q=0.5", &[Gzip], true),
            ("gzip gzip", &[], true),
        ] {
            let accepted = accepted(list);
            assert_eq!(accepted.wanted(), wanted, "{list}");
            assert_eq!(accepted.takes_identity(), identity, "{list}");
        }
    }

    #[test]
    fn names_are_those_of_the_registry() {
        for coding in Coding::ALL {
            assert_eq!(Coding::of(coding.token().as_bytes()), Some(coding));
        }
    }

    proptest! {
        #[test]
        fn weights_are_read_as_numbers(thousandths in 0u16..=1000, digits in 0usize..=3) {
            let step = 10u16.pow(3 - u32::try_from(digits).unwrap());
            let rounded = thousandths / step * step;
            let (whole, fraction) = (rounded / 1000, format!("{:03}", rounded % 1000));
            let text = match digits {
                0 => format!("q={whole}"),
                _ => format!("q={whole}.{}", &fraction[..digits]),
            };
            prop_assert_eq!(weight(text.as_bytes()), Some(rounded), "{}", text);
        }

        #[test]
        fn the_order_of_a_list_does_not_matter(
            q in proptest::array::uniform5(0u16..=1000),
            order in Just([0usize, 1, 2, 3, 4]).prop_shuffle(),
        ) {
            let names = ["br", "zstd", "gzip", "identity", "*"];
            let member = |at: usize| {
                let (whole, fraction) = (q[at] / 1000, q[at] % 1000);
                format!("{};q={whole}.{fraction:03}", names[at])
            };
            let list = |order: [usize; 5]| order.map(member).join(", ");
            let expected = accepted(&list([0, 1, 2, 3, 4]));
            prop_assert_eq!(accepted(&list(order)), expected);
            // By the definition: every wanted one outweighs, or equals, what comes after it.
            let weights: Vec<u16> =
                expected.wanted().iter().map(|coding| q[coding.place()]).collect();
            prop_assert!(weights.is_sorted_by(|a, b| a >= b));
            prop_assert!(weights.iter().all(|weight| *weight > 0 && *weight >= q[3]));
            prop_assert_eq!(expected.takes_identity(), q[3] > 0);
        }

        #[test]
        fn nothing_panics(list in "[a-z*;=,.q01 ]{0,40}") {
            let accepted = accepted(&list);
            prop_assert!(accepted.wanted().len() <= 3);
        }
    }
}
