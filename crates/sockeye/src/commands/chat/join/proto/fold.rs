//! Which names count as the same.
//!
//! # Source
//! modern.ircdocs.horse, CASEMAPPING

/// How a server folds the case of names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Folding {
    /// ASCII, and `{}|~` as the small forms of `[]\^`.
    #[default]
    Rfc1459,
    /// The same without `~`.
    Strict,
    /// ASCII alone.
    Ascii,
    /// Letters of every script.
    Unicode,
}

impl Folding {
    /// The folding that a server names; one that is not known folds letters of every script.
    pub(crate) fn named(name: &str) -> Folding {
        match name {
            "rfc1459" => Folding::Rfc1459,
            "strict-rfc1459" | "rfc1459-strict" => Folding::Strict,
            "ascii" => Folding::Ascii,
            _ => Folding::Unicode,
        }
    }

    /// What names that are the same have in common.
    pub(crate) fn fold(self, name: &str) -> String {
        if self == Folding::Unicode {
            return name.to_lowercase();
        }
        let special = |c: char| match c {
            '[' => '{',
            ']' => '}',
            '\\' => '|',
            '^' if self == Folding::Rfc1459 => '~',
            c => c,
        };
        let lower = name.chars().map(|c| c.to_ascii_lowercase());
        match self {
            Folding::Ascii => lower.collect(),
            _ => lower.map(special).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mapping_folds_its_own() {
        assert_eq!(Folding::named("rfc1459").fold("A[]\\^É"), "a{}|~É");
        assert_eq!(Folding::named("rfc1459-strict").fold("A[^"), "a{^");
        assert_eq!(Folding::named("ascii").fold("A["), "a[");
        assert_eq!(Folding::named("rfc8265").fold("AÉ["), "aé[");
    }
}
