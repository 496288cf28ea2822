//! Sets of the system's flags with its names: one type and its constants by one macro.

use std::fmt;

/// Makes a set of flags by libc's names; those behind `Linux:` no other system has.
macro_rules! flag_set {
    (
        $(#[$doc:meta])* $set:ident: $($(#[$about:meta])* $name:ident)*
        $(; Linux: $($(#[$linux_about:meta])* $linux:ident)*)?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $set(u32);

        $($(#[$about])* pub const $name: $set = $set(libc::$name.unsigned_abs());)*
        $($(
            $(#[$linux_about])*
            #[cfg(target_os = "linux")]
            pub const $linux: $set = $set(libc::$linux.unsigned_abs());
        )*)?

        impl $set {
            /// No flag.
            pub const NONE: Self = Self(0);

            /// Flags by the system's numbers, known here or not.
            #[must_use]
            pub const fn from_bits(bits: u32) -> Self {
                Self(bits)
            }

            /// The system's numbers.
            #[must_use]
            pub const fn bits(self) -> u32 {
                self.0
            }

            /// Whether there is none.
            #[must_use]
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// Whether all of `other` is in it.
            #[must_use]
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }
        }

        impl std::ops::BitOr for $set {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        impl std::ops::BitAnd for $set {
            type Output = Self;

            fn bitand(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
        }

        impl std::ops::BitOrAssign for $set {
            fn bitor_assign(&mut self, other: Self) {
                *self = *self | other;
            }
        }

        impl std::fmt::Debug for $set {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let names = [
                    $(($name.0, stringify!($name)),)*
                    $($(#[cfg(target_os = "linux")] ($linux.0, stringify!($linux)),)*)?
                ];
                $crate::flag_set::write_names(self.0, &names, f)
            }
        }
    };
}

pub(crate) use flag_set;

/// `{AI_PASSIVE, 0x40}`: the names, then what has none.
pub(crate) fn write_names(
    bits: u32,
    names: &[(u32, &str)],
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let mut rest = bits;
    let mut set = f.debug_set();
    for (flag, name) in names {
        if rest & flag != 0 {
            set.entry(&format_args!("{name}"));
            rest &= !flag;
        }
    }
    if rest != 0 {
        set.entry(&format_args!("{rest:#x}"));
    }
    set.finish()
}
