//! The values of options as the kernel has them: C ints, structures, names.

use std::time::Duration;

/// A value that can be read from an option.
pub trait GetValue: Sized {
    /// The most bytes that the value takes.
    #[doc(hidden)]
    const LEN: usize;
    /// The value of the bytes that the kernel gave.
    #[doc(hidden)]
    fn decode(bytes: &[u8]) -> Option<Self>;
}

/// A value that an option can be set to.
pub trait SetValue {
    /// The bytes for the kernel; `None` where it does not fit.
    #[doc(hidden)]
    fn encode(&self) -> Option<Vec<u8>>;
}

fn c_int(bytes: &[u8]) -> Option<i32> {
    match bytes {
        // IP_TTL and its kin may come as one byte.
        [byte] => Some(i32::from(*byte)),
        _ => Some(i32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?)),
    }
}

impl GetValue for i32 {
    const LEN: usize = 4;

    fn decode(bytes: &[u8]) -> Option<Self> {
        c_int(bytes)
    }
}

impl SetValue for i32 {
    fn encode(&self) -> Option<Vec<u8>> {
        Some(self.to_ne_bytes().to_vec())
    }
}

impl GetValue for bool {
    const LEN: usize = 4;

    fn decode(bytes: &[u8]) -> Option<Self> {
        c_int(bytes).map(|value| value != 0)
    }
}

impl SetValue for bool {
    fn encode(&self) -> Option<Vec<u8>> {
        i32::from(*self).encode()
    }
}

impl GetValue for u32 {
    const LEN: usize = 4;

    fn decode(bytes: &[u8]) -> Option<Self> {
        u32::try_from(c_int(bytes)?).ok()
    }
}

impl SetValue for u32 {
    fn encode(&self) -> Option<Vec<u8>> {
        i32::try_from(*self).ok()?.encode()
    }
}

impl GetValue for usize {
    const LEN: usize = 4;

    fn decode(bytes: &[u8]) -> Option<Self> {
        usize::try_from(c_int(bytes)?).ok()
    }
}

impl SetValue for usize {
    fn encode(&self) -> Option<Vec<u8>> {
        i32::try_from(*self).ok()?.encode()
    }
}

impl GetValue for Option<Duration> {
    const LEN: usize = 8;

    fn decode(bytes: &[u8]) -> Option<Self> {
        let on = c_int(bytes.get(..4)?)?;
        let seconds = u64::try_from(c_int(bytes.get(4..8)?)?).ok()?;
        Some((on != 0).then_some(Duration::from_secs(seconds)))
    }
}

impl SetValue for Option<Duration> {
    fn encode(&self) -> Option<Vec<u8>> {
        let (on, seconds) = match self {
            None => (0, 0),
            Some(time) => (1, time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))),
        };
        let mut bytes = i32::encode(&on)?;
        bytes.extend(i32::try_from(seconds).ok()?.to_ne_bytes());
        Some(bytes)
    }
}

impl GetValue for u64 {
    const LEN: usize = 8;

    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(Self::from_ne_bytes(bytes.get(..8)?.try_into().ok()?))
    }
}

impl SetValue for u64 {
    fn encode(&self) -> Option<Vec<u8>> {
        Some(self.to_ne_bytes().to_vec())
    }
}

/// Names, such as an interface's; what is not UTF-8 is replaced.
impl GetValue for String {
    const LEN: usize = 256;

    fn decode(bytes: &[u8]) -> Option<Self> {
        let name = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
        Some(Self::from_utf8_lossy(name).into_owned())
    }
}

impl SetValue for String {
    fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = self.as_bytes().to_vec();
        // A NUL inside would cut the name short.
        if bytes.contains(&0) {
            return None;
        }
        bytes.push(0);
        Some(bytes)
    }
}

impl GetValue for Vec<u8> {
    const LEN: usize = 1024;

    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(bytes.to_vec())
    }
}

impl SetValue for Vec<u8> {
    fn encode(&self) -> Option<Vec<u8>> {
        Some(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linger_rounds_up_and_round_trips() {
        for (set, got) in [
            (None, None),
            (Some(Duration::ZERO), Some(Duration::ZERO)),
            (Some(Duration::from_millis(1)), Some(Duration::from_secs(1))),
            (Some(Duration::from_secs(3)), Some(Duration::from_secs(3))),
        ] {
            let bytes = set.encode().unwrap();
            assert_eq!(Option::<Duration>::decode(&bytes).unwrap(), got);
        }
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        assert_eq!(usize::MAX.encode(), None);
        assert_eq!(u32::MAX.encode(), None);
        assert_eq!(Some(Duration::MAX).encode(), None);
        assert_eq!(i32::decode(&[7]), Some(7));
        assert_eq!(i32::decode(&[7, 0]), None);
    }

    #[test]
    fn names_end_at_their_nul() {
        assert_eq!("lo".to_owned().encode(), Some(b"lo\0".to_vec()));
        assert_eq!("l\0o".to_owned().encode(), None);
        assert_eq!(String::decode(b"lo\0\0"), Some("lo".to_owned()));
        assert_eq!(String::decode(b""), Some(String::new()));
    }
}
