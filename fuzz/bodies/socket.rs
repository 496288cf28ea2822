//! What must hold for every packet.

use sockeye_socket::packet::{Malformed, Segment, TcpOption};

/// A packet that parses has lengths that its headers allow, says the same when its end is cut off
/// behind the headers, and shows nothing but plain text.
pub(crate) fn segment(input: &[u8]) {
    let parsed = Segment::parse(input);
    let Ok(segment) = parsed else {
        // More bytes change the verdict only where bytes were missing.
        let mut longer = input.to_vec();
        longer.push(0);
        if parsed != Err(Malformed::Truncated) {
            assert_eq!(Segment::parse(&longer), parsed);
        }
        return;
    };
    assert!(segment.payload_len <= 65_535);
    assert!(segment.options.len() <= 40, "an option has a byte at least");
    let broken = |option: &TcpOption| *option == TcpOption::Broken;
    let before_last = segment.options.iter().rev().skip(1);
    assert!(!before_last.into_iter().any(broken), "nothing is read behind what is broken");
    // Headers are 20 to 60 bytes of IP and 20 to 60 of TCP.
    let headers = input.len().min(120);
    assert_eq!(Segment::parse(&input[..headers]), Ok(segment.clone()));
    let shown: Vec<String> = segment.options.iter().map(ToString::to_string).collect();
    let shown = shown.join(", ") + &segment.flags.to_string();
    assert!(shown.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{shown:?}");
}
