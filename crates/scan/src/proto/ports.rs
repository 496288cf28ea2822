//! Which ports to ask: the syntax of `-p` and `--top-ports`.
//!
//! ```text
//! ports = item *("," item)
//! item  = port | [port] "-" [port] | service     ; "-" alone is every port
//! ```

use crate::services;

/// A sorted set of TCP ports, each in `1..=65535`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortSet {
    ports: Vec<u16>,
}

/// What is wrong with a list of ports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortError {
    /// Nothing stands between two commas, or nothing at all was given.
    #[error("no port given; write for example 22,80,8000-8100 or - for all")]
    Empty,
    /// A number is not a port.
    #[error("{0} is no port: ports are 1 to 65535")]
    OutOfRange(String),
    /// A range ends before it starts.
    #[error("the range {0} ends before it starts")]
    Backwards(String),
    /// A word is neither a number nor a service of the table.
    #[error("no TCP service is called {0}")]
    UnknownService(String),
}

impl PortSet {
    /// Reads a list such as `22,80,1000-2000`, `-1024`, `60000-`, `ssh,http` or `-`.
    ///
    /// # Errors
    /// `PortError` with the part of the list that was not understood.
    pub fn parse(text: &str) -> Result<Self, PortError> {
        let mut chosen = vec![false; 65_536];
        for item in text.split(',') {
            let (first, last) = range_of(item.trim())?;
            chosen[usize::from(first)..=usize::from(last)].fill(true);
        }
        let ports = (1..=u16::MAX).filter(|port| chosen[usize::from(*port)]).collect();
        Ok(Self { ports })
    }

    /// Takes the first `count` ports of our own ranking.
    #[must_use]
    pub fn top(count: u16) -> Self {
        let mut ports: Vec<u16> = services::ranked().take(usize::from(count)).collect();
        ports.sort_unstable();
        Self { ports }
    }

    /// Takes every port from 1 to 65,535.
    #[must_use]
    pub fn all() -> Self {
        Self { ports: (1..=u16::MAX).collect() }
    }

    /// Counts the ports.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ports.len()
    }

    /// Tells whether no port was chosen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ports.is_empty()
    }

    /// Gives the port at `index`, counted from the smallest.
    #[must_use]
    pub fn pick(&self, index: usize) -> Option<u16> {
        self.ports.get(index).copied()
    }

    /// Walks the ports from the smallest to the largest.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.ports.iter().copied()
    }
}

impl FromIterator<u16> for PortSet {
    /// Collects ports; 0 and repetitions are left out.
    fn from_iter<I: IntoIterator<Item = u16>>(ports: I) -> Self {
        let mut ports: Vec<u16> = ports.into_iter().filter(|port| *port != 0).collect();
        ports.sort_unstable();
        ports.dedup();
        Self { ports }
    }
}

fn range_of(item: &str) -> Result<(u16, u16), PortError> {
    if item.is_empty() {
        return Err(PortError::Empty);
    }
    if !item.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        let port = services::port_of(item)
            .ok_or_else(|| PortError::UnknownService(item.escape_debug().to_string()))?;
        return Ok((port, port));
    }
    let Some((first, last)) = item.split_once('-') else {
        let port = number(item)?;
        return Ok((port, port));
    };
    let first = if first.is_empty() { 1 } else { number(first)? };
    let last = if last.is_empty() { u16::MAX } else { number(last)? };
    if first > last {
        return Err(PortError::Backwards(item.to_owned()));
    }
    Ok((first, last))
}

fn number(digits: &str) -> Result<u16, PortError> {
    match digits.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(PortError::OutOfRange(digits.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ports(text: &str) -> Vec<u16> {
        PortSet::parse(text).unwrap().iter().collect()
    }

    #[test]
    fn the_forms_of_the_grammar() {
        assert_eq!(ports("22,80,79-81"), [22, 79, 80, 81]);
        assert_eq!(ports("-3"), [1, 2, 3]);
        assert_eq!(ports("65534-"), [65_534, 65_535]);
        assert_eq!(ports("ssh, http"), [22, 80]);
        assert_eq!(ports("ftp-data"), [20]);
        assert_eq!(PortSet::parse("-").unwrap(), PortSet::all());
        assert_eq!(PortSet::parse("22,-").unwrap().len(), 65_535);
        assert_eq!(PortSet::parse("1-65535").unwrap(), PortSet::all());
    }

    #[test]
    fn what_is_no_port_is_named() {
        let error = |text: &str| PortSet::parse(text).unwrap_err();
        assert_eq!(error(""), PortError::Empty);
        assert_eq!(error("22,,80"), PortError::Empty);
        assert_eq!(error("0"), PortError::OutOfRange("0".into()));
        assert_eq!(error("0-10"), PortError::OutOfRange("0".into()));
        assert_eq!(error("65536"), PortError::OutOfRange("65536".into()));
        assert_eq!(error("1-2-3"), PortError::OutOfRange("2-3".into()));
        assert_eq!(error("20-10"), PortError::Backwards("20-10".into()));
        assert_eq!(error("gopherx"), PortError::UnknownService("gopherx".into()));
        assert_eq!(error("+22"), PortError::UnknownService("+22".into()));
        assert_eq!(error("\x1b[2J"), PortError::UnknownService("\\u{1b}[2J".into()));
    }

    #[test]
    fn the_top_ports() {
        assert_eq!(PortSet::top(3).iter().collect::<Vec<_>>(), [22, 80, 443]);
        assert_eq!(PortSet::top(1000).len(), 1000);
        assert_eq!(PortSet::top(u16::MAX), PortSet::all());
        assert!(PortSet::top(0).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            if let Ok(set) = PortSet::parse(&text) {
                prop_assert!(!set.is_empty());
                prop_assert!(set.iter().is_sorted());
                prop_assert!(set.iter().all(|port| port > 0));
            }
        }

        #[test]
        fn a_range_is_what_lies_between(a in 1_u16.., b in 1_u16..) {
            let (a, b) = (a.min(b), a.max(b));
            let set = PortSet::parse(&format!("{a}-{b}")).unwrap();
            prop_assert!(set.iter().eq(a..=b));
            prop_assert_eq!(set.pick(set.len()), None);
        }
    }
}
